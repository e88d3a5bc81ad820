/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_runner.c - runs a batch: cuts it into pieces that there are plans for, and shares it
 * among threads.
 *
 * Of many images each thread gets its share, and none waits for another before the end.  A few
 * images would not share well - five on two threads take the time of six - so there all threads
 * work as a team in each primitive.
 *
 * A lane is the memory of one thread, or of the team: an arena and the plans bound to it.  All is
 * bound before the threads start; a run whose plans are bound allocates nothing.
 */
#include "exec/dnnl_backend.h"
#include "exec/dnnl_program.h"

#define PIECE_BYTES ((size_t)16 << 20) /* of the largest value of a piece: fits in a cache */
#define TEAM_IMAGES 8u                 /* a thread, and more: shares */

/* Images of a piece.  Plans exist for these alone, so their number is bounded. */
static const size_t piece_images[] = { 1, 2, 3, 4, 5, 6, 8, 10, 12, 16 };
#define PIECES (sizeof piece_images / sizeof piece_images[0])

typedef struct run_lane {
    const ampi_dnnl_plan *plans[PIECES]; /* bound; NULL = not yet */
    ampi_binding *bindings[PIECES];
    size_t watched[PIECES]; /* 1 + the first row of the plan's steps; 0 = not watched */
    unsigned char *arena;
    size_t arena_bytes;
    amp_status status; /* of the last run */
    amp_error error;
} run_lane;

typedef struct dnnl_runner {
    ampi_dnnl_program *program; /* borrowed */
    run_lane *lanes;
    size_t n_lanes;
    run_lane team;
    size_t largest;    /* index of the largest piece */
    size_t in, out;    /* values an image */
    ampi_watch *watch; /* borrowed; NULL = nobody asks */
} dnnl_runner;

static size_t values(ampi_shape shape)
{
    return (size_t)shape.c * shape.h * shape.w;
}

static size_t largest_piece(const ampi_graph *graph)
{
    size_t largest = 1, index = PIECES - 1;

    for (size_t i = 0; i < graph->n_nodes; i++)
        if (values(graph->nodes[i].shape) > largest)
            largest = values(graph->nodes[i].shape);
    while (index > 0 && piece_images[index] > PIECE_BYTES / (largest * sizeof(float)))
        index--;
    return index;
}

amp_status ampi_dnnl_runner_create(void **out, void *program, amp_error *error)
{
    ampi_dnnl_program *const owner = program;
    dnnl_runner *const runner = ampi_alloc(owner->context, 1, sizeof *runner);

    if (runner == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *runner);
    runner->program = owner;
    runner->largest = largest_piece(owner->graph);
    runner->in = values(owner->graph->nodes[0].shape);
    runner->out = values(owner->graph->nodes[owner->graph->n_nodes - 1].shape);
    *out = runner;
    return AMP_OK;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static void lane_clear(run_lane *lane, amp_context *context)
{
    for (size_t i = 0; i < PIECES; i++) {
        ampi_binding_free(lane->bindings[i]);
        lane->bindings[i] = NULL;
        lane->plans[i] = NULL;
        lane->watched[i] = 0;
    }
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
    lane_clear(&runner->team, context);
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

/* In a forked child, or with another number of threads, the plan is another one than before. */
static amp_status lane_bind(run_lane *lane, const ampi_dnnl_plan *plan, size_t index,
                            amp_error *error)
{
    if (plan == NULL || lane->plans[index] == plan)
        return AMP_OK;
    ampi_binding_free(lane->bindings[index]);
    lane->bindings[index] = NULL;
    lane->plans[index] = NULL;
    lane->watched[index] = 0;
    AMPI_TRY(ampi_binding_create(&lane->bindings[index], &plan->plan, lane->arena, NULL, error));
    lane->plans[index] = plan;
    return AMP_OK;
}

/* ---- one batch ------------------------------------------------------------------------------- */

typedef struct batch {
    dnnl_runner *runner;
    const ampi_rows *rows;
    float *output;
    size_t n, lanes;
    int32_t team;                        /* threads in each primitive */
    const ampi_dnnl_plan *plans[PIECES]; /* those wanted */
} batch;

static run_lane *lane_of(const batch *b, size_t lane)
{
    return b->team > 1 ? &b->runner->team : &b->runner->lanes[lane];
}

/* Images before those of lane `lane`. */
static size_t share_begin(const batch *b, size_t lane)
{
    return lane * (b->n / b->lanes) + ampi_min_size(lane, b->n % b->lanes);
}

/* The next piece of `left` images. */
static size_t next_piece(const dnnl_runner *runner, size_t left)
{
    size_t index = runner->largest;

    while (piece_images[index] > left)
        index--;
    return index;
}

static amp_status get_plans(batch *b, amp_error *error)
{
    ampi_cache *cache = NULL;

    AMPI_TRY(ampi_dnnl_cache(b->runner->program, &cache, error));
    for (size_t i = 0; i < b->lanes; i++) {
        size_t left = share_begin(b, i + 1) - share_begin(b, i);
        while (left > 0) {
            const size_t index = next_piece(b->runner, left);
            left %= piece_images[index];
            if (b->plans[index] == NULL)
                AMPI_TRY(ampi_dnnl_plan_get(cache, &b->plans[index], piece_images[index], b->team,
                                            error));
        }
    }
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

static amp_status bind_lanes(const batch *b, amp_error *error)
{
    amp_context *const context = b->runner->program->context;
    size_t bytes = 0;

    if (b->team == 1)
        AMPI_TRY(grow_lanes(b->runner, b->lanes, error));
    for (size_t k = 0; k < PIECES; k++)
        if (b->plans[k] != NULL && b->plans[k]->plan.arena_bytes > bytes)
            bytes = b->plans[k]->plan.arena_bytes;
    for (size_t i = 0; i < b->lanes; i++) {
        AMPI_TRY(lane_grow(lane_of(b, i), context, bytes, error));
        for (size_t k = 0; k < PIECES; k++)
            AMPI_TRY(lane_bind(lane_of(b, i), b->plans[k], k, error));
    }
    return AMP_OK;
}

/* Rows for the plans of the first lane that have none yet; the largest runs first. */
static amp_status watch_lane(const batch *b, amp_error *error)
{
    run_lane *const lane = lane_of(b, 0);

    for (size_t k = PIECES; k-- > 0;) {
        size_t first;
        if (b->plans[k] == NULL || lane->watched[k] > 0)
            continue;
        AMPI_TRY(ampi_dnnl_watch(b->runner->watch, b->runner->program->graph, b->plans[k], &first,
                                 error));
        lane->watched[k] = first + 1;
    }
    return AMP_OK;
}

static amp_status run_piece(const batch *b, run_lane *lane, size_t index, size_t first)
{
    ampi_binding *const binding = lane->bindings[index];
    const ampi_dnnl_plan *const plan = lane->plans[index];
    const ampi_rows rows = ampi_rows_skip(b->rows, first, b->runner->in);
    const void *const input = rows.values != NULL ? (const void *)rows.values : &rows;

    AMPI_TRY(ampi_binding_point(binding, plan->input, input, &lane->error));
    AMPI_TRY(ampi_binding_point(binding, plan->output, b->output + first * b->runner->out,
                                &lane->error));
    if (lane->watched[index] > 0)
        return ampi_binding_watch(binding, b->runner->watch->rows + lane->watched[index] - 1,
                                  &lane->error);
    return ampi_binding_run(binding, AMPI_PHASE_FORWARD, &lane->error);
}

static void run_lanes(void *argument, size_t begin, size_t end)
{
    const batch *const b = argument;

    for (size_t i = begin; i < end; i++) {
        run_lane *const lane = lane_of(b, i);
        const size_t stop = share_begin(b, i + 1);
        size_t at = share_begin(b, i);
        lane->status = AMP_OK;
        while (at < stop && lane->status == AMP_OK) {
            const size_t index = next_piece(b->runner, stop - at);
            lane->status = run_piece(b, lane, index, at);
            at += piece_images[index];
        }
    }
}

static amp_status run_all(batch *b, amp_error *error)
{
    const int32_t before = ampi_omp_set(b->team);

    ampi_parallel((int32_t)b->lanes, b->lanes, run_lanes, b);
    ampi_omp_restore(before);
    for (size_t i = 0; i < b->lanes; i++) {
        const run_lane *const lane = lane_of(b, i);
        if (lane->status != AMP_OK && error != NULL)
            *error = lane->error;
        if (lane->status != AMP_OK)
            return lane->status;
    }
    return AMP_OK;
}

amp_status ampi_dnnl_runner_forward(void *state, int32_t threads, size_t n, const ampi_rows *rows,
                                    float *output, amp_error *error)
{
    batch b = { .runner = state, .rows = rows, .output = output, .n = n, .team = 1 };

    if (threads > 1 && n < TEAM_IMAGES * (size_t)threads && ampi_omp_team(threads))
        b.team = threads;
    b.lanes = b.team > 1 ? 1 : ampi_min_size((size_t)threads, n);
    AMPI_TRY(get_plans(&b, error));
    AMPI_TRY(bind_lanes(&b, error));
    if (b.runner->watch != NULL)
        AMPI_TRY(watch_lane(&b, error));
    return run_all(&b, error);
}

static void unwatch(run_lane *lane)
{
    for (size_t i = 0; i < PIECES; i++)
        lane->watched[i] = 0;
}

void ampi_dnnl_runner_watch(void *state, ampi_watch *watch)
{
    dnnl_runner *const runner = state;

    unwatch(&runner->team);
    for (size_t i = 0; i < runner->n_lanes; i++)
        unwatch(&runner->lanes[i]);
    runner->watch = watch;
}
