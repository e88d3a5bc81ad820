/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/bench.h - what the files of amp bench share: cmd_bench.c reads the command line, bench_run.c
 * measures, bench_report.c prints.
 */
#ifndef BENCH_H
#define BENCH_H

#include "cli.h"

#define BENCH_MOST 16 /* precisions, batch sizes */

typedef struct bench_result {
    int32_t precision;
    uint32_t batch, runs;
    double median, low, high; /* seconds of a run: median, 10th and 90th percentile */
    amp_profile *profile;     /* NULL without --profile */
} bench_result;

typedef struct bench {
    amp_context *context;
    amp_model *model;
    amp_model_info info;
    amp_bank *bank;   /* of noise; NULL = the model's own, or a plain network */
    const char *path; /* NULL = random weights */
    uint32_t anchors; /* asked for, later used; 0 = a plain network */
    int32_t precisions[BENCH_MOST];
    int n_precisions;
    bool all_precisions; /* those that the model cannot run are left out */
    uint32_t batches[BENCH_MOST];
    int n_batches;
    double seconds;   /* for each result */
    uint32_t repeats; /* exactly that many runs; 0 = as many as fit in `seconds` */
    bool profile;
    uint32_t top; /* steps to show, slowest first; 0 = all in order */
    bench_result results[BENCH_MOST * BENCH_MOST];
    int n_results;
} bench;

/* The network's anchors: the model's, or noise where it has none or too few. */
int bench_make_bank(bench *b);
/* Fills the results. */
int bench_measure(bench *b);
void bench_clear(bench *b);

void bench_print_table(const bench *b);
int bench_print_json(const bench *b);

#endif
