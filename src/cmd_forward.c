/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_forward.c - amp forward: the network's own numbers in and out, to check runtimes.
 */
#include "cli.h"

#include "npy.h"
#include "outfile.h"
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 1e12f

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "input", 'i', "X.npy", "float32 [n,c,h,w], already preprocessed" },
    { "output", 'o', "Y.npy", "float32 [n,classes], or [n,K,classes] with --bank" },
    { "bank", 'b', NULL, "pair each image with the model's anchors: c is the image's channels" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { NULL, 0, NULL, NULL },
};

static int read_input(const char *path, npy_array *input)
{
    char why[128];
    bool memory;

    if (npy_read(path, input, why, sizeof why, &memory))
        return CLI_OK;
    cli_error("%s: %s", path, why);
    return memory ? CLI_RESOURCES : CLI_INPUT;
}

/* What amp_model_forward() takes; asked here, where the file's name is known. */
static int check_values(const npy_array *input, const char *path)
{
    for (size_t i = 0; i < input->count; i++) {
        if (fabsf(input->values[i]) <= LARGEST)
            continue;
        cli_error("%s: value %zu of the input is %g, allowed %g..%g", path, i,
                  (double)input->values[i], (double)-LARGEST, (double)LARGEST);
        return CLI_INPUT;
    }
    return CLI_OK;
}

static void shape_text(const npy_array *array, char *out, size_t size)
{
    size_t used = 0;

    for (int i = 0; i < array->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? ", " : "", array->dims[i]);
}

static int check_shape(const amp_model_info *info, bool bank, const npy_array *input,
                       const char *path)
{
    const size_t channels = bank ? info->channels : info->input_channels;
    char shape[128] = "";

    if (input->rank == 4 && input->dims[0] > 0 && input->dims[1] == channels &&
        input->dims[2] == info->height && input->dims[3] == info->width)
        return CLI_OK;
    shape_text(input, shape, sizeof shape);
    cli_error("%s: the input is [%s], it must be [n >= 1, %zu, %u, %u]", path, shape, channels,
              info->height, info->width);
    if (info->anchored && !bank && input->rank == 4 && input->dims[1] == info->channels)
        cli_note("with --bank the images are paired with the model's anchors");
    return CLI_INPUT;
}

static int shape_output(const amp_model_info *info, bool bank, const npy_array *input,
                        npy_array *output)
{
    memset(output, 0, sizeof *output);
    output->rank = bank ? 3 : 2;
    output->dims[0] = input->dims[0];
    output->dims[1] = bank ? info->anchors : info->classes;
    output->dims[2] = info->classes;
    output->count = input->dims[0] * info->classes * (bank ? info->anchors : 1u);
    output->values = malloc(output->count * sizeof(float));
    if (output->values)
        return CLI_OK;
    cli_error("no memory for %zu values", output->count);
    return CLI_RESOURCES;
}

static int run_model(amp_model *model, bool bank, const npy_array *input, npy_array *output,
                     const char *path)
{
    amp_error error;
    char why[128];

    if (amp_model_forward(model, bank ? amp_model_bank(model) : NULL, input->dims[0], input->values,
                          output->values, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    if (npy_write(path, output, why, sizeof why))
        return CLI_OK;
    cli_error("%s: %s", path, why);
    return CLI_RESOURCES;
}

static int forward(const cli_arguments *arguments, amp_model *model)
{
    const bool bank = cli_has(arguments, "bank");
    const char *const path = cli_get(arguments, "input", NULL);
    amp_model_info info = { .struct_size = sizeof info };
    npy_array input, output;
    amp_error error;
    int code;

    memset(&input, 0, sizeof input);
    memset(&output, 0, sizeof output);
    if (amp_model_get_info(model, &info, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    if (bank && !info.anchored) {
        cli_error("the network is plain: it takes no anchors");
        return CLI_MODEL;
    }
    code = bank ? cli_need_bank(model) : CLI_OK;
    if (code == CLI_OK)
        code = read_input(path, &input);
    if (code == CLI_OK)
        code = check_shape(&info, bank, &input, path);
    if (code == CLI_OK)
        code = check_values(&input, path);
    if (code == CLI_OK)
        code = shape_output(&info, bank, &input, &output);
    if (code == CLI_OK)
        code = run_model(model, bank, &input, &output, cli_get(arguments, "output", NULL));
    free(input.values);
    free(output.values);
    return code;
}

static int run_forward(const cli_arguments *arguments)
{
    const char *const output = cli_get(arguments, "output", NULL);
    amp_context *context = NULL;
    amp_model *model = NULL;
    char why[128];
    int code;

    if (!cli_has(arguments, "input") || !output || arguments->n_operands > 0) {
        cli_error("--input X.npy and --output Y.npy are needed, and nothing else");
        return CLI_USAGE;
    }
    if (!outfile_check(output, why, sizeof why)) {
        cli_error("%s: %s", output, why);
        return CLI_RESOURCES;
    }
    code = cli_context(arguments, &context);
    if (code == CLI_OK)
        code = cli_open_model(arguments, context, &model);
    if (code == CLI_OK)
        code = forward(arguments, model);
    amp_model_unref(model);
    amp_context_unref(context);
    return code;
}

const cli_command cli_forward = {
    .name = "forward",
    .summary = "run the network on float32 arrays (.npy), to compare runtimes",
    .operands = "",
    .flags = flags,
    .details = "An anchored network takes [anchor, image - anchor]: twice the image's channels.\n",
    .examples = "  amp forward -m model.safetensors -i x.npy -o logits.npy\n"
                "  amp forward -m model.safetensors --bank -i images.npy -o logits.npy\n",
    .run = run_forward,
};
