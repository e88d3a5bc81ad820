/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/eval_report.c - the numbers of amp eval as a table, as JSON and as CSV.
 */
#include "eval_report.h"

#include "outfile.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct metric {
    const char *key;   /* in JSON           */
    const char *title; /* in the table      */
    size_t offset;     /* of the double     */
} metric;

static const metric metrics[] = {
    { "fpr95", "FPR", offsetof(amp_ood_metrics, fpr) },
    { "auroc", "AUROC", offsetof(amp_ood_metrics, auroc) },
    { "aupr_in", "AUPR-in", offsetof(amp_ood_metrics, aupr_in) },
    { "aupr_out", "AUPR-out", offsetof(amp_ood_metrics, aupr_out) },
    { "dtacc", "DTACC", offsetof(amp_ood_metrics, dtacc) },
};

#define METRICS (sizeof metrics / sizeof metrics[0])

static double value_of(const amp_ood_metrics *from, const metric *which)
{
    double value;

    memcpy(&value, (const unsigned char *)from + which->offset, sizeof value);
    return value;
}

static double mean_of(const eval_run *run, uint32_t method, const metric *which)
{
    double sum = 0.0;

    for (int i = 1; i < run->n_sets; i++)
        sum += value_of(&run->sets[i].metrics[method], which);
    return sum / (run->n_sets - 1);
}

static double accuracy_of(const eval_set *set)
{
    size_t known = 0, right = 0;

    for (size_t i = 0; i < set->n; i++) {
        known += set->label[i] >= 0;
        right += set->label[i] >= 0 && set->label[i] == set->predicted[i];
    }
    return known > 0 ? (double)right / (double)known : (double)NAN;
}

int eval_measure(eval_run *run)
{
    const eval_set *const id = &run->sets[0];

    run->accuracy = accuracy_of(id);
    for (int i = 1; i < run->n_sets; i++) {
        eval_set *const set = &run->sets[i];
        set->metrics = calloc(run->n_methods, sizeof *set->metrics);
        if (!set->metrics) {
            cli_error("no memory for the metrics");
            return CLI_RESOURCES;
        }
        for (uint32_t m = 0; m < run->n_methods; m++) {
            amp_error error;
            set->metrics[m].struct_size = sizeof set->metrics[m];
            if (amp_ood_evaluate(id->score + m * id->n, id->n, set->score + m * set->n, set->n,
                                 &run->options, &set->metrics[m], &error) != AMP_OK)
                return cli_fail(&error, CLI_INPUT);
        }
    }
    return CLI_OK;
}

static void table_row(const eval_run *run, uint32_t method, const eval_set *set)
{
    (void)printf("%-28s %-18s", amp_scorer_method(run->scorer, method), set ? set->name : "mean");
    for (size_t i = 0; i < METRICS; i++)
        (void)printf(" %8.2f", 100.0 * (set ? value_of(&set->metrics[method], &metrics[i])
                                            : mean_of(run, method, &metrics[i])));
    if (set)
        (void)printf(" %7zu : %zu", run->sets[0].n, set->n);
    (void)printf("\n");
}

int eval_print_table(const eval_run *run)
{
    if (isfinite(run->accuracy))
        (void)printf("accuracy %.2f %% of %zu in-distribution images, %u anchors, %s; all in per "
                     "cent, FPR at TPR %g\n\n",
                     100.0 * run->accuracy, run->sets[0].n, amp_scorer_anchors(run->scorer),
                     amp_precision_name(amp_scorer_precision(run->scorer)), run->options.tpr_level);
    (void)printf("%-28s %-18s", "method", "set");
    for (size_t i = 0; i < METRICS; i++)
        (void)printf(" %8s", metrics[i].title);
    (void)printf(" %s\n", "   in : out");
    for (uint32_t m = 0; m < run->n_methods; m++) {
        for (int i = 1; i < run->n_sets; i++)
            table_row(run, m, &run->sets[i]);
        if (run->n_sets > 2)
            table_row(run, m, NULL);
    }
    return CLI_OK;
}

/* Numbers that do not exist are null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *set_json(const eval_run *run, uint32_t method, const eval_set *set)
{
    const amp_ood_metrics *const m = &set->metrics[method];
    json_t *const object = json_object();

    for (size_t i = 0; i < METRICS; i++)
        (void)json_object_set_new(object, metrics[i].key, number(value_of(m, &metrics[i])));
    (void)json_object_set_new(object, "threshold", number(m->threshold));
    (void)json_object_set_new(object, "n_in", json_integer((json_int_t)run->sets[0].n));
    (void)json_object_set_new(object, "n_out", json_integer((json_int_t)set->n));
    return object;
}

static json_t *mean_json(const eval_run *run, uint32_t method)
{
    json_t *const object = json_object();
    json_int_t out = 0;

    for (size_t i = 0; i < METRICS; i++)
        (void)json_object_set_new(object, metrics[i].key,
                                  number(mean_of(run, method, &metrics[i])));
    for (int i = 1; i < run->n_sets; i++)
        out += (json_int_t)run->sets[i].n;
    (void)json_object_set_new(object, "n_in", json_integer((json_int_t)run->sets[0].n));
    (void)json_object_set_new(object, "n_out", json_integer(out));
    return object;
}

static json_t *method_json(const eval_run *run, uint32_t method)
{
    json_t *const sets = json_object(), *const object = json_object();

    for (int i = 1; i < run->n_sets; i++)
        (void)json_object_set_new(sets, run->sets[i].name, set_json(run, method, &run->sets[i]));
    (void)json_object_set_new(object, "sets", sets);
    (void)json_object_set_new(object, "mean", mean_json(run, method));
    return object;
}

static json_t *whole_json(const eval_run *run)
{
    json_t *const methods = json_object(), *const object = json_object();

    for (uint32_t m = 0; m < run->n_methods; m++)
        (void)json_object_set_new(methods, amp_scorer_method(run->scorer, m), method_json(run, m));
    (void)json_object_set_new(object, "accuracy", number(run->accuracy));
    (void)json_object_set_new(object, "n_in", json_integer((json_int_t)run->sets[0].n));
    (void)json_object_set_new(object, "anchors", json_integer(amp_scorer_anchors(run->scorer)));
    (void)json_object_set_new(object, "precision",
                              json_string(amp_precision_name(amp_scorer_precision(run->scorer))));
    (void)json_object_set_new(object, "tpr", json_real(run->options.tpr_level));
    (void)json_object_set_new(object, "rule", json_string(amp_ood_rule_name(run->options.rule)));
    (void)json_object_set_new(object, "area", json_string(amp_ood_area_name(run->options.area)));
    (void)json_object_set_new(object, "methods", methods);
    return object;
}

int eval_print_json(const eval_run *run)
{
    json_t *const object = whole_json(run);
    /* Memory that ran out leaves a key out: the keys are counted. */
    const bool whole = json_object_size(object) == 8 &&
                       json_object_size(json_object_get(object, "methods")) == run->n_methods;

    if (whole) {
        (void)json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        (void)fputc('\n', stdout);
    } else {
        cli_error("no memory for the JSON text");
    }
    json_decref(object);
    return whole ? CLI_OK : CLI_RESOURCES;
}

/* NumPy and pandas read "nan"; printf may write "-nan". */
static void csv_number(double value, FILE *out)
{
    if (isnan(value))
        (void)fputs(",nan", out);
    else
        (void)fprintf(out, ",%.17g", value);
}

static void csv_rows(const eval_run *run, const eval_set *set, FILE *out)
{
    for (size_t i = 0; i < set->n; i++) {
        (void)fprintf(out, "%s,%zu,%d,%d", set->name, i, (int)set->label[i],
                      (int)set->predicted[i]);
        csv_number(set->tau[i], out);
        for (uint32_t m = 0; m < run->n_methods; m++)
            csv_number(set->score[m * set->n + i], out);
        (void)fputc('\n', out);
    }
}

int eval_write_scores(const eval_run *run, const char *path)
{
    char why[128];
    outfile file;

    if (!outfile_open(&file, path, why, sizeof why)) {
        cli_error("%s: %s", path, why);
        return CLI_RESOURCES;
    }
    (void)fprintf(file.stream, "set,index,label,predicted,tau");
    for (uint32_t m = 0; m < run->n_methods; m++)
        (void)fprintf(file.stream, ",\"%s\"", amp_scorer_method(run->scorer, m));
    (void)fputc('\n', file.stream);
    for (int i = 0; i < run->n_sets; i++)
        csv_rows(run, &run->sets[i], file.stream);
    if (outfile_commit(&file, why, sizeof why))
        return CLI_OK;
    cli_error("%s: %s", path, why);
    return CLI_RESOURCES;
}
