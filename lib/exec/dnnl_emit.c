/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_emit.c - how buffers and primitives get into a plan (emit.h).
 *
 * Nothing here owns anything: the plan takes over what is made, and frees it on failure.
 */
#include "exec/dnnl_emit.h"

/* The plan takes the layout over, or it is dropped. */
static amp_status append(ampi_emit *emit, ampi_buffer *buffer, int32_t *out)
{
    const amp_status status = ampi_plan_buffer(emit->plan, buffer, out, emit->error);

    if (status != AMP_OK)
        ampi_layout_clear(&buffer->layout);
    return status;
}

amp_status ampi_emit_shared(ampi_emit *emit, ampi_md md, void *pointer, int32_t *out)
{
    ampi_buffer buffer = { 0 };

    AMPI_TRY(ampi_dnnl_check(ampi_layout_copy(&buffer.layout, md), "a layout", emit->error));
    buffer.bytes = ampi_md_bytes(md);
    buffer.outside = true;
    buffer.pointer = pointer;
    return append(emit, &buffer, out);
}

amp_status ampi_emit_buffer(ampi_emit *emit, ampi_md md, int32_t *out)
{
    AMPI_TRY(ampi_emit_shared(emit, md, NULL, out));
    emit->plan->buffers[*out]->outside = false;
    return AMP_OK;
}

amp_status ampi_emit_tagged(ampi_emit *emit, const ampi_dims *dims, dnnl_format_tag_t tag,
                            dnnl_data_type_t type, int32_t *out)
{
    ampi_layout layout = { 0 };
    amp_status status;

    AMPI_TRY(ampi_dnnl_check(ampi_layout_make(&layout, dims, tag, type), "a layout", emit->error));
    status = ampi_emit_buffer(emit, ampi_layout_md(&layout), out);
    ampi_layout_clear(&layout);
    return status;
}

amp_status ampi_emit_same(ampi_emit *emit, int32_t of, ampi_md md, int32_t *out)
{
    ampi_buffer *const place = emit->plan->buffers[of];

    AMPI_TRY(ampi_emit_buffer(emit, md, out));
    emit->plan->buffers[*out]->same = place->same != NULL ? place->same : place;
    return AMP_OK;
}

amp_status ampi_emit_bytes(ampi_emit *emit, size_t bytes, int32_t *out)
{
    ampi_buffer buffer = { 0 };

    buffer.bytes = bytes;
    return append(emit, &buffer, out);
}

amp_status ampi_emit_outside(ampi_emit *emit, const ampi_dims *dims, void *pointer, int32_t *out)
{
    static const dnnl_format_tag_t plain[] = { dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc,
                                               dnnl_abcd };
    ampi_buffer buffer = { 0 };

    AMPI_TRY(ampi_dnnl_check(ampi_layout_make(&buffer.layout, dims, plain[dims->n], dnnl_f32),
                             "a layout", emit->error));
    buffer.bytes = ampi_md_bytes(ampi_layout_md(&buffer.layout));
    buffer.outside = true;
    buffer.pointer = pointer;
    return append(emit, &buffer, out);
}

ampi_md ampi_emit_md(const ampi_emit *emit, int32_t buffer)
{
    return ampi_layout_md(&emit->plan->buffers[buffer]->layout);
}

amp_status ampi_emit_keep(ampi_emit *emit, dnnl_status_t status, dnnl_primitive_desc_t desc,
                          const char *what)
{
    AMPI_TRY(ampi_dnnl_check(status, what, emit->error));
    return ampi_plan_keep(emit->plan, desc, emit->error);
}

static void add_arg(ampi_step *step, int key, int32_t buffer)
{
    if (buffer == AMPI_NONE)
        return;
    step->keys[step->n_args] = key;
    step->buffers[step->n_args] = buffer;
    step->n_args++;
}

amp_status ampi_emit_step(ampi_emit *emit, const_dnnl_primitive_desc_t desc, const ampi_arg *args,
                          size_t n_args)
{
    const ampi_md scratch = ampi_desc_md(desc, dnnl_query_scratchpad_md, 0);
    int32_t scratchpad = AMPI_NONE;
    ampi_step step = { 0 };

    if (scratch != NULL && ampi_md_bytes(scratch) > 0)
        AMPI_TRY(ampi_emit_buffer(emit, scratch, &scratchpad));
    step.phase = emit->phase;
    step.node = emit->node;
    step.alone = emit->alone;
    step.what = emit->what;
    for (size_t i = 0; i < n_args; i++)
        add_arg(&step, args[i].key, args[i].buffer);
    add_arg(&step, DNNL_ARG_SCRATCHPAD, scratchpad);
    AMPI_TRY(
        ampi_dnnl_check(dnnl_primitive_create(&step.primitive, desc), "a primitive", emit->error));
    return ampi_plan_step(emit->plan, &step, emit->error);
}

amp_status ampi_emit_call(ampi_emit *emit, ampi_step_fn function, const int32_t *buffers,
                          uint32_t n_buffers)
{
    ampi_step step = { 0 };

    step.phase = emit->phase;
    step.node = emit->node;
    step.function = function;
    step.what = emit->what;
    for (uint32_t i = 0; i < n_buffers; i++)
        add_arg(&step, 0, buffers[i]);
    return ampi_plan_step(emit->plan, &step, emit->error);
}

amp_status ampi_emit_copy(ampi_emit *emit, int32_t from, int32_t to)
{
    const ampi_arg args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = ampi_desc_reorder(
        &desc, emit->plan->engine, ampi_emit_md(emit, from), ampi_emit_md(emit, to));

    AMPI_TRY(ampi_emit_keep(emit, status, desc, "a reorder"));
    return ampi_emit_step(emit, desc, args, 2);
}

amp_status ampi_emit_as(ampi_emit *emit, int32_t from, ampi_md md, int32_t *out)
{
    *out = from;
    if (ampi_md_equal(ampi_emit_md(emit, from), md))
        return AMP_OK;
    AMPI_TRY(ampi_emit_buffer(emit, md, out));
    return ampi_emit_copy(emit, from, *out);
}

amp_status ampi_emit_add(ampi_emit *emit, int32_t a, int32_t b, int32_t to, bool relu)
{
    const ampi_arg args[] = { { DNNL_ARG_SRC_0, a }, { DNNL_ARG_SRC_1, b }, { DNNL_ARG_DST, to } };
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status =
        ampi_desc_add(&desc, emit->plan->engine, ampi_emit_md(emit, a), relu);

    AMPI_TRY(ampi_emit_keep(emit, status, desc, "an addition"));
    return ampi_emit_step(emit, desc, args, 3);
}

ampi_dims ampi_emit_dims(const ampi_emit *emit, int32_t node)
{
    const ampi_shape shape = emit->graph->nodes[node].shape;

    return ampi_dims4(emit->batch, shape.c, shape.h, shape.w);
}

void ampi_emit_conv_shape(const ampi_emit *emit, const ampi_node *node, ampi_conv_spec *spec)
{
    const ampi_shape in = emit->graph->nodes[node->inputs[0]].shape;
    const bool linear = node->op == AMPI_OP_LINEAR;

    spec->n = emit->batch;
    spec->ic = in.c;
    spec->ih = in.h;
    spec->iw = in.w;
    spec->oc = node->shape.c;
    spec->oh = node->shape.h;
    spec->ow = node->shape.w;
    spec->kernel = linear ? 1 : node->kernel;
    spec->stride = linear ? 1 : node->stride;
    spec->pad = linear ? 0 : node->pad;
    spec->bias = node->params[AMPI_PARAM_BIAS] != AMPI_NONE;
}

ampi_dims ampi_emit_weight_dims(const ampi_conv_spec *spec)
{
    return ampi_dims4(spec->oc, spec->ic, spec->kernel, spec->kernel);
}

ampi_pool_spec ampi_emit_pool_shape(const ampi_emit *emit, const ampi_node *node)
{
    const ampi_shape in = emit->graph->nodes[node->inputs[0]].shape;
    ampi_pool_spec spec = { 0 };

    spec.average = node->op == AMPI_OP_AVG_POOL;
    spec.source_h = in.h;
    spec.source_w = in.w;
    spec.kernel_h = spec.average ? in.h : node->kernel;
    spec.kernel_w = spec.average ? in.w : node->kernel;
    spec.stride = spec.average ? 1 : node->stride;
    spec.pad = spec.average ? 0 : node->pad;
    spec.destination_dims[0] = emit->batch;
    spec.destination_dims[1] = node->shape.c;
    spec.destination_dims[2] = node->shape.h;
    spec.destination_dims[3] = node->shape.w;
    return spec;
}
