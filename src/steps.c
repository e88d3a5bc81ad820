/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/steps.c - steps that most commands begin with.
 */
#define _GNU_SOURCE
#include "steps.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 1024

/* Cores that this process may use: its affinity mask, not the machine's count. */
static int32_t cores(void)
{
    cpu_set_t set;
    int n = 0;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

static bool default_threads(int32_t *out)
{
    const char *const text = getenv("AMP_NUM_THREADS");
    char *end;
    long asked;

    *out = cores();
    if (!text || !*text)
        return true;
    asked = strtol(text, &end, 10);
    if (*end != '\0' || asked < 1 || asked > MAX_THREADS) {
        cli_error("AMP_NUM_THREADS is '%s': a whole number 1..%d is needed", text, MAX_THREADS);
        return false;
    }
    *out = (int32_t)asked;
    return true;
}

static void show_log(void *user, int32_t level, const char *text)
{
    (void)user;
    (void)level;
    cli_note("%s", text);
}

int cli_context(const cli_arguments *arguments, amp_context **out)
{
    amp_context_options options;
    amp_error error;
    long long threads;

    amp_context_options_init(&options, sizeof options);
    if (!cli_get_number(arguments, "threads", 0, 0, MAX_THREADS, &threads) ||
        !default_threads(&options.threads))
        return CLI_USAGE;
    if (threads)
        options.threads = (int32_t)threads;
    options.log = show_log;
    options.log_level = AMP_LOG_WARNING;
    if (amp_context_create(out, &options, &error) != AMP_OK)
        return cli_fail(&error, CLI_USAGE);
    return CLI_OK;
}

const char *cli_model_path(const cli_arguments *arguments)
{
    const char *const standard = getenv("AMP_MODEL");

    return cli_get(arguments, "model", standard && *standard ? standard : NULL);
}

int cli_open_model(const cli_arguments *arguments, amp_context *context, amp_model **out)
{
    const char *const path = cli_model_path(arguments);
    amp_error error;

    if (!path) {
        cli_error("a model is needed: --model FILE, or AMP_MODEL in the environment");
        return CLI_USAGE;
    }
    if (amp_model_open(out, context, path, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    return CLI_OK;
}

int cli_need_bank(const amp_model *model)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error;

    if (amp_model_get_info(model, &info, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    if (!info.anchored || info.anchors > 0)
        return CLI_OK;
    cli_error("the model has no anchors yet");
    cli_note("choose them: amp bank --model FILE, then amp calibrate --model FILE");
    return CLI_MODEL;
}

int cli_get_precision(const cli_arguments *arguments, int32_t *out)
{
    amp_error error;

    *out = AMP_PRECISION_FP32;
    if (amp_precision_parse(out, cli_get(arguments, "precision", "fp32"), &error) != AMP_OK)
        return cli_fail(&error, CLI_USAGE);
    if (amp_precision_available(*out))
        return CLI_OK;
    cli_error("this processor has no %s", amp_precision_name(*out));
    return CLI_USAGE;
}

int cli_dataset_fault(const amp_error *error)
{
    return cli_fail(error, error->status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_INPUT);
}

int cli_open_dataset(amp_context *context, const char *spec, amp_dataset **out)
{
    amp_dataset_options options;
    cli_progress progress;
    amp_status status;
    amp_error error;

    amp_dataset_options_init(&options, sizeof options);
    options.progress = cli_progress_step;
    options.progress_user = &progress;
    cli_progress_start(&progress);
    status = amp_dataset_open(out, context, spec, &options, &error);
    cli_progress_clear(&progress);
    return status == AMP_OK ? CLI_OK : cli_dataset_fault(&error);
}

void cli_all_methods(const amp_model *model, char *out, size_t size)
{
    amp_model_info info = { .struct_size = sizeof info };
    const bool anchored = amp_model_get_info(model, &info, NULL) == AMP_OK && info.anchored;
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < amp_method_count() && used < size; i++) {
        if (!anchored && strcmp(amp_method_name(i), "amp") == 0)
            continue;
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", used ? ";" : "", amp_method_name(i));
    }
}
