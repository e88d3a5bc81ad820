/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/consistency.c - what K predictions for one image say together: their mean H and how much
 * they disagree, tau (eq. 1 of the paper).
 *
 * Follows the trunk, comes before the detectors.
 */
#include "anchor/anchor.h"

#include <math.h>

static double sigmoid(double value)
{
    double e;

    if (value >= 0.0)
        return 1.0 / (1.0 + exp(-value));
    e = exp(value);
    return e / (1.0 + e);
}

/* Unbiased standard deviation over k of sigmoid(z[k][j]); two passes, k >= 2. */
static double deviation(const float *logits, size_t k, size_t classes, size_t j)
{
    double sum = 0.0, squares = 0.0, mean;

    for (size_t i = 0; i < k; i++)
        sum += sigmoid((double)logits[i * classes + j]);
    mean = sum / (double)k;
    for (size_t i = 0; i < k; i++) {
        const double off = sigmoid((double)logits[i * classes + j]) - mean;
        squares += off * off;
    }
    return sqrt(squares / (double)(k - 1));
}

/* Rows that are all the same have no spread: the mean of K equal doubles may round away from them
   and must not turn that rounding into disagreement. */
static bool all_equal(const float *logits, size_t k, size_t classes, size_t j)
{
    for (size_t i = 1; i < k; i++) {
        const float first = logits[j], other = logits[i * classes + j];
        if (first < other || first > other)
            return false;
    }
    return true;
}

void ampi_consistency(const float *logits, size_t k, size_t classes, double *mean, double *tau_sum,
                      double *tau_mean)
{
    double tau = 0.0;

    for (size_t j = 0; j < classes; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < k; i++)
            sum += (double)logits[i * classes + j];
        mean[j] = sum / (double)k;
        if (k > 1 && !all_equal(logits, k, classes, j))
            tau += deviation(logits, k, classes, j);
    }
    *tau_sum = k > 1 ? tau : (double)NAN;
    *tau_mean = k > 1 ? tau / (double)classes : (double)NAN;
}
