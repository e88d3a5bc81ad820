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
} ampi_predictions;

/* Mean cross entropy; its gradient in d_logits [n,classes]; *correct = arg max hits.  Double
   inside. */
double ampi_loss(const ampi_predictions *predictions, float *d_logits, size_t *correct);

/* ---- optimizer.c ---- */
typedef struct ampi_sgd {
    amp_context *context;
    size_t n_tensors;
    float **velocity; /* one a tensor, NULL where nothing is trained */
} ampi_sgd;

amp_status ampi_sgd_create(ampi_sgd *out, const ampi_graph *graph, amp_error *error);
void ampi_sgd_clear(ampi_sgd *sgd);
/* PyTorch's SGD on n weights: g <- g + decay w, v <- m v + g, w <- w - rate v, or with Nesterov
   w <- w - rate (g + m v). */
void ampi_sgd_values(size_t n, float *restrict w, float *restrict v, const float *restrict g,
                     const ampi_train_options *options, double rate);
/* The same on every trained tensor. */
void ampi_sgd_step(ampi_sgd *sgd, ampi_graph *graph, ampi_tape *tape,
                   const ampi_train_options *options, double rate);

#endif
