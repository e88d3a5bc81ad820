/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/worker_libamp.c - libamp as a contender of bench/compare, by its public API alone.
 *
 *   worker_libamp MODEL THREADS OPTIONS IMAGES N HEIGHT WIDTH
 *
 * A repetition goes all the way: N images of uint8 RGB to scores, verdicts and K logits each.
 * IMAGES holds uint8 [N, HEIGHT, WIDTH, 3].  OPTIONS are those of the engine, "precision=fp32".
 */
#include "serve.h"
#include <amp/amp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct contender {
    amp_model *model;
    amp_scorer *scorer;
    size_t n;
    uint32_t height, width;
    uint8_t *pixels; /* [n, height, width, 3] */
    double *score;   /* [n] */
    double *tau;     /* [n] */
    int32_t *label;  /* [n] */
    int8_t *verdict; /* [n] */
    float *logits;   /* [n, K, classes] */
    size_t n_logits;
    amp_error error;
} contender;

static int run(void *user)
{
    contender *const c = user;
    const amp_scores out = { .struct_size = sizeof out,
                             .score = c->score,
                             .tau = c->tau,
                             .label = c->label,
                             .verdict = c->verdict,
                             .anchor_logits = c->logits };

    return amp_scorer_run_rgb8(c->scorer, c->n, c->pixels, c->height, c->width, &out, &c->error) !=
           AMP_OK;
}

static const char *fault(void *user)
{
    const contender *const c = user;

    return c->error.message;
}

/* The engine's options into those of the scorer; NULL, or why not. */
static const char *set_options(amp_scorer_options *options, const char *text, amp_error *error)
{
    static const char key[] = "precision=";

    if (strncmp(text, key, sizeof key - 1) != 0)
        return "only the option precision is known to this worker";
    return amp_precision_parse(&options->precision, text + sizeof key - 1, error) == AMP_OK
               ? NULL
               : error->message;
}

static amp_status open_all(contender *c, const char *path, int32_t threads,
                           amp_scorer_options *options)
{
    amp_context *context = NULL;
    amp_context_options how;
    amp_status status;

    amp_context_options_init(&how, sizeof how);
    how.threads = threads;
    status = amp_context_create(&context, &how, &c->error);
    if (status == AMP_OK)
        status = amp_model_open(&c->model, context, path, &c->error);
    if (status == AMP_OK)
        status = amp_scorer_create(&c->scorer, c->model, NULL, "amp", options, &c->error);
    amp_context_unref(context);
    return status;
}

static int take_memory(contender *c)
{
    amp_model_info info = { .struct_size = sizeof info };
    size_t rows = c->n;

    if (amp_model_get_info(c->model, &info, &c->error) != AMP_OK)
        return 1;
    if (amp_scorer_anchors(c->scorer) > 0)
        rows *= amp_scorer_anchors(c->scorer);
    c->n_logits = rows * info.classes;
    c->pixels = calloc(c->n, (size_t)3 * c->height * c->width);
    c->score = calloc(c->n, sizeof *c->score);
    c->tau = calloc(c->n, sizeof *c->tau);
    c->label = calloc(c->n, sizeof *c->label);
    c->verdict = calloc(c->n, sizeof *c->verdict);
    c->logits = calloc(c->n_logits, sizeof *c->logits);
    return !c->pixels || !c->score || !c->tau || !c->label || !c->verdict || !c->logits;
}

static int read_pixels(contender *c, const char *path)
{
    FILE *const file = fopen(path, "rb");
    const size_t bytes = (size_t)3 * c->height * c->width;
    size_t got = 0;

    if (file != NULL) {
        got = fread(c->pixels, bytes, c->n, file);
        (void)fclose(file);
    }
    return got != c->n;
}

static void release(contender *c)
{
    free(c->pixels);
    free(c->score);
    free(c->tau);
    free(c->label);
    free(c->verdict);
    free(c->logits);
    amp_scorer_free(c->scorer);
    amp_model_unref(c->model);
}

static int serve(contender *c, char **argv)
{
    char version[256] = "";
    const bench_work work = { .version = version,
                              .settings = argv[3],
                              .run = run,
                              .fault = fault,
                              .logits = c->logits,
                              .n_logits = c->n_logits,
                              .user = c };

    (void)amp_build_info(version, sizeof version);
    return bench_serve(&work);
}

int main(int argc, char **argv)
{
    contender c = { 0 };
    amp_scorer_options options;
    const char *why = NULL;
    int code = 1;

    if (argc != 8) {
        (void)fputs("usage: worker_libamp MODEL THREADS OPTIONS IMAGES N HEIGHT WIDTH\n", stderr);
        return 2;
    }
    c.n = (size_t)strtoul(argv[5], NULL, 10);
    c.height = (uint32_t)strtoul(argv[6], NULL, 10);
    c.width = (uint32_t)strtoul(argv[7], NULL, 10);
    amp_scorer_options_init(&options, sizeof options);
    why = set_options(&options, argv[3], &c.error);
    if (why == NULL &&
        open_all(&c, argv[1], (int32_t)strtol(argv[2], NULL, 10), &options) != AMP_OK)
        why = c.error.message;
    if (why == NULL && take_memory(&c))
        why = "out of memory";
    if (why == NULL && read_pixels(&c, argv[4]))
        why = "IMAGES cannot be read, or is too short";
    code = why ? bench_refuse(why) : serve(&c, argv);
    release(&c);
    return code;
}
