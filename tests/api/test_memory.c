/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c - every allocation failing in turn: AMP_E_NOMEM, nothing left behind. */
#include "api_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TINY "wrn:depth=10,width=1,size=8,classes=3"

static amp_status bank_of_one(amp_bank **out, amp_model *model, amp_context *context,
                              amp_error *error)
{
    static const uint8_t pixels[IMAGE_BYTES];
    amp_image *image = NULL;
    amp_status status = amp_image_from_rgb8(&image, context, pixels, SIDE, SIDE, 3 * SIDE, error);

    if (status == AMP_OK) {
        const amp_image *const images[2] = { image, image };
        status = amp_bank_from_images(out, model, 2, images, NULL, error);
    }
    amp_image_free(image);
    return status;
}

/* A model, a bank, a scorer, a clone, a run of each. */
static amp_status score(amp_context *context, void *user, amp_error *error)
{
    static const uint8_t pixels[9 * 9 * 3];
    amp_model *model = NULL;
    amp_bank *bank = NULL;
    amp_scorer *scorer = NULL, *clone = NULL;
    double scores[2];
    const amp_scores out = { .struct_size = sizeof out, .score = scores };
    amp_status status = amp_model_create(&model, context, TINY, NULL, 1, error);

    (void)user;
    if (status == AMP_OK)
        status = bank_of_one(&bank, model, context, error);
    if (status == AMP_OK)
        status = amp_scorer_create(&scorer, model, bank, "amp;msp", NULL, error);
    if (status == AMP_OK)
        status = amp_scorer_run_rgb8(scorer, 1, pixels, 9, 9, &out, error);
    if (status == AMP_OK)
        status = amp_scorer_clone(&clone, scorer, error);
    if (status == AMP_OK)
        status = amp_scorer_run_rgb8(clone, 1, pixels, 9, 9, &out, error);
    amp_scorer_free(clone);
    amp_scorer_free(scorer);
    amp_bank_unref(bank);
    amp_model_unref(model);
    return status;
}

START_TEST(scoring)
{
    test_out_of_memory(score, NULL);
}
END_TEST

/* Opened from bytes with its bank; forward both ways. */
static amp_status open_and_run(amp_context *context, void *user, amp_error *error)
{
    static const float input[2 * IMAGE_BYTES];
    const char *const path = user;
    amp_model *model = NULL;
    float logits[6];
    amp_status status = amp_model_open(&model, context, path, error);

    if (status == AMP_OK)
        status = amp_model_forward(model, amp_model_bank(model), 1, input, logits, error);
    if (status == AMP_OK)
        status = amp_model_forward(model, NULL, 1, input, logits, error);
    amp_model_unref(model);
    return status;
}

/* Built, calibrated, finished. */
static amp_status build(amp_context *context, void *user, amp_error *error)
{
    amp_model *model = NULL, *made = NULL;
    amp_model_builder *builder = NULL;
    amp_bank *bank = NULL;
    static const char *const names[3] = { "a", "b", "c" };
    amp_status status = amp_model_create(&model, context, TINY, NULL, 1, error);

    (void)user;
    if (status == AMP_OK)
        status = bank_of_one(&bank, model, context, error);
    if (status == AMP_OK)
        status = amp_model_builder_create(&builder, model, error);
    if (status == AMP_OK)
        status = amp_model_builder_set_bank(builder, bank, error);
    if (status == AMP_OK)
        status = amp_model_builder_set_class_names(builder, 3, names, error);
    if (status == AMP_OK)
        status = amp_model_builder_finish(builder, &made, error);
    amp_model_builder_free(builder);
    amp_bank_unref(bank);
    amp_model_unref(model);
    amp_model_unref(made);
    return status;
}

START_TEST(building)
{
    test_out_of_memory(build, NULL);
}
END_TEST

START_TEST(opening)
{
    char *const path = strdup(test_scratch_path("model.safetensors"));
    amp_context *const context = api_context();
    amp_model *const model = api_model(context, TINY);
    amp_bank *const bank = api_bank(model, 2);
    amp_model_builder *builder = NULL;
    amp_model *made = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, model, &error), &error);
    ck_ok(amp_model_builder_set_bank(builder, bank, &error), &error);
    ck_ok(amp_model_builder_finish(builder, &made, &error), &error);
    ck_ok(amp_model_save(made, path, &error), &error);
    amp_model_builder_free(builder);
    amp_model_unref(made);
    amp_bank_unref(bank);
    amp_model_unref(model);
    amp_context_unref(context);
    test_out_of_memory(open_and_run, path);
    free(path);
}
END_TEST

/* Chosen far apart, then thresholds from the same images. */
static amp_status calibrate_as(amp_context *context, const char *path, const char *options,
                               amp_error *error)
{
    char spec[4200];
    amp_model *model = NULL;
    amp_dataset *dataset = NULL;
    amp_model_builder *builder = NULL;
    amp_bank *bank = NULL;
    amp_status status = amp_model_create(&model, context, SMALL, NULL, 1, error);

    snprintf(spec, sizeof spec, "cifar10:%s", path);
    if (status == AMP_OK)
        status = amp_dataset_open(&dataset, context, spec, NULL, error);
    if (status == AMP_OK)
        status = amp_bank_build(&bank, model, dataset, "count=2,method=kcentre", NULL, NULL, error);
    if (status == AMP_OK)
        status = amp_model_builder_create(&builder, model, error);
    if (status == AMP_OK)
        status = amp_model_builder_set_bank(builder, bank, error);
    if (status == AMP_OK)
        status =
            amp_model_builder_calibrate(builder, dataset, "amp;msp", options, NULL, NULL, error);
    amp_model_builder_free(builder);
    amp_bank_unref(bank);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    return status;
}

static amp_status calibrate(amp_context *context, void *user, amp_error *error)
{
    return calibrate_as(context, user, NULL, error);
}

static amp_status calibrate_int8(amp_context *context, void *user, amp_error *error)
{
    return calibrate_as(context, user, "precision=int8", error);
}

START_TEST(calibrating)
{
    char *const path = strdup(test_scratch_path("set.bin"));
    uint8_t *const bytes = made_bytes(4 * 3073, 1);

    for (size_t i = 0; i < 4; i++)
        bytes[i * 3073] = (uint8_t)i;
    test_write_file(path, bytes, 4 * 3073);
    test_out_of_memory(calibrate, path);
    if (amp_precision_available(AMP_PRECISION_INT8))
        test_out_of_memory(calibrate_int8, path);
    free(bytes);
    free(path);
}
END_TEST

/* ---- adaptive anchors ---- */

#define HELD_OUT 12u

/* A file with a bank of two and a stopping rule, calibrated on random images. */
static void save_with_rule(const char *path)
{
    static const uint8_t labels[3] = { 0, 1, 2 };
    amp_context *const context = api_context();
    amp_dataset *const held_out = made_cifar10(context, "held-out.bin", HELD_OUT, labels, 3);
    amp_model *const model = api_model(context, TINY), *made = NULL;
    amp_bank *const bank = api_bank(model, 2);
    amp_model_builder *builder = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, model, &error), &error);
    ck_ok(amp_model_builder_set_bank(builder, bank, &error), &error);
    ck_ok(
        amp_model_builder_calibrate(builder, held_out, "amp", "stop_error=0.4", NULL, NULL, &error),
        &error);
    ck_ok(amp_model_builder_finish(builder, &made, &error), &error);
    ck_ok(amp_model_save(made, path, &error), &error);
    amp_model_builder_free(builder);
    amp_model_unref(made);
    amp_bank_unref(bank);
    amp_model_unref(model);
    amp_dataset_free(held_out);
    amp_context_unref(context);
}

static amp_status run_some(amp_scorer *scorer, size_t n, int32_t *anchors, amp_error *error)
{
    double scores[HELD_OUT];
    uint8_t *const pixels = made_bytes(HELD_OUT * 9 * 9 * 3, 3);
    const amp_scores out = { .struct_size = sizeof out, .score = scores, .anchors = anchors };
    const amp_status status = amp_scorer_run_rgb8(scorer, n, pixels, 9, 9, &out, error);

    free(pixels);
    return status;
}

/* A scorer with the rule, a clone, and batches that shrink from anchor to anchor. */
static amp_status score_adaptively(amp_context *context, void *user, amp_error *error)
{
    amp_scorer_options options;
    amp_model *model = NULL;
    amp_scorer *scorer = NULL, *clone = NULL;
    int32_t anchors[HELD_OUT];
    amp_status status = amp_model_open(&model, context, user, error);

    amp_scorer_options_init(&options, sizeof options);
    options.adaptive = 1;
    if (status == AMP_OK)
        status = amp_scorer_create(&scorer, model, NULL, "amp", &options, error);
    if (status == AMP_OK)
        status = run_some(scorer, 1, anchors, error);
    if (status == AMP_OK)
        status = amp_scorer_clone(&clone, scorer, error);
    if (status == AMP_OK)
        status = run_some(clone, HELD_OUT, anchors, error);
    amp_scorer_free(clone);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    return status;
}

START_TEST(scoring_adaptively)
{
    char *const path = strdup(test_scratch_path("rule.safetensors"));

    save_with_rule(path);
    test_out_of_memory(score_adaptively, path);
    free(path);
}
END_TEST

/* A run that failed for want of memory leaves the scorer as it was: the next gives the numbers of
   one that never failed. */
START_TEST(adaptive_scorer_after_a_failure)
{
    char *const path = strdup(test_scratch_path("rule.safetensors"));
    int32_t wanted[HELD_OUT] = { 0 }, got[HELD_OUT] = { 0 };
    test_memory memory = { 0 };
    amp_context *const context = test_context(&memory);
    amp_scorer_options options;
    amp_model *model = NULL;
    amp_scorer *scorer = NULL, *other = NULL;
    amp_error error = { 0 };
    size_t failures = 0;

    save_with_rule(path);
    amp_scorer_options_init(&options, sizeof options);
    options.adaptive = 1;
    ck_ok(amp_model_open(&model, context, path, &error), &error);
    ck_ok(amp_scorer_create(&scorer, model, NULL, "amp", &options, &error), &error);
    ck_ok(amp_scorer_clone(&other, scorer, &error), &error);
    for (amp_status status = AMP_E_NOMEM; status != AMP_OK; failures++) {
        memory.fail_at = memory.calls + 1 + failures;
        status = run_some(scorer, HELD_OUT, got, &error);
        ck_assert(status == AMP_OK || status == AMP_E_NOMEM);
        ck_assert_uint_lt(failures, 100000);
    }
    ck_assert_uint_gt(failures, 1);
    memory.fail_at = 0;
    ck_ok(run_some(other, HELD_OUT, wanted, &error), &error);
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    amp_scorer_free(other);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
    ck_assert_uint_eq(memory.live, 0);
    free(path);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { scoring,     building,           opening,
                                   calibrating, scoring_adaptively, adaptive_scorer_after_a_failure,
                                   NULL };
    return test_suite("api.memory", tests);
}

TEST_MAIN(suite)
