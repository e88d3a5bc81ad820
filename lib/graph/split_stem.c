/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/split_stem.c - an anchored network cut behind its first convolution.
 *
 * conv([c, x - c]; [Wc|Wd]) = conv(c; Wc - Wd) + conv(x; Wd), exactly, zero padding included.  The
 * anchor's half is computed once a bank, the image's half once an image, the trunk for each pair.
 * Only this layer separates: behind the first nonlinearity everything depends on both.
 */
#include "graph/graph_internal.h"

#include <string.h>

typedef struct stem {
    const ampi_graph *graph;
    int32_t conv;
    int32_t bn; /* the only reader of conv, or AMPI_NONE */
} stem;

static amp_status find_stem(stem *out, const ampi_graph *graph, const ampi_rewrite *rewrite,
                            amp_error *error)
{
    const int32_t conv = ampi_rewrite_sole_reader(rewrite, 0);
    int32_t next = AMPI_NONE;

    if (conv == AMPI_NONE || graph->nodes[conv].op != AMPI_OP_CONV ||
        graph->nodes[conv].inputs[0] != 0 || graph->nodes[conv].sum != AMPI_NONE)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "graph",
                         "the input is not read by one convolution alone");
    next = ampi_rewrite_sole_reader(rewrite, conv);
    if (graph->nodes[conv].relu || next == AMPI_NONE || graph->nodes[next].op != AMPI_OP_BATCH_NORM)
        next = AMPI_NONE;
    *out = (stem){ .graph = graph, .conv = conv, .bn = next };
    return AMP_OK;
}

/* Weights of one half from the whole [o, 2 ch, k, k]; for the anchor Wc - Wd, else Wd. */
static void fill_half(ampi_graph *half, const stem *from, const float *values, bool anchor)
{
    const ampi_node *const node = &from->graph->nodes[from->conv];
    const ampi_tensor *const whole = ampi_node_tensor(from->graph, node, AMPI_PARAM_WEIGHT);
    ampi_tensor *const part = ampi_node_tensor(half, &half->nodes[1], AMPI_PARAM_WEIGHT);
    const size_t each = part->count / node->shape.c;

    for (size_t o = 0; o < node->shape.c; o++) {
        const float *const first = values + 2 * o * each;
        const float *const second = first + each;
        double scale = 1.0;
        double shift = 0.0;
        if (from->bn != AMPI_NONE)
            ampi_bn_affine(from->graph, &from->graph->nodes[from->bn], o, &scale, &shift);
        if (whole->gains != NULL)
            scale *= whole->gains[o];
        for (size_t i = 0; i < each; i++) {
            const double value = anchor ? (double)first[i] - (double)second[i] : (double)second[i];
            part->data[o * each + i] = (float)(value * scale);
        }
    }
}

static void fill_bias(ampi_graph *half, const stem *from)
{
    const ampi_node *const node = &from->graph->nodes[from->conv];
    const ampi_tensor *const old = ampi_node_tensor(from->graph, node, AMPI_PARAM_BIAS);
    ampi_tensor *const bias = ampi_node_tensor(half, &half->nodes[1], AMPI_PARAM_BIAS);

    for (size_t o = 0; bias != NULL && o < bias->count; o++) {
        const double before = old == NULL ? 0.0 : (double)old->data[o];
        double scale = 1.0;
        double shift = 0.0;
        if (from->bn != AMPI_NONE)
            ampi_bn_affine(from->graph, &from->graph->nodes[from->bn], o, &scale, &shift);
        bias->data[o] = (float)(before * scale + shift);
    }
}

/* The bias goes with the image's half. */
static amp_status make_half(ampi_graph **out, const stem *from, bool anchor, amp_error *error)
{
    const ampi_node *const node = &from->graph->nodes[from->conv];
    const bool bias =
        !anchor && (from->bn != AMPI_NONE || node->params[AMPI_PARAM_BIAS] != AMPI_NONE);
    const ampi_conv how = { node->shape.c, node->kernel, node->stride, node->pad, bias };
    ampi_shape input = from->graph->nodes[0].shape;
    ampi_graph *half = NULL;
    float *values = NULL;
    int32_t index = AMPI_NONE;
    amp_status status = AMP_OK;

    input.c /= 2;
    status = ampi_graph_create(&half, from->graph->context, input, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_graph_conv(half, &index, node->name, 0, &how, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_tensor_plain(ampi_node_tensor(from->graph, node, AMPI_PARAM_WEIGHT),
                               from->graph->context, &values, error);
    if (status != AMP_OK)
        goto done;
    fill_half(half, from, values, anchor);
    fill_bias(half, from);
    *out = half;
    half = NULL;
done:
    ampi_free(from->graph->context, values);
    ampi_graph_free(half);
    return status;
}

/* Copies everything behind the stem; its input stands for the stem's output. */
static amp_status fill_trunk(ampi_rewrite *rewrite, const stem *from, amp_error *error)
{
    const ampi_node *const conv = &from->graph->nodes[from->conv];

    rewrite->to->nodes[0].shape = conv->shape;
    rewrite->map[from->conv] = 0;
    if (conv->relu)
        AMPI_TRY(ampi_graph_relu(rewrite->to, &rewrite->map[from->conv], 0, error));
    if (from->bn != AMPI_NONE)
        rewrite->map[from->bn] = 0;
    for (size_t i = 1; i < from->graph->n_nodes; i++) {
        const int32_t index = (int32_t)i;
        if (rewrite->readers[i] > 0 && index != from->conv && index != from->bn)
            AMPI_TRY(ampi_rewrite_copy(rewrite, index, error));
    }
    return AMP_OK;
}

static amp_status check_anchored(const ampi_graph *graph, amp_error *error)
{
    if (!graph->anchored || graph->nodes[0].shape.c % 2 != 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "graph", "not anchored: %u input channels",
                         graph->nodes[0].shape.c);
    return AMP_OK;
}

amp_status ampi_graph_split_stem(ampi_graph **image, ampi_graph **anchor, ampi_graph **trunk,
                                 const ampi_graph *graph, amp_error *error)
{
    ampi_rewrite rewrite;
    ampi_graph *halves[2] = { NULL, NULL };
    stem from;
    amp_status status = AMP_OK;

    *image = *anchor = *trunk = NULL;
    status = check_anchored(graph, error);
    if (status == AMP_OK)
        status = ampi_rewrite_begin(&rewrite, graph, error);
    if (status != AMP_OK)
        return status;
    status = find_stem(&from, graph, &rewrite, error);
    if (status != AMP_OK)
        goto done;
    status = make_half(&halves[0], &from, false, error);
    if (status != AMP_OK)
        goto done;
    status = make_half(&halves[1], &from, true, error);
    if (status != AMP_OK)
        goto done;
    status = fill_trunk(&rewrite, &from, error);
    if (status != AMP_OK)
        goto done;
    *image = halves[0];
    *anchor = halves[1];
    *trunk = rewrite.to;
    halves[0] = halves[1] = NULL;
done:
    ampi_rewrite_end(&rewrite, status == AMP_OK);
    ampi_graph_free(halves[0]);
    ampi_graph_free(halves[1]);
    return status;
}
