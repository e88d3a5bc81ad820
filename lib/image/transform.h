/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/transform.h - the anchor transform T in two halves: what is drawn, and what that does.
 *
 * ampi_transform (image_internal.h) does both; the halves are apart so that each can be tested.
 */
#ifndef AMPI_TRANSFORM_H
#define AMPI_TRANSFORM_H

#include "image/image_internal.h"

/* One draw of T's parameters. */
typedef struct ampi_transform_draw {
    uint32_t top, left, height, width; /* the crop, inside the image           */
    bool flip;                         /* mirror left and right                */
    bool jitter;                       /* brightness, then blur                */
    float brightness;                  /* 0.5..1.5                             */
    float sigma;                       /* of the blur, in pixels, 0.1..5       */
    bool grey;
} ampi_transform_draw;

ampi_transform_draw ampi_transform_pick(ampi_rng *rng, uint32_t height, uint32_t width);

/* Buffers as ampi_transform's. */
void ampi_transform_apply(const ampi_transform_draw *draw, ampi_transform_kind kind,
                          const ampi_prepare *prepare, const float *in, float *out, float *scratch);

#endif
