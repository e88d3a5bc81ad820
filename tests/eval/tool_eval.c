/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_eval.c - the eval room on a pipe, for comparing it with other implementations.
 *
 * Reads requests until end of file, one text line and then raw little-endian arrays; answers each
 * with one line, "ok NUMBER..." or "fail STATUS TEXT":
 *
 *   ood RULE AREA LEVEL LOW HIGH STEPS N_IN N_OUT     double in[], out[]
 *   threshold LEVEL N                                 double scores[]
 *   temperature MIN MAX N CLASSES                     float logits[], int32 labels[]
 *   calibration T BINS N CLASSES                      float logits[], int32 labels[]
 *   probabilities BINS N CLASSES                      double probabilities[], int32 labels[]
 */
#include <amp/eval.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* n * size bytes of the input, malloc'ed; ends the tool when they are not there. */
static void *read_array(size_t n, size_t size)
{
    void *const array = malloc(n * size + 1);

    if (!array || fread(array, size, n, stdin) != n) {
        fprintf(stderr, "tool_eval: %zu items of %zu bytes are missing\n", n, size);
        exit(2);
    }
    return array;
}

static void answer(amp_status status, const amp_error *error, const double *values, size_t n)
{
    if (status != AMP_OK) {
        printf("fail %d %s\n", (int)status, error->message);
        return;
    }
    printf("ok");
    for (size_t i = 0; i < n; i++)
        printf(" %.17g", values[i]);
    printf("\n");
}

static void run_ood(const char *line)
{
    char rule[32], area[32];
    size_t n_in, n_out;
    amp_ood_options options;
    amp_ood_metrics m = { .struct_size = sizeof m };
    amp_error error;
    amp_status status;

    amp_ood_options_init(&options, sizeof options);
    if (sscanf(line, "ood %31s %31s %lf %lf %lf %" SCNu64 " %zu %zu", rule, area,
               &options.tpr_level, &options.grid_low, &options.grid_high, &options.grid_steps,
               &n_in, &n_out) != 8)
        exit(2);
    double *const in = read_array(n_in, sizeof *in), *const out = read_array(n_out, sizeof *out);
    status = amp_ood_rule_parse(&options.rule, rule, &error);
    if (!status)
        status = amp_ood_area_parse(&options.area, area, &error);
    if (!status)
        status = amp_ood_evaluate(in, n_in, out, n_out, &options, &m, &error);
    const double values[] = { m.threshold, m.tpr, m.fpr, m.auroc, m.aupr_in, m.aupr_out, m.dtacc };
    answer(status, &error, values, sizeof values / sizeof *values);
    free(out);
    free(in);
}

static void run_threshold(const char *line)
{
    double level, value = 0;
    size_t n;
    amp_error error;
    amp_status status;

    if (sscanf(line, "threshold %lf %zu", &level, &n) != 2)
        exit(2);
    double *const scores = read_array(n, sizeof *scores);
    status = amp_threshold_at_tpr(scores, n, level, &value, &error);
    answer(status, &error, &value, 1);
    free(scores);
}

static void run_temperature(const char *line)
{
    amp_temperature_options options;
    double value = 0;
    size_t n, classes;
    amp_error error;
    amp_status status;

    amp_temperature_options_init(&options, sizeof options);
    if (sscanf(line, "temperature %lf %lf %zu %zu", &options.min_temperature,
               &options.max_temperature, &n, &classes) != 4)
        exit(2);
    float *const logits = read_array(n * classes, sizeof *logits);
    int32_t *const labels = read_array(n, sizeof *labels);
    status = amp_temperature_fit(logits, labels, n, classes, &options, &value, &error);
    answer(status, &error, &value, 1);
    free(labels);
    free(logits);
}

static void answer_calibration(amp_status status, const amp_error *error,
                               const amp_calibration_metrics *m)
{
    const double values[] = { m->accuracy, m->confidence, m->nll, m->brier, m->ece };

    answer(status, error, values, sizeof values / sizeof *values);
}

static void run_calibration(const char *line)
{
    amp_calibration_options options;
    amp_calibration_metrics m = { .struct_size = sizeof m };
    size_t n, classes;
    amp_error error;
    amp_status status;

    amp_calibration_options_init(&options, sizeof options);
    if (sscanf(line, "calibration %lf %" SCNu64 " %zu %zu", &options.temperature, &options.bins, &n,
               &classes) != 4)
        exit(2);
    float *const logits = read_array(n * classes, sizeof *logits);
    int32_t *const labels = read_array(n, sizeof *labels);
    status = amp_calibration_evaluate(logits, labels, n, classes, &options, &m, &error);
    answer_calibration(status, &error, &m);
    free(labels);
    free(logits);
}

static void run_probabilities(const char *line)
{
    amp_calibration_options options;
    amp_calibration_metrics m = { .struct_size = sizeof m };
    size_t n, classes;
    amp_error error;
    amp_status status;

    amp_calibration_options_init(&options, sizeof options);
    if (sscanf(line, "probabilities %" SCNu64 " %zu %zu", &options.bins, &n, &classes) != 3)
        exit(2);
    double *const p = read_array(n * classes, sizeof *p);
    int32_t *const labels = read_array(n, sizeof *labels);
    status = amp_calibration_evaluate_probabilities(p, labels, n, classes, &options, &m, &error);
    answer_calibration(status, &error, &m);
    free(labels);
    free(p);
}

typedef struct command {
    const char *name;
    void (*run)(const char *line);
} command;

static const command commands[] = { { "ood", run_ood },
                                    { "threshold", run_threshold },
                                    { "temperature", run_temperature },
                                    { "calibration", run_calibration },
                                    { "probabilities", run_probabilities } };

int main(void)
{
    char line[256];

    while (fgets(line, sizeof line, stdin)) {
        const size_t length = strcspn(line, " ");
        const command *found = NULL;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
            if (strlen(commands[i].name) == length && !strncmp(line, commands[i].name, length))
                found = &commands[i];
        }
        if (!found)
            return 2;
        found->run(line);
        fflush(stdout);
    }
    return 0;
}
