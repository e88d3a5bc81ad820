/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/serve.c - the loop of a contender written in C: waits for a line, measures, answers.
 */
#include "serve.h"
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_RUNS = 100000 };

static int64_t now(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Text as the inside of a JSON string. */
static void put_text(const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            (void)putchar('\\');
        (void)putchar(c < 0x20 ? ' ' : c);
    }
}

int bench_refuse(const char *why)
{
    (void)fputs("{\"refused\": \"", stdout);
    put_text(why);
    (void)puts("\"}");
    (void)fflush(stdout);
    return 1;
}

static void greet(const bench_work *work)
{
    (void)fputs("{\"ready\": true, \"version\": \"", stdout);
    put_text(work->version);
    (void)fputs("\", \"settings\": \"", stdout);
    put_text(work->settings);
    (void)printf("\", \"multiply_adds\": %lu}\n", work->multiply_adds);
    (void)fflush(stdout);
}

static int do_runs(const bench_work *work, long count)
{
    int64_t *const times = calloc((size_t)count, sizeof *times);
    int failed = times == NULL;
    const int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID);

    for (long i = 0; !failed && i < count; i++) {
        const int64_t start = now(CLOCK_MONOTONIC);
        failed = work->run(work->user);
        times[i] = now(CLOCK_MONOTONIC) - start;
    }
    if (failed) {
        (void)bench_refuse(times ? work->fault(work->user) : "out of memory");
    } else {
        const int64_t spent = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        (void)fputs("{\"times\": [", stdout);
        for (long i = 0; i < count; i++)
            (void)printf("%s%" PRId64, i ? ", " : "", times[i]);
        (void)printf("], \"cpu\": %" PRId64 "}\n", spent);
        (void)fflush(stdout);
    }
    free(times);
    return failed;
}

static int write_logits(const bench_work *work, const char *path)
{
    FILE *const file = work->logits ? fopen(path, "wb") : NULL;
    size_t written = 0;

    if (file == NULL)
        return bench_refuse(work->logits ? "the file cannot be written" : "no logits here");
    written = fwrite(work->logits, sizeof *work->logits, work->n_logits, file);
    if (fclose(file) != 0 || written != work->n_logits)
        return bench_refuse("the file cannot be written");
    (void)printf("{\"values\": %zu}\n", written);
    (void)fflush(stdout);
    return 0;
}

int bench_serve(const bench_work *work)
{
    char line[4200];
    int failed = 0;

    greet(work);
    while (!failed && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "run ", 4) == 0) {
            const long count = strtol(line + 4, NULL, 10);
            failed = count < 1 || count > MOST_RUNS ? bench_refuse("run: 1..100000 repetitions")
                                                    : do_runs(work, count);
        } else if (strncmp(line, "logits ", 7) == 0) {
            failed = write_logits(work, line + 7);
        } else if (strcmp(line, "quit") == 0) {
            break;
        } else {
            failed = bench_refuse("not a command");
        }
    }
    return failed;
}
