/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_tape_forward.c - the training forward pass of each node as steps of a plan.
 *
 * Values stay in the layouts that the convolutions chose; a batch norm or an addition whose only
 * reader is a ReLU does the ReLU too.
 */
#include "exec/dnnl_tape.h"

static int32_t input_value(const ampi_tape_dnnl *tape, const ampi_node *node, int which)
{
    return tape->nodes[node->inputs[which]].value;
}

/* As the first convolution that reads the input wants it; plain where none does. */
static amp_status input_layout(ampi_tape_dnnl *tape, int32_t *out)
{
    ampi_emit *const emit = &tape->emit;
    const ampi_dims dims = ampi_emit_dims(emit, 0);
    dnnl_primitive_desc_t desc = NULL;

    for (size_t i = 1; i < emit->graph->n_nodes; i++) {
        const ampi_node *const node = &emit->graph->nodes[i];
        if (node->inputs[0] != 0 || node->op != AMPI_OP_CONV)
            continue;
        AMPI_TRY(ampi_tape_conv_desc(tape, node, AMPI_FORWARD, NULL, &desc));
        return ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_src_md, 0), out);
    }
    return ampi_emit_tagged(emit, &dims, dnnl_nchw, tape->type, out);
}

/* A copy: the backward pass reads the input again, when the caller's array may be gone. */
static amp_status forward_input(ampi_tape_dnnl *tape, size_t index)
{
    const ampi_dims dims = ampi_emit_dims(&tape->emit, (int32_t)index);
    ampi_tape_node *const own = &tape->nodes[index];

    AMPI_TRY(ampi_emit_outside(&tape->emit, &dims, NULL, &tape->input));
    AMPI_TRY(input_layout(tape, &own->value));
    return ampi_emit_copy(&tape->emit, tape->input, own->value);
}

static amp_status forward_conv(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const own = &tape->nodes[index];
    dnnl_primitive_desc_t desc = NULL;
    int32_t source, weights, bias = AMPI_NONE;

    if (ampi_tape_winograd(tape, node))
        return ampi_tape_winograd_forward(tape, node, input_value(tape, node, 0), &own->value);
    AMPI_TRY(ampi_tape_conv_desc(tape, node, AMPI_FORWARD, NULL, &desc));
    own->forward = desc;
    AMPI_TRY(ampi_emit_as(emit, input_value(tape, node, 0),
                          ampi_desc_md(desc, dnnl_query_src_md, 0), &source));
    AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_WEIGHT, &weights));
    AMPI_TRY(ampi_emit_as(emit, weights, ampi_desc_md(desc, dnnl_query_weights_md, 0), &weights));
    if (node->params[AMPI_PARAM_BIAS] != AMPI_NONE)
        AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_BIAS, &bias));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_dst_md, 0), &own->value));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source },
                              { DNNL_ARG_WEIGHTS, weights },
                              { DNNL_ARG_BIAS, bias },
                              { DNNL_ARG_DST, own->value } };
    return ampi_emit_step(emit, desc, args, 4);
}

static amp_status forward_norm(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const own = &tape->nodes[index];
    const int32_t source = input_value(tape, node, 0);
    const ampi_norm_spec spec = { .direction = AMPI_FORWARD,
                                  .data = ampi_emit_md(emit, source),
                                  .epsilon = node->epsilon,
                                  .relu = own->partner != AMPI_NONE };
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = ampi_desc_norm(&desc, emit->plan->engine, &spec);
    int32_t scale, shift;

    AMPI_TRY(ampi_emit_keep(emit, status, desc, "batch norm"));
    own->forward = desc;
    AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_WEIGHT, &scale));
    AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_BIAS, &shift));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_dst_md, 1), &own->mean));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_dst_md, 2), &own->var));
    AMPI_TRY(ampi_emit_buffer(emit, spec.data, &own->value));
    if (spec.relu)
        AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_workspace_md, 0),
                                  &own->workspace));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source },
                              { DNNL_ARG_SCALE, scale },
                              { DNNL_ARG_SHIFT, shift },
                              { DNNL_ARG_MEAN, own->mean },
                              { DNNL_ARG_VARIANCE, own->var },
                              { DNNL_ARG_DST, own->value },
                              { DNNL_ARG_WORKSPACE, own->workspace } };
    const int32_t statistics[] = { own->mean, own->var };
    AMPI_TRY(ampi_emit_step(emit, desc, args, 7));
    return ampi_emit_call(emit, ampi_tape_track, statistics, 2);
}

static amp_status forward_relu(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const own = &tape->nodes[index];
    const int32_t source = input_value(tape, node, 0);
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status;

    own->value = source;
    if (own->partner != AMPI_NONE)
        return AMP_OK;
    status = ampi_desc_relu(&desc, emit->plan->engine, ampi_emit_md(emit, source), NULL);
    AMPI_TRY(ampi_emit_keep(emit, status, desc, "ReLU"));
    own->forward = desc;
    AMPI_TRY(ampi_emit_buffer(emit, ampi_emit_md(emit, source), &own->value));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source }, { DNNL_ARG_DST, own->value } };
    return ampi_emit_step(emit, desc, args, 2);
}

static amp_status forward_add(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const own = &tape->nodes[index];
    const int32_t a = input_value(tape, node, 0);
    int32_t b;

    AMPI_TRY(ampi_emit_as(emit, input_value(tape, node, 1), ampi_emit_md(emit, a), &b));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_emit_md(emit, a), &own->value));
    return ampi_emit_add(emit, a, b, own->value, own->partner != AMPI_NONE);
}

static amp_status forward_pool(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const own = &tape->nodes[index];
    const int32_t source = input_value(tape, node, 0);
    ampi_pool_spec spec = ampi_emit_pool_shape(emit, node);
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status;

    spec.direction = AMPI_FORWARD;
    spec.source = ampi_emit_md(emit, source);
    status = ampi_desc_pool(&desc, emit->plan->engine, &spec);
    AMPI_TRY(ampi_emit_keep(emit, status, desc, "pooling"));
    own->forward = desc;
    AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_dst_md, 0), &own->value));
    if (!spec.average)
        AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_workspace_md, 0),
                                  &own->workspace));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source },
                              { DNNL_ARG_DST, own->value },
                              { DNNL_ARG_WORKSPACE, own->workspace } };
    return ampi_emit_step(emit, desc, args, 3);
}

static amp_status forward_dropout(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &tape->emit;
    ampi_tape_node *const own = &tape->nodes[index];
    const int32_t source = input_value(tape, node, 0);
    const ampi_dims dims = ampi_emit_dims(emit, (int32_t)index);

    own->value = source;
    if (!(node->dropout > 0.0F))
        return AMP_OK;
    own->tag = ampi_md_tag(ampi_emit_md(emit, source), &dims);
    if (own->tag == dnnl_format_tag_undef)
        return ampi_fail(emit->error, AMP_E_UNSUPPORTED, "exec",
                         "%.80s: dropout over values in an unknown order", node->name);
    AMPI_TRY(ampi_emit_bytes(
        emit, ampi_md_bytes(ampi_emit_md(emit, source)) / ampi_tape_value_bytes(tape), &own->mask));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_emit_md(emit, source), &own->value));
    const int32_t buffers[] = { source, own->mask, own->value };
    return ampi_emit_call(emit, ampi_tape_drop, buffers, 3);
}

static amp_status forward_node(ampi_tape_dnnl *tape, const ampi_node *node, size_t index)
{
    switch (node->op) {
    case AMPI_OP_INPUT:
        return forward_input(tape, index);
    case AMPI_OP_CONV:
    case AMPI_OP_LINEAR:
        return forward_conv(tape, node, index);
    case AMPI_OP_BATCH_NORM:
        return forward_norm(tape, node, index);
    case AMPI_OP_RELU:
        return forward_relu(tape, node, index);
    case AMPI_OP_ADD:
        return forward_add(tape, node, index);
    case AMPI_OP_MAX_POOL:
    case AMPI_OP_AVG_POOL:
        return forward_pool(tape, node, index);
    case AMPI_OP_DROPOUT:
        return forward_dropout(tape, node, index);
    case AMPI_OP_SCALE:
    case AMPI_OP_COUNT:
        break;
    }
    return ampi_fail(tape->emit.error, AMP_E_UNSUPPORTED, "exec",
                     "%.80s: a rewritten graph cannot be trained", node->name);
}

amp_status ampi_tape_emit_forward(ampi_tape_dnnl *tape)
{
    const ampi_graph *const graph = tape->setup.graph;
    const int32_t last = (int32_t)graph->n_nodes - 1;
    const ampi_dims dims = ampi_emit_dims(&tape->emit, last);

    tape->emit.phase = AMPI_PHASE_FORWARD;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        tape->emit.node = i;
        AMPI_TRY(forward_node(tape, &graph->nodes[i], i));
    }
    AMPI_TRY(ampi_emit_outside(&tape->emit, &dims, NULL, &tape->logits));
    return ampi_emit_copy(&tape->emit, tape->nodes[last].value, tape->logits);
}
