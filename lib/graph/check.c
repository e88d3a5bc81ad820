/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/check.c - holds a graph that came from elsewhere against what the builders promise.
 *
 * The readers of lib/format call this before anything else looks at the graph.
 */
#include "graph/graph_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static amp_status check_tensor(const ampi_tensor *tensor, const ampi_tensor_spec *want,
                               amp_error *error)
{
    size_t count = want->rank == 0 ? 0 : 1;

    for (uint32_t i = 0; i < want->rank; i++) {
        count *= want->dims[i];
        if (tensor->rank == want->rank && tensor->dims[i] != want->dims[i])
            return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: dimension %u is %zu, not %zu",
                             tensor->name, i, tensor->dims[i], want->dims[i]);
    }
    if (tensor->rank != want->rank || tensor->count != count)
        return ampi_fail(error, AMP_E_SHAPE, "graph",
                         "%s: rank %u with %zu values, not %u with %zu", tensor->name, tensor->rank,
                         tensor->count, want->rank, count);
    if ((tensor->data == NULL && tensor->file == NULL) != (count == 0) ||
        tensor->trainable != want->trainable)
        return ampi_fail(error, AMP_E_INTERNAL, "graph", "%s: wrong kind of tensor", tensor->name);
    return AMP_OK;
}

/* Only a convolution can do without its bias. */
static bool may_lack(const ampi_node *node, int32_t param)
{
    return node->op == AMPI_OP_CONV && param == AMPI_PARAM_BIAS;
}

/* Each tensor belongs to one node: used[] marks those taken. */
static amp_status check_param(const ampi_graph *graph, const ampi_node *node, int32_t param,
                              bool *used, amp_error *error)
{
    const int32_t index = node->params[param];
    ampi_tensor_spec want;
    const bool wanted = ampi_node_param_dims(graph, node, (ampi_param)param, &want);

    if (index == AMPI_NONE && (!wanted || may_lack(node, param)))
        return AMP_OK;
    if (!wanted || index < 0 || (size_t)index >= graph->n_tensors || used[index])
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: its %s is tensor %d of %zu", node->name,
                         want.field, index, graph->n_tensors);
    used[index] = true;
    return check_tensor(&graph->tensors[index], &want, error);
}

static amp_status check_numbers(const ampi_node *node, amp_error *error)
{
    const bool norm = node->op == AMPI_OP_BATCH_NORM;

    if (norm && !(isfinite(node->epsilon) && node->epsilon > 0.0f))
        return ampi_fail(error, AMP_E_ARGUMENT, "graph", "%s: epsilon %g", node->name,
                         (double)node->epsilon);
    if (norm && !(node->momentum >= 0.0f && node->momentum <= 1.0f))
        return ampi_fail(error, AMP_E_ARGUMENT, "graph", "%s: momentum %g, range 0..1", node->name,
                         (double)node->momentum);
    if (!(node->dropout >= 0.0f && node->dropout < 1.0f))
        return ampi_fail(error, AMP_E_ARGUMENT, "graph", "%s: dropout %g, range 0..<1", node->name,
                         (double)node->dropout);
    return AMP_OK;
}

static amp_status check_fused(const ampi_graph *graph, size_t index, amp_error *error)
{
    const ampi_node *const node = &graph->nodes[index];
    const bool conv = node->op == AMPI_OP_CONV;

    if (node->relu && !conv && node->op != AMPI_OP_SCALE)
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: fused relu on %s", node->name,
                         ampi_op_name(node->op));
    if (node->sum == AMPI_NONE)
        return AMP_OK;
    if (!conv || node->sum < 0 || (size_t)node->sum >= index ||
        !ampi_shape_equal(graph->nodes[node->sum].shape, node->shape))
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: fused sum with node %d", node->name,
                         node->sum);
    return AMP_OK;
}

static amp_status check_node(const ampi_graph *graph, size_t index, bool *used, amp_error *error)
{
    const ampi_node *const node = &graph->nodes[index];
    /* Inference sees only the nodes before this one. */
    ampi_graph before = *graph;
    ampi_shape shape;

    before.n_nodes = index;
    if (memchr(node->name, '\0', sizeof node->name) == NULL)
        return ampi_fail(error, AMP_E_SHAPE, "graph", "node %zu: endless name", index);
    if ((node->op == AMPI_OP_INPUT) != (index == 0))
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: node %zu is %s", node->name, index,
                         ampi_op_name(node->op));
    AMPI_TRY(ampi_graph_infer(&before, node, node->shape.c, &shape, error));
    if (!ampi_shape_equal(shape, node->shape))
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: shape [%u,%u,%u], inferred [%u,%u,%u]",
                         node->name, node->shape.c, node->shape.h, node->shape.w, shape.c, shape.h,
                         shape.w);
    AMPI_TRY(check_numbers(node, error));
    AMPI_TRY(check_fused(graph, index, error));
    for (int32_t i = 0; i < AMPI_PARAM_COUNT; i++)
        AMPI_TRY(check_param(graph, node, i, used, error));
    return AMP_OK;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *const left = a;
    const char *const *const right = b;

    return strcmp(*left, *right);
}

static amp_status check_names(const ampi_graph *graph, amp_error *error)
{
    const char **names = NULL;
    amp_status status = AMP_OK;

    if (graph->n_tensors == 0)
        return AMP_OK;
    names = ampi_alloc(graph->context, graph->n_tensors, sizeof *names);
    if (names == NULL)
        return ampi_fail_nomem(error, "graph", graph->n_tensors * sizeof *names);
    for (size_t i = 0; i < graph->n_tensors; i++) {
        names[i] = graph->tensors[i].name;
        if (memchr(names[i], '\0', AMPI_NAME) == NULL) {
            status = ampi_fail(error, AMP_E_SHAPE, "graph", "tensor %zu: endless name", i);
            goto done;
        }
    }
    qsort(names, graph->n_tensors, sizeof *names, compare_names);
    for (size_t i = 1; i < graph->n_tensors && status == AMP_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = ampi_fail(error, AMP_E_SHAPE, "graph", "two tensors named %s", names[i]);
done:
    ampi_free(graph->context, names);
    return status;
}

static amp_status check_whole(const ampi_graph *graph, amp_error *error)
{
    size_t values = 0;

    if (graph->n_nodes == 0 || graph->n_nodes > AMPI_MAX_NODES)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%zu nodes, limit 1..%u", graph->n_nodes,
                         AMPI_MAX_NODES);
    if (graph->n_tensors > (size_t)AMPI_MAX_NODES * AMPI_PARAM_COUNT)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%zu tensors", graph->n_tensors);
    if (graph->anchored && graph->nodes[0].shape.c % 2 != 0)
        return ampi_fail(error, AMP_E_SHAPE, "graph", "anchored with %u input channels",
                         graph->nodes[0].shape.c);
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (!ampi_add(values, graph->tensors[i].count, &values) || values > AMPI_MAX_VALUES)
            return ampi_fail(error, AMP_E_LIMIT, "graph", "more than %zu parameters",
                             AMPI_MAX_VALUES);
    return check_names(graph, error);
}

amp_status ampi_graph_check(const ampi_graph *graph, amp_error *error)
{
    bool *used = NULL;
    amp_status status = check_whole(graph, error);

    if (status != AMP_OK)
        return status;
    used = ampi_alloc(graph->context, graph->n_tensors + 1, sizeof *used);
    if (used == NULL)
        return ampi_fail_nomem(error, "graph", graph->n_tensors + 1);
    for (size_t i = 0; i < graph->n_nodes && status == AMP_OK; i++)
        status = check_node(graph, i, used, error);
    for (size_t i = 0; i < graph->n_tensors && status == AMP_OK; i++)
        if (!used[i])
            status = ampi_fail(error, AMP_E_SHAPE, "graph", "%s: belongs to no node",
                               graph->tensors[i].name);
    ampi_free(graph->context, used);
    return status;
}

static amp_status check_finite(const ampi_tensor *tensor, bool negative_allowed, amp_error *error)
{
    for (size_t i = 0; tensor->data != NULL && i < tensor->count; i++)
        if (!isfinite(tensor->data[i]) || (!negative_allowed && tensor->data[i] < 0.0f))
            return ampi_fail(error, AMP_E_FORMAT, "graph", "%s: value %zu is %g", tensor->name, i,
                             (double)tensor->data[i]);
    if (tensor->counter < 0)
        return ampi_fail(error, AMP_E_FORMAT, "graph", "%s: %lld", tensor->name,
                         (long long)tensor->counter);
    return AMP_OK;
}

amp_status ampi_graph_check_values(const ampi_graph *graph, amp_error *error)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        for (int32_t p = 0; p < AMPI_PARAM_COUNT; p++) {
            const ampi_tensor *const tensor =
                ampi_node_tensor(graph, &graph->nodes[i], (ampi_param)p);
            if (tensor != NULL)
                AMPI_TRY(check_finite(tensor, p != AMPI_PARAM_VAR, error));
        }
    return AMP_OK;
}
