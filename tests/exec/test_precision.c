/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_precision.c - faster ways to compute stay as close to plain fp32 as they promise, repeat
 * themselves, and are refused where the processor lacks them.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define IMAGES 19 /* a piece and a rest, for each of two threads */

typedef struct way {
    ampi_precision precision;
    double distance; /* largest, relative to the largest logit */
} way;

static const way ways[] = { { AMPI_PRECISION_FAST, 1e-4 }, { AMPI_PRECISION_BF16, 6e-2 } };

static const char *const networks[] = {
    "wrn:depth=10,width=2,classes=10,size=16",
    "resnet18:classes=7,size=20,channels=1",
    "resnet34-imagenet:classes=10,size=65",
    "resnet50-imagenet:classes=10,size=64,anchored=0",
    "resnet9:width=20",
    "airbench:width=20,classes=7,size=23",
};

#define N_NETWORKS ((int)(sizeof networks / sizeof networks[0]))

typedef struct bench {
    ampi_graph *graph;
    size_t in, out;
    float *input, *wanted, *got, *again;
} bench;

static void bench_open(bench *b, const char *arch)
{
    b->graph = random_network(arch, 5);
    b->in = shape_volume(ampi_graph_input(b->graph));
    b->out = ampi_graph_classes(b->graph);
    b->input = random_values(IMAGES * b->in, 6);
    b->wanted = calloc(IMAGES * b->out, sizeof(float));
    b->got = calloc(IMAGES * b->out, sizeof(float));
    b->again = calloc(IMAGES * b->out, sizeof(float));
    ck_assert(b->wanted && b->got && b->again);
}

static void bench_close(bench *b)
{
    ampi_graph_free(b->graph);
    free(b->input);
    free(b->wanted);
    free(b->got);
    free(b->again);
}

static void run(const bench *b, ampi_precision precision, int32_t threads, size_t n, float *out)
{
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_program_create_as(&program, b->graph, AMPI_BACKEND_ONEDNN, precision, &error),
          &error);
    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    ck_ok(ampi_runner_forward(runner, threads, n, b->input, out, &error), &error);
    ampi_runner_free(runner);
    ampi_program_unref(program);
}

static void check_way(const bench *b, const way *how, int32_t threads, size_t n)
{
    double distance;

    run(b, AMPI_PRECISION_FP32, threads, n, b->wanted);
    run(b, how->precision, threads, n, b->got);
    run(b, how->precision, threads, n, b->again);
    ck_assert_mem_eq(b->got, b->again, n * b->out * sizeof(float));
    distance = relative_distance(b->got, b->wanted, n * b->out);
    ck_assert_msg(distance < how->distance, "%s, precision %d, %zu images: %g apart",
                  b->graph->arch, (int)how->precision, n, distance);
}

START_TEST(close_and_repeatable)
{
    bench b;

    bench_open(&b, networks[_i]);
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        if (!ampi_precision_here(AMPI_BACKEND_ONEDNN, ways[w].precision))
            continue;
        check_way(&b, &ways[w], 1, 1);
        check_way(&b, &ways[w], 2, 5);
        check_way(&b, &ways[w], 2, IMAGES);
    }
    bench_close(&b);
}
END_TEST

/* bf16 must differ from fp32: otherwise it was not computed in bf16. */
START_TEST(bf16_is_bf16)
{
    bench b;

    bench_open(&b, networks[0]);
    if (ampi_precision_here(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_BF16)) {
        run(&b, AMPI_PRECISION_FP32, 1, 3, b.wanted);
        run(&b, AMPI_PRECISION_BF16, 1, 3, b.got);
        ck_assert(relative_distance(b.got, b.wanted, 3 * b.out) > 1e-5);
    }
    bench_close(&b);
}
END_TEST

START_TEST(refused_where_it_is_not_there)
{
    ampi_graph *const graph = random_network(networks[0], 5);
    const ampi_backend backends[] = { AMPI_BACKEND_REFERENCE, AMPI_BACKEND_ONEDNN };

    for (size_t i = 0; i < 2; i++) {
        const bool here = ampi_precision_here(backends[i], AMPI_PRECISION_BF16);
        ampi_program *program = NULL;
        amp_error error = { 0 };
        const amp_status status =
            ampi_program_create_as(&program, graph, backends[i], AMPI_PRECISION_BF16, &error);
        ck_assert_int_eq(status, here ? AMP_OK : AMP_E_UNSUPPORTED);
        ck_assert_int_eq(program != NULL, here);
        ampi_program_unref(program);
    }
    ck_assert(!ampi_precision_here(AMPI_BACKEND_REFERENCE, AMPI_PRECISION_BF16));
    ck_assert(ampi_precision_here(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_FAST));
    ampi_graph_free(graph);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("exec.precision");
    TCase *const each = tcase_create("each network"), *const one = tcase_create("one network");

    tcase_add_loop_test(each, close_and_repeatable, 0, N_NETWORKS);
    tcase_add_test(one, bf16_is_bf16);
    tcase_add_test(one, refused_where_it_is_not_there);
    suite_add_tcase(all, each);
    suite_add_tcase(all, one);
    return all;
}

TEST_MAIN(suite)
