/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_calibrate.c - amp calibrate: temperature and thresholds from held-out images.
 */
#include "cli.h"

#include "steps.h"
#include "training_data.h"

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "output", 'o', "FILE", "write here instead of over the model" },
    { "data", 'd', "SPEC", "where the training images are now (default: as the model says)" },
    { "held-out", 0, "SPEC", "calibrate on this set, whole, instead of the held-out images" },
    { "method", 0, "LIST", "methods to make thresholds for (default: all)" },
    { "tpr", 0, "P",
      "share of in-distribution images to accept, or several: 0.9:0.95:0.99 "
      "(default 0.95)" },
    { "anchors", 'k', "K", "use the first K anchors (default: all of the bank)" },
    { "precision", 0, "NAME",
      "thresholds hold for it alone: fp32 (also for fast), bf16, int8 (default fp32)" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

static int fit(const cli_arguments *arguments, amp_model *model, amp_dataset *held_out)
{
    amp_model_builder *builder = NULL;
    char methods[1024], options[128];
    cli_progress progress;
    amp_status status;
    amp_error error;
    int code;

    if (amp_model_builder_create(&builder, model, &error) != AMP_OK)
        return cli_fail(&error, CLI_RESOURCES);
    cli_all_methods(model, methods, sizeof methods);
    (void)snprintf(options, sizeof options, "tpr=%s,anchors=%s,precision=%s",
                   cli_get(arguments, "tpr", "0.95"), cli_get(arguments, "anchors", "0"),
                   cli_get(arguments, "precision", "fp32"));
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
    amp_dataset *rest = NULL, *held_out = NULL;
    int code = cli_need_bank(model);

    if (code == CLI_OK && spec)
        code = cli_open_dataset(amp_model_context(model), spec, &held_out);
    else if (code == CLI_OK)
        code = cli_training_data(model, cli_get(arguments, "data", NULL), &rest, &held_out);
    if (code == CLI_OK && !held_out) {
        cli_error("the model was trained without held-out images: name fresh ones by --held-out");
        code = CLI_USAGE;
    }
    if (code == CLI_OK)
        code = fit(arguments, model, held_out);
    amp_dataset_free(rest);
    amp_dataset_free(held_out);
    return code;
}

static int check_arguments(const cli_arguments *arguments)
{
    int32_t precision;

    if (arguments->n_operands > 0) {
        cli_error("'%s' is not expected", arguments->operands[0]);
        return CLI_USAGE;
    }
    if (cli_has(arguments, "data") && cli_has(arguments, "held-out")) {
        cli_error("--data and --held-out are two sets to calibrate on: give one");
        return CLI_USAGE;
    }
    if (cli_get_precision(arguments, &precision) != CLI_OK)
        return CLI_USAGE;
    return cli_check_output(arguments);
}

static int run_calibrate(const cli_arguments *arguments)
{
    amp_context *context = NULL;
    amp_model *model = NULL;
    int code = check_arguments(arguments);

    if (code == CLI_OK)
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
               "alone.\nWith --precision int8 the model also gets its quantised form, the ranges "
               "of what the network\ncomputes; amp info shows how much of it then runs in int8.\n",
    .examples = "  amp calibrate -m model.safetensors\n"
                "  amp calibrate -m model.safetensors --held-out folder:fresh --tpr 0.99\n"
                "  amp calibrate -m model.safetensors --precision int8\n",
    .run = run_calibrate,
};
