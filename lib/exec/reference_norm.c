/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference_norm.c - batch norm and dropout as they are in training, forward and back.
 *
 * Source of batch norm: Ioffe and Szegedy 2015, equations of algorithm 1 and of section 3; the
 * biased variance normalises, the unbiased one goes into the running statistics.
 */
#include "exec/reference.h"

#include <math.h>

/* One channel of a batch: value (image n, pixel i) is at[n * volume + i]. */
typedef struct channel_view {
    size_t batch, pixels, volume, offset;
} channel_view;

static channel_view view_of(const ampi_reference_tape *tape, const ampi_node *node, size_t channel)
{
    const size_t pixels = (size_t)node->shape.h * node->shape.w;

    return (channel_view){ .batch = tape->setup.batch,
                           .pixels = pixels,
                           .volume = node->shape.c * pixels,
                           .offset = channel * pixels };
}

/* Two passes: the mean first. */
static void mean_and_var(const float *x, channel_view v, double *mean, double *var)
{
    const double count = (double)(v.batch * v.pixels);
    double sum = 0.0;
    double squares = 0.0;

    for (size_t n = 0; n < v.batch; n++)
        for (size_t i = 0; i < v.pixels; i++)
            sum += (double)x[n * v.volume + v.offset + i];
    *mean = sum / count;
    for (size_t n = 0; n < v.batch; n++)
        for (size_t i = 0; i < v.pixels; i++) {
            const double d = (double)x[n * v.volume + v.offset + i] - *mean;
            squares += d * d;
        }
    *var = squares / count;
}

void ampi_reference_norm(ampi_reference_tape *tape, size_t index)
{
    ampi_graph *const graph = tape->setup.graph;
    const ampi_node *const node = &graph->nodes[index];
    const float *const weight = graph->tensors[node->params[AMPI_PARAM_WEIGHT]].data;
    const float *const bias = graph->tensors[node->params[AMPI_PARAM_BIAS]].data;
    const float *const x = tape->values[node->inputs[0]];
    double *const moments = tape->moments[index];
    const size_t channels = node->shape.c;

    for (size_t c = 0; c < channels; c++) {
        const channel_view v = view_of(tape, node, c);
        double var = 0.0;
        mean_and_var(x, v, &moments[c], &var);
        moments[channels + c] = 1.0 / sqrt(var + (double)node->epsilon);
        tape->track[c] = (float)moments[c];
        tape->track[channels + c] = (float)var;
        for (size_t n = 0; n < v.batch; n++)
            for (size_t i = 0; i < v.pixels; i++) {
                const size_t at = n * v.volume + v.offset + i;
                const double unit = ((double)x[at] - moments[c]) * moments[channels + c];
                tape->values[index][at] = (float)((double)weight[c] * unit + (double)bias[c]);
            }
    }
    ampi_layers_track(graph, node, tape->track, tape->track + channels,
                      tape->setup.batch * node->shape.h * node->shape.w);
}

typedef struct norm_sums {
    double g;      /* sum of dy        */
    double g_unit; /* sum of dy * unit */
} norm_sums;

static norm_sums sum_channel(const float *dy, const float *x, channel_view v,
                             const double moment[2])
{
    norm_sums sums = { 0.0, 0.0 };

    for (size_t n = 0; n < v.batch; n++)
        for (size_t i = 0; i < v.pixels; i++) {
            const size_t at = n * v.volume + v.offset + i;
            sums.g += (double)dy[at];
            sums.g_unit += (double)dy[at] * ((double)x[at] - moment[0]) * moment[1];
        }
    return sums;
}

/* dx = weight / deviation * (dy - mean(dy) - unit * mean(dy * unit)) */
void ampi_reference_norm_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_graph *const graph = tape->setup.graph;
    const ampi_node *const node = &graph->nodes[index];
    const float *const weight = graph->tensors[node->params[AMPI_PARAM_WEIGHT]].data;
    const float *const x = tape->values[node->inputs[0]];
    const float *const dy = tape->d_values[index];
    float *const dx = tape->d_values[node->inputs[0]];
    const size_t channels = node->shape.c;

    for (size_t c = 0; c < channels; c++) {
        const channel_view v = view_of(tape, node, c);
        const double count = (double)(v.batch * v.pixels);
        const double moment[2] = { tape->moments[index][c], tape->moments[index][channels + c] };
        const norm_sums sums = sum_channel(dy, x, v, moment);
        ampi_reference_gradient(tape, node, AMPI_PARAM_WEIGHT)[c] = (float)sums.g_unit;
        ampi_reference_gradient(tape, node, AMPI_PARAM_BIAS)[c] = (float)sums.g;
        for (size_t n = 0; n < v.batch; n++)
            for (size_t i = 0; i < v.pixels; i++) {
                const size_t at = n * v.volume + v.offset + i;
                const double unit = ((double)x[at] - moment[0]) * moment[1];
                const double centred = (double)dy[at] - sums.g / count - unit * sums.g_unit / count;
                dx[at] += (float)((double)weight[c] * moment[1] * centred);
            }
    }
}

void ampi_reference_drop(ampi_reference_tape *tape, size_t index, const float *source,
                         float *target, bool accumulate)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    const ampi_dropout dropout = {
        .seed = tape->seed, .step = tape->step, .node = index, .share = node->dropout
    };
    const float scale = ampi_layers_mask_scale(node->dropout);

    for (size_t c = 0; c < node->shape.c; c++) {
        const channel_view v = view_of(tape, node, c);
        for (size_t n = 0; n < v.batch; n++) {
            const size_t start = n * v.volume + v.offset;
            ampi_layers_mask(&dropout, n, c, v.pixels, 1, tape->mask);
            for (size_t i = 0; i < v.pixels; i++) {
                const float value = tape->mask[i] != 0 ? source[start + i] * scale : 0.0f;
                target[start + i] = accumulate ? target[start + i] + value : value;
            }
        }
    }
}
