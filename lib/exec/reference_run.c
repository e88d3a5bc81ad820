/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference_run.c - a graph forward, image by image, and the plain-loop back end's table.
 *
 * One image at a time makes a result the same bits in any batch.  Training is in
 * reference_tape.c.
 */
#include "exec/reference.h"

#include <string.h>

#define CHUNK 1024u

amp_status ampi_reference_alloc(float **arrays, const ampi_graph *graph, size_t images,
                                amp_error *error)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const size_t volume = ampi_reference_volume(graph->nodes[i].shape);
        size_t count = 0;
        if (ampi_mul(volume, images, &count))
            arrays[i] = ampi_alloc(graph->context, count, sizeof(float));
        if (arrays[i] == NULL) {
            ampi_reference_release(arrays, graph);
            return ampi_fail_nomem(error, "exec", count * sizeof(float));
        }
    }
    return AMP_OK;
}

void ampi_reference_release(float **arrays, const ampi_graph *graph)
{
    for (size_t i = 0; arrays != NULL && i < graph->n_nodes; i++) {
        ampi_free(graph->context, arrays[i]);
        arrays[i] = NULL;
    }
}

static void run_image(const ampi_graph *graph, float *const *values)
{
    for (size_t i = 1; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        ampi_reference_io io = { .out = values[i] };
        io.in[0] = values[node->inputs[0]];
        io.in[1] = node->inputs[1] == AMPI_NONE ? NULL : values[node->inputs[1]];
        io.shape = graph->nodes[node->inputs[0]].shape;
        io.sum = node->sum == AMPI_NONE ? NULL : values[node->sum];
        ampi_reference_node(graph, node, &io);
    }
}

/* ---- the table ---- */

typedef struct reference_program {
    ampi_graph *graph;
} reference_program;

typedef struct reference_runner {
    const ampi_graph *graph;
    float **values; /* [n_nodes][c,h,w], one image */
} reference_runner;

static size_t chunk(const ampi_graph *graph)
{
    (void)graph;
    return CHUNK;
}

static void program_free(void *opaque)
{
    reference_program *const program = opaque;
    amp_context *context = NULL;

    if (program == NULL)
        return;
    context = amp_context_ref(program->graph->context);
    ampi_graph_free(program->graph);
    ampi_free(context, program);
    amp_context_unref(context);
}

/* Sums in double: nothing is faster, or less exact. */
static bool precision_here(ampi_precision precision)
{
    return precision == AMPI_PRECISION_FP32 || precision == AMPI_PRECISION_FAST;
}

/* A copy whose weights are what they say. */
static amp_status settled(ampi_graph **out, const ampi_graph *graph, amp_error *error)
{
    amp_status status;

    AMPI_TRY(ampi_graph_clone(out, graph, error));
    status = ampi_graph_settle(*out, error);
    if (status != AMP_OK) {
        ampi_graph_free(*out);
        *out = NULL;
    }
    return status;
}

static amp_status program_create(void **out, const ampi_program_setup *setup, amp_error *error)
{
    const ampi_graph *const graph = setup->graph;
    reference_program *program;
    amp_status status = AMP_OK;

    *out = NULL;
    if (setup->seen != NULL)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "plain loops note no ranges");
    program = ampi_alloc(graph->context, 1, sizeof *program);
    if (program == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *program);
    status = settled(&program->graph, graph, error);
    if (status == AMP_OK)
        *out = program;
    else
        ampi_free(graph->context, program);
    return status;
}

static void runner_free(void *opaque)
{
    reference_runner *const runner = opaque;
    amp_context *context = NULL;

    if (runner == NULL)
        return;
    context = runner->graph->context;
    ampi_reference_release(runner->values, runner->graph);
    ampi_free(context, runner->values);
    ampi_free(context, runner);
}

static amp_status make_runner(reference_runner **out, const ampi_graph *graph, amp_error *error)
{
    reference_runner *runner = ampi_alloc(graph->context, 1, sizeof *runner);
    amp_status status = AMP_E_NOMEM;

    *out = NULL;
    if (runner == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *runner);
    runner->graph = graph;
    runner->values = ampi_alloc(graph->context, graph->n_nodes, sizeof *runner->values);
    if (runner->values == NULL) {
        status = ampi_fail_nomem(error, "exec", graph->n_nodes * sizeof *runner->values);
        goto done;
    }
    status = ampi_reference_alloc(runner->values, graph, 1, error);
    if (status != AMP_OK)
        goto done;
    *out = runner;
    runner = NULL;
done:
    runner_free(runner);
    return status;
}

static amp_status runner_create(void **out, void *opaque, amp_error *error)
{
    const reference_program *const program = opaque;
    reference_runner *runner = NULL;
    const amp_status status = make_runner(&runner, program->graph, error);

    *out = runner;
    return status;
}

static void load_row(const ampi_rows *rows, size_t r, size_t values, float *out)
{
    const float *image, *anchor;

    if (rows->values != NULL) {
        memcpy(out, rows->values + r * values, values * sizeof(float));
        return;
    }
    ampi_rows_halves(rows, r, values, &image, &anchor);
    for (size_t v = 0; v < values; v++)
        out[v] = image[v] + anchor[v];
}

static void run(const reference_runner *runner, size_t n, const ampi_rows *rows, float *output)
{
    const ampi_graph *const graph = runner->graph;
    const size_t last = graph->n_nodes - 1;
    const size_t in = ampi_reference_volume(graph->nodes[0].shape);
    const size_t out = ampi_reference_volume(graph->nodes[last].shape);

    for (size_t i = 0; i < n; i++) {
        load_row(rows, i, in, runner->values[0]);
        run_image(graph, runner->values);
        memcpy(output + i * out, runner->values[last], out * sizeof(float));
    }
}

static amp_status runner_forward(void *opaque, int32_t threads, size_t n, const ampi_rows *rows,
                                 float *output, amp_error *error)
{
    (void)threads;
    (void)error;
    run(opaque, n, rows, output);
    return AMP_OK;
}

amp_status ampi_reference_forward(const ampi_graph *graph, size_t n, const float *input,
                                  float *output, amp_error *error)
{
    const ampi_rows rows = { .values = input };
    reference_runner *runner = NULL;
    ampi_graph *own = NULL;
    amp_status status;

    AMPI_TRY(settled(&own, graph, error));
    status = make_runner(&runner, own, error);
    if (status == AMP_OK)
        run(runner, n, &rows, output);
    runner_free(runner);
    ampi_graph_free(own);
    return status;
}

const ampi_backend_api *ampi_backend_reference(void)
{
    static const ampi_backend_api api = {
        .chunk = chunk,
        .precision_here = precision_here,
        .program_create = program_create,
        .program_free = program_free,
        .runner_create = runner_create,
        .runner_free = runner_free,
        .runner_forward = runner_forward,
        .tape_create = ampi_reference_tape_create,
        .tape_free = ampi_reference_tape_free,
        .tape_bytes = ampi_reference_tape_bytes,
        .tape_forward = ampi_reference_tape_forward,
        .tape_backward = ampi_reference_tape_backward,
    };

    return &api;
}
