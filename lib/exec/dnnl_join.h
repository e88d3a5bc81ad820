/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_join.h - the first step of an anchored trunk: two halves of a stem added, a batch norm
 * and a ReLU, straight into the layout and type that the next convolution reads.
 *
 * For K anchors the image's half is read K times from cache and no sum is written anywhere.
 */
#ifndef AMPI_EXEC_DNNL_JOIN_H
#define AMPI_EXEC_DNNL_JOIN_H

#include "exec/dnnl_plan.h"
#include "graph/graph.h"

typedef struct ampi_join {
    amp_context *context; /* borrowed */
    int32_t node;         /* the batch norm or ReLU that alone reads the sum; 0 = the sum itself */
    float *affine;        /* of that, for fp32 and bf16: see ampi_join_halves */
} ampi_join;

amp_status ampi_join_create(ampi_join **out, const ampi_graph *graph, amp_error *error);
void ampi_join_free(ampi_join *join);

/* How ampi_join_halves writes a value [c,h,w]. */
typedef enum ampi_join_order {
    AMPI_JOIN_PLAIN,   /* nchw */
    AMPI_JOIN_PIXELS,  /* nhwc */
    AMPI_JOIN_BLOCKS16 /* nChw16c; spare channels are 0 */
} ampi_join_order;

typedef struct ampi_join_argument {
    uint32_t channels, pixels;
    ampi_join_order order;
    dnnl_data_type_t type; /* f32, bf16, u8 or s8 */
    const float *affine;   /* AMPI_AFFINE_HEAD, scale [c], shift [c], as for ampi_quantise */
} ampi_join_argument;

/* { an ampi_rows, the value, an ampi_join_argument }. */
void ampi_join_halves(const ampi_call *call);

#endif
