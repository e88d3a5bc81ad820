/* SPDX-License-Identifier: Apache-2.0 */
/* test_keys.c - scores as ordered integers: order, ties, extremes, and the sort against qsort. */
#include "eval/eval_internal.h"
#include "support.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const double rising[] = { -DBL_MAX, -1e300,  -2,   -1.5, -1,  -DBL_MIN, -5e-324, 0,
                                 5e-324,   DBL_MIN, 1e-9, 1,    1.5, 2,        1e300,   DBL_MAX };

START_TEST(order)
{
    for (size_t i = 0; i < LENGTH(rising); i++) {
        for (size_t j = 0; j < LENGTH(rising); j++) {
            const uint64_t a = ampi_eval_key(rising[i]), b = ampi_eval_key(rising[j]);
            ck_assert_int_eq(a < b, i < j);
            ck_assert_int_eq(a == b, i == j);
        }
    }
}
END_TEST

START_TEST(round_trip)
{
    for (size_t i = 0; i < LENGTH(rising); i++)
        ck_assert(ampi_eval_score(ampi_eval_key(rising[i])) == rising[i]);
}
END_TEST

START_TEST(zeros_are_one_score)
{
    ck_assert(ampi_eval_key(-0.0) == ampi_eval_key(0.0));
    ck_assert(!signbit(ampi_eval_score(ampi_eval_key(-0.0))));
}
END_TEST

static int compare(const void *a, const void *b)
{
    double x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static double draw(ampi_rng *rng, uint32_t kind)
{
    switch (kind) {
    case 0:
        return ampi_rng_normal(rng);
    case 1:
        return (double)ampi_rng_below(rng, 5) - 2; /* many ties */
    case 2:
        return ldexp(ampi_rng_normal(rng), (int)ampi_rng_below(rng, 2000) - 1000);
    default:
        return 0.125;
    }
}

START_TEST(sorts_as_qsort)
{
    enum { MOST = 4096 };
    static double scores[MOST];
    static uint64_t keys[MOST], scratch[MOST];

    for (uint32_t trial = 0; trial < 200; trial++) {
        ampi_rng rng = ampi_rng_make(11, AMPI_RNG_TEST, trial, 0);
        const size_t n = trial < 20 ? trial + 1 : 1 + ampi_rng_below(&rng, MOST);
        for (size_t i = 0; i < n; i++)
            scores[i] = draw(&rng, trial % 4);
        ampi_eval_sort(keys, scratch, scores, n);
        qsort(scores, n, sizeof *scores, compare);
        for (size_t i = 0; i < n; i++)
            ck_assert(ampi_eval_score(keys[i]) == scores[i]);
    }
}
END_TEST

START_TEST(counts)
{
    const double scores[] = { 1, 1, 2, 2, 2, 5 };
    const double probes[] = { 0, 1, 1.5, 2, 5, 6 };
    const size_t below[] = { 0, 0, 2, 2, 5, 6 }, upto[] = { 0, 2, 2, 5, 6, 6 };
    uint64_t keys[6], scratch[6];

    ampi_eval_sort(keys, scratch, scores, 6);
    for (size_t i = 0; i < LENGTH(probes); i++) {
        const uint64_t key = ampi_eval_key(probes[i]);
        ck_assert_uint_eq(ampi_eval_count_below(keys, 6, key), below[i]);
        ck_assert_uint_eq(ampi_eval_count_upto(keys, 6, key), upto[i]);
    }
}
END_TEST

/* 1 + 1e100 - 1e100 a thousand times: a plain sum would lose every 1. */
START_TEST(sums_keep_small_terms)
{
    ampi_eval_sum sum = { 0, 0 };

    for (int i = 0; i < 1000; i++) {
        ampi_eval_add(&sum, 1);
        ampi_eval_add(&sum, 1e100);
        ampi_eval_add(&sum, -1e100);
    }
    ck_assert(ampi_eval_total(&sum) == 1000);
    ampi_eval_add(&sum, HUGE_VAL);
    ampi_eval_add(&sum, 1);
    ck_assert_double_infinite(ampi_eval_total(&sum));
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        order, round_trip, zeros_are_one_score, sorts_as_qsort, counts, sums_keep_small_terms, NULL
    };
    return test_suite("eval.keys", tests);
}

TEST_MAIN(suite)
