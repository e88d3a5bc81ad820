/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/progress.c - one line on a terminal that says how far a long call is; silent otherwise.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL 0.1

double cli_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_duration(double seconds, char *out, size_t size)
{
    const long long s = seconds > 0.0 ? (long long)(seconds + 0.5) : 0;

    if (s >= 3600)
        (void)snprintf(out, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(out, size, "%lld:%02lld", s / 60, s % 60);
}

void cli_progress_start(cli_progress *progress)
{
    const char *const term = getenv("TERM");

    memset(progress, 0, sizeof *progress);
    progress->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void cli_progress_line(cli_progress *progress, const char *text)
{
    const double now = cli_now();

    if (!progress->terminal || now - progress->shown < INTERVAL)
        return;
    progress->shown = now;
    progress->drawn = true;
    (void)fprintf(stderr, "\r%s\033[K", text);
    (void)fflush(stderr);
}

void cli_progress_clear(cli_progress *progress)
{
    if (progress->drawn)
        (void)fputs("\r\033[K", stderr);
    progress->drawn = false;
}

/* A call may go through several stages, each at a speed of its own, or through one twice. */
static double in_stage(cli_progress *progress, const amp_progress *now)
{
    if (strcmp(progress->stage, now->stage) != 0 || now->done < progress->last) {
        (void)snprintf(progress->stage, sizeof progress->stage, "%s", now->stage);
        progress->began = cli_now();
        progress->first = now->done;
    }
    progress->last = now->done;
    return cli_now() - progress->began;
}

int32_t cli_progress_step(void *user, const amp_progress *now)
{
    cli_progress *const progress = user;
    const double elapsed = in_stage(progress, now);
    const double done = (double)(now->done - progress->first);
    char text[160], left[32];

    if (now->total > 0 && done > 0.0 && elapsed > 0.0) {
        cli_duration(elapsed / done * (double)(now->total - now->done), left, sizeof left);
        (void)snprintf(text, sizeof text, "%s %llu/%llu, %.0f a second, %s left", now->stage,
                       (unsigned long long)now->done, (unsigned long long)now->total,
                       done / elapsed, left);
    } else if (now->total > 0) {
        (void)snprintf(text, sizeof text, "%s %llu/%llu", now->stage, (unsigned long long)now->done,
                       (unsigned long long)now->total);
    } else {
        (void)snprintf(text, sizeof text, "%s %llu", now->stage, (unsigned long long)now->done);
    }
    cli_progress_line(progress, text);
    return cli_interrupted() ? 1 : 0;
}
