/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/worker_scorers.c - several scorers of one model at once, as a contender of bench/scorers.
 *
 *   worker_scorers MODEL PRECISION BUDGET SCORERS THREADS N BATCHES
 *
 * BUDGET is the context's; each of SCORERS clones, on a thread of its own, may use THREADS.  A
 * repetition is BATCHES batches of N images; whichever scorer is free takes the next.
 */
#define _POSIX_C_SOURCE 200809L
#include "serve.h"
#include <amp/amp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SCORERS 64

struct group;

typedef struct member {
    struct group *group;
    amp_scorer *scorer;
    double *score;
    pthread_t thread;
    amp_error error;
    amp_status status;
} member;

typedef struct group {
    amp_model *model;
    member members[MOST_SCORERS];
    long n, batches;
    int scorers, started;
    uint32_t height, width;
    uint8_t *pixels; /* [n, height, width, 3] */
    atomic_long left;
    pthread_barrier_t begin, end; /* of a repetition: all members, and the one that asks */
    bool stop;
    amp_error error;
} group;

static void run_share(member *m)
{
    const group *const g = m->group;
    const amp_scores out = { .struct_size = sizeof out, .score = m->score };

    while (m->status == AMP_OK && atomic_fetch_sub(&m->group->left, 1) > 0)
        m->status = amp_scorer_run_rgb8(m->scorer, (size_t)g->n, g->pixels, g->height, g->width,
                                        &out, &m->error);
}

static void *work(void *argument)
{
    member *const m = argument;

    for (;;) {
        (void)pthread_barrier_wait(&m->group->begin);
        if (m->group->stop)
            return NULL;
        run_share(m);
        (void)pthread_barrier_wait(&m->group->end);
    }
}

static int run(void *user)
{
    group *const g = user;

    atomic_store(&g->left, g->batches);
    (void)pthread_barrier_wait(&g->begin);
    (void)pthread_barrier_wait(&g->end);
    for (int i = 0; i < g->scorers; i++) {
        if (g->members[i].status != AMP_OK) {
            g->error = g->members[i].error;
            return 1;
        }
    }
    return 0;
}

static const char *fault(void *user)
{
    const group *const g = user;

    return g->error.message;
}

static amp_status open_model(group *g, const char *path, int32_t budget)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_context_options options;
    amp_context *context = NULL;
    amp_status status;

    amp_context_options_init(&options, sizeof options);
    options.threads = budget;
    status = amp_context_create(&context, &options, &g->error);
    if (status == AMP_OK)
        status = amp_model_open(&g->model, context, path, &g->error);
    if (status == AMP_OK)
        status = amp_model_get_info(g->model, &info, &g->error);
    g->height = info.height;
    g->width = info.width;
    amp_context_unref(context);
    return status;
}

static amp_status make_scorers(group *g, const char *precision, int32_t threads)
{
    amp_scorer_options options;
    amp_status status;

    amp_scorer_options_init(&options, sizeof options);
    options.threads = threads;
    status = amp_precision_parse(&options.precision, precision, &g->error);
    if (status == AMP_OK)
        status =
            amp_scorer_create(&g->members[0].scorer, g->model, NULL, "amp", &options, &g->error);
    for (int i = 1; status == AMP_OK && i < g->scorers; i++)
        status = amp_scorer_clone(&g->members[i].scorer, g->members[0].scorer, &g->error);
    return status;
}

/* Pixels of any kind: the network's work does not hang on them. */
static bool take_memory(group *g)
{
    const size_t bytes = (size_t)3 * g->height * g->width;
    uint32_t state = 1;

    g->pixels = calloc((size_t)g->n, bytes);
    for (size_t i = 0; g->pixels && i < (size_t)g->n * bytes; i++) {
        state = state * 1664525u + 1013904223u;
        g->pixels[i] = (uint8_t)(state >> 24);
    }
    for (int i = 0; i < g->scorers; i++) {
        g->members[i].group = g;
        g->members[i].score = calloc((size_t)g->n, sizeof(double));
        if (!g->members[i].score)
            return false;
    }
    return g->pixels != NULL;
}

static bool start(group *g)
{
    const unsigned all = (unsigned)g->scorers + 1;

    if (pthread_barrier_init(&g->begin, NULL, all) != 0 ||
        pthread_barrier_init(&g->end, NULL, all) != 0)
        return false;
    while (g->started < g->scorers) {
        member *const m = &g->members[g->started];
        if (pthread_create(&m->thread, NULL, work, m) != 0)
            return false;
        g->started++;
    }
    return true;
}

/* Threads that could not all be started wait for ever, and end with the process. */
static void finish(group *g)
{
    if (g->started < g->scorers)
        return;
    g->stop = true;
    (void)pthread_barrier_wait(&g->begin);
    for (int i = 0; i < g->scorers; i++)
        (void)pthread_join(g->members[i].thread, NULL);
    for (int i = 0; i < g->scorers; i++) {
        amp_scorer_free(g->members[i].scorer);
        free(g->members[i].score);
    }
    free(g->pixels);
    amp_model_unref(g->model);
}

static const char *set_up(group *g, char **argv)
{
    if (g->scorers < 1 || g->scorers > MOST_SCORERS || g->n < 1 || g->batches < 1)
        return "1..64 scorers, 1 image and 1 batch or more";
    if (open_model(g, argv[1], (int32_t)strtol(argv[3], NULL, 10)) != AMP_OK ||
        make_scorers(g, argv[2], (int32_t)strtol(argv[5], NULL, 10)) != AMP_OK)
        return g->error.message;
    if (!take_memory(g))
        return "out of memory";
    return start(g) ? NULL : "a thread could not be started";
}

int main(int argc, char **argv)
{
    static group g;
    char version[256] = "";
    bench_work task = { .version = version, .run = run, .fault = fault, .user = &g };
    const char *why;
    int code;

    if (argc != 8) {
        (void)fputs("usage: worker_scorers MODEL PRECISION BUDGET SCORERS THREADS N BATCHES\n",
                    stderr);
        return 2;
    }
    g.scorers = (int)strtol(argv[4], NULL, 10);
    g.n = strtol(argv[6], NULL, 10);
    g.batches = strtol(argv[7], NULL, 10);
    task.settings = argv[2];
    (void)amp_build_info(version, sizeof version);
    why = set_up(&g, argv);
    if (why)
        return bench_refuse(why);
    code = bench_serve(&task);
    finish(&g);
    return code;
}
