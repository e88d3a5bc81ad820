/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/augment.c - random crop and flip of training images, on bytes.
 *
 * What RandomCrop(size, padding) and RandomHorizontalFlip do to a PIL image: the border is black
 * (zero bytes) or mirrors the image, and offsets 0..2*pad are equally likely.  Called by the
 * loaders of training.
 */
#include "image/image_internal.h"
#include <string.h>

/* Where index `at` of the padded side lies in 0..side-1; -1 = on a black border. */
static int64_t origin(int64_t at, uint32_t side, bool reflect)
{
    if (at >= 0 && at < side)
        return at;
    if (!reflect)
        return -1;
    return at < 0 ? -at : 2 * ((int64_t)side - 1) - at;
}

typedef struct shift {
    int64_t top, left;
    bool mirror, reflect;
} shift;

/* One output row from the source row `in`. */
static void crop_row(const uint8_t *in, uint32_t width, uint32_t channels, const shift *by,
                     uint8_t *out)
{
    for (uint32_t x = 0; x < width; x++, out += channels) {
        const int64_t at = by->left + (by->mirror ? width - 1 - x : x);
        const int64_t from = origin(at, width, by->reflect);

        if (from >= 0)
            memcpy(out, in + (size_t)from * channels, channels);
        else
            memset(out, 0, channels);
    }
}

void ampi_augment_crop_flip(ampi_rng *rng, const ampi_prepare *prepare, const uint8_t *pixels,
                            const ampi_augmentation *how, uint8_t *out)
{
    const uint32_t height = prepare->height, width = prepare->width, channels = prepare->channels;
    const size_t row = (size_t)width * channels;
    shift by = { .reflect = how->reflect };

    by.top = (int64_t)ampi_rng_below(rng, 2 * how->pad + 1) - how->pad;
    by.left = (int64_t)ampi_rng_below(rng, 2 * how->pad + 1) - how->pad;
    by.mirror = ampi_rng_float(rng) < 0.5f;
    if (how->flip != AMPI_FLIP_HALF)
        by.mirror = how->flip == AMPI_FLIP_ALWAYS;
    for (uint32_t y = 0; y < height; y++, out += row) {
        const int64_t from = origin(by.top + y, height, how->reflect);

        if (from >= 0)
            crop_row(pixels + (size_t)from * row, width, channels, &by, out);
        else
            memset(out, 0, row);
    }
}
