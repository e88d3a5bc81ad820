/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/backend.h - what a back end must offer; program.c and tape.c call it through these tables.
 *
 * A back end never sees the caller: it gets an optimised graph (inference) or the trained graph
 * with the arrays that receive its gradients (training).
 */
#ifndef AMPI_EXEC_BACKEND_H
#define AMPI_EXEC_BACKEND_H

#include "exec/exec.h"
#include "exec/watch.h"

#include <stdatomic.h>

/* What a convolution read and made in the pieces run so far; written by several threads. */
typedef struct ampi_seen {
    _Atomic float read[2],
        made[2]; /* a piece's lowest and highest value, 0 included, for each row */
    _Atomic uint32_t rows;
} ampi_seen;

/* Everything that a back end's tape is made from; the pointers outlive the tape. */
typedef struct ampi_tape_setup {
    ampi_graph *graph;
    float *const *gradients; /* [graph->n_tensors], NULL where a tensor is not trainable */
    size_t batch;
    ampi_tape_options options;
} ampi_tape_setup;

typedef struct ampi_program_setup {
    const ampi_graph *graph; /* optimised; outlives the program */
    ampi_precision precision;
    ampi_seen *seen; /* [graph->n_nodes] to be filled by runs, NULL = nobody asks */
    bool joins;      /* runs get halves */
} ampi_program_setup;

typedef struct ampi_backend_api {
    /* Largest batch of one run; program.c splits longer ones.  SIZE_MAX = any, the runner splits
       by itself.  `graph` is optimised. */
    size_t (*chunk)(const ampi_graph *graph);

    bool (*precision_here)(ampi_precision precision);
    amp_status (*program_create)(void **out, const ampi_program_setup *setup, amp_error *error);
    void (*program_free)(void *program);
    amp_status (*runner_create)(void **out, void *program, amp_error *error);
    void (*runner_free)(void *runner);
    /* n <= chunk */
    amp_status (*runner_forward)(void *runner, int32_t threads, size_t n, const ampi_rows *rows,
                                 float *output, amp_error *error);
    /* See ampi_runner_watch; NULL = it cannot. */
    void (*runner_watch)(void *runner, ampi_watch *watch);

    amp_status (*tape_create)(void **out, const ampi_tape_setup *setup, amp_error *error);
    void (*tape_free)(void *tape);
    size_t (*tape_bytes)(const void *tape); /* of values, gradients of values, scratch memory */
    amp_status (*tape_forward)(void *tape, const float *input, uint64_t seed, uint64_t step,
                               float *logits, amp_error *error);
    amp_status (*tape_backward)(void *tape, const float *d_logits, float *d_input,
                                amp_error *error);
} ampi_backend_api;

/* NULL where the library was built without that back end. */
const ampi_backend_api *ampi_backend_onednn(void);
const ampi_backend_api *ampi_backend_reference(void);

/* Whichever is meant. */
static inline const ampi_backend_api *ampi_backend_find(ampi_backend backend)
{
    return backend == AMPI_BACKEND_ONEDNN ? ampi_backend_onednn() : ampi_backend_reference();
}

/* ---- what both back ends do alike in training (layers.c) ---- */

/* Batch norm's running statistics from a batch's mean and biased variance, [c] each, over
   `count` values a channel; the node's counter goes up by one. */
void ampi_layers_track(ampi_graph *graph, const ampi_node *node, const float *mean,
                       const float *var, size_t count);

/* Which value of a dropout node survives: one byte a value, 1 = kept.  Channel `channel` of image
   `image`, `pixels` values written `stride` bytes apart.  Keyed by (seed, step, node, image,
   channel) alone, so that threads and layouts do not matter. */
typedef struct ampi_dropout {
    uint64_t seed, step;
    size_t node;
    float share;
} ampi_dropout;
void ampi_layers_mask(const ampi_dropout *dropout, size_t image, size_t channel, size_t pixels,
                      size_t stride, uint8_t *mask);
/* What the survivors are multiplied by. */
float ampi_layers_mask_scale(float share);

#endif
