/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/shape.c - shape inference: what a node makes of its inputs, what its parameters must be.
 *
 * The one place that knows these rules: build.c builds by them, check.c holds foreign graphs
 * against them.
 */
#include "graph/graph_internal.h"

bool ampi_shape_equal(ampi_shape a, ampi_shape b)
{
    return a.c == b.c && a.h == b.h && a.w == b.w;
}

amp_status ampi_shape_check(ampi_shape shape, const char *name, amp_error *error)
{
    /* The largest product, 2^16 * 2^12 * 2^12, fits 64 bits. */
    const uint64_t volume = (uint64_t)shape.c * shape.h * shape.w;

    if (shape.c == 0 || shape.h == 0 || shape.w == 0)
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: empty shape [%u,%u,%u]", name, shape.c,
                         shape.h, shape.w);
    if (shape.c > AMPI_MAX_CHANNELS || shape.h > AMPI_MAX_SIDE || shape.w > AMPI_MAX_SIDE)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%s: shape [%u,%u,%u], limit [%u,%u,%u]",
                         name, shape.c, shape.h, shape.w, AMPI_MAX_CHANNELS, AMPI_MAX_SIDE,
                         AMPI_MAX_SIDE);
    if (volume > AMPI_MAX_VALUES)
        return ampi_fail(error, AMP_E_LIMIT, "graph",
                         "%s: shape [%u,%u,%u] has more than %zu values", name, shape.c, shape.h,
                         shape.w, AMPI_MAX_VALUES);
    return AMP_OK;
}

/* Node `index` is in the graph; two operands where the operation takes two. */
static amp_status check_inputs(const ampi_graph *graph, const ampi_node *node, amp_error *error)
{
    const int32_t wanted = node->op == AMPI_OP_INPUT ? 0 : node->op == AMPI_OP_ADD ? 2 : 1;

    for (int32_t i = 0; i < 2; i++) {
        const int32_t input = node->inputs[i];
        const bool present = input >= 0 && (size_t)input < graph->n_nodes;
        if (i < wanted ? !present : input != AMPI_NONE)
            return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: input %d is node %d", node->name, i,
                             input);
    }
    return AMP_OK;
}

static amp_status check_window(const ampi_node *node, amp_error *error)
{
    const bool pool = node->op == AMPI_OP_MAX_POOL;

    if (node->kernel == 0 || node->kernel > AMPI_MAX_KERNEL || node->stride == 0 ||
        node->stride > AMPI_MAX_KERNEL)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%s: kernel %u stride %u, limit 1..%u",
                         node->name, node->kernel, node->stride, AMPI_MAX_KERNEL);
    /* A max pool window must never lie in the padding alone. */
    if (pool ? node->pad > node->kernel / 2 : node->pad >= node->kernel)
        return ampi_fail(error, AMP_E_LIMIT, "graph", "%s: padding %u for kernel %u", node->name,
                         node->pad, node->kernel);
    return AMP_OK;
}

static amp_status infer_window(const ampi_node *node, ampi_shape in, uint32_t channels,
                               ampi_shape *out, amp_error *error)
{
    AMPI_TRY(check_window(node, error));
    if (in.h + 2 * node->pad < node->kernel || in.w + 2 * node->pad < node->kernel)
        return ampi_fail(error, AMP_E_SHAPE, "graph",
                         "%s: kernel %u is larger than its padded input %ux%u", node->name,
                         node->kernel, in.h + 2 * node->pad, in.w + 2 * node->pad);
    out->c = channels;
    out->h = (in.h + 2 * node->pad - node->kernel) / node->stride + 1;
    out->w = (in.w + 2 * node->pad - node->kernel) / node->stride + 1;
    return AMP_OK;
}

static amp_status infer_add(const ampi_graph *graph, const ampi_node *node, ampi_shape a,
                            amp_error *error)
{
    const ampi_shape b = graph->nodes[node->inputs[1]].shape;

    if (!ampi_shape_equal(a, b))
        return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: [%u,%u,%u] + [%u,%u,%u]", node->name,
                         a.c, a.h, a.w, b.c, b.h, b.w);
    return AMP_OK;
}

static amp_status infer_op(const ampi_graph *graph, const ampi_node *node, uint32_t channels,
                           ampi_shape *out, amp_error *error)
{
    const ampi_shape in = *out;

    switch (node->op) {
    case AMPI_OP_CONV:
        return infer_window(node, in, channels, out, error);
    case AMPI_OP_MAX_POOL:
        return infer_window(node, in, in.c, out, error);
    case AMPI_OP_AVG_POOL:
        *out = (ampi_shape){ in.c, 1, 1 };
        return AMP_OK;
    case AMPI_OP_LINEAR:
        if (in.h != 1 || in.w != 1)
            return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: input [%u,%u,%u], not [c,1,1]",
                             node->name, in.c, in.h, in.w);
        *out = (ampi_shape){ channels, 1, 1 };
        return AMP_OK;
    case AMPI_OP_ADD:
        return infer_add(graph, node, in, error);
    case AMPI_OP_INPUT:
    case AMPI_OP_BATCH_NORM:
    case AMPI_OP_RELU:
    case AMPI_OP_DROPOUT:
    case AMPI_OP_SCALE:
        return AMP_OK;
    case AMPI_OP_COUNT:
        break;
    }
    return ampi_fail(error, AMP_E_SHAPE, "graph", "%s: unknown operation %d", node->name,
                     (int)node->op);
}

amp_status ampi_graph_infer(const ampi_graph *graph, const ampi_node *node, uint32_t channels,
                            ampi_shape *out, amp_error *error)
{
    AMPI_TRY(check_inputs(graph, node, error));
    *out = node->op == AMPI_OP_INPUT ? node->shape : graph->nodes[node->inputs[0]].shape;
    AMPI_TRY(infer_op(graph, node, channels, out, error));
    return ampi_shape_check(*out, node->name, error);
}

const char *ampi_param_name(ampi_op op, ampi_param param)
{
    static const char *const names[AMPI_PARAM_COUNT] = { "weight", "bias", "running_mean",
                                                         "running_var", "num_batches_tracked" };

    if (op == AMPI_OP_SCALE)
        return param == AMPI_PARAM_WEIGHT ? "scale" : "shift";
    return names[param];
}

/* The weight of a convolution or linear layer; every other parameter is a vector. */
static void weight_dims(const ampi_graph *graph, const ampi_node *node, ampi_tensor_spec *out)
{
    const bool conv = node->op == AMPI_OP_CONV;

    out->rank = conv ? 4 : 2;
    out->dims[0] = node->shape.c;
    out->dims[1] = graph->nodes[node->inputs[0]].shape.c;
    out->dims[2] = conv ? node->kernel : 0;
    out->dims[3] = conv ? node->kernel : 0;
}

bool ampi_node_param_dims(const ampi_graph *graph, const ampi_node *node, ampi_param param,
                          ampi_tensor_spec *out)
{
    const bool matrix = node->op == AMPI_OP_CONV || node->op == AMPI_OP_LINEAR;
    const bool norm = node->op == AMPI_OP_BATCH_NORM;
    const bool affine = param == AMPI_PARAM_WEIGHT || param == AMPI_PARAM_BIAS;

    *out = (ampi_tensor_spec){ .owner = node->name,
                               .field = ampi_param_name(node->op, param),
                               .trainable = affine };
    if (!norm && !(affine && (matrix || node->op == AMPI_OP_SCALE)))
        return false;
    if (matrix && param == AMPI_PARAM_WEIGHT)
        weight_dims(graph, node, out);
    else if (param != AMPI_PARAM_COUNTER) {
        out->rank = 1;
        out->dims[0] = node->shape.c;
    }
    return true;
}
