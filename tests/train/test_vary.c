/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_vary.c - the random choices of a batch: each by its number alone, each as often as it says.
 */
#include "train_support.h"

#include <math.h>
#include <string.h>

#define SIDE 12u

static ampi_train_options parse(const char *text)
{
    ampi_train_options options;
    amp_error error;

    ck_ok(ampi_train_options_parse(&options, text, &error), &error);
    return options;
}

/* What an image is in one epoch it is not in the next, and half of them start either way. */
START_TEST(images_are_mirrored_every_other_epoch)
{
    const ampi_train_options o = parse("alternate_flip=1,seed=3");
    const ampi_train_options other = parse("alternate_flip=1,seed=4");
    unsigned mirrored = 0, apart = 0;

    for (uint32_t i = 0; i < 2000; i++) {
        const ampi_flip first = ampi_vary_flip(&o, 0, i);
        mirrored += first == AMPI_FLIP_ALWAYS;
        apart += first != ampi_vary_flip(&other, 0, i);
        for (uint32_t epoch = 1; epoch < 5; epoch++) {
            const ampi_flip now = ampi_vary_flip(&o, epoch, i);
            ck_assert(now == AMPI_FLIP_ALWAYS || now == AMPI_FLIP_NEVER);
            ck_assert_int_eq(now == first, epoch % 2 == 0);
        }
    }
    ck_assert_uint_gt(mirrored, 850);
    ck_assert_uint_lt(mirrored, 1150);
    ck_assert_uint_gt(apart, 850);
    ck_assert_uint_lt(apart, 1150);
}
END_TEST

START_TEST(flips_are_by_chance_or_not_at_all)
{
    const ampi_train_options by_chance = parse("flip=1"), none = parse("flip=0,alternate_flip=1");

    for (uint32_t i = 0; i < 50; i++) {
        ck_assert_int_eq(ampi_vary_flip(&by_chance, i, i), AMPI_FLIP_HALF);
        ck_assert_int_eq(ampi_vary_flip(&none, i, i), AMPI_FLIP_NEVER);
    }
}
END_TEST

/* A square of zeros, in the same place of each plane; every place is met. */
START_TEST(a_square_is_blanked)
{
    const ampi_prepare shape = { .height = SIDE, .width = SIDE + 1, .channels = 3 };
    const ampi_train_options o = parse("cutout=10,seed=2");
    const size_t plane = SIDE * (SIDE + 1);
    unsigned seen[3][4] = { { 0 } };

    for (uint32_t image = 0; image < 300; image++) {
        float planes[3 * SIDE * (SIDE + 1)];
        size_t first = SIZE_MAX, zeros = 0;
        for (size_t i = 0; i < 3 * plane; i++)
            planes[i] = 1.0f;
        ampi_vary_cutout(&o, &shape, 1, image, planes);
        for (size_t i = 0; i < 3 * plane; i++) {
            const bool zero = planes[i] < 0.5f;
            first = zero && first == SIZE_MAX ? i : first;
            zeros += zero;
        }
        ck_assert_uint_eq(zeros, 300);
        for (size_t i = 0; i < 3 * plane; i++) {
            const size_t y = i % plane / (SIDE + 1), x = i % plane % (SIDE + 1);
            const size_t top = first / (SIDE + 1), left = first % (SIDE + 1);
            const bool inside = y >= top && y < top + 10 && x >= left && x < left + 10;
            ck_assert_int_eq(planes[i] < 0.5f, inside);
        }
        seen[first / (SIDE + 1)][first % (SIDE + 1)]++;
    }
    for (int i = 0; i < 12; i++)
        ck_assert_uint_gt(seen[i / 4][i % 4], 5);
}
END_TEST

typedef struct beta_row {
    const char *options;
    double a;
} beta_row;

static const beta_row betas[] = {
    { "mixup=0.05", 0.05 }, { "mixup=0.2", 0.2 }, { "mixup=1", 1 }, { "mixup=7.5", 7.5 }
};

#define N_BETAS ((int)(sizeof betas / sizeof betas[0]))

/* Beta(a, a) has the mean 1/2, the variance 1 / (4 (2a + 1)) and the fourth central moment
   3 / (16 (2a + 1) (2a + 3)); six deviations of the estimates are allowed. */
START_TEST(shares_follow_beta)
{
    const ampi_train_options o = parse(betas[_i].options);
    const double a = betas[_i].a, variance = 1 / (4 * (2 * a + 1));
    const double fourth = 3 / (16 * (2 * a + 1) * (2 * a + 3));
    double sum = 0, squares = 0;
    const int n = 20000;

    for (int i = 0; i < n; i++) {
        const double share = ampi_vary_share(&o, (uint32_t)i / 100, (uint32_t)i % 100);
        ck_assert_double_ge(share, 0);
        ck_assert_double_le(share, 1);
        sum += share - 0.5;
        squares += (share - 0.5) * (share - 0.5);
    }
    ck_assert_double_le(fabs(sum / n), 6 * sqrt(variance / n));
    ck_assert_double_le(fabs(squares / n - variance), 6 * sqrt((fourth - variance * variance) / n));
}
END_TEST

START_TEST(nothing_is_blended_unless_asked)
{
    const ampi_train_options o = parse("");

    for (uint32_t i = 0; i < 20; i++)
        ck_assert(ampi_vary_share(&o, i, i) >= 1.0);
}
END_TEST

START_TEST(a_share_of_batches_is_masked)
{
    const ampi_train_options never = parse(""), quarter = parse("mask_alpha=0.25"),
                             always = parse("mask_alpha=1");
    unsigned masked = 0;

    for (uint32_t i = 0; i < 4000; i++) {
        ck_assert(!ampi_vary_masked(&never, i / 100, i % 100));
        ck_assert(ampi_vary_masked(&always, i / 100, i % 100));
        masked += ampi_vary_masked(&quarter, i / 100, i % 100);
    }
    ck_assert_uint_gt(masked, 840);
    ck_assert_uint_lt(masked, 1160);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("train.vary");
    TCase *const one = tcase_create("choices");

    tcase_add_test(one, images_are_mirrored_every_other_epoch);
    tcase_add_test(one, flips_are_by_chance_or_not_at_all);
    tcase_add_test(one, a_square_is_blanked);
    tcase_add_loop_test(one, shares_follow_beta, 0, N_BETAS);
    tcase_add_test(one, nothing_is_blended_unless_asked);
    tcase_add_test(one, a_share_of_batches_is_masked);
    suite_add_tcase(all, one);
    return all;
}

TEST_MAIN(suite)
