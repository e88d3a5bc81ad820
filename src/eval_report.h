/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/eval_report.h - what amp eval gathers, and the ways it shows it.
 */
#ifndef EVAL_REPORT_H
#define EVAL_REPORT_H

#include "cli.h"

#define EVAL_SETS 64

typedef struct eval_set {
    char name[64];
    const char *spec; /* borrowed */
    size_t n;
    double *score;            /* [methods, n]                    */
    double *tau;              /* [n]                             */
    int32_t *label;           /* [n], -1 = unknown               */
    int32_t *predicted;       /* [n]                             */
    amp_ood_metrics *metrics; /* [methods]; sets 1.. only       */
} eval_set;

typedef struct eval_run {
    amp_context *context;
    amp_model *model;
    amp_scorer *scorer;
    uint32_t n_methods;
    amp_ood_options options;
    eval_set sets[EVAL_SETS]; /* 0 = in-distribution */
    int n_sets;
    double accuracy; /* of the labelled in-distribution images; NaN without labels */
} eval_run;

/* Fills metrics and accuracy. */
int eval_measure(eval_run *run);
int eval_print_table(const eval_run *run);
int eval_print_json(const eval_run *run);
int eval_write_scores(const eval_run *run, const char *path);

#endif
