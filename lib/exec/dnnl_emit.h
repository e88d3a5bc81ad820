/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_emit.h - appends primitives to a plan: dnnl_tape*.c and dnnl_program.c say what,
 * dnnl_emit.c says how.
 *
 * Buffers are named by their index in the plan; AMPI_NONE as an argument is left out.
 */
#ifndef AMPI_EXEC_DNNL_EMIT_H
#define AMPI_EXEC_DNNL_EMIT_H

#include "exec/dnnl_plan.h"
#include "graph/graph.h"

typedef struct ampi_emit {
    ampi_plan *plan;
    const ampi_graph *graph;
    dnnl_dim_t batch;
    ampi_phase phase; /* of the steps that come next */
    size_t node;      /* passed to functions */
    const char *what; /* of the steps that come next, see ampi_step */
    bool alone;       /* the primitives that come next run on one thread */
    amp_error *error;
} ampi_emit;

typedef struct ampi_arg {
    int key;
    int32_t buffer;
} ampi_arg;

/* ---- buffers ---- */
amp_status ampi_emit_buffer(ampi_emit *emit, ampi_md md, int32_t *out);
/* For values of those dimensions, order and type. */
amp_status ampi_emit_tagged(ampi_emit *emit, const ampi_dims *dims, dnnl_format_tag_t tag,
                            dnnl_data_type_t type, int32_t *out);
amp_status ampi_emit_bytes(ampi_emit *emit, size_t bytes, int32_t *out);
/* Plain row-major memory that somebody else owns; NULL = given later. */
amp_status ampi_emit_outside(ampi_emit *emit, const ampi_dims *dims, void *pointer, int32_t *out);
/* Memory of the given layout that somebody else owns. */
amp_status ampi_emit_shared(ampi_emit *emit, ampi_md md, void *pointer, int32_t *out);
/* A buffer in the place of `of`, in the arena, whose bytes it reads as another type. */
amp_status ampi_emit_same(ampi_emit *emit, int32_t of, ampi_md md, int32_t *out);
ampi_md ampi_emit_md(const ampi_emit *emit, int32_t buffer);

/* ---- steps ---- */
/* The plan takes the descriptor over if `status` is success; otherwise the failure of `what`. */
amp_status ampi_emit_keep(ampi_emit *emit, dnnl_status_t status, dnnl_primitive_desc_t desc,
                          const char *what);
amp_status ampi_emit_step(ampi_emit *emit, const_dnnl_primitive_desc_t desc, const ampi_arg *args,
                          size_t n_args);
amp_status ampi_emit_call(ampi_emit *emit, ampi_step_fn function, const int32_t *buffers,
                          uint32_t n_buffers);

/* ---- whole operations ---- */
/* *out = `from` itself where it has that layout already, or a new buffer. */
amp_status ampi_emit_as(ampi_emit *emit, int32_t from, ampi_md md, int32_t *out);
/* Copies into an existing buffer, also between equal layouts. */
amp_status ampi_emit_copy(ampi_emit *emit, int32_t from, int32_t to);
/* to = a + b, then ReLU; all three of one layout; `to` may be a or b. */
amp_status ampi_emit_add(ampi_emit *emit, int32_t a, int32_t b, int32_t to, bool relu);

/* ---- sizes of a node ---- */
ampi_dims ampi_emit_dims(const ampi_emit *emit, int32_t node);
/* A convolution, or a linear layer as a 1x1 convolution. */
void ampi_emit_conv_shape(const ampi_emit *emit, const ampi_node *node, ampi_conv_spec *spec);
ampi_dims ampi_emit_weight_dims(const ampi_conv_spec *spec);
ampi_pool_spec ampi_emit_pool_shape(const ampi_emit *emit, const ampi_node *node);

#endif
