/* SPDX-License-Identifier: Apache-2.0 */
/* test_consistency.c - H and tau of eq. (1) against a worked example and their invariants. */
#include "anchor/anchor.h"
#include "support.h"

#include <math.h>
#include <string.h>

/* methods.md's example: K = 3 predictions of 4 classes. */
static const float example[3][4] = { { 4.0f, 1.0f, -1.0f, 0.5f },
                                     { 3.0f, 1.5f, -0.5f, 0.0f },
                                     { 5.0f, 0.5f, -2.0f, 1.0f } };

START_TEST(worked_example)
{
    const double expected[4] = { 4.0, 1.0, -3.5 / 3.0, 0.5 };
    double mean[4], sum, average;

    ampi_consistency(&example[0][0], 3, 4, mean, &sum, &average);
    for (int j = 0; j < 4; j++)
        ck_assert_double_eq_tol(mean[j], expected[j], 1e-12);
    ck_assert_double_eq_tol(sum, 0.364107246, 1e-9);
    ck_assert_double_eq_tol(average, 0.091026811, 1e-9);
}
END_TEST

/* s_j class by class: tau of the example with one class is s_j. */
START_TEST(one_class_at_a_time)
{
    const double expected[4] = { 0.021029395, 0.097765635, 0.129713663, 0.115598552 };
    double mean, sum, average;

    for (int j = 0; j < 4; j++) {
        const float column[3] = { example[0][j], example[1][j], example[2][j] };
        ampi_consistency(column, 3, 1, &mean, &sum, &average);
        ck_assert_double_eq_tol(sum, expected[j], 1e-9);
        ck_assert(!(average < sum) && !(average > sum));
    }
}
END_TEST

START_TEST(copies_of_one_anchor_agree_exactly)
{
    float logits[7 * 5];
    double mean[5], sum, average;

    for (int k = 0; k < 7; k++)
        for (int j = 0; j < 5; j++)
            logits[k * 5 + j] = 0.1f + 1.7f * (float)j;
    ampi_consistency(logits, 7, 5, mean, &sum, &average);
    ck_assert(sum == 0.0 && average == 0.0);
}
END_TEST

START_TEST(one_prediction_has_no_spread)
{
    double mean[4], sum = 1.0, average = 1.0;

    ampi_consistency(&example[0][0], 1, 4, mean, &sum, &average);
    ck_assert(isnan(sum) && isnan(average));
    for (int j = 0; j < 4; j++)
        ck_assert(mean[j] == (double)example[0][j]);
}
END_TEST

START_TEST(order_of_anchors_does_not_matter)
{
    float turned[3][4];
    double mean[2][4], sum[2], average[2];

    for (int k = 0; k < 3; k++)
        memcpy(turned[k], example[(k + 1) % 3], sizeof turned[k]);
    ampi_consistency(&example[0][0], 3, 4, mean[0], &sum[0], &average[0]);
    ampi_consistency(&turned[0][0], 3, 4, mean[1], &sum[1], &average[1]);
    ck_assert_double_eq_tol(sum[0], sum[1], 1e-14);
    for (int j = 0; j < 4; j++)
        ck_assert_double_eq_tol(mean[0][j], mean[1][j], 1e-14);
}
END_TEST

/* K = 2 split evenly reaches the bound sqrt(K/(K-1) a(1-a)) = 0.7071 per class; huge logits do not
   overflow. */
START_TEST(extremes)
{
    const float logits[2] = { 3e38f, -3e38f };
    double mean, sum, average;

    ampi_consistency(logits, 2, 1, &mean, &sum, &average);
    ck_assert_double_eq_tol(sum, 0.70710678118654752, 1e-15);
    ck_assert(mean == 0.0);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { worked_example,
                                   one_class_at_a_time,
                                   copies_of_one_anchor_agree_exactly,
                                   one_prediction_has_no_spread,
                                   order_of_anchors_does_not_matter,
                                   extremes,
                                   NULL };
    return test_suite("anchor.consistency", tests);
}

TEST_MAIN(suite)
