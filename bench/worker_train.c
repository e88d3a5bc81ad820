/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/worker_train.c - libamp's training as a contender of bench/train, by its public API alone.
 *
 *   worker_train ARCH DATA PRECISION BATCH THREADS
 *
 * A repetition is one batch as `amp train` does it: made by the loader (crop, mirror, anchors, the
 * transform every fifth batch), forward, loss, backward, SGD.  "logits" is the batch's loss.
 */
#include "serve.h"
#include <amp/amp.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct training {
    amp_context *context;
    amp_dataset *dataset;
    amp_model *model;
    amp_trainer *trainer;
    float loss;
    amp_error error;
} training;

/* One batch, then stop. */
static int32_t after_batch(void *user, const amp_train_progress *progress)
{
    training *const t = user;

    t->loss = (float)progress->loss;
    return 1;
}

static int run(void *user)
{
    training *const t = user;
    const amp_status status = amp_trainer_run(t->trainer, after_batch, t, &t->error);

    return status == AMP_OK || status == AMP_E_CANCELLED ? 0 : 1;
}

static const char *fault(void *user)
{
    const training *const t = user;

    return t->error.message;
}

static amp_status open_all(training *t, char **argv, const char *options)
{
    amp_context_options how;
    amp_status status;

    amp_context_options_init(&how, sizeof how);
    how.threads = (int32_t)strtol(argv[5], NULL, 10);
    status = amp_context_create(&t->context, &how, &t->error);
    if (status == AMP_OK)
        status = amp_dataset_open(&t->dataset, t->context, argv[2], NULL, &t->error);
    if (status == AMP_OK)
        status = amp_model_create(&t->model, t->context, argv[1], NULL, 1, &t->error);
    if (status == AMP_OK)
        status = amp_trainer_create(&t->trainer, t->model, t->dataset, options, &t->error);
    return status;
}

static void close_all(training *t)
{
    amp_trainer_free(t->trainer);
    amp_model_unref(t->model);
    amp_dataset_free(t->dataset);
    amp_context_unref(t->context);
}

int main(int argc, char **argv)
{
    static training t;
    char version[256] = "", options[256];
    bench_work task = { .version = version,
                        .settings = options,
                        .run = run,
                        .fault = fault,
                        .logits = &t.loss,
                        .n_logits = 1,
                        .user = &t };
    int code;

    if (argc != 6) {
        (void)fputs("usage: worker_train ARCH DATA PRECISION BATCH THREADS\n", stderr);
        return 2;
    }
    (void)amp_build_info(version, sizeof version);
    (void)snprintf(options, sizeof options,
                   "precision=%s,batch=%s,epochs=10000,held_out=0,schedule=constant,lr=0.01",
                   argv[3], argv[4]);
    code =
        open_all(&t, argv, options) == AMP_OK ? bench_serve(&task) : bench_refuse(t.error.message);
    close_all(&t);
    return code;
}
