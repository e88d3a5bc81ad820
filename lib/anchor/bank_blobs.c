/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/bank_blobs.c - a bank as the section "amp.bank.*" of a model file.
 *
 *   amp.bank.stems        F32 [K,s,h',w']   what scoring needs
 *   amp.bank.pixels       U8  [K,h,w,ch]    only when the anchors may be shown
 *   amp.bank.method       U8  [length]      how the anchors were chosen
 *   amp.bank.seed         U64 [1]
 *   amp.bank.fingerprint  U64 [1]           of the stem's weights
 */
#include "anchor/bank_internal.h"

#include <math.h>
#include <string.h>

#define PREFIX "amp.bank."

static amp_status add_u64(ampi_blobs *out, const char *name, uint64_t value, amp_error *error)
{
    const size_t one = 1;
    ampi_blob *blob;

    AMPI_TRY(ampi_blobs_add(out, &blob, name, AMPI_DTYPE_U64, 1, &one, error));
    memcpy(blob->data, &value, sizeof value);
    return AMP_OK;
}

amp_status ampi_bank_to_blobs(const amp_bank *bank, ampi_blobs *out, amp_error *error)
{
    const ampi_prepare *const p = &bank->prepare;
    const size_t pixels[4] = { bank->count, p->height, p->width, p->channels };
    const size_t stems[4] = { bank->count, bank->stem.c, bank->stem.h, bank->stem.w };
    const size_t length = strlen(bank->method);
    ampi_blob *blob;

    AMPI_TRY(ampi_blobs_add(out, &blob, PREFIX "stems", AMPI_DTYPE_F32, 4, stems, error));
    memcpy(blob->data, bank->stems, blob->bytes);
    if (bank->pixels) {
        AMPI_TRY(ampi_blobs_add(out, &blob, PREFIX "pixels", AMPI_DTYPE_U8, 4, pixels, error));
        memcpy(blob->data, bank->pixels, blob->bytes);
    }
    AMPI_TRY(ampi_blobs_add(out, &blob, PREFIX "method", AMPI_DTYPE_U8, 1, &length, error));
    memcpy(blob->data, bank->method, length);
    AMPI_TRY(add_u64(out, PREFIX "seed", bank->seed, error));
    return add_u64(out, PREFIX "fingerprint", bank->fingerprint, error);
}

static amp_status read_u64(const ampi_blobs *blobs, const char *name, uint64_t *out,
                           amp_error *error)
{
    const size_t one = 1;
    const ampi_blob *blob = NULL;

    AMPI_TRY(ampi_blobs_expect(blobs, &blob, name, AMPI_DTYPE_U64, 1, &one, error));
    memcpy(out, blob->data, sizeof *out);
    return AMP_OK;
}

static amp_status read_method(amp_bank *bank, const ampi_blobs *blobs, amp_error *error)
{
    const ampi_blob *blob = NULL;

    AMPI_TRY(ampi_blobs_expect(blobs, &blob, PREFIX "method", AMPI_DTYPE_U8, 1, NULL, error));
    if (blob->bytes >= sizeof bank->method)
        return ampi_fail(error, AMP_E_LIMIT, "bank", "the method's name has %zu bytes, limit %zu",
                         blob->bytes, sizeof bank->method - 1);
    memcpy(bank->method, blob->data, blob->bytes);
    return AMP_OK;
}

static amp_status read_stems(amp_bank *bank, const ampi_blobs *blobs, amp_error *error)
{
    const size_t dims[4] = { bank->count, bank->stem.c, bank->stem.h, bank->stem.w };
    const size_t values = bank->count * ampi_shape_values(bank->stem);
    const ampi_blob *blob = NULL;

    AMPI_TRY(ampi_blobs_expect(blobs, &blob, PREFIX "stems", AMPI_DTYPE_F32, 4, dims, error));
    if (blobs->context == bank->context) {
        /* The model's section and the bank own the block together: only read, and large. */
        ampi_free(bank->context, bank->stems);
        bank->stems = ampi_hold(blob->data);
    } else {
        memcpy(bank->stems, blob->data, blob->bytes);
    }
    for (size_t i = 0; i < values; i++) {
        if (!isfinite(bank->stems[i]))
            return ampi_fail(error, AMP_E_FORMAT, "bank", "value %zu of the anchors is not finite",
                             i);
    }
    return AMP_OK;
}

static amp_status read_pixels(amp_bank *bank, const ampi_blobs *blobs, amp_error *error)
{
    const ampi_prepare *const p = &bank->prepare;
    const size_t dims[4] = { bank->count, p->height, p->width, p->channels };
    const ampi_blob *blob = NULL;

    if (!ampi_blobs_find(blobs, PREFIX "pixels"))
        return AMP_OK;
    AMPI_TRY(ampi_blobs_expect(blobs, &blob, PREFIX "pixels", AMPI_DTYPE_U8, 4, dims, error));
    bank->pixels = ampi_alloc_raw(bank->context, blob->bytes, 1);
    if (!bank->pixels)
        return ampi_fail_nomem(error, "bank", blob->bytes);
    memcpy(bank->pixels, blob->data, blob->bytes);
    return AMP_OK;
}

static amp_status read_meta(amp_bank *bank, const ampi_blobs *blobs, amp_error *error)
{
    uint64_t fingerprint = 0;

    AMPI_TRY(read_method(bank, blobs, error));
    AMPI_TRY(read_u64(blobs, PREFIX "seed", &bank->seed, error));
    AMPI_TRY(read_u64(blobs, PREFIX "fingerprint", &fingerprint, error));
    if (fingerprint != bank->fingerprint)
        return ampi_fail(error, AMP_E_FORMAT, "bank",
                         "the anchors belong to a stem with other weights (%016llx, not %016llx)",
                         (unsigned long long)fingerprint, (unsigned long long)bank->fingerprint);
    return AMP_OK;
}

bool ampi_bank_in_blobs(const ampi_blobs *blobs)
{
    for (size_t i = 0; i < blobs->count; i++) {
        if (strncmp(blobs->items[i].name, PREFIX, strlen(PREFIX)) == 0)
            return true;
    }
    return false;
}

/* K, from the one tensor that every bank has. */
static amp_status read_count(const ampi_blobs *blobs, uint32_t *count, amp_error *error)
{
    const ampi_blob *stems = NULL;

    AMPI_TRY(ampi_blobs_expect(blobs, &stems, PREFIX "stems", AMPI_DTYPE_F32, 4, NULL, error));
    if (stems->dims[0] < 1 || stems->dims[0] > AMPI_MAX_ANCHORS)
        return ampi_fail(error, AMP_E_LIMIT, "bank", "%zu anchors, allowed 1..%u", stems->dims[0],
                         AMPI_MAX_ANCHORS);
    *count = (uint32_t)stems->dims[0];
    return AMP_OK;
}

amp_status ampi_bank_from_blobs(amp_bank **out, const ampi_blobs *blobs,
                                const ampi_prepare *prepare, const ampi_graph *graph,
                                amp_error *error)
{
    amp_bank *bank = NULL;
    uint32_t count = 0;
    amp_status status;

    *out = NULL;
    if (!graph->anchored)
        return ampi_fail(error, AMP_E_FORMAT, "bank", "anchors for a network that takes none");
    AMPI_TRY(read_count(blobs, &count, error));
    AMPI_TRY(ampi_bank_create(&bank, graph, prepare, count, error));
    status = read_meta(bank, blobs, error);
    if (!status)
        status = read_stems(bank, blobs, error);
    if (!status)
        status = read_pixels(bank, blobs, error);
    if (!status) {
        *out = bank;
        bank = NULL;
    }
    amp_bank_unref(bank);
    return status;
}
