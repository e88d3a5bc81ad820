/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/score_output.c - the rows of amp score.
 */
#include "score_output.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

void score_output_start(score_output *output, const amp_model *model, const amp_scorer *scorer,
                        bool json)
{
    amp_model_info info = { .struct_size = sizeof info };

    memset(output, 0, sizeof *output);
    output->model = model;
    output->scorer = scorer;
    output->json = json;
    output->calibrated = amp_model_get_info(model, &info, NULL) == AMP_OK && info.temperature > 0;
    output->has_threshold = amp_scorer_threshold(scorer, 0, &output->threshold) != 0;
    if (!json)
        (void)printf("%-8s %-16s %10s %10s %9s  %s\n", "verdict", "class",
                     output->calibrated ? "confidence" : "conf.(raw)", "score", "tau", "file");
}

static const char *verdict_text(int8_t verdict)
{
    return verdict == AMP_VERDICT_IN ? "in" : verdict == AMP_VERDICT_OUT ? "out" : "unknown";
}

/* Numbers that do not exist (tau of one anchor) are null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void print_json(json_t *object)
{
    if (object)
        (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
    (void)fputc('\n', stdout);
    json_decref(object);
}

/* A file name need not be UTF-8, a JSON text must be: other bytes become '?'. */
static json_t *path_text(const char *path)
{
    json_t *const text = json_string(path);
    char copy[4096];

    if (text)
        return text;
    (void)snprintf(copy, sizeof copy, "%s", path);
    for (char *c = copy; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    return json_string(copy);
}

static void json_row(const score_output *output, const char *path, const score_results *results,
                     int i)
{
    const char *const name = amp_model_class_name(output->model, (uint32_t)results->label[i]);
    json_t *const row = json_object();

    (void)json_object_set_new(row, "file", path_text(path));
    (void)json_object_set_new(row, "label", json_integer(results->label[i]));
    (void)json_object_set_new(row, "class", name ? json_string(name) : json_null());
    (void)json_object_set_new(row, "confidence", number(results->confidence[i]));
    (void)json_object_set_new(row, "calibrated", json_boolean(output->calibrated));
    (void)json_object_set_new(row, "method", json_string(amp_scorer_method(output->scorer, 0)));
    (void)json_object_set_new(row, "score", number(results->score[i]));
    (void)json_object_set_new(row, "tau", number(results->tau[i]));
    (void)json_object_set_new(row, "threshold",
                              output->has_threshold ? number(output->threshold) : json_null());
    (void)json_object_set_new(row, "verdict",
                              results->verdict[i] == AMP_VERDICT_UNKNOWN
                                  ? json_null()
                                  : json_string(verdict_text(results->verdict[i])));
    print_json(row);
}

static void text_row(const score_output *output, const char *path, const score_results *results,
                     int i)
{
    const char *const name = amp_model_class_name(output->model, (uint32_t)results->label[i]);
    char tau[32] = "-", label[32];

    if (isfinite(results->tau[i]))
        (void)snprintf(tau, sizeof tau, "%.4f", results->tau[i]);
    (void)snprintf(label, sizeof label, "%d", (int)results->label[i]);
    (void)printf("%-8s %-16s %8.2f %% %10.4f %9s  %s\n", verdict_text(results->verdict[i]),
                 name ? name : label, 100 * results->confidence[i], results->score[i], tau, path);
}

void score_output_row(score_output *output, const char *path, const score_results *results, int i)
{
    output->in += results->verdict[i] == AMP_VERDICT_IN;
    output->out += results->verdict[i] == AMP_VERDICT_OUT;
    output->unknown += results->verdict[i] == AMP_VERDICT_UNKNOWN;
    if (output->json)
        json_row(output, path, results, i);
    else
        text_row(output, path, results, i);
}

void score_output_bad(score_output *output, const char *path, const char *why)
{
    output->bad++;
    if (output->json) {
        json_t *const row = json_object();
        (void)json_object_set_new(row, "file", path_text(path));
        (void)json_object_set_new(row, "error", path_text(why));
        print_json(row);
    }
    cli_error("%s: %s", path, why);
}

void score_output_end(score_output *output)
{
    if (output->json || output->in + output->out + output->unknown + output->bad < 2)
        return;
    cli_note("%llu in, %llu out, %llu unknown, %llu unreadable", output->in, output->out,
             output->unknown, output->bad);
}
