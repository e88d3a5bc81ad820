/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_train_report.c - a line an epoch, a line that moves, a log for programs.
 */
#include "cmd_train_report.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

/* Most memory that this process has had, in MiB; 0 = unknown. */
static double peak_memory(void)
{
    struct rusage used;

    return getrusage(RUSAGE_SELF, &used) == 0 ? (double)used.ru_maxrss / 1024.0 : 0.0;
}

static int log_fault(const train_report *report)
{
    cli_error("cannot write %s: %s", report->log_path, strerror(errno));
    return CLI_RESOURCES;
}

int train_report_start(train_report *report, const cli_arguments *arguments)
{
    cli_progress_start(&report->progress);
    report->quiet = cli_has(arguments, "quiet");
    report->log_path = cli_get(arguments, "log", NULL);
    if (!report->log_path)
        return CLI_OK;
    report->log = fopen(report->log_path, "a");
    return report->log ? CLI_OK : log_fault(report);
}

void train_report_step(train_report *report, const amp_train_progress *p)
{
    char text[200], left[32];

    if (report->quiet)
        return;
    cli_duration(p->eta_seconds, left, sizeof left);
    (void)snprintf(text, sizeof text,
                   "epoch %u/%u  batch %llu/%llu  loss %.4f  rate %.4f  %.0f images/s  %s left",
                   p->epoch, p->epochs, (unsigned long long)p->step, (unsigned long long)p->steps,
                   p->loss, p->learning_rate, p->images_per_second, left);
    cli_progress_line(&report->progress, text);
}

static void show_epoch(train_report *report, const amp_train_progress *p)
{
    char spent[32], left[32], held_out[32] = "-";

    cli_duration(p->seconds, spent, sizeof spent);
    cli_duration(p->eta_seconds, left, sizeof left);
    if (isfinite(p->held_out_accuracy))
        (void)snprintf(held_out, sizeof held_out, "%.2f %%", 100.0 * p->held_out_accuracy);
    cli_progress_clear(&report->progress);
    (void)fprintf(stderr,
                  "epoch %u/%u  loss %.4f  accuracy %.2f %%  held out %s  %.0f images/s  %.0f MiB  "
                  "%s spent, %s left\n",
                  p->epoch, p->epochs, p->loss, 100.0 * p->accuracy, held_out, p->images_per_second,
                  peak_memory(), spent, left);
}

static int log_epoch(const train_report *report, const amp_train_progress *p)
{
    char held_out[32] = "null";

    if (isfinite(p->held_out_accuracy))
        (void)snprintf(held_out, sizeof held_out, "%.9g", p->held_out_accuracy);
    (void)fprintf(report->log,
                  "{\"epoch\": %u, \"step\": %llu, \"learning_rate\": %.9g, \"loss\": %.9g, "
                  "\"accuracy\": %.9g, \"held_out_accuracy\": %s, \"images_per_second\": %.1f, "
                  "\"seconds\": %.1f, \"peak_memory_mib\": %.1f}\n",
                  p->epoch, (unsigned long long)p->step, p->learning_rate, p->loss, p->accuracy,
                  held_out, p->images_per_second, p->seconds, peak_memory());
    return fflush(report->log) == 0 && !ferror(report->log) ? CLI_OK : log_fault(report);
}

int train_report_epoch(train_report *report, const amp_train_progress *p)
{
    if (!report->quiet)
        show_epoch(report, p);
    return report->log ? log_epoch(report, p) : CLI_OK;
}

void train_report_end(train_report *report)
{
    cli_progress_clear(&report->progress);
    if (report->log)
        (void)fclose(report->log);
    report->log = NULL;
}
