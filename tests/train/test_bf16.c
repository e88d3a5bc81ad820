/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bf16.c - the precision of training: chosen, recorded, refused; resumed with the same bits;
 * learning on real images as fp32 does; and that a running trainer allocates nothing.
 */
#include "train_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET "wrn:depth=10,width=2"
#define RUN "epochs=2,batch=16,held_out=16,seed=3,threads=2,precision="

static bool here(void)
{
    return ampi_precision_here(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_BF16);
}

START_TEST(auto_is_what_the_processor_has)
{
    amp_context *const context = support_context();
    amp_trainer *const chosen = support_trainer(context, NET, RUN "auto");
    amp_trainer *const loops = support_trainer(context, NET, "backend=reference,held_out=0");

    ck_assert_int_eq(chosen->options.precision, here() ? AMPI_TRAIN_BF16 : AMPI_TRAIN_FP32);
    ck_assert_int_eq(loops->options.precision, AMPI_TRAIN_FP32);
    amp_trainer_free(chosen);
    amp_trainer_free(loops);
    amp_context_unref(context);
}
END_TEST

START_TEST(refused_where_it_is_not_there)
{
    amp_context *const context = support_context();
    amp_model *const model = support_model(context, NET);
    amp_dataset *const dataset = support_open(context, support_data("train.bin", 80));
    amp_trainer *trainer = NULL;
    amp_error error;

    ck_fails(
        amp_trainer_create(&trainer, model, dataset, "backend=reference,precision=bf16", &error),
        AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_null(trainer);
    if (!here())
        ck_fails(amp_trainer_create(&trainer, model, dataset, "precision=bf16", &error),
                 AMP_E_UNSUPPORTED, &error);
    ck_fails(amp_trainer_create(&trainer, model, dataset, "precision=int8", &error), AMP_E_ARGUMENT,
             &error);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* Halted inside the first epoch and between the two; the checkpoint says in what. */
START_TEST(a_resumed_run_has_the_same_bits)
{
    static const char *const runs[] = { RUN "auto", RUN "bf16", RUN "fp32" };
    amp_context *const context = support_context();
    amp_trainer *straight, *halted, *resumed = NULL;
    const char *path;
    amp_error error;

    if (_i / 2 == 1 && !here())
        return;
    straight = support_trainer(context, NET, runs[_i / 2]);
    halted = support_trainer(context, NET, runs[_i / 2]);
    path = test_scratch_path("run.ckpt");
    ck_ok(amp_trainer_run(straight, NULL, NULL, &error), &error);
    support_steps(halted, _i % 2 == 0 ? 3 : 4);
    ck_ok(amp_trainer_save_checkpoint(halted, path, &error), &error);
    amp_trainer_free(halted);
    ck_ok(amp_trainer_resume(&resumed, context, path, NULL, NULL, &error), &error);
    ck_assert_int_eq(resumed->options.precision, straight->options.precision);
    ck_ok(amp_trainer_run(resumed, NULL, NULL, &error), &error);
    support_same_weights(straight, resumed);
    amp_trainer_free(straight);
    amp_trainer_free(resumed);
    amp_context_unref(context);
}
END_TEST

/* Cuts "precision=..." out of a checkpoint's options. */
static void forget_precision(amp_context *context, const char *path)
{
    amp_model *model = NULL;
    amp_error error;
    json_t *at;
    char text[2048];
    char *cut;
    size_t size = 0;
    unsigned char *const bytes = test_read_file(path, &size);

    ck_ok(ampi_model_parse(&model, context, &(ampi_model_source){ bytes, size, .name = path },
                           &error),
          &error);
    free(bytes);
    at = json_object_get(model->record, "checkpoint");
    (void)snprintf(text, sizeof text, "%s", json_string_value(json_object_get(at, "options")));
    cut = strstr(text, "precision=");
    ck_assert_ptr_nonnull(cut);
    memmove(cut, cut + strcspn(cut, ",") + 1, strlen(cut + strcspn(cut, ",")));
    ck_assert_int_eq(json_object_set_new(at, "options", json_string(text)), 0);
    ck_ok(amp_model_save(model, path, &error), &error);
    amp_model_unref(model);
}

START_TEST(an_old_checkpoint_goes_on_in_fp32)
{
    amp_context *const context = support_context();
    amp_trainer *const straight = support_trainer(context, NET, RUN "fp32");
    amp_trainer *halted = support_trainer(context, NET, RUN "fp32"), *resumed = NULL;
    const char *const path = test_scratch_path("old.ckpt");
    amp_error error;

    ck_ok(amp_trainer_run(straight, NULL, NULL, &error), &error);
    support_steps(halted, 3);
    ck_ok(amp_trainer_save_checkpoint(halted, path, &error), &error);
    amp_trainer_free(halted);
    forget_precision(context, path);
    ck_ok(amp_trainer_resume(&resumed, context, path, NULL, NULL, &error), &error);
    ck_assert_int_eq(resumed->options.precision, AMPI_TRAIN_FP32);
    ck_ok(amp_trainer_run(resumed, NULL, NULL, &error), &error);
    support_same_weights(straight, resumed);
    amp_trainer_free(straight);
    amp_trainer_free(resumed);
    amp_context_unref(context);
}
END_TEST

/* ---- real images -------------------------------------------------------------------------------
 */

typedef struct course {
    double first, last, accuracy;
} course;

static course train_on_cifar(const char *precision)
{
    amp_context *const context = support_context();
    amp_model *const model = support_model(context, NET);
    amp_dataset *dataset;
    amp_trainer *trainer = NULL;
    char text[600];
    course c;
    amp_error error;

    (void)snprintf(text, sizeof text, "cifar10:%s[0:1600]",
                   test_data_path("cifar10_data_batch_1.bin.xz"));
    dataset = support_open(context, text);
    (void)snprintf(text, sizeof text,
                   "epochs=4,batch=32,held_out=0,lr=0.05,seed=2,threads=2,precision=%s", precision);
    ck_ok(amp_trainer_create(&trainer, model, dataset, text, &error), &error);
    ck_ok(amp_trainer_run(trainer, NULL, NULL, &error), &error);
    c.first = json_number_value(json_object_get(json_array_get(trainer->history, 0), "loss"));
    c.last = json_number_value(json_object_get(json_array_get(trainer->history, 3), "loss"));
    c.accuracy =
        json_number_value(json_object_get(json_array_get(trainer->history, 3), "accuracy"));
    amp_trainer_free(trainer);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    amp_context_unref(context);
    return c;
}

START_TEST(real_images_are_learnt_as_in_fp32)
{
    course wanted, got;

    if (!here())
        return;
    wanted = train_on_cifar("fp32");
    got = train_on_cifar("bf16");
    ck_assert_double_lt(wanted.last, 0.95 * wanted.first);
    ck_assert_msg(fabs(got.first - wanted.first) < 0.03 * wanted.first &&
                      fabs(got.last - wanted.last) < 0.03 * wanted.last,
                  "bf16 %.4f .. %.4f, fp32 %.4f .. %.4f", got.first, got.last, wanted.first,
                  wanted.last);
    ck_assert_msg(fabs(got.accuracy - wanted.accuracy) < 0.04, "bf16 %.4f, fp32 %.4f", got.accuracy,
                  wanted.accuracy);
}
END_TEST

/* ---- steady state ------------------------------------------------------------------------------
 */

/* Inside an epoch: its end has an accuracy to measure and a row of the history to write. */
START_TEST(steps_allocate_nothing)
{
    static const char *const runs[] = { "precision=auto", "precision=fp32",
                                        "precision=auto,ema=0.9,mixup=0.4,cutout=8,clip_norm=1" };
    test_memory memory = { 0 };
    amp_context *const context = test_context(&memory);
    char options[200];
    amp_trainer *trainer;
    size_t before;

    (void)snprintf(options, sizeof options, "batch=8,held_out=0,threads=2,workers=0,%s", runs[_i]);
    trainer = support_trainer(context, "wrn:depth=10,width=2,dropout=0.1", options);
    support_steps(trainer, 3); /* with a transformed batch among them */
    before = memory.calls;
    support_steps(trainer, 6);
    ck_assert_uint_eq(memory.calls, before);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("train.bf16");
    TCase *const tests = tcase_create("bf16");

    tcase_add_test(tests, auto_is_what_the_processor_has);
    tcase_add_test(tests, refused_where_it_is_not_there);
    tcase_add_loop_test(tests, a_resumed_run_has_the_same_bits, 0, 6);
    tcase_add_test(tests, an_old_checkpoint_goes_on_in_fp32);
    tcase_add_test(tests, real_images_are_learnt_as_in_fp32);
    tcase_add_loop_test(tests, steps_allocate_nothing, 0, 3);
    suite_add_tcase(all, tests);
    return all;
}

TEST_MAIN(suite)
