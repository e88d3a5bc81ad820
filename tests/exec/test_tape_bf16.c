/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tape_bf16.c - training in bf16: values and gradients of every layer against plain loops in
 * fp32, the same bits every time, and a clear refusal where it is not there.
 *
 * bf16 keeps 8 bits, 0.4 % at worst; distances are root mean square over a tensor, relative to it,
 * because single ReLUs near their kink go either way.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 6u
#define FORWARD_CLOSE 0.02
/* Of gradients: of one layer; of several without a kink; where a sum or a maximum may fall on
   either side of one; and of networks, where each flip moves whole gradients through batch norms
   over few values. */
#define ONE_CLOSE 0.006
#define SMOOTH_CLOSE 0.03
#define KINK_CLOSE 0.05
#define DEEP_CLOSE 0.2
#define STATISTICS_CLOSE 0.01

typedef struct tape_case {
    net_case net;
    double close; /* of gradients */
} tape_case;

static const tape_case cases[] = {
    { { { 3, 9, 7 }, "c16k3s1" }, ONE_CLOSE },
    { { { 6, 12, 12 }, "C33k3s2" }, ONE_CLOSE },
    { { { 32, 8, 8 }, "c32k3s1" }, ONE_CLOSE },
    { { { 48, 7, 9 }, "C64k3s1" }, ONE_CLOSE },
    { { { 64, 8, 8 }, "c128k3s2" }, ONE_CLOSE },
    { { { 32, 10, 12 }, "c64k3s1" }, ONE_CLOSE },
    { { { 96, 2, 4 }, "c32k3s1" }, ONE_CLOSE },
    { { { 192, 4, 8 }, "c224k3s1" }, ONE_CLOSE },
    { { { 64, 6, 64 }, "c96k3s1" }, ONE_CLOSE },
    { { { 32, 8, 68 }, "c32k3s1" }, ONE_CLOSE },
    { { { 32, 7, 8 }, "c32k3s1" }, ONE_CLOSE },
    { { { 17, 6, 6 }, "c5k1s1" }, ONE_CLOSE },
    { { { 16, 9, 9 }, "c32k1s2" }, ONE_CLOSE },
    { { { 3, 21, 17 }, "C8k7s2" }, ONE_CLOSE },
    { { { 16, 6, 6 }, "b" }, ONE_CLOSE },
    { { { 7, 5, 3 }, "br" }, ONE_CLOSE },
    { { { 3, 8, 8 }, "r" }, ONE_CLOSE },
    { { { 16, 8, 8 }, "(b)r" }, KINK_CLOSE },
    { { { 16, 9, 9 }, "m" }, KINK_CLOSE },
    { { { 16, 8, 8 }, "g" }, ONE_CLOSE },
    { { { 40, 1, 1 }, "l10" }, ONE_CLOSE },
    { { { 16, 4, 4 }, "gl7" }, ONE_CLOSE },
    { { { 16, 6, 6 }, "d" }, ONE_CLOSE },
    { { { 5, 6, 7 }, "c20k3s1d" }, ONE_CLOSE },
    { { { 6, 12, 12 }, "c16k3s1(bc32k3s1bc16k3s1)bc48k3s2bgl10" }, SMOOTH_CLOSE },
    { { { 6, 12, 12 }, "c16k3s1(brc16k3s1brdc16k3s1)brgl10" }, DEEP_CLOSE },
    { { { 3, 16, 16 }, "c32k3s1br(c32k3s1brc32k3s1b)r(c64k3s1brc32k3s1b)rc64k3s2brgl10" },
      DEEP_CLOSE },
};

typedef struct result {
    ampi_graph *graph;
    ampi_tape *tape;
    float *logits, *d_input;
    size_t n_in, n_out;
} result;

static const ampi_tape_options bf16 = { .threads = 2, .precision = AMPI_PRECISION_BF16 };
static const ampi_tape_options direct = { .threads = 1,
                                          .precision = AMPI_PRECISION_BF16,
                                          .exact = true };
static const ampi_tape_options plain = { .threads = 1, .backend = AMPI_BACKEND_REFERENCE };

static bool here(void)
{
    return ampi_precision_here(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_BF16);
}

static void result_make(result *r, const net_case *net, const ampi_tape_options *options)
{
    amp_error error = { 0 };
    float *input, *d_logits;

    r->graph = net_build(net);
    r->n_in = BATCH * shape_volume(ampi_graph_input(r->graph));
    r->n_out = BATCH * shape_volume(r->graph->nodes[r->graph->n_nodes - 1].shape);
    input = random_values(r->n_in, 5);
    d_logits = random_values(r->n_out, 6);
    r->logits = calloc(r->n_out, sizeof(float));
    r->d_input = calloc(r->n_in, sizeof(float));
    ck_assert(r->logits && r->d_input);
    ck_ok(ampi_tape_create_with(&r->tape, r->graph, BATCH, options, &error), &error);
    ck_ok(ampi_tape_forward(r->tape, input, 3, 4, r->logits, &error), &error);
    ck_ok(ampi_tape_backward(r->tape, d_logits, r->d_input, &error), &error);
    free(input);
    free(d_logits);
}

static void result_free(result *r)
{
    ampi_tape_free(r->tape);
    ampi_graph_free(r->graph);
    free(r->logits);
    free(r->d_input);
}

static double norm(const float *values, size_t count)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += (double)values[i] * (double)values[i];
    return sqrt(sum / (double)(count > 0 ? count : 1));
}

static void ck_close(double distance, double close, const char *text, const char *what)
{
    ck_assert_msg(distance < close, "%s: %s is %.4f apart, %.4f allowed", text, what, distance,
                  close);
}

/* Some gradients are zero by construction (of a bias before a batch norm): what is left of them is
   measured against the others. */
static void check_gradients(const result *got, const result *wanted, const tape_case *c)
{
    const ampi_graph *const graph = got->graph;
    double largest = 0.0;

    for (size_t i = 0; i < graph->n_tensors; i++)
        if (ampi_tape_gradient(wanted->tape, i))
            largest =
                fmax(largest, norm(ampi_tape_gradient(wanted->tape, i), graph->tensors[i].count));
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const float *const a = ampi_tape_gradient(got->tape, i);
        const float *const b = ampi_tape_gradient(wanted->tape, i);
        const size_t count = graph->tensors[i].count;
        if (!a)
            continue;
        const double size = norm(b, count), least = 0.1 * largest;
        ck_close(rms_distance(a, b, count) * size / fmax(size, least), c->close, c->net.text,
                 graph->tensors[i].name);
    }
}

static void check_statistics(const result *got, const result *wanted, const char *text)
{
    for (size_t i = 0; i < got->graph->n_tensors; i++) {
        const ampi_tensor *const a = &got->graph->tensors[i], *const b = &wanted->graph->tensors[i];
        if (a->rank == 0)
            ck_assert_int_eq(a->counter, b->counter);
        else if (!a->trainable)
            ck_close(rms_distance(a->data, b->data, a->count), STATISTICS_CLOSE, text, a->name);
    }
}

static void check_case(const tape_case *c, const ampi_tape_options *options)
{
    result got = { 0 }, wanted = { 0 };

    result_make(&got, &c->net, options);
    result_make(&wanted, &c->net, &plain);
    ck_close(rms_distance(got.logits, wanted.logits, got.n_out), FORWARD_CLOSE, c->net.text,
             "the result");
    ck_close(rms_distance(got.d_input, wanted.d_input, got.n_in), c->close, c->net.text,
             "the input's gradient");
    check_gradients(&got, &wanted, c);
    check_statistics(&got, &wanted, c->net.text);
    result_free(&got);
    result_free(&wanted);
}

START_TEST(close_to_fp32)
{
    if (!here())
        return;
    check_case(&cases[_i], &bf16);
    check_case(&cases[_i], &direct);
}
END_TEST

/* Otherwise it was not computed in bf16. */
START_TEST(bf16_is_bf16)
{
    result got = { 0 }, wanted = { 0 };

    if (!here())
        return;
    result_make(&got, &cases[2].net, &bf16);
    result_make(&wanted, &cases[2].net, &plain);
    ck_assert(rms_distance(got.logits, wanted.logits, got.n_out) > 1e-4);
    result_free(&got);
    result_free(&wanted);
}
END_TEST

START_TEST(same_bits_each_time)
{
    const tape_case *const c = &cases[_i];
    result a = { 0 }, b = { 0 };

    if (!here())
        return;
    result_make(&a, &c->net, &bf16);
    result_make(&b, &c->net, &bf16);
    ck_assert_mem_eq(a.logits, b.logits, a.n_out * sizeof(float));
    ck_assert_mem_eq(a.d_input, b.d_input, a.n_in * sizeof(float));
    for (size_t i = 0; i < a.graph->n_tensors; i++)
        if (ampi_tape_gradient(a.tape, i))
            ck_assert_mem_eq(ampi_tape_gradient(a.tape, i), ampi_tape_gradient(b.tape, i),
                             a.graph->tensors[i].count * sizeof(float));
    result_free(&a);
    result_free(&b);
}
END_TEST

static void check_refused(ampi_backend backend, ampi_precision precision, amp_status wanted)
{
    const ampi_tape_options options = { .backend = backend, .precision = precision };
    ampi_graph *const graph = net_build(&cases[0].net);
    amp_error error = { 0 };
    ampi_tape *tape = NULL;

    ck_fails(ampi_tape_create_with(&tape, graph, BATCH, &options, &error), wanted, &error);
    ck_assert_ptr_null(tape);
    ampi_graph_free(graph);
}

START_TEST(refused_where_it_is_not_there)
{
    check_refused(AMPI_BACKEND_REFERENCE, AMPI_PRECISION_BF16, AMP_E_UNSUPPORTED);
    check_refused(AMPI_BACKEND_REFERENCE, AMPI_PRECISION_INT8, AMP_E_ARGUMENT);
    check_refused(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_INT8, AMP_E_ARGUMENT);
    if (!here())
        check_refused(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_BF16, AMP_E_UNSUPPORTED);
}
END_TEST

static Suite *suite(void)
{
    const int n = (int)(sizeof cases / sizeof cases[0]);
    Suite *const all = suite_create("exec.tape_bf16");
    TCase *const tests = tcase_create("bf16");

    tcase_add_loop_test(tests, close_to_fp32, 0, n);
    tcase_add_test(tests, bf16_is_bf16);
    tcase_add_loop_test(tests, same_bits_each_time, 0, n);
    tcase_add_test(tests, refused_where_it_is_not_there);
    suite_add_tcase(all, tests);
    return all;
}

TEST_MAIN(suite)
