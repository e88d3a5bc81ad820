/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_onednn.c - oneDNN against plain loops: operations one by one, then random graphs; forward,
 * training forward and backward, with and without Winograd.
 *
 * A ReLU or a maximum within rounding of its kink may go either way; so a graph has three inputs to
 * agree on one.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 5u
#define CLOSE 1e-4          /* forward */
#define GRADIENT_CLOSE 5e-4 /* small batch norms take digits away */

static const net_case cases[] = {
    { { 3, 9, 7 }, "c16k3s1" },
    { { 6, 12, 12 }, "c33k3s2" },
    { { 32, 8, 8 }, "c32k3s1" },
    { { 32, 8, 8 }, "C32k3s1" },
    { { 48, 7, 9 }, "c64k3s1" },
    { { 64, 8, 8 }, "c64k3s2" },
    { { 17, 6, 6 }, "c5k1s1" },
    { { 16, 9, 9 }, "c32k1s2" },
    { { 3, 21, 17 }, "C8k7s2" },
    { { 4, 10, 10 }, "c4k5s1" },
    { { 16, 4, 4 }, "b" },
    { { 7, 5, 3 }, "b" },
    { { 16, 4, 4 }, "br" },
    { { 7, 5, 3 }, "brr" },
    { { 3, 8, 8 }, "r" },
    { { 16, 8, 8 }, "(b)" },
    { { 16, 8, 8 }, "(b)r" },
    { { 9, 8, 8 }, "(c9k3s1b)r" },
    { { 16, 9, 9 }, "m" },
    { { 5, 12, 7 }, "rm" },
    { { 16, 8, 8 }, "g" },
    { { 5, 3, 7 }, "g" },
    { { 40, 1, 1 }, "l10" },
    { { 16, 4, 4 }, "gl7" },
    { { 16, 6, 6 }, "d" },
    { { 5, 6, 7 }, "c20k3s1d" },
    { { 16, 8, 8 }, "((brc16k3s1)brc16k3s1)" },
    { { 6, 12, 12 }, "c16k3s1(brc16k3s1brdc16k3s1)(brc16k3s1brdc16k3s1)brgl10" },
    { { 3, 16, 16 }, "c32k3s1br(c32k3s1brc32k3s1b)r(c32k3s1brc32k3s1b)rgl10" },
    { { 3, 31, 29 }, "c24k7s2brm(c24k1s1brc24k3s1brc24k1s1b)rc40k3s2brgl5" },
};

#define N_CASES ((int)(sizeof cases / sizeof cases[0]))

/* ---- comparing ------------------------------------------------------------------------------- */

typedef struct result {
    ampi_graph *graph;
    ampi_tape *tape;
    float *output, *logits, *d_input;
    size_t n_in, n_out;
} result;

static void result_make(result *r, const net_case *net, const ampi_tape_options *options,
                        uint64_t seed)
{
    amp_error error = { 0 };
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    float *input, *d_logits;

    r->graph = net_build(net);
    r->n_in = BATCH * shape_volume(ampi_graph_input(r->graph));
    r->n_out = BATCH * shape_volume(r->graph->nodes[r->graph->n_nodes - 1].shape);
    input = random_values(r->n_in, seed);
    d_logits = random_values(r->n_out, seed + 1);
    r->output = calloc(r->n_out, sizeof(float));
    r->logits = calloc(r->n_out, sizeof(float));
    r->d_input = calloc(r->n_in, sizeof(float));
    ck_ok(ampi_program_create(&program, r->graph, options->backend, &error), &error);
    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    ck_ok(ampi_runner_forward(runner, 2, BATCH, input, r->output, &error), &error);
    ck_ok(ampi_tape_create_with(&r->tape, r->graph, BATCH, options, &error), &error);
    ck_ok(ampi_tape_forward(r->tape, input, 3, 4, r->logits, &error), &error);
    ck_ok(ampi_tape_backward(r->tape, d_logits, r->d_input, &error), &error);
    ampi_runner_free(runner);
    ampi_program_unref(program);
    free(input);
    free(d_logits);
}

static void result_free(result *r)
{
    ampi_tape_free(r->tape);
    ampi_graph_free(r->graph);
    free(r->output);
    free(r->logits);
    free(r->d_input);
}

static double larger(double a, double b)
{
    return b > a || isnan(b) ? b : a;
}

static double largest_value(const float *values, size_t count)
{
    double largest = 1e-30;

    for (size_t i = 0; i < count; i++)
        largest = larger(largest, fabs((double)values[i]));
    return largest;
}

/* Some gradients are zero by construction (of a bias before a batch norm): what is left of them is
   measured against the others. */
static double gradient_distance(const result *got, const result *wanted)
{
    const ampi_graph *const graph = got->graph;
    double largest = 0.0, worst = 0.0;

    for (size_t i = 0; i < graph->n_tensors; i++)
        if (ampi_tape_gradient(wanted->tape, i))
            largest = larger(largest, largest_value(ampi_tape_gradient(wanted->tape, i),
                                                    graph->tensors[i].count));
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const float *const a = ampi_tape_gradient(got->tape, i);
        const float *const b = ampi_tape_gradient(wanted->tape, i);
        const size_t count = graph->tensors[i].count;
        if (!a)
            continue;
        const double size = larger(0.05 * largest, largest_value(b, count));
        worst = larger(worst, relative_distance(a, b, count) * largest_value(b, count) / size);
    }
    return worst;
}

/* Largest distance of any gradient; forward values must always agree. */
static double compare(const result *got, const result *wanted, const char *text)
{
    double worst = relative_distance(got->d_input, wanted->d_input, got->n_in);

    ck_assert_msg(relative_distance(got->output, wanted->output, got->n_out) < CLOSE, "%s", text);
    ck_assert_msg(relative_distance(got->logits, wanted->logits, got->n_out) < CLOSE, "%s", text);
    for (size_t i = 0; i < got->graph->n_tensors; i++) {
        const ampi_tensor *const a = &got->graph->tensors[i], *const b = &wanted->graph->tensors[i];
        if (ampi_tape_gradient(got->tape, i))
            continue;
        if (a->rank == 0)
            ck_assert_int_eq(a->counter, b->counter);
        else
            ck_assert_msg(relative_distance(a->data, b->data, a->count) < CLOSE, "%s", a->name);
    }
    return larger(worst, gradient_distance(got, wanted));
}

static void check_net(const net_case *net, bool exact)
{
    const ampi_tape_options fast = { .threads = 2, .backend = AMPI_BACKEND_ONEDNN, .exact = exact };
    const ampi_tape_options plain = { .threads = 1, .backend = AMPI_BACKEND_REFERENCE };
    double worst = 1.0;

    for (uint64_t seed = 1; seed <= 3 && !(worst < GRADIENT_CLOSE); seed++) {
        result got = { 0 }, wanted = { 0 };
        result_make(&got, net, &fast, 100 * seed);
        result_make(&wanted, net, &plain, 100 * seed);
        worst = compare(&got, &wanted, net->text);
        result_free(&got);
        result_free(&wanted);
    }
    ck_assert_msg(worst < GRADIENT_CLOSE, "%s: gradients %g apart", net->text, worst);
}

START_TEST(operations)
{
    check_net(&cases[_i], false);
    check_net(&cases[_i], true);
}
END_TEST

/* ---- random graphs --------------------------------------------------------------------------- */

static void add_unit(char *text, size_t size, uint32_t channels, ampi_rng *rng)
{
    const size_t at = strlen(text);
    const uint32_t kernel = 1 + 2 * ampi_rng_below(rng, 2);

    switch (ampi_rng_below(rng, 6)) {
    case 0:
        snprintf(text + at, size - at, "(brc%uk3s1brc%uk%us1)", channels, channels, kernel);
        break;
    case 1:
        snprintf(text + at, size - at, "(c%uk%us1brc%uk3s1b)r", channels, kernel, channels);
        break;
    case 2:
        snprintf(text + at, size - at, "br(dc%uk3s1)", channels);
        break;
    case 3:
        snprintf(text + at, size - at, "((c%uk1s1b)C%uk3s1)b", channels, channels);
        break;
    case 4:
        snprintf(text + at, size - at, "br(r)");
        break;
    default:
        snprintf(text + at, size - at, "rm");
        break;
    }
}

START_TEST(random_graphs)
{
    static const uint32_t widths[] = { 7, 16, 24, 32, 40, 48 };
    ampi_rng rng = ampi_rng_make((uint64_t)_i, AMPI_RNG_TEST, 77, 0);
    const uint32_t channels = widths[ampi_rng_below(&rng, 6)];
    net_case net = { { 1 + ampi_rng_below(&rng, 7), 5 + ampi_rng_below(&rng, 9),
                       5 + ampi_rng_below(&rng, 9) },
                     NULL };
    char text[512];

    snprintf(text, sizeof text, "c%uk3s1", channels);
    for (uint32_t i = 0; i < 3; i++)
        add_unit(text, sizeof text, channels, &rng);
    snprintf(text + strlen(text), sizeof text - strlen(text), "gl%u", 2 + (unsigned)_i);
    net.text = text;
    check_net(&net, _i % 2 == 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("exec.onednn");
    TCase *const tests = tcase_create("onednn");

    tcase_add_loop_test(tests, operations, 0, N_CASES);
    tcase_add_loop_test(tests, random_graphs, 0, 20);
    suite_add_tcase(all, tests);
    return all;
}

TEST_MAIN(suite)
