/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_step.c - loss, its gradient and SGD steps on numbers from standard input, for PyTorch to
 * compare with.
 *
 *   loss N CLASSES SMOOTHING    float32 logits [n,classes], int32 labels [n]
 *                            -> float64 loss, float32 d_logits [n,classes]
 *   sgd  N STEPS RATE MOMENTUM DECAY NESTEROV   float32 w [n], then g [n] for each step
 *                            -> float32 w [n]
 */
#include "train/step.h"

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

static int run_loss(char **argv)
{
    const size_t n = strtoul(argv[2], NULL, 10), classes = strtoul(argv[3], NULL, 10);
    float *const logits = take(n * classes, sizeof(float));
    int32_t *const labels = take(n, sizeof(int32_t));
    float *const d = calloc(n * classes, sizeof(float));
    const ampi_predictions p = { n, classes, logits, labels, strtod(argv[4], NULL) };
    size_t correct;
    double loss;

    if (!d)
        return 2;
    loss = ampi_loss(&p, d, &correct);
    give(&loss, 1, sizeof loss);
    give(d, n * classes, sizeof(float));
    free(logits);
    free(labels);
    free(d);
    return 0;
}

static int run_sgd(char **argv)
{
    const size_t n = strtoul(argv[2], NULL, 10), steps = strtoul(argv[3], NULL, 10);
    float *const w = take(n, sizeof(float));
    float *const v = calloc(n, sizeof(float));
    ampi_train_options options;

    memset(&options, 0, sizeof options);
    options.momentum = strtod(argv[5], NULL);
    options.weight_decay = strtod(argv[6], NULL);
    options.nesterov = argv[7][0] == '1';
    for (size_t i = 0; v && i < steps; i++) {
        float *const g = take(n, sizeof(float));
        ampi_sgd_values(n, w, v, g, &options, strtod(argv[4], NULL));
        free(g);
    }
    give(w, n, sizeof(float));
    free(w);
    free(v);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "loss") == 0)
        return run_loss(argv);
    if (argc == 8 && strcmp(argv[1], "sgd") == 0)
        return run_sgd(argv);
    return 1;
}
