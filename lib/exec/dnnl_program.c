/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_program.c - a program on oneDNN: its plans, one a batch size and number of threads,
 * made when first wanted.
 *
 * The lock is held while a plan is made, so that threads that want the same one wait for it.
 */
#include "exec/dnnl_program.h"

#include "exec/dnnl_backend.h"

#include <unistd.h>

size_t ampi_dnnl_chunk(const ampi_graph *graph)
{
    (void)graph;
    return SIZE_MAX; /* the runner splits by threads as well */
}

/* ---- plans ----------------------------------------------------------------------------------- */

static void plan_free(ampi_dnnl_plan *plan)
{
    amp_context *context;

    if (plan == NULL)
        return;
    context = plan->plan.context;
    ampi_plan_clear(&plan->plan);
    ampi_free(context, plan);
}

static amp_status make_plan(ampi_dnnl_plan **out, ampi_cache *cache, size_t batch, int32_t threads,
                            amp_error *error)
{
    ampi_dnnl_plan *const plan = ampi_alloc(cache->context, 1, sizeof *plan);
    amp_status status;
    int32_t before;

    if (plan == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *plan);
    ampi_plan_init(&plan->plan, cache->context, cache->engine);
    plan->batch = batch;
    plan->threads = threads;
    plan->plan.threads = threads;
    plan->plan.images = batch;
    before = ampi_omp_set(threads);
    status = ampi_dnnl_infer(cache, plan, error);
    ampi_omp_restore(before);
    ampi_dnnl_prepared(cache);
    if (status != AMP_OK) {
        plan_free(plan);
        return status;
    }
    plan->next = cache->plans;
    cache->plans = plan;
    *out = plan;
    return AMP_OK;
}

amp_status ampi_dnnl_plan_get(ampi_cache *cache, const ampi_dnnl_plan **out, size_t batch,
                              int32_t threads, amp_error *error)
{
    amp_status status = AMP_OK;
    ampi_dnnl_plan *plan;

    pthread_mutex_lock(&cache->mutex);
    plan = cache->plans;
    while (plan != NULL && (plan->batch != batch || plan->threads != threads))
        plan = plan->next;
    if (plan == NULL)
        status = make_plan(&plan, cache, batch, threads, error);
    *out = plan;
    pthread_mutex_unlock(&cache->mutex);
    return status;
}

/* ---- the cache of a process --------------------------------------------------------------------
 */

static void cache_free(ampi_cache *cache)
{
    while (cache != NULL) {
        ampi_cache *const parent = cache->parent;
        while (cache->plans != NULL) {
            ampi_dnnl_plan *const plan = cache->plans;
            cache->plans = plan->next;
            plan_free(plan);
        }
        for (size_t i = 0; i < cache->n_prepared; i++)
            ampi_layout_clear(&cache->prepared[i].layout);
        ampi_dnnl_drop_slabs(cache);
        ampi_free(cache->context, cache->prepared);
        ampi_free(cache->context, cache->zeros);
        ampi_free(cache->context, cache->halves);
        if (cache->engine != NULL)
            dnnl_engine_destroy(cache->engine);
        if (cache->process == getpid())
            pthread_mutex_destroy(&cache->mutex);
        ampi_free(cache->context, cache);
        cache = parent;
    }
}

static amp_status fill_cache(ampi_cache *cache, amp_error *error)
{
    size_t widest = 1;

    for (size_t i = 0; i < cache->graph->n_nodes; i++)
        if (cache->graph->nodes[i].shape.c > widest)
            widest = cache->graph->nodes[i].shape.c;
    cache->zeros = ampi_alloc(cache->context, widest, sizeof *cache->zeros);
    cache->halves = ampi_alloc(cache->context, widest, sizeof *cache->halves);
    if (cache->zeros == NULL || cache->halves == NULL)
        return ampi_fail_nomem(error, "exec", widest * sizeof *cache->halves);
    for (size_t i = 0; i < widest; i++)
        cache->halves[i] = 0.5F;
    return ampi_dnnl_check(dnnl_engine_create(&cache->engine, dnnl_cpu, 0), "an engine", error);
}

static amp_status make_cache(ampi_cache **out, const ampi_dnnl_program *program, ampi_cache *parent,
                             amp_error *error)
{
    ampi_cache *const cache = ampi_alloc(program->context, 1, sizeof *cache);
    amp_status status = AMP_OK;

    if (cache == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *cache);
    if (pthread_mutex_init(&cache->mutex, NULL) != 0) {
        ampi_free(program->context, cache);
        return ampi_fail(error, AMP_E_NOMEM, "exec", "no lock is left");
    }
    cache->context = program->context;
    cache->graph = program->graph;
    cache->precision = program->precision;
    cache->seen = program->seen;
    cache->integers = program->integers;
    cache->join = program->join;
    cache->process = getpid();
    status = fill_cache(cache, error);
    if (status == AMP_OK) {
        cache->parent = parent;
        *out = cache;
    }
    if (status != AMP_OK)
        cache_free(cache);
    return status;
}

amp_status ampi_dnnl_cache(ampi_dnnl_program *program, ampi_cache **out, amp_error *error)
{
    ampi_cache *current = atomic_load(&program->cache);
    ampi_cache *made = NULL;

    *out = current;
    if (current != NULL && current->process == getpid())
        return AMP_OK;
    AMPI_TRY(make_cache(&made, program, current, error));
    *out = made;
    if (made != NULL && !atomic_compare_exchange_strong(&program->cache, &current, made)) {
        made->parent = NULL;
        cache_free(made);
        *out = current;
    }
    return AMP_OK;
}

static amp_status fill_program(ampi_dnnl_program *program, bool joins, amp_error *error)
{
    ampi_cache *cache;

    if (program->precision == AMPI_PRECISION_INT8)
        AMPI_TRY(ampi_int8_create(&program->integers, program->graph, error));
    if (joins)
        AMPI_TRY(ampi_join_create(&program->join, program->graph, error));
    return ampi_dnnl_cache(program, &cache, error);
}

amp_status ampi_dnnl_program_create(void **out, const ampi_program_setup *setup, amp_error *error)
{
    amp_context *const context = setup->graph->context;
    ampi_dnnl_program *const program = ampi_alloc(context, 1, sizeof *program);
    amp_status status;

    if (program == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *program);
    program->context = context;
    program->graph = setup->graph;
    program->precision = setup->precision;
    program->seen = setup->seen;
    atomic_init(&program->cache, NULL);
    status = fill_program(program, setup->joins, error);
    if (status == AMP_OK)
        *out = program;
    else
        ampi_dnnl_program_free(program);
    return status;
}

void ampi_dnnl_program_free(void *state)
{
    ampi_dnnl_program *const program = state;

    cache_free(atomic_load(&program->cache));
    ampi_int8_free(program->integers);
    ampi_join_free(program->join);
    ampi_free(program->context, program);
}
