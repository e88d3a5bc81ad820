/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/build.c - the layers, one call each: infer the shape, make the tensors, append the node.
 *
 * arch*.c and the readers of lib/format build networks from these.
 */
#include "graph/graph_internal.h"

#include <stdio.h>

static amp_status set_name(ampi_node *node, const char *name, amp_error *error)
{
    const int length = snprintf(node->name, sizeof node->name, "%s", name);

    if (length <= 0 || (size_t)length >= sizeof node->name)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%.80s: a name of %d characters, limit 1..%u",
                         name, length, AMPI_NAME - 1);
    return AMP_OK;
}

/* Makes the tensors that the node's operation has, bias only when asked for. */
static amp_status make_params(ampi_graph *graph, ampi_node *node, bool bias, amp_error *error)
{
    for (int32_t i = 0; i < AMPI_PARAM_COUNT; i++) {
        ampi_tensor_spec spec;
        if (!ampi_node_param_dims(graph, node, (ampi_param)i, &spec))
            continue;
        if (i == AMPI_PARAM_BIAS && !bias)
            continue;
        AMPI_TRY(ampi_graph_append_tensor(graph, &node->params[i], &spec, error));
    }
    return AMP_OK;
}

/* A nameless node is named after its operation when it is appended. */
static amp_status finish(ampi_graph *graph, int32_t *out, ampi_node *node, uint32_t channels,
                         bool bias, amp_error *error)
{
    if (node->name[0] == '\0')
        snprintf(node->name, sizeof node->name, "%s.%zu", ampi_op_name(node->op), graph->n_nodes);
    AMPI_TRY(ampi_graph_infer(graph, node, channels, &node->shape, error));
    AMPI_TRY(make_params(graph, node, bias, error));
    return ampi_graph_append(graph, out, node, error);
}

amp_status ampi_graph_conv(ampi_graph *graph, int32_t *out, const char *name, int32_t input,
                           const ampi_conv *how, amp_error *error)
{
    ampi_node node = ampi_node_make(AMPI_OP_CONV);

    node.inputs[0] = input;
    node.kernel = how->kernel;
    node.stride = how->stride;
    node.pad = how->pad;
    AMPI_TRY(set_name(&node, name, error));
    return finish(graph, out, &node, how->channels, how->bias, error);
}

amp_status ampi_graph_batch_norm(ampi_graph *graph, int32_t *out, const char *name, int32_t input,
                                 amp_error *error)
{
    ampi_node node = ampi_node_make(AMPI_OP_BATCH_NORM);

    node.inputs[0] = input;
    node.epsilon = 1e-5f;
    node.momentum = 0.1f;
    AMPI_TRY(set_name(&node, name, error));
    return finish(graph, out, &node, 0, true, error);
}

static amp_status simple(ampi_graph *graph, int32_t *out, ampi_op op, int32_t input,
                         amp_error *error)
{
    ampi_node node = ampi_node_make(op);

    node.inputs[0] = input;
    return finish(graph, out, &node, 0, false, error);
}

amp_status ampi_graph_relu(ampi_graph *graph, int32_t *out, int32_t input, amp_error *error)
{
    return simple(graph, out, AMPI_OP_RELU, input, error);
}

amp_status ampi_graph_avg_pool(ampi_graph *graph, int32_t *out, int32_t input, amp_error *error)
{
    return simple(graph, out, AMPI_OP_AVG_POOL, input, error);
}

amp_status ampi_graph_add(ampi_graph *graph, int32_t *out, int32_t a, int32_t b, amp_error *error)
{
    ampi_node node = ampi_node_make(AMPI_OP_ADD);

    node.inputs[0] = a;
    node.inputs[1] = b;
    return finish(graph, out, &node, 0, false, error);
}

amp_status ampi_graph_max_pool(ampi_graph *graph, int32_t *out, int32_t input, uint32_t kernel,
                               uint32_t stride, uint32_t pad, amp_error *error)
{
    ampi_node node = ampi_node_make(AMPI_OP_MAX_POOL);

    node.inputs[0] = input;
    node.kernel = kernel;
    node.stride = stride;
    node.pad = pad;
    return finish(graph, out, &node, 0, false, error);
}

amp_status ampi_graph_dropout(ampi_graph *graph, int32_t *out, int32_t input, float share,
                              amp_error *error)
{
    ampi_node node = ampi_node_make(AMPI_OP_DROPOUT);

    if (!(share >= 0.0f && share < 1.0f))
        return ampi_fail(error, AMP_E_ARGUMENT, "graph", "dropout %g, range 0..<1", (double)share);
    node.inputs[0] = input;
    node.dropout = share;
    return finish(graph, out, &node, 0, false, error);
}

amp_status ampi_graph_linear(ampi_graph *graph, int32_t *out, const char *name, int32_t input,
                             uint32_t channels, amp_error *error)
{
    ampi_node node = ampi_node_make(AMPI_OP_LINEAR);

    node.inputs[0] = input;
    AMPI_TRY(set_name(&node, name, error));
    return finish(graph, out, &node, channels, true, error);
}
