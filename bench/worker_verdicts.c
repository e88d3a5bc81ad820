/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/worker_verdicts.c - libamp giving verdicts on real images, one image a call, by all anchors
 * or by as many as each needs: a contender of bench/adaptive.py.
 *
 *   worker_verdicts MODEL THREADS PRECISION all|adaptive IMAGES N HEIGHT WIDTH
 *
 * IMAGES holds uint8 [N, HEIGHT, WIDTH, 3].  A repetition is N verdicts; its "logits" are float32
 * [N, 2]: verdict and anchors used.
 */
#include "serve.h"
#include <amp/amp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct contender {
    amp_scorer *scorer;
    size_t n;
    uint32_t height, width;
    uint8_t *pixels; /* [n, height, width, 3] */
    float *results;  /* [n, 2]                */
    amp_error error;
} contender;

static int score_one(contender *c, size_t index)
{
    const size_t bytes = (size_t)3 * c->height * c->width;
    double score = 0;
    int32_t label = 0, anchors = 0;
    int8_t verdict = 0;
    const amp_scores out = { .struct_size = sizeof out,
                             .score = &score,
                             .label = &label,
                             .verdict = &verdict,
                             .anchors = &anchors };

    if (amp_scorer_run_rgb8(c->scorer, 1, c->pixels + index * bytes, c->height, c->width, &out,
                            &c->error) != AMP_OK)
        return 1;
    c->results[2 * index] = (float)verdict;
    c->results[2 * index + 1] = (float)anchors;
    return 0;
}

static int run(void *user)
{
    contender *const c = user;
    int failed = 0;

    for (size_t i = 0; i < c->n && !failed; i++)
        failed = score_one(c, i);
    return failed;
}

static const char *fault(void *user)
{
    const contender *const c = user;

    return c->error.message;
}

static amp_status open_scorer(contender *c, const char *path, int32_t threads,
                              const amp_scorer_options *options)
{
    amp_context *context = NULL;
    amp_model *model = NULL;
    amp_context_options how;
    amp_status status;

    amp_context_options_init(&how, sizeof how);
    how.threads = threads;
    status = amp_context_create(&context, &how, &c->error);
    if (status == AMP_OK)
        status = amp_model_open(&model, context, path, &c->error);
    if (status == AMP_OK)
        status = amp_scorer_create(&c->scorer, model, NULL, NULL, options, &c->error);
    amp_model_unref(model);
    amp_context_unref(context);
    return status;
}

static int read_pixels(contender *c, const char *path)
{
    const size_t bytes = (size_t)3 * c->height * c->width;
    FILE *const file = fopen(path, "rb");
    size_t got = 0;

    c->pixels = calloc(c->n, bytes);
    c->results = calloc(c->n, 2 * sizeof *c->results);
    if (file != NULL && c->pixels != NULL && c->results != NULL)
        got = fread(c->pixels, bytes, c->n, file);
    if (file != NULL)
        (void)fclose(file);
    return got != c->n;
}

/* NULL, or why there is nothing to serve. */
static const char *set_up(contender *c, char **argv)
{
    amp_scorer_options options;

    c->n = (size_t)strtoul(argv[6], NULL, 10);
    c->height = (uint32_t)strtoul(argv[7], NULL, 10);
    c->width = (uint32_t)strtoul(argv[8], NULL, 10);
    amp_scorer_options_init(&options, sizeof options);
    options.adaptive = strcmp(argv[4], "adaptive") == 0;
    if (amp_precision_parse(&options.precision, argv[3], &c->error) != AMP_OK ||
        open_scorer(c, argv[1], (int32_t)strtol(argv[2], NULL, 10), &options) != AMP_OK)
        return c->error.message;
    return read_pixels(c, argv[5]) ? "IMAGES cannot be read, or is too short" : NULL;
}

static int serve(contender *c, const char *settings)
{
    char version[256] = "";
    const bench_work work = { .version = version,
                              .settings = settings,
                              .run = run,
                              .fault = fault,
                              .logits = c->results,
                              .n_logits = 2 * c->n,
                              .user = c };

    (void)amp_build_info(version, sizeof version);
    return bench_serve(&work);
}

int main(int argc, char **argv)
{
    contender c = { 0 };
    const char *why = NULL;
    int code;

    if (argc != 9) {
        (void)fputs("usage: worker_verdicts MODEL THREADS PRECISION all|adaptive IMAGES N HEIGHT "
                    "WIDTH\n",
                    stderr);
        return 2;
    }
    why = set_up(&c, argv);
    code = why ? bench_refuse(why) : serve(&c, argv[4]);
    free(c.pixels);
    free(c.results);
    amp_scorer_free(c.scorer);
    return code;
}
