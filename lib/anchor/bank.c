/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/bank.c - the anchors of a model: their pixels, or only their halves of the stem.
 *
 * Made from chosen pixels by the score room or from the model file by bank_blobs.c; the scorer adds
 * bank->stems to the image's half.
 */
#include "anchor/bank_internal.h"

#include <stdio.h>
#include <string.h>

static size_t pixel_bytes(const ampi_prepare *prepare)
{
    return (size_t)prepare->height * prepare->width * prepare->channels;
}

amp_status ampi_prepare_check(const ampi_prepare *prepare, const ampi_graph *graph,
                              amp_error *error)
{
    const ampi_shape input = ampi_graph_input(graph);
    const uint32_t channels = ampi_graph_image_channels(graph);

    if (prepare->channels != channels || prepare->height != input.h || prepare->width != input.w)
        return ampi_fail(error, AMP_E_SHAPE, "model",
                         "preprocessing gives [%u,%u,%u], the network takes [%u,%u,%u]",
                         prepare->channels, prepare->height, prepare->width, channels, input.h,
                         input.w);
    return AMP_OK;
}

static amp_status check(const ampi_graph *graph, const ampi_prepare *prepare, uint32_t count,
                        amp_error *error)
{
    if (!graph->anchored)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "bank", "the network is not anchored");
    if (count < 1 || count > AMPI_MAX_ANCHORS)
        return ampi_fail(error, AMP_E_LIMIT, "bank", "%u anchors, allowed 1..%u", count,
                         AMPI_MAX_ANCHORS);
    return ampi_prepare_check(prepare, graph, error);
}

amp_status ampi_bank_create(amp_bank **out, const ampi_graph *graph, const ampi_prepare *prepare,
                            uint32_t count, amp_error *error)
{
    amp_context *const context = graph->context;
    const ampi_shape stem = ampi_stem_shape(graph);
    amp_bank *bank;
    amp_status status;

    *out = NULL;
    AMPI_TRY(check(graph, prepare, count, error));
    bank = ampi_alloc(context, 1, sizeof *bank);
    if (!bank)
        return ampi_fail_nomem(error, "bank", sizeof *bank);
    bank->context = amp_context_ref(context);
    atomic_init(&bank->references, 1);
    bank->count = count;
    bank->prepare = *prepare;
    bank->stem = stem;
    bank->stems = ampi_alloc(context, count, ampi_shape_values(stem) * sizeof(float));
    status = bank->stems
                 ? ampi_stem_fingerprint(graph, &bank->fingerprint, error)
                 : ampi_fail_nomem(error, "bank", count * ampi_shape_values(stem) * sizeof(float));
    if (status) {
        amp_bank_unref(bank);
        return status;
    }
    *out = bank;
    return AMP_OK;
}

/* pixels [K,h,w,ch] -> normalised [K,ch,h,w] -> bank->stems */
static amp_status run_stems(amp_bank *bank, ampi_network *network, const uint8_t *pixels,
                            amp_error *error)
{
    const size_t values = pixel_bytes(&bank->prepare);
    float *const images = ampi_alloc_raw(bank->context, bank->count, values * sizeof *images);
    int32_t threads;
    amp_status status;

    if (!images)
        return ampi_fail_nomem(error, "bank", bank->count * values * sizeof *images);
    for (uint32_t k = 0; k < bank->count; k++)
        ampi_prepare_normalise(&bank->prepare, pixels + k * values, images + k * values);
    threads = ampi_context_take_threads(bank->context, amp_context_threads(bank->context));
    status = ampi_network_anchor_stems(network, threads, bank->count, images, bank->stems, error);
    ampi_context_give_threads(bank->context, threads);
    ampi_free(bank->context, images);
    return status;
}

amp_status ampi_bank_fill(amp_bank *bank, ampi_network *network, const uint8_t *pixels,
                          bool keep_pixels, amp_error *error)
{
    const size_t bytes = pixel_bytes(&bank->prepare);

    if (keep_pixels) {
        bank->pixels = ampi_alloc_raw(bank->context, bank->count, bytes);
        if (!bank->pixels)
            return ampi_fail_nomem(error, "bank", bank->count * bytes);
        memcpy(bank->pixels, pixels, bank->count * bytes);
    }
    return run_stems(bank, network, pixels, error);
}

amp_status ampi_bank_check(const amp_bank *bank, const ampi_graph *graph, amp_error *error)
{
    const ampi_shape stem = ampi_stem_shape(graph);
    uint64_t fingerprint = 0;

    if (bank->context != graph->context)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "bank and model have different contexts");
    if (!graph->anchored)
        return ampi_fail(error, AMP_E_SHAPE, "bank", "the network is not anchored");
    AMPI_TRY(ampi_stem_fingerprint(graph, &fingerprint, error));
    if (bank->stem.c != stem.c || bank->stem.h != stem.h || bank->stem.w != stem.w ||
        bank->fingerprint != fingerprint)
        return ampi_fail(error, AMP_E_SHAPE, "bank", "the bank was built for another network");
    return AMP_OK;
}

uint32_t amp_bank_count(const amp_bank *bank)
{
    return bank ? bank->count : 0;
}

int32_t amp_bank_has_pixels(const amp_bank *bank)
{
    return bank && bank->pixels ? 1 : 0;
}

/* A grey anchor is shown as R = G = B. */
static void spread(const uint8_t *pixels, uint32_t channels, amp_image *image)
{
    for (uint32_t y = 0; y < image->height; y++) {
        uint8_t *const row = image->pixels + y * image->row_bytes;
        for (size_t v = 0; v < 3 * (size_t)image->width; v++)
            row[v] = channels == 3 ? pixels[v] : pixels[v / 3];
        pixels += (size_t)channels * image->width;
    }
}

amp_status amp_bank_image(const amp_bank *bank, uint32_t index, amp_image **out, amp_error *error)
{
    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "out is NULL");
    *out = NULL;
    if (!bank)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "bank is NULL");
    if (index >= bank->count)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "anchor %u, the bank has %u", index,
                         bank->count);
    if (!bank->pixels)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "bank",
                         "the bank keeps stem outputs, not the anchors' pixels");
    AMPI_TRY(ampi_image_create(out, bank->context, bank->prepare.width, bank->prepare.height, NULL,
                               error));
    spread(bank->pixels + index * pixel_bytes(&bank->prepare), bank->prepare.channels, *out);
    return AMP_OK;
}

amp_bank *amp_bank_ref(amp_bank *bank)
{
    if (bank)
        (void)atomic_fetch_add_explicit(&bank->references, 1, memory_order_relaxed);
    return bank;
}

void amp_bank_unref(amp_bank *bank)
{
    amp_context *context;

    if (!bank || atomic_fetch_sub_explicit(&bank->references, 1, memory_order_acq_rel) != 1)
        return;
    context = bank->context;
    ampi_free(context, bank->pixels);
    ampi_free(context, bank->stems);
    ampi_free(context, bank);
    amp_context_unref(context);
}
