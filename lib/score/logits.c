/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/logits.c - functions of one row of logits, in double and in forms that keep their order
 * where exp saturates.
 *
 * The maximum m is taken out first: log sum exp(z) = m + log(1 + rest), rest = the other terms'
 * exp(z - m).
 */
#include "score/score.h"

#include <math.h>

size_t ampi_logits_argmax(const double *z, size_t n)
{
    size_t best = 0;

    for (size_t j = 1; j < n; j++) {
        if (z[j] > z[best])
            best = j;
    }
    return best;
}

double ampi_logits_max(const double *z, size_t n)
{
    return z[ampi_logits_argmax(z, n)];
}

/* log sum exp(z - z[top]) >= 0; small values keep their digits, log n is exact for equal ones. */
static double log_sum(const double *z, size_t n, size_t top)
{
    double rest = 0.0;

    for (size_t j = 0; j < n; j++) {
        if (j != top)
            rest += exp(z[j] - z[top]);
    }
    return rest < 1.0 ? log1p(rest) : log(1.0 + rest);
}

double ampi_logits_energy(const double *z, size_t n)
{
    const size_t top = ampi_logits_argmax(z, n);

    return z[top] + log_sum(z, n, top);
}

double ampi_logits_msp(const double *z, size_t n)
{
    return -log_sum(z, n, ampi_logits_argmax(z, n));
}

double ampi_logits_xent(const double *z, size_t n)
{
    const size_t top = ampi_logits_argmax(z, n);
    double off = 0.0;

    for (size_t j = 0; j < n; j++)
        off += z[top] - z[j];
    return log_sum(z, n, top) + off / (double)n;
}

double ampi_logits_entropy(const double *z, size_t n)
{
    const size_t top = ampi_logits_argmax(z, n);
    const double sum = log_sum(z, n, top);
    double total = 0.0;

    for (size_t j = 0; j < n; j++) {
        const double log_p = z[j] - z[top] - sum;
        total += exp(log_p) * log_p;
    }
    return total;
}

double ampi_calibration_temperature(ampi_calibration calibration, double tau_sum, double tau_mean)
{
    /* All anchors agreeing would divide by zero. */
    const double least = 1e-12;

    if (isnan(tau_sum))
        return 1.0;
    switch (calibration) {
    case AMPI_CALIBRATION_NONE:
        break;
    case AMPI_CALIBRATION_P_LARGE:
        return fmax(tau_sum, least);
    case AMPI_CALIBRATION_P_SMALL:
        return 1.0 + exp(tau_sum);
    case AMPI_CALIBRATION_C_SMALL:
        return 1.0 + exp(tau_mean);
    case AMPI_CALIBRATION_C_LARGE:
        return fmax(tau_mean, least);
    }
    return 1.0;
}
