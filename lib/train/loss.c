/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/loss.c - cross entropy and its gradient.
 */
#include "train/step.h"

#include <math.h>

static size_t arg_max(const float *z, size_t classes)
{
    size_t best = 0;

    for (size_t j = 1; j < classes; j++)
        best = z[j] > z[best] ? j : best;
    return best;
}

static double log_sum_exp(const float *z, size_t classes, size_t best)
{
    const double top = (double)z[best];
    double sum = 0.0;

    for (size_t j = 0; j < classes; j++)
        sum += exp((double)z[j] - top);
    return top + log(sum);
}

/* Target of class j: (1 - e) [j = label] + e / classes, as PyTorch smooths labels; of two labels
   each has its share of the 1 - e. */
static double one_image(const ampi_predictions *from, size_t i, double lse, float *d)
{
    const float *const z = from->logits + i * from->classes; /* [classes] */
    const size_t label = (size_t)from->labels[i];
    const size_t other = from->others ? (size_t)from->others[i] : label;
    const double even = from->smoothing / (double)from->classes;
    const double all = 1.0 - from->smoothing;
    const double part = from->others ? all * from->share : all;
    double loss = 0.0;

    for (size_t j = 0; j < from->classes; j++) {
        const double target = even + (j == label ? part : 0.0) + (j == other ? all - part : 0.0);
        const double log_p = (double)z[j] - lse;
        loss -= target * log_p;
        d[j] = (float)((exp(log_p) - target) / (double)from->n);
    }
    return loss;
}

double ampi_loss(const ampi_predictions *predictions, float *d_logits, size_t *correct)
{
    const size_t classes = predictions->classes;
    double sum = 0.0;

    *correct = 0;
    for (size_t i = 0; i < predictions->n; i++) {
        const float *const z = predictions->logits + i * classes; /* [classes] */
        const size_t best = arg_max(z, classes);
        sum += one_image(predictions, i, log_sum_exp(z, classes, best), d_logits + i * classes);
        *correct += best == (size_t)predictions->labels[i];
    }
    return sum / (double)predictions->n;
}
