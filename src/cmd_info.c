/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_info.c - amp info: what is in a model file.
 */
#include "cli.h"

#include <jansson.h>

static const cli_flag flags[] = {
    { "json", 0, NULL, "the whole record of the model as JSON" },
    { NULL, 0, NULL, NULL },
};

static void show_training(const json_t *training)
{
    const char *data = NULL, *options = NULL;
    json_int_t images = 0, epochs = 0;
    double seconds = 0, held_out = -1;
    char spent[32];

    if (json_unpack((json_t *)(uintptr_t)training, "{s:s, s?s, s?I, s?I, s?F, s?F}", "data", &data,
                    "options", &options, "images", &images, "epochs", &epochs, "seconds", &seconds,
                    "held_out_accuracy", &held_out) != 0)
        return;
    cli_duration(seconds, spent, sizeof spent);
    (void)printf("trained on      %s, %lld images, %lld epochs, %s\n", data, (long long)images,
                 (long long)epochs, spent);
    if (options)
        (void)printf("options         %s\n", options);
    if (held_out >= 0)
        (void)printf("held out        %.2f %% right while training\n", 100 * held_out);
}

static void show_thresholds(const json_t *calibration)
{
    const json_t *const list = json_object_get(calibration, "thresholds");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *method = NULL;
        json_int_t anchors = 0;
        double tpr = 0, threshold = 0;
        if (json_unpack(json_array_get(list, i), "{s:s, s:I, s:F, s:F}", "method", &method,
                        "anchors", &anchors, "tpr", &tpr, "threshold", &threshold) == 0)
            (void)printf("threshold       %-12s K = %lld, TPR %.4g: %.6g\n", method,
                         (long long)anchors, tpr, threshold);
    }
}

static void show_classes(const amp_model *model, uint32_t classes)
{
    (void)printf("classes         %u:", classes);
    for (uint32_t i = 0; i < classes && i < 12; i++)
        (void)printf(" %s", amp_model_class_name(model, i));
    (void)printf("%s\n", classes > 12 ? " ..." : "");
}

static void show(const amp_model *model, const amp_model_info *info)
{
    json_t *const record = json_loads(amp_model_record(model), 0, NULL);

    (void)printf("network         %s\n", amp_model_arch(model));
    (void)printf("parameters      %llu; %.1f million multiply-adds a pass\n",
                 (unsigned long long)info->parameters, 1e-6 * (double)info->multiply_adds);
    (void)printf("image           %u x %u, %u channels%s\n", info->width, info->height,
                 info->channels, info->anchored ? ", anchored" : ", plain");
    (void)printf("preprocessing   %s\n", amp_model_preprocess(model));
    show_classes(model, info->classes);
    if (info->anchors > 0)
        (void)printf("anchors         %u, stored as %s\n", info->anchors,
                     amp_bank_has_pixels(amp_model_bank(model)) ? "pixels" : "stem outputs");
    else
        (void)printf("anchors         none: see amp bank\n");
    if (info->temperature > 0)
        (void)printf("temperature     %.6g\n", info->temperature);
    show_thresholds(json_object_get(record, "calibration"));
    show_training(json_object_get(record, "training"));
    json_decref(record);
}

static int run_info(const cli_arguments *arguments)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_model *model = NULL;
    amp_error error;

    if (arguments->n_operands != 1) {
        cli_error("one model file is needed");
        return CLI_USAGE;
    }
    if (amp_model_open(&model, NULL, arguments->operands[0], &error) != AMP_OK ||
        amp_model_get_info(model, &info, &error) != AMP_OK) {
        amp_model_unref(model);
        return cli_fail(&error, CLI_MODEL);
    }
    if (cli_has(arguments, "json"))
        (void)printf("%s\n", amp_model_record(model));
    else
        show(model, &info);
    amp_model_unref(model);
    return CLI_OK;
}

const cli_command cli_info = {
    .name = "info",
    .summary = "show what a model file holds",
    .operands = "MODEL",
    .flags = flags,
    .details = "",
    .examples =
        "  amp info model.safetensors\n  amp info --json model.safetensors | jq .training\n",
    .run = run_info,
};
