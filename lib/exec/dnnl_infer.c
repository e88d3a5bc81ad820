/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_infer.c - an optimised graph as steps of a plan, for inference.
 *
 * In plain fp32 convolutions are direct, so that an image gives the same bits in every batch.
 * Values stay in the layouts that the convolutions chose.
 */
#include "exec/dnnl_infer.h"

amp_status ampi_infer_floats(ampi_infer *in, size_t count, const void *data, int32_t *out)
{
    const ampi_dims dims = { 1, { (dnnl_dim_t)count } };

    /* oneDNN takes inputs by plain pointers too. */
    return ampi_emit_outside(&in->emit, &dims, (void *)(uintptr_t)data, out);
}

static amp_status vector(ampi_infer *in, const ampi_node *node, const float *data, int32_t *out)
{
    return ampi_infer_floats(in, node->shape.c, data, out);
}

amp_status ampi_infer_weights(ampi_infer *in, const ampi_node *node, const ampi_conv_spec *spec,
                              const_dnnl_primitive_desc_t desc, int32_t *out)
{
    const ampi_wanted wanted = { node->params[AMPI_PARAM_WEIGHT], ampi_emit_weight_dims(spec),
                                 ampi_desc_md(desc, dnnl_query_weights_md, 0),
                                 spec->scales.weights };
    void *data;

    AMPI_TRY(ampi_dnnl_prepare(in->cache, &wanted, &data, in->emit.error));
    return ampi_emit_shared(&in->emit, wanted.md, data, out);
}

/* The operand itself where nobody reads that any more, or a copy. */
amp_status ampi_infer_sum(ampi_infer *in, size_t index, int32_t operand, ampi_md md, int32_t *out)
{
    const ampi_node *const node = &in->emit.graph->nodes[index];
    const bool free_after = in->last[node->sum] == (int32_t)index && node->sum != node->inputs[0];

    *out = operand;
    if (free_after && !in->emit.plan->buffers[operand]->outside &&
        ampi_md_equal(ampi_emit_md(&in->emit, operand), md))
        return AMP_OK;
    AMPI_TRY(ampi_emit_buffer(&in->emit, md, out));
    return ampi_emit_copy(&in->emit, operand, *out);
}

/* Winograd exists for this shape alone, and pays from these many channels on.  Its int8 kind rounds
   what it multiplies once more: with 64 channels too it would cost 0.7 point of AUROC on SVHN, with
   128 it costs none that shows (the shipped model, measured as docs/models.md says).  Its weights
   are 4 times as large, 1.8 times in int8: on small pictures, where the last layers have most of a
   network's weights, reading them takes what it saves (ResNet-18, one image, one thread: 124 MB
   and 30.3 ms in place of 230 MB and 26.4, int8 9.8 ms in place of 9.4). */
#define WINOGRAD_PIXELS 64

static bool may_winograd(const ampi_infer *in, const ampi_conv_spec *spec)
{
    const bool bytes = spec->scales.weights != NULL;
    const dnnl_dim_t least = bytes ? 128 : 32;

    return (bytes || in->cache->precision == AMPI_PRECISION_FAST) && spec->kernel == 3 &&
           spec->stride == 1 && spec->ic >= least && spec->oc >= least &&
           spec->oh * spec->ow >= WINOGRAD_PIXELS;
}

static dnnl_status_t try_desc(ampi_infer *in, ampi_conv_spec *spec, dnnl_primitive_desc_t *out)
{
    const dnnl_engine_t engine = in->emit.plan->engine;
    const bool whole = spec->whole;
    dnnl_status_t status = dnnl_unimplemented;

    spec->winograd = may_winograd(in, spec);
    spec->whole = false;
    if (spec->winograd)
        status = ampi_desc_conv(out, engine, spec);
    spec->winograd = false;
    spec->whole = whole;
    return status == dnnl_unimplemented ? ampi_desc_conv(out, engine, spec) : status;
}

amp_status ampi_infer_conv_desc(ampi_infer *in, ampi_conv_spec *spec, dnnl_primitive_desc_t *out,
                                bool *alone)
{
    ampi_emit *const emit = &in->emit;
    dnnl_status_t status = try_desc(in, spec, out);

    *alone = status == dnnl_success && in->cache->precision == AMPI_PRECISION_FP32 &&
             in->plan->threads > 1 && !ampi_conv_whole(*out);
    if (*alone) {
        const int32_t before = ampi_omp_set(1);
        dnnl_primitive_desc_destroy(*out);
        *out = NULL;
        status = ampi_desc_conv(out, emit->plan->engine, spec);
        ampi_omp_restore(before);
    }
    return ampi_emit_keep(emit, status, *out, "a convolution");
}

static ampi_conv_spec conv_spec(const ampi_infer *in, const ampi_node *node, size_t index)
{
    const bool bf16 = in->cache->precision == AMPI_PRECISION_BF16;
    ampi_conv_spec spec = { .direction = AMPI_INFERENCE, .relu = node->relu };

    ampi_emit_conv_shape(&in->emit, node, &spec);
    spec.sum = node->sum != AMPI_NONE;
    spec.whole = in->cache->precision != AMPI_PRECISION_FAST;
    spec.from = bf16 ? dnnl_bf16 : dnnl_f32;
    /* The logits keep all their bits. */
    spec.to = bf16 && index + 1 < in->emit.graph->n_nodes ? dnnl_bf16 : dnnl_f32;
    return spec;
}

/* ---- the input, or the halves that it is the sum of ---- */

/* Given anew at each run, and no values of oneDNN's. */
static amp_status rows_buffer(ampi_infer *in, int32_t *out)
{
    const ampi_buffer rows = { .bytes = sizeof(ampi_rows), .outside = true };

    return ampi_plan_buffer(in->emit.plan, &rows, out, in->emit.error);
}

/* The convolution that reads value `value` first, perhaps through a max pool, or AMPI_NONE. */
static int32_t first_conv(const ampi_graph *graph, int32_t value)
{
    for (size_t i = (size_t)value + 1; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        const int32_t input = node->inputs[0];
        const bool pooled = input > 0 && graph->nodes[input].op == AMPI_OP_MAX_POOL &&
                            graph->nodes[input].inputs[0] == value;
        if (node->op == AMPI_OP_CONV && (input == value || pooled))
            return (int32_t)i;
    }
    return AMPI_NONE;
}

/* The order of values that this convolution reads. */
static amp_status wanted_order(ampi_infer *in, int32_t index, ampi_join_order *out)
{
    const ampi_node *const node = &in->emit.graph->nodes[index];
    const ampi_dims dims = ampi_emit_dims(&in->emit, node->inputs[0]);
    ampi_conv_spec spec = conv_spec(in, node, (size_t)index);
    dnnl_primitive_desc_t desc = NULL;
    dnnl_format_tag_t tag;
    bool alone;

    AMPI_TRY(ampi_infer_conv_desc(in, &spec, &desc, &alone));
    tag = ampi_md_tag(ampi_desc_md(desc, dnnl_query_src_md, 0), &dims);
    if (tag == dnnl_nhwc)
        *out = AMPI_JOIN_PIXELS;
    else if (tag == dnnl_nChw16c)
        *out = AMPI_JOIN_BLOCKS16;
    return AMP_OK;
}

/* How the joined value, that of node `to`, is best written. */
static amp_status choose_join(ampi_infer *in, int32_t to, ampi_join_argument *how)
{
    const ampi_int8_node *const bytes =
        in->cache->integers != NULL ? &in->cache->integers->nodes[to] : NULL;
    const ampi_shape shape = in->emit.graph->nodes[to].shape;
    const int32_t conv = first_conv(in->emit.graph, to);

    *how = (ampi_join_argument){ .channels = shape.c,
                                 .pixels = shape.h * shape.w,
                                 .order = AMPI_JOIN_PLAIN,
                                 .type = dnnl_f32,
                                 .affine = in->cache->join->affine };
    if (bytes != NULL) {
        how->order = AMPI_JOIN_PIXELS;
        if (bytes->type == dnnl_f32)
            return AMP_OK;
        how->type = bytes->type;
        how->affine = bytes->affine;
        return AMP_OK;
    }
    if (conv == AMPI_NONE)
        return AMP_OK;
    AMPI_TRY(wanted_order(in, conv, &how->order));
    if (in->cache->precision == AMPI_PRECISION_BF16 && how->order != AMPI_JOIN_PLAIN)
        how->type = dnnl_bf16;
    return AMP_OK;
}

/* Kept with the plan. */
static amp_status keep_argument(ampi_infer *in, const ampi_join_argument *how, int32_t *out)
{
    const size_t floats = (sizeof *how + sizeof(float) - 1) / sizeof(float);

    in->plan->join = *how;
    return ampi_infer_floats(in, floats, &in->plan->join, out);
}

static amp_status infer_halves(ampi_infer *in)
{
    static const dnnl_format_tag_t tags[] = { dnnl_nchw, dnnl_nhwc, dnnl_nChw16c };
    const int32_t to = in->cache->join->node;
    const ampi_dims dims = ampi_emit_dims(&in->emit, to);
    int32_t buffers[3];
    ampi_join_argument how;
    amp_status status;

    AMPI_TRY(choose_join(in, to, &how));
    AMPI_TRY(rows_buffer(in, &buffers[0]));
    AMPI_TRY(ampi_emit_tagged(&in->emit, &dims, tags[how.order], how.type, &buffers[1]));
    AMPI_TRY(keep_argument(in, &how, &buffers[2]));
    in->plan->input = buffers[0];
    in->values[0] = in->values[to] = buffers[1];
    in->emit.node = (size_t)to;
    in->emit.what = "join";
    status = ampi_emit_call(&in->emit, ampi_join_halves, buffers, 3);
    in->emit.what = NULL;
    return status;
}

static amp_status infer_input(ampi_infer *in, size_t index)
{
    if (in->cache->join != NULL)
        return infer_halves(in);

    const ampi_dims dims = ampi_emit_dims(&in->emit, (int32_t)index);

    AMPI_TRY(ampi_emit_outside(&in->emit, &dims, NULL, &in->plan->input));
    in->values[index] = in->plan->input;
    return AMP_OK;
}

static amp_status destination(ampi_infer *in, size_t index, const ampi_conv_spec *spec, ampi_md md)
{
    const int32_t sum = in->emit.graph->nodes[index].sum;

    return spec->sum ? ampi_infer_sum(in, index, in->values[sum], md, &in->values[index])
                     : ampi_emit_buffer(&in->emit, md, &in->values[index]);
}

static amp_status infer_conv(ampi_infer *in, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &in->emit;
    ampi_conv_spec spec = conv_spec(in, node, index);
    dnnl_primitive_desc_t desc = NULL;
    int32_t source, weights, bias = AMPI_NONE;
    amp_status status;
    bool alone;

    AMPI_TRY(ampi_infer_conv_desc(in, &spec, &desc, &alone));
    AMPI_TRY(ampi_emit_as(emit, in->values[node->inputs[0]],
                          ampi_desc_md(desc, dnnl_query_src_md, 0), &source));
    AMPI_TRY(ampi_infer_weights(in, node, &spec, desc, &weights));
    if (spec.bias)
        AMPI_TRY(vector(in, node, emit->graph->tensors[node->params[AMPI_PARAM_BIAS]].data, &bias));
    AMPI_TRY(destination(in, index, &spec, ampi_desc_md(desc, dnnl_query_dst_md, 0)));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source },
                              { DNNL_ARG_WEIGHTS, weights },
                              { DNNL_ARG_BIAS, bias },
                              { DNNL_ARG_DST, in->values[index] } };
    emit->alone = alone;
    status = ampi_emit_step(emit, desc, args, 4);
    emit->alone = false;
    return status;
}

/* ---- ranges seen ------------------------------------------------------------------------------
 */

static void add(_Atomic float *cell, float value)
{
    float old = atomic_load(cell);

    while (!atomic_compare_exchange_weak(cell, &old, old + value)) {
    }
}

static void add_range(_Atomic float *cells, const float *values, size_t n, float rows)
{
    float low = 0.0F, high = 0.0F;

    for (size_t i = 0; i < n; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    add(&cells[0], low * rows);
    add(&cells[1], high * rows);
}

/* { what is read, what is made, an ampi_seen }. */
static void note_ranges(const ampi_call *call)
{
    ampi_seen *const seen = call->pointers[2];
    const float rows = (float)call->images;

    add_range(seen->read, call->pointers[0], call->bytes[0] / sizeof(float), rows);
    add_range(seen->made, call->pointers[1], call->bytes[1] / sizeof(float), rows);
    atomic_fetch_add(&seen->rows, (uint32_t)call->images);
}

static amp_status observe(ampi_infer *in, const ampi_node *node, size_t index)
{
    ampi_seen *const seen = &in->cache->seen[index];
    int32_t buffers[3] = { in->values[node->inputs[0]], in->values[index], AMPI_NONE };

    AMPI_TRY(ampi_infer_floats(in, sizeof *seen / sizeof(float), seen, &buffers[2]));
    return ampi_emit_call(&in->emit, note_ranges, buffers, 3);
}

/* y = scale * (x - 0) / sqrt(0.5 + 0.5) + shift: a batch norm with given statistics.  An epsilon of
   0 would make NaN of a block's spare channels, whose variance is taken as 0. */
static amp_status infer_scale(ampi_infer *in, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &in->emit;
    const int32_t source = in->values[node->inputs[0]];
    const ampi_norm_spec spec = { .direction = AMPI_INFERENCE,
                                  .data = ampi_emit_md(emit, source),
                                  .epsilon = 0.5F,
                                  .relu = node->relu };
    const ampi_tensor *const tensors = emit->graph->tensors;
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status = ampi_desc_norm(&desc, emit->plan->engine, &spec);
    int32_t mean, var, scale, shift;

    AMPI_TRY(ampi_emit_keep(emit, status, desc, "a scale"));
    AMPI_TRY(vector(in, node, in->cache->zeros, &mean));
    AMPI_TRY(vector(in, node, in->cache->halves, &var));
    AMPI_TRY(vector(in, node, tensors[node->params[AMPI_PARAM_WEIGHT]].data, &scale));
    AMPI_TRY(vector(in, node, tensors[node->params[AMPI_PARAM_BIAS]].data, &shift));
    AMPI_TRY(ampi_emit_buffer(emit, spec.data, &in->values[index]));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source },   { DNNL_ARG_MEAN, mean },
                              { DNNL_ARG_VARIANCE, var }, { DNNL_ARG_SCALE, scale },
                              { DNNL_ARG_SHIFT, shift },  { DNNL_ARG_DST, in->values[index] } };
    return ampi_emit_step(emit, desc, args, 6);
}

static amp_status infer_relu(ampi_infer *in, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &in->emit;
    const int32_t source = in->values[node->inputs[0]];
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_status_t status =
        ampi_desc_relu(&desc, emit->plan->engine, ampi_emit_md(emit, source), NULL);

    AMPI_TRY(ampi_emit_keep(emit, status, desc, "ReLU"));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_emit_md(emit, source), &in->values[index]));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source }, { DNNL_ARG_DST, in->values[index] } };
    return ampi_emit_step(emit, desc, args, 2);
}

static amp_status infer_add(ampi_infer *in, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &in->emit;
    const int32_t a = in->values[node->inputs[0]];
    int32_t b;

    AMPI_TRY(ampi_emit_as(emit, in->values[node->inputs[1]], ampi_emit_md(emit, a), &b));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_emit_md(emit, a), &in->values[index]));
    return ampi_emit_add(emit, a, b, in->values[index], node->relu);
}

static amp_status infer_pool(ampi_infer *in, const ampi_node *node, size_t index)
{
    ampi_emit *const emit = &in->emit;
    const int32_t source = in->values[node->inputs[0]];
    ampi_pool_spec spec = ampi_emit_pool_shape(emit, node);
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status;

    spec.direction = AMPI_INFERENCE;
    spec.source = ampi_emit_md(emit, source);
    status = ampi_desc_pool(&desc, emit->plan->engine, &spec);
    AMPI_TRY(ampi_emit_keep(emit, status, desc, "pooling"));
    AMPI_TRY(ampi_emit_buffer(emit, ampi_desc_md(desc, dnnl_query_dst_md, 0), &in->values[index]));
    const ampi_arg args[] = { { DNNL_ARG_SRC, source }, { DNNL_ARG_DST, in->values[index] } };
    return ampi_emit_step(emit, desc, args, 2);
}

static amp_status infer_node(ampi_infer *in, const ampi_node *node, size_t index)
{
    switch (node->op) {
    case AMPI_OP_INPUT:
        return infer_input(in, index);
    case AMPI_OP_CONV:
    case AMPI_OP_LINEAR:
        return infer_conv(in, node, index);
    case AMPI_OP_SCALE:
        return infer_scale(in, node, index);
    case AMPI_OP_RELU:
        return infer_relu(in, node, index);
    case AMPI_OP_ADD:
        return infer_add(in, node, index);
    case AMPI_OP_MAX_POOL:
    case AMPI_OP_AVG_POOL:
        return infer_pool(in, node, index);
    case AMPI_OP_DROPOUT:
        in->values[index] = in->values[node->inputs[0]];
        return AMP_OK;
    case AMPI_OP_BATCH_NORM:
    case AMPI_OP_COUNT:
        break;
    }
    return ampi_fail(in->emit.error, AMP_E_INTERNAL, "exec", "%.80s: not rewritten", node->name);
}

static void note_read(ampi_infer *in, int32_t from, size_t reader)
{
    if (from != AMPI_NONE)
        in->last[from] = (int32_t)reader;
}

static amp_status emit_node(ampi_infer *in, const ampi_node *node, size_t index)
{
    bool done = in->cache->join != NULL && index > 0 && in->cache->join->node == (int32_t)index;

    in->emit.node = index;
    in->bytes[index] = AMPI_NONE;
    if (in->cache->integers != NULL && !done)
        AMPI_TRY(ampi_infer_int8(in, node, index, &done));
    if (!done)
        AMPI_TRY(infer_node(in, node, index));
    return in->cache->seen != NULL && node->op == AMPI_OP_CONV ? observe(in, node, index) : AMP_OK;
}

static amp_status emit_all(ampi_infer *in)
{
    const ampi_graph *const graph = in->emit.graph;
    const int32_t end = (int32_t)graph->n_nodes - 1;
    const ampi_dims dims = ampi_emit_dims(&in->emit, end);

    for (size_t i = 0; i < graph->n_nodes; i++) {
        note_read(in, graph->nodes[i].inputs[0], i);
        note_read(in, graph->nodes[i].inputs[1], i);
        note_read(in, graph->nodes[i].sum, i);
    }
    for (size_t i = 0; i < graph->n_nodes; i++)
        AMPI_TRY(emit_node(in, &graph->nodes[i], i));
    AMPI_TRY(ampi_emit_outside(&in->emit, &dims, NULL, &in->plan->output));
    AMPI_TRY(ampi_emit_copy(&in->emit, in->values[end], in->plan->output));
    return ampi_plan_place(in->emit.plan, in->emit.error);
}

amp_status ampi_dnnl_infer(ampi_cache *cache, ampi_dnnl_plan *plan, amp_error *error)
{
    const size_t n = cache->graph->n_nodes;
    ampi_infer in = { .cache = cache, .plan = plan };
    amp_status status;

    in.emit.plan = &plan->plan;
    in.emit.graph = cache->graph;
    in.emit.batch = (dnnl_dim_t)plan->batch;
    in.emit.phase = AMPI_PHASE_FORWARD;
    in.emit.error = error;
    in.values = ampi_alloc(cache->context, n, sizeof *in.values);
    in.bytes = ampi_alloc(cache->context, n, sizeof *in.bytes);
    in.last = ampi_alloc(cache->context, n, sizeof *in.last);
    status = in.values != NULL && in.bytes != NULL && in.last != NULL
                 ? emit_all(&in)
                 : ampi_fail_nomem(error, "exec", n * sizeof *in.values);
    ampi_free(cache->context, in.values);
    ampi_free(cache->context, in.bytes);
    ampi_free(cache->context, in.last);
    return status;
}
