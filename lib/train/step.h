/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/step.h - from logits to changed weights: loss, rate, SGD.
 */
#ifndef AMPI_STEP_H
#define AMPI_STEP_H

#include "exec/exec.h"
#include "train/train_options.h"

/* ---- schedule.c ---- */
/* Rate of batch `step` (0-based) of `steps`; `per_epoch` batches make an epoch. */
double ampi_schedule_rate(const ampi_train_options *options, uint64_t step, uint64_t steps,
                          uint64_t per_epoch);

/* ---- loss.c ---- */
typedef struct ampi_predictions {
    size_t n, classes;
    const float *logits;   /* [n,classes]                                  */
    const int32_t *labels; /* [n], 0..classes-1                            */
    double smoothing;      /* share of the target spread over all classes  */
    const int32_t *others; /* [n], 0..classes-1, or NULL: one label an image */
    double share;          /* of `labels` beside `others` */
} ampi_predictions;

/* Mean cross entropy; its gradient in d_logits [n,classes]; *correct = arg max hits.  Double
   inside. */
double ampi_loss(const ampi_predictions *predictions, float *d_logits, size_t *correct);

/* ---- optimizer.c ---- */
/* How one tensor is trained. */
typedef struct ampi_sgd_rule {
    double factor; /* on the rate; 0 = never moved */
    double decay;  /* already divided by the factor */
} ampi_sgd_rule;

typedef struct ampi_sgd {
    amp_context *context;
    size_t n_tensors;
    float **velocity; /* one a tensor, NULL where nothing is trained */
    ampi_sgd_rule *rules;
    int32_t threads; /* of a step, whose bits do not hang on it; 0 = 1 */
} ampi_sgd;

typedef struct ampi_sgd_move {
    double rate, decay, momentum;
    double scale; /* of the gradient */
    bool nesterov;
} ampi_sgd_move;

amp_status ampi_sgd_create(ampi_sgd *out, const ampi_graph *graph,
                           const ampi_train_options *options, amp_error *error);
void ampi_sgd_clear(ampi_sgd *sgd);
/* PyTorch's SGD on n weights: g <- scale g + decay w, v <- m v + g, w <- w - rate v, or with
   Nesterov w <- w - rate (g + m v). */
void ampi_sgd_values(size_t n, float *restrict w, float *restrict v, const float *restrict g,
                     const ampi_sgd_move *move);
/* On gradients of this length altogether, so that it is at most `most`; 1 with most = 0. */
double ampi_clip_scale(double length, double most);
/* The same on every trained tensor. */
void ampi_sgd_step(ampi_sgd *sgd, ampi_graph *graph, ampi_tape *tape,
                   const ampi_train_options *options, double rate);

/* ---- average.c ---- */
/* NULL when the options ask for no average; else a copy of the weights as they stand. */
amp_status ampi_average_create(ampi_graph **out, const ampi_train_options *options,
                               const ampi_graph *graph, amp_error *error);
/* Share of itself that the average keeps after `step` of `steps` (1-based); 1 = nothing happens. */
double ampi_average_keep(const ampi_train_options *options, uint64_t step, uint64_t steps);
void ampi_average_values(size_t n, float *restrict slow, const float *restrict fast, double keep);
/* After each step; with lookahead the trained weights become the slow ones. */
void ampi_average_step(ampi_graph *slow, ampi_graph *fast, const ampi_train_options *options,
                       uint64_t step, uint64_t steps);

/* ---- whiten.c ---- */
/* Eigenvalues, falling, and vectors (rows, of length 1, largest entry positive) of the symmetric
   matrix a [n,n], which is destroyed. */
void ampi_eigen(size_t n, double *a, double *values, double *vectors);

#endif
