/* SPDX-License-Identifier: Apache-2.0 */
/* test_adaptive.c - the stopping rule keeps its promise, and a scorer that follows it stops where
 * it says, with the verdict and the numbers of the anchors it used. */
#include "score_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define K 4u
#define N 60u
#define CLASSES 10u

/* ---- the rule ---- */

/* 2 stages, 9 images: with a share of 0.2 an image, 0.1 a stage, the rank is ceil(0.9 * 10) = 9. */
START_TEST(margins_of_nine)
{
    amp_context *const context = score_context(1);
    double running[9 * 3];
    ampi_margins margins;
    amp_error error = { 0 };

    for (int i = 0; i < 9; i++) {
        running[3 * i] = 0.1 * i;     /* moves up by i, down by -i */
        running[3 * i + 2] = 1.1 * i; /* the end */
        running[3 * i + 1] = 1.1 * i + 0.5 - 0.1 * i;
    }
    ck_ok(ampi_stop_fit(context, &(ampi_running){ running, 9, 3 }, 0.0, 0.2, &margins, &error),
          &error);
    ck_assert_double_eq_tol(margins.below[0], 8.0, 1e-12);
    ck_assert_double_eq(margins.above[0], 0.0);
    ck_assert_double_eq_tol(margins.above[1], 0.5, 1e-12);
    ck_assert_double_eq_tol(margins.below[1], 0.3, 1e-12);
    ck_assert(ampi_stop_decided(&margins, 2, 1.0, 1.51));
    ck_assert(!ampi_stop_decided(&margins, 2, 1.0, 1.49));
    ck_assert(ampi_stop_decided(&margins, 2, 1.0, 0.69));
    ck_assert(!ampi_stop_decided(&margins, 2, 1.0, 0.71));
    ck_assert(!ampi_stop_decided(&margins, 1, 1.0, (double)NAN));
    amp_context_unref(context);
}
END_TEST

START_TEST(too_few_never_stop)
{
    amp_context *const context = score_context(1);
    double running[8 * 3] = { 0.0 };
    ampi_margins margins;
    amp_error error = { 0 };

    ck_ok(ampi_stop_fit(context, &(ampi_running){ running, 8, 3 }, 0.0, 0.2, &margins, &error),
          &error);
    ck_assert(isinf(margins.above[0]) && isinf(margins.below[1]));
    ck_assert(!ampi_stop_decided(&margins, 1, 0.0, 1e300));
    running[1] = (double)NAN; /* an image that has no running score */
    ck_ok(ampi_stop_fit(context, &(ampi_running){ running, 8, 3 }, 0.0, 0.9, &margins, &error),
          &error);
    ck_assert(isfinite(margins.above[0]));
    amp_context_unref(context);
}
END_TEST

/* Scores that are means of 1..k draws around a value of the image. */
static void draw(double *running, size_t n, size_t k, ampi_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        const double own = 4.0 * ampi_rng_normal(rng);
        double sum = 0.0;
        for (size_t j = 0; j < k; j++) {
            sum += own + ampi_rng_normal(rng);
            running[i * k + j] = sum / (double)(j + 1);
        }
    }
}

static bool wrong(const ampi_margins *margins, const double *running, size_t k)
{
    for (size_t used = 1; used < k; used++)
        if (ampi_stop_decided(margins, used, 0.0, running[used - 1]))
            return (running[used - 1] >= 0.0) != (running[k - 1] >= 0.0);
    return false;
}

/* The promise, over 40 calibrations and 400 fresh images each: at most 0.05 + 3 standard errors are
   wrong of the 0.3 nearest, which is more than are wrong of all. */
START_TEST(wrong_verdicts_are_as_rare_as_promised)
{
    enum { HELD = 400, STAGES = 5, ROUNDS = 40 };
    amp_context *const context = score_context(1);
    ampi_rng rng = ampi_rng_make(11, AMPI_RNG_TEST, 0, 0);
    double *const running = calloc(HELD * STAGES, sizeof(double));
    size_t count = 0, early = 0;

    for (int round = 0; round < ROUNDS; round++) {
        ampi_margins margins;
        amp_error error = { 0 };
        draw(running, HELD, STAGES, &rng);
        ck_ok(ampi_stop_fit(context, &(ampi_running){ running, HELD, STAGES }, 0.0, 0.05, &margins,
                            &error),
              &error);
        draw(running, HELD, STAGES, &rng);
        for (size_t i = 0; i < HELD; i++) {
            count += wrong(&margins, running + i * STAGES, STAGES);
            early += ampi_stop_decided(&margins, 1, 0.0, running[i * STAGES]);
        }
    }
    ck_assert_uint_le(count,
                      (size_t)(HELD * ROUNDS * 0.3 * 0.05 + 3.0 * sqrt(HELD * ROUNDS * 0.015)));
    ck_assert_uint_ge(early, HELD * ROUNDS / 4); /* and most of the work is saved */
    free(running);
    amp_context_unref(context);
}
END_TEST

/* ---- the scorer ---- */

typedef struct fixture {
    amp_context *context;
    amp_model *model;
    uint8_t *pixels;
} fixture;

/* A model calibrated with `options`. */
static fixture set_up(const char *options)
{
    fixture f = { .context = score_context(2), .pixels = score_pixels(N) };
    amp_dataset *const dataset = made_cifar10(f.context, "held-out.bin", N, NULL, 0);

    f.model = score_calibrated(score_anchored(f.context, K), dataset, "amp;energy", options);
    amp_dataset_free(dataset);
    return f;
}

static void tear_down(fixture *f)
{
    free(f->pixels);
    amp_model_unref(f->model);
    amp_context_unref(f->context);
}

static amp_status try_scorer(amp_scorer **out, amp_model *model, const char *methods,
                             uint32_t anchors, amp_error *error)
{
    amp_scorer_options options;

    amp_scorer_options_init(&options, sizeof options);
    options.anchors = anchors;
    options.adaptive = 1;
    return amp_scorer_create(out, model, NULL, methods, &options, error);
}

static amp_scorer *make(amp_model *model, const char *methods)
{
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(try_scorer(&scorer, model, methods, 0, &error), &error);
    return scorer;
}

static amp_scorer *make_full(amp_model *model, const char *methods)
{
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(amp_scorer_create(&scorer, model, NULL, methods, NULL, &error), &error);
    return scorer;
}

/* Every anchor's logits are those of a full run; each image stops where the rule, applied here to
   the scores of the full run's first anchors, says. */
static void check_image(const amp_scorer *scorer, const results *got, const results *full, size_t i)
{
    const size_t used = (size_t)got->arrays.anchors[i], row = K * CLASSES;
    const float *const a = got->arrays.anchor_logits + i * row;
    const float *const b = full->arrays.anchor_logits + i * row;

    ck_assert_uint_ge(used, 1);
    ck_assert_uint_le(used, K);
    ck_assert_mem_eq(a, b, used * CLASSES * sizeof(float));
    for (size_t v = used * CLASSES; v < row; v++)
        ck_assert(isnan(a[v]));
    ck_assert_int_eq(isnan(got->arrays.tau[i]), used == 1);
    if (used == K)
        ck_assert(got->arrays.score[i] == full->arrays.score[i]);
    else
        ck_assert(ampi_stop_decided(&scorer->margins[0], used, scorer->uses.items[0].threshold,
                                    got->arrays.score[i]));
}

START_TEST(stops_where_the_rule_says)
{
    fixture f = set_up("stop_error=0.4");
    amp_scorer *const scorer = make(f.model, "amp"), *const whole = make_full(f.model, "amp");
    results got = results_of(scorer, N, f.pixels), full = results_of(whole, N, f.pixels);
    size_t used = 0;

    for (size_t i = 0; i < N; i++) {
        check_image(scorer, &got, &full, i);
        ck_assert_int_eq(full.arrays.anchors[i], K);
        used += (size_t)got.arrays.anchors[i];
    }
    ck_assert_uint_lt(used, N * K);
    ck_assert_uint_gt(used, N);
    results_free(&got);
    results_free(&full);
    amp_scorer_free(scorer);
    amp_scorer_free(whole);
    tear_down(&f);
}
END_TEST

/* Alone, in a batch, by a clone: the same bits. */
START_TEST(company_does_not_matter)
{
    fixture f = set_up("stop_error=0.4");
    amp_scorer *const scorer = make(f.model, "amp;energy");
    results whole = results_of(scorer, N, f.pixels);
    amp_scorer *clone = NULL;
    amp_error error = { 0 };

    ck_ok(amp_scorer_clone(&clone, scorer, &error), &error);
    for (size_t i = 0; i < N; i += 7) {
        results one = results_of(clone, 1, f.pixels + i * IMAGE_BYTES);
        ck_assert_int_eq(one.arrays.anchors[0], whole.arrays.anchors[i]);
        ck_assert(one.arrays.score[0] == whole.arrays.score[i]);
        ck_assert(one.arrays.score[1] == whole.arrays.score[N + i]);
        results_free(&one);
    }
    results_free(&whole);
    amp_scorer_free(clone);
    amp_scorer_free(scorer);
    tear_down(&f);
}
END_TEST

/* Too few held-out images for such an error: every anchor is used, and all bits are the full run's.
 */
START_TEST(without_margins_it_is_the_full_run)
{
    fixture f = set_up("stop_error=0.0001");
    amp_scorer *const scorer = make(f.model, "amp"), *const whole = make_full(f.model, "amp");
    results got = results_of(scorer, N, f.pixels), full = results_of(whole, N, f.pixels);

    results_same(&got, 0, &full);
    for (size_t i = 0; i < N; i++)
        ck_assert_int_eq(got.arrays.anchors[i], K);
    results_free(&got);
    results_free(&full);
    amp_scorer_free(scorer);
    amp_scorer_free(whole);
    tear_down(&f);
}
END_TEST

START_TEST(refused_without_a_rule)
{
    fixture f = set_up("stop_error=0.4");
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_fails(try_scorer(&scorer, f.model, "msp", 0, &error), AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "msp"));
    ck_fails(try_scorer(&scorer, f.model, "amp", 3, &error), AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_null(scorer);
    ck_ok(try_scorer(&scorer, f.model, "energy", 1, &error), &error); /* nothing to stop */
    amp_scorer_free(scorer);
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("score.adaptive");
    TCase *const rule = tcase_create("rule"), *const scorer = tcase_create("scorer");

    tcase_add_test(rule, margins_of_nine);
    tcase_add_test(rule, too_few_never_stop);
    tcase_add_test(rule, wrong_verdicts_are_as_rare_as_promised);
    tcase_add_test(scorer, stops_where_the_rule_says);
    tcase_add_test(scorer, company_does_not_matter);
    tcase_add_test(scorer, without_margins_it_is_the_full_run);
    tcase_add_test(scorer, refused_without_a_rule);
    suite_add_tcase(all, rule);
    suite_add_tcase(all, scorer);
    return all;
}

TEST_MAIN(suite)
