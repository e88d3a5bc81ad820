/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_weights.c - the weights of a program in the layouts that its plans want, each once.
 *
 * Called under the cache's lock, while a plan is made.
 */
#include "exec/dnnl_program.h"

typedef struct reorder {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_memory_t from, to, scratch;
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

static amp_status reorder_fill(reorder *job, const ampi_cache *cache, ampi_md from, ampi_md to,
                               amp_error *error)
{
    AMPI_TRY(ampi_dnnl_check(ampi_desc_reorder(&job->desc, cache->engine, from, to), "a reorder",
                             error));
    AMPI_TRY(reorder_scratch(job, cache, error));
    AMPI_TRY(
        ampi_dnnl_check(dnnl_primitive_create(&job->primitive, job->desc), "a reorder", error));
    AMPI_TRY(
        ampi_dnnl_check(dnnl_stream_create(&job->stream, cache->engine, dnnl_stream_default_flags),
                        "a stream", error));
    AMPI_TRY(ampi_dnnl_check(dnnl_memory_create(&job->from, from, cache->engine, NULL),
                             "a memory object", error));
    return ampi_dnnl_check(dnnl_memory_create(&job->to, to, cache->engine, NULL), "a memory object",
                           error);
}

static amp_status reorder_run(const reorder *job, float *from, float *to, amp_error *error)
{
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, job->from },
                                     { DNNL_ARG_TO, job->to },
                                     { DNNL_ARG_SCRATCHPAD, job->scratch } };
    const int n_args = job->scratch != NULL ? 3 : 2;

    AMPI_TRY(ampi_dnnl_check(dnnl_memory_set_data_handle(job->from, from), "a pointer", error));
    AMPI_TRY(ampi_dnnl_check(dnnl_memory_set_data_handle(job->to, to), "a pointer", error));
    AMPI_TRY(ampi_dnnl_check(dnnl_primitive_execute(job->primitive, job->stream, n_args, args),
                             "a reorder", error));
    return ampi_dnnl_check(dnnl_stream_wait(job->stream), "to finish", error);
}

/* One more entry in the list, `plain` being the layout of the graph's own data. */
static amp_status add_prepared(ampi_cache *cache, int32_t tensor, ampi_md plain, ampi_md md,
                               float **out, amp_error *error)
{
    float *const data = ampi_alloc(cache->context, ampi_md_bytes(md), 1);
    ampi_prepared *entry;
    reorder job = { 0 };
    amp_status status;

    if (data == NULL)
        return ampi_fail_nomem(error, "exec", ampi_md_bytes(md));
    status = reorder_fill(&job, cache, plain, md, error);
    if (status == AMP_OK)
        status = reorder_run(&job, cache->graph->tensors[tensor].data, data, error);
    if (status == AMP_OK)
        status = ampi_grow(cache->context, &cache->prepared, &cache->prepared_capacity,
                           cache->n_prepared + 1, sizeof *cache->prepared, error);
    if (status == AMP_OK) {
        entry = &cache->prepared[cache->n_prepared];
        status = ampi_dnnl_check(ampi_layout_copy(&entry->layout, md), "a layout", error);
    }
    if (status == AMP_OK) {
        entry->tensor = tensor;
        entry->data = data;
        cache->n_prepared++;
        *out = data;
    } else {
        ampi_free(cache->context, data);
    }
    reorder_clear(&job, cache->context);
    return status;
}

static float *find_prepared(const ampi_cache *cache, int32_t tensor, ampi_md md)
{
    for (size_t i = 0; i < cache->n_prepared; i++)
        if (cache->prepared[i].tensor == tensor &&
            ampi_md_equal(ampi_layout_md(&cache->prepared[i].layout), md))
            return cache->prepared[i].data;
    return NULL;
}

amp_status ampi_dnnl_prepare(ampi_cache *cache, int32_t tensor, const ampi_dims *dims, ampi_md md,
                             float **out, amp_error *error)
{
    ampi_layout plain = { 0 };
    amp_status status = AMP_OK;

    AMPI_TRY(
        ampi_dnnl_check(ampi_layout_make(&plain, dims, dims->n == 1 ? dnnl_a : dnnl_abcd, dnnl_f32),
                        "a layout", error));
    *out = ampi_md_equal(ampi_layout_md(&plain), md) ? cache->graph->tensors[tensor].data
                                                     : find_prepared(cache, tensor, md);
    if (*out == NULL)
        status = add_prepared(cache, tensor, ampi_layout_md(&plain), md, out, error);
    ampi_layout_clear(&plain);
    return status;
}
