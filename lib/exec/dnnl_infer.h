/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_infer.h - a plan for inference while it is made: what dnnl_infer.c and
 * dnnl_infer_int8.c share.
 */
#ifndef AMPI_EXEC_DNNL_INFER_H
#define AMPI_EXEC_DNNL_INFER_H

#include "exec/dnnl_program.h"

typedef struct ampi_infer {
    ampi_emit emit;
    ampi_cache *cache;
    ampi_dnnl_plan *plan;
    int32_t *values; /* [n_nodes]: buffer of the result                                 */
    int32_t *bytes;  /* [n_nodes]: buffer of an fp32 result made bytes, AMPI_NONE = not yet */
    int32_t *last;   /* [n_nodes]: last node that reads it                              */
} ampi_infer;

/* ---- parts of a convolution (dnnl_infer.c) ---- */
/* With the algorithm and the kernel that suit the precision; *alone: it runs on one thread. */
amp_status ampi_infer_conv_desc(ampi_infer *in, ampi_conv_spec *spec, dnnl_primitive_desc_t *out,
                                bool *alone);
/* Borrowed floats as a buffer. */
amp_status ampi_infer_floats(ampi_infer *in, size_t count, const void *data, int32_t *out);
/* The node's weights as the descriptor wants them; those of spec->scales in bytes. */
amp_status ampi_infer_weights(ampi_infer *in, const ampi_node *node, const ampi_conv_spec *spec,
                              const_dnnl_primitive_desc_t desc, int32_t *out);
/* A buffer of layout `md` that holds the node's other operand and may be overwritten. */
amp_status ampi_infer_sum(ampi_infer *in, size_t index, int32_t operand, ampi_md md, int32_t *out);

/* ---- int8 (dnnl_infer_int8.c) ---- */
/* *done = the node works on bytes, and is emitted. */
amp_status ampi_infer_int8(ampi_infer *in, const ampi_node *node, size_t index, bool *done);

#endif
