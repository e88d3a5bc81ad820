/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_int8.h - which values of a graph are bytes in an int8 program, and by what scales.
 *
 * dnnl_int8.c decides once a program, from the ranges that the graph's convolutions carry;
 * dnnl_infer.c emits accordingly; dnnl_quantise.c holds what oneDNN has no primitive for.
 *
 * real = scale * integer, no zero points: u8 where a value is never negative, s8 elsewhere.  A
 * convolution reads bytes and weights of one scale an output channel, and adds up in int32; its
 * result is bytes again where all that read it can take bytes, fp32 elsewhere: what a batch norm
 * reads (the residual stream of a WRN), and logits.
 */
#ifndef AMPI_EXEC_DNNL_INT8_H
#define AMPI_EXEC_DNNL_INT8_H

#include "exec/dnnl_emit.h"

/* Argument of ampi_pool_u8. */
typedef struct ampi_pool_argument {
    float factor; /* scale / (h w) */
    uint32_t channels;
} ampi_pool_argument;

typedef struct ampi_int8_node {
    dnnl_data_type_t type;   /* of the value: f32, u8 or s8 */
    float scale;             /* of its bytes; 0 = not known, then type is f32 */
    dnnl_data_type_t bytes;  /* u8 or s8: what the value becomes where bytes are wanted of it */
    bool integer;            /* a convolution of bytes */
    float *weights;          /* [AMPI_SCALES,c] of such a one */
    float *bias;             /* [c] in the unit that this oneDNN wants, NULL = none */
    float *affine;           /* of a value that becomes bytes by ampi_quantise: its argument */
    ampi_pool_argument pool; /* of an average pool over bytes */
} ampi_int8_node;

typedef struct ampi_int8 {
    amp_context *context; /* borrowed */
    size_t n_nodes;
    ampi_int8_node nodes[];
} ampi_int8;

amp_status ampi_int8_create(ampi_int8 **out, const ampi_graph *graph, amp_error *error);
void ampi_int8_free(ampi_int8 *integers);

/* ---- steps of our own (dnnl_quantise.c); values are nhwc ---- */
/* Argument of ampi_quantise: AMPI_AFFINE_HEAD floats, then scale [c] and shift [c]. */
#define AMPI_AFFINE_HEAD 16u
enum {
    AMPI_AFFINE_LOW,   /* of the head: the smallest value of the result,       */
    AMPI_AFFINE_HIGH,  /* the largest,                                         */
    AMPI_AFFINE_OFFSET /* and what makes a byte positive, so that it truncates */
};
/* Sets the head for bytes of that type. */
void ampi_affine_head(float *affine, dnnl_data_type_t bytes);
/* { fp32 [n,h,w,c], bytes [n,h,w,c], affine }: bytes = round(scale * x + shift) within the type: a
   ReLU where that is u8.  Halves round up. */
void ampi_quantise(const ampi_call *call);
/* { u8 [n,h,w,c], fp32 [n,c], an ampi_pool_argument }: the mean over h, w. */
void ampi_pool_u8(const ampi_call *call);

#endif
