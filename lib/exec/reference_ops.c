/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference_ops.c - every operation of a graph outside training, one image, in plain loops.
 *
 * reference_run.c walks a graph with these; reference_tape.c uses them for the layers that do the
 * same in training.
 */
#include "exec/reference.h"

#include <math.h>
#include <string.h>

size_t ampi_reference_volume(ampi_shape shape)
{
    return (size_t)shape.c * shape.h * shape.w;
}

static const float *param(const ampi_graph *graph, const ampi_node *node, ampi_param which)
{
    return node->params[which] == AMPI_NONE ? NULL : graph->tensors[node->params[which]].data;
}

/* One output pixel of one channel; weight [i,k,k], source [i,h,w], zero outside. */
static double conv_pixel(const ampi_node *node, const ampi_reference_io *io, const float *weight,
                         size_t oy, size_t ox)
{
    const size_t k = node->kernel;
    double sum = 0.0;

    for (size_t i = 0; i < io->shape.c; i++)
        for (size_t ky = 0; ky < k; ky++)
            for (size_t kx = 0; kx < k; kx++) {
                const size_t y = oy * node->stride + ky; /* + pad */
                const size_t x = ox * node->stride + kx;
                if (y < node->pad || y - node->pad >= io->shape.h || x < node->pad ||
                    x - node->pad >= io->shape.w)
                    continue;
                sum +=
                    (double)weight[(i * k + ky) * k + kx] *
                    (double)
                        io->in[0][(i * io->shape.h + y - node->pad) * io->shape.w + x - node->pad];
            }
    return sum;
}

static void conv(const ampi_graph *graph, const ampi_node *node, const ampi_reference_io *io)
{
    const float *const weight = param(graph, node, AMPI_PARAM_WEIGHT);
    const float *const bias = param(graph, node, AMPI_PARAM_BIAS);
    const size_t each = (size_t)io->shape.c * node->kernel * node->kernel;
    float *out = io->out;

    for (size_t o = 0; o < node->shape.c; o++)
        for (size_t y = 0; y < node->shape.h; y++)
            for (size_t x = 0; x < node->shape.w; x++) {
                const double sum = conv_pixel(node, io, weight + o * each, y, x);
                *out++ = (float)(bias == NULL ? sum : sum + (double)bias[o]);
            }
}

static void linear(const ampi_graph *graph, const ampi_node *node, const ampi_reference_io *io)
{
    const float *const weight = param(graph, node, AMPI_PARAM_WEIGHT);
    const float *const bias = param(graph, node, AMPI_PARAM_BIAS);

    for (size_t o = 0; o < node->shape.c; o++) {
        double sum = 0.0;
        for (size_t i = 0; i < io->shape.c; i++)
            sum += (double)weight[o * io->shape.c + i] * (double)io->in[0][i];
        io->out[o] = (float)(sum + (double)bias[o]);
    }
}

/* y = scale x + shift, a channel at a time. */
static void affine_channel(const ampi_reference_io *io, size_t channel, double scale, double shift)
{
    const size_t pixels = (size_t)io->shape.h * io->shape.w;

    for (size_t i = channel * pixels; i < (channel + 1) * pixels; i++)
        io->out[i] = (float)(scale * (double)io->in[0][i] + shift);
}

static void norm(const ampi_graph *graph, const ampi_node *node, const ampi_reference_io *io)
{
    const float *const weight = param(graph, node, AMPI_PARAM_WEIGHT);
    const float *const bias = param(graph, node, AMPI_PARAM_BIAS);
    const float *const mean = param(graph, node, AMPI_PARAM_MEAN);
    const float *const var = param(graph, node, AMPI_PARAM_VAR);

    for (size_t c = 0; c < node->shape.c; c++) {
        const double scale = (double)weight[c] / sqrt((double)var[c] + (double)node->epsilon);
        affine_channel(io, c, scale, (double)bias[c] - (double)mean[c] * scale);
    }
}

static void scale(const ampi_graph *graph, const ampi_node *node, const ampi_reference_io *io)
{
    const float *const by = param(graph, node, AMPI_PARAM_WEIGHT);
    const float *const shift = param(graph, node, AMPI_PARAM_BIAS);

    for (size_t c = 0; c < node->shape.c; c++)
        affine_channel(io, c, (double)by[c], (double)shift[c]);
}

size_t ampi_reference_argmax(const ampi_node *node, ampi_shape in, const float *plane, size_t y,
                             size_t x)
{
    size_t best = SIZE_MAX;

    for (size_t ky = 0; ky < node->kernel; ky++)
        for (size_t kx = 0; kx < node->kernel; kx++) {
            const size_t iy = y * node->stride + ky;
            const size_t ix = x * node->stride + kx;
            if (iy < node->pad || iy - node->pad >= in.h || ix < node->pad ||
                ix - node->pad >= in.w)
                continue;
            const size_t at = (iy - node->pad) * in.w + ix - node->pad;
            if (best == SIZE_MAX || plane[at] > plane[best])
                best = at;
        }
    return best;
}

static void max_pool(const ampi_node *node, const ampi_reference_io *io)
{
    float *out = io->out;

    for (size_t c = 0; c < node->shape.c; c++) {
        const float *const plane = io->in[0] + c * io->shape.h * io->shape.w;
        for (size_t y = 0; y < node->shape.h; y++)
            for (size_t x = 0; x < node->shape.w; x++)
                *out++ = plane[ampi_reference_argmax(node, io->shape, plane, y, x)];
    }
}

static void avg_pool(const ampi_reference_io *io)
{
    const size_t pixels = (size_t)io->shape.h * io->shape.w;

    for (size_t c = 0; c < io->shape.c; c++) {
        double sum = 0.0;
        for (size_t i = c * pixels; i < (c + 1) * pixels; i++)
            sum += (double)io->in[0][i];
        io->out[c] = (float)(sum / (double)pixels);
    }
}

static void add(float *out, const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
}

/* A NaN stays one. */
static void relu(float *out, const float *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = in[i] < 0.0f ? 0.0f : in[i];
}

static void run_op(const ampi_graph *graph, const ampi_node *node, const ampi_reference_io *io,
                   size_t count)
{
    switch (node->op) {
    case AMPI_OP_CONV:
        conv(graph, node, io);
        break;
    case AMPI_OP_BATCH_NORM:
        norm(graph, node, io);
        break;
    case AMPI_OP_RELU:
        relu(io->out, io->in[0], count);
        break;
    case AMPI_OP_ADD:
        add(io->out, io->in[0], io->in[1], count);
        break;
    case AMPI_OP_MAX_POOL:
        max_pool(node, io);
        break;
    case AMPI_OP_AVG_POOL:
        avg_pool(io);
        break;
    case AMPI_OP_LINEAR:
        linear(graph, node, io);
        break;
    case AMPI_OP_SCALE:
        scale(graph, node, io);
        break;
    case AMPI_OP_INPUT:
    case AMPI_OP_DROPOUT:
    case AMPI_OP_COUNT:
        memcpy(io->out, io->in[0], count * sizeof(float));
        break;
    }
}

void ampi_reference_node(const ampi_graph *graph, const ampi_node *node,
                         const ampi_reference_io *io)
{
    const size_t count = ampi_reference_volume(node->shape);

    run_op(graph, node, io, count);
    if (io->sum != NULL)
        add(io->out, io->out, io->sum, count);
    if (node->relu)
        relu(io->out, io->out, count);
}
