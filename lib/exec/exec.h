/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/exec.h - a graph made to run, forward for inference, forward and backward for training.
 *
 * Two back ends behind one table: oneDNN (2.x or 3.x) and plain loops.  A program is the
 * immutable part (rewritten graph, prepared weights, plans for a few batch sizes) and is shared by
 * threads; a runner owns the memory of one run and serves one thread.  In a forked child both go
 * on, on one thread.
 */
#ifndef AMPI_EXEC_H
#define AMPI_EXEC_H

#include "exec/omp.h"
#include "exec/rows.h"
#include "exec/watch.h"

typedef enum ampi_backend { AMPI_BACKEND_ONEDNN, AMPI_BACKEND_REFERENCE } ampi_backend;

/* How a network computes.  Weights are fp32 in the graph whatever they become inside. */
typedef enum ampi_precision {
    AMPI_PRECISION_FP32, /* inference: direct convolutions, the same bits however it is run */
    AMPI_PRECISION_FAST, /* fp32, Winograd convolutions where there are any: about 1e-6 off */
    AMPI_PRECISION_BF16, /* activations and weights, sums in fp32 */
    AMPI_PRECISION_INT8, /* those convolutions whose ranges the graph knows (node.h), sums in int32
                          */
    AMPI_PRECISION_COUNT
} ampi_precision;

const char *ampi_precision_name(ampi_precision precision);

/* ---- inference ---- */
typedef struct ampi_program ampi_program;
typedef struct ampi_runner ampi_runner;

/* ampi_graph_optimise is applied here.  The graph may be freed afterwards; its weights, which the
   program shares, must not change while the program lives. */
amp_status ampi_program_create(ampi_program **out, const ampi_graph *graph, ampi_backend backend,
                               amp_error *error);
/* AMP_E_UNSUPPORTED where ampi_precision_here is false. */
amp_status ampi_program_create_as(ampi_program **out, const ampi_graph *graph, ampi_backend backend,
                                  ampi_precision precision, amp_error *error);
typedef struct ampi_program_options {
    ampi_backend backend;
    ampi_precision precision;
    bool observe; /* what its convolutions read and make is noted in every run; FP32 */
    bool joins;   /* it runs on sums of halves (ampi_rows), not on whole inputs */
} ampi_program_options;
amp_status ampi_program_create_with(ampi_program **out, const ampi_graph *graph,
                                    const ampi_program_options *options, amp_error *error);
/* What node `index` of an observing program is called and has read and made so far, where it is a
   convolution: the mean over rows of their piece's lowest and highest value; *name = NULL for
   other nodes.  False past the last node; no run is going on. */
bool ampi_program_seen(const ampi_program *program, size_t index, const char **name,
                       ampi_range *reads, ampi_range *makes);
/* Whether this back end has it and this processor computes it natively. */
bool ampi_precision_here(ampi_backend backend, ampi_precision precision);
ampi_program *ampi_program_ref(ampi_program *program);
void ampi_program_unref(ampi_program *program);
ampi_shape ampi_program_input(const ampi_program *program);
ampi_shape ampi_program_output(const ampi_program *program);

amp_status ampi_runner_create(ampi_runner **out, ampi_program *program, amp_error *error);
void ampi_runner_free(ampi_runner *runner);
/* input [n,c,h,w] plain float -> output [n,c',h',w'] plain float.  In FP32 the same bits for any n
   and any `threads` (>= 1, already taken from the context's budget by the caller). */
amp_status ampi_runner_forward(ampi_runner *runner, int32_t threads, size_t n, const float *input,
                               float *output, amp_error *error);

/* The same for a program that joins: rows of halves; sums are never written down where the back end
 * can help it. */
amp_status ampi_runner_join(ampi_runner *runner, int32_t threads, size_t n, const ampi_rows *rows,
                            float *output, amp_error *error);
/* From now on runs are noted in `watch`, which outlives them; NULL = no more.  Of runs shared among
   threads the first thread's part is.  AMP_E_UNSUPPORTED on plain loops. */
amp_status ampi_runner_watch(ampi_runner *runner, ampi_watch *watch, amp_error *error);

/* ---- training ---- */
typedef struct ampi_tape ampi_tape;

/* Keeps a pointer to `graph`: reads its weights at every forward, updates its running statistics
   there.  Batch size is fixed.  `threads` fixed: gradients depend on it.  A tape of several threads
   does not run in a forked child (AMP_E_UNSUPPORTED); one made there has one thread. */
amp_status ampi_tape_create(ampi_tape **out, ampi_graph *graph, size_t batch, int32_t threads,
                            ampi_backend backend, amp_error *error);

/* How a tape computes.  Zeroed = threads 1, oneDNN, winograd where it pays, fp32. */
typedef struct ampi_tape_options {
    int32_t threads; /* >= 1; 0 = 1 */
    ampi_backend backend;
    bool exact; /* no Winograd convolutions: slower, and about 1e-6 closer */
    /* FP32 or BF16: of values and their gradients; weights, their gradients, statistics and linear
       layers are fp32 in either. */
    ampi_precision precision;
} ampi_tape_options;
/* AMP_E_UNSUPPORTED where ampi_precision_here is false. */
amp_status ampi_tape_create_with(ampi_tape **out, ampi_graph *graph, size_t batch,
                                 const ampi_tape_options *options, amp_error *error);
void ampi_tape_free(ampi_tape *tape);
/* Of everything that a batch needs: values, gradients, scratch memory, gradients of weights. */
size_t ampi_tape_bytes(const ampi_tape *tape);
/* Training-mode forward (batch statistics; running statistics and counters updated; dropout keyed
   by (seed, step)): input [batch,c,h,w] -> logits [batch,classes]. */
amp_status ampi_tape_forward(ampi_tape *tape, const float *input, uint64_t seed, uint64_t step,
                             float *logits, amp_error *error);
/* From d loss / d logits [batch,classes] to all gradients; d_input [batch,c,h,w] or NULL.
   Belongs to the last forward, and comes once after it (AMP_E_ARGUMENT otherwise). */
amp_status ampi_tape_backward(ampi_tape *tape, const float *d_logits, float *d_input,
                              amp_error *error);
/* Gradient of graph tensor `index`, same layout and count as its data; NULL if not trainable. */
float *ampi_tape_gradient(ampi_tape *tape, size_t index);

/* "oneDNN 2.6.3, cpu isa avx512_core_bf16" into out[size]. */
void ampi_exec_describe(char *out, size_t size);

#endif
