/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/winograd.h - 3x3 convolutions of bf16 values by Winograd's F(2x2,3x3), for training.
 *
 * Two by two results come from four by four values in 16 multiplications instead of 36 (Lavin and
 * Gray 2015, "Fast Algorithms for Convolutional Neural Networks").  Transforms are sums of at most
 * four values, computed in fp32; their results are rounded to bf16, products added up in fp32.
 * Values are nChw16c.  winograd_data.c has forward and the gradient of values, winograd_diff.c the
 * gradient of weights.
 */
#ifndef AMPI_EXEC_WINOGRAD_H
#define AMPI_EXEC_WINOGRAD_H

#include "exec/exec.h"

/* Stride 1, padding 1, no bias. */
typedef struct ampi_wino {
    size_t images, h, w;
    size_t from, to; /* channels read and made; of the gradient of values: made and read forward */
    int32_t threads;
} ampi_wino;

/* Whether there are kernels for it, on a processor with bf16 instructions. */
bool ampi_wino_fits(const ampi_wino *wino);
size_t ampi_wino_weight_bytes(const ampi_wino *wino);
size_t ampi_wino_data_scratch(const ampi_wino *wino);
size_t ampi_wino_diff_scratch(const ampi_wino *wino);

/* From plain weights [oc,ic,3,3]; `back` = as the gradient of values wants them. */
void ampi_wino_weights(const ampi_wino *wino, const float *plain, bool back, uint16_t *out);
/* y = x * weights; of the gradient: dx from dy. */
void ampi_wino_data(const ampi_wino *wino, const uint16_t *x, const uint16_t *weights, uint16_t *y,
                    void *scratch);
/* dw [to,from,3,3] plain, from x and dy; the same bits for the same number of threads. */
void ampi_wino_diff(const ampi_wino *wino, const uint16_t *x, const uint16_t *dy, float *dw,
                    void *scratch);

#endif
