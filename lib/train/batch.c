/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/batch.c - one batch by its number: crop, flip, normalise, cutout, blend, anchors, transform
 * or mask, pairs.
 *
 * Every random choice is keyed by (seed, epoch, image) or (seed, epoch, batch), so a batch is the
 * same whoever makes it and whenever: that is what lets a run resume in the middle of an epoch.
 * Anchors are the same batch in another order (paper, Fig. 2), not blended; the residual always
 * keeps the clean anchor (methods.md 1.1), also where the anchor shown is zero.
 */
#include "train/batch.h"

#include "anchor/anchor.h"

#include <string.h>

static amp_status take(amp_context *context, void *pointer, size_t count, size_t size,
                       amp_error *error)
{
    void *const made = ampi_alloc(context, count, size);

    if (!made)
        return ampi_fail_nomem(error, "train", count * size);
    memcpy(pointer, &made, sizeof made);
    return AMP_OK;
}

amp_status ampi_batcher_create(ampi_batcher *out, const ampi_source *source,
                               const ampi_train_options *options, bool anchored, uint32_t batch,
                               amp_error *error)
{
    amp_context *const context = source->context;
    const size_t values = source->image_bytes;
    size_t all;

    memset(out, 0, sizeof *out);
    out->source = source;
    out->options = options;
    out->anchored = anchored;
    out->values = values;
    out->batch = batch;
    out->order_epoch = UINT32_MAX;
    if (!ampi_mul(values, batch, &all))
        return ampi_fail(error, AMP_E_LIMIT, "train", "a batch of %u images is too large", batch);
    AMPI_TRY(take(context, &out->order, source->n, sizeof *out->order, error));
    AMPI_TRY(take(context, &out->partner, batch, sizeof *out->partner, error));
    AMPI_TRY(take(context, &out->decoded, values, 1, error));
    AMPI_TRY(take(context, &out->cropped, values, 1, error));
    AMPI_TRY(take(context, &out->images, all, sizeof(float), error));
    if (options->mixup > 0.0) {
        AMPI_TRY(take(context, &out->second, batch, sizeof *out->second, error));
        AMPI_TRY(take(context, &out->blended, all, sizeof(float), error));
    }
    if (!anchored)
        return AMP_OK;
    AMPI_TRY(take(context, &out->anchors, all, sizeof(float), error));
    AMPI_TRY(take(context, &out->shown, all, sizeof(float), error));
    return take(context, &out->scratch, values, 2 * sizeof(float), error);
}

void ampi_batcher_clear(ampi_batcher *batcher)
{
    amp_context *const context = batcher->source ? batcher->source->context : NULL;

    ampi_free(context, batcher->order);
    ampi_free(context, batcher->partner);
    ampi_free(context, batcher->second);
    ampi_free(context, batcher->blended);
    ampi_free(context, batcher->decoded);
    ampi_free(context, batcher->cropped);
    ampi_free(context, batcher->images);
    ampi_free(context, batcher->anchors);
    ampi_free(context, batcher->shown);
    ampi_free(context, batcher->scratch);
    memset(batcher, 0, sizeof *batcher);
}

static uint64_t seed_of(const ampi_batcher *batcher)
{
    return (uint64_t)batcher->options->seed;
}

static void order_epoch(ampi_batcher *batcher, uint32_t epoch)
{
    ampi_rng rng = ampi_rng_make(seed_of(batcher), AMPI_RNG_SHUFFLE, epoch, 0);

    if (batcher->order_epoch == epoch)
        return;
    ampi_rng_permutation(&rng, batcher->order, batcher->source->n);
    batcher->order_epoch = epoch;
}

static amp_status fill_image(ampi_batcher *batcher, uint32_t epoch, uint32_t image, float *out,
                             amp_error *error)
{
    const ampi_prepare *const prepare = batcher->source->prepare;
    const ampi_train_options *const options = batcher->options;
    ampi_rng rng = ampi_rng_make(seed_of(batcher), AMPI_RNG_CROP, epoch, image);
    const ampi_augmentation how = { (uint32_t)options->crop, options->border != 0,
                                    ampi_vary_flip(options, epoch, image) };
    const uint8_t *pixels = NULL;

    AMPI_TRY(ampi_source_pixels(batcher->source, image, batcher->decoded, &pixels, error));
    ampi_augment_crop_flip(&rng, prepare, pixels, &how, batcher->cropped);
    ampi_prepare_normalise(prepare, batcher->cropped, out);
    ampi_vary_cutout(options, prepare, epoch, image, out);
    return AMP_OK;
}

/* Each image with that of another one of the batch, all by one share; the result, which is `images`
   itself without mixup. */
static const float *blend(ampi_batcher *batcher, uint32_t epoch, uint32_t index,
                          const float *images, ampi_batch *out)
{
    const size_t values = batcher->values;
    ampi_rng rng = ampi_rng_make(seed_of(batcher), AMPI_RNG_MIX, epoch, (1ull << 32) + index);

    out->share = ampi_vary_share(batcher->options, epoch, index);
    if (!batcher->blended)
        return images;
    ampi_rng_permutation(&rng, batcher->second, batcher->batch);
    for (uint32_t i = 0; i < batcher->batch; i++) {
        const float *const a = images + i * values, *const b = images + batcher->second[i] * values;
        const float share = (float)out->share;
        float *const to = batcher->blended + i * values;
        out->others[i] = out->labels[batcher->second[i]];
        for (size_t v = 0; v < values; v++)
            to[v] = share * a[v] + (1.0f - share) * b[v];
    }
    return batcher->blended;
}

/* Released code: one set of parameters for the whole batch; else one an image. */
static void transform_anchors(ampi_batcher *batcher, uint32_t epoch, uint32_t index)
{
    const ampi_transform_kind kind = (ampi_transform_kind)batcher->options->transform;
    const size_t values = batcher->values;

    for (uint32_t i = 0; i < batcher->batch; i++) {
        const uint64_t slot = kind == AMPI_TRANSFORM_RELEASED ? 0 : i;
        ampi_rng rng = ampi_rng_make(seed_of(batcher), AMPI_RNG_TRANSFORM, epoch,
                                     ((uint64_t)index << 16) + slot);
        ampi_transform(&rng, kind, batcher->source->prepare, batcher->anchors + i * values,
                       batcher->shown + i * values, batcher->scratch);
    }
}

static void mask_anchors(ampi_batcher *batcher)
{
    memset(batcher->shown, 0, batcher->batch * batcher->values * sizeof(float));
}

static void pair_up(ampi_batcher *batcher, uint32_t epoch, uint32_t index, const float *images,
                    ampi_batch *out)
{
    const int64_t every = batcher->options->corrupt_every;
    const size_t values = batcher->values;
    const bool masked = ampi_vary_masked(batcher->options, epoch, index);
    const bool corrupt = every > 0 && index % every == 0;
    ampi_rng rng = ampi_rng_make(seed_of(batcher), AMPI_RNG_ANCHOR, epoch, index);

    ampi_rng_permutation(&rng, batcher->partner, batcher->batch);
    for (uint32_t i = 0; i < batcher->batch; i++)
        memcpy(batcher->anchors + i * values, batcher->images + batcher->partner[i] * values,
               values * sizeof(float));
    if (masked)
        mask_anchors(batcher);
    else if (corrupt)
        transform_anchors(batcher, epoch, index);
    ampi_pair(batcher->batch, values, images, batcher->anchors,
              masked || corrupt ? batcher->shown : batcher->anchors, out->input);
    out->uniform = masked && batcher->options->mask_target != 0;
}

amp_status ampi_batcher_make(ampi_batcher *batcher, uint32_t epoch, uint32_t index, ampi_batch *out,
                             amp_error *error)
{
    const size_t values = batcher->values;
    const bool direct = !batcher->anchored && !batcher->blended;
    float *const images = direct ? out->input : batcher->images;
    const float *inputs;

    order_epoch(batcher, epoch);
    for (uint32_t i = 0; i < batcher->batch; i++) {
        const uint32_t image = batcher->order[(size_t)index * batcher->batch + i];
        AMPI_TRY(fill_image(batcher, epoch, image, images + i * values, error));
        out->labels[i] = batcher->source->labels[image];
    }
    out->uniform = false;
    inputs = blend(batcher, epoch, index, images, out);
    if (batcher->anchored)
        pair_up(batcher, epoch, index, inputs, out);
    else if (!direct)
        memcpy(out->input, inputs, batcher->batch * values * sizeof(float));
    return AMP_OK;
}
