/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/augment.c - random crop and flip of training images, on bytes.
 *
 * What RandomCrop(size, padding) and RandomHorizontalFlip do to a PIL image: the border is black
 * (zero bytes), and offsets 0..2*pad are equally likely.  Called by the loaders of training.
 */
#include "image/image_internal.h"
#include <string.h>

/* One output row from the source row `in`, shifted by `left` and mirrored when `flip`. */
static void crop_row(const uint8_t *in, uint32_t width, uint32_t channels, int64_t left, bool flip,
                     uint8_t *out)
{
    for (uint32_t x = 0; x < width; x++, out += channels) {
        const int64_t from = left + (flip ? width - 1 - x : x);

        if (from >= 0 && from < width)
            memcpy(out, in + (size_t)from * channels, channels);
        else
            memset(out, 0, channels);
    }
}

void ampi_augment_crop_flip(ampi_rng *rng, const ampi_prepare *prepare, const uint8_t *pixels,
                            uint32_t pad, bool flip, uint8_t *out)
{
    const uint32_t height = prepare->height, width = prepare->width, channels = prepare->channels;
    const size_t row = (size_t)width * channels;
    const int64_t top = (int64_t)ampi_rng_below(rng, 2 * pad + 1) - pad;
    const int64_t left = (int64_t)ampi_rng_below(rng, 2 * pad + 1) - pad;
    const bool mirror = ampi_rng_float(rng) < 0.5f && flip;

    for (uint32_t y = 0; y < height; y++, out += row) {
        const int64_t from = top + y;

        if (from >= 0 && from < height)
            crop_row(pixels + (size_t)from * row, width, channels, left, mirror, out);
        else
            memset(out, 0, row);
    }
}
