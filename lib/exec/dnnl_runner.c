/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_runner.c - the memory of one thread's runs: one arena and the plans bound to it.
 *
 * The arena grows to the largest plan that was run; a run of a bound plan allocates nothing.
 */
#include "exec/dnnl_backend.h"
#include "exec/dnnl_program.h"

#define BINDINGS 4u

typedef struct bound {
    ampi_dnnl_plan *plan;
    ampi_binding *binding;
    uint64_t used;
} bound;

typedef struct dnnl_runner {
    ampi_dnnl_program *program; /* borrowed */
    bound bindings[BINDINGS];
    uint64_t clock;
    unsigned char *arena;
    size_t arena_bytes;
} dnnl_runner;

static void drop(bound *entry)
{
    ampi_binding_free(entry->binding);
    ampi_dnnl_plan_unref(entry->plan);
    entry->binding = NULL;
    entry->plan = NULL;
    entry->used = 0;
}

amp_status ampi_dnnl_runner_create(void **out, void *program, amp_error *error)
{
    ampi_dnnl_program *const owner = program;
    dnnl_runner *const runner = ampi_alloc(owner->context, 1, sizeof *runner);

    if (runner == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *runner);
    runner->program = owner;
    *out = runner;
    return AMP_OK;
}

void ampi_dnnl_runner_free(void *state)
{
    dnnl_runner *const runner = state;
    amp_context *const context = runner->program->context;

    for (size_t i = 0; i < BINDINGS; i++)
        drop(&runner->bindings[i]);
    ampi_free(context, runner->arena);
    ampi_free(context, runner);
}

static bound *find(dnnl_runner *runner, const ampi_cache *cache, size_t batch, int32_t threads)
{
    for (size_t i = 0; i < BINDINGS; i++) {
        const ampi_dnnl_plan *const plan = runner->bindings[i].plan;
        if (plan != NULL && plan->cache == cache && plan->batch == batch &&
            plan->threads == threads)
            return &runner->bindings[i];
    }
    return NULL;
}

/* An empty place, if need be that of the binding used longest ago. */
static bound *make_room(dnnl_runner *runner)
{
    bound *oldest = &runner->bindings[0];

    for (size_t i = 1; i < BINDINGS; i++)
        if (runner->bindings[i].used < oldest->used)
            oldest = &runner->bindings[i];
    drop(oldest);
    return oldest;
}

/* Bindings point into the arena, so all go when it moves. */
static amp_status grow_arena(dnnl_runner *runner, size_t bytes, amp_error *error)
{
    amp_context *const context = runner->program->context;

    if (bytes <= runner->arena_bytes)
        return AMP_OK;
    for (size_t i = 0; i < BINDINGS; i++)
        drop(&runner->bindings[i]);
    ampi_free(context, runner->arena);
    runner->arena_bytes = 0;
    runner->arena = ampi_arena_make(context, bytes);
    if (runner->arena == NULL)
        return ampi_fail_nomem(error, "exec", bytes);
    runner->arena_bytes = bytes;
    return AMP_OK;
}

static amp_status bind(dnnl_runner *runner, bound **out, ampi_dnnl_plan *plan, amp_error *error)
{
    bound *entry;
    ampi_binding *binding = NULL;

    AMPI_TRY(grow_arena(runner, plan->plan.arena_bytes, error));
    AMPI_TRY(ampi_binding_create(&binding, &plan->plan, runner->arena, NULL, error));
    entry = make_room(runner);
    entry->plan = plan;
    entry->binding = binding;
    *out = entry;
    return AMP_OK;
}

static amp_status get_bound(dnnl_runner *runner, bound **out, size_t batch, int32_t threads,
                            amp_error *error)
{
    ampi_dnnl_plan *plan = NULL;
    ampi_cache *cache = NULL;
    amp_status status;

    AMPI_TRY(ampi_dnnl_cache(runner->program, &cache, error));
    *out = find(runner, cache, batch, threads);
    if (*out != NULL)
        return AMP_OK;
    status = ampi_dnnl_plan_get(cache, &plan, batch, threads, error);
    if (status == AMP_OK)
        status = bind(runner, out, plan, error);
    if (status != AMP_OK)
        ampi_dnnl_plan_unref(plan);
    return status;
}

amp_status ampi_dnnl_runner_forward(void *state, int32_t threads, size_t n, const float *input,
                                    float *output, amp_error *error)
{
    dnnl_runner *const runner = state;
    bound *entry = NULL;
    amp_status status;
    int32_t before;

    AMPI_TRY(get_bound(runner, &entry, n, threads, error));
    entry->used = ++runner->clock;
    AMPI_TRY(ampi_binding_point(entry->binding, entry->plan->input, input, error));
    AMPI_TRY(ampi_binding_point(entry->binding, entry->plan->output, output, error));
    before = ampi_omp_set(threads);
    status = ampi_binding_run(entry->binding, AMPI_PHASE_FORWARD, error);
    ampi_omp_restore(before);
    return status;
}
