/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_api.h - oneDNN with the differences between its major versions hidden.
 *
 * dnnl_v2.c and dnnl_v3.c implement this header, one of them is compiled to anything; dnnl_common.c
 * holds what is the same in both.  All that lies above (plan, emit, tape, program) is version-free.
 * Every primitive is made with a user-owned scratchpad.
 */
#ifndef AMPI_EXEC_DNNL_API_H
#define AMPI_EXEC_DNNL_API_H

#include "exec/dnnl_layout.h"

typedef enum ampi_direction {
    AMPI_INFERENCE,
    AMPI_FORWARD,         /* training */
    AMPI_BACKWARD_DATA,   /* d loss / d source  */
    AMPI_BACKWARD_WEIGHTS /* d loss / d weights; batch norm does both at once under this name */
} ampi_direction;

/* Scales of a convolution's weights come thrice, [3,oc]: as they are; times the source's over the
   destination's; and their inverse: 2.x wants the last two. */
#define AMPI_SCALES 3

/* Of a convolution of bytes: real = scale * integer, 1 for fp32. */
typedef struct ampi_conv_scales {
    float from, to, sum;       /* of source, destination, and what is added to */
    dnnl_data_type_t sum_type; /* of the latter, as wide as the destination's */
    const float *weights;      /* see AMPI_SCALES; NULL = not of bytes */
} ampi_conv_scales;

/* Layouts are oneDNN's choice; source and destination of a convolution of bytes are nhwc. */
typedef struct ampi_conv_spec {
    ampi_direction direction;
    dnnl_data_type_t from, to; /* of source and weights (their gradient is fp32), of the
                                  destination; zeroed = fp32 */
    dnnl_dim_t n, ic, ih, iw, oc, oh, ow, kernel, stride, pad;
    bool winograd;        /* only this algorithm: dnnl_unimplemented where there is none */
    bool whole;           /* a kernel of ampi_conv_whole where there is one */
    bool bias, relu, sum; /* relu and sum: inference */
    ampi_conv_scales scales;
    const_dnnl_primitive_desc_t hint; /* backward: the forward one */
} ampi_conv_spec;

typedef struct ampi_norm_spec {
    ampi_direction direction;
    ampi_md data;
    float epsilon;
    bool relu;
    const_dnnl_primitive_desc_t hint;
} ampi_norm_spec;

typedef struct ampi_pool_spec {
    ampi_direction direction;
    bool average;
    ampi_md source;      /* backward: of the source's gradient */
    ampi_md destination; /* backward: of the result's gradient; NULL forward = any */
    dnnl_dims_t destination_dims;
    dnnl_dim_t source_h, source_w, kernel_h, kernel_w, stride, pad;
    const_dnnl_primitive_desc_t hint;
} ampi_pool_spec;

/* ---- by version ---- */
/* Parts of attributes, for dnnl_common.c: a convolution's scales; "add what is there times scale,
   as that type, in a destination of scale `to`"; a ReLU. */
dnnl_status_t ampi_attr_scales(dnnl_primitive_attr_t attr, const ampi_conv_spec *spec);
dnnl_status_t ampi_ops_sum(dnnl_post_ops_t ops, float scale, dnnl_data_type_t type, float to);
dnnl_status_t ampi_ops_relu(dnnl_post_ops_t ops);
dnnl_status_t ampi_desc_conv(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_conv_spec *spec);
/* Inference: from given mean and variance. */
dnnl_status_t ampi_desc_norm(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_norm_spec *spec);
/* Backward (hint not NULL): from the result and its gradient, which have layout `data` too. */
dnnl_status_t ampi_desc_relu(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md data,
                             const_dnnl_primitive_desc_t hint);
/* a + b, all three of layout `data`; in place allowed. */
dnnl_status_t ampi_desc_add(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md data,
                            bool relu);
dnnl_status_t ampi_desc_pool(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_pool_spec *spec);
dnnl_status_t ampi_desc_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md from,
                                ampi_md to);
/* Convolution weights into bytes: to = from / scales, [AMPI_SCALES,count] of the first dimension.
   Where AMPI_SCALES_AT_RUN they are given again at the run. */
dnnl_status_t ampi_desc_weights(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md from,
                                ampi_md to, const float *scales, dnnl_dim_t count);

/* ---- the same in all versions (dnnl_common.c) ---- */
typedef struct ampi_conv_layouts {
    ampi_layout source, weights, bias, destination;
} ampi_conv_layouts;
/* Of a convolution, each left to oneDNN; cleared by the caller, also on failure. */
dnnl_status_t ampi_conv_any(ampi_conv_layouts *any, const ampi_conv_spec *spec);
void ampi_conv_clear(ampi_conv_layouts *any);
/* Whether it is a direct kernel, which adds up in one order whatever the number of threads and
   images: those made of matrix products choose an order by both. */
bool ampi_conv_whole(const_dnnl_primitive_desc_t desc);
/* The padding behind the last value that makes `in` values `out` of them. */
dnnl_dim_t ampi_end_pad(dnnl_dim_t in, dnnl_dim_t out, dnnl_dim_t kernel, dnnl_dim_t stride,
                        dnnl_dim_t pad);
/* AMP_OK, or the failure of `what` with oneDNN's status in error->detail. */
amp_status ampi_dnnl_check(dnnl_status_t status, const char *what, amp_error *error);
/* Attributes of every primitive: user scratchpad, then a ReLU if asked for; those of a convolution:
   its scales and its sum too. */
dnnl_status_t ampi_attr_make(dnnl_primitive_attr_t *out, bool relu);
dnnl_status_t ampi_attr_conv(dnnl_primitive_attr_t *out, const ampi_conv_spec *spec);

#endif
