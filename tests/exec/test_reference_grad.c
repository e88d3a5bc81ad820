/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reference_grad.c - the plain-loop back end's gradients against finite differences, and
 * batch norm and dropout as training has them.
 *
 * The function differentiated is r . logits with random r.  Values are float, so a central
 * difference over a step of 1/4096 is good to about 1e-3; kinks (relu, max pool) are kept away
 * from by comparing the differences to both sides.
 */
#include "exec/reference.h"
#include "random_graph.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 3u
#define SEED 9u
#define STEP 4u
#define MAX_TENSORS 64u
#define CLOSE 0.004

typedef struct bench {
    ampi_graph *graph;
    void *tape;
    float *gradients[MAX_TENSORS];
    float *input, *d_input, *logits, *weights; /* weights: r */
    size_t n_input, n_logits;
} bench;

static void bench_open(bench *b, ampi_graph *graph)
{
    amp_error error = { 0 };
    ampi_tape_setup setup = { .graph = graph, .gradients = b->gradients, .batch = BATCH };

    memset(b, 0, sizeof *b);
    b->graph = graph;
    ck_assert_uint_le(graph->n_tensors, MAX_TENSORS);
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (graph->tensors[i].trainable)
            b->gradients[i] = random_values(graph->tensors[i].count, i);
    b->n_input = BATCH * shape_volume(ampi_graph_input(graph));
    b->n_logits = BATCH * shape_volume(graph->nodes[graph->n_nodes - 1].shape);
    b->input = random_values(b->n_input, 101);
    b->d_input = random_values(b->n_input, 102);
    b->logits = random_values(b->n_logits, 103);
    b->weights = random_values(b->n_logits, 104);
    ck_ok(ampi_backend_reference()->tape_create(&b->tape, &setup, &error), &error);
}

static void bench_close(bench *b)
{
    ampi_backend_reference()->tape_free(b->tape);
    for (size_t i = 0; i < b->graph->n_tensors; i++)
        free(b->gradients[i]);
    free(b->input);
    free(b->d_input);
    free(b->logits);
    free(b->weights);
    ampi_graph_free(b->graph);
}

static void forward(bench *b)
{
    amp_error error = { 0 };

    ck_ok(ampi_backend_reference()->tape_forward(b->tape, b->input, SEED, STEP, b->logits, &error),
          &error);
}

static void backward(bench *b)
{
    amp_error error = { 0 };

    ck_ok(ampi_backend_reference()->tape_backward(b->tape, b->weights, b->d_input, &error), &error);
}

static double value(bench *b)
{
    double sum = 0.0;

    forward(b);
    for (size_t i = 0; i < b->n_logits; i++)
        sum += (double)b->weights[i] * (double)b->logits[i];
    return sum;
}

/* d value / d *x, where the value is `middle`; false where the steps to both sides disagree: a
   kink. */
static bool difference(bench *b, float *x, double middle, double *out)
{
    const float kept = *x;
    const double step = 1.0 / 4096.0;
    double up = 0.0;
    double down = 0.0;

    *x = kept + (float)step;
    up = value(b) - middle;
    *x = kept - (float)step;
    down = middle - value(b);
    *x = kept;
    *out = (up + down) / (2.0 * step);
    return fabs(up - down) < 0.05 * (fabs(up) + fabs(down)) + 1e-3 * step;
}

/* Every `every`-th element of an array, against the array's largest gradient.  One in twenty may
   be off by up to ten times as much: kinks too small for difference() to see. */
static void compare(bench *b, float *x, const float *gradient, size_t count, const char *name)
{
    const size_t every = count / 10 + 1;
    const double middle = value(b);
    double size = 1e-2;
    size_t smooth = 0;
    size_t tried = 0;
    size_t off = 0;

    for (size_t i = 0; i < count; i++)
        size = fmax(size, fabs((double)gradient[i]));
    for (size_t i = 0; i < count; i += every) {
        double expected = 0.0;
        tried++;
        if (!difference(b, &x[i], middle, &expected))
            continue;
        smooth++;
        off += fabs(expected - (double)gradient[i]) < CLOSE * size ? 0 : 1;
        ck_assert_msg(fabs(expected - (double)gradient[i]) < 10.0 * CLOSE * size,
                      "%s[%zu]: %g, by differences %g, largest %g", name, i, (double)gradient[i],
                      expected, size);
    }
    ck_assert_msg(2 * smooth > tried, "%s: %zu of %zu are smooth", name, smooth, tried);
    ck_assert_msg(off <= (smooth + 19) / 20, "%s: %zu of %zu are off", name, off, smooth);
}

/* All gradients of a graph, which is freed. */
static void check_gradients(ampi_graph *graph)
{
    bench b;

    random_fill(graph, 77);
    bench_open(&b, graph);
    forward(&b);
    backward(&b);
    compare(&b, b.input, b.d_input, b.n_input, "input");
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (graph->tensors[i].trainable)
            compare(&b, graph->tensors[i].data, b.gradients[i], graph->tensors[i].count,
                    graph->tensors[i].name);
    bench_close(&b);
}

static ampi_graph *start(uint32_t c, uint32_t h, uint32_t w)
{
    const ampi_shape shape = { c, h, w };
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_create(&graph, NULL, shape, &error), &error);
    return graph;
}

static int32_t conv(ampi_graph *graph, const char *name, int32_t input, ampi_conv how)
{
    amp_error error = { 0 };
    int32_t out = AMPI_NONE;

    ck_ok(ampi_graph_conv(graph, &out, name, input, &how, &error), &error);
    return out;
}

#define APPEND(function, ...)                                                                      \
    do {                                                                                           \
        amp_error append_error = { 0 };                                                            \
        ck_ok(function(__VA_ARGS__, &append_error), &append_error);                                \
    } while (0)

static const ampi_conv windows[] = {
    { 4, 3, 1, 1, false }, { 3, 3, 2, 1, true },  { 5, 1, 1, 0, true },
    { 2, 1, 2, 0, false }, { 3, 7, 2, 3, false }, { 2, 2, 3, 0, true },
};

START_TEST(gradients_of_convolutions)
{
    ampi_graph *const graph = start(3, 7, 8);

    conv(graph, "conv", 0, windows[_i]);
    check_gradients(graph);
}
END_TEST

START_TEST(gradients_of_linear)
{
    ampi_graph *const graph = start(6, 1, 1);
    int32_t x = 0;

    APPEND(ampi_graph_linear, graph, &x, "fc", x, 5);
    check_gradients(graph);
}
END_TEST

START_TEST(gradients_of_batch_norm)
{
    ampi_graph *const graph = start(4, 3, 2);
    int32_t x = 0;

    APPEND(ampi_graph_batch_norm, graph, &x, "bn", x);
    check_gradients(graph);
}
END_TEST

START_TEST(gradients_of_pools_and_relu)
{
    ampi_graph *const graph = start(3, 7, 6);
    int32_t x = 0;

    APPEND(ampi_graph_max_pool, graph, &x, x, 3, 2, 1);
    APPEND(ampi_graph_relu, graph, &x, x);
    APPEND(ampi_graph_avg_pool, graph, &x, x);
    check_gradients(graph);
}
END_TEST

START_TEST(gradients_of_dropout)
{
    ampi_graph *const graph = start(4, 5, 5);
    int32_t x = 0;

    APPEND(ampi_graph_dropout, graph, &x, x, 0.4f);
    x = conv(graph, "conv", x, (ampi_conv){ 2, 3, 1, 1, true });
    check_gradients(graph);
}
END_TEST

/* A value with three readers, and a sum of a value with itself. */
START_TEST(gradients_meet_where_a_value_is_shared)
{
    ampi_graph *const graph = start(3, 4, 4);
    const ampi_conv w = { 3, 3, 1, 1, false };
    const int32_t a = conv(graph, "a", 0, w);
    int32_t x = AMPI_NONE;

    APPEND(ampi_graph_add, graph, &x, conv(graph, "b", a, w), a);
    APPEND(ampi_graph_add, graph, &x, x, a);
    APPEND(ampi_graph_add, graph, &x, x, x);
    check_gradients(graph);
}
END_TEST

/* Fused parts and SCALE, as the rewrites make them. */
START_TEST(gradients_of_an_optimised_graph)
{
    ampi_graph *const graph = random_network("wrn:depth=10,width=1,size=5,channels=1", 3);
    ampi_graph *fast = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_optimise(&fast, graph, &error), &error);
    ampi_graph_free(graph);
    check_gradients(fast);
}
END_TEST

static const char *const nets[] = {
    "wrn:depth=10,width=1,size=5,channels=1,dropout=0.25",
    "wrn:depth=10,width=2,size=4,channels=1,anchored=0",
};

START_TEST(gradients_of_whole_networks)
{
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_build(&graph, NULL, nets[_i], &error), &error);
    check_gradients(graph);
}
END_TEST

/* ---- batch norm's statistics ---- */

START_TEST(running_statistics_follow_pytorch)
{
    ampi_graph *const graph = start(1, 1, 2);
    const float batch[6] = { 1, 2, 3, 4, 5, 9 }; /* mean 4, squares about it 40 */
    int32_t x = 0;
    bench b;

    APPEND(ampi_graph_batch_norm, graph, &x, "bn", x);
    random_fill(graph, 1);
    graph->tensors[0].data[0] = 2.0f;
    graph->tensors[1].data[0] = -1.0f;
    graph->tensors[2].data[0] = 10.0f;
    graph->tensors[3].data[0] = 5.0f;
    graph->tensors[4].counter = 6;
    bench_open(&b, graph);
    memcpy(b.input, batch, sizeof batch);
    forward(&b);
    /* Normalised by the biased variance 40/6; the running one takes 40/5. */
    ck_assert_double_eq_tol((double)b.logits[0], 2.0 * -3.0 / sqrt(40.0 / 6.0 + 1e-5) - 1.0, 1e-6);
    ck_assert_double_eq_tol((double)b.logits[5], 2.0 * 5.0 / sqrt(40.0 / 6.0 + 1e-5) - 1.0, 1e-6);
    ck_assert_double_eq_tol((double)graph->tensors[2].data[0], 0.9 * 10.0 + 0.1 * 4.0, 1e-6);
    ck_assert_double_eq_tol((double)graph->tensors[3].data[0], 0.9 * 5.0 + 0.1 * 8.0, 1e-6);
    ck_assert_int_eq(graph->tensors[4].counter, 7);
    bench_close(&b);
}
END_TEST

START_TEST(one_value_a_channel_is_refused)
{
    ampi_graph *const graph = start(2, 1, 1);
    const ampi_tape_setup setup = { .graph = graph, .batch = 1 };
    amp_error error = { 0 };
    void *tape = NULL;
    int32_t x = 0;

    APPEND(ampi_graph_batch_norm, graph, &x, "bn", x);
    ck_fails(ampi_backend_reference()->tape_create(&tape, &setup, &error), AMP_E_SHAPE, &error);
    ck_assert_ptr_null(tape);
    ampi_graph_free(graph);
}
END_TEST

/* ---- dropout ---- */

START_TEST(dropout_keeps_the_mean_and_is_keyed_by_the_step)
{
    ampi_graph *const graph = start(50, 20, 20);
    double sum = 0.0;
    size_t zeros = 0;
    float first = 0.0f;
    int32_t x = 0;
    bench b;

    APPEND(ampi_graph_dropout, graph, &x, x, 0.3f);
    bench_open(&b, graph);
    for (size_t i = 0; i < b.n_input; i++)
        b.input[i] = 1.0f;
    forward(&b);
    for (size_t i = 0; i < b.n_logits; i++) {
        sum += (double)b.logits[i];
        zeros += b.logits[i] > 0.0f ? 0 : 1;
        first = b.logits[i] > 0.0f ? b.logits[i] : first;
    }
    /* 60,000 draws: five standard deviations are 0.0094. */
    ck_assert_double_eq_tol(sum / (double)b.n_logits, 1.0, 0.0135);
    ck_assert_double_eq_tol((double)zeros / (double)b.n_logits, 0.3, 0.0095);
    ck_assert_double_eq_tol((double)first, 1.0 / 0.7, 1e-4);
    memcpy(b.d_input, b.logits, b.n_logits * sizeof(float));
    forward(&b);
    ck_assert_mem_eq(b.d_input, b.logits, b.n_logits * sizeof(float));
    APPEND(ampi_backend_reference()->tape_forward, b.tape, b.input, SEED, STEP + 1, b.logits);
    ck_assert_mem_ne(b.d_input, b.logits, b.n_logits * sizeof(float));
    bench_close(&b);
}
END_TEST

static Suite *grad_suite(void)
{
    Suite *const suite = suite_create("exec.reference_grad");
    TCase *const tests = tcase_create("grad");

    tcase_add_loop_test(tests, gradients_of_convolutions, 0,
                        (int)(sizeof windows / sizeof windows[0]));
    tcase_add_test(tests, gradients_of_linear);
    tcase_add_test(tests, gradients_of_batch_norm);
    tcase_add_test(tests, gradients_of_pools_and_relu);
    tcase_add_test(tests, gradients_of_dropout);
    tcase_add_test(tests, gradients_meet_where_a_value_is_shared);
    tcase_add_test(tests, gradients_of_an_optimised_graph);
    tcase_add_loop_test(tests, gradients_of_whole_networks, 0, (int)(sizeof nets / sizeof nets[0]));
    tcase_add_test(tests, running_statistics_follow_pytorch);
    tcase_add_test(tests, one_value_a_channel_is_refused);
    tcase_add_test(tests, dropout_keeps_the_mean_and_is_keyed_by_the_step);
    suite_add_tcase(suite, tests);
    return suite;
}

TEST_MAIN(grad_suite)
