/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/checkpoint.c - a run on disk: weights, velocities, position; atomically, and back.
 *
 * A checkpoint is a model file with the section "amp.train" and the record "checkpoint", so every
 * reader of models can look at it.
 */
#include "core/file.h"
#include "train/train_internal.h"

#include <stdio.h>
#include <string.h>

#define VELOCITY "amp.train.velocity."
#define AVERAGE "amp.train.average."

/* Values of the tensor's shape, as the section "<prefix><tensor>". */
static amp_status pack(ampi_blobs *out, const char *prefix, const ampi_tensor *tensor,
                       const float *values, amp_error *error)
{
    char name[AMPI_BLOB_NAME];
    ampi_blob *blob = NULL;

    (void)snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    AMPI_TRY(ampi_blobs_add(out, &blob, name, AMPI_DTYPE_F32, tensor->rank, tensor->dims, error));
    memcpy(blob->data, values, blob->bytes);
    return AMP_OK;
}

static amp_status unpack(const ampi_blobs *blobs, const char *prefix, const ampi_tensor *tensor,
                         float *values, amp_error *error)
{
    char name[AMPI_BLOB_NAME];
    const ampi_blob *blob = NULL;

    (void)snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    AMPI_TRY(
        ampi_blobs_expect(blobs, &blob, name, AMPI_DTYPE_F32, tensor->rank, tensor->dims, error));
    memcpy(values, blob->data, blob->bytes);
    return AMP_OK;
}

static amp_status pack_velocities(const amp_trainer *trainer, ampi_blobs *out, amp_error *error)
{
    for (size_t i = 0; i < trainer->graph->n_tensors; i++) {
        const ampi_tensor *const tensor = &trainer->graph->tensors[i];
        if (tensor->trainable)
            AMPI_TRY(pack(out, VELOCITY, tensor, trainer->sgd.velocity[i], error));
    }
    return AMP_OK;
}

static amp_status pack_average(const amp_trainer *trainer, ampi_blobs *out, amp_error *error)
{
    for (size_t i = 0; trainer->average && i < trainer->average->n_tensors; i++) {
        const ampi_tensor *const tensor = &trainer->average->tensors[i];
        if (tensor->data)
            AMPI_TRY(pack(out, AVERAGE, tensor, tensor->data, error));
    }
    return AMP_OK;
}

static json_t *position(const amp_trainer *trainer)
{
    char options[2048];

    (void)ampi_train_options_format(&trainer->options, false, options, sizeof options);
    return json_pack("{s:s, s:s, s:I, s:I, s:i, s:f, s:f, s:f, s:O}", "options", options, "data",
                     trainer->data_spec, "images", (json_int_t)trainer->source.n, "step",
                     (json_int_t)trainer->step, "threads", (int)trainer->threads, "epoch_loss",
                     trainer->epoch_loss, "epoch_correct", trainer->epoch_correct, "seconds",
                     trainer->seconds, "history", trainer->history);
}

static amp_status checkpoint_model(amp_trainer *trainer, amp_model **out, amp_error *error)
{
    ampi_graph *graph = NULL;
    json_t *record = NULL;
    ampi_blobs sections;
    amp_status status;

    ampi_blobs_init(&sections, trainer->context);
    status = ampi_json_copy(&record, trainer->initial->record, error);
    if (status != AMP_OK)
        goto done;
    /* What belonged to the weights it started from. */
    (void)json_object_del(record, "calibration");
    (void)json_object_del(record, "int8");
    if (json_object_set_new(record, "checkpoint", position(trainer)) != 0) {
        status = ampi_fail_nomem(error, "train", sizeof *record);
        goto done;
    }
    status = pack_velocities(trainer, &sections, error);
    if (status == AMP_OK)
        status = pack_average(trainer, &sections, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_graph_clone(&graph, trainer->graph, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_model_make(out, graph, &sections, record, error);
    if (status == AMP_OK)
        graph = NULL;
done:
    ampi_graph_free(graph);
    ampi_blobs_clear(&sections);
    json_decref(record);
    return status;
}

amp_status amp_trainer_save_checkpoint(amp_trainer *trainer, const char *path, amp_error *error)
{
    amp_model *model = NULL;
    amp_status status;

    if (!trainer || !path)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "trainer and path must be given");
    AMPI_TRY(checkpoint_model(trainer, &model, error));
    status = amp_model_save(model, path, error);
    amp_model_unref(model);
    return status;
}

static amp_status unpack_velocities(amp_trainer *trainer, const ampi_blobs *blobs, amp_error *error)
{
    for (size_t i = 0; i < trainer->graph->n_tensors; i++) {
        const ampi_tensor *const tensor = &trainer->graph->tensors[i];
        if (tensor->trainable)
            AMPI_TRY(unpack(blobs, VELOCITY, tensor, trainer->sgd.velocity[i], error));
    }
    return AMP_OK;
}

/* The counters are those of the weights: both are steps done. */
static amp_status unpack_average(amp_trainer *trainer, const ampi_blobs *blobs, amp_error *error)
{
    for (size_t i = 0; trainer->average && i < trainer->average->n_tensors; i++) {
        const ampi_tensor *const tensor = &trainer->average->tensors[i];
        if (tensor->data)
            AMPI_TRY(unpack(blobs, AVERAGE, tensor, tensor->data, error));
    }
    return AMP_OK;
}

static amp_status restore(amp_trainer *trainer, const json_t *at, amp_error *error)
{
    const json_t *const history = json_object_get(at, "history");
    int64_t step = 0, images = 0, threads = 0;

    AMPI_TRY(ampi_record_integer(at, "step", 0, (int64_t)trainer->steps, &step, error));
    AMPI_TRY(ampi_record_integer(at, "images", 0, INT64_MAX, &images, error));
    AMPI_TRY(ampi_record_integer(at, "threads", 1, 1024, &threads, error));
    AMPI_TRY(ampi_record_number(at, "epoch_loss", 0, 1e300, &trainer->epoch_loss, error));
    AMPI_TRY(ampi_record_number(at, "epoch_correct", 0, 1e300, &trainer->epoch_correct, error));
    AMPI_TRY(ampi_record_number(at, "seconds", 0, 1e300, &trainer->seconds, error));
    if ((uint64_t)images != trainer->source.n)
        return ampi_fail(error, AMP_E_SHAPE, "train",
                         "the checkpoint was made with %lld training images, now there are %u",
                         (long long)images, trainer->source.n);
    if (threads != trainer->threads)
        ampi_log(trainer->context, AMP_LOG_WARNING,
                 "train: %lld threads before, %d now: the bits will differ", (long long)threads,
                 (int)trainer->threads);
    if (!json_is_array(history))
        return ampi_fail(error, AMP_E_FORMAT, "train", "the checkpoint has no history");
    trainer->step = (uint64_t)step;
    json_decref(trainer->history);
    return ampi_json_copy(&trainer->history, history, error);
}

/* Checkpoints from before there was a choice were made in fp32. */
static void options_then(const char *recorded, char out[2048 + 16])
{
    const bool chosen = strstr(recorded, "precision=") != NULL;

    (void)snprintf(out, 2048 + 16, "%.2047s%s", recorded, chosen ? "" : ",precision=fp32");
}

static amp_status resume_model(amp_trainer **out, amp_model *model, const char *data_spec,
                               const amp_dataset_options *data_options, amp_error *error)
{
    const json_t *const at = json_object_get(model->record, "checkpoint");
    const char *options = NULL, *recorded = NULL;
    char then[2048 + 16];
    amp_dataset *dataset = NULL;
    amp_trainer *trainer = NULL;
    amp_status status;

    if (!json_is_object(at))
        return ampi_fail(error, AMP_E_FORMAT, "train", "the file is a model, not a checkpoint");
    AMPI_TRY(ampi_record_text(at, "options", &options, error));
    AMPI_TRY(ampi_record_text(at, "data", &recorded, error));
    AMPI_TRY(amp_dataset_open(&dataset, model->context, data_spec ? data_spec : recorded,
                              data_options, error));
    options_then(options, then);
    status = ampi_trainer_build(&trainer, model, dataset, then, error);
    if (status != AMP_OK)
        goto done;
    status = restore(trainer, at, error);
    if (status != AMP_OK)
        goto done;
    status = unpack_velocities(trainer, &model->sections, error);
    if (status == AMP_OK)
        status = unpack_average(trainer, &model->sections, error);
    if (status != AMP_OK)
        goto done;
    *out = trainer;
    trainer = NULL;
done:
    amp_trainer_free(trainer);
    amp_dataset_free(dataset);
    return status;
}

amp_status amp_trainer_resume(amp_trainer **out, amp_context *context, const char *path,
                              const char *data_spec, const amp_dataset_options *data_options,
                              amp_error *error)
{
    amp_context *own = NULL;
    amp_model *model = NULL;
    ampi_file *file = NULL;
    amp_status status;

    if (!out || !path)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "out and path must be given");
    *out = NULL;
    AMPI_TRY(ampi_context_get(&own, context, error));
    status = ampi_file_open(&file, own, path, AMPI_MODEL_MAX_BYTES, "train", error);
    if (status == AMP_OK)
        status = ampi_model_parse(&model, own, &(ampi_model_source){ .name = path, .file = file },
                                  error);
    ampi_file_unref(file);
    if (status == AMP_OK)
        status = resume_model(out, model, data_spec, data_options, error);
    amp_model_unref(model);
    amp_context_unref(own);
    return status;
}
