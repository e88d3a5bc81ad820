/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/training_data.c - finds a model's training images again; writes a changed model.
 */
#include "training_data.h"

#include "outfile.h"
#include "steps.h"

#include <jansson.h>

typedef struct split {
    const char *data;
    json_int_t images, held_out, seed;
} split;

static int read_record(const json_t *record, split *out)
{
    json_t *const training = json_object_get(record, "training");

    if (training &&
        json_unpack(training, "{s:s, s:I, s:I, s:I}", "data", &out->data, "images", &out->images,
                    "held_out", &out->held_out, "seed", &out->seed) == 0 &&
        out->images >= 0 && out->held_out >= 0 && out->seed >= 0)
        return CLI_OK;
    cli_error("the model does not say what it was trained on: name the images yourself");
    return CLI_USAGE;
}

static int check_size(const split *how, const char *spec, const amp_dataset *dataset)
{
    const uint64_t size = amp_dataset_size(dataset);

    if (size == (uint64_t)how->images + (uint64_t)how->held_out)
        return CLI_OK;
    cli_error("%s has %llu images, the model was trained with %lld + %lld held out", spec,
              (unsigned long long)size, (long long)how->images, (long long)how->held_out);
    return CLI_INPUT;
}

/* A run that held nothing out trained on all: *rest is then the whole, *held_out NULL. */
static int split_again(const split *how, amp_dataset **dataset, amp_dataset **rest,
                       amp_dataset **held_out)
{
    amp_error error;

    if (how->held_out == 0) {
        *rest = *dataset;
        *dataset = NULL;
        return CLI_OK;
    }
    if (amp_dataset_split(rest, held_out, *dataset, (uint64_t)how->held_out, (uint64_t)how->seed,
                          &error) != AMP_OK)
        return cli_fail(&error, CLI_INPUT);
    return CLI_OK;
}

int cli_training_data(const amp_model *model, const char *spec, amp_dataset **rest,
                      amp_dataset **held_out)
{
    json_t *const record = json_loads(amp_model_record(model), 0, NULL);
    split how = { NULL, 0, 0, 0 };
    amp_dataset *dataset = NULL;
    int code = read_record(record, &how);

    if (code == CLI_OK) {
        code = cli_open_dataset(amp_model_context(model), spec ? spec : how.data, &dataset);
        if (code == CLI_INPUT && !spec)
            cli_note("the training images may have moved: name them with --data");
    }
    if (code == CLI_OK)
        code = check_size(&how, spec ? spec : how.data, dataset);
    if (code == CLI_OK)
        code = split_again(&how, &dataset, rest, held_out);
    amp_dataset_free(dataset);
    json_decref(record);
    return code;
}

static const char *output_path(const cli_arguments *arguments)
{
    return cli_get(arguments, "output", cli_model_path(arguments));
}

int cli_check_output(const cli_arguments *arguments)
{
    const char *const path = output_path(arguments);
    char why[128];

    if (!path || outfile_check_plain(path, why, sizeof why))
        return CLI_OK;
    cli_error("%s: %s", path, why);
    return CLI_RESOURCES;
}

int cli_write_model(const cli_arguments *arguments, amp_model_builder *builder)
{
    const char *const path = output_path(arguments);
    amp_model *made = NULL;
    amp_error error;
    int code = CLI_OK;

    if (amp_model_builder_finish(builder, &made, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    if (amp_model_save(made, path, &error) != AMP_OK)
        code = cli_fail(&error, CLI_RESOURCES);
    else
        cli_note("wrote %s", path);
    amp_model_unref(made);
    return code;
}
