/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_bench.c - amp bench: how long a verdict takes on this machine, and where the time goes.
 */
#include "bench.h"

#include "steps.h"

#include <stdlib.h>
#include <string.h>

static const cli_flag flags[] = {
    { "model", 'm', "FILE", "model file (default: $AMP_MODEL)" },
    { "arch", 0, "SPEC", "a network with random weights instead, as wrn:depth=40,width=2" },
    { "anchors", 'k', "K", "anchors, noise where the model has fewer (default: all of it, or 5)" },
    { "precision", 0, "LIST",
      "precisions, as fp32,int8 (default: all that this model runs in here)" },
    { "batch", 0, "LIST", "images of one run (default 1,64)" },
    { "threads", 't', "N", "threads (default: all cores)" },
    { "seconds", 0, "S", "of runs for each result (default 2)" },
    { "repeats", 0, "N", "exactly N runs for each result instead" },
    { "profile", 0, NULL, "the time of every step of the network too" },
    { "top", 0, "N", "of the profile the N slowest steps, slowest first" },
    { "json", 'j', NULL, "one JSON object instead of the tables" },
    { NULL, 0, NULL, NULL },
};

#define MOST_BATCH 4096
#define MOST_REPEATS 10000
#define MOST_SECONDS 3600.0

/* The next item of a list divided by commas into out; false at its end, or when it is too long. */
static bool next_item(const char **at, char *out, size_t size)
{
    const size_t length = strcspn(*at, ",");

    if (length == 0 || length >= size)
        return false;
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + ((*at)[length] == ',' ? 1 : 0);
    return true;
}

static int bad_list(const char *flag, const char *text, const char *needed)
{
    cli_error("--%s %s: %s is needed", flag, text, needed);
    return CLI_USAGE;
}

static int read_batches(const cli_arguments *arguments, bench *b)
{
    const char *const text = cli_get(arguments, "batch", "1,64");
    const char *at = text;
    char item[32], *end;

    while (b->n_batches < BENCH_MOST && next_item(&at, item, sizeof item)) {
        const long batch = strtol(item, &end, 10);
        if (*end != '\0' || batch < 1 || batch > MOST_BATCH)
            return bad_list("batch", text, "a list of 1..4096");
        b->batches[b->n_batches++] = (uint32_t)batch;
    }
    return *at || b->n_batches == 0 ? bad_list("batch", text, "a list of 1 to 16 numbers") : CLI_OK;
}

static int take_all_precisions(bench *b)
{
    b->all_precisions = true;
    for (int32_t i = 0; amp_precision_name(i) && b->n_precisions < BENCH_MOST; i++)
        if (amp_precision_available(i))
            b->precisions[b->n_precisions++] = i;
    return CLI_OK;
}

static int read_precisions(const cli_arguments *arguments, bench *b)
{
    const char *const text = cli_get(arguments, "precision", NULL);
    const char *at = text;
    amp_error error;
    char item[32];

    if (!text)
        return take_all_precisions(b);
    while (b->n_precisions < BENCH_MOST && next_item(&at, item, sizeof item)) {
        int32_t precision;
        if (amp_precision_parse(&precision, item, &error) != AMP_OK)
            return cli_fail(&error, CLI_USAGE);
        if (!amp_precision_available(precision)) {
            cli_error("this processor has no %s", item);
            return CLI_USAGE;
        }
        b->precisions[b->n_precisions++] = precision;
    }
    return *at || b->n_precisions == 0 ? bad_list("precision", text, "a list of names") : CLI_OK;
}

static int read_seconds(const cli_arguments *arguments, bench *b)
{
    const char *const text = cli_get(arguments, "seconds", "2");
    char *end;

    b->seconds = strtod(text, &end);
    if (end != text && *end == '\0' && b->seconds > 0.0 && b->seconds <= MOST_SECONDS)
        return CLI_OK;
    cli_error("--seconds %s: a number above 0 up to %g is needed", text, MOST_SECONDS);
    return CLI_USAGE;
}

static int read_numbers(const cli_arguments *arguments, bench *b)
{
    long long anchors, repeats, top;

    if (!cli_get_number(arguments, "anchors", 0, 0, 1000, &anchors) ||
        !cli_get_number(arguments, "repeats", 0, 1, MOST_REPEATS, &repeats) ||
        !cli_get_number(arguments, "top", 0, 1, 1000000, &top))
        return CLI_USAGE;
    b->anchors = (uint32_t)anchors;
    b->repeats = (uint32_t)repeats;
    b->top = (uint32_t)top;
    b->profile = cli_has(arguments, "profile") || b->top > 0;
    return read_seconds(arguments, b);
}

static int check_arguments(const cli_arguments *arguments)
{
    if (arguments->n_operands > 0) {
        cli_error("'%s' is not expected", arguments->operands[0]);
        return CLI_USAGE;
    }
    if (cli_has(arguments, "arch") && cli_has(arguments, "model")) {
        cli_error("--model and --arch are two networks: give one");
        return CLI_USAGE;
    }
    if (cli_has(arguments, "seconds") && cli_has(arguments, "repeats")) {
        cli_error("--seconds and --repeats are two ends of the runs: give one");
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int open_network(const cli_arguments *arguments, bench *b)
{
    const char *const arch = cli_get(arguments, "arch", NULL);
    amp_error error;
    int code = CLI_OK;

    if (!arch) {
        b->path = cli_model_path(arguments);
        code = cli_open_model(arguments, b->context, &b->model);
    } else if (amp_model_create(&b->model, b->context, arch, NULL, 0, &error) != AMP_OK) {
        code = cli_fail(&error, CLI_USAGE);
    }
    b->info.struct_size = sizeof b->info;
    if (code == CLI_OK && amp_model_get_info(b->model, &b->info, &error) != AMP_OK)
        code = cli_fail(&error, CLI_MODEL);
    return code;
}

static int bench_all(const cli_arguments *arguments, bench *b)
{
    int code = check_arguments(arguments);

    if (code == CLI_OK)
        code = read_numbers(arguments, b);
    if (code == CLI_OK)
        code = read_batches(arguments, b);
    if (code == CLI_OK)
        code = read_precisions(arguments, b);
    if (code == CLI_OK)
        code = cli_context(arguments, &b->context);
    if (code == CLI_OK)
        code = open_network(arguments, b);
    if (code == CLI_OK)
        code = bench_make_bank(b);
    if (code == CLI_OK)
        code = bench_measure(b);
    if (code != CLI_OK)
        return code;
    if (cli_has(arguments, "json"))
        return bench_print_json(b);
    bench_print_table(b);
    return CLI_OK;
}

static int run_bench(const cli_arguments *arguments)
{
    bench *const b = calloc(1, sizeof *b);
    int code;

    if (!b) {
        cli_error("no memory");
        return CLI_RESOURCES;
    }
    code = bench_all(arguments, b);
    bench_clear(b);
    free(b);
    return code;
}

const cli_command cli_bench = {
    .name = "bench",
    .summary = "time verdicts on this machine, step by step if asked",
    .operands = "",
    .flags = flags,
    .details =
        "A run takes a batch of noise of the network's size from pixels to verdicts: with batch 1 "
        "the\nlatency of a verdict, with a large one the throughput.  Nothing is decoded, so "
        "weights "
        "and images\nmatter little.  The profile is of further runs, with a clock read after every "
        "step; when threads\nshare a batch, its steps are those of the first.\n",
    .examples = "  amp bench -m model.safetensors\n"
                "  amp bench --arch wrn:depth=40,width=2 -k 5 -t 1 --precision fp32,bf16\n"
                "  amp bench -m model.safetensors --precision bf16 --batch 1 --profile --top 10\n",
    .run = run_bench,
};
