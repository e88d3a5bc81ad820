/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/score_output.c - the rows of amp score.
 */
#include "score_output.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDEST_CLASS 28

/* Characters that a UTF-8 text shows. */
static int width_of(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0u) != 0x80u;
    return n;
}

static int class_width(const amp_model *model, uint32_t classes)
{
    int widest = width_of("class");

    for (uint32_t i = 0; i < classes; i++) {
        const char *const name = amp_model_class_name(model, i);
        const int width = name ? width_of(name) : 0;
        widest = width > widest ? width : widest;
    }
    return widest < WIDEST_CLASS ? widest : WIDEST_CLASS;
}

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
    output->class_width = class_width(model, info.classes);
    if (!json)
        (void)printf("%-8s %-*s %10s %10s %9s  %s\n", "verdict", output->class_width, "class",
                     output->calibrated ? "confidence" : "conf.(raw)", "score", "tau", "file");
}

static const char *verdict_text(int8_t verdict)
{
    return verdict == AMP_VERDICT_IN ? "in" : verdict == AMP_VERDICT_OUT ? "out" : "unknown";
}

/* ---- JSON ---- */

/* Numbers that do not exist (tau of one anchor) are null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* Takes over `object`; one that could not be made is a lack of memory. */
static void print_json(score_output *output, json_t *object, bool whole)
{
    if (object && whole) {
        (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
        (void)fputc('\n', stdout);
    } else {
        if (!output->failed)
            cli_error("no memory for a row");
        output->failed = true;
    }
    json_decref(object);
}

static json_t *hex_text(const char *bytes)
{
    const size_t length = strlen(bytes);
    char *const hex = malloc(2 * length + 1);
    json_t *text;

    if (!hex)
        return NULL;
    for (size_t i = 0; i < length; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)bytes[i]);
    text = json_string(hex);
    free(hex);
    return text;
}

/* A file name need not be UTF-8, a JSON text must be: "file" then has '?' for other bytes, and
   "file_hex" the name itself. */
static bool set_file(json_t *row, const char *path)
{
    json_t *text = json_string(path);
    char *copy;

    if (text)
        return json_object_set_new(row, "file", text) == 0;
    copy = strdup(path);
    for (char *at = copy; at && *at;) {
        const size_t length = cli_character(at);
        if (!length)
            *at = '?';
        at += length ? length : 1;
    }
    text = copy ? json_string(copy) : NULL;
    free(copy);
    return json_object_set_new(row, "file", text) == 0 &&
           json_object_set_new(row, "file_hex", hex_text(path)) == 0;
}

static void set(json_t *row, const char *key, json_t *value, bool *whole)
{
    if (json_object_set_new(row, key, value) != 0)
        *whole = false;
}

static void json_row(score_output *output, const char *path, const score_results *results, int i)
{
    const char *const name = amp_model_class_name(output->model, (uint32_t)results->label[i]);
    const char *const method = amp_scorer_method(output->scorer, 0);
    const int8_t verdict = results->verdict[i];
    json_t *const row = json_object();
    bool whole = set_file(row, path);

    set(row, "label", json_integer(results->label[i]), &whole);
    set(row, "class", name ? json_string(name) : json_null(), &whole);
    set(row, "confidence", number(results->confidence[i]), &whole);
    set(row, "calibrated", json_boolean(output->calibrated), &whole);
    set(row, "method", json_string(method), &whole);
    set(row, "score", number(results->score[i]), &whole);
    set(row, "tau", number(results->tau[i]), &whole);
    set(row, "anchors", json_integer(results->anchors[i]), &whole);
    set(row, "threshold", output->has_threshold ? number(output->threshold) : json_null(), &whole);
    set(row, "verdict",
        verdict == AMP_VERDICT_UNKNOWN ? json_null() : json_string(verdict_text(verdict)), &whole);
    print_json(output, row, whole);
}

/* ---- table ---- */

static void text_row(const score_output *output, const char *path, const score_results *results,
                     int i)
{
    const char *const name = amp_model_class_name(output->model, (uint32_t)results->label[i]);
    char tau[32] = "-", label[256], shown[4200];
    int pad;

    if (isfinite(results->tau[i]))
        (void)snprintf(tau, sizeof tau, "%.4f", results->tau[i]);
    if (name)
        (void)snprintf(label, sizeof label, "%s", name);
    else
        (void)snprintf(label, sizeof label, "%d", (int)results->label[i]);
    (void)snprintf(shown, sizeof shown, "%s", path);
    cli_printable(label);
    cli_printable(shown);
    pad = output->class_width - width_of(label);
    (void)printf("%-8s %s%*s %8.2f %% %10.4f %9s  %s\n", verdict_text(results->verdict[i]), label,
                 pad > 0 ? pad : 0, "", 100 * results->confidence[i], results->score[i], tau,
                 shown);
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

/* ---- files of no use ---- */

#define SHOWN 96 /* bytes of a path's end that the library shows */

/* The path as it stands in a message of the library. */
static void path_in_message(const char *path, char out[SHOWN + 1])
{
    const size_t length = strlen(path);

    path += length > SHOWN ? length - SHOWN : 0;
    for (int i = 0; length > SHOWN && i < 3 && ((unsigned char)*path & 0xc0u) == 0x80u; i++)
        path++;
    (void)snprintf(out, SHOWN + 1, "%s", path);
    cli_printable(out);
}

/* "PATH: cut off" -> "cut off", "cannot open PATH: gone" -> "cannot open: gone": the row names the
   file already. */
static void without_path(const char *why, const char *path, char *out, size_t size)
{
    static const char *const leads[] = { "cannot open ", "cannot read ", "" };
    char shown[SHOWN + 1];

    path_in_message(path, shown);
    for (size_t i = 0; shown[0] && i < sizeof leads / sizeof leads[0]; i++) {
        const size_t lead = strlen(leads[i]), end = lead + strlen(shown);
        if (strncmp(why, leads[i], lead) != 0 || strncmp(why + lead, shown, strlen(shown)) != 0 ||
            !strchr(": ", why[end]))
            continue;
        if (lead)
            (void)snprintf(out, size, "%.*s%s", (int)lead - 1, why, why + end);
        else
            (void)snprintf(out, size, "%s", why + end + strspn(why + end, ": "));
        return;
    }
    (void)snprintf(out, size, "%s", why);
}

void score_output_bad(score_output *output, const char *path, const char *why)
{
    char reason[256];

    without_path(why, path, reason, sizeof reason);
    output->bad++;
    if (output->json) {
        json_t *const row = json_object();
        const bool whole =
            set_file(row, path) && json_object_set_new(row, "error", json_string(reason)) == 0;
        print_json(output, row, whole);
    }
    cli_error("%s: %s", *path ? path : "''", reason);
}

unsigned long long score_output_end(score_output *output)
{
    const unsigned long long n = output->in + output->out + output->unknown + output->bad;

    if (n == 0 && !cli_interrupted())
        cli_note("no images: folders are walked for .png, .jpg and .jpeg files");
    else if (n > 1 && !output->json)
        cli_note("%llu in, %llu out, %llu unknown, %llu unreadable", output->in, output->out,
                 output->unknown, output->bad);
    return n;
}
