/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_info.c - amp info: what is in a model file.
 */
#include "steps.h"

#include <jansson.h>

#define MOST_CLASSES 12u /* named */

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file, when it is no operand (default: $AMP_MODEL)" },
    { "json", 'j', NULL, "the whole record of the model as JSON" },
    { NULL, 0, NULL, NULL },
};

/* Texts of a file from anywhere, for a terminal. */
static void show_text(const char *title, const char *text)
{
    char shown[2048];

    if (!text)
        return;
    (void)snprintf(shown, sizeof shown, "%s", text);
    cli_printable(shown);
    (void)printf("%-15s %s\n", title, shown);
}

static const char *text_in(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static long long integer_in(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void show_training(const json_t *training)
{
    const json_t *const held_out = json_object_get(training, "held_out_accuracy");
    char spent[32], line[128];

    if (!json_is_object(training))
        return;
    cli_duration(json_number_value(json_object_get(training, "seconds")), spent, sizeof spent);
    (void)snprintf(line, sizeof line, "%lld images, %lld held out, %lld epochs, %s",
                   integer_in(training, "images"), integer_in(training, "held_out"),
                   integer_in(training, "epochs"), spent);
    show_text("trained on", text_in(training, "data"));
    show_text("", line);
    show_text("options", text_in(training, "options"));
    if (json_is_number(held_out))
        (void)printf("%-15s %.2f %% right while training\n", "held out",
                     100 * json_number_value(held_out));
}

/* A run that was saved is a model file too. */
static void show_checkpoint(const json_t *checkpoint)
{
    char line[128];

    if (!json_is_object(checkpoint))
        return;
    (void)snprintf(line, sizeof line, "of a training run after batch %lld; amp train --resume",
                   integer_in(checkpoint, "step"));
    show_text("checkpoint", line);
    show_text("options", text_in(checkpoint, "options"));
}

static void show_thresholds(const json_t *calibration)
{
    const json_t *const list = json_object_get(calibration, "thresholds");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *const row = json_array_get(list, i);
        const char *const method = text_in(row, "method");
        const char *const precision = text_in(row, "precision");
        char line[300];
        if (!method)
            continue;
        (void)snprintf(line, sizeof line, "%-12s K = %lld, %s, TPR %.4g: %.6g", method,
                       integer_in(row, "anchors"), precision ? precision : "?",
                       json_number_value(json_object_get(row, "tpr")),
                       json_number_value(json_object_get(row, "threshold")));
        show_text("threshold", line);
    }
}

/* How much of the network runs in int8, and what its ranges were seen on. */
static void show_int8(const amp_model *model, const json_t *form)
{
    const double share = amp_model_int8_share(model);

    if (share > 0)
        (void)printf("%-15s %.1f %% of the multiply-adds; ranges from %lld images, %lld anchors\n",
                     "int8", 100 * share, integer_in(form, "images"), integer_in(form, "anchors"));
}

static void show_classes(const amp_model *model, uint32_t classes)
{
    char line[1024];
    size_t used = (size_t)snprintf(line, sizeof line, "%u%s", classes,
                                   amp_model_class_name(model, 0) ? ":" : ", without names");

    for (uint32_t i = 0; i < classes && i < MOST_CLASSES && used < sizeof line; i++) {
        const char *const name = amp_model_class_name(model, i);
        if (name)
            used += (size_t)snprintf(line + used, sizeof line - used, " %s", name);
    }
    if (classes > MOST_CLASSES && used < sizeof line)
        (void)snprintf(line + used, sizeof line - used, " ...");
    show_text("classes", line);
}

static void show_bank(const amp_model *model, const amp_model_info *info)
{
    if (!info->anchored)
        (void)printf("%-15s none: the network is plain\n", "anchors");
    else if (info->anchors == 0)
        (void)printf("%-15s none yet: see amp bank\n", "anchors");
    else
        (void)printf("%-15s %u, stored as %s\n", "anchors", info->anchors,
                     amp_bank_has_pixels(amp_model_bank(model)) ? "pixels" : "stem outputs");
}

static void show(const amp_model *model, const amp_model_info *info)
{
    json_t *const record = json_loads(amp_model_record(model), 0, NULL);

    show_text("network", amp_model_arch(model));
    (void)printf("%-15s %llu; %.1f million multiply-adds a pass\n", "parameters",
                 (unsigned long long)info->parameters, 1e-6 * (double)info->multiply_adds);
    (void)printf("%-15s %u x %u, %u channels%s\n", "image", info->width, info->height,
                 info->channels, info->anchored ? ", anchored" : ", plain");
    show_text("preprocessing", amp_model_preprocess(model));
    show_classes(model, info->classes);
    show_bank(model, info);
    if (info->temperature > 0)
        (void)printf("%-15s %.6g\n", "temperature", info->temperature);
    show_thresholds(json_object_get(record, "calibration"));
    show_int8(model, json_object_get(record, "int8"));
    show_training(json_object_get(record, "training"));
    show_checkpoint(json_object_get(record, "checkpoint"));
    json_decref(record);
}

static int open_model(const cli_arguments *arguments, amp_model **out)
{
    const char *const path =
        arguments->n_operands == 1 ? arguments->operands[0] : cli_model_path(arguments);
    amp_error error;

    if (!path || arguments->n_operands > 1) {
        cli_error("one model file is needed");
        return CLI_USAGE;
    }
    if (amp_model_open(out, NULL, path, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    return CLI_OK;
}

static int run_info(const cli_arguments *arguments)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_model *model = NULL;
    amp_error error;
    int code = open_model(arguments, &model);

    if (code == CLI_OK && amp_model_get_info(model, &info, &error) != AMP_OK)
        code = cli_fail(&error, CLI_MODEL);
    if (code == CLI_OK && cli_has(arguments, "json"))
        (void)printf("%s\n", amp_model_record(model));
    else if (code == CLI_OK)
        show(model, &info);
    amp_model_unref(model);
    return code;
}

const cli_command cli_info = {
    .name = "info",
    .summary = "show what a model file holds",
    .operands = "[MODEL]",
    .flags = flags,
    .details = "",
    .examples =
        "  amp info model.safetensors\n  amp info --json model.safetensors | jq .training\n",
    .run = run_info,
};
