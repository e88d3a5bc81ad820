/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_onednn_memory.c - each allocation failing in turn while a network is prepared, run and
 * trained on oneDNN; and what else can be refused.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <stdlib.h>

#define BATCH 3u

static amp_status make_graph(ampi_graph **out, amp_context *context, amp_error *error)
{
    const ampi_shape input = { 3, 6, 6 };
    const ampi_conv first = { 18, 3, 1, 1, false }, second = { 18, 3, 1, 1, true };
    int32_t x = 0, side;

    AMPI_TRY(ampi_graph_create(out, context, input, error));
    AMPI_TRY(ampi_graph_conv(*out, &side, "a", x, &first, error));
    AMPI_TRY(ampi_graph_batch_norm(*out, &x, "b", side, error));
    AMPI_TRY(ampi_graph_relu(*out, &x, x, error));
    AMPI_TRY(ampi_graph_dropout(*out, &x, x, 0.5F, error));
    AMPI_TRY(ampi_graph_conv(*out, &x, "c", x, &second, error));
    AMPI_TRY(ampi_graph_add(*out, &x, side, x, error));
    AMPI_TRY(ampi_graph_batch_norm(*out, &x, "d", x, error));
    AMPI_TRY(ampi_graph_max_pool(*out, &x, x, 3, 2, 1, error));
    AMPI_TRY(ampi_graph_avg_pool(*out, &x, x, error));
    AMPI_TRY(ampi_graph_linear(*out, &x, "e", x, 5, error));
    random_fill(*out, 1);
    return AMP_OK;
}

static amp_status infer(const ampi_graph *graph, const float *input, amp_error *error)
{
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    float output[BATCH * 5];
    amp_status status = ampi_program_create(&program, graph, AMPI_BACKEND_ONEDNN, error);

    if (status == AMP_OK)
        status = ampi_runner_create(&runner, program, error);
    for (size_t n = 1; n <= BATCH && status == AMP_OK; n++)
        status = ampi_runner_forward(runner, 2, n, input, output, error);
    ampi_runner_free(runner);
    ampi_program_unref(program);
    return status;
}

static amp_status train(ampi_graph *graph, const float *input, amp_error *error)
{
    ampi_tape *tape = NULL;
    float logits[BATCH * 5], d_input[BATCH * 3 * 6 * 6];
    amp_status status = ampi_tape_create(&tape, graph, BATCH, 1, AMPI_BACKEND_ONEDNN, error);

    if (status == AMP_OK)
        status = ampi_tape_forward(tape, input, 1, 1, logits, error);
    if (status == AMP_OK)
        status = ampi_tape_backward(tape, logits, d_input, error);
    ampi_tape_free(tape);
    return status;
}

static amp_status attempt(amp_context *context, void *user, amp_error *error)
{
    ampi_graph *graph = NULL;
    amp_status status = make_graph(&graph, context, error);

    if (status == AMP_OK)
        status = infer(graph, user, error);
    if (status == AMP_OK)
        status = train(graph, user, error);
    ampi_graph_free(graph);
    return status;
}

START_TEST(out_of_memory)
{
    float *const input = random_values(BATCH * 3 * 6 * 6, 2);

    test_out_of_memory(attempt, input);
    free(input);
}
END_TEST

START_TEST(refusals)
{
    ampi_graph *graph = NULL, *optimised = NULL;
    ampi_tape *tape = NULL;
    amp_error error = { 0 };

    ck_ok(make_graph(&graph, NULL, &error), &error);
    ck_fails(ampi_tape_create(&tape, graph, 0, 1, AMPI_BACKEND_ONEDNN, &error), AMP_E_LIMIT,
             &error);
    ck_assert_ptr_null(tape);
    ck_fails(ampi_tape_create(&tape, graph, SIZE_MAX, 1, AMPI_BACKEND_ONEDNN, &error), AMP_E_LIMIT,
             &error);
    ck_ok(ampi_graph_optimise(&optimised, graph, &error), &error);
    ck_fails(ampi_tape_create(&tape, optimised, 2, 1, AMPI_BACKEND_ONEDNN, &error),
             AMP_E_UNSUPPORTED, &error);
    ampi_graph_free(optimised);
    ampi_graph_free(graph);
}
END_TEST

/* A batch norm over one value a channel has no variance. */
START_TEST(single_value)
{
    const ampi_shape input = { 4, 1, 1 };
    ampi_graph *graph = NULL;
    ampi_tape *tape = NULL;
    amp_error error = { 0 };
    int32_t x = 0;

    ck_ok(ampi_graph_create(&graph, NULL, input, &error), &error);
    ck_ok(ampi_graph_batch_norm(graph, &x, "b", x, &error), &error);
    ck_fails(ampi_tape_create(&tape, graph, 1, 1, AMPI_BACKEND_ONEDNN, &error), AMP_E_SHAPE,
             &error);
    ck_fails(ampi_tape_create(&tape, graph, 1, 1, AMPI_BACKEND_REFERENCE, &error), AMP_E_SHAPE,
             &error);
    ampi_graph_free(graph);
}
END_TEST

/* The weights of two dimensions or more to a file, which is what the graph has of them then. */
static void leave_in_file(ampi_graph *graph, const char *path)
{
    float *const values = calloc(graph->n_values, sizeof *values);
    ampi_file *file = NULL;
    size_t n = 0;
    amp_error error;

    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < graph->n_tensors; i++)
        for (size_t k = 0; graph->tensors[i].rank >= 2 && k < graph->tensors[i].count; k++)
            values[n++] = graph->tensors[i].data[k];
    test_write_file(path, values, n * sizeof *values);
    free(values);
    ck_ok(ampi_file_open(&file, graph->context, path, n * sizeof *values, "model", &error), &error);
    n = 0;
    for (size_t i = 0; i < graph->n_tensors; i++) {
        ampi_tensor *const tensor = &graph->tensors[i];
        if (tensor->rank < 2)
            continue;
        ampi_free(graph->context, tensor->data);
        tensor->data = NULL;
        tensor->file = ampi_file_ref(file);
        tensor->offset = n * sizeof(float);
        n += tensor->count;
    }
    ampi_file_unref(file);
}

/* Who asks again and again for what a file no longer gives takes no memory by it. */
START_TEST(failing_for_ever_takes_nothing)
{
    const char *const path = test_scratch_path("weights");
    test_memory memory = { 0 };
    amp_context *const context = test_context(&memory);
    float *const input = random_values(BATCH * 3 * 6 * 6, 2);
    ampi_graph *graph = NULL;
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    float output[BATCH * 5];
    size_t live = 0;
    amp_error error;

    ck_ok(make_graph(&graph, context, &error), &error);
    leave_in_file(graph, path);
    ck_ok(ampi_program_create(&program, graph, AMPI_BACKEND_ONEDNN, &error), &error);
    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    test_write_file(path, "gone", 4);
    for (int i = 0; i < 200; i++) {
        ck_fails(ampi_runner_forward(runner, 1, 1, input, output, &error), AMP_E_IO, &error);
        live = i == 0 ? memory.live : live;
        ck_assert_uint_eq(memory.live, live);
    }
    ampi_runner_free(runner);
    ampi_program_unref(program);
    ampi_graph_free(graph);
    amp_context_unref(context);
    ck_assert_uint_eq(memory.live, 0);
    free(input);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { out_of_memory, refusals, single_value,
                                   failing_for_ever_takes_nothing, NULL };

    return test_suite("exec.onednn_memory", tests);
}

TEST_MAIN(suite)
