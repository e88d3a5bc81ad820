/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_v2.c - dnnl_api.h on oneDNN 2.x, where operations are described by structs.
 *
 * Called while a plan is made, never while it runs.
 */
#include "exec/dnnl_api.h"

#if DNNL_VERSION_MAJOR == 2

ampi_md ampi_layout_md(const ampi_layout *layout)
{
    return layout->set ? &layout->md : NULL;
}

dnnl_status_t ampi_layout_copy(ampi_layout *out, ampi_md md)
{
    out->md = *md;
    out->set = true;
    return dnnl_success;
}

dnnl_data_type_t ampi_md_type(ampi_md md)
{
    return md->data_type;
}

dnnl_status_t ampi_layout_make(ampi_layout *out, const ampi_dims *dims, dnnl_format_tag_t tag,
                               dnnl_data_type_t type)
{
    const dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&out->md, dims->n, dims->d, type, tag);
    out->set = status == dnnl_success;
    return status;
}

void ampi_layout_clear(ampi_layout *layout)
{
    layout->set = false;
}

dnnl_status_t ampi_attr_scales(dnnl_primitive_attr_t attr, const ampi_conv_spec *spec)
{
    return dnnl_primitive_attr_set_output_scales(attr, spec->oc, 1 << 1,
                                                 spec->scales.weights + spec->oc);
}

dnnl_status_t ampi_ops_sum(dnnl_post_ops_t ops, float scale, dnnl_data_type_t type, float to)
{
    return dnnl_post_ops_append_sum_v2(ops, scale / to, type);
}

dnnl_status_t ampi_ops_relu(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0F, dnnl_eltwise_relu, 0.0F, 0.0F);
}

/* The primitive descriptor of any filled operation descriptor. */
static dnnl_status_t make(dnnl_primitive_desc_t *out, const_dnnl_op_desc_t op, dnnl_engine_t engine,
                          const_dnnl_primitive_desc_t hint, bool relu)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = ampi_attr_make(&attr, relu);

    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, op, attr, engine, hint);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

static dnnl_status_t conv_fill(dnnl_convolution_desc_t *op, const ampi_conv_layouts *any,
                               const ampi_conv_spec *s)
{
    const dnnl_dims_t strides = { s->stride, s->stride };
    const dnnl_dims_t begin = { s->pad, s->pad };
    const dnnl_dims_t end = { ampi_end_pad(s->ih, s->oh, s->kernel, s->stride, s->pad),
                              ampi_end_pad(s->iw, s->ow, s->kernel, s->stride, s->pad) };
    const dnnl_alg_kind_t how = s->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    const ampi_md source = ampi_layout_md(&any->source), weights = ampi_layout_md(&any->weights);
    const ampi_md bias = ampi_layout_md(&any->bias), dest = ampi_layout_md(&any->destination);

    switch (s->direction) {
    case AMPI_BACKWARD_DATA:
        return dnnl_convolution_backward_data_desc_init(op, how, source, weights, dest, strides,
                                                        begin, end);
    case AMPI_BACKWARD_WEIGHTS:
        return dnnl_convolution_backward_weights_desc_init(op, how, source, weights, bias, dest,
                                                           strides, begin, end);
    case AMPI_INFERENCE:
    case AMPI_FORWARD:
        break;
    }
    return dnnl_convolution_forward_desc_init(
        op, s->direction == AMPI_FORWARD ? dnnl_forward_training : dnnl_forward_inference, how,
        source, weights, bias, dest, strides, begin, end);
}

/* *out stays NULL where no kernel is whole. */
static dnnl_status_t find_whole(dnnl_primitive_desc_t *out, const_dnnl_op_desc_t op,
                                dnnl_engine_t engine, const_dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_iterator_t each = NULL;
    dnnl_status_t status = dnnl_primitive_desc_iterator_create(&each, op, attr, engine, NULL);

    while (status == dnnl_success) {
        dnnl_primitive_desc_t const desc = dnnl_primitive_desc_iterator_fetch(each);
        if (desc != NULL && ampi_conv_whole(desc)) {
            *out = desc;
            break;
        }
        if (desc != NULL)
            dnnl_primitive_desc_destroy(desc);
        status = dnnl_primitive_desc_iterator_next(each);
    }
    if (each != NULL)
        dnnl_primitive_desc_iterator_destroy(each);
    return status == dnnl_iterator_ends ? dnnl_success : status;
}

dnnl_status_t ampi_desc_conv(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_conv_spec *spec)
{
    ampi_conv_layouts any = { 0 };
    dnnl_primitive_attr_t attr = NULL;
    dnnl_convolution_desc_t op;
    dnnl_status_t status = ampi_conv_any(&any, spec);

    if (status == dnnl_success)
        status = conv_fill(&op, &any, spec);
    if (status == dnnl_success)
        status = ampi_attr_conv(&attr, spec);
    if (status == dnnl_success && spec->whole)
        status = find_whole(out, &op, engine, attr);
    if (status == dnnl_success && *out == NULL)
        status = dnnl_primitive_desc_create(out, &op, attr, engine, spec->hint);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    ampi_conv_clear(&any);
    return status;
}

dnnl_status_t ampi_desc_norm(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_norm_spec *spec)
{
    unsigned flags = dnnl_use_scale | dnnl_use_shift;
    dnnl_batch_normalization_desc_t op;
    dnnl_status_t status;

    if (spec->relu)
        flags |= dnnl_fuse_norm_relu;
    if (spec->direction == AMPI_BACKWARD_WEIGHTS)
        status = dnnl_batch_normalization_backward_desc_init(&op, dnnl_backward, spec->data,
                                                             spec->data, spec->epsilon, flags);
    else if (spec->direction == AMPI_FORWARD)
        status = dnnl_batch_normalization_forward_desc_init(&op, dnnl_forward_training, spec->data,
                                                            spec->epsilon, flags);
    else
        status = dnnl_batch_normalization_forward_desc_init(
            &op, dnnl_forward_inference, spec->data, spec->epsilon, flags | dnnl_use_global_stats);
    return status != dnnl_success ? status : make(out, &op, engine, spec->hint, false);
}

dnnl_status_t ampi_desc_relu(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md data,
                             const_dnnl_primitive_desc_t hint)
{
    const dnnl_alg_kind_t how = dnnl_eltwise_relu_use_dst_for_bwd;
    dnnl_eltwise_desc_t op;
    const dnnl_status_t status =
        hint != NULL
            ? dnnl_eltwise_backward_desc_init(&op, how, data, data, 0.0F, 0.0F)
            : dnnl_eltwise_forward_desc_init(&op, dnnl_forward_training, how, data, 0.0F, 0.0F);

    return status != dnnl_success ? status : make(out, &op, engine, hint, false);
}

dnnl_status_t ampi_desc_add(dnnl_primitive_desc_t *out, dnnl_engine_t engine, ampi_md data,
                            bool relu)
{
    dnnl_binary_desc_t op;
    const dnnl_status_t status = dnnl_binary_desc_init(&op, dnnl_binary_add, data, data, data);

    return status != dnnl_success ? status : make(out, &op, engine, NULL, relu);
}

dnnl_status_t ampi_desc_pool(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                             const ampi_pool_spec *spec)
{
    const dnnl_dims_t strides = { spec->stride, spec->stride };
    const dnnl_dims_t kernel = { spec->kernel_h, spec->kernel_w };
    const dnnl_dims_t begin = { spec->pad, spec->pad };
    const dnnl_dim_t *to = spec->destination_dims;
    const dnnl_dims_t end = {
        ampi_end_pad(spec->source_h, to[2], spec->kernel_h, spec->stride, spec->pad),
        ampi_end_pad(spec->source_w, to[3], spec->kernel_w, spec->stride, spec->pad)
    };
    const dnnl_alg_kind_t how = spec->average ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max;
    dnnl_memory_desc_t any;
    dnnl_pooling_desc_t op;
    dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&any, 4, to, spec->source->data_type, dnnl_format_tag_any);

    if (status != dnnl_success)
        return status;
    if (spec->direction == AMPI_BACKWARD_DATA)
        status = dnnl_pooling_backward_desc_init(&op, how, spec->source, spec->destination, strides,
                                                 kernel, begin, end);
    else
        status = dnnl_pooling_forward_desc_init(
            &op, spec->direction == AMPI_FORWARD ? dnnl_forward_training : dnnl_forward_inference,
            how, spec->source, &any, strides, kernel, begin, end);
    return status != dnnl_success ? status : make(out, &op, engine, spec->hint, false);
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

    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_output_scales(attr, count, 1 << 0, scales + 2 * count);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(out, from, engine, to, engine, attr);
    if (attr != NULL)
        dnnl_primitive_attr_destroy(attr);
    return status;
}

#else
typedef int ampi_dnnl_v2_unused;
#endif
