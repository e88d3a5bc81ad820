/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_runner.c - runs a batch: splits it into pieces, and the pieces among threads.
 *
 * A lane is the memory of one thread: an arena and the plans bound to it.  All is bound before the
 * threads start; a run whose plans are bound allocates nothing.  Each piece is computed by one
 * thread, so a result does not depend on how many there are.
 */
#include "exec/dnnl_backend.h"
#include "exec/dnnl_program.h"

#define BINDINGS 4u
#define PIECE_IMAGES 16u
#define PIECE_BYTES ((size_t)16 << 20) /* of the largest value of a piece */

typedef struct bound {
    ampi_dnnl_plan *plan;
    ampi_binding *binding;
    uint64_t used;
} bound;

typedef struct run_lane {
    bound bindings[BINDINGS];
    uint64_t clock;
    unsigned char *arena;
    size_t arena_bytes;
    amp_status status; /* of the last run */
    amp_error error;
} run_lane;

typedef struct dnnl_runner {
    ampi_dnnl_program *program; /* borrowed */
    run_lane *lanes;
    size_t n_lanes;
    size_t piece;   /* most images of a piece */
    size_t in, out; /* values an image */
} dnnl_runner;

static size_t values(ampi_shape shape)
{
    return (size_t)shape.c * shape.h * shape.w;
}

/* As many images as stay in the caches, roughly. */
static size_t piece_size(const ampi_graph *graph)
{
    size_t largest = 1, images;

    for (size_t i = 0; i < graph->n_nodes; i++)
        if (values(graph->nodes[i].shape) > largest)
            largest = values(graph->nodes[i].shape);
    images = PIECE_BYTES / (largest * sizeof(float));
    return images < 1 ? 1 : ampi_min_size(images, PIECE_IMAGES);
}

amp_status ampi_dnnl_runner_create(void **out, void *program, amp_error *error)
{
    ampi_dnnl_program *const owner = program;
    dnnl_runner *const runner = ampi_alloc(owner->context, 1, sizeof *runner);

    if (runner == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *runner);
    runner->program = owner;
    runner->piece = piece_size(owner->graph);
    runner->in = values(owner->graph->nodes[0].shape);
    runner->out = values(owner->graph->nodes[owner->graph->n_nodes - 1].shape);
    *out = runner;
    return AMP_OK;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static void drop(bound *entry)
{
    ampi_binding_free(entry->binding);
    ampi_dnnl_plan_unref(entry->plan);
    entry->binding = NULL;
    entry->plan = NULL;
    entry->used = 0;
}

static void lane_clear(run_lane *lane, amp_context *context)
{
    for (size_t i = 0; i < BINDINGS; i++)
        drop(&lane->bindings[i]);
    ampi_free(context, lane->arena);
    lane->arena = NULL;
    lane->arena_bytes = 0;
}

void ampi_dnnl_runner_free(void *state)
{
    dnnl_runner *const runner = state;
    amp_context *const context = runner->program->context;

    for (size_t i = 0; i < runner->n_lanes; i++)
        lane_clear(&runner->lanes[i], context);
    ampi_free(context, runner->lanes);
    ampi_free(context, runner);
}

/* Bindings point into the arena, so all go when it moves. */
static amp_status lane_grow(run_lane *lane, amp_context *context, size_t bytes, amp_error *error)
{
    if (bytes <= lane->arena_bytes)
        return AMP_OK;
    lane_clear(lane, context);
    lane->arena = ampi_arena_make(context, bytes);
    if (lane->arena == NULL)
        return ampi_fail_nomem(error, "exec", bytes);
    lane->arena_bytes = bytes;
    return AMP_OK;
}

static bound *lane_find(run_lane *lane, const ampi_dnnl_plan *plan)
{
    for (size_t i = 0; i < BINDINGS; i++)
        if (lane->bindings[i].plan == plan)
            return &lane->bindings[i];
    return NULL;
}

/* An empty place, if need be that of the binding used longest ago. */
static bound *lane_room(run_lane *lane)
{
    bound *oldest = &lane->bindings[0];

    for (size_t i = 1; i < BINDINGS; i++)
        if (lane->bindings[i].used < oldest->used)
            oldest = &lane->bindings[i];
    drop(oldest);
    return oldest;
}

static amp_status lane_bind(run_lane *lane, ampi_dnnl_plan *plan, amp_error *error)
{
    bound *entry = lane_find(lane, plan);
    ampi_binding *binding = NULL;

    if (entry == NULL) {
        AMPI_TRY(ampi_binding_create(&binding, &plan->plan, lane->arena, NULL, error));
        entry = lane_room(lane);
        atomic_fetch_add_explicit(&plan->references, 1, memory_order_relaxed);
        entry->plan = plan;
        entry->binding = binding;
    }
    entry->used = ++lane->clock;
    return AMP_OK;
}

/* ---- one batch ------------------------------------------------------------------------------- */

/* `pieces` pieces, the first `rest` of them one image longer than `size`. */
typedef struct batch {
    dnnl_runner *runner;
    const float *input;
    float *output;
    size_t lanes, pieces, size, rest;
    ampi_dnnl_plan *plans[2]; /* for pieces of size, and size + 1 */
} batch;

static void split(batch *b, size_t n, size_t threads)
{
    const size_t piece = b->runner->piece;
    const size_t least = n / piece + (n % piece != 0 ? 1 : 0);

    b->lanes = ampi_min_size(threads, n);
    b->pieces = ampi_min_size(n, (least + b->lanes - 1) / b->lanes * b->lanes);
    b->size = n / b->pieces;
    b->rest = n % b->pieces;
}

static amp_status get_plans(batch *b, amp_error *error)
{
    ampi_cache *cache = NULL;

    AMPI_TRY(ampi_dnnl_cache(b->runner->program, &cache, error));
    if (b->rest < b->pieces)
        AMPI_TRY(ampi_dnnl_plan_get(cache, &b->plans[0], b->size, error));
    if (b->rest > 0)
        AMPI_TRY(ampi_dnnl_plan_get(cache, &b->plans[1], b->size + 1, error));
    return AMP_OK;
}

static amp_status grow_lanes(dnnl_runner *runner, size_t count, amp_error *error)
{
    amp_context *const context = runner->program->context;
    run_lane *made;

    if (count <= runner->n_lanes)
        return AMP_OK;
    made = ampi_alloc(context, count, sizeof *made);
    if (made == NULL)
        return ampi_fail_nomem(error, "exec", count * sizeof *made);
    for (size_t i = 0; i < runner->n_lanes; i++)
        made[i] = runner->lanes[i];
    ampi_free(context, runner->lanes);
    runner->lanes = made;
    runner->n_lanes = count;
    return AMP_OK;
}

static amp_status bind_lanes(batch *b, amp_error *error)
{
    amp_context *const context = b->runner->program->context;
    size_t bytes = 0;

    AMPI_TRY(grow_lanes(b->runner, b->lanes, error));
    for (int k = 0; k < 2; k++)
        if (b->plans[k] != NULL && b->plans[k]->plan.arena_bytes > bytes)
            bytes = b->plans[k]->plan.arena_bytes;
    for (size_t i = 0; i < b->lanes; i++) {
        AMPI_TRY(lane_grow(&b->runner->lanes[i], context, bytes, error));
        for (int k = 0; k < 2; k++)
            if (b->plans[k] != NULL)
                AMPI_TRY(lane_bind(&b->runner->lanes[i], b->plans[k], error));
    }
    return AMP_OK;
}

static amp_status run_piece(const batch *b, run_lane *lane, size_t piece)
{
    const ampi_dnnl_plan *const plan = b->plans[piece < b->rest ? 1 : 0];
    const size_t first = piece * b->size + ampi_min_size(piece, b->rest);
    const bound *const entry = lane_find(lane, plan);
    ampi_binding *binding;

    if (entry == NULL)
        return ampi_fail(&lane->error, AMP_E_INTERNAL, "exec", "a plan is not bound");
    binding = entry->binding;

    AMPI_TRY(
        ampi_binding_point(binding, plan->input, b->input + first * b->runner->in, &lane->error));
    AMPI_TRY(ampi_binding_point(binding, plan->output, b->output + first * b->runner->out,
                                &lane->error));
    return ampi_binding_run(binding, AMPI_PHASE_FORWARD, &lane->error);
}

static void run_lanes(void *argument, size_t begin, size_t end)
{
    const batch *const b = argument;

    for (size_t i = begin; i < end; i++) {
        run_lane *const lane = &b->runner->lanes[i];
        lane->status = AMP_OK;
        for (size_t p = i; p < b->pieces && lane->status == AMP_OK; p += b->lanes)
            lane->status = run_piece(b, lane, p);
    }
}

static amp_status run_all(batch *b, amp_error *error)
{
    const int32_t before = ampi_omp_set(1);

    ampi_parallel((int32_t)b->lanes, b->lanes, run_lanes, b);
    ampi_omp_restore(before);
    for (size_t i = 0; i < b->lanes; i++) {
        const run_lane *const lane = &b->runner->lanes[i];
        if (lane->status != AMP_OK && error != NULL)
            *error = lane->error;
        if (lane->status != AMP_OK)
            return lane->status;
    }
    return AMP_OK;
}

amp_status ampi_dnnl_runner_forward(void *state, int32_t threads, size_t n, const float *input,
                                    float *output, amp_error *error)
{
    batch b = { .runner = state, .input = input, .output = output };
    amp_status status;

    split(&b, n, (size_t)threads);
    status = get_plans(&b, error);
    if (status == AMP_OK)
        status = bind_lanes(&b, error);
    if (status == AMP_OK)
        status = run_all(&b, error);
    ampi_dnnl_plan_unref(b.plans[0]);
    ampi_dnnl_plan_unref(b.plans[1]);
    return status;
}
