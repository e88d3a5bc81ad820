/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_large.c - ten million scores whose metrics are known in closed form.
 *
 * ID takes the odd numbers and OOD the even ones of 0..2n-1, in a scattered order: the i-th ID
 * score beats i + 1 of the n OOD scores, so AUROC = (n + 1) / 2n.
 */
#include "eval/eval_internal.h"
#include "support.h"

#include <stdlib.h>

enum { N = 5000000 };
/* Odd and no multiple of 5, so multiplying by it permutes 0..N-1. */
#define STRIDE UINT64_C(2654435761)

START_TEST(interleaved)
{
    double *const in = malloc(N * sizeof *in), *const out = malloc(N * sizeof *out);
    amp_ood_metrics metrics = { .struct_size = sizeof metrics };
    amp_error error;
    double threshold;

    ck_assert(in && out);
    for (uint64_t i = 0; i < N; i++) {
        const double place = (double)(i * STRIDE % N);
        in[i] = 2 * place + 1;
        out[i] = 2 * place;
    }
    ck_ok(amp_ood_evaluate(in, N, out, N, NULL, &metrics, &error), &error);
    ck_assert_double_eq_tol(metrics.auroc, (N + 1.0) / (2.0 * N), 1e-15);
    /* The lowest .05 N ID scores go: t = 2 (.05 N) + 1, and OOD from 2 (.05 N) + 2 up stay. */
    ck_assert(metrics.threshold == 0.1 * N + 1);
    ck_assert_double_eq_tol(metrics.tpr, 0.95, 1e-15);
    ck_assert_double_eq_tol(metrics.fpr, 0.95 - 1.0 / N, 1e-15);
    ck_assert_double_eq_tol(metrics.dtacc, 0.5 + 0.5 / N, 1e-15);
    /* Each ID score enters at precision k / (2k - 1). */
    ck_assert_double_eq_tol(metrics.aupr_in, 0.5, 1e-5);
    ck_ok(amp_threshold_at_tpr(in, N, .95, &threshold, &error), &error);
    ck_assert(threshold == metrics.threshold);
    free(out);
    free(in);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { interleaved, NULL };
    return test_suite("eval.large", tests);
}

TEST_MAIN(suite)
