/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_watch.c - a watched runner notes the steps of its first thread, and stops when told to.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define NET "wrn:depth=10,width=2,classes=10,size=16"
#define MOST 40u

typedef struct fixture {
    ampi_program *program;
    ampi_runner *runner;
    float *input, *output, *wanted;
    size_t out; /* values an image */
    ampi_watch watch;
} fixture;

static fixture set_up(void)
{
    ampi_graph *const graph = random_network(NET, 3);
    fixture f = { 0 };
    amp_error error = { 0 };

    ck_ok(ampi_program_create(&f.program, graph, AMPI_BACKEND_ONEDNN, &error), &error);
    ck_ok(ampi_runner_create(&f.runner, f.program, &error), &error);
    f.watch.context = graph->context;
    f.out = shape_volume(ampi_program_output(f.program));
    f.input = random_values(MOST * shape_volume(ampi_program_input(f.program)), 4);
    f.output = calloc(MOST * f.out, sizeof(float));
    f.wanted = calloc(MOST * f.out, sizeof(float));
    ck_assert(f.output && f.wanted);
    ck_ok(ampi_runner_forward(f.runner, 1, MOST, f.input, f.wanted, &error), &error);
    ampi_graph_free(graph);
    return f;
}

static void tear_down(fixture *f)
{
    ampi_watch_clear(&f->watch);
    ampi_runner_free(f->runner);
    ampi_program_unref(f->program);
    free(f->input);
    free(f->output);
    free(f->wanted);
}

/* One run from 0; the same bits as unwatched. */
static void run(fixture *f, int32_t threads, size_t n)
{
    amp_error error = { 0 };

    ampi_watch_restart(&f->watch);
    ck_ok(ampi_runner_forward(f->runner, threads, n, f->input, f->output, &error), &error);
    ck_assert_mem_eq(f->output, f->wanted, n * f->out * sizeof(float));
}

/* Images that the calls of the steps named `name` of kind `what` worked on. */
static size_t images_of(const ampi_watch *watch, const char *name, const char *what)
{
    size_t images = 0;

    for (size_t i = 0; i < watch->count; i++) {
        const ampi_watch_row *const row = &watch->rows[i];
        if (strcmp(row->name, name) == 0 && strcmp(row->what, what) == 0)
            images += (size_t)row->rows * row->calls;
        ck_assert(row->calls > 0 || !(row->seconds > 0.0));
    }
    return images;
}

START_TEST(every_image_is_noted)
{
    fixture f = set_up();
    amp_error error = { 0 };

    ck_ok(ampi_runner_watch(f.runner, &f.watch, &error), &error);
    for (size_t n = 1; n <= MOST; n += 13) {
        run(&f, 1, n);
        ck_assert_uint_eq(images_of(&f.watch, "fc", "convolution"), n);
        ck_assert_uint_eq(images_of(&f.watch, "block2.layer.0.conv1", "convolution"), n);
        ck_assert_uint_eq(images_of(&f.watch, "block1.layer.0.bn1", "convolution"), 0);
    }
    tear_down(&f);
}
END_TEST

/* Few images are the team's; of many the first of two lanes has half. */
START_TEST(teams_and_shares)
{
    fixture f = set_up();
    amp_error error = { 0 };

    ck_ok(ampi_runner_watch(f.runner, &f.watch, &error), &error);
    run(&f, 2, 5);
    ck_assert_uint_eq(images_of(&f.watch, "fc", "convolution"), 5);
    run(&f, 2, 39);
    ck_assert_uint_eq(images_of(&f.watch, "fc", "convolution"), 20);
    tear_down(&f);
}
END_TEST

START_TEST(stops_when_told_to)
{
    fixture f = set_up();
    amp_error error = { 0 };
    size_t rows;

    ck_ok(ampi_runner_watch(f.runner, &f.watch, &error), &error);
    run(&f, 1, 3);
    rows = f.watch.count;
    ck_assert_uint_gt(rows, 10);
    run(&f, 1, 3);
    ck_assert_uint_eq(f.watch.count, rows);
    ck_ok(ampi_runner_watch(f.runner, NULL, &error), &error);
    run(&f, 1, 3);
    ck_assert_uint_eq(images_of(&f.watch, "fc", "convolution"), 0);
    tear_down(&f);
}
END_TEST

START_TEST(plain_loops_have_no_steps)
{
    ampi_graph *const graph = random_network(NET, 3);
    ampi_watch watch = { .context = graph->context };
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_program_create(&program, graph, AMPI_BACKEND_REFERENCE, &error), &error);
    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    ck_fails(ampi_runner_watch(runner, &watch, &error), AMP_E_UNSUPPORTED, &error);
    ampi_runner_free(runner);
    ampi_program_unref(program);
    ampi_graph_free(graph);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { every_image_is_noted, teams_and_shares, stops_when_told_to,
                                   plain_loops_have_no_steps, NULL };
    return test_suite("exec.watch", tests);
}

TEST_MAIN(suite)
