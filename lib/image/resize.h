/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/resize.h - resampling of 8-bit samples, equal bit for bit to Pillow 9.4's Image.resize.
 *
 * Inside the image room only; other rooms go through amp/image.h or image_internal.h.
 */
#ifndef AMPI_RESIZE_H
#define AMPI_RESIZE_H

#include "core/core.h"
#include <amp/image.h>

/* No table or intermediate image of a resize may be larger. */
#define AMPI_RESIZE_MAX_BYTES ((size_t)1 << 28)
/* Longest side that an image may be scaled to before its window is cut out. */
#define AMPI_RESIZE_MAX_SIDE ((uint32_t)1 << 30)
/* Weights are integers, 1.0 = 1 << 22, as Pillow's for 8-bit samples. */
#define AMPI_RESIZE_BITS 22

/* One axis: `in` samples are scaled to `out`, of which first..first+count-1 are wanted. */
typedef struct ampi_span {
    uint32_t in, out, first, count;
} ampi_span;

/* Weights of an axis.  Output i (of the window) is the sum of weights[i * stride + j] times
   sample first[i] + j over j < taps[i]. */
typedef struct ampi_axis {
    uint32_t count, stride;
    uint32_t *first, *taps;
    int32_t *weights;
} ampi_axis;

typedef struct ampi_resize_job {
    const uint8_t *in; /* y.in rows of row_bytes, each x.in pixels of `channels` samples */
    size_t row_bytes;
    uint32_t channels; /* 1 or 3 */
    ampi_span x, y;
    int32_t filter; /* an amp_filter */
    uint8_t *out;   /* [y.count][x.count][channels], packed */
} ampi_resize_job;

/* For any filter but AMP_FILTER_NEAREST.  Free with ampi_axis_free, also after a failure. */
amp_status ampi_axis_make(ampi_axis *axis, amp_context *context, const ampi_span *span,
                          int32_t filter, amp_error *error);
void ampi_axis_free(ampi_axis *axis, amp_context *context);

/* The window equals the same window of the whole resized image. */
amp_status ampi_resize(amp_context *context, const ampi_resize_job *job, amp_error *error);

/* (whole - part) / 2, a half rounded to the even neighbour, as torchvision's CenterCrop does;
   part <= whole. */
uint32_t ampi_center_offset(uint32_t whole, uint32_t part);

#endif
