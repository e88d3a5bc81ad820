/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_train_report.h - what a training run tells while it runs.
 */
#ifndef CMD_TRAIN_REPORT_H
#define CMD_TRAIN_REPORT_H

#include "cli.h"

typedef struct train_report {
    cli_progress progress;
    bool quiet;
    FILE *log; /* NULL = none */
    const char *log_path;
} train_report;

/* Opens --log.  CLI_RESOURCES when it cannot be written. */
int train_report_start(train_report *report, const cli_arguments *arguments);
/* The line of a batch, on a terminal only. */
void train_report_step(train_report *report, const amp_train_progress *p);
/* The line of an epoch, and its row in the log: CLI_RESOURCES when that cannot be written. */
int train_report_epoch(train_report *report, const amp_train_progress *p);
void train_report_end(train_report *report);

#endif
