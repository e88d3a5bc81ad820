/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/bench_run.c - amp bench: a scorer run again and again on noise, and how long that takes.
 *
 * A run begins with pixels of the network's size and ends with verdicts; nothing is decoded.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define WARM_UP 2
#define FEWEST_RUNS 5u
#define MOST_RUNS 100000u
#define MOST_PROFILED 1000u
#define NOISE_ANCHORS 5u

/* The pixels of one run and where its results go. */
typedef struct workload {
    amp_scorer *scorer;
    uint32_t batch;
    uint8_t *pixels;
    double *scores;
    int8_t *verdicts;
} workload;

static int no_memory(void)
{
    cli_error("no memory");
    return CLI_RESOURCES;
}

/* A small generator of Marsaglia's (xorshift32): noise need not be good. */
static void fill_noise(uint8_t *pixels, size_t bytes, uint32_t state)
{
    for (size_t i = 0; i < bytes; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        pixels[i] = (uint8_t)state;
    }
}

/* ---- anchors ---- */

static int noise_image(const bench *b, uint32_t index, uint8_t *pixels, amp_image **out)
{
    const uint32_t width = b->info.width, height = b->info.height;
    const size_t bytes = 3 * (size_t)width * height;
    amp_error error;

    fill_noise(pixels, bytes, index + 1);
    if (amp_image_from_rgb8(out, b->context, pixels, width, height, 3 * (size_t)width, &error) !=
        AMP_OK)
        return cli_fail(&error, CLI_RESOURCES);
    return CLI_OK;
}

static int bank_of(bench *b, amp_image **images, uint32_t count)
{
    uint8_t *const pixels = malloc(3 * (size_t)b->info.width * b->info.height);
    amp_error error;
    int code = CLI_OK;

    if (!pixels)
        return no_memory();
    for (uint32_t i = 0; i < count && code == CLI_OK; i++)
        code = noise_image(b, i, pixels, &images[i]);
    if (code == CLI_OK &&
        amp_bank_from_images(&b->bank, b->model, count, (const amp_image *const *)images,
                             "store=stem", &error) != AMP_OK)
        code = cli_fail(&error, CLI_MODEL);
    free(pixels);
    return code;
}

int bench_make_bank(bench *b)
{
    const uint32_t count = b->anchors ? b->anchors : NOISE_ANCHORS;
    amp_image **images;
    int code;

    if (!b->info.anchored || (b->info.anchors > 0 && b->anchors <= b->info.anchors))
        return CLI_OK;
    images = calloc(count, sizeof *images);
    if (!images)
        return no_memory();
    code = bank_of(b, images, count);
    for (uint32_t i = 0; i < count; i++)
        amp_image_free(images[i]);
    free(images);
    return code;
}

/* ---- one scorer, one batch size ---- */

static int make_workload(workload *w, const bench *b, amp_scorer *scorer, uint32_t batch)
{
    const size_t bytes = 3 * (size_t)b->info.width * b->info.height * batch;
    const size_t scores = (size_t)amp_scorer_methods(scorer) * batch;

    w->scorer = scorer;
    w->batch = batch;
    w->pixels = malloc(bytes);
    w->scores = malloc(scores * sizeof *w->scores);
    w->verdicts = malloc(scores);
    if (!w->pixels || !w->scores || !w->verdicts)
        return no_memory();
    fill_noise(w->pixels, bytes, 1000);
    return CLI_OK;
}

static void free_workload(workload *w)
{
    free(w->pixels);
    free(w->scores);
    free(w->verdicts);
}

static int run_once(const workload *w, const bench *b, double *seconds)
{
    const amp_scores out = { .struct_size = sizeof out,
                             .score = w->scores,
                             .verdict = w->verdicts };
    const double began = cli_now();
    amp_error error;

    *seconds = 0.0;
    if (amp_scorer_run_rgb8(w->scorer, w->batch, w->pixels, b->info.height, b->info.width, &out,
                            &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    *seconds = cli_now() - began;
    return cli_interrupted() ? CLI_INTERRUPTED : CLI_OK;
}

static bool enough(const bench *b, uint32_t runs, double spent)
{
    if (b->repeats)
        return runs >= b->repeats;
    return runs >= MOST_RUNS || (runs >= FEWEST_RUNS && spent >= b->seconds);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The value below which a share `share` of them lies. */
static double quantile(const double *sorted, uint32_t n, double share)
{
    return sorted[(size_t)(share * (double)(n - 1) + 0.5)];
}

static int time_runs(const workload *w, const bench *b, double *times, bench_result *result)
{
    double spent = 0.0;
    uint32_t runs = 0;
    int code = CLI_OK;

    for (int i = 0; i < WARM_UP && code == CLI_OK; i++)
        code = run_once(w, b, &times[0]);
    while (code == CLI_OK && !enough(b, runs, spent)) {
        code = run_once(w, b, &times[runs]);
        spent += times[runs++];
    }
    if (code != CLI_OK)
        return code;
    qsort(times, runs, sizeof *times, by_value);
    result->runs = runs;
    result->median = quantile(times, runs, 0.5);
    result->low = quantile(times, runs, 0.1);
    result->high = quantile(times, runs, 0.9);
    return CLI_OK;
}

static int add_profile(const workload *w, bench_result *result)
{
    const uint32_t repeats = result->runs < MOST_PROFILED ? result->runs : MOST_PROFILED;
    amp_error error;

    if (amp_scorer_profile(&result->profile, w->scorer, w->batch, repeats, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    return CLI_OK;
}

static int measure_batch(bench *b, amp_scorer *scorer, uint32_t batch)
{
    bench_result *const result = &b->results[b->n_results];
    double *const times = malloc(MOST_RUNS * sizeof *times);
    workload w = { NULL, 0, NULL, NULL, NULL };
    int code = times ? make_workload(&w, b, scorer, batch) : no_memory();

    result->precision = amp_scorer_precision(scorer);
    result->batch = batch;
    if (code == CLI_OK)
        code = time_runs(&w, b, times, result);
    if (code == CLI_OK && b->profile)
        code = add_profile(&w, result);
    if (code == CLI_OK)
        b->n_results++;
    free(times);
    free_workload(&w);
    return code;
}

/* ---- all ---- */

/* *out = NULL where this precision is one of all and cannot be. */
static int make_scorer(const bench *b, int32_t precision, amp_scorer **out)
{
    amp_scorer_options options;
    amp_error error;
    amp_status status;

    amp_scorer_options_init(&options, sizeof options);
    options.precision = precision;
    options.anchors = b->anchors;
    status = amp_scorer_create(out, b->model, b->bank, NULL, &options, &error);
    if (status == AMP_OK)
        return CLI_OK;
    if (status != AMP_E_UNSUPPORTED || !b->all_precisions)
        return cli_fail(&error, status == AMP_E_ARGUMENT ? CLI_USAGE : CLI_MODEL);
    cli_note("%s is left out: %s", amp_precision_name(precision), error.message);
    return CLI_OK;
}

static int measure_precision(bench *b, int32_t precision, cli_progress *progress)
{
    amp_scorer *scorer = NULL;
    char line[80];
    int code = make_scorer(b, precision, &scorer);

    for (int i = 0; i < b->n_batches && code == CLI_OK && scorer; i++) {
        (void)snprintf(line, sizeof line, "%s, batch %u", amp_precision_name(precision),
                       b->batches[i]);
        cli_progress_line(progress, line);
        code = measure_batch(b, scorer, b->batches[i]);
    }
    if (code == CLI_OK && scorer)
        b->anchors = amp_scorer_anchors(scorer);
    amp_scorer_free(scorer);
    return code;
}

int bench_measure(bench *b)
{
    cli_progress progress;
    int code = CLI_OK;

    cli_progress_start(&progress);
    for (int i = 0; i < b->n_precisions && code == CLI_OK; i++)
        code = measure_precision(b, b->precisions[i], &progress);
    cli_progress_clear(&progress);
    return code;
}

void bench_clear(bench *b)
{
    for (int i = 0; i < BENCH_MOST * BENCH_MOST; i++)
        amp_profile_free(b->results[i].profile);
    amp_bank_unref(b->bank);
    amp_model_unref(b->model);
    amp_context_unref(b->context);
}
