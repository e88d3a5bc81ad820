/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/loss.c - cross entropy and its gradient.
 */
#include "train/train_internal.h"

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

/* Target of class j: (1 - e) [j = label] + e / classes, as PyTorch smooths labels. */
static double one_image(size_t classes, const float *z, size_t label, double smoothing,
                        double weight, double lse, float *d)
{
    const double even = smoothing / (double)classes;
    double loss = 0.0;

    for (size_t j = 0; j < classes; j++) {
        const double target = even + (j == label ? 1.0 - smoothing : 0.0);
        const double log_p = (double)z[j] - lse;
        loss -= target * log_p;
        d[j] = (float)((exp(log_p) - target) * weight);
    }
    return loss;
}

double ampi_loss(size_t n, size_t classes, const float *logits, const int32_t *labels,
                 double smoothing, float *d_logits, size_t *correct)
{
    double sum = 0.0;

    *correct = 0;
    for (size_t i = 0; i < n; i++) {
        const float *const z = logits + i * classes; /* [classes] */
        const size_t label = (size_t)labels[i], best = arg_max(z, classes);
        sum += one_image(classes, z, label, smoothing, 1.0 / (double)n,
                         log_sum_exp(z, classes, best), d_logits + i * classes);
        *correct += best == label;
    }
    return sum / (double)n;
}
