/* SPDX-License-Identifier: Apache-2.0 */
/* test_pass.c - the split network against the whole one, and that no chunk changes a bit. */
#include "../exec/random_graph.h"
#include "anchor/anchor.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 5u
#define K 3u

/* Builds without oneDNN leave out what plain loops are too slow for. */
#define FAST (AMPI_DNNL_MAJOR > 0)
#define DEFAULT (FAST ? AMPI_BACKEND_ONEDNN : AMPI_BACKEND_REFERENCE)

typedef struct fixture {
    ampi_graph *graph;
    ampi_network *network;
    size_t image; /* values */
    float *images, *anchors, *stems;
} fixture;

static fixture set_up(const char *arch, ampi_backend backend)
{
    fixture f = { .graph = random_network(arch, 7) };
    amp_error error = { 0 };

    ck_ok(ampi_network_create(&f.network, f.graph, backend, AMPI_PRECISION_FP32, &error), &error);
    f.image = ampi_shape_values(f.network->image);
    f.images = random_values(N * f.image, 1);
    f.anchors = random_values(K * f.image, 2);
    if (f.network->anchored) {
        f.stems = malloc(K * ampi_shape_values(f.network->stem) * sizeof(float));
        ck_ok(ampi_network_anchor_stems(f.network, 1, K, f.anchors, f.stems, &error), &error);
    }
    return f;
}

static void tear_down(fixture *f)
{
    ampi_network_unref(f->network);
    ampi_graph_free(f->graph);
    free(f->images);
    free(f->anchors);
    free(f->stems);
}

/* logits [n,max(k,1),classes], malloc'ed. */
static float *run(const fixture *f, size_t rows, int32_t threads, size_t n, size_t k)
{
    const size_t outputs = k ? k : 1;
    float *const logits = malloc(n * outputs * f->network->classes * sizeof *logits);
    ampi_pass *pass = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_pass_create(&pass, f->network, &error), &error);
    ampi_pass_set_rows(pass, rows);
    const ampi_anchors anchors = { k, f->stems };
    ck_ok(ampi_pass_run(pass, threads, n, f->images, &anchors, logits, &error), &error);
    ampi_pass_free(pass);
    return logits;
}

/* The whole network on [c, x - c], row = i * K + k. */
static float *run_whole(const fixture *f, ampi_backend backend)
{
    float *const logits = malloc(N * K * f->network->classes * sizeof *logits);
    float *const pair = malloc(2 * f->image * sizeof *pair);
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_program_create(&program, f->graph, backend, &error), &error);
    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    for (size_t r = 0; r < N * K; r++) {
        const float *const anchor = f->anchors + r % K * f->image;
        ampi_pair(1, f->image, f->images + r / K * f->image, anchor, anchor, pair);
        ck_ok(ampi_runner_forward(runner, 1, 1, pair, logits + r * f->network->classes, &error),
              &error);
    }
    ampi_runner_free(runner);
    ampi_program_unref(program);
    free(pair);
    return logits;
}

static void compare_with_whole(const char *arch, ampi_backend backend)
{
    fixture f = set_up(arch, backend);
    float *const split = run(&f, 0, 1, N, K), *const whole = run_whole(&f, backend);
    const double distance = relative_distance(split, whole, N * K * f.network->classes);

    ck_assert_msg(distance < 2e-5, "%s: %g apart", arch, distance);
    ck_assert_msg(distance > 0.0, "%s: the two ways gave the same bits, is one the other?", arch);
    free(split);
    free(whole);
    tear_down(&f);
}

START_TEST(split_equals_whole)
{
    compare_with_whole("wrn:depth=10,width=1,size=8", AMPI_BACKEND_REFERENCE);
    compare_with_whole("wrn:depth=10,width=2,size=8,classes=7,channels=1", DEFAULT);
    if (FAST) {
        compare_with_whole("wrn:depth=10,width=3,size=9", DEFAULT);
        compare_with_whole("resnet18:size=16", DEFAULT);
        compare_with_whole("resnet18-imagenet:size=64,classes=5", DEFAULT);
    }
}
END_TEST

static void all_cuts(const char *arch, ampi_backend backend)
{
    static const size_t rows[] = { 1, 2, 4, 6, 7, 15, 100 };
    fixture f = set_up(arch, backend);
    const size_t k = f.network->anchored ? K : 0, row = (k ? k : 1) * f.network->classes;
    float *const expected = run(&f, 0, 1, N, k);

    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (int32_t threads = 1; threads <= 2; threads++) {
            float *const got = run(&f, rows[r], threads, N, k);
            ck_assert_msg(memcmp(got, expected, N * row * sizeof *got) == 0,
                          "%s: rows %zu, threads %d", arch, rows[r], (int)threads);
            free(got);
        }
    }
    for (size_t n = 1; n < N; n++) {
        float *const got = run(&f, 0, 1, n, k);
        ck_assert_mem_eq(got, expected, n * row * sizeof *got);
        free(got);
    }
    free(expected);
    tear_down(&f);
}

START_TEST(cuts_change_no_bit)
{
    all_cuts("wrn:depth=10,width=1,size=8", AMPI_BACKEND_REFERENCE);
    all_cuts("wrn:depth=10,width=1,size=8,anchored=0", DEFAULT);
    if (FAST) {
        all_cuts("wrn:depth=10,width=1,size=16", DEFAULT);
        all_cuts("resnet18:size=16", DEFAULT);
    }
}
END_TEST

START_TEST(fewer_anchors_are_the_first_ones)
{
    fixture f = set_up("wrn:depth=10,width=1,size=8", DEFAULT);
    const size_t classes = f.network->classes;
    float *const three = run(&f, 0, 1, N, 3), *const two = run(&f, 0, 1, N, 2);

    for (size_t i = 0; i < N; i++)
        ck_assert_mem_eq(two + i * 2 * classes, three + i * 3 * classes, 2 * classes * sizeof *two);
    free(three);
    free(two);
    tear_down(&f);
}
END_TEST

/* W6 = [W3|W3] sees c + (x - c) = x: every anchor gives the plain network's logits. */
START_TEST(twice_the_same_weights)
{
    fixture f = set_up("wrn:depth=10,width=1,size=8", DEFAULT);
    fixture plain = set_up("wrn:depth=10,width=1,size=8,anchored=0", DEFAULT);
    const size_t classes = f.network->classes;
    amp_error error = { 0 };

    for (size_t t = 0; t < f.graph->n_tensors; t++) {
        ampi_tensor *const six = &f.graph->tensors[t];
        const ampi_tensor *const three = &plain.graph->tensors[t];
        if (six->count == three->count) {
            if (six->data)
                memcpy(six->data, three->data, six->count * sizeof(float));
            continue;
        }
        ck_assert_uint_eq(six->count, 2 * three->count);
        const size_t half = three->count / three->dims[0];
        for (size_t o = 0; o < three->dims[0]; o++)
            for (size_t h = 0; h < 2; h++)
                memcpy(six->data + (2 * o + h) * half, three->data + o * half,
                       half * sizeof(float));
    }
    ampi_network_unref(f.network);
    ck_ok(ampi_network_create(&f.network, f.graph, DEFAULT, AMPI_PRECISION_FP32, &error), &error);
    ck_ok(ampi_network_anchor_stems(f.network, 1, K, f.anchors, f.stems, &error), &error);
    float *const anchored = run(&f, 0, 1, N, K), *const expected = run(&plain, 0, 1, N, 0);
    for (size_t i = 0; i < N; i++) {
        double mean[10], sum, average;
        for (size_t k = 0; k < K; k++)
            ck_assert_double_lt(relative_distance(anchored + (i * K + k) * classes,
                                                  expected + i * classes, classes),
                                1e-5);
        ampi_consistency(anchored + i * K * classes, K, classes, mean, &sum, &average);
        ck_assert_double_lt(sum, 1e-5);
    }
    free(anchored);
    free(expected);
    tear_down(&f);
    tear_down(&plain);
}
END_TEST

START_TEST(pairs)
{
    const float x[6] = { 1, 2, 3, 4, 5, 6 }, c[6] = { 1, 1, 1, 2, 2, 2 };
    const float shown[6] = { 9, 9, 9, 8, 8, 8 };
    const float expected[12] = { 9, 9, 9, 0, 1, 2, 8, 8, 8, 2, 3, 4 };
    float out[12];

    ampi_pair(2, 3, x, c, shown, out);
    ck_assert_mem_eq(out, expected, sizeof out);
}
END_TEST

START_TEST(wrong_number_of_anchors)
{
    fixture f = set_up("wrn:depth=10,width=1,size=8", AMPI_BACKEND_REFERENCE);
    fixture plain = set_up("wrn:depth=10,width=1,size=8,anchored=0", AMPI_BACKEND_REFERENCE);
    ampi_pass *pass = NULL, *plain_pass = NULL;
    const ampi_anchors none = { 0, NULL }, one = { 1, f.stems };
    float logits[10];
    amp_error error = { 0 };

    ck_ok(ampi_pass_create(&pass, f.network, &error), &error);
    ck_ok(ampi_pass_create(&plain_pass, plain.network, &error), &error);
    ck_fails(ampi_pass_run(pass, 1, 1, f.images, &none, logits, &error), AMP_E_INTERNAL, &error);
    ck_fails(ampi_pass_run(plain_pass, 1, 1, f.images, &one, logits, &error), AMP_E_INTERNAL,
             &error);
    ampi_pass_free(pass);
    ampi_pass_free(plain_pass);
    tear_down(&f);
    tear_down(&plain);
}
END_TEST

static uint64_t fingerprint(const ampi_graph *graph)
{
    uint64_t out = 0;
    amp_error error;

    ck_ok(ampi_stem_fingerprint(graph, &out, &error), &error);
    return out;
}

/* Weights of the stem count, others do not. */
START_TEST(fingerprints)
{
    fixture f = set_up("resnet18:size=16", AMPI_BACKEND_REFERENCE);
    const uint64_t before = fingerprint(f.graph);
    static const char *const names[] = { "conv1.weight", "bn1.weight", "bn1.running_var",
                                         "layer1.0.conv1.weight" };

    for (size_t i = 0; i < 4; i++) {
        float *const value = ampi_graph_find(f.graph, names[i])->data;
        const float kept = value[1];
        value[1] = kept * 1.0001f + 1e-4f;
        ck_assert_msg((fingerprint(f.graph) == before) == (i == 3), "%s", names[i]);
        value[1] = kept;
    }
    ck_assert(fingerprint(f.graph) == before);
    ck_assert_uint_eq(ampi_stem_shape(f.graph).c, f.network->stem.c);
    ck_assert_uint_eq(ampi_stem_shape(f.graph).h, f.network->stem.h);
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { split_equals_whole,
                                   cuts_change_no_bit,
                                   fewer_anchors_are_the_first_ones,
                                   twice_the_same_weights,
                                   pairs,
                                   wrong_number_of_anchors,
                                   fingerprints,
                                   NULL };
    return test_suite("anchor.pass", tests);
}

TEST_MAIN(suite)
