/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/optimizer.c - SGD with momentum, as PyTorch computes it; rates and decay by the part that a
 * tensor plays, and the gradient's length held.
 *
 * A factor f on a rate leaves the decay of a step as it is: decay / f stands in for decay.  So the
 * last layer with factor s^2 moves as a layer would whose output is multiplied by s.
 */
#include "exec/dnnl_vector.h"
#include "train/step.h"

#include <math.h>
#include <string.h>

#define BLOCK 64u           /* values */
#define LEAST_SHARED 32768u /* values: fewer are not worth a second thread */

static amp_status take_velocities(ampi_sgd *out, const ampi_graph *graph, amp_error *error)
{
    out->velocity = ampi_alloc(graph->context, graph->n_tensors, sizeof *out->velocity);
    out->rules = ampi_alloc(graph->context, graph->n_tensors, sizeof *out->rules);
    if (!out->velocity || !out->rules)
        return ampi_fail_nomem(error, "train", graph->n_tensors * sizeof *out->rules);
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

static void set_factor(ampi_sgd *sgd, int32_t tensor, double factor)
{
    if (tensor == AMPI_NONE)
        return;
    sgd->rules[tensor].factor = factor;
    sgd->rules[tensor].decay = factor > 0.0 ? sgd->rules[tensor].decay / factor : 0.0;
}

/* The factors of the options to the tensors of their parts. */
static void set_rules(ampi_sgd *sgd, const ampi_graph *graph, const ampi_train_options *options)
{
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const bool vector = graph->tensors[i].rank < 2;
        sgd->rules[i].factor = 1.0;
        sgd->rules[i].decay = vector && !options->decay_vectors ? 0.0 : options->weight_decay;
    }
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        const bool first = node->op == AMPI_OP_CONV && node->inputs[0] == 0;
        if (node->op == AMPI_OP_BATCH_NORM) {
            set_factor(sgd, node->params[AMPI_PARAM_WEIGHT], options->gain_lr);
            set_factor(sgd, node->params[AMPI_PARAM_BIAS], options->bias_lr);
        } else if (node->op == AMPI_OP_LINEAR) {
            set_factor(sgd, node->params[AMPI_PARAM_WEIGHT], options->head_lr);
            set_factor(sgd, node->params[AMPI_PARAM_BIAS], options->head_lr);
        } else if (first && options->whiten == AMPI_WHITEN_FIXED) {
            set_factor(sgd, node->params[AMPI_PARAM_WEIGHT], 0.0);
        }
    }
}

amp_status ampi_sgd_create(ampi_sgd *out, const ampi_graph *graph,
                           const ampi_train_options *options, amp_error *error)
{
    memset(out, 0, sizeof *out);
    out->context = graph->context;
    AMPI_TRY(take_velocities(out, graph, error));
    set_rules(out, graph, options);
    return AMP_OK;
}

void ampi_sgd_clear(ampi_sgd *sgd)
{
    for (size_t i = 0; sgd->velocity && i < sgd->n_tensors; i++)
        ampi_free(sgd->context, sgd->velocity[i]);
    ampi_free(sgd->context, sgd->velocity);
    ampi_free(sgd->context, sgd->rules);
    memset(sgd, 0, sizeof *sgd);
}

/* ---- one tensor --------------------------------------------------------------------------------
 */

typedef struct sgd_job {
    float *w, *v;
    const float *g;
    float decay, momentum, step, scale;
    bool nesterov;
} sgd_job;

/* v = 0 before the first step, so v <- m v + g gives v = g there, as the reference does. */
AMPI_ALWAYS void move_some(const sgd_job *job, size_t at, const size_t n)
{
    float *const restrict w = job->w + at, *const restrict v = job->v + at;
    const float *const restrict g = job->g + at;
    const float decay = job->decay, momentum = job->momentum, step = job->step;
    const float scale = job->scale;

    if (job->nesterov) {
        for (size_t i = 0; i < n; i++) {
            const float d = scale * g[i] + decay * w[i];
            v[i] = momentum * v[i] + d;
            w[i] -= step * (d + momentum * v[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + (scale * g[i] + decay * w[i]);
        w[i] -= step * v[i];
    }
}

/* Whole blocks, whose length the compiler knows, then the rest. */
AMPI_ALWAYS void move_range(const sgd_job *job, size_t begin, size_t end)
{
    for (; end - begin >= BLOCK; begin += BLOCK)
        move_some(job, begin, BLOCK);
    move_some(job, begin, end - begin);
}

AMPI_VECTOR_PARTS(move_part, move_range, sgd_job)

static void move_values(int32_t threads, size_t n, const sgd_job *job)
{
    sgd_job own = *job;

    ampi_parallel(n < LEAST_SHARED ? 1 : threads, n, move_part, &own);
}

static sgd_job job_of(float *w, float *v, const float *g, const ampi_sgd_move *move)
{
    const sgd_job job = { .w = w,
                          .v = v,
                          .g = g,
                          .decay = (float)move->decay,
                          .momentum = (float)move->momentum,
                          .step = (float)move->rate,
                          .scale = (float)move->scale,
                          .nesterov = move->nesterov };
    return job;
}

void ampi_sgd_values(size_t n, float *restrict w, float *restrict v, const float *restrict g,
                     const ampi_sgd_move *move)
{
    const sgd_job job = job_of(w, v, g, move);

    move_values(1, n, &job);
}

/* ---- all tensors -------------------------------------------------------------------------------
 */

static bool moves(const ampi_sgd *sgd, const ampi_graph *graph, size_t index)
{
    return graph->tensors[index].trainable && sgd->rules[index].factor > 0.0;
}

static double length_of(const ampi_sgd *sgd, const ampi_graph *graph, ampi_tape *tape)
{
    double sum = 0.0;

    for (size_t i = 0; i < graph->n_tensors; i++) {
        const float *const g = moves(sgd, graph, i) ? ampi_tape_gradient(tape, i) : NULL;
        for (size_t j = 0; g && j < graph->tensors[i].count; j++)
            sum += (double)g[j] * (double)g[j];
    }
    return sqrt(sum);
}

double ampi_clip_scale(double length, double most)
{
    return most > 0.0 && length > most ? most / length : 1.0;
}

void ampi_sgd_step(ampi_sgd *sgd, ampi_graph *graph, ampi_tape *tape,
                   const ampi_train_options *options, double rate)
{
    ampi_sgd_move move = { .momentum = options->momentum,
                           .nesterov = options->nesterov,
                           .scale = 1.0 };
    sgd_job job;

    if (options->clip_norm > 0.0)
        move.scale = ampi_clip_scale(length_of(sgd, graph, tape), options->clip_norm);
    for (size_t i = 0; i < graph->n_tensors; i++) {
        ampi_tensor *const tensor = &graph->tensors[i];
        if (!moves(sgd, graph, i))
            continue;
        move.rate = rate * sgd->rules[i].factor;
        move.decay = sgd->rules[i].decay;
        job = job_of(tensor->data, sgd->velocity[i], ampi_tape_gradient(tape, i), &move);
        move_values(sgd->threads, tensor->count, &job);
    }
}
