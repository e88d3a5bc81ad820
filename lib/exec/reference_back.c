/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference_back.c - the chain rule, one node at a time, in plain loops.
 *
 * dy is the gradient of the node's output; dx of its input, added to, because a value with
 * several readers collects from each.  A layer's parameters belong to it alone: written.
 * Convolutions are in reference_conv_back.c.
 */
#include "exec/reference.h"

static size_t batch_values(const ampi_reference_tape *tape, ampi_shape shape)
{
    return tape->setup.batch * ampi_reference_volume(shape);
}

static void add_to(float *target, const float *source, size_t count)
{
    for (size_t i = 0; i < count; i++)
        target[i] += source[i];
}

/* y = relu(x): dx += dy where y > 0. */
static void relu_back(float *dx, const float *dy, const float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (y[i] > 0.0f)
            dx[i] += dy[i];
}

/* Fused parts, outermost first: relu in place, then the sum's own gradient. */
static void fused_back(ampi_reference_tape *tape, size_t index, const ampi_node *node)
{
    const size_t count = batch_values(tape, node->shape);

    if (node->relu)
        for (size_t i = 0; i < count; i++)
            if (!(tape->values[index][i] > 0.0f))
                tape->d_values[index][i] = 0.0f;
    if (node->sum != AMPI_NONE)
        add_to(tape->d_values[node->sum], tape->d_values[index], count);
}

static void linear_dx(const float *weight, const ampi_node *node, size_t inputs, const float *dy,
                      float *dx)
{
    for (size_t i = 0; i < inputs; i++) {
        double sum = 0.0;
        for (size_t o = 0; o < node->shape.c; o++)
            sum += (double)dy[o] * (double)weight[o * inputs + i];
        dx[i] += (float)sum;
    }
}

/* Row o of dW and db[o]. */
static void linear_dw(const ampi_reference_tape *tape, size_t index, size_t o, size_t inputs)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    float *const dw = ampi_reference_gradient(tape, node, AMPI_PARAM_WEIGHT);
    double total = 0.0;

    for (size_t i = 0; i < inputs; i++) {
        double sum = 0.0;
        for (size_t n = 0; n < tape->setup.batch; n++)
            sum += (double)tape->d_values[index][n * node->shape.c + o] *
                   (double)tape->values[node->inputs[0]][n * inputs + i];
        dw[o * inputs + i] = (float)sum;
    }
    for (size_t n = 0; n < tape->setup.batch; n++)
        total += (double)tape->d_values[index][n * node->shape.c + o];
    ampi_reference_gradient(tape, node, AMPI_PARAM_BIAS)[o] = (float)total;
}

static void linear_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_graph *const graph = tape->setup.graph;
    const ampi_node *const node = &graph->nodes[index];
    const size_t inputs = graph->nodes[node->inputs[0]].shape.c;

    for (size_t n = 0; n < tape->setup.batch; n++)
        linear_dx(graph->tensors[node->params[AMPI_PARAM_WEIGHT]].data, node, inputs,
                  tape->d_values[index] + n * node->shape.c,
                  tape->d_values[node->inputs[0]] + n * inputs);
    for (size_t o = 0; o < node->shape.c; o++)
        linear_dw(tape, index, o, inputs);
}

static void max_pool_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    const ampi_shape in = tape->setup.graph->nodes[node->inputs[0]].shape;
    const size_t area = (size_t)in.h * in.w;
    const float *dy = tape->d_values[index];

    for (size_t plane = 0; plane < tape->setup.batch * in.c; plane++) {
        const float *const x = tape->values[node->inputs[0]] + plane * area;
        float *const dx = tape->d_values[node->inputs[0]] + plane * area;
        for (size_t oy = 0; oy < node->shape.h; oy++)
            for (size_t ox = 0; ox < node->shape.w; ox++)
                dx[ampi_reference_argmax(node, in, x, oy, ox)] += *dy++;
    }
}

static void avg_pool_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    const ampi_shape in = tape->setup.graph->nodes[node->inputs[0]].shape;
    const size_t area = (size_t)in.h * in.w;

    for (size_t plane = 0; plane < tape->setup.batch * in.c; plane++) {
        const float share = (float)((double)tape->d_values[index][plane] / (double)area);
        float *const dx = tape->d_values[node->inputs[0]] + plane * area;
        for (size_t i = 0; i < area; i++)
            dx[i] += share;
    }
}

/* y = scale x + shift */
static void scale_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_graph *const graph = tape->setup.graph;
    const ampi_node *const node = &graph->nodes[index];
    const float *const scale = graph->tensors[node->params[AMPI_PARAM_WEIGHT]].data;
    const size_t area = (size_t)node->shape.h * node->shape.w;

    for (size_t c = 0; c < node->shape.c; c++) {
        double d_scale = 0.0;
        double d_shift = 0.0;
        for (size_t n = 0; n < tape->setup.batch; n++)
            for (size_t i = 0; i < area; i++) {
                const size_t at = (n * node->shape.c + c) * area + i;
                const double dy = (double)tape->d_values[index][at];
                d_scale += dy * (double)tape->values[node->inputs[0]][at];
                d_shift += dy;
                tape->d_values[node->inputs[0]][at] += (float)(dy * (double)scale[c]);
            }
        ampi_reference_gradient(tape, node, AMPI_PARAM_WEIGHT)[c] = (float)d_scale;
        ampi_reference_gradient(tape, node, AMPI_PARAM_BIAS)[c] = (float)d_shift;
    }
}

static void add_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    const size_t count = batch_values(tape, node->shape);

    add_to(tape->d_values[node->inputs[0]], tape->d_values[index], count);
    add_to(tape->d_values[node->inputs[1]], tape->d_values[index], count);
}

void ampi_reference_back(ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];

    fused_back(tape, index, node);
    switch (node->op) {
    case AMPI_OP_CONV:
        ampi_reference_conv_back(tape, index);
        break;
    case AMPI_OP_BATCH_NORM:
        ampi_reference_norm_back(tape, index);
        break;
    case AMPI_OP_RELU:
        relu_back(tape->d_values[node->inputs[0]], tape->d_values[index], tape->values[index],
                  batch_values(tape, node->shape));
        break;
    case AMPI_OP_ADD:
        add_back(tape, index);
        break;
    case AMPI_OP_MAX_POOL:
        max_pool_back(tape, index);
        break;
    case AMPI_OP_AVG_POOL:
        avg_pool_back(tape, index);
        break;
    case AMPI_OP_LINEAR:
        linear_back(tape, index);
        break;
    case AMPI_OP_DROPOUT:
        ampi_reference_drop(tape, index, tape->d_values[index], tape->d_values[node->inputs[0]],
                            true);
        break;
    case AMPI_OP_SCALE:
        scale_back(tape, index);
        break;
    case AMPI_OP_INPUT:
    case AMPI_OP_COUNT:
        break;
    }
}
