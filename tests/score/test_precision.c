/* SPDX-License-Identifier: Apache-2.0 */
/* test_precision.c - which precision a scorer runs in, and whose thresholds it then goes by. */
#include "score_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 40u
#define CLASSES 10u

typedef struct fixture {
    amp_context *context;
    amp_model *model;
    amp_dataset *dataset;
} fixture;

static fixture set_up(void)
{
    fixture f = { .context = score_context(2) };

    f.model = score_anchored(f.context, 3);
    f.dataset = made_cifar10(f.context, "held-out.bin", N, NULL, 0);
    return f;
}

static void tear_down(fixture *f)
{
    amp_dataset_free(f->dataset);
    amp_model_unref(f->model);
    amp_context_unref(f->context);
}

/* The model with thresholds for one precision more. */
static void calibrate(fixture *f, const char *precision)
{
    char options[64];

    snprintf(options, sizeof options, "precision=%s", precision);
    f->model = score_calibrated(f->model, f->dataset, "amp;energy", options);
}

static amp_status try_scorer(amp_scorer **out, amp_model *model, const char *methods,
                             int32_t precision, amp_error *error)
{
    amp_scorer_options options;

    amp_scorer_options_init(&options, sizeof options);
    options.precision = precision;
    return amp_scorer_create(out, model, NULL, methods, &options, error);
}

static amp_scorer *make(amp_model *model, const char *methods, int32_t precision)
{
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(try_scorer(&scorer, model, methods, precision, &error), &error);
    return scorer;
}

static void runs_in(amp_model *model, const char *methods, int32_t asked, int32_t wanted)
{
    amp_scorer *const scorer = make(model, methods, asked);

    ck_assert_int_eq(amp_scorer_precision(scorer), wanted);
    amp_scorer_free(scorer);
}

/* Whether this process's models, settled as they are, can run in bf16. */
static bool has_bf16(amp_model *model)
{
    amp_scorer *scorer = NULL;
    const bool has = try_scorer(&scorer, model, "amp", AMP_PRECISION_BF16, NULL) == AMP_OK;

    amp_scorer_free(scorer);
    return has;
}

static bool has_threshold(amp_model *model, int32_t precision)
{
    amp_scorer *const scorer = make(model, "amp", precision);
    const bool has = amp_scorer_threshold(scorer, 0, NULL) == 1;

    amp_scorer_free(scorer);
    return has;
}

START_TEST(names)
{
    int32_t precision = 7;
    amp_error error = { 0 };

    for (int32_t p = AMP_PRECISION_AUTO; p <= AMP_PRECISION_INT8; p++) {
        ck_ok(amp_precision_parse(&precision, amp_precision_name(p), &error), &error);
        ck_assert_int_eq(precision, p);
    }
    ck_fails(amp_precision_parse(&precision, "fp16", &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "bf16, int8"));
    ck_assert_int_eq(precision, AMP_PRECISION_INT8);
    ck_fails(amp_precision_parse(NULL, "fp32", &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_precision_parse(&precision, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(amp_precision_name(-2));
    ck_assert_ptr_null(amp_precision_name(AMPI_PRECISION_COUNT));
    ck_assert_int_eq(amp_precision_available(AMP_PRECISION_FP32), 1);
    ck_assert_int_eq(amp_precision_available(AMP_PRECISION_AUTO), 1);
    ck_assert_int_eq(amp_precision_available(-2), 0);
    ck_assert_int_eq(amp_precision_available(AMPI_PRECISION_COUNT), 0);
    ck_assert_int_eq(amp_scorer_precision(NULL), AMP_PRECISION_FP32);
}
END_TEST

START_TEST(auto_goes_by_thresholds)
{
    fixture f = set_up();
    const bool bf16 = has_bf16(f.model);

    runs_in(f.model, "amp", AMP_PRECISION_AUTO, AMP_PRECISION_FP32);
    calibrate(&f, "fp32");
    runs_in(f.model, "amp", AMP_PRECISION_AUTO, AMP_PRECISION_FP32);
    if (bf16) {
        calibrate(&f, "bf16");
        runs_in(f.model, "amp", AMP_PRECISION_AUTO, AMP_PRECISION_BF16);
        runs_in(f.model, "amp;energy", AMP_PRECISION_AUTO, AMP_PRECISION_BF16);
        runs_in(f.model, "amp;msp", AMP_PRECISION_AUTO, AMP_PRECISION_FP32);
        runs_in(f.model, "amp", AMP_PRECISION_FP32, AMP_PRECISION_FP32);
    }
    tear_down(&f);
}
END_TEST

START_TEST(thresholds_are_of_one_precision)
{
    fixture f = set_up();
    const bool bf16 = has_bf16(f.model);

    ck_assert(!has_threshold(f.model, AMP_PRECISION_FP32));
    if (bf16) {
        calibrate(&f, "bf16");
        ck_assert(has_threshold(f.model, AMP_PRECISION_BF16));
        ck_assert(!has_threshold(f.model, AMP_PRECISION_FP32));
    }
    calibrate(&f, "fast");
    ck_assert(has_threshold(f.model, AMP_PRECISION_FP32));
    ck_assert(has_threshold(f.model, AMP_PRECISION_FAST));
    tear_down(&f);
}
END_TEST

/* A clone runs in the same precision; precisions of one model do not disturb each other. */
START_TEST(precisions_side_by_side)
{
    fixture f = set_up();
    uint8_t *const pixels = score_pixels(5);
    const bool bf16 = has_bf16(f.model);
    amp_scorer *const fp32 = make(f.model, "amp", AMP_PRECISION_FP32);
    amp_scorer *const other = make(f.model, "amp", bf16 ? AMP_PRECISION_BF16 : AMP_PRECISION_FAST);
    results first = results_of(fp32, 5, pixels), others = results_of(other, 5, pixels);
    results second = results_of(fp32, 5, pixels);
    amp_scorer *clone = NULL;
    amp_error error = { 0 };
    double distance = 0.0;

    results_same(&second, 0, &first);
    for (size_t i = 0; i < 5 * CLASSES; i++)
        distance = fmax(distance, fabs((double)(others.arrays.logits[i] - first.arrays.logits[i])));
    ck_assert_msg(distance < 0.1, "%g apart", distance);
    ck_assert(!bf16 || distance > 1e-6);
    ck_ok(amp_scorer_clone(&clone, other, &error), &error);
    ck_assert_int_eq(amp_scorer_precision(clone), amp_scorer_precision(other));
    amp_scorer_free(clone);
    amp_scorer_free(fp32);
    amp_scorer_free(other);
    results_free(&first);
    results_free(&second);
    results_free(&others);
    free(pixels);
    tear_down(&f);
}
END_TEST

START_TEST(refused)
{
    fixture f = set_up();
    amp_scorer *scorer = NULL;
    amp_model_builder *builder = NULL;
    amp_error error = { 0 };

    if (!amp_precision_available(AMP_PRECISION_BF16))
        ck_fails(try_scorer(&scorer, f.model, "amp", AMP_PRECISION_BF16, &error), AMP_E_UNSUPPORTED,
                 &error);
    ck_fails(try_scorer(&scorer, f.model, "amp", AMPI_PRECISION_COUNT, &error), AMP_E_ARGUMENT,
             &error);
    ck_fails(try_scorer(&scorer, f.model, "amp", -2, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(scorer);
    ck_ok(amp_model_builder_create(&builder, f.model, &error), &error);
    ck_fails(amp_model_builder_calibrate(builder, f.dataset, "amp", "precision=auto", NULL, NULL,
                                         &error),
             AMP_E_ARGUMENT, &error);
    amp_model_builder_free(builder);
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("score.precision");
    TCase *const tests = tcase_create("precision");

    tcase_add_test(tests, names);
    tcase_add_test(tests, auto_goes_by_thresholds);
    tcase_add_test(tests, thresholds_are_of_one_precision);
    tcase_add_test(tests, precisions_side_by_side);
    tcase_add_test(tests, refused);
    suite_add_tcase(all, tests);
    return all;
}

TEST_MAIN(suite)
