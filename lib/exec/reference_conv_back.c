/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference_conv_back.c - gradients of a convolution: its input, its weight, its bias.
 *
 * y[o,oy,ox] = bias[o] + sum over i, ky, kx of w[o,i,ky,kx] x[i, oy stride + ky - pad, ...]
 */
#include "exec/reference.h"

/* The layer and one image of it. */
typedef struct conv_image {
    const ampi_node *node;
    ampi_shape in;
    const float *weight; /* [o,i,k,k] */
    const float *x;      /* [i,h,w]   */
    const float *dy;     /* [o,h,w]   */
    float *dx;
} conv_image;

/* Output row or column that tap `tap` takes from `at`; false where there is none. */
static bool output_of(const ampi_node *node, size_t at, size_t tap, size_t limit, size_t *out)
{
    const size_t padded = at + node->pad;

    if (padded < tap || (padded - tap) % node->stride != 0)
        return false;
    *out = (padded - tap) / node->stride;
    return *out < limit;
}

static double dx_pixel(const conv_image *m, size_t i, size_t y, size_t x)
{
    const ampi_node *const node = m->node;
    const size_t k = node->kernel;
    size_t oy = 0;
    size_t ox = 0;
    double sum = 0.0;

    for (size_t ky = 0; ky < k; ky++)
        for (size_t kx = 0; kx < k; kx++) {
            if (!output_of(node, y, ky, node->shape.h, &oy) ||
                !output_of(node, x, kx, node->shape.w, &ox))
                continue;
            for (size_t o = 0; o < node->shape.c; o++)
                sum += (double)m->weight[((o * m->in.c + i) * k + ky) * k + kx] *
                       (double)m->dy[(o * node->shape.h + oy) * node->shape.w + ox];
        }
    return sum;
}

static void dx_image(const conv_image *m)
{
    float *dx = m->dx;

    for (size_t i = 0; i < m->in.c; i++)
        for (size_t y = 0; y < m->in.h; y++)
            for (size_t x = 0; x < m->in.w; x++)
                *dx++ += (float)dx_pixel(m, i, y, x);
}

/* One image's share of d w[o,i,ky,kx]; `tap` = { o, i, ky, kx }. */
static double dw_image(const conv_image *m, const size_t tap[4])
{
    const ampi_node *const node = m->node;
    double sum = 0.0;

    for (size_t oy = 0; oy < node->shape.h; oy++)
        for (size_t ox = 0; ox < node->shape.w; ox++) {
            const size_t y = oy * node->stride + tap[2]; /* + pad */
            const size_t x = ox * node->stride + tap[3];
            if (y < node->pad || y - node->pad >= m->in.h || x < node->pad ||
                x - node->pad >= m->in.w)
                continue;
            sum += (double)m->dy[(tap[0] * node->shape.h + oy) * node->shape.w + ox] *
                   (double)m->x[(tap[1] * m->in.h + y - node->pad) * m->in.w + x - node->pad];
        }
    return sum;
}

static conv_image image_of(const ampi_reference_tape *tape, size_t index, size_t image)
{
    const ampi_graph *const graph = tape->setup.graph;
    const ampi_node *const node = &graph->nodes[index];
    const int32_t input = node->inputs[0];
    const size_t in = ampi_reference_volume(graph->nodes[input].shape);
    const size_t out = ampi_reference_volume(node->shape);

    return (conv_image){ .node = node,
                         .in = graph->nodes[input].shape,
                         .weight = graph->tensors[node->params[AMPI_PARAM_WEIGHT]].data,
                         .x = tape->values[input] + image * in,
                         .dy = tape->d_values[index] + image * out,
                         .dx = tape->d_values[input] + image * in };
}

static void weight_back(const ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    const ampi_tensor *const weight = &tape->setup.graph->tensors[node->params[AMPI_PARAM_WEIGHT]];
    const size_t k = node->kernel;
    float *const dw = ampi_reference_gradient(tape, node, AMPI_PARAM_WEIGHT);

    for (size_t at = 0; at < weight->count; at++) {
        const size_t tap[4] = { at / (weight->dims[1] * k * k), at / (k * k) % weight->dims[1],
                                at / k % k, at % k };
        double sum = 0.0;
        for (size_t n = 0; n < tape->setup.batch; n++) {
            const conv_image m = image_of(tape, index, n);
            sum += dw_image(&m, tap);
        }
        dw[at] = (float)sum;
    }
}

static void bias_back(const ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];
    const size_t pixels = (size_t)node->shape.h * node->shape.w;
    float *const db = ampi_reference_gradient(tape, node, AMPI_PARAM_BIAS);

    for (size_t o = 0; db != NULL && o < node->shape.c; o++) {
        double sum = 0.0;
        for (size_t n = 0; n < tape->setup.batch; n++)
            for (size_t i = 0; i < pixels; i++)
                sum += (double)tape->d_values[index][(n * node->shape.c + o) * pixels + i];
        db[o] = (float)sum;
    }
}

void ampi_reference_conv_back(ampi_reference_tape *tape, size_t index)
{
    for (size_t n = 0; n < tape->setup.batch; n++) {
        const conv_image m = image_of(tape, index, n);
        dx_image(&m);
    }
    weight_back(tape, index);
    bias_back(tape, index);
}
