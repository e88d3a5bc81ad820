/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/optimizer.c - SGD with momentum, as PyTorch computes it.
 */
#include "train/step.h"

#include <string.h>

amp_status ampi_sgd_create(ampi_sgd *out, const ampi_graph *graph, amp_error *error)
{
    memset(out, 0, sizeof *out);
    out->context = graph->context;
    out->velocity = ampi_alloc(graph->context, graph->n_tensors, sizeof *out->velocity);
    if (!out->velocity)
        return ampi_fail_nomem(error, "train", graph->n_tensors * sizeof *out->velocity);
    out->n_tensors = graph->n_tensors;
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const ampi_tensor *const tensor = &graph->tensors[i];
        if (!tensor->trainable)
            continue;
        out->velocity[i] = ampi_alloc(graph->context, tensor->count, sizeof(float));
        if (!out->velocity[i])
            return ampi_fail_nomem(error, "train", tensor->count * sizeof(float));
    }
    return AMP_OK;
}

void ampi_sgd_clear(ampi_sgd *sgd)
{
    for (size_t i = 0; sgd->velocity && i < sgd->n_tensors; i++)
        ampi_free(sgd->context, sgd->velocity[i]);
    ampi_free(sgd->context, sgd->velocity);
    memset(sgd, 0, sizeof *sgd);
}

/* v = 0 before the first step, so v <- m v + g gives v = g there, as the reference does. */
void ampi_sgd_values(size_t n, float *restrict w, float *restrict v, const float *restrict g,
                     const ampi_train_options *options, double rate)
{
    const float decay = (float)options->weight_decay, momentum = (float)options->momentum;
    const float step = (float)rate;

    if (options->nesterov) {
        for (size_t i = 0; i < n; i++) {
            const float d = g[i] + decay * w[i];
            v[i] = momentum * v[i] + d;
            w[i] -= step * (d + momentum * v[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= step * v[i];
    }
}

void ampi_sgd_step(ampi_sgd *sgd, ampi_graph *graph, ampi_tape *tape,
                   const ampi_train_options *options, double rate)
{
    for (size_t i = 0; i < graph->n_tensors; i++) {
        ampi_tensor *const tensor = &graph->tensors[i];
        if (tensor->trainable)
            ampi_sgd_values(tensor->count, tensor->data, sgd->velocity[i],
                            ampi_tape_gradient(tape, i), options, rate);
    }
}
