/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/graph.c - a graph's life: create, append, clone, free, and the plain questions.
 *
 * Layers with their shapes are made in build.c, whole networks in arch*.c.
 */
#include "graph/graph_internal.h"

#include <stdio.h>
#include <string.h>

static const char *const op_names[AMPI_OP_COUNT] = {
    [AMPI_OP_INPUT] = "input",       [AMPI_OP_CONV] = "conv",     [AMPI_OP_BATCH_NORM] = "bn",
    [AMPI_OP_RELU] = "relu",         [AMPI_OP_ADD] = "add",       [AMPI_OP_MAX_POOL] = "max_pool",
    [AMPI_OP_AVG_POOL] = "avg_pool", [AMPI_OP_LINEAR] = "linear", [AMPI_OP_DROPOUT] = "dropout",
    [AMPI_OP_SCALE] = "scale",
};

const char *ampi_op_name(ampi_op op)
{
    return (unsigned)op < (unsigned)AMPI_OP_COUNT ? op_names[op] : "?";
}

ampi_node ampi_node_make(ampi_op op)
{
    ampi_node node;

    memset(&node, 0, sizeof node);
    node.op = op;
    node.inputs[0] = AMPI_NONE;
    node.inputs[1] = AMPI_NONE;
    node.sum = AMPI_NONE;
    for (size_t i = 0; i < AMPI_PARAM_COUNT; i++)
        node.params[i] = AMPI_NONE;
    return node;
}

amp_status ampi_graph_create(ampi_graph **out, amp_context *context, ampi_shape input,
                             amp_error *error)
{
    amp_context *own = NULL;
    ampi_graph *graph = NULL;
    ampi_node node = ampi_node_make(AMPI_OP_INPUT);
    int32_t index = AMPI_NONE;
    amp_status status = AMP_OK;

    *out = NULL;
    status = ampi_context_get(&own, context, error);
    if (status != AMP_OK)
        return status;
    graph = ampi_alloc(own, 1, sizeof *graph);
    if (graph == NULL) {
        amp_context_unref(own);
        return ampi_fail_nomem(error, "graph", sizeof *graph);
    }
    graph->context = own;
    graph->value_limit = AMPI_MAX_VALUES;
    node.shape = input;
    status = ampi_shape_check(input, "input", error);
    if (status != AMP_OK)
        goto done;
    status = ampi_graph_append(graph, &index, &node, error);
    if (status != AMP_OK)
        goto done;
    *out = graph;
    graph = NULL;
done:
    ampi_graph_free(graph);
    return status;
}

void ampi_graph_free(ampi_graph *graph)
{
    amp_context *context = NULL;

    if (graph == NULL)
        return;
    context = graph->context;
    for (size_t i = 0; i < graph->n_tensors; i++) {
        ampi_free(context, graph->tensors[i].data);
        ampi_free(context, graph->tensors[i].gains);
        ampi_file_unref(graph->tensors[i].file);
    }
    ampi_free(context, graph->tensors);
    ampi_free(context, graph->nodes);
    ampi_free(context, graph);
    amp_context_unref(context);
}

static amp_status copy_tensors(ampi_graph *to, const ampi_graph *from, amp_error *error)
{
    AMPI_TRY(ampi_grow(to->context, &to->tensors, &to->tensor_capacity, from->n_tensors,
                       sizeof *to->tensors, error));
    for (size_t i = 0; i < from->n_tensors; i++) {
        const ampi_tensor *const source = &from->tensors[i];
        ampi_tensor *const target = &to->tensors[i];
        *target = *source;
        target->data = NULL;
        target->file = NULL;
        target->gains = ampi_hold(source->gains);
        to->n_tensors = i + 1;
        to->n_values += source->count;
        if (source->count > 0)
            AMPI_TRY(ampi_tensor_copy(source, to->context, &target->data, error));
    }
    return AMP_OK;
}

static amp_status copy_nodes(ampi_graph *to, const ampi_graph *from, amp_error *error)
{
    AMPI_TRY(ampi_grow(to->context, &to->nodes, &to->node_capacity, from->n_nodes,
                       sizeof *to->nodes, error));
    memcpy(to->nodes, from->nodes, from->n_nodes * sizeof *to->nodes);
    to->n_nodes = from->n_nodes;
    return AMP_OK;
}

amp_status ampi_graph_clone(ampi_graph **out, const ampi_graph *graph, amp_error *error)
{
    ampi_graph *copy = NULL;
    amp_status status = AMP_OK;

    *out = NULL;
    status = ampi_graph_create(&copy, graph->context, graph->nodes[0].shape, error);
    if (status != AMP_OK)
        goto done;
    memcpy(copy->arch, graph->arch, sizeof copy->arch);
    copy->anchored = graph->anchored;
    status = copy_nodes(copy, graph, error);
    if (status == AMP_OK)
        status = copy_tensors(copy, graph, error);
    if (status != AMP_OK)
        goto done;
    *out = copy;
    copy = NULL;
done:
    ampi_graph_free(copy);
    return status;
}

amp_status ampi_graph_append(ampi_graph *graph, int32_t *out, const ampi_node *node,
                             amp_error *error)
{
    ampi_node *added = NULL;

    if (graph->n_nodes >= AMPI_MAX_NODES)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "more than %u nodes", AMPI_MAX_NODES);
    AMPI_TRY(ampi_grow(graph->context, &graph->nodes, &graph->node_capacity, graph->n_nodes + 1,
                       sizeof *graph->nodes, error));
    added = &graph->nodes[graph->n_nodes];
    *added = *node;
    if (added->name[0] == '\0' && node->op == AMPI_OP_INPUT)
        snprintf(added->name, sizeof added->name, "input");
    else if (added->name[0] == '\0')
        snprintf(added->name, sizeof added->name, "%s.%zu", ampi_op_name(node->op), graph->n_nodes);
    *out = (int32_t)graph->n_nodes;
    graph->n_nodes++;
    return AMP_OK;
}

/* Number of values; fails past the limit of the whole graph. */
static amp_status count_values(const ampi_graph *graph, const ampi_tensor_spec *spec, size_t *out,
                               amp_error *error)
{
    size_t count = spec->rank == 0 ? 0 : 1;
    size_t total = 0;

    for (uint32_t i = 0; i < spec->rank; i++)
        if (!ampi_mul(count, spec->dims[i], &count))
            count = SIZE_MAX;
    if (!ampi_add(count, graph->n_values, &total) || total > graph->value_limit)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%s: more than %zu parameters in the network",
                         spec->owner, graph->value_limit);
    *out = count;
    return AMP_OK;
}

amp_status ampi_graph_append_tensor(ampi_graph *graph, int32_t *out, const ampi_tensor_spec *spec,
                                    amp_error *error)
{
    ampi_tensor tensor = { .rank = spec->rank, .trainable = spec->trainable };
    const char *const dot = spec->field == NULL ? "" : ".";
    const char *const field = spec->field == NULL ? "" : spec->field;
    const int length = snprintf(tensor.name, sizeof tensor.name, "%s%s%s", spec->owner, dot, field);

    if (length < 0 || (size_t)length >= sizeof tensor.name)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%.80s...: a name of %d characters, limit %u",
                         spec->owner, length, AMPI_NAME - 1);
    AMPI_TRY(count_values(graph, spec, &tensor.count, error));
    memcpy(tensor.dims, spec->dims, sizeof tensor.dims);
    AMPI_TRY(ampi_grow(graph->context, &graph->tensors, &graph->tensor_capacity,
                       graph->n_tensors + 1, sizeof *graph->tensors, error));
    if (tensor.count > 0 && !(graph->hollow && tensor.rank >= 2)) {
        tensor.data = ampi_alloc(graph->context, tensor.count, sizeof(float));
        if (tensor.data == NULL)
            return ampi_fail_nomem(error, "graph", tensor.count * sizeof(float));
    }
    *out = (int32_t)graph->n_tensors;
    graph->tensors[graph->n_tensors++] = tensor;
    graph->n_values += tensor.count;
    return AMP_OK;
}

ampi_tensor *ampi_node_tensor(const ampi_graph *graph, const ampi_node *node, ampi_param param)
{
    return node->params[param] == AMPI_NONE ? NULL : &graph->tensors[node->params[param]];
}

ampi_shape ampi_graph_input(const ampi_graph *graph)
{
    return graph->nodes[0].shape;
}

uint32_t ampi_graph_classes(const ampi_graph *graph)
{
    return graph->nodes[graph->n_nodes - 1].shape.c;
}

uint32_t ampi_graph_image_channels(const ampi_graph *graph)
{
    return graph->anchored ? graph->nodes[0].shape.c / 2 : graph->nodes[0].shape.c;
}

const ampi_tensor *ampi_graph_find(const ampi_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (strcmp(graph->tensors[i].name, name) == 0)
            return &graph->tensors[i];
    return NULL;
}

size_t ampi_graph_parameters(const ampi_graph *graph)
{
    size_t total = 0;

    for (size_t i = 0; i < graph->n_tensors; i++)
        if (graph->tensors[i].trainable)
            total += graph->tensors[i].count;
    return total;
}

static uint64_t node_macs(const ampi_graph *graph, const ampi_node *node)
{
    const ampi_tensor *const weight = ampi_node_tensor(graph, node, AMPI_PARAM_WEIGHT);

    if (weight == NULL || (node->op != AMPI_OP_CONV && node->op != AMPI_OP_LINEAR))
        return 0;
    return (uint64_t)weight->count * node->shape.h * node->shape.w;
}

uint64_t ampi_graph_macs(const ampi_graph *graph)
{
    uint64_t total = 0;

    for (size_t i = 0; i < graph->n_nodes; i++)
        total += node_macs(graph, &graph->nodes[i]);
    return total;
}

bool ampi_node_ranged(const ampi_node *node)
{
    /* After a ReLU the lower end means nothing: without an upper one there is no scale. */
    return node->op == AMPI_OP_CONV && node->inputs[0] > 0 && node->reads.high > 0.0F;
}

uint64_t ampi_graph_ranged_macs(const ampi_graph *graph)
{
    uint64_t total = 0;

    for (size_t i = 0; i < graph->n_nodes; i++)
        if (ampi_node_ranged(&graph->nodes[i]))
            total += node_macs(graph, &graph->nodes[i]);
    return total;
}
