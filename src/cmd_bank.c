/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_bank.c - amp bank: chooses anchors and stores them in a model file.
 */
#include "cli.h"

#include "steps.h"
#include "training_data.h"

#include <stdlib.h>
#include <string.h>

#define MOST_IMAGES 1000 /* of a bank */

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "output", 'o', "FILE", "write here instead of over the model" },
    { "count", 'k', "K", "anchors (default 5)" },
    { "method", 0, "NAME", "random, balanced (over classes) or kcentre (default random)" },
    { "seed", 0, "N", "of the choice (default 0)" },
    { "store", 0, "WHAT", "pixels, or stem: only what scoring needs, no image (default pixels)" },
    { "data", 'd', "SPEC", "where the training images are now (default: as the model says)" },
    { "images", 0, "SPEC", "choose from this set, whole, instead of the training images" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

static int choose_from(const cli_arguments *arguments, amp_model *model, amp_dataset *dataset,
                       amp_bank **out)
{
    cli_progress progress;
    char options[256];
    amp_status status;
    amp_error error;

    (void)snprintf(options, sizeof options, "count=%s,method=%s,seed=%s,store=%s",
                   cli_get(arguments, "count", "5"), cli_get(arguments, "method", "random"),
                   cli_get(arguments, "seed", "0"), cli_get(arguments, "store", "pixels"));
    cli_progress_start(&progress);
    status = amp_bank_build(out, model, dataset, options, cli_progress_step, &progress, &error);
    cli_progress_clear(&progress);
    if (status == AMP_OK)
        return CLI_OK;
    if (status == AMP_E_SHAPE || status == AMP_E_BACKEND)
        return cli_fail(&error, CLI_MODEL);
    return cli_fail(&error, status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_INPUT);
}

static int from_data(const cli_arguments *arguments, amp_model *model, amp_bank **out)
{
    const char *const images = cli_get(arguments, "images", NULL);
    amp_dataset *dataset = NULL, *held_out = NULL;
    int code;

    if (images)
        code = cli_open_dataset(amp_model_context(model), images, &dataset);
    else
        code = cli_training_data(model, cli_get(arguments, "data", NULL), &dataset, &held_out);
    if (code == CLI_OK)
        code = choose_from(arguments, model, dataset, out);
    amp_dataset_free(dataset);
    amp_dataset_free(held_out);
    return code;
}

static int from_files(const cli_arguments *arguments, amp_model *model, amp_bank **out)
{
    const size_t n = (size_t)arguments->n_operands;
    amp_image **const images = calloc(n, sizeof *images);
    char options[64];
    amp_error error;
    int code = CLI_OK;

    if (!images) {
        cli_error("no memory for %zu images", n);
        return CLI_RESOURCES;
    }
    for (size_t i = 0; code == CLI_OK && i < n; i++) {
        if (amp_image_open(&images[i], amp_model_context(model), arguments->operands[i], NULL,
                           &error) != AMP_OK)
            code = cli_fail(&error, CLI_INPUT);
    }
    (void)snprintf(options, sizeof options, "store=%s", cli_get(arguments, "store", "pixels"));
    if (code == CLI_OK && amp_bank_from_images(out, model, n, (const amp_image *const *)images,
                                               options, &error) != AMP_OK)
        code = cli_fail(&error, CLI_USAGE);
    for (size_t i = 0; i < n; i++)
        amp_image_free(images[i]);
    free(images);
    return code;
}

static int store(const cli_arguments *arguments, amp_model *model, amp_bank *bank)
{
    amp_model_builder *builder = NULL;
    amp_error error;
    int code;

    if (amp_model_builder_create(&builder, model, &error) != AMP_OK)
        return cli_fail(&error, CLI_RESOURCES);
    if (amp_model_builder_set_bank(builder, bank, &error) != AMP_OK)
        code = cli_fail(&error, CLI_MODEL);
    else
        code = cli_write_model(arguments, builder);
    amp_model_builder_free(builder);
    return code;
}

static int check_arguments(const cli_arguments *arguments)
{
    static const char *const choosing[] = { "count", "method", "seed", "data", "images" };

    if (cli_has(arguments, "data") && cli_has(arguments, "images")) {
        cli_error("--data and --images are two sets to choose from: give one");
        return CLI_USAGE;
    }
    if (arguments->n_operands > MOST_IMAGES) {
        cli_error("%d images, a bank holds 1..%d", arguments->n_operands, MOST_IMAGES);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < sizeof choosing / sizeof choosing[0]; i++) {
        if (arguments->n_operands > 0 && cli_has(arguments, choosing[i])) {
            cli_error("--%s chooses anchors, image files are anchors: give one of both",
                      choosing[i]);
            return CLI_USAGE;
        }
    }
    return cli_check_output(arguments);
}

static int make_bank(const cli_arguments *arguments, amp_model *model, amp_bank **out)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error;

    if (amp_model_get_info(model, &info, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    if (!info.anchored) {
        cli_error("the network is plain: it takes no anchors");
        return CLI_MODEL;
    }
    return arguments->n_operands > 0 ? from_files(arguments, model, out)
                                     : from_data(arguments, model, out);
}

static int run_bank(const cli_arguments *arguments)
{
    amp_context *context = NULL;
    amp_model *model = NULL;
    amp_bank *bank = NULL;
    int code = check_arguments(arguments);

    if (code == CLI_OK)
        code = cli_context(arguments, &context);
    if (code == CLI_OK)
        code = cli_open_model(arguments, context, &model);
    if (code == CLI_OK)
        code = make_bank(arguments, model, &bank);
    if (code == CLI_OK)
        code = store(arguments, model, bank);
    amp_bank_unref(bank);
    amp_model_unref(model);
    amp_context_unref(context);
    return code;
}

const cli_command cli_bank = {
    .name = "bank",
    .summary = "choose the anchors of a model and store them in it",
    .operands = "[IMAGE...]",
    .flags = flags,
    .details = "With image files as operands these become the anchors, in order.  Held-out images "
               "are never\nanchors.  A new bank drops the model's temperature and thresholds: run "
               "amp calibrate next.\n",
    .examples = "  amp bank -m model.safetensors -k 5 --method balanced\n"
                "  amp bank -m model.safetensors -o private.safetensors --store stem\n",
    .run = run_bank,
};
