/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_int8.c - decides, from the ranges of a graph's convolutions, what is bytes (see
 * dnnl_int8.h).
 *
 * Backwards first: a value may be bytes where all that read it take bytes.  Then forwards: scales,
 * and the numbers that the steps need.
 */
#include "exec/dnnl_int8.h"

#include <math.h>

#define SIGNED_STEPS 127.0F
#define UNSIGNED_STEPS 255.0F
/* A channel whose largest weight is less is dead: its bytes are 0, and no inverse overflows. */
#define DEAD_WEIGHT 1e-12F

typedef struct draft {
    const ampi_graph *graph;
    ampi_int8 *out;
    bool *wide;       /* [n_nodes]: something that reads the value wants fp32 */
    ampi_range *seen; /* [n_nodes]: of the value */
    amp_error *error;
} draft;

static bool known(ampi_range range)
{
    return range.low < range.high;
}

static void widen(ampi_range *range, ampi_range by)
{
    range->low = fminf(range->low, by.low);
    range->high = fmaxf(range->high, by.high);
}

/* ---- backwards: who takes bytes ---- */

static bool never_negative(const ampi_node *node)
{
    return node->relu || node->op == AMPI_OP_RELU;
}

/* What node `i`, of which all is known, means for the values that it reads. */
static void tell_inputs(draft *d, size_t i)
{
    const ampi_node *const node = &d->graph->nodes[i];
    const int32_t input = node->inputs[0];
    bool takes_bytes = false;

    if (node->op == AMPI_OP_CONV && d->out->nodes[i].integer) {
        widen(&d->seen[input], node->reads);
        takes_bytes = true;
    } else if (node->op == AMPI_OP_MAX_POOL) {
        widen(&d->seen[input], d->seen[i]);
        takes_bytes = !d->wide[i];
    } else if (node->op == AMPI_OP_AVG_POOL) {
        takes_bytes = never_negative(&d->graph->nodes[input]);
    }
    for (size_t k = 0; k < 2; k++)
        if (node->inputs[k] != AMPI_NONE && !takes_bytes)
            d->wide[node->inputs[k]] = true;
    if (node->sum != AMPI_NONE && d->out->nodes[i].type == dnnl_f32)
        d->wide[node->sum] = true;
}

/* Whether node `i` will have a scale: what is still to be told of it only widens its range. */
static bool has_scale(const draft *d, int32_t i)
{
    const ampi_node *const node = &d->graph->nodes[i];
    ampi_range range = d->seen[i];

    if (node->op == AMPI_OP_CONV && !known(range))
        range = node->makes;
    return known(range) && (range.high > 0.0F || !never_negative(node));
}

/* A max pool has the type of what it reads, see forwards. */
static bool makes_bytes(const draft *d, size_t i)
{
    const ampi_op op = d->graph->nodes[i].op;
    const int32_t sum = d->graph->nodes[i].sum;

    return !d->wide[i] && known(d->seen[i]) && (sum == AMPI_NONE || has_scale(d, sum)) &&
           (op == AMPI_OP_SCALE || op == AMPI_OP_RELU || d->out->nodes[i].integer);
}

static void choose_types(draft *d)
{
    d->wide[d->graph->n_nodes - 1] = true;
    for (size_t i = d->graph->n_nodes; i-- > 1;) {
        const ampi_node *const node = &d->graph->nodes[i];
        ampi_int8_node *const mine = &d->out->nodes[i];
        /* The input of a network is not bytes, and its first convolution little work. */
        mine->integer = ampi_node_ranged(node);
        if (node->op == AMPI_OP_CONV && !known(d->seen[i]))
            d->seen[i] = node->makes;
        if (never_negative(node))
            d->seen[i].low = 0.0F; /* whatever a file says */
        mine->bytes = d->seen[i].low < 0.0F ? dnnl_s8 : dnnl_u8;
        mine->type = makes_bytes(d, i) ? mine->bytes : dnnl_f32;
        tell_inputs(d, i);
    }
    d->out->nodes[0].bytes = d->seen[0].low < 0.0F ? dnnl_s8 : dnnl_u8;
    d->out->nodes[0].type = dnnl_f32;
}

/* ---- forwards: scales ---- */

static float scale_of(ampi_range range, dnnl_data_type_t bytes)
{
    if (!known(range))
        return 0.0F;
    return bytes == dnnl_u8 ? range.high / UNSIGNED_STEPS
                            : fmaxf(range.high, -range.low) / SIGNED_STEPS;
}

static const ampi_tensor *tensor_of(const draft *d, size_t i, ampi_param which)
{
    const int32_t index = d->graph->nodes[i].params[which];

    return index == AMPI_NONE ? NULL : &d->graph->tensors[index];
}

static amp_status make_floats(const draft *d, float **out, size_t count)
{
    *out = ampi_alloc(d->out->context, count, sizeof **out);
    return *out != NULL ? AMP_OK : ampi_fail_nomem(d->error, "exec", count * sizeof **out);
}

static float largest(const float *values, size_t n)
{
    float most = 0.0F;

    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(values[i]));
    return most;
}

/* See AMPI_SCALES. */
static void weight_scales(const draft *d, size_t i, const ampi_tensor *weights, const float *values)
{
    const ampi_int8_node *const mine = &d->out->nodes[i];
    const float from = d->out->nodes[d->graph->nodes[i].inputs[0]].scale;
    const float to = mine->type == dnnl_f32 ? 1.0F : mine->scale;
    const size_t channels = weights->dims[0], each = weights->count / channels;

    for (size_t c = 0; c < channels; c++) {
        const float gain = weights->gains != NULL ? fabsf((float)weights->gains[c]) : 1.0F;
        const float most = gain * largest(values + c * each, each);
        const float scale = most > DEAD_WEIGHT ? most / SIGNED_STEPS : 1.0F;
        mine->weights[c] = scale;
        mine->weights[channels + c] = scale * from / to;
        mine->weights[2 * channels + c] = 1.0F / scale;
    }
}

/* 2.x adds the bias to the integer sum: there in units of source scale times weight scale. */
static amp_status convolution(const draft *d, size_t i)
{
    const ampi_node *const node = &d->graph->nodes[i];
    const ampi_tensor *const weights = tensor_of(d, i, AMPI_PARAM_WEIGHT);
    const ampi_tensor *const bias = tensor_of(d, i, AMPI_PARAM_BIAS);
    const size_t channels = node->shape.c;
    const float from = d->out->nodes[node->inputs[0]].scale;
    ampi_int8_node *const mine = &d->out->nodes[i];
    float *values = NULL;

    AMPI_TRY(make_floats(d, &mine->weights, AMPI_SCALES * channels));
    AMPI_TRY(ampi_tensor_plain(weights, d->out->context, &values, d->error));
    weight_scales(d, i, weights, values);
    ampi_free(d->out->context, values);
    if (bias == NULL)
        return AMP_OK;
    AMPI_TRY(make_floats(d, &mine->bias, channels));
    for (size_t c = 0; c < channels; c++)
        mine->bias[c] =
            AMPI_SCALES_AT_RUN ? bias->data[c] : bias->data[c] / (from * mine->weights[c]);
    return AMP_OK;
}

/* Either the node's own batch norm on the way to bytes, or fp32 that also becomes bytes. */
static amp_status affine(const draft *d, size_t i)
{
    const ampi_node *const node = &d->graph->nodes[i];
    ampi_int8_node *const mine = &d->out->nodes[i];
    const bool norm = node->op == AMPI_OP_SCALE && mine->type != dnnl_f32;
    const ampi_tensor *const scale = norm ? tensor_of(d, i, AMPI_PARAM_WEIGHT) : NULL;
    const ampi_tensor *const shift = norm ? tensor_of(d, i, AMPI_PARAM_BIAS) : NULL;
    const size_t channels = node->shape.c;
    float *values;

    AMPI_TRY(make_floats(d, &mine->affine, AMPI_AFFINE_HEAD + 2 * channels));
    ampi_affine_head(mine->affine, mine->bytes);
    values = mine->affine + AMPI_AFFINE_HEAD;
    for (size_t c = 0; c < channels; c++) {
        values[c] = (scale != NULL ? scale->data[c] : 1.0F) / mine->scale;
        values[channels + c] = shift != NULL ? shift->data[c] / mine->scale : 0.0F;
    }
    return AMP_OK;
}

static void average_pool(const draft *d, size_t i)
{
    const size_t input = (size_t)d->graph->nodes[i].inputs[0];
    const ampi_shape shape = d->graph->nodes[input].shape;

    d->out->nodes[i].pool.factor = d->out->nodes[input].scale / ((float)shape.h * (float)shape.w);
    d->out->nodes[i].pool.channels = shape.c;
}

static amp_status fill_node(const draft *d, size_t i)
{
    const ampi_node *const node = &d->graph->nodes[i];
    ampi_int8_node *const mine = &d->out->nodes[i];
    const ampi_int8_node *const from = i > 0 ? &d->out->nodes[node->inputs[0]] : NULL;

    mine->scale = scale_of(d->seen[i], mine->bytes);
    if (node->op == AMPI_OP_MAX_POOL && from->type != dnnl_f32) {
        mine->type = mine->bytes = from->type;
        mine->scale = from->scale;
        return AMP_OK;
    }
    if (node->op == AMPI_OP_AVG_POOL)
        average_pool(d, i);
    if (mine->integer)
        AMPI_TRY(convolution(d, i));
    if (mine->scale > 0.0F && (mine->type == dnnl_f32 || !mine->integer))
        return affine(d, i);
    return AMP_OK;
}

/* ---- the call ---- */

static amp_status fill(draft *d)
{
    const size_t n = d->graph->n_nodes;

    d->out->context = d->graph->context;
    d->out->n_nodes = n;
    d->wide = ampi_alloc(d->graph->context, n, sizeof *d->wide);
    d->seen = ampi_alloc(d->graph->context, n, sizeof *d->seen);
    if (d->wide == NULL || d->seen == NULL)
        return ampi_fail_nomem(d->error, "exec", n * sizeof *d->seen);
    choose_types(d);
    for (size_t i = 0; i < n; i++)
        AMPI_TRY(fill_node(d, i));
    return AMP_OK;
}

void ampi_int8_free(ampi_int8 *integers)
{
    if (integers == NULL)
        return;
    for (size_t i = 0; i < integers->n_nodes; i++) {
        ampi_free(integers->context, integers->nodes[i].weights);
        ampi_free(integers->context, integers->nodes[i].bias);
        ampi_free(integers->context, integers->nodes[i].affine);
    }
    ampi_free(integers->context, integers);
}

amp_status ampi_int8_create(ampi_int8 **out, const ampi_graph *graph, amp_error *error)
{
    const size_t bytes = sizeof(ampi_int8) + graph->n_nodes * sizeof(ampi_int8_node);
    draft d = { .graph = graph, .out = ampi_alloc(graph->context, bytes, 1), .error = error };
    amp_status status;

    if (d.out == NULL)
        return ampi_fail_nomem(error, "exec", bytes);
    status = fill(&d);
    ampi_free(graph->context, d.wide);
    ampi_free(graph->context, d.seen);
    if (status != AMP_OK)
        ampi_int8_free(d.out);
    else
        *out = d.out;
    return status;
}
