/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/rewrite.c - the walk that every rewrite shares, and ampi_graph_optimise on top of it.
 *
 * Two walks: the first drops dropout and dead nodes; the second folds and fuses, going forward
 * and growing each value onto the node that made it.  A value that has one reader never
 * exists outside that reader, so absorbing it changes nothing else.
 */
#include "graph/graph_internal.h"

#include <string.h>

static void count_inputs(const ampi_graph *graph, size_t index, uint32_t *readers)
{
    const ampi_node *const node = &graph->nodes[index];

    for (size_t i = 0; i < 2; i++)
        if (node->inputs[i] != AMPI_NONE)
            readers[node->inputs[i]]++;
    if (node->sum != AMPI_NONE)
        readers[node->sum]++;
}

static void count_readers(const ampi_graph *graph, uint32_t *readers)
{
    readers[graph->n_nodes - 1] = 1;
    for (size_t i = graph->n_nodes; i-- > 0;)
        if (readers[i] > 0)
            count_inputs(graph, i, readers);
}

amp_status ampi_rewrite_begin(ampi_rewrite *rewrite, const ampi_graph *from, amp_error *error)
{
    amp_status status = AMP_OK;

    memset(rewrite, 0, sizeof *rewrite);
    rewrite->from = from;
    status = ampi_graph_create(&rewrite->to, from->context, from->nodes[0].shape, error);
    if (status != AMP_OK)
        goto done;
    rewrite->map = ampi_alloc(from->context, from->n_nodes, sizeof *rewrite->map);
    rewrite->readers = ampi_alloc(from->context, from->n_nodes, sizeof *rewrite->readers);
    if (rewrite->map == NULL || rewrite->readers == NULL) {
        status = ampi_fail_nomem(error, "graph", from->n_nodes * sizeof *rewrite->map);
        goto done;
    }
    count_readers(from, rewrite->readers);
    for (size_t i = 1; i < from->n_nodes; i++)
        rewrite->map[i] = AMPI_NONE;
done:
    if (status != AMP_OK)
        ampi_rewrite_end(rewrite, false);
    return status;
}

void ampi_rewrite_end(ampi_rewrite *rewrite, bool keep)
{
    amp_context *const context = rewrite->from->context;

    ampi_free(context, rewrite->map);
    ampi_free(context, rewrite->readers);
    rewrite->map = NULL;
    rewrite->readers = NULL;
    if (!keep) {
        ampi_graph_free(rewrite->to);
        rewrite->to = NULL;
    }
}

/* The values stay where they are, owned by both graphs: large networks are not copied. */
static amp_status share_tensor(ampi_rewrite *rewrite, int32_t source, int32_t *out,
                               amp_error *error)
{
    const ampi_tensor *const tensor = &rewrite->from->tensors[source];
    ampi_graph *const to = rewrite->to;
    ampi_tensor *added = NULL;

    AMPI_TRY(ampi_grow(to->context, &to->tensors, &to->tensor_capacity, to->n_tensors + 1,
                       sizeof *to->tensors, error));
    added = &to->tensors[to->n_tensors];
    *added = *tensor;
    added->data = ampi_hold(tensor->data);
    added->gains = ampi_hold(tensor->gains);
    added->file = ampi_file_ref(tensor->file);
    *out = (int32_t)to->n_tensors;
    to->n_tensors++;
    to->n_values += tensor->count;
    return AMP_OK;
}

static int32_t translate(const ampi_rewrite *rewrite, int32_t index)
{
    return index == AMPI_NONE ? AMPI_NONE : rewrite->map[index];
}

amp_status ampi_rewrite_copy(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    ampi_node node = rewrite->from->nodes[index];

    node.inputs[0] = translate(rewrite, node.inputs[0]);
    node.inputs[1] = translate(rewrite, node.inputs[1]);
    node.sum = translate(rewrite, node.sum);
    for (size_t i = 0; i < AMPI_PARAM_COUNT; i++)
        if (node.params[i] != AMPI_NONE)
            AMPI_TRY(share_tensor(rewrite, node.params[i], &node.params[i], error));
    return ampi_graph_append(rewrite->to, &rewrite->map[index], &node, error);
}

static bool reads(const ampi_node *node, int32_t index)
{
    return node->inputs[0] == index || node->inputs[1] == index || node->sum == index;
}

int32_t ampi_rewrite_sole_reader(const ampi_rewrite *rewrite, int32_t index)
{
    const ampi_graph *const graph = rewrite->from;

    if (rewrite->readers[index] != 1)
        return AMPI_NONE;
    for (size_t i = (size_t)index + 1; i < graph->n_nodes; i++)
        if (rewrite->readers[i] > 0 && reads(&graph->nodes[i], index))
            return (int32_t)i;
    return AMPI_NONE;
}

/* ---- the first walk ---- */

static amp_status drop_dropout(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    const ampi_node *const node = &rewrite->from->nodes[index];

    if (node->op != AMPI_OP_DROPOUT)
        return ampi_rewrite_copy(rewrite, index, error);
    rewrite->map[index] = translate(rewrite, node->inputs[0]);
    return AMP_OK;
}

/* ---- the second walk ---- */

/* The node of `to` that holds value `index`, when `reader` alone reads that value. */
static ampi_node *owned_by(const ampi_rewrite *rewrite, int32_t index, int32_t reader)
{
    if (ampi_rewrite_sole_reader(rewrite, index) != reader)
        return NULL;
    return &rewrite->to->nodes[rewrite->map[index]];
}

static amp_status fuse_norm(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    const ampi_node *const bn = &rewrite->from->nodes[index];
    const ampi_node *const conv = owned_by(rewrite, bn->inputs[0], index);

    if (conv == NULL || conv->op != AMPI_OP_CONV || conv->relu || conv->sum != AMPI_NONE)
        return ampi_bn_to_scale(rewrite, index, error);
    rewrite->map[index] = rewrite->map[bn->inputs[0]];
    return ampi_bn_fold(rewrite->to, rewrite->map[index], rewrite->from, bn, error);
}

/* Makes `value` the convolution that adds `other`, which must come before it. */
static bool take_sum(ampi_rewrite *rewrite, int32_t index, int32_t value, int32_t other)
{
    ampi_node *const conv = owned_by(rewrite, value, index);
    const int32_t added = rewrite->map[other];

    if (conv == NULL || conv->op != AMPI_OP_CONV || conv->relu || conv->sum != AMPI_NONE ||
        added >= rewrite->map[value])
        return false;
    conv->sum = added;
    rewrite->map[index] = rewrite->map[value];
    return true;
}

static amp_status fuse_add(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    const int32_t *const inputs = rewrite->from->nodes[index].inputs;

    if (take_sum(rewrite, index, inputs[0], inputs[1]) ||
        take_sum(rewrite, index, inputs[1], inputs[0]))
        return AMP_OK;
    return ampi_rewrite_copy(rewrite, index, error);
}

static amp_status fuse_relu(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    const int32_t input = rewrite->from->nodes[index].inputs[0];
    ampi_node *const maker = owned_by(rewrite, input, index);

    if (maker == NULL || (maker->op != AMPI_OP_CONV && maker->op != AMPI_OP_SCALE))
        return ampi_rewrite_copy(rewrite, index, error);
    maker->relu = true;
    rewrite->map[index] = rewrite->map[input];
    return AMP_OK;
}

static amp_status fuse(ampi_rewrite *rewrite, int32_t index, amp_error *error)
{
    switch (rewrite->from->nodes[index].op) {
    case AMPI_OP_BATCH_NORM:
        return fuse_norm(rewrite, index, error);
    case AMPI_OP_ADD:
        return fuse_add(rewrite, index, error);
    case AMPI_OP_RELU:
        return fuse_relu(rewrite, index, error);
    case AMPI_OP_INPUT:
    case AMPI_OP_CONV:
    case AMPI_OP_MAX_POOL:
    case AMPI_OP_AVG_POOL:
    case AMPI_OP_LINEAR:
    case AMPI_OP_DROPOUT:
    case AMPI_OP_SCALE:
    case AMPI_OP_COUNT:
        break;
    }
    return ampi_rewrite_copy(rewrite, index, error);
}

typedef amp_status (*visit_fn)(ampi_rewrite *rewrite, int32_t index, amp_error *error);

static amp_status walk(ampi_graph **out, const ampi_graph *from, visit_fn visit, amp_error *error)
{
    ampi_rewrite rewrite;
    amp_status status = AMP_OK;

    *out = NULL;
    status = ampi_rewrite_begin(&rewrite, from, error);
    if (status != AMP_OK)
        return status;
    rewrite.to->anchored = from->anchored;
    for (size_t i = 1; i < from->n_nodes && status == AMP_OK; i++)
        if (rewrite.readers[i] > 0)
            status = visit(&rewrite, (int32_t)i, error);
    if (status == AMP_OK)
        *out = rewrite.to;
    ampi_rewrite_end(&rewrite, status == AMP_OK);
    return status;
}

amp_status ampi_graph_optimise(ampi_graph **out, const ampi_graph *graph, amp_error *error)
{
    ampi_graph *clean = NULL;
    amp_status status = AMP_OK;

    *out = NULL;
    status = walk(&clean, graph, drop_dropout, error);
    if (status != AMP_OK)
        return status;
    status = walk(out, clean, fuse, error);
    ampi_graph_free(clean);
    return status;
}
