/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_step.c - loss, its gradient, SGD steps, means and eigenvectors of numbers from standard
 * input, for PyTorch to compare with.
 *
 *   loss N CLASSES SMOOTHING    float32 logits [n,classes], int32 labels [n]
 *                            -> float64 loss, float32 d_logits [n,classes]
 *   mixed N CLASSES SMOOTHING SHARE   logits, labels, labels of the others   -> as loss
 *   sgd  N STEPS RATE MOMENTUM DECAY NESTEROV CLIP   float32 w [n], then g [n] for each step
 *                            -> float32 w [n]
 *   ema  N STEPS KEEP        float32 w [n] for each step -> float32 mean [n]
 *   eigen N                  float64 a [n,n] -> float64 values [n], vectors [n,n]
 */
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *take(size_t count, size_t size)
{
    void *const bytes = calloc(count, size);

    if (!bytes || fread(bytes, size, count, stdin) != count)
        exit(2);
    return bytes;
}

static void give(const void *bytes, size_t count, size_t size)
{
    if (fwrite(bytes, size, count, stdout) != count)
        exit(3);
}

static int run_loss(int argc, char **argv)
{
    const size_t n = strtoul(argv[2], NULL, 10), classes = strtoul(argv[3], NULL, 10);
    float *const logits = take(n * classes, sizeof(float));
    int32_t *const labels = take(n, sizeof(int32_t));
    float *const d = calloc(n * classes, sizeof(float));
    int32_t *const others = argc == 6 ? take(n, sizeof(int32_t)) : NULL;
    const ampi_predictions p = { .n = n,
                                 .classes = classes,
                                 .logits = logits,
                                 .labels = labels,
                                 .smoothing = strtod(argv[4], NULL),
                                 .others = others,
                                 .share = argc == 6 ? strtod(argv[5], NULL) : 1.0 };
    size_t correct;
    double loss;

    if (!d)
        return 2;
    loss = ampi_loss(&p, d, &correct);
    give(&loss, 1, sizeof loss);
    give(d, n * classes, sizeof(float));
    free(logits);
    free(labels);
    free(others);
    free(d);
    return 0;
}

/* A gradient longer than CLIP is shortened to it; 0 = never. */
static double clip(const float *g, size_t n, double most)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)g[i] * (double)g[i];
    return ampi_clip_scale(sqrt(sum), most);
}

static int run_sgd(char **argv)
{
    const size_t n = strtoul(argv[2], NULL, 10), steps = strtoul(argv[3], NULL, 10);
    float *const w = take(n, sizeof(float));
    float *const v = calloc(n, sizeof(float));
    ampi_sgd_move move = { .rate = strtod(argv[4], NULL),
                           .momentum = strtod(argv[5], NULL),
                           .decay = strtod(argv[6], NULL),
                           .nesterov = argv[7][0] == '1' };

    for (size_t i = 0; v && i < steps; i++) {
        float *const g = take(n, sizeof(float));
        move.scale = clip(g, n, strtod(argv[8], NULL));
        ampi_sgd_values(n, w, v, g, &move);
        free(g);
    }
    give(w, n, sizeof(float));
    free(w);
    free(v);
    return 0;
}

static int run_ema(char **argv)
{
    const size_t n = strtoul(argv[2], NULL, 10), steps = strtoul(argv[3], NULL, 10);
    float *const mean = calloc(n, sizeof(float));

    for (size_t i = 0; mean && i < steps; i++) {
        float *const w = take(n, sizeof(float));
        ampi_average_values(n, mean, w, strtod(argv[4], NULL));
        free(w);
    }
    give(mean, n, sizeof(float));
    free(mean);
    return 0;
}

static int run_eigen(char **argv)
{
    const size_t n = strtoul(argv[2], NULL, 10);
    double *const a = take(n * n, sizeof(double));
    double *const values = calloc(n, sizeof(double)), *const vectors =
                                                          calloc(n * n, sizeof(double));

    if (!values || !vectors)
        return 2;
    ampi_eigen(n, a, values, vectors);
    give(values, n, sizeof(double));
    give(vectors, n * n, sizeof(double));
    free(a);
    free(values);
    free(vectors);
    return 0;
}

int main(int argc, char **argv)
{
    if ((argc == 5 && strcmp(argv[1], "loss") == 0) || (argc == 6 && strcmp(argv[1], "mixed") == 0))
        return run_loss(argc, argv);
    if (argc == 9 && strcmp(argv[1], "sgd") == 0)
        return run_sgd(argv);
    if (argc == 5 && strcmp(argv[1], "ema") == 0)
        return run_ema(argv);
    if (argc == 3 && strcmp(argv[1], "eigen") == 0)
        return run_eigen(argv);
    return 1;
}
