/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_calibrate.c - amp calibrate: temperature and thresholds from held-out images.
 */
#include "cli.h"

#include "training_data.h"

#include <string.h>

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "output", 'o', "FILE", "write here instead of over the model" },
    { "data", 'd', "SPEC", "where the training images are now (default: as the model says)" },
    { "held-out", 0, "SPEC", "calibrate on this set, whole, instead of the held-out images" },
    { "method", 0, "LIST", "methods to make thresholds for (default: all)" },
    { "tpr", 0, "P", "share of in-distribution images to accept (default 0.95)" },
    { "anchors", 'k', "K", "use the first K anchors (default: all of the bank)" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

/* Every method that this model can run; the library refuses none of them. */
static void all_methods(const amp_model_info *info, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < amp_method_count() && used < size; i++) {
        if (!info->anchored && strcmp(amp_method_name(i), "amp") == 0)
            continue;
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", used ? ";" : "", amp_method_name(i));
    }
}

static int fit(const cli_arguments *arguments, amp_model *model, amp_dataset *held_out)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_model_builder *builder = NULL;
    char methods[1024], options[128];
    cli_progress progress;
    amp_status status;
    amp_error error;
    int code;

    if (amp_model_get_info(model, &info, &error) != AMP_OK ||
        amp_model_builder_create(&builder, model, &error) != AMP_OK)
        return cli_fail(&error, CLI_RESOURCES);
    all_methods(&info, methods, sizeof methods);
    (void)snprintf(options, sizeof options, "tpr=%s,anchors=%s", cli_get(arguments, "tpr", "0.95"),
                   cli_get(arguments, "anchors", "0"));
    cli_progress_start(&progress);
    status = amp_model_builder_calibrate(builder, held_out, cli_get(arguments, "method", methods),
                                         options, cli_progress_step, &progress, &error);
    cli_progress_clear(&progress);
    if (status != AMP_OK)
        code = cli_fail(&error, status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_INPUT);
    else
        code = cli_write_model(arguments, builder);
    amp_model_builder_free(builder);
    return code;
}

static int calibrate(const cli_arguments *arguments, amp_model *model)
{
    const char *const spec = cli_get(arguments, "held-out", NULL);
    amp_dataset *held_out = NULL;
    amp_error error;
    int code = CLI_OK;

    if (!spec)
        code = cli_training_data(model, cli_get(arguments, "data", NULL), NULL, &held_out);
    else if (amp_dataset_open(&held_out, amp_model_context(model), spec, NULL, &error) != AMP_OK)
        code = cli_fail(&error, error.status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_INPUT);
    if (code == CLI_OK)
        code = fit(arguments, model, held_out);
    amp_dataset_free(held_out);
    return code;
}

static int run_calibrate(const cli_arguments *arguments)
{
    amp_context *context = NULL;
    amp_model *model = NULL;
    int code;

    if (arguments->n_operands > 0) {
        cli_error("'%s' is not expected", arguments->operands[0]);
        return CLI_USAGE;
    }
    code = cli_context(arguments, &context);
    if (code == CLI_OK)
        code = cli_open_model(arguments, context, &model);
    if (code == CLI_OK)
        code = calibrate(arguments, model);
    amp_model_unref(model);
    amp_context_unref(context);
    return code;
}

const cli_command cli_calibrate = {
    .name = "calibrate",
    .summary = "fit temperature and thresholds on images never trained on",
    .operands = "",
    .flags = flags,
    .details = "The held-out images are those that amp train set apart; a test set is for amp eval "
               "alone.\n",
    .examples = "  amp calibrate -m model.safetensors\n"
                "  amp calibrate -m model.safetensors --held-out folder:fresh --tpr 0.99\n",
    .run = run_calibrate,
};
