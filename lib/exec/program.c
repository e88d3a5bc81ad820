/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/program.c - inference's entry: a graph rewritten and handed to a back end, long batches
 * split.
 */
#include "exec/backend.h"

struct ampi_program {
    amp_context *context;
    const ampi_backend_api *api;
    ampi_graph *graph; /* optimised */
    ampi_seen *seen;   /* [graph->n_nodes], NULL = not observing */
    bool joins;
    void *state;
    size_t chunk;
    atomic_uint references;
};

struct ampi_runner {
    ampi_program *program;
    void *state;
};

static void program_free(ampi_program *program)
{
    amp_context *const context = program->context;

    if (program->state != NULL)
        program->api->program_free(program->state);
    ampi_free(context, program->seen);
    ampi_graph_free(program->graph);
    ampi_free(context, program);
    amp_context_unref(context);
}

const char *ampi_precision_name(ampi_precision precision)
{
    static const char *const names[] = { "fp32", "fast", "bf16", "int8" };

    _Static_assert(sizeof names / sizeof names[0] == (size_t)AMPI_PRECISION_COUNT, "a name each");
    return names[precision];
}

bool ampi_precision_here(ampi_backend backend, ampi_precision precision)
{
    const ampi_backend_api *const api = ampi_backend_find(backend);

    return api != NULL && api->precision_here(precision);
}

static amp_status fill_program(ampi_program *program, const ampi_graph *graph,
                               const ampi_program_options *options, amp_error *error)
{
    ampi_program_setup setup = { .precision = options->precision, .joins = options->joins };

    if (program->api == NULL)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "this back end is not in the build");
    if (!program->api->precision_here(options->precision))
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "this processor has no %s",
                         ampi_precision_name(options->precision));
    AMPI_TRY(ampi_graph_optimise(&program->graph, graph, error));
    program->chunk = program->api->chunk(program->graph);
    if (options->observe) {
        program->seen = ampi_alloc(program->context, program->graph->n_nodes, sizeof(ampi_seen));
        if (program->seen == NULL)
            return ampi_fail_nomem(error, "exec", program->graph->n_nodes * sizeof(ampi_seen));
    }
    setup.graph = program->graph;
    setup.seen = program->seen;
    return program->api->program_create(&program->state, &setup, error);
}

amp_status ampi_program_create_with(ampi_program **out, const ampi_graph *graph,
                                    const ampi_program_options *options, amp_error *error)
{
    ampi_program *const program = ampi_alloc(graph->context, 1, sizeof *program);
    amp_status status;

    *out = NULL;
    if (program == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *program);
    program->context = amp_context_ref(graph->context);
    program->api = ampi_backend_find(options->backend);
    program->joins = options->joins;
    atomic_init(&program->references, 1);
    status = fill_program(program, graph, options, error);
    if (status == AMP_OK)
        *out = program;
    else
        program_free(program);
    return status;
}

amp_status ampi_program_create_as(ampi_program **out, const ampi_graph *graph, ampi_backend backend,
                                  ampi_precision precision, amp_error *error)
{
    const ampi_program_options options = { .backend = backend, .precision = precision };

    return ampi_program_create_with(out, graph, &options, error);
}

amp_status ampi_program_create(ampi_program **out, const ampi_graph *graph, ampi_backend backend,
                               amp_error *error)
{
    return ampi_program_create_as(out, graph, backend, AMPI_PRECISION_FP32, error);
}

static ampi_range mean_of(_Atomic float *sums, uint32_t rows)
{
    const float n = rows > 0 ? (float)rows : 1.0F;

    return (ampi_range){ atomic_load(&sums[0]) / n, atomic_load(&sums[1]) / n };
}

bool ampi_program_seen(const ampi_program *program, size_t index, const char **name,
                       ampi_range *reads, ampi_range *makes)
{
    const ampi_node *node;
    ampi_seen *seen;

    if (program->seen == NULL || index >= program->graph->n_nodes)
        return false;
    node = &program->graph->nodes[index];
    *name = node->op == AMPI_OP_CONV ? node->name : NULL;
    seen = &program->seen[index];
    *reads = mean_of(seen->read, atomic_load(&seen->rows));
    *makes = mean_of(seen->made, atomic_load(&seen->rows));
    return true;
}

ampi_program *ampi_program_ref(ampi_program *program)
{
    if (program != NULL)
        atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
    return program;
}

void ampi_program_unref(ampi_program *program)
{
    if (program != NULL &&
        atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) == 1)
        program_free(program);
}

ampi_shape ampi_program_input(const ampi_program *program)
{
    return program->graph->nodes[0].shape;
}

ampi_shape ampi_program_output(const ampi_program *program)
{
    return program->graph->nodes[program->graph->n_nodes - 1].shape;
}

void ampi_runner_free(ampi_runner *runner)
{
    amp_context *context;

    if (runner == NULL)
        return;
    context = amp_context_ref(runner->program->context);
    if (runner->state != NULL)
        runner->program->api->runner_free(runner->state);
    ampi_program_unref(runner->program);
    ampi_free(context, runner);
    amp_context_unref(context);
}

amp_status ampi_runner_create(ampi_runner **out, ampi_program *program, amp_error *error)
{
    ampi_runner *const runner = ampi_alloc(program->context, 1, sizeof *runner);
    amp_status status;

    *out = NULL;
    if (runner == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *runner);
    runner->program = ampi_program_ref(program);
    status = program->api->runner_create(&runner->state, program->state, error);
    if (status == AMP_OK)
        *out = runner;
    else
        ampi_runner_free(runner);
    return status;
}

static size_t values(ampi_shape shape)
{
    return (size_t)shape.c * shape.h * shape.w;
}

static amp_status run(const ampi_runner *runner, int32_t threads, size_t n, const ampi_rows *rows,
                      float *output, amp_error *error)
{
    const ampi_program *const program = runner->program;
    const size_t in = values(ampi_program_input(program));
    const size_t out = values(ampi_program_output(program));
    /* A forked child has no thread pool, and waiting for the parent's would never end. */
    const int32_t count = threads < 1 || ampi_context_forked(program->context) ? 1 : threads;

    if (program->joins != (rows->values == NULL))
        return ampi_fail(error, AMP_E_INTERNAL, "exec", "halves and whole inputs mixed up");
    for (size_t i = 0; i < n; i += program->chunk) {
        const ampi_rows part = ampi_rows_skip(rows, i, in);
        AMPI_TRY(program->api->runner_forward(runner->state, count,
                                              ampi_min_size(program->chunk, n - i), &part,
                                              output + i * out, error));
    }
    return AMP_OK;
}

amp_status ampi_runner_forward(ampi_runner *runner, int32_t threads, size_t n, const float *input,
                               float *output, amp_error *error)
{
    const ampi_rows rows = { .values = input };

    return run(runner, threads, n, &rows, output, error);
}

amp_status ampi_runner_join(ampi_runner *runner, int32_t threads, size_t n, const ampi_rows *rows,
                            float *output, amp_error *error)
{
    return run(runner, threads, n, rows, output, error);
}

amp_status ampi_runner_watch(ampi_runner *runner, ampi_watch *watch, amp_error *error)
{
    const ampi_backend_api *const api = runner->program->api;

    if (api->runner_watch == NULL)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "this back end has no profile");
    api->runner_watch(runner->state, watch);
    return AMP_OK;
}
