/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_common.c - the part of dnnl_api.h that is the same in every oneDNN.
 */
#include "exec/dnnl_api.h"

#include <string.h>

bool ampi_md_equal(ampi_md a, ampi_md b)
{
    return dnnl_memory_desc_equal(a, b) != 0;
}

size_t ampi_md_bytes(ampi_md md)
{
    return dnnl_memory_desc_get_size(md);
}

dnnl_format_tag_t ampi_md_tag(ampi_md md, const ampi_dims *dims)
{
    static const dnnl_format_tag_t tags[] = { dnnl_nchw, dnnl_nhwc, dnnl_nChw8c, dnnl_nChw16c };
    dnnl_format_tag_t found = dnnl_format_tag_undef;

    for (size_t i = 0; i < sizeof tags / sizeof *tags && found == dnnl_format_tag_undef; i++) {
        ampi_layout layout = { 0 };
        if (ampi_layout_make(&layout, dims, tags[i], ampi_md_type(md)) == dnnl_success) {
            if (ampi_md_equal(md, ampi_layout_md(&layout)))
                found = tags[i];
            ampi_layout_clear(&layout);
        }
    }
    return found;
}

ampi_md ampi_desc_md(const_dnnl_primitive_desc_t desc, dnnl_query_t what, int index)
{
    return dnnl_primitive_desc_query_md(desc, what, index);
}

ampi_dims ampi_dims4(dnnl_dim_t a, dnnl_dim_t b, dnnl_dim_t c, dnnl_dim_t d)
{
    const ampi_dims dims = { 4, { a, b, c, d } };
    return dims;
}

amp_status ampi_dnnl_check(dnnl_status_t status, const char *what, amp_error *error)
{
    amp_status code;

    if (status == dnnl_success)
        return AMP_OK;
    code = ampi_fail(error, status == dnnl_out_of_memory ? AMP_E_NOMEM : AMP_E_BACKEND, "exec",
                     "oneDNN refused %s: status %d", what, (int)status);
    if (error != NULL)
        error->detail = (int32_t)status;
    return code;
}

/* What comes behind a primitive's own sum; `conv` NULL = it is no convolution. */
static dnnl_status_t set_ops(dnnl_primitive_attr_t attr, const ampi_conv_spec *conv, bool relu)
{
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_post_ops_create(&ops);

    if (status == dnnl_success && conv != NULL && conv->sum) {
        const ampi_conv_scales *const s = &conv->scales;
        status = s->weights != NULL ? ampi_ops_sum(ops, s->sum, s->sum_type, s->to)
                                    : ampi_ops_sum(ops, 1.0F, dnnl_data_type_undef, 1.0F);
    }
    if (status == dnnl_success && relu)
        status = ampi_ops_relu(ops);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    if (ops != NULL)
        dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t make_attr(dnnl_primitive_attr_t *out, const ampi_conv_spec *conv, bool relu)
{
    dnnl_status_t status = dnnl_primitive_attr_create(out);

    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && conv != NULL && conv->scales.weights != NULL)
        status = ampi_attr_scales(*out, conv);
    return status == dnnl_success ? set_ops(*out, conv, relu) : status;
}

dnnl_status_t ampi_attr_make(dnnl_primitive_attr_t *out, bool relu)
{
    return make_attr(out, NULL, relu);
}

dnnl_status_t ampi_attr_conv(dnnl_primitive_attr_t *out, const ampi_conv_spec *spec)
{
    return make_attr(out, spec, spec->relu);
}

dnnl_status_t ampi_conv_any(ampi_conv_layouts *any, const ampi_conv_spec *s)
{
    const ampi_dims source = ampi_dims4(s->n, s->ic, s->ih, s->iw);
    const ampi_dims weights = ampi_dims4(s->oc, s->ic, s->kernel, s->kernel);
    const ampi_dims destination = ampi_dims4(s->n, s->oc, s->oh, s->ow);
    const ampi_dims bias = { 1, { s->oc } };
    const dnnl_data_type_t from = s->from == dnnl_data_type_undef ? dnnl_f32 : s->from;
    const dnnl_data_type_t to = s->to == dnnl_data_type_undef ? dnnl_f32 : s->to;
    const bool bytes = s->scales.weights != NULL;
    /* Gradients of weights are sums over a whole batch. */
    const dnnl_data_type_t kept = s->direction == AMPI_BACKWARD_WEIGHTS ? dnnl_f32 : from;
    const dnnl_format_tag_t tag = bytes ? dnnl_nhwc : dnnl_format_tag_any;
    dnnl_status_t status = ampi_layout_make(&any->source, &source, tag, from);

    if (status == dnnl_success)
        status =
            ampi_layout_make(&any->weights, &weights, dnnl_format_tag_any, bytes ? dnnl_s8 : kept);
    if (status == dnnl_success)
        status = ampi_layout_make(&any->destination, &destination, tag, to);
    if (status == dnnl_success && s->bias)
        status = ampi_layout_make(&any->bias, &bias, dnnl_a, dnnl_f32);
    return status;
}

void ampi_conv_clear(ampi_conv_layouts *any)
{
    ampi_layout_clear(&any->source);
    ampi_layout_clear(&any->weights);
    ampi_layout_clear(&any->bias);
    ampi_layout_clear(&any->destination);
}

bool ampi_conv_whole(const_dnnl_primitive_desc_t desc)
{
    const char *name = "";

    return dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success &&
           strncmp(name, "jit", 3) == 0;
}

dnnl_dim_t ampi_end_pad(dnnl_dim_t in, dnnl_dim_t out, dnnl_dim_t kernel, dnnl_dim_t stride,
                        dnnl_dim_t pad)
{
    return (out - 1) * stride + kernel - in - pad;
}
