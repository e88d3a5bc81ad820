/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference.h - the plain-loop back end: slow, obvious, one thread, no library.
 *
 * It exists to hold the other back end against it, operator by operator, forward and backward,
 * and to run where oneDNN does not.  Values are float, every sum is taken in double in a fixed
 * order.  Behind the table ampi_backend_reference() of exec/backend.h; the functions below are
 * what its files share, and what tests call on graphs that were not optimised.
 */
#ifndef AMPI_EXEC_REFERENCE_H
#define AMPI_EXEC_REFERENCE_H

#include "exec/backend.h"

/* One image through a node, or the batch where the operation says so; all arrays row-major. */
typedef struct ampi_reference_io {
    const float *in[2]; /* [c,h,w] of the node's inputs, NULL where it has none */
    ampi_shape shape;   /* of in[0]                                             */
    const float *sum;   /* fused: [c,h,w] of the output, or NULL                */
    float *out;
} ampi_reference_io;

/* Any graph, optimised or not, outside training: input [n,c,h,w] -> output [n,c',h',w']. */
amp_status ampi_reference_forward(const ampi_graph *graph, size_t n, const float *input,
                                  float *output, amp_error *error);

/* ---- shared by the files of the back end ---- */

/* A node outside training, with its fused parts; INPUT and DROPOUT copy. */
void ampi_reference_node(const ampi_graph *graph, const ampi_node *node,
                         const ampi_reference_io *io);

size_t ampi_reference_volume(ampi_shape shape);

/* arrays [n_nodes], zeroed: node i gets images * volume floats.  All or none. */
amp_status ampi_reference_alloc(float **arrays, const ampi_graph *graph, size_t images,
                                amp_error *error);
void ampi_reference_release(float **arrays, const ampi_graph *graph);

/* ---- training (reference_tape.c, reference_norm.c, reference_back.c, reference_conv_back.c) ----
 */

typedef struct ampi_reference_tape {
    ampi_tape_setup setup;
    float **values;   /* [n_nodes][batch,c,h,w], of the last forward               */
    float **d_values; /* [n_nodes][batch,c,h,w], of the last backward              */
    double **moments; /* [n_nodes][2,c]: mean and 1 / sqrt(var + eps) of batch norm */
    float *track;     /* [2,c] of the widest batch norm                            */
    uint8_t *mask;    /* [h,w] of the largest dropout node                         */
    uint64_t seed, step;
} ampi_reference_tape;

/* The rows of the back end's table. */
amp_status ampi_reference_tape_create(void **out, const ampi_tape_setup *setup, amp_error *error);
void ampi_reference_tape_free(void *opaque);
size_t ampi_reference_tape_bytes(const void *opaque);
amp_status ampi_reference_tape_forward(void *opaque, const float *input, uint64_t seed,
                                       uint64_t step, float *logits, amp_error *error);
amp_status ampi_reference_tape_backward(void *opaque, const float *d_logits, float *d_input,
                                        amp_error *error);

/* Where a layer's parameter gradient goes, or NULL. */
float *ampi_reference_gradient(const ampi_reference_tape *tape, const ampi_node *node,
                               ampi_param param);

/* Batch norm over the batch; the running statistics are updated. */
void ampi_reference_norm(ampi_reference_tape *tape, size_t index);
void ampi_reference_norm_back(ampi_reference_tape *tape, size_t index);

/* target = source * mask / (1 - share) over the batch; added to target when `accumulate`. */
void ampi_reference_drop(ampi_reference_tape *tape, size_t index, const float *source,
                         float *target, bool accumulate);

/* One node's share of the chain rule: adds to d_values of its inputs, writes its parameters'
   gradients.  d_values of the node is complete then. */
void ampi_reference_back(ampi_reference_tape *tape, size_t index);
void ampi_reference_conv_back(ampi_reference_tape *tape, size_t index);

/* Offset of a max pool window's first largest value in its plane [h,w]. */
size_t ampi_reference_argmax(const ampi_node *node, ampi_shape in, const float *plane, size_t y,
                             size_t x);

#endif
