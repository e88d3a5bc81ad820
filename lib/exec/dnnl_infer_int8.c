/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_infer_int8.c - the nodes that work on bytes as steps of a plan (see dnnl_int8.h).
 *
 * All values of such a network are nhwc.
 */
#include "exec/dnnl_infer.h"

static const ampi_int8_node *planned(const ampi_infer *in, int32_t index)
{
    return &in->cache->integers->nodes[index];
}

/* A layout of the node's value; the caller clears it. */
static amp_status layout_of(const ampi_infer *in, int32_t index, dnnl_data_type_t type,
                            ampi_layout *out)
{
    const ampi_dims dims = ampi_emit_dims(&in->emit, index);

    return ampi_dnnl_check(ampi_layout_make(out, &dims, dnnl_nhwc, type), "a layout",
                           in->emit.error);
}

/* A new buffer for the node's value as nhwc. */
static amp_status new_value(ampi_infer *in, int32_t index, dnnl_data_type_t type, int32_t *out)
{
    const ampi_dims dims = ampi_emit_dims(&in->emit, index);

    return ampi_emit_tagged(&in->emit, &dims, dnnl_nhwc, type, out);
}

static amp_status as_nhwc(ampi_infer *in, int32_t index, int32_t *out)
{
    ampi_layout layout = { 0 };
    amp_status status;

    AMPI_TRY(layout_of(in, index, dnnl_f32, &layout));
    status = ampi_emit_as(&in->emit, in->values[index], ampi_layout_md(&layout), out);
    ampi_layout_clear(&layout);
    return status;
}

/* The fp32 value `from` through the numbers of node `index` into bytes. */
static amp_status quantise(ampi_infer *in, int32_t from, size_t index, int32_t *out)
{
    const ampi_int8_node *const mine = planned(in, (int32_t)index);
    const size_t count = AMPI_AFFINE_HEAD + 2 * (size_t)in->emit.graph->nodes[index].shape.c;
    int32_t buffers[3];
    amp_status status;

    AMPI_TRY(as_nhwc(in, from, &buffers[0]));
    AMPI_TRY(new_value(in, (int32_t)index, mine->bytes, &buffers[1]));
    AMPI_TRY(ampi_infer_floats(in, count, mine->affine, &buffers[2]));
    *out = buffers[1];
    in->emit.what = "quantise";
    status = ampi_emit_call(&in->emit, ampi_quantise, buffers, 3);
    in->emit.what = NULL;
    return status;
}

/* The value of a node as bytes: made once, whoever reads it. */
static amp_status as_bytes(ampi_infer *in, int32_t index, int32_t *out)
{
    *out = in->values[index];
    if (planned(in, index)->type != dnnl_f32)
        return AMP_OK;
    if (in->bytes[index] == AMPI_NONE)
        AMPI_TRY(quantise(in, index, (size_t)index, &in->bytes[index]));
    *out = in->bytes[index];
    return AMP_OK;
}

/* ---- a convolution of bytes -------------------------------------------------------------------
 */

static ampi_conv_spec conv_spec(const ampi_infer *in, const ampi_node *node, size_t index)
{
    const ampi_int8_node *const mine = planned(in, (int32_t)index);
    const ampi_int8_node *const from = planned(in, node->inputs[0]);
    const bool bytes = mine->type != dnnl_f32;
    ampi_conv_spec spec = { .direction = AMPI_INFERENCE, .relu = node->relu, .whole = true };

    ampi_emit_conv_shape(&in->emit, node, &spec);
    spec.from = from->bytes;
    spec.to = mine->type;
    spec.scales = (ampi_conv_scales){ .from = from->scale,
                                      .to = bytes ? mine->scale : 1.0F,
                                      .sum = 1.0F,
                                      .sum_type = dnnl_f32,
                                      .weights = mine->weights };
    spec.sum = node->sum != AMPI_NONE;
    if (spec.sum && bytes) {
        spec.scales.sum = planned(in, node->sum)->scale;
        spec.scales.sum_type = planned(in, node->sum)->bytes;
    }
    return spec;
}

/* What is added to lies in the destination's place, as its own type. */
static amp_status sum_into(ampi_infer *in, const ampi_node *node, size_t index, ampi_md md)
{
    const bool bytes = planned(in, (int32_t)index)->type != dnnl_f32;
    const dnnl_data_type_t type = bytes ? planned(in, node->sum)->bytes : dnnl_f32;
    int32_t operand = in->values[node->sum], place;
    ampi_layout layout = { 0 };
    amp_status status;

    if (bytes)
        AMPI_TRY(as_bytes(in, node->sum, &operand));
    AMPI_TRY(layout_of(in, (int32_t)index, type, &layout));
    status = ampi_infer_sum(in, index, operand, ampi_layout_md(&layout), &place);
    ampi_layout_clear(&layout);
    if (status != AMP_OK || ampi_md_type(md) == type) {
        in->values[index] = place;
        return status;
    }
    return ampi_emit_same(&in->emit, place, md, &in->values[index]);
}

static amp_status add_scales(ampi_infer *in, const ampi_node *node, size_t index, ampi_arg *args)
{
    const ampi_int8_node *const mine = planned(in, (int32_t)index);

    AMPI_TRY(ampi_infer_floats(in, 1, &planned(in, node->inputs[0])->scale, &args[0].buffer));
    AMPI_TRY(ampi_infer_floats(in, node->shape.c, mine->weights, &args[1].buffer));
    if (mine->type != dnnl_f32)
        AMPI_TRY(ampi_infer_floats(in, 1, &mine->scale, &args[2].buffer));
    return AMP_OK;
}

static amp_status conv(ampi_infer *in, const ampi_node *node, size_t index)
{
    const ampi_int8_node *const mine = planned(in, (int32_t)index);
    ampi_conv_spec spec = conv_spec(in, node, index);
    ampi_arg args[] = { { AMPI_ARG_SCALES(DNNL_ARG_SRC), AMPI_NONE },
                        { AMPI_ARG_SCALES(DNNL_ARG_WEIGHTS), AMPI_NONE },
                        { AMPI_ARG_SCALES(DNNL_ARG_DST), AMPI_NONE },
                        { DNNL_ARG_SRC, AMPI_NONE },
                        { DNNL_ARG_WEIGHTS, AMPI_NONE },
                        { DNNL_ARG_BIAS, AMPI_NONE },
                        { DNNL_ARG_DST, AMPI_NONE } };
    dnnl_primitive_desc_t desc = NULL;
    ampi_md md;
    bool alone;

    AMPI_TRY(ampi_infer_conv_desc(in, &spec, &desc, &alone));
    md = ampi_desc_md(desc, dnnl_query_dst_md, 0);
    if (AMPI_SCALES_AT_RUN)
        AMPI_TRY(add_scales(in, node, index, args));
    AMPI_TRY(as_bytes(in, node->inputs[0], &args[3].buffer));
    AMPI_TRY(ampi_infer_weights(in, node, &spec, desc, &args[4].buffer));
    if (spec.bias)
        AMPI_TRY(ampi_infer_floats(in, node->shape.c, mine->bias, &args[5].buffer));
    AMPI_TRY(spec.sum ? sum_into(in, node, index, md)
                      : ampi_emit_buffer(&in->emit, md, &in->values[index]));
    args[6].buffer = in->values[index];
    return ampi_emit_step(&in->emit, desc, args, sizeof args / sizeof args[0]);
}

/* ---- the others -------------------------------------------------------------------------------
 */

static amp_status average_pool(ampi_infer *in, const ampi_node *node, size_t index)
{
    int32_t buffers[3] = { in->values[node->inputs[0]], AMPI_NONE, AMPI_NONE };
    const ampi_dims dims = ampi_emit_dims(&in->emit, (int32_t)index);
    amp_status status;

    AMPI_TRY(ampi_emit_tagged(&in->emit, &dims, dnnl_nchw, dnnl_f32, &buffers[1]));
    in->values[index] = buffers[1];
    AMPI_TRY(ampi_infer_floats(in, sizeof(ampi_pool_argument) / sizeof(float),
                               &planned(in, (int32_t)index)->pool, &buffers[2]));
    in->emit.what = "average pool";
    status = ampi_emit_call(&in->emit, ampi_pool_u8, buffers, 3);
    in->emit.what = NULL;
    return status;
}

amp_status ampi_infer_int8(ampi_infer *in, const ampi_node *node, size_t index, bool *done)
{
    const ampi_int8_node *const mine = planned(in, (int32_t)index);
    const bool from_bytes =
        node->inputs[0] != AMPI_NONE && planned(in, node->inputs[0])->type != dnnl_f32;

    *done = true;
    if (mine->integer)
        return conv(in, node, index);
    if ((node->op == AMPI_OP_SCALE || node->op == AMPI_OP_RELU) && mine->type != dnnl_f32)
        return quantise(in, node->inputs[0], index, &in->values[index]);
    if (node->op == AMPI_OP_AVG_POOL && from_bytes)
        return average_pool(in, node, index);
    *done = false;
    return AMP_OK;
}
