/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/average.c - weights averaged along the way: a moving mean beside training, or slow weights
 * that training goes on from (Zhang et al., "Lookahead Optimizer", 2019).
 *
 * Running statistics of batch norms are averaged as the weights are.  The average is what is
 * measured and exported; a run without one does that with its weights.
 */
#include "train/train_internal.h"

#include <string.h>

/* airbench's: slow weights keep little of their past at first. */
#define LOOKAHEAD 0.7737809375 /* 0.95^5 */

amp_status ampi_average_create(ampi_graph **out, const ampi_train_options *options,
                               const ampi_graph *graph, amp_error *error)
{
    *out = NULL;
    if (options->lookahead == 0 && !(options->ema > 0.0))
        return AMP_OK;
    return ampi_graph_clone(out, graph, error);
}

double ampi_average_keep(const ampi_train_options *options, uint64_t step, uint64_t steps)
{
    const double done = (double)step / (double)steps;
    const double young = (1.0 + (double)step) / (10.0 + (double)step);

    if (options->lookahead == 0)
        return options->ema < young ? options->ema : young;
    return step % (uint64_t)options->lookahead == 0 || step == steps
               ? LOOKAHEAD * done * done * done
               : 1.0;
}

void ampi_average_values(size_t n, float *restrict slow, const float *restrict fast, double keep)
{
    const float share = (float)(1.0 - keep);

    for (size_t i = 0; i < n; i++)
        slow[i] += share * (fast[i] - slow[i]);
}

void ampi_average_step(ampi_graph *slow, ampi_graph *fast, const ampi_train_options *options,
                       uint64_t step, uint64_t steps)
{
    const double keep = ampi_average_keep(options, step, steps);

    for (size_t i = 0; keep < 1.0 && i < slow->n_tensors; i++) {
        ampi_tensor *const a = &slow->tensors[i], *const b = &fast->tensors[i];
        a->counter = b->counter;
        if (!a->data)
            continue;
        ampi_average_values(a->count, a->data, b->data, keep);
        if (options->lookahead > 0)
            memcpy(b->data, a->data, a->count * sizeof(float));
    }
}
