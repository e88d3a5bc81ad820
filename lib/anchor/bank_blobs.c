/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/bank_blobs.c - a bank as the section "amp.bank.*" of a model file.
 *
 *   amp.bank.pixels       U8  [K,h,w,ch]    or
 *   amp.bank.stems        F32 [K,s,h',w']   one of the two: pixels give the stems again
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

    if (bank->pixels) {
        AMPI_TRY(ampi_blobs_add(out, &blob, PREFIX "pixels", AMPI_DTYPE_U8, 4, pixels, error));
        memcpy(blob->data, bank->pixels, blob->bytes);
    } else {
        AMPI_TRY(ampi_blobs_add(out, &blob, PREFIX "stems", AMPI_DTYPE_F32, 4, stems, error));
        memcpy(blob->data, bank->stems, blob->bytes);
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

static amp_status read_stems(amp_bank *bank, const ampi_blob *blob, amp_error *error)
{
    const size_t values = blob->bytes / sizeof(float);

    memcpy(bank->stems, blob->data, blob->bytes);
    for (size_t i = 0; i < values; i++) {
        if (!isfinite(bank->stems[i]))
            return ampi_fail(error, AMP_E_FORMAT, "bank", "value %zu of the anchors is not finite",
                             i);
    }
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

/* The pixels or the stems, whichever is there; its shape fits the network. */
static amp_status find_anchors(const ampi_blobs *blobs, const ampi_prepare *prepare,
                               const ampi_network *network, const ampi_blob **out, amp_error *error)
{
    const ampi_blob *const pixels = ampi_blobs_find(blobs, PREFIX "pixels");
    const ampi_blob *const stems = ampi_blobs_find(blobs, PREFIX "stems");
    const ampi_blob *const given = pixels ? pixels : stems;
    const size_t count = given && given->rank ? given->dims[0] : 0;
    const size_t image[4] = { count, prepare->height, prepare->width, prepare->channels };
    const size_t stem[4] = { count, network->stem.c, network->stem.h, network->stem.w };

    if (!given)
        return ampi_fail(error, AMP_E_FORMAT, "bank", "neither pixels nor stems of the anchors");
    if (count < 1 || count > AMPI_MAX_ANCHORS)
        return ampi_fail(error, AMP_E_LIMIT, "bank", "%zu anchors, allowed 1..%u", count,
                         AMPI_MAX_ANCHORS);
    if (pixels)
        return ampi_blobs_expect(blobs, out, pixels->name, AMPI_DTYPE_U8, 4, image, error);
    return ampi_blobs_expect(blobs, out, stems->name, AMPI_DTYPE_F32, 4, stem, error);
}

bool ampi_bank_in_blobs(const ampi_blobs *blobs)
{
    for (size_t i = 0; i < blobs->count; i++) {
        if (strncmp(blobs->items[i].name, PREFIX, strlen(PREFIX)) == 0)
            return true;
    }
    return false;
}

amp_status ampi_bank_from_blobs(amp_bank **out, const ampi_blobs *blobs,
                                const ampi_prepare *prepare, ampi_network *network,
                                amp_error *error)
{
    const ampi_blob *anchors = NULL;
    amp_bank *bank = NULL;
    amp_status status;

    *out = NULL;
    if (!network->anchored)
        return ampi_fail(error, AMP_E_FORMAT, "bank", "anchors for a network that takes none");
    AMPI_TRY(find_anchors(blobs, prepare, network, &anchors, error));
    AMPI_TRY(ampi_bank_create(&bank, network, prepare, (uint32_t)anchors->dims[0], error));
    status = read_meta(bank, blobs, error);
    if (status)
        goto done;
    if (anchors->dtype == AMPI_DTYPE_U8)
        status = ampi_bank_fill(bank, network, anchors->data, true, error);
    else
        status = read_stems(bank, anchors, error);
    if (status)
        goto done;
    *out = bank;
    bank = NULL;
done:
    amp_bank_unref(bank);
    return status;
}
