/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_join.c - two halves of a stem added on the way into the trunk (dnnl_join.h).
 *
 * Halves are nchw, what reads the result wants channels together: sixteen channels of sixteen
 * pixels are computed along the pixels and written along the channels.  Compiled as dnnl_quantise.c
 * is.
 */
#include "exec/dnnl_join.h"

#include "exec/dnnl_int8.h"
#include "exec/dnnl_vector.h"
#include "exec/exec.h"

#include <math.h>
#include <string.h>

#define TILE 16u

/* ---- what is joined into the sum --------------------------------------------------------------
 */

/* The only reader of the input, where it is a batch norm or a ReLU. */
static int32_t find_reader(const ampi_graph *graph)
{
    int32_t reader = 0;
    size_t readers = 0;

    for (size_t i = 1; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        const bool reads = node->inputs[0] == 0 || node->inputs[1] == 0 || node->sum == 0;
        readers += reads;
        if (reads && (node->op == AMPI_OP_SCALE || node->op == AMPI_OP_RELU))
            reader = (int32_t)i;
    }
    return readers == 1 ? reader : 0;
}

static const float *parameter(const ampi_graph *graph, const ampi_node *node, ampi_param which)
{
    return node->op == AMPI_OP_SCALE ? graph->tensors[node->params[which]].data : NULL;
}

static void fill_affine(ampi_join *join, const ampi_graph *graph)
{
    const ampi_node *const node = &graph->nodes[join->node];
    const float *const scale = parameter(graph, node, AMPI_PARAM_WEIGHT);
    const float *const shift = parameter(graph, node, AMPI_PARAM_BIAS);
    const bool relu = node->relu || node->op == AMPI_OP_RELU;
    float *const values = join->affine + AMPI_AFFINE_HEAD;
    const size_t channels = node->shape.c;

    join->affine[AMPI_AFFINE_LOW] = relu ? 0.0F : -INFINITY;
    join->affine[AMPI_AFFINE_HIGH] = INFINITY;
    for (size_t c = 0; c < channels; c++) {
        values[c] = scale != NULL ? scale[c] : 1.0F;
        values[channels + c] = shift != NULL ? shift[c] : 0.0F;
    }
}

amp_status ampi_join_create(ampi_join **out, const ampi_graph *graph, amp_error *error)
{
    const size_t count = AMPI_AFFINE_HEAD + 2 * (size_t)graph->nodes[0].shape.c;
    ampi_join *const join = ampi_alloc(graph->context, 1, sizeof *join);

    if (join == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *join);
    join->context = graph->context;
    join->node = find_reader(graph);
    join->affine = ampi_alloc(graph->context, count, sizeof *join->affine);
    if (join->affine == NULL) {
        ampi_join_free(join);
        return ampi_fail_nomem(error, "exec", count * sizeof *join->affine);
    }
    fill_affine(join, graph);
    *out = join;
    return AMP_OK;
}

void ampi_join_free(ampi_join *join)
{
    if (join == NULL)
        return;
    ampi_free(join->context, join->affine);
    ampi_free(join->context, join);
}

/* ---- the step ---------------------------------------------------------------------------------
 */

typedef struct join_job {
    const ampi_rows *rows;
    const ampi_join_argument *how;
    unsigned char *to;
    size_t groups; /* of TILE channels, in a row */
} join_job;

/* One group of channels of one row. */
typedef struct join_group {
    const float *image, *anchor, *scale, *shift; /* of the group's first channel */
    size_t channels, pixels;
    float low, high, offset;
    unsigned char *to; /* the first channel of the first pixel      */
    size_t stride;     /* values between pixels                     */
    size_t spare;      /* channels of 0 behind the group's own ones */
} join_group;

/* What is not a number stays so. */
AMPI_ALWAYS float within(float value, float low, float high)
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

/* A value as the bits of its type, in the low end. */
AMPI_ALWAYS uint32_t bits_of(float value, dnnl_data_type_t type, float low, float high,
                             float offset)
{
    uint32_t bits;

    if (type == dnnl_u8) {
        /* What is not a number becomes a number. */
        value = value > low ? value : low;
        value = value < high ? value : high;
        return (uint32_t)((int32_t)(value + offset + 0.5F) - (int32_t)offset);
    }
    value = within(value, low, high);
    memcpy(&bits, &value, sizeof bits);
    return type == dnnl_bf16 ? ampi_bf16(bits) : bits;
}

/* Values of `count` pixels from `p` on, of `channels` channels. */
AMPI_ALWAYS void fill_tile(const join_group *g, dnnl_data_type_t type, size_t p, size_t count,
                           size_t channels, uint32_t tile[TILE][TILE])
{
    const float low = g->low, high = g->high, offset = g->offset;

    for (size_t c = 0; c < channels; c++) {
        const float *const image = g->image + c * g->pixels + p;
        const float *const anchor = g->anchor + c * g->pixels + p;
        const float scale = g->scale[c], shift = g->shift[c];
        for (size_t i = 0; i < count; i++)
            tile[c][i] = bits_of((image[i] + anchor[i]) * scale + shift, type, low, high, offset);
    }
}

AMPI_ALWAYS void store(unsigned char *to, size_t at, dnnl_data_type_t type, uint32_t bits)
{
    if (type == dnnl_f32)
        ((uint32_t *)(void *)to)[at] = bits;
    else if (type == dnnl_bf16)
        ((uint16_t *)(void *)to)[at] = (uint16_t)bits;
    else
        to[at] = (uint8_t)bits;
}

AMPI_ALWAYS void store_tile(const join_group *g, dnnl_data_type_t type, size_t p, size_t count,
                            size_t channels, const uint32_t tile[TILE][TILE])
{
    const size_t stride = g->stride, spare = g->spare;
    unsigned char *const to = g->to;

    for (size_t i = 0; i < count; i++) {
        const size_t at = (p + i) * stride;
        for (size_t c = 0; c < channels; c++)
            store(to, at + c, type, tile[c][i]);
        for (size_t c = 0; c < spare && channels < TILE; c++)
            store(to, at + channels + c, type, 0);
    }
}

AMPI_ALWAYS void join_pixels(const join_group *g, dnnl_data_type_t type)
{
    uint32_t tile[TILE][TILE];
    size_t p = 0;

    for (; p + TILE <= g->pixels && g->channels == TILE; p += TILE) {
        fill_tile(g, type, p, TILE, TILE, tile);
        store_tile(g, type, p, TILE, TILE, (const uint32_t(*)[TILE])tile);
    }
    for (; p < g->pixels; p += TILE) {
        const size_t count = ampi_min_size(TILE, g->pixels - p);
        fill_tile(g, type, p, count, g->channels, tile);
        store_tile(g, type, p, count, g->channels, (const uint32_t(*)[TILE])tile);
    }
}

/* A group of nchw is a channel. */
AMPI_ALWAYS void join_plain(const join_group *g)
{
    float *const to = (float *)(void *)g->to;

    for (size_t p = 0; p < g->pixels; p++)
        to[p] = within((g->image[p] + g->anchor[p]) * g->scale[0] + g->shift[0], g->low, g->high);
}

static size_t group_size(const ampi_join_argument *how)
{
    return how->order == AMPI_JOIN_PLAIN ? 1 : TILE;
}

/* Where group `group` of row `row` begins, in values. */
static size_t place(const join_job *job, size_t row, size_t group)
{
    const ampi_join_argument *const how = job->how;
    const size_t pixels = how->pixels, channels = how->channels;

    if (how->order == AMPI_JOIN_BLOCKS16)
        return (row * job->groups + group) * pixels * TILE;
    return row * channels * pixels + group * (how->order == AMPI_JOIN_PLAIN ? pixels : TILE);
}

static join_group group_of(const join_job *job, size_t row, size_t group)
{
    const ampi_join_argument *const how = job->how;
    const size_t first = group * group_size(how), all = how->channels;
    const size_t width = dnnl_data_type_size(how->type);
    const float *const affine = how->affine;
    join_group g = { .channels = ampi_min_size(group_size(how), all - first),
                     .pixels = how->pixels,
                     .low = affine[AMPI_AFFINE_LOW],
                     .high = affine[AMPI_AFFINE_HIGH],
                     .offset = affine[AMPI_AFFINE_OFFSET] };

    ampi_rows_halves(job->rows, row, all * g.pixels, &g.image, &g.anchor);
    g.image += first * g.pixels;
    g.anchor += first * g.pixels;
    g.scale = affine + AMPI_AFFINE_HEAD + first;
    g.shift = g.scale + all;
    g.to = job->to + place(job, row, group) * width;
    g.stride = how->order == AMPI_JOIN_BLOCKS16 ? TILE : all;
    g.spare = how->order == AMPI_JOIN_BLOCKS16 ? TILE - g.channels : 0;
    return g;
}

AMPI_ALWAYS void join_groups(const join_job *job, size_t begin, size_t end)
{
    const dnnl_data_type_t type = job->how->type;

    for (size_t i = begin; i < end; i++) {
        const join_group g = group_of(job, i / job->groups, i % job->groups);
        if (job->how->order == AMPI_JOIN_PLAIN)
            join_plain(&g);
        else if (type == dnnl_f32)
            join_pixels(&g, dnnl_f32);
        else if (type == dnnl_bf16)
            join_pixels(&g, dnnl_bf16);
        else
            join_pixels(&g, dnnl_u8);
    }
}

AMPI_VECTOR_PARTS(join_part, join_groups, join_job)

void ampi_join_halves(const ampi_call *call)
{
    const ampi_join_argument *const how = call->pointers[2];
    const size_t group = group_size(how);
    join_job job = { .rows = call->pointers[0],
                     .how = how,
                     .to = call->pointers[1],
                     .groups = (how->channels + group - 1) / group };

    ampi_parallel(call->threads, job.groups * call->images, join_part, &job);
}
