/* SPDX-License-Identifier: Apache-2.0 */
/* test_profile.c - profiles: every step is there, their time is part of a run's, and a scorer is
   afterwards as before. */
#include "score_support.h"

#include <amp/profile.h>
#include <stdlib.h>
#include <string.h>

#define K 3u

static amp_scorer *make(amp_model *model, int32_t precision)
{
    amp_scorer_options options;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    amp_scorer_options_init(&options, sizeof options);
    options.precision = precision;
    ck_ok(amp_scorer_create(&scorer, model, NULL, "msp;energy", &options, &error), &error);
    return scorer;
}

/* Plain loops have no steps: they must say so. */
static bool has_steps(amp_scorer *scorer)
{
    amp_profile *profile = NULL;
    amp_error error = { 0 };

    if (scorer->network->backend == AMPI_BACKEND_ONEDNN)
        return true;
    ck_fails(amp_scorer_profile(&profile, scorer, 1, 1, &error), AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_null(profile);
    return false;
}

static amp_profile_step step_at(const amp_profile *profile, uint32_t index)
{
    amp_profile_step step = { .struct_size = sizeof step };
    amp_error error = { 0 };

    ck_ok(amp_profile_get_step(profile, index, &step, &error), &error);
    return step;
}

static void check_step(const amp_profile_step *step, size_t rows)
{
    const bool multiplies = strncmp(step->what, "convolution", 11) == 0;

    ck_assert(step->name[0] != '\0' && step->what[0] != '\0');
    ck_assert(step->kernel[0] != '\0' && step->shape[0] != '\0');
    ck_assert_double_ge(step->seconds, 0.0);
    ck_assert_uint_ge(step->rows, 1);
    ck_assert_uint_ge(step->calls, 1);
    ck_assert_uint_le((uint64_t)step->rows * step->calls, rows);
    ck_assert_int_eq(step->multiply_adds > 0, multiplies);
}

/* Multiply-adds of all steps of a profile, each looked at. */
static uint64_t check_profile(const amp_profile *profile, size_t rows)
{
    const uint32_t count = amp_profile_count(profile);
    uint64_t work = 0;

    ck_assert_uint_gt(count, 10);
    for (uint32_t i = 0; i < count; i++) {
        const amp_profile_step step = step_at(profile, i);
        check_step(&step, rows);
        work += step.multiply_adds;
    }
    ck_assert_double_gt(amp_profile_steps_seconds(profile), 0.0);
    ck_assert_double_le(amp_profile_steps_seconds(profile), amp_profile_run_seconds(profile));
    return work;
}

static uint64_t profiled_work(amp_scorer *scorer, size_t n, uint32_t repeats)
{
    amp_profile *profile = NULL;
    amp_error error = { 0 };
    uint64_t work;

    ck_ok(amp_scorer_profile(&profile, scorer, n, repeats, &error), &error);
    work = check_profile(profile, n * K);
    amp_profile_free(profile);
    return work;
}

/* What n images take: the stem's 3x3 convolution of the image's channels once an image, all that
   follows it once a pair. */
static uint64_t expected_work(const amp_model *model, size_t n)
{
    amp_model_info info = { .struct_size = sizeof info };
    const uint64_t half = (uint64_t)16 * 3 * 9 * SIDE * SIDE;
    amp_error error = { 0 };

    ck_ok(amp_model_get_info(model, &info, &error), &error);
    return n * half + n * K * (info.multiply_adds - 2 * half);
}

START_TEST(one_thread_does_all_the_work)
{
    static const size_t sizes[] = { 1, 4, 33, 70 };
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, K);
    amp_scorer *const scorer = make(model, AMP_PRECISION_FP32);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && has_steps(scorer); i++)
        ck_assert_uint_eq(profiled_work(scorer, sizes[i], i % 3 + 1),
                          expected_work(model, sizes[i]));
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* A team does it together; of many images the first thread's share is half, or a little more. */
START_TEST(two_threads)
{
    amp_context *const context = score_context(2);
    amp_model *const model = score_anchored(context, K);
    amp_scorer *const scorer = make(model, AMP_PRECISION_FP32);

    if (has_steps(scorer)) {
        const uint64_t few = profiled_work(scorer, 2, 3), many = profiled_work(scorer, 40, 2);
        ck_assert_uint_eq(few, expected_work(model, 2));
        ck_assert_uint_ge(many, expected_work(model, 40) / 2);
        ck_assert_uint_lt(many, expected_work(model, 40));
    }
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(every_precision)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, K);

    for (int32_t i = AMP_PRECISION_FP32; i <= AMP_PRECISION_BF16; i++) {
        amp_scorer *scorer;
        if (!amp_precision_available(i))
            continue;
        scorer = make(model, i);
        if (has_steps(scorer))
            ck_assert_uint_eq(profiled_work(scorer, 5, 1), expected_work(model, 5));
        amp_scorer_free(scorer);
    }
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(a_plain_network)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_model(context, SMALL_PLAIN);
    amp_scorer *const scorer = make(model, AMP_PRECISION_FP32);
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error = { 0 };

    ck_ok(amp_model_get_info(model, &info, &error), &error);
    if (has_steps(scorer))
        ck_assert_uint_eq(profiled_work(scorer, 3, 1), 3 * info.multiply_adds);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* The same bits before, between and after; and a profile outlives its scorer. */
START_TEST(a_scorer_is_as_before)
{
    amp_context *const context = score_context(2);
    amp_model *const model = score_anchored(context, K);
    amp_scorer *const scorer = make(model, AMP_PRECISION_FP32);
    uint8_t *const pixels = score_pixels(9);
    results before = results_of(scorer, 9, pixels);
    amp_profile *profile = NULL;
    amp_error error = { 0 };
    const bool steps = has_steps(scorer);
    results after;

    if (steps)
        ck_ok(amp_scorer_profile(&profile, scorer, 2, 2, &error), &error);
    after = results_of(scorer, 9, pixels);
    results_same(&after, 0, &before);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
    if (steps)
        check_profile(profile, 2 * K);
    amp_profile_free(profile);
    results_free(&before);
    results_free(&after);
    free(pixels);
}
END_TEST

START_TEST(refused)
{
    static const size_t images[] = { 0, 4097, SIZE_MAX };
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, K);
    amp_scorer *const scorer = make(model, AMP_PRECISION_FP32);
    amp_profile_step step = { 0 };
    amp_profile *profile = NULL;
    amp_error error = { 0 };

    ck_fails(amp_scorer_profile(NULL, scorer, 1, 1, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_scorer_profile(&profile, NULL, 1, 1, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_scorer_profile(&profile, scorer, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_scorer_profile(&profile, scorer, 1, 10001, &error), AMP_E_ARGUMENT, &error);
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        ck_fails(amp_scorer_profile(&profile, scorer, images[i], 1, &error), AMP_E_ARGUMENT,
                 &error);
    ck_assert_ptr_null(profile);
    ck_fails(amp_profile_get_step(NULL, 0, &step, &error), AMP_E_ARGUMENT, &error);
    ck_assert_uint_eq(amp_profile_count(NULL), 0);
    ck_assert(!(amp_profile_run_seconds(NULL) > 0.0) && !(amp_profile_steps_seconds(NULL) > 0.0));
    amp_profile_free(NULL);
    if (has_steps(scorer)) {
        ck_ok(amp_scorer_profile(&profile, scorer, 1, 1, &error), &error);
        ck_fails(amp_profile_get_step(profile, 0, &step, &error), AMP_E_ARGUMENT, &error);
        ck_fails(amp_profile_get_step(profile, 0, NULL, &error), AMP_E_ARGUMENT, &error);
        step.struct_size = sizeof step;
        ck_fails(amp_profile_get_step(profile, amp_profile_count(profile), &step, &error),
                 AMP_E_ARGUMENT, &error);
        amp_profile_free(profile);
    }
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* ---- memory that runs out ---- */

static amp_status attempt(amp_context *context, void *user, amp_error *error)
{
    amp_model *model = NULL;
    amp_scorer *scorer = NULL;
    amp_profile *profile = NULL;
    amp_status status = amp_model_create(&model, context, SMALL_PLAIN, PREPARE, 1, error);

    (void)user;
    if (status == AMP_OK)
        status = amp_scorer_create(&scorer, model, NULL, "msp", NULL, error);
    if (status == AMP_OK)
        status = amp_scorer_profile(&profile, scorer, 2, 2, error);
    amp_profile_free(profile);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    return status;
}

START_TEST(memory_that_runs_out)
{
    if (ampi_default_backend() == AMPI_BACKEND_ONEDNN)
        test_out_of_memory(attempt, NULL);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        one_thread_does_all_the_work, two_threads, every_precision,      a_plain_network,
        a_scorer_is_as_before,        refused,     memory_that_runs_out, NULL
    };
    return test_suite("score.profile", tests);
}

TEST_MAIN(suite)
