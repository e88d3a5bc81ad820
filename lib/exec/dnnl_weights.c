/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_weights.c - the weights of a program in the layouts that its plans want, each once.
 *
 * Called under the cache's lock, while a plan is made.
 */
#include "exec/dnnl_program.h"

#include <string.h>

typedef struct reorder {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_memory_t from, to, scratch, scales;
    void *scratch_bytes;
} reorder;

static void reorder_clear(reorder *job, amp_context *context)
{
    if (job->from != NULL)
        dnnl_memory_destroy(job->from);
    if (job->to != NULL)
        dnnl_memory_destroy(job->to);
    if (job->scratch != NULL)
        dnnl_memory_destroy(job->scratch);
    if (job->scales != NULL)
        dnnl_memory_destroy(job->scales);
    if (job->stream != NULL)
        dnnl_stream_destroy(job->stream);
    if (job->primitive != NULL)
        dnnl_primitive_destroy(job->primitive);
    if (job->desc != NULL)
        dnnl_primitive_desc_destroy(job->desc);
    ampi_free(context, job->scratch_bytes);
}

static amp_status reorder_scratch(reorder *job, const ampi_cache *cache, amp_error *error)
{
    const ampi_md md = ampi_desc_md(job->desc, dnnl_query_scratchpad_md, 0);
    const size_t bytes = md == NULL ? 0 : ampi_md_bytes(md);

    if (bytes == 0)
        return AMP_OK;
    job->scratch_bytes = ampi_alloc(cache->context, bytes, 1);
    if (job->scratch_bytes == NULL)
        return ampi_fail_nomem(error, "exec", bytes);
    return ampi_dnnl_check(dnnl_memory_create(&job->scratch, md, cache->engine, job->scratch_bytes),
                           "a memory object", error);
}

/* oneDNN reads scales by a plain pointer too. */
static amp_status reorder_scales(reorder *job, const ampi_cache *cache, const ampi_wanted *wanted,
                                 amp_error *error)
{
    const ampi_dims dims = { 1, { wanted->dims.d[0] } };
    void *const scales = (void *)(uintptr_t)wanted->scales;
    ampi_layout layout = { 0 };
    dnnl_status_t status;

    if (scales == NULL || !AMPI_SCALES_AT_RUN)
        return AMP_OK;
    status = ampi_layout_make(&layout, &dims, dnnl_a, dnnl_f32);
    if (status == dnnl_success)
        status = dnnl_memory_create(&job->scales, ampi_layout_md(&layout), cache->engine, scales);
    ampi_layout_clear(&layout);
    return ampi_dnnl_check(status, "a memory object", error);
}

static dnnl_status_t reorder_desc(reorder *job, const ampi_cache *cache, ampi_md from,
                                  const ampi_wanted *wanted)
{
    return wanted->scales == NULL ? ampi_desc_reorder(&job->desc, cache->engine, from, wanted->md)
                                  : ampi_desc_weights(&job->desc, cache->engine, from, wanted->md,
                                                      wanted->scales, wanted->dims.d[0]);
}

static amp_status reorder_fill(reorder *job, const ampi_cache *cache, ampi_md from,
                               const ampi_wanted *wanted, amp_error *error)
{
    AMPI_TRY(ampi_dnnl_check(reorder_desc(job, cache, from, wanted), "a reorder", error));
    AMPI_TRY(reorder_scratch(job, cache, error));
    AMPI_TRY(reorder_scales(job, cache, wanted, error));
    AMPI_TRY(
        ampi_dnnl_check(dnnl_primitive_create(&job->primitive, job->desc), "a reorder", error));
    AMPI_TRY(
        ampi_dnnl_check(dnnl_stream_create(&job->stream, cache->engine, dnnl_stream_default_flags),
                        "a stream", error));
    AMPI_TRY(ampi_dnnl_check(dnnl_memory_create(&job->from, from, cache->engine, NULL),
                             "a memory object", error));
    return ampi_dnnl_check(dnnl_memory_create(&job->to, wanted->md, cache->engine, NULL),
                           "a memory object", error);
}

static amp_status reorder_run(const reorder *job, float *from, void *to, amp_error *error)
{
    dnnl_exec_arg_t args[4] = { { DNNL_ARG_FROM, job->from }, { DNNL_ARG_TO, job->to } };
    int n_args = 2;

    if (job->scratch != NULL)
        args[n_args++] = (dnnl_exec_arg_t){ DNNL_ARG_SCRATCHPAD, job->scratch };
    if (job->scales != NULL)
        args[n_args++] = (dnnl_exec_arg_t){ AMPI_ARG_SCALES(DNNL_ARG_TO), job->scales };
    AMPI_TRY(ampi_dnnl_check(dnnl_memory_set_data_handle(job->from, from), "a pointer", error));
    AMPI_TRY(ampi_dnnl_check(dnnl_memory_set_data_handle(job->to, to), "a pointer", error));
    AMPI_TRY(ampi_dnnl_check(dnnl_primitive_execute(job->primitive, job->stream, n_args, args),
                             "a reorder", error));
    return ampi_dnnl_check(dnnl_stream_wait(job->stream), "to finish", error);
}

/* ---- memory ---------------------------------------------------------------------------------- */

#define SLAB_LIMIT ((size_t)16 << 20)

/* All weights of a small network, or a part of a large one's. */
static size_t slab_bytes(const ampi_cache *cache)
{
    const size_t each = cache->precision == AMPI_PRECISION_BF16   ? 2
                        : cache->precision == AMPI_PRECISION_INT8 ? 1
                                                                  : sizeof(float);
    size_t values = 0;

    for (size_t i = 0; i < cache->graph->n_tensors; i++)
        values += cache->graph->tensors[i].count;
    return ampi_min_size(values * each, SLAB_LIMIT);
}

static size_t in_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static amp_status add_slab(ampi_cache *cache, size_t bytes, amp_error *error)
{
    const size_t usual = slab_bytes(cache), head = in_lines(sizeof(ampi_slab));
    const size_t size = in_lines(bytes > usual ? bytes : usual);
    unsigned char *const memory = ampi_alloc(cache->context, head + size, 1);
    ampi_slab *slab;

    if (memory == NULL)
        return ampi_fail_nomem(error, "exec", head + size);
    slab = (ampi_slab *)(void *)memory;
    slab->at = memory + head;
    slab->left = size;
    slab->next = cache->slabs;
    cache->slabs = slab;
    return AMP_OK;
}

/* Zeroed bytes at *out, which stay free until take_room. */
static amp_status find_room(ampi_cache *cache, size_t bytes, void **out, amp_error *error)
{
    if (cache->slabs == NULL || cache->slabs->left < in_lines(bytes))
        AMPI_TRY(add_slab(cache, in_lines(bytes), error));
    *out = cache->slabs->at;
    return AMP_OK;
}

static void take_room(ampi_cache *cache, size_t bytes)
{
    cache->slabs->at += in_lines(bytes);
    cache->slabs->left -= in_lines(bytes);
}

void ampi_dnnl_drop_slabs(ampi_cache *cache)
{
    while (cache->slabs != NULL) {
        ampi_slab *const slab = cache->slabs;
        cache->slabs = slab->next;
        ampi_free(cache->context, slab);
    }
}

void ampi_dnnl_prepared(ampi_cache *cache)
{
    ampi_free(cache->context, cache->scratch);
    cache->scratch = NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static amp_status make_scratch(ampi_cache *cache, amp_error *error)
{
    const ampi_graph *const graph = cache->graph;
    size_t most = 1;

    for (size_t i = 0; i < graph->n_tensors; i++)
        most = graph->tensors[i].count > most ? graph->tensors[i].count : most;
    cache->scratch = ampi_alloc_raw(cache->context, most, sizeof(float));
    return cache->scratch != NULL ? AMP_OK : ampi_fail_nomem(error, "exec", most * sizeof(float));
}

/* The tensor's own where they are in memory as wanted, else in the cache's scratch. */
static amp_status find_values(ampi_cache *cache, const ampi_tensor *tensor, float **out,
                              amp_error *error)
{
    *out = tensor->data;
    if (tensor->data != NULL && tensor->gains == NULL)
        return AMP_OK;
    if (cache->scratch == NULL)
        AMPI_TRY(make_scratch(cache, error));
    *out = cache->scratch;
    return ampi_tensor_write(tensor, cache->scratch, error);
}

static amp_status fill_prepared(ampi_cache *cache, const ampi_wanted *wanted, ampi_md plain,
                                void *to, amp_error *error)
{
    const ampi_tensor *const tensor = &cache->graph->tensors[wanted->tensor];
    float *values = NULL;
    reorder job = { 0 };
    amp_status status = find_values(cache, tensor, &values, error);

    if (status == AMP_OK)
        status = reorder_fill(&job, cache, plain, wanted, error);
    if (status == AMP_OK)
        status = reorder_run(&job, values, to, error);
    reorder_clear(&job, cache->context);
    return status;
}

/* One more entry in the list, `plain` being the layout of the graph's own data. */
static amp_status add_prepared(ampi_cache *cache, const ampi_wanted *wanted, ampi_md plain,
                               void **out, amp_error *error)
{
    const size_t bytes = ampi_md_bytes(wanted->md);
    ampi_prepared *entry;
    amp_status status;
    void *data = NULL;

    AMPI_TRY(ampi_grow(cache->context, &cache->prepared, &cache->prepared_capacity,
                       cache->n_prepared + 1, sizeof *cache->prepared, error));
    entry = &cache->prepared[cache->n_prepared];
    AMPI_TRY(find_room(cache, bytes, &data, error));
    status = fill_prepared(cache, wanted, plain, data, error);
    if (status == AMP_OK)
        status = ampi_dnnl_check(ampi_layout_copy(&entry->layout, wanted->md), "a layout", error);
    if (status != AMP_OK) {
        memset(data, 0, bytes);
        return status;
    }
    take_room(cache, bytes);
    entry->tensor = wanted->tensor;
    entry->data = data;
    cache->n_prepared++;
    *out = data;
    return AMP_OK;
}

static void *find_prepared(const ampi_cache *cache, const ampi_wanted *wanted)
{
    for (size_t i = 0; i < cache->n_prepared; i++)
        if (cache->prepared[i].tensor == wanted->tensor &&
            ampi_md_equal(ampi_layout_md(&cache->prepared[i].layout), wanted->md))
            return cache->prepared[i].data;
    return NULL;
}

amp_status ampi_dnnl_prepare(ampi_cache *cache, const ampi_wanted *wanted, void **out,
                             amp_error *error)
{
    const ampi_tensor *const tensor = &cache->graph->tensors[wanted->tensor];
    const dnnl_format_tag_t tag = wanted->dims.n == 1 ? dnnl_a : dnnl_abcd;
    ampi_layout plain = { 0 };
    amp_status status = AMP_OK;

    AMPI_TRY(
        ampi_dnnl_check(ampi_layout_make(&plain, &wanted->dims, tag, dnnl_f32), "a layout", error));
    *out = tensor->data != NULL && tensor->gains == NULL &&
                   ampi_md_equal(ampi_layout_md(&plain), wanted->md)
               ? tensor->data
               : find_prepared(cache, wanted);
    if (*out == NULL)
        status = add_prepared(cache, wanted, ampi_layout_md(&plain), out, error);
    ampi_layout_clear(&plain);
    return status;
}
