/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_v3.c - dnnl_api.h on oneDNN 3.x, where descriptors are objects that are owned.
 *
 * Called while a plan is made, never while it runs.
 */
#include "exec/dnnl_api.h"

#if DNNL_VERSION_MAJOR >= 3

ampi_md ampi_layout_md(const ampi_layout *layout)
{
    return layout->set ? layout->md : NULL;
}

dnnl_status_t ampi_layout_copy(ampi_layout *out, ampi_md md)
{
    const dnnl_status_t status = dnnl_memory_desc_clone(&out->md, md);

    out->set = status == dnnl_success;
    return status;
}

dnnl_data_type_t ampi_md_type(ampi_md md)
{
    dnnl_data_type_t type = dnnl_data_type_undef;

    dnnl_memory_desc_query(md, dnnl_query_data_type, &type);
    return type;
}

dnnl_status_t ampi_layout_make(ampi_layout *out, const ampi_dims *dims, dnnl_format_tag_t tag,
                               dnnl_data_type_t type)
{
    const dnnl_status_t status =
        dnnl_memory_desc_create_with_tag(&out->md, dims->n, dims->d, type, tag);

    out->set = status == dnnl_success;
    return status;
}

void ampi_layout_clear(ampi_layout *layout)
{
    if (layout->set)
        dnnl_memory_desc_destroy(layout->md);
    layout->set = false;
}

/* That there are scales; their values come with each run. */
dnnl_status_t ampi_attr_scales(dnnl_primitive_attr_t attr, const ampi_conv_spec *spec)
{
    dnnl_status_t status = dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_SRC, 0);

    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_WEIGHTS, 1 << 0);
    if (status == dnnl_success && spec->to != dnnl_f32)
        status = dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_DST, 0);
    return status;
}

/* The destination's scale comes with each run. */
dnnl_status_t ampi_ops_sum(dnnl_post_ops_t ops, float scale, dnnl_data_type_t type, float to)
{
    (void)to;
    return dnnl_post_ops_append_sum(ops, scale, 0, type);
}

dnnl_status_t ampi_ops_relu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0.0F, 0.0F);
}

/* ---- convolutions ---------------------------------------------------------------------------- */

static dnnl_status_t conv_make(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                               const ampi_conv_layouts *any, const ampi_conv_spec *s,
                               const_dnnl_primitive_attr_t attr)
{
    const dnnl_dims_t strides = { s->stride, s->stride }, dilates = { 0, 0 };
    const dnnl_dims_t begin = { s->pad, s->pad };
    const dnnl_dims_t end = { ampi_end_pad(s->ih, s->oh, s->kernel, s->stride, s->pad),
                              ampi_end_pad(s->iw, s->ow, s->kernel, s->stride, s->pad) };
    const dnnl_alg_kind_t how = s->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    const ampi_md source = ampi_layout_md(&any->source), weights = ampi_layout_md(&any->weights);
    const ampi_md bias = ampi_layout_md(&any->bias), dest = ampi_layout_md(&any->destination);

    switch (s->direction) {
    case AMPI_BACKWARD_DATA:
        return dnnl_convolution_backward_data_primitive_desc_create(
            out, engine, how, source, weights, dest, strides, dilates, begin, end, s->hint, attr);
    case AMPI_BACKWARD_WEIGHTS:
        return dnnl_convolution_backward_weights_primitive_desc_create(
            out, engine, how, source, weights, bias, dest, strides, dilates, begin, end, s->hint,
            attr);
    case AMPI_INFERENCE:
    case AMPI_FORWARD:
        break;
    }
    return dnnl_convolution_forward_primitive_desc_create(
        out, engine, s->direction == AMPI_FORWARD ? dnnl_forward_training : dnnl_forward_inference,
        how, source, weights, bias, dest, strides, dilates, begin, end, attr);
}

/* Moves on to the first whole kernel; false where there is none. */
static bool find_whole(dnnl_primitive_desc_t desc)
{
    bool found = ampi_conv_whole(desc);

    while (!found && dnnl_primitive_desc_next_impl(desc) == dnnl_success)
        found = ampi_conv_whole(desc);
    return found;
}

dnnl_status_t ampi_desc_conv(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_conv_spec *spec)
{
    ampi_conv_layouts any = { 0 };
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = ampi_conv_any(&any, spec);

    if (status == dnnl_success)
        status = ampi_attr_conv(&attr, spec);
    if (status == dnnl_success)
        status = conv_make(out, engine, &any, spec, attr);
    if (status == dnnl_success && spec->whole && !find_whole(*out)) {
        dnnl_primitive_desc_destroy(*out);
        *out = NULL;
        status = conv_make(out, engine, &any, spec, attr);
    }
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    ampi_conv_clear(&any);
    return status;
}

/* ---- the others ------------------------------------------------------------------------------ */

dnnl_status_t ampi_desc_norm(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_norm_spec *spec)
{
    dnnl_primitive_attr_t attr = NULL;
    unsigned flags = dnnl_use_scale | dnnl_use_shift;
    dnnl_status_t status = ampi_attr_make(&attr, false);

    if (spec->relu)
        flags |= dnnl_fuse_norm_relu;
    if (spec->direction == AMPI_INFERENCE)
        flags |= dnnl_use_global_stats;
    if (status == dnnl_success && spec->direction == AMPI_BACKWARD_WEIGHTS)
        status = dnnl_batch_normalization_backward_primitive_desc_create(
            out, engine, dnnl_backward, spec->data, spec->data, spec->data, spec->epsilon, flags,
            spec->hint, attr);
    else if (status == dnnl_success)
        status = dnnl_batch_normalization_forward_primitive_desc_create(
            out, engine,
            spec->direction == AMPI_FORWARD ? dnnl_forward_training : dnnl_forward_inference,
            spec->data, spec->data, spec->epsilon, flags, attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

dnnl_status_t ampi_desc_relu(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md data,
                             const_dnnl_primitive_desc_t hint)
{
    const dnnl_alg_kind_t how = dnnl_eltwise_relu_use_dst_for_bwd;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = ampi_attr_make(&attr, false);

    if (status == dnnl_success && hint != NULL)
        status = dnnl_eltwise_backward_primitive_desc_create(out, engine, how, data, data, data,
                                                             0.0F, 0.0F, hint, attr);
    else if (status == dnnl_success)
        status = dnnl_eltwise_forward_primitive_desc_create(out, engine, dnnl_forward_training, how,
                                                            data, data, 0.0F, 0.0F, attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

dnnl_status_t ampi_desc_add(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md data,
                            bool relu)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = ampi_attr_make(&attr, relu);

    if (status == dnnl_success)
        status =
            dnnl_binary_primitive_desc_create(out, engine, dnnl_binary_add, data, data, data, attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

static dnnl_status_t pool_make(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                               const ampi_pool_spec *spec, ampi_md any,
                               const_dnnl_primitive_attr_t attr)
{
    const dnnl_dims_t strides = { spec->stride, spec->stride }, dilation = { 0, 0 };
    const dnnl_dims_t kernel = { spec->kernel_h, spec->kernel_w };
    const dnnl_dims_t begin = { spec->pad, spec->pad };
    const dnnl_dim_t *to = spec->destination_dims;
    const dnnl_dims_t end = {
        ampi_end_pad(spec->source_h, to[2], spec->kernel_h, spec->stride, spec->pad),
        ampi_end_pad(spec->source_w, to[3], spec->kernel_w, spec->stride, spec->pad)
    };
    const dnnl_alg_kind_t how = spec->average ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max;

    if (spec->direction == AMPI_BACKWARD_DATA)
        return dnnl_pooling_backward_primitive_desc_create(out, engine, how, spec->source,
                                                           spec->destination, strides, kernel,
                                                           dilation, begin, end, spec->hint, attr);
    return dnnl_pooling_forward_primitive_desc_create(
        out, engine,
        spec->direction == AMPI_FORWARD ? dnnl_forward_training : dnnl_forward_inference, how,
        spec->source, any, strides, kernel, dilation, begin, end, attr);
}

dnnl_status_t ampi_desc_pool(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_pool_spec *spec)
{
    const dnnl_dim_t *to = spec->destination_dims;
    const ampi_dims dims = ampi_dims4(to[0], to[1], to[2], to[3]);
    dnnl_primitive_attr_t attr = NULL;
    ampi_layout any = { 0 };
    dnnl_status_t status =
        ampi_layout_make(&any, &dims, dnnl_format_tag_any, ampi_md_type(spec->source));

    if (status == dnnl_success)
        status = ampi_attr_make(&attr, false);
    if (status == dnnl_success)
        status = pool_make(out, engine, spec, ampi_layout_md(&any), attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    ampi_layout_clear(&any);
    return status;
}

dnnl_status_t ampi_desc_reorder(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md from,
                                ampi_md to)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = ampi_attr_make(&attr, false);

    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(out, from, engine, to, engine, attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

dnnl_status_t ampi_desc_weights(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md from,
                                ampi_md to, const float *scales, dnnl_dim_t count)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = ampi_attr_make(&attr, false);

    (void)scales;
    (void)count;
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scales_mask(attr, DNNL_ARG_DST, 1 << 0);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(out, from, engine, to, engine, attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

#else
typedef int ampi_dnnl_v3_unused;
#endif
