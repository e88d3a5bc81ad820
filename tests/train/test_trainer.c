/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_trainer.c - runs that learn, stop, resume with the same bits, and refuse.
 */
#include "train_support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NET "wrn:depth=10,width=1,dropout=0.1"
#define RUN "epochs=2,batch=16,held_out=16,seed=3,threads=2"
/* All that a recipe may ask for, each of the averages once. */
#define MORE                                                                                       \
    RUN ",mixup=0.4,cutout=8,border=reflect,alternate_flip=1,mask_alpha=0.4,mask_target=uniform,"  \
        "clip_norm=1,schedule=linear,bias_lr=4,head_lr=0.5,decay_vectors=0,whiten="

START_TEST(a_run_learns)
{
    amp_context *const context = support_context();
    amp_trainer *const trainer =
        support_trainer(context, NET, "epochs=12,batch=16,held_out=10,lr=0.05,crop=0,seed=1");
    amp_model *model = NULL;
    const json_t *first, *last;
    amp_error error;

    ck_ok(amp_trainer_run(trainer, NULL, NULL, &error), &error);
    ck_assert_uint_eq(json_array_size(trainer->history), 12);
    first = json_array_get(trainer->history, 0);
    last = json_array_get(trainer->history, 11);
    ck_assert_double_lt(json_number_value(json_object_get(last, "loss")),
                        0.85 * json_number_value(json_object_get(first, "loss")));
    ck_assert(json_is_number(json_object_get(last, "held_out_accuracy")));
    ck_ok(amp_trainer_model(trainer, &model, &error), &error);
    ck_assert_str_eq(amp_model_class_name(model, 3), "cat");
    ck_assert_ptr_nonnull(strstr(amp_model_record(model), "\"training\""));
    ck_assert_ptr_null(strstr(amp_model_record(model), "\"checkpoint\""));
    amp_model_unref(model);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

/* 64 images make 4 batches an epoch: 3 stops inside the first, 4 between, 6 inside the last. */
START_TEST(a_resumed_run_has_the_same_bits)
{
    static const int stops[] = { 3, 4, 6 };
    static const char *const options[] = { RUN, MORE "fixed,ema=0.9", MORE "start,lookahead=2" };
    const char *const option = options[_i / 3];
    amp_context *const context = support_context();
    amp_trainer *const straight = support_trainer(context, NET, option);
    amp_trainer *halted = support_trainer(context, NET, option), *resumed = NULL;
    const char *const path = test_scratch_path("run.ckpt");
    amp_error error;

    ck_ok(amp_trainer_run(straight, NULL, NULL, &error), &error);
    support_steps(halted, stops[_i % 3]);
    ck_ok(amp_trainer_save_checkpoint(halted, path, &error), &error);
    ck_ok(amp_trainer_resume(&resumed, context, path, NULL, NULL, &error), &error);
    amp_trainer_free(halted);
    ck_ok(amp_trainer_run(resumed, NULL, NULL, &error), &error);
    support_same_weights(straight, resumed);
    ck_assert_int_eq(json_equal(straight->history, resumed->history), 1);
    amp_trainer_free(straight);
    amp_trainer_free(resumed);
    amp_context_unref(context);
}
END_TEST

static int32_t stop_at(void *user, const amp_train_progress *p)
{
    const uint64_t *const at = user;

    ck_assert_uint_le(p->step, p->steps);
    ck_assert_double_gt(p->learning_rate, 0);
    return p->step == *at;
}

START_TEST(a_cancelled_run_goes_on)
{
    amp_context *const context = support_context();
    amp_trainer *const straight = support_trainer(context, NET, RUN);
    amp_trainer *const stopped = support_trainer(context, NET, RUN);
    uint64_t at = 5;
    amp_error error;

    ck_ok(amp_trainer_run(straight, NULL, NULL, &error), &error);
    ck_fails(amp_trainer_run(stopped, stop_at, &at, &error), AMP_E_CANCELLED, &error);
    ck_assert_uint_eq(stopped->step, 5);
    ck_ok(amp_trainer_run(stopped, NULL, NULL, &error), &error);
    support_same_weights(straight, stopped);
    amp_trainer_free(straight);
    amp_trainer_free(stopped);
    amp_context_unref(context);
}
END_TEST

START_TEST(back_ends_agree)
{
    amp_context *const context = support_context();
    amp_trainer *const fast = support_trainer(context, "wrn:depth=10,width=1", RUN);
    amp_trainer *const plain =
        support_trainer(context, "wrn:depth=10,width=1", RUN ",backend=reference");

    for (int i = 0; i < 3; i++) {
        support_steps(fast, 1);
        support_steps(plain, 1);
        ck_assert_msg(fabs(fast->last_loss - plain->last_loss) < 1e-3 * plain->last_loss,
                      "loss %.9g against %.9g at step %d", fast->last_loss, plain->last_loss, i);
    }
    amp_trainer_free(fast);
    amp_trainer_free(plain);
    amp_context_unref(context);
}
END_TEST

static void refuse(const char *arch, const char *spec, const char *options, amp_status expected)
{
    amp_context *const context = support_context();
    amp_model *const model = support_model(context, arch);
    amp_dataset *const dataset = support_open(context, spec);
    amp_trainer *trainer = NULL;
    amp_error error;

    ck_fails(amp_trainer_create(&trainer, model, dataset, options, &error), expected, &error);
    ck_assert_ptr_null(trainer);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    amp_context_unref(context);
}

START_TEST(what_cannot_train_is_refused)
{
    const char *const net = "wrn:depth=10,width=1";

    refuse(net, support_labels("unknown.bin", 20, 255), "held_out=0", AMP_E_ARGUMENT);
    refuse("wrn:depth=10,width=1,classes=2", support_labels("three.bin", 20, 1), "held_out=0",
           AMP_E_SHAPE);
    refuse(net, support_data("few.bin", 20), "held_out=20", AMP_E_ARGUMENT);
    refuse(net, support_data("few.bin", 20), "crop=33", AMP_E_ARGUMENT);
    refuse(net, support_data("few.bin", 20), "crop=32,border=reflect", AMP_E_ARGUMENT);
    refuse(net, support_data("few.bin", 20), "cutout=33", AMP_E_ARGUMENT);
    refuse(net, support_data("few.bin", 20), "ema=0.9,lookahead=5", AMP_E_ARGUMENT);
    refuse(net, support_data("few.bin", 20), "lr=-1", AMP_E_ARGUMENT);
    refuse(net, support_data("few.bin", 20), "schedule=other", AMP_E_ARGUMENT);
}
END_TEST

START_TEST(contexts_do_not_mix)
{
    amp_context *const context = support_context(), *const other = support_context();
    amp_model *const model = support_model(context, "wrn:depth=10,width=1");
    amp_dataset *const dataset = support_open(other, support_data("few.bin", 20));
    amp_trainer *trainer = NULL;
    amp_error error;

    ck_fails(amp_trainer_create(&trainer, model, dataset, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(trainer);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    amp_context_unref(other);
    amp_context_unref(context);
}
END_TEST

START_TEST(a_wild_rate_is_reported)
{
    amp_context *const context = support_context();
    amp_trainer *const trainer =
        support_trainer(context, "wrn:depth=10,width=1",
                        "epochs=4,batch=16,lr=1000,schedule=constant,held_out=0,precision=fp32");
    amp_error error;

    ck_fails(amp_trainer_run(trainer, NULL, NULL, &error), AMP_E_BACKEND, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "learning rate 1000"));
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

START_TEST(a_model_is_no_checkpoint)
{
    amp_context *const context = support_context();
    amp_model *const model = support_model(context, NET);
    const char *const path = test_scratch_path("model.safetensors");
    amp_trainer *trainer = NULL;
    amp_error error;

    ck_ok(amp_model_save(model, path, &error), &error);
    ck_fails(amp_trainer_resume(&trainer, context, path, NULL, NULL, &error), AMP_E_FORMAT, &error);
    ck_fails(amp_trainer_resume(&trainer, context, test_scratch_path("absent"), NULL, NULL, &error),
             AMP_E_IO, &error);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(another_data_set_is_noticed)
{
    amp_context *const context = support_context();
    amp_trainer *const trainer = support_trainer(context, NET, RUN);
    amp_trainer *resumed = NULL;
    char path[512];
    amp_error error;

    (void)snprintf(path, sizeof path, "%s", test_scratch_path("moved.ckpt"));
    support_steps(trainer, 1);
    ck_ok(amp_trainer_save_checkpoint(trainer, path, &error), &error);
    ck_fails(
        amp_trainer_resume(&resumed, context, path, support_data("other.bin", 90), NULL, &error),
        AMP_E_SHAPE, &error);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

/* More images than batches hold, fewer images than a batch, one image. */
START_TEST(odd_sizes_train)
{
    static const char *const options[] = { "epochs=1,batch=50,held_out=0",
                                           "epochs=2,batch=4096,held_out=0",
                                           "epochs=1,batch=16,held_out=79,corrupt_every=1" };
    amp_context *const context = support_context();
    amp_trainer *const trainer = support_trainer(context, "wrn:depth=10,width=1", options[_i]);
    amp_error error;

    ck_ok(amp_trainer_run(trainer, NULL, NULL, &error), &error);
    ck_assert_uint_eq(trainer->step, trainer->steps);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

static amp_status one_step(amp_context *context, void *user, amp_error *error)
{
    const char *const spec = user;
    amp_dataset *dataset = NULL;
    amp_trainer *trainer = NULL;
    amp_model *model = NULL, *made = NULL;
    int32_t done;
    amp_status status = ampi_model_create(&model, context, "wrn:depth=10,width=1", NULL, 3, error);

    if (status == AMP_OK)
        status = amp_dataset_open(&dataset, context, spec, NULL, error);
    if (status == AMP_OK)
        status = amp_trainer_create(&trainer, model, dataset,
                                    "epochs=1,batch=4,held_out=4,workers=0,mixup=1,ema=0.9", error);
    if (status == AMP_OK)
        status = amp_trainer_step(trainer, &done, error);
    if (status == AMP_OK)
        status = amp_trainer_model(trainer, &made, error);
    amp_model_unref(made);
    amp_trainer_free(trainer);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    char spec[512];

    (void)snprintf(spec, sizeof spec, "%s", support_data("memory.bin", 8));
    test_out_of_memory(one_step, spec);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("train.trainer");
    TCase *const single = tcase_create("single"), *const loops = tcase_create("loops");
    TCase *const memory = tcase_create("memory");

    tcase_add_test(single, a_run_learns);
    tcase_add_test(single, a_cancelled_run_goes_on);
    tcase_add_test(single, back_ends_agree);
    tcase_add_test(single, what_cannot_train_is_refused);
    tcase_add_test(single, contexts_do_not_mix);
    tcase_add_test(single, a_wild_rate_is_reported);
    tcase_add_test(single, a_model_is_no_checkpoint);
    tcase_add_test(single, another_data_set_is_noticed);
    tcase_add_test(memory, every_allocation_may_fail);
    tcase_add_loop_test(loops, a_resumed_run_has_the_same_bits, 0, 9);
    tcase_add_loop_test(loops, odd_sizes_train, 0, 3);
    suite_add_tcase(all, single);
    suite_add_tcase(all, loops);
    suite_add_tcase(all, memory);
    return all;
}

TEST_MAIN(suite)
