/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/trainer.c - the hub of training.  One batch, in order:
 *
 *   1 loader.c     the next batch: decoded, cropped, flipped, paired [T(c), x - c]  (batch.c)
 *   2 exec         forward in training mode -> logits
 *   3 loss.c       cross entropy and d loss / d logits
 *   4 exec         backward -> a gradient for each weight
 *   5 schedule.c   the rate of this batch
 *   6 optimizer.c  SGD on the weights; average.c then, where asked for
 *   7 accuracy.c   after the last batch of an epoch: accuracy on the held-out part
 */
#define _POSIX_C_SOURCE 200809L
#include "train/train_internal.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define HISTORY 1000u

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static amp_status train_batch(amp_trainer *trainer, amp_error *error)
{
    const ampi_train_options *const options = &trainer->options;
    ampi_predictions predictions = { .n = trainer->batch,
                                     .classes = trainer->classes,
                                     .logits = trainer->logits };
    const ampi_batch *batch = NULL;
    size_t correct = 0;

    AMPI_TRY(ampi_loader_next(trainer->loader, &batch, error));
    AMPI_TRY(ampi_tape_forward(trainer->tape, batch->input, (uint64_t)options->seed, trainer->step,
                               trainer->logits, error));
    predictions.labels = batch->labels;
    predictions.others = batch->share < 1.0 ? batch->others : NULL;
    predictions.share = batch->share;
    predictions.smoothing = batch->uniform ? 1.0 : options->label_smoothing;
    trainer->last_loss = ampi_loss(&predictions, trainer->d_logits, &correct);
    if (!isfinite(trainer->last_loss))
        return ampi_fail(error, AMP_E_BACKEND, "train",
                         "the loss of batch %llu is not finite at learning rate %g",
                         (unsigned long long)trainer->step, options->lr);
    AMPI_TRY(ampi_tape_backward(trainer->tape, trainer->d_logits, NULL, error));
    ampi_sgd_step(&trainer->sgd, trainer->graph, trainer->tape, options,
                  ampi_schedule_rate(options, trainer->step, trainer->steps, trainer->per_epoch));
    trainer->last_accuracy = (double)correct / (double)trainer->batch;
    trainer->epoch_loss += trainer->last_loss;
    trainer->epoch_correct += trainer->last_accuracy;
    trainer->step++;
    if (trainer->average)
        ampi_average_step(trainer->average, trainer->graph, options, trainer->step, trainer->steps);
    return AMP_OK;
}

static amp_status remember(amp_trainer *trainer, double held_out, amp_error *error)
{
    const double batches = trainer->per_epoch;
    json_t *const row = json_pack(
        "{s:I, s:f, s:f}", "epoch", (json_int_t)(trainer->step / trainer->per_epoch), "loss",
        trainer->epoch_loss / batches, "accuracy", trainer->epoch_correct / batches);

    if (row && isfinite(held_out))
        (void)json_object_set_new(row, "held_out_accuracy", json_real(held_out));
    if (!row || json_array_append_new(trainer->history, row) != 0)
        return ampi_fail_nomem(error, "train", sizeof(json_t));
    if (json_array_size(trainer->history) > HISTORY)
        (void)json_array_remove(trainer->history, 0);
    return AMP_OK;
}

static amp_status end_epoch(amp_trainer *trainer, amp_error *error)
{
    double held_out = (double)NAN;

    if (trainer->held_out)
        AMPI_TRY(ampi_accuracy_measure(&trainer->accuracy, ampi_trainer_shown(trainer),
                                       (ampi_backend)trainer->options.backend, trainer->threads,
                                       &held_out, error));
    AMPI_TRY(remember(trainer, held_out, error));
    trainer->epoch_loss = trainer->epoch_correct = 0.0;
    return AMP_OK;
}

amp_status amp_trainer_step(amp_trainer *trainer, int32_t *done, amp_error *error)
{
    double began;

    if (!trainer || !done)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "trainer and done must be given");
    *done = trainer->step >= trainer->steps;
    if (*done)
        return AMP_OK;
    if (!trainer->loader)
        AMPI_TRY(ampi_trainer_start(trainer, error));
    began = now();
    AMPI_TRY(train_batch(trainer, error));
    began = now() - began;
    trainer->seconds += began;
    trainer->batch_seconds =
        trainer->batch_seconds > 0.0 ? 0.9 * trainer->batch_seconds + 0.1 * began : began;
    if (trainer->step % trainer->per_epoch == 0) {
        const double measured = now();
        AMPI_TRY(end_epoch(trainer, error));
        trainer->seconds += now() - measured;
    }
    *done = trainer->step >= trainer->steps;
    return AMP_OK;
}

static double number_in(const json_t *object, const char *key)
{
    const json_t *const value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static amp_status report(const amp_trainer *trainer, int32_t kind, amp_train_fn progress,
                         void *user, amp_error *error)
{
    const json_t *const row =
        json_array_get(trainer->history, json_array_size(trainer->history) - 1);
    const bool epoch = kind == AMP_TRAIN_EPOCH;
    amp_train_progress p;

    memset(&p, 0, sizeof p);
    p.struct_size = sizeof p;
    p.kind = kind;
    p.epochs = (uint32_t)trainer->options.epochs;
    p.epoch = (uint32_t)((trainer->step - 1) / trainer->per_epoch) + 1;
    p.step = trainer->step;
    p.steps = trainer->steps;
    p.learning_rate = ampi_schedule_rate(&trainer->options, trainer->step - 1, trainer->steps,
                                         trainer->per_epoch);
    p.loss = epoch ? number_in(row, "loss") : trainer->last_loss;
    p.accuracy = epoch ? number_in(row, "accuracy") : trainer->last_accuracy;
    p.held_out_accuracy = epoch ? number_in(row, "held_out_accuracy") : (double)NAN;
    p.images_per_second =
        trainer->batch_seconds > 0.0 ? trainer->batch / trainer->batch_seconds : 0.0;
    p.seconds = trainer->seconds;
    p.eta_seconds = trainer->batch_seconds * (double)(trainer->steps - trainer->step);
    if (progress(user, &p) != 0)
        return ampi_fail(error, AMP_E_CANCELLED, "train", "stopped after batch %llu of %llu",
                         (unsigned long long)trainer->step, (unsigned long long)trainer->steps);
    return AMP_OK;
}

amp_status amp_trainer_run(amp_trainer *trainer, amp_train_fn progress, void *user,
                           amp_error *error)
{
    int32_t done = 0;

    if (!trainer)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "trainer must be given");
    while (!done) {
        const uint64_t before = trainer->step;
        AMPI_TRY(amp_trainer_step(trainer, &done, error));
        if (!progress || trainer->step == before)
            continue;
        AMPI_TRY(report(trainer, AMP_TRAIN_STEP, progress, user, error));
        if (trainer->step % trainer->per_epoch == 0)
            AMPI_TRY(report(trainer, AMP_TRAIN_EPOCH, progress, user, error));
    }
    return AMP_OK;
}
