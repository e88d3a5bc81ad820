/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/common.c - steps that most commands begin with.
 */
#define _GNU_SOURCE
#include "cli.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 1024

/* Cores that this process may use: its affinity mask, not the machine's count. */
static int32_t cores(void)
{
    cpu_set_t set;
    int n = 0;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

static int32_t default_threads(void)
{
    const char *const text = getenv("AMP_NUM_THREADS");
    const long asked = text ? strtol(text, NULL, 10) : 0;

    return asked >= 1 && asked <= MAX_THREADS ? (int32_t)asked : cores();
}

int cli_context(const cli_arguments *arguments, amp_context **out)
{
    amp_context_options options;
    amp_error error;
    long long threads;

    if (!cli_get_number(arguments, "threads", 0, 0, MAX_THREADS, &threads))
        return CLI_USAGE;
    amp_context_options_init(&options, sizeof options);
    options.threads = threads ? (int32_t)threads : default_threads();
    if (amp_context_create(out, &options, &error) != AMP_OK)
        return cli_fail(&error, CLI_USAGE);
    return CLI_OK;
}

int cli_open_model(const cli_arguments *arguments, amp_context *context, amp_model **out)
{
    const char *const path = cli_get(arguments, "model", getenv("AMP_MODEL"));
    amp_error error;

    if (!path) {
        cli_error("a model is needed: --model FILE");
        return CLI_USAGE;
    }
    if (amp_model_open(out, context, path, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    return CLI_OK;
}
