/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_tape_backward.c - the backward pass of each node as steps of a plan.
 *
 * Nodes go in reverse, so a node's gradient is complete when its turn comes: each reader has added
 * its part.  An addition hands one buffer to both of its inputs; such a shared buffer is never
 * written again (diff_owned says which may be).
 */
#include "exec/dnnl_tape.h"

/* Adds `buffer` to the gradient of node `index`. */
static amp_status contribute(ampi_tape_dnnl *tape, int32_t index, int32_t buffer, bool owned)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const node = &tape->nodes[index];
    const ampi_md md = ampi_emit_md(emit, node->value);
    int32_t part, sum;

    AMPI_TRY(ampi_emit_as(emit, buffer, md, &part));
    owned = owned || part != buffer;
    if (node->diff == AMPI_NONE) {
        node->diff = part;
        node->diff_owned = owned;
        return AMP_OK;
    }
    sum = node->diff_owned ? node->diff : part;
    if (!node->diff_owned && !owned)
        AMPI_TRY(ampi_emit_buffer(emit, md, &sum));
    AMPI_TRY(ampi_emit_add(emit, node->diff, part, sum, false));
    node->diff = sum;
    node->diff_owned = true;
    return AMP_OK;
}

static amp_status conv_weights(ampi_tape_dnnl *tape, const ampi_node *node,
                               const ampi_tape_node *own)
{
    ampi_emit *const emit = &tape->emit;
    dnnl_primitive_desc_t desc = NULL;
    int32_t source, diff, plain, made, bias = AMPI_NONE;
    ampi_md md;

    if (ampi_tape_winograd(tape, node))
        return ampi_tape_winograd_weights(tape, node, tape->nodes[node->inputs[0]].value,
                                          own->diff);
    AMPI_TRY(ampi_tape_conv_desc(tape, node, AMPI_BACKWARD_WEIGHTS, own->forward, &desc));
    AMPI_TRY(ampi_emit_as(emit, tape->nodes[node->inputs[0]].value,
                          ampi_desc_md(desc, dnnl_query_src_md, 0), &source));
    AMPI_TRY(ampi_emit_as(emit, own->diff, ampi_desc_md(desc, dnnl_query_diff_dst_md, 0), &diff));
    AMPI_TRY(ampi_tape_param_diff(tape, node, AMPI_PARAM_WEIGHT, &plain));
    if (node->params[AMPI_PARAM_BIAS] != AMPI_NONE)
        AMPI_TRY(ampi_tape_param_diff(tape, node, AMPI_PARAM_BIAS, &bias));
    md = ampi_desc_md(desc, dnnl_query_diff_weights_md, 0);
    made = plain;
    if (!ampi_md_equal(md, ampi_emit_md(emit, plain)))
        AMPI_TRY(ampi_emit_buffer(emit, md, &made));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source },
                              { DNNL_ARG_DIFF_DST, diff },
                              { DNNL_ARG_DIFF_WEIGHTS, made },
                              { DNNL_ARG_DIFF_BIAS, bias } };
    AMPI_TRY(ampi_emit_step(emit, desc, args, 4));
    return made == plain ? AMP_OK : ampi_emit_copy(emit, made, plain);
}

static amp_status conv_data(ampi_tape_dnnl *tape, const ampi_node *node, const ampi_tape_node *own)
{
    ampi_emit *const emit = &tape->emit;
    dnnl_primitive_desc_t desc = NULL;
    int32_t weights, diff, made;

    if (ampi_tape_winograd(tape, node)) {
        AMPI_TRY(ampi_tape_winograd_data(tape, node, own->diff, &made));
        return contribute(tape, node->inputs[0], made, true);
    }
    AMPI_TRY(ampi_tape_conv_desc(tape, node, AMPI_BACKWARD_DATA, own->forward, &desc));
    AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_WEIGHT, &weights));
    AMPI_TRY(ampi_emit_as(emit, weights, ampi_desc_md(desc, dnnl_query_weights_md, 0), &weights));
    AMPI_TRY(ampi_emit_as(emit, own->diff, ampi_desc_md(desc, dnnl_query_diff_dst_md, 0), &diff));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_diff_src_md, 0), &made));
    const ampi_arg args[] = { { DNNL_ARG_WEIGHTS, weights },
                              { DNNL_ARG_DIFF_DST, diff },
                              { DNNL_ARG_DIFF_SRC, made } };
    AMPI_TRY(ampi_emit_step(emit, desc, args, 3));
    return contribute(tape, node->inputs[0], made, true);
}

/* What only the network's input wants is left to the end. */
static amp_status backward_conv(ampi_tape_dnnl *tape, const ampi_node *node,
                                const ampi_tape_node *own)
{
    AMPI_TRY(conv_weights(tape, node, own));
    return node->inputs[0] == 0 ? AMP_OK : conv_data(tape, node, own);
}

static amp_status backward_norm(ampi_tape_dnnl *tape, const ampi_node *node,
                                const ampi_tape_node *own)
{
    ampi_emit *const emit = &tape->emit;
    const int32_t source = tape->nodes[node->inputs[0]].value;
    const ampi_norm_spec spec = { .direction = AMPI_BACKWARD_WEIGHTS,
                                  .data = ampi_emit_md(emit, source),
                                  .epsilon = node->epsilon,
                                  .relu = own->partner != AMPI_NONE,
                                  .hint = own->forward };
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = ampi_desc_norm(&desc, emit->plan->engine, &spec);
    int32_t scale, shift = AMPI_NONE, d_scale, d_shift, made = own->diff;

    AMPI_TRY(ampi_emit_keep(emit, status, desc, "batch norm backward"));
    AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_WEIGHT, &scale));
    if (AMPI_NORM_BACKWARD_SHIFT)
        AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_BIAS, &shift));
    AMPI_TRY(ampi_tape_param_diff(tape, node, AMPI_PARAM_WEIGHT, &d_scale));
    AMPI_TRY(ampi_tape_param_diff(tape, node, AMPI_PARAM_BIAS, &d_shift));
    if (!own->diff_owned)
        AMPI_TRY(ampi_emit_buffer(emit, spec.data, &made));
    const ampi_arg args[] = {
        { DNNL_ARG_SRC, source },         { DNNL_ARG_MEAN, own->mean },
        { DNNL_ARG_VARIANCE, own->var },  { DNNL_ARG_SCALE, scale },
        { DNNL_ARG_SHIFT, shift },        { DNNL_ARG_WORKSPACE, own->workspace },
        { DNNL_ARG_DIFF_DST, own->diff }, { DNNL_ARG_DIFF_SRC, made },
        { DNNL_ARG_DIFF_SCALE, d_scale }, { DNNL_ARG_DIFF_SHIFT, d_shift }
    };
    AMPI_TRY(ampi_emit_step(emit, desc, args, 10));
    return contribute(tape, node->inputs[0], made, true);
}

/* d source = d result where the result is positive; *out = the buffer that holds it. */
static amp_status relu_diff(ampi_tape_dnnl *tape, const ampi_tape_node *own, int32_t *out)
{
    ampi_emit *const emit = &tape->emit;
    const ampi_md md = ampi_emit_md(emit, own->value);
    dnnl_primitive_desc_t forward = NULL, desc = NULL;
    dnnl_status_t status = ampi_desc_relu(&forward, emit->plan->engine, md, NULL);

    AMPI_TRY(ampi_emit_keep(emit, status, forward, "ReLU"));
    status = ampi_desc_relu(&desc, emit->plan->engine, md, forward);
    AMPI_TRY(ampi_emit_keep(emit, status, desc, "ReLU backward"));
    *out = own->diff;
    if (!own->diff_owned)
        AMPI_TRY(ampi_emit_buffer(emit, md, out));
    const ampi_arg args[] = { { DNNL_ARG_DST, own->value },
                              { DNNL_ARG_DIFF_DST, own->diff },
                              { DNNL_ARG_DIFF_SRC, *out } };
    return ampi_emit_step(emit, desc, args, 3);
}

static amp_status backward_relu(ampi_tape_dnnl *tape, const ampi_node *node,
                                const ampi_tape_node *own)
{
    int32_t made;

    if (own->partner != AMPI_NONE) {
        tape->nodes[own->partner].diff = own->diff;
        tape->nodes[own->partner].diff_owned = own->diff_owned;
        return AMP_OK;
    }
    AMPI_TRY(relu_diff(tape, own, &made));
    return contribute(tape, node->inputs[0], made, true);
}

static amp_status backward_add(ampi_tape_dnnl *tape, const ampi_node *node,
                               const ampi_tape_node *own)
{
    int32_t made = own->diff;

    if (own->partner != AMPI_NONE)
        AMPI_TRY(relu_diff(tape, own, &made));
    AMPI_TRY(contribute(tape, node->inputs[0], made, false));
    return contribute(tape, node->inputs[1], made, false);
}

static amp_status backward_pool(ampi_tape_dnnl *tape, const ampi_node *node,
                                const ampi_tape_node *own)
{
    ampi_emit *const emit = &tape->emit;
    ampi_pool_spec spec = ampi_emit_pool_shape(emit, node);
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status;
    int32_t made;

    spec.direction = AMPI_BACKWARD_DATA;
    spec.source = ampi_emit_md(emit, tape->nodes[node->inputs[0]].value);
    spec.destination = ampi_emit_md(emit, own->value);
    spec.hint = own->forward;
    status = ampi_desc_pool(&desc, emit->plan->engine, &spec);
    AMPI_TRY(ampi_emit_keep(emit, status, desc, "pooling backward"));
    AMPI_TRY(ampi_emit_buffer(emit, spec.source, &made));
    const ampi_arg args[] = { { DNNL_ARG_DIFF_DST, own->diff },
                              { DNNL_ARG_WORKSPACE, own->workspace },
                              { DNNL_ARG_DIFF_SRC, made } };
    AMPI_TRY(ampi_emit_step(emit, desc, args, 3));
    return contribute(tape, node->inputs[0], made, true);
}

static amp_status backward_dropout(ampi_tape_dnnl *tape, const ampi_node *node,
                                   const ampi_tape_node *own)
{
    ampi_emit *const emit = &tape->emit;
    int32_t made = own->diff;

    if (own->mask == AMPI_NONE)
        return contribute(tape, node->inputs[0], own->diff, own->diff_owned);
    if (!own->diff_owned)
        AMPI_TRY(ampi_emit_buffer(emit, ampi_emit_md(emit, own->diff), &made));
    const int32_t buffers[] = { own->diff, own->mask, made };
    AMPI_TRY(ampi_emit_call(emit, ampi_tape_drop_backward, buffers, 3));
    return contribute(tape, node->inputs[0], made, true);
}

static amp_status backward_node(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    const ampi_tape_node *const own = &tape->nodes[index];

    switch (node->op) {
    case AMPI_OP_CONV:
    case AMPI_OP_LINEAR:
        return backward_conv(tape, node, own);
    case AMPI_OP_BATCH_NORM:
        return backward_norm(tape, node, own);
    case AMPI_OP_RELU:
        return backward_relu(tape, node, own);
    case AMPI_OP_ADD:
        return backward_add(tape, node, own);
    case AMPI_OP_MAX_POOL:
    case AMPI_OP_AVG_POOL:
        return backward_pool(tape, node, own);
    case AMPI_OP_DROPOUT:
        return backward_dropout(tape, node, own);
    case AMPI_OP_INPUT:
    case AMPI_OP_SCALE:
    case AMPI_OP_COUNT:
        break;
    }
    return AMP_OK;
}

/* The convolutions that read the input, then its whole gradient to the caller's array. */
static amp_status backward_input(ampi_tape_dnnl *tape)
{
    const ampi_graph *const graph = tape->setup.graph;
    const ampi_dims dims = ampi_emit_dims(&tape->emit, 0);

    tape->emit.phase = AMPI_PHASE_INPUT;
    for (size_t i = graph->n_nodes - 1; i > 0; i--) {
        const ampi_node *const node = &graph->nodes[i];
        tape->emit.node = i;
        const bool conv = node->op == AMPI_OP_CONV || node->op == AMPI_OP_LINEAR;
        if (conv && node->inputs[0] == 0 && tape->nodes[i].diff != AMPI_NONE)
            AMPI_TRY(conv_data(tape, node, &tape->nodes[i]));
    }
    if (tape->nodes[0].diff == AMPI_NONE)
        return AMP_OK;
    AMPI_TRY(ampi_emit_outside(&tape->emit, &dims, NULL, &tape->d_input));
    return ampi_emit_copy(&tape->emit, tape->nodes[0].diff, tape->d_input);
}

amp_status ampi_tape_emit_backward(ampi_tape_dnnl *tape)
{
    const ampi_graph *const graph = tape->setup.graph;
    const int32_t last = (int32_t)graph->n_nodes - 1;
    const ampi_dims dims = ampi_emit_dims(&tape->emit, last);

    tape->emit.phase = AMPI_PHASE_BACKWARD;
    AMPI_TRY(ampi_emit_outside(&tape->emit, &dims, NULL, &tape->d_logits));
    AMPI_TRY(contribute(tape, last, tape->d_logits, false));
    for (size_t i = graph->n_nodes - 1; i > 0; i--) {
        tape->emit.node = i;
        if (tape->nodes[i].diff != AMPI_NONE)
            AMPI_TRY(backward_node(tape, &graph->nodes[i], i));
    }
    return backward_input(tape);
}
