/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/score_output.h - verdicts as a table for a person or as JSON lines for a program.
 */
#ifndef SCORE_OUTPUT_H
#define SCORE_OUTPUT_H

#include "cli.h"

#define SCORE_MOST 32

/* Of one batch, one method; entry i belongs to the i-th readable image. */
typedef struct score_results {
    double score[SCORE_MOST], tau[SCORE_MOST], confidence[SCORE_MOST];
    int32_t anchors[SCORE_MOST]; /* used */
    int32_t label[SCORE_MOST];
    int8_t verdict[SCORE_MOST];
} score_results;

typedef struct score_output {
    const amp_model *model;
    const amp_scorer *scorer;
    bool json, calibrated, has_threshold;
    bool failed; /* no memory for a row; said on stderr */
    double threshold;
    int class_width; /* of the table's column */
    unsigned long long in, out, unknown, bad;
} score_output;

void score_output_start(score_output *output, const amp_model *model, const amp_scorer *scorer,
                        bool json);
void score_output_row(score_output *output, const char *path, const score_results *results, int i);
/* `why` as the library says it: the path is left out of it, and shown once. */
void score_output_bad(score_output *output, const char *path, const char *why);
/* The summary; gives the number of rows. */
unsigned long long score_output_end(score_output *output);

#endif
