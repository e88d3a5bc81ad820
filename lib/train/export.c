/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/export.c - the trained model, with what it was trained on and how.
 */
#include "train/train_internal.h"

#include <amp/version.h>
#include <string.h>

json_t *ampi_trainer_training_record(const amp_trainer *trainer)
{
    const uint64_t held_out = trainer->held_out ? amp_dataset_size(trainer->held_out) : 0;
    const json_t *const last =
        json_array_get(trainer->history, json_array_size(trainer->history) - 1);
    const json_t *const accuracy = json_object_get(last, "held_out_accuracy");
    char options[2048];
    json_t *record;

    (void)ampi_train_options_format(&trainer->options, false, options, sizeof options);
    record = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:i, s:O}", "libamp", amp_version(),
        "options", options, "data", trainer->data_spec, "images", (json_int_t)trainer->source.n,
        "held_out", (json_int_t)held_out, "seed", (json_int_t)trainer->options.seed, "epochs",
        (json_int_t)(trainer->step / trainer->per_epoch), "steps", (json_int_t)trainer->step,
        "seconds", trainer->seconds, "threads", (int)trainer->threads, "history", trainer->history);
    if (record && json_is_number(accuracy))
        (void)json_object_set_new(record, "held_out_accuracy",
                                  json_real(json_number_value(accuracy)));
    return record;
}

/* The data set's names, when it has one for every class of the network. */
static amp_status set_class_names(const amp_trainer *trainer, json_t *record, ampi_blobs *sections,
                                  amp_error *error)
{
    const uint32_t n = trainer->classes;
    const char **names;
    amp_status status = AMP_OK;
    uint32_t known = 0;

    if (amp_dataset_classes(trainer->rest) != n)
        return AMP_OK;
    names = ampi_alloc(trainer->context, n, sizeof *names);
    if (!names)
        return ampi_fail_nomem(error, "train", n * sizeof *names);
    while (known < n && (names[known] = amp_dataset_class_name(trainer->rest, known)) != NULL)
        known++;
    if (known == n)
        status = ampi_record_set_classes(record, sections, n, names, error);
    ampi_free(trainer->context, names);
    return status;
}

static amp_status whole_record(const amp_trainer *trainer, json_t **out, ampi_blobs *sections,
                               amp_error *error)
{
    AMPI_TRY(ampi_json_copy(out, trainer->initial->record, error));
    /* What belonged to the weights it started from. */
    (void)json_object_del(*out, "checkpoint");
    (void)json_object_del(*out, "bank");
    (void)json_object_del(*out, "calibration");
    (void)json_object_del(*out, "int8");
    (void)json_object_del(*out, "card");
    if (json_object_set_new(*out, "training", ampi_trainer_training_record(trainer)) != 0)
        return ampi_fail_nomem(error, "train", sizeof **out);
    return set_class_names(trainer, *out, sections, error);
}

amp_status amp_trainer_model(amp_trainer *trainer, amp_model **out, amp_error *error)
{
    ampi_graph *graph = NULL;
    json_t *record = NULL;
    ampi_blobs sections;
    amp_status status;

    if (!trainer || !out)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "trainer and out must be given");
    *out = NULL;
    ampi_blobs_init(&sections, trainer->context);
    status = ampi_graph_clone(&graph, ampi_trainer_shown(trainer), error);
    if (status != AMP_OK)
        goto done;
    status = whole_record(trainer, &record, &sections, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_model_make(out, graph, &sections, record, error);
    if (status == AMP_OK)
        graph = NULL;
done:
    ampi_graph_free(graph);
    json_decref(record);
    return status;
}
