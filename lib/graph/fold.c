/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/fold.c - batch norm outside training: y = scale x + shift, folded into a convolution or
 * left as a node of its own.
 *
 * Computed in double, rounded once; a convolution's weights stay where they are, and get gains.
 * rewrite.c and split_stem.c decide where.
 */
#include "graph/graph_internal.h"

#include <math.h>
#include <string.h>

void ampi_bn_affine(const ampi_graph *graph, const ampi_node *bn, size_t channel, double *scale,
                    double *shift)
{
    const double weight = (double)ampi_node_tensor(graph, bn, AMPI_PARAM_WEIGHT)->data[channel];
    const double bias = (double)ampi_node_tensor(graph, bn, AMPI_PARAM_BIAS)->data[channel];
    const double mean = (double)ampi_node_tensor(graph, bn, AMPI_PARAM_MEAN)->data[channel];
    const double var = (double)ampi_node_tensor(graph, bn, AMPI_PARAM_VAR)->data[channel];

    *scale = weight / sqrt(var + (double)bn->epsilon);
    *shift = bias - mean * *scale;
}

static amp_status ensure_bias(ampi_graph *to, int32_t conv, amp_error *error)
{
    const ampi_node *const node = &to->nodes[conv];
    ampi_tensor_spec spec;
    int32_t bias = AMPI_NONE;

    if (node->params[AMPI_PARAM_BIAS] != AMPI_NONE)
        return AMP_OK;
    (void)ampi_node_param_dims(to, node, AMPI_PARAM_BIAS, &spec);
    AMPI_TRY(ampi_graph_append_tensor(to, &bias, &spec, error));
    to->nodes[conv].params[AMPI_PARAM_BIAS] = bias;
    return AMP_OK;
}

/* Room for a tensor's new values or gains, `count` of `size` bytes: another graph may own the old
   ones too, which *old keeps for the caller to free. */
static amp_status renew(const ampi_graph *graph, void **old, void *pointer, size_t count,
                        size_t size, amp_error *error)
{
    void *const made = ampi_alloc_raw(graph->context, count, size);

    if (made == NULL)
        return ampi_fail_nomem(error, "graph", count * size);
    memcpy(old, pointer, sizeof *old);
    memcpy(pointer, &made, sizeof made);
    return AMP_OK;
}

amp_status ampi_bn_fold(ampi_graph *to, int32_t conv, const ampi_graph *from, const ampi_node *bn,
                        amp_error *error)
{
    void *old_gains = NULL, *old_bias = NULL;
    ampi_tensor *weight = NULL, *bias = NULL;
    amp_status status = ensure_bias(to, conv, error);

    if (status != AMP_OK)
        goto done;
    weight = ampi_node_tensor(to, &to->nodes[conv], AMPI_PARAM_WEIGHT);
    bias = ampi_node_tensor(to, &to->nodes[conv], AMPI_PARAM_BIAS);
    status = renew(to, &old_gains, &weight->gains, bias->count, sizeof(double), error);
    if (status == AMP_OK)
        status = renew(to, &old_bias, &bias->data, bias->count, sizeof(float), error);
    if (status != AMP_OK)
        goto done;
    for (size_t o = 0; o < bias->count; o++) {
        double scale = 0.0;
        double shift = 0.0;
        ampi_bn_affine(from, bn, o, &scale, &shift);
        weight->gains[o] = scale * (old_gains != NULL ? ((const double *)old_gains)[o] : 1.0);
        bias->data[o] = (float)((double)((const float *)old_bias)[o] * scale + shift);
    }
done:
    ampi_free(to->context, old_gains);
    ampi_free(to->context, old_bias);
    return status;
}

static amp_status append_vector(ampi_graph *to, ampi_node *node, ampi_param param, amp_error *error)
{
    ampi_tensor_spec spec;

    (void)ampi_node_param_dims(to, node, param, &spec);
    return ampi_graph_append_tensor(to, &node->params[param], &spec, error);
}

amp_status ampi_bn_to_scale(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    const ampi_node *const bn = &rewrite->from->nodes[index];
    ampi_graph *const to = rewrite->to;
    ampi_node node = ampi_node_make(AMPI_OP_SCALE);

    for (size_t i = 0; i < AMPI_NAME; i++)
        node.name[i] = bn->name[i];
    node.shape = bn->shape;
    node.inputs[0] = rewrite->map[bn->inputs[0]];
    AMPI_TRY(append_vector(to, &node, AMPI_PARAM_WEIGHT, error));
    AMPI_TRY(append_vector(to, &node, AMPI_PARAM_BIAS, error));
    for (size_t c = 0; c < node.shape.c; c++) {
        double scale = 0.0;
        double shift = 0.0;
        ampi_bn_affine(rewrite->from, bn, c, &scale, &shift);
        ampi_node_tensor(to, &node, AMPI_PARAM_WEIGHT)->data[c] = (float)scale;
        ampi_node_tensor(to, &node, AMPI_PARAM_BIAS)->data[c] = (float)shift;
    }
    return ampi_graph_append(to, &rewrite->map[index], &node, error);
}
