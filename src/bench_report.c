/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/bench_report.c - amp bench's results as tables for people or as JSON.
 */
#include "bench.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MILLI 1e3
#define GIGA 1e-9

/* ---- the steps of a profile, in the order asked for ---- */

typedef struct step_list {
    amp_profile_step *steps; /* [filled] */
    uint32_t count, filled, shown;
} step_list;

static int slower_first(const void *a, const void *b)
{
    const double x = ((const amp_profile_step *)a)->seconds;
    const double y = ((const amp_profile_step *)b)->seconds;

    return (x < y) - (x > y);
}

/* Empty where there is no memory: a report then lacks its steps, and says how many there are. */
static step_list list_steps(const bench *b, const amp_profile *profile)
{
    step_list list = { NULL, amp_profile_count(profile), 0, 0 };

    list.steps = calloc(list.count ? list.count : 1, sizeof *list.steps);
    while (list.steps && list.filled < list.count) {
        list.steps[list.filled].struct_size = sizeof *list.steps;
        if (amp_profile_get_step(profile, list.filled, &list.steps[list.filled], NULL) != AMP_OK)
            break;
        list.filled++;
    }
    list.shown = list.filled;
    if (list.steps && b->top > 0) {
        qsort(list.steps, list.filled, sizeof *list.steps, slower_first);
        list.shown = b->top < list.filled ? b->top : list.filled;
    }
    return list;
}

static double rate(const amp_profile_step *step)
{
    return step->seconds > 0.0 ? GIGA * (double)step->multiply_adds / step->seconds : 0.0;
}

static double images_a_second(const bench_result *result)
{
    return result->median > 0.0 ? result->batch / result->median : 0.0;
}

/* ---- tables ---- */

static void print_head(const bench *b)
{
    char build[256], name[1024];

    (void)amp_build_info(build, sizeof build);
    (void)snprintf(name, sizeof name, "%s", b->path ? b->path : amp_model_arch(b->model));
    cli_printable(name);
    (void)printf("%s%s\n", name, b->path ? "" : ", random weights");
    (void)printf("%.2f M parameters, %.3f GMAC a pass, %ux%u pixels, ",
                 1e-6 * (double)b->info.parameters, GIGA * (double)b->info.multiply_adds,
                 b->info.height, b->info.width);
    if (b->info.anchored)
        (void)printf("%u anchors%s, ", b->anchors, b->bank ? " of noise" : "");
    (void)printf("threads %d\n%s\n\n", (int)amp_context_threads(b->context), build);
}

static void print_result(const bench_result *result)
{
    (void)printf("%-9s %6u %12.3f %12.3f %12.3f %12.1f %7u\n",
                 amp_precision_name(result->precision), result->batch, MILLI * result->median,
                 MILLI * result->low, MILLI * result->high, images_a_second(result), result->runs);
}

static void print_step(const amp_profile_step *step, double whole)
{
    char calls[32], work[32] = "";

    (void)snprintf(calls, sizeof calls, "%ux%u", step->calls, step->rows);
    if (step->multiply_adds > 0)
        (void)snprintf(work, sizeof work, "%.1f", rate(step));
    (void)printf("%9.3f %5.1f %8s %8s  %-11s %-28s %-34s %s\n", MILLI * step->seconds,
                 100.0 * step->seconds / whole, work, calls, step->what, step->kernel, step->shape,
                 step->name);
}

/* All steps of the kind that step `first` is the first of; later ones print nothing. */
static void print_kind(const step_list *list, uint32_t first, double whole)
{
    amp_profile_step sum = { .what = list->steps[first].what };
    uint32_t steps = 0;
    char work[32] = "";

    for (uint32_t i = 0; i < list->filled; i++) {
        if (strcmp(list->steps[i].what, sum.what) != 0)
            continue;
        if (i < first)
            return;
        sum.seconds += list->steps[i].seconds;
        sum.multiply_adds += list->steps[i].multiply_adds;
        steps++;
    }
    if (sum.multiply_adds > 0)
        (void)snprintf(work, sizeof work, "%.1f", rate(&sum));
    (void)printf("%9.3f %5.1f %8s %8u  %s in all\n", MILLI * sum.seconds,
                 100.0 * sum.seconds / whole, work, steps, sum.what);
}

static void print_profile(const bench *b, const bench_result *result)
{
    const double steps = amp_profile_steps_seconds(result->profile);
    const double run = amp_profile_run_seconds(result->profile);
    const double whole = run > 0.0 ? run : 1.0;
    step_list list = list_steps(b, result->profile);

    (void)printf("\nprofile: %s, batch %u\n", amp_precision_name(result->precision), result->batch);
    (void)printf("%9s %5s %8s %8s  %-11s %-28s %-34s %s\n", "ms", "%", "GMAC/s", "calls", "step",
                 "kernel", "shape of a row, or bytes", "layer");
    for (uint32_t i = 0; i < list.shown; i++)
        print_step(&list.steps[i], whole);
    if (list.shown < list.count)
        (void)printf("%25s  %u of %u steps shown\n", "", list.shown, list.count);
    for (uint32_t i = 0; i < list.filled; i++)
        print_kind(&list, i, whole);
    (void)printf("%9.3f %5.1f  all %u steps\n%9.3f 100.0  a run, from pixels to verdicts\n",
                 MILLI * steps, 100.0 * steps / whole, list.count, MILLI * run);
    free(list.steps);
}

void bench_print_table(const bench *b)
{
    print_head(b);
    (void)printf("%-9s %6s %12s %12s %12s %12s %7s\n", "precision", "batch", "median ms", "p10 ms",
                 "p90 ms", "images/s", "runs");
    for (int i = 0; i < b->n_results; i++)
        print_result(&b->results[i]);
    for (int i = 0; i < b->n_results; i++)
        if (b->results[i].profile)
            print_profile(b, &b->results[i]);
}

/* ---- JSON ---- */

static void put(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static json_t *whole_number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *step_json(const amp_profile_step *step)
{
    json_t *const object = json_object();

    put(object, "layer", json_string(step->name));
    put(object, "step", json_string(step->what));
    put(object, "kernel", json_string(step->kernel));
    put(object, "shape", json_string(step->shape));
    put(object, "ms", json_real(MILLI * step->seconds));
    put(object, "multiply_adds", whole_number(step->multiply_adds));
    put(object, "rows", whole_number(step->rows));
    put(object, "calls", whole_number(step->calls));
    return object;
}

static json_t *profile_json(const bench *b, const amp_profile *profile)
{
    json_t *const object = json_object(), *const steps = json_array();
    step_list list = list_steps(b, profile);

    for (uint32_t i = 0; i < list.shown; i++)
        (void)json_array_append_new(steps, step_json(&list.steps[i]));
    put(object, "run_ms", json_real(MILLI * amp_profile_run_seconds(profile)));
    put(object, "steps_ms", json_real(MILLI * amp_profile_steps_seconds(profile)));
    put(object, "count", whole_number(list.count));
    put(object, "steps", steps);
    free(list.steps);
    return object;
}

static json_t *result_json(const bench *b, const bench_result *result)
{
    json_t *const object = json_object();

    put(object, "precision", json_string(amp_precision_name(result->precision)));
    put(object, "batch", whole_number(result->batch));
    put(object, "runs", whole_number(result->runs));
    put(object, "median_ms", json_real(MILLI * result->median));
    put(object, "p10_ms", json_real(MILLI * result->low));
    put(object, "p90_ms", json_real(MILLI * result->high));
    put(object, "images_per_second", json_real(images_a_second(result)));
    if (result->profile)
        put(object, "profile", profile_json(b, result->profile));
    return object;
}

static json_t *whole_json(const bench *b)
{
    json_t *const object = json_object(), *const results = json_array();
    char build[256], name[1024];

    (void)amp_build_info(build, sizeof build);
    (void)snprintf(name, sizeof name, "%s", b->path ? b->path : "");
    cli_printable(name);
    put(object, "model", b->path ? json_string(name) : json_null());
    put(object, "arch", json_string(amp_model_arch(b->model)));
    put(object, "parameters", whole_number(b->info.parameters));
    put(object, "multiply_adds", whole_number(b->info.multiply_adds));
    put(object, "anchors", whole_number(b->anchors));
    put(object, "noise_anchors", json_boolean(b->bank != NULL));
    put(object, "threads", whole_number((uint64_t)amp_context_threads(b->context)));
    put(object, "build", json_string(build));
    for (int i = 0; i < b->n_results; i++)
        (void)json_array_append_new(results, result_json(b, &b->results[i]));
    put(object, "results", results);
    return object;
}

int bench_print_json(const bench *b)
{
    json_t *const object = whole_json(b);
    char *const text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));

    json_decref(object);
    if (!text) {
        cli_error("no memory for the report");
        return CLI_RESOURCES;
    }
    (void)printf("%s\n", text);
    free(text);
    return CLI_OK;
}
