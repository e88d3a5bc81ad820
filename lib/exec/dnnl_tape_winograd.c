/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_tape_winograd.c - the convolutions of a bf16 tape that winograd.h computes, as steps of
 * its plan.
 *
 * oneDNN's direct bf16 kernels run at the processor's peak already, and it has Winograd for fp32
 * alone.  Two threads of a Zen 4, batch 128, against them: 32 to 32 channels of 32x32 4.1 ms
 * forward, 3.6 gradient of the weights against 5.2 and 6.7; 64 of 16x16 3.1 and 3.0 against 4.8 and
 * 6.0; 128 of 8x8 2.7 and 2.9 against 4.7 and 5.2.  Results are 0.44 % off instead of 0.29 %.
 */
#include "exec/dnnl_tape.h"
#include "exec/winograd.h"

static ampi_wino shape_of(const ampi_tape_dnnl *tape, const ampi_node *node, bool back)
{
    const ampi_shape in = tape->setup.graph->nodes[node->inputs[0]].shape;
    const ampi_wino wino = { .images = tape->setup.batch,
                             .h = in.h,
                             .w = in.w,
                             .from = back ? node->shape.c : in.c,
                             .to = back ? in.c : node->shape.c,
                             .threads = tape->setup.options.threads };
    return wino;
}

bool ampi_tape_winograd(const ampi_tape_dnnl *tape, const ampi_node *node)
{
    const ampi_wino wino = shape_of(tape, node, false);

    return tape->type == dnnl_bf16 && !tape->setup.options.exact && node->op == AMPI_OP_CONV &&
           node->kernel == 3 && node->stride == 1 && node->pad == 1 &&
           node->params[AMPI_PARAM_BIAS] == AMPI_NONE && ampi_wino_fits(&wino);
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static const ampi_node *node_of(const ampi_call *call)
{
    const ampi_tape_dnnl *const tape = call->owner;

    return &tape->setup.graph->nodes[call->node];
}

/* plain weights, transformed ones */
static void weights(const ampi_call *call)
{
    const ampi_wino wino = shape_of(call->owner, node_of(call), false);

    ampi_wino_weights(&wino, call->pointers[0], false, call->pointers[1]);
}

static void weights_back(const ampi_call *call)
{
    const ampi_wino wino = shape_of(call->owner, node_of(call), true);

    ampi_wino_weights(&wino, call->pointers[0], true, call->pointers[1]);
}

/* read, transformed weights, made, scratch */
static void data(const ampi_call *call)
{
    const ampi_wino wino = shape_of(call->owner, node_of(call), false);

    ampi_wino_data(&wino, call->pointers[0], call->pointers[1], call->pointers[2],
                   call->pointers[3]);
}

static void data_back(const ampi_call *call)
{
    const ampi_wino wino = shape_of(call->owner, node_of(call), true);

    ampi_wino_data(&wino, call->pointers[0], call->pointers[1], call->pointers[2],
                   call->pointers[3]);
}

/* read, gradient of what was made, gradient of the weights, scratch */
static void diff(const ampi_call *call)
{
    const ampi_wino wino = shape_of(call->owner, node_of(call), false);

    ampi_wino_diff(&wino, call->pointers[0], call->pointers[1], call->pointers[2],
                   call->pointers[3]);
}

/* ---- making them ------------------------------------------------------------------------------
 */

/* *out = `from` as nChw16c. */
static amp_status blocked(ampi_tape_dnnl *tape, int32_t from, ampi_shape shape, int32_t *out)
{
    ampi_emit *const emit = &tape->emit;
    const ampi_dims dims = ampi_dims4(emit->batch, shape.c, shape.h, shape.w);
    ampi_layout layout = { 0 };
    amp_status status = ampi_dnnl_check(ampi_layout_make(&layout, &dims, dnnl_nChw16c, dnnl_bf16),
                                        "a layout", emit->error);

    if (status == AMP_OK)
        status = ampi_emit_as(emit, from, ampi_layout_md(&layout), out);
    ampi_layout_clear(&layout);
    return status;
}

static amp_status emit_data(ampi_tape_dnnl *tape, const ampi_node *node, bool back, int32_t from,
                            int32_t *made)
{
    ampi_emit *const emit = &tape->emit;
    const ampi_shape in = tape->setup.graph->nodes[node->inputs[0]].shape;
    const ampi_shape to = back ? in : node->shape;
    const ampi_dims dims = ampi_dims4(emit->batch, to.c, to.h, to.w);
    const ampi_wino wino = shape_of(tape, node, back);
    int32_t read, plain, ready, scratch;

    AMPI_TRY(blocked(tape, from, back ? node->shape : in, &read));
    AMPI_TRY(ampi_tape_param(tape, node, AMPI_PARAM_WEIGHT, &plain));
    AMPI_TRY(ampi_emit_bytes(emit, ampi_wino_weight_bytes(&wino), &ready));
    AMPI_TRY(ampi_emit_bytes(emit, ampi_wino_data_scratch(&wino), &scratch));
    AMPI_TRY(ampi_emit_tagged(emit, &dims, dnnl_nChw16c, dnnl_bf16, made));
    const int32_t prepare[] = { plain, ready };
    const int32_t compute[] = { read, ready, *made, scratch };
    AMPI_TRY(ampi_emit_call(emit, back ? weights_back : weights, prepare, 2));
    return ampi_emit_call(emit, back ? data_back : data, compute, 4);
}

amp_status ampi_tape_winograd_forward(ampi_tape_dnnl *tape, const ampi_node *node, int32_t from,
                                      int32_t *made)
{
    return emit_data(tape, node, false, from, made);
}

amp_status ampi_tape_winograd_data(ampi_tape_dnnl *tape, const ampi_node *node, int32_t from,
                                   int32_t *made)
{
    return emit_data(tape, node, true, from, made);
}

amp_status ampi_tape_winograd_weights(ampi_tape_dnnl *tape, const ampi_node *node, int32_t from,
                                      int32_t gradient)
{
    ampi_emit *const emit = &tape->emit;
    const ampi_wino wino = shape_of(tape, node, false);
    int32_t read, made, plain, scratch;

    AMPI_TRY(blocked(tape, from, tape->setup.graph->nodes[node->inputs[0]].shape, &read));
    AMPI_TRY(blocked(tape, gradient, node->shape, &made));
    AMPI_TRY(ampi_tape_param_diff(tape, node, AMPI_PARAM_WEIGHT, &plain));
    AMPI_TRY(ampi_emit_bytes(emit, ampi_wino_diff_scratch(&wino), &scratch));
    const int32_t buffers[] = { read, made, plain, scratch };
    return ampi_emit_call(emit, diff, buffers, 4);
}
