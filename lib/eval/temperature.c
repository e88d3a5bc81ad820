/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/temperature.c - temperature scaling (Guo et al. 2017): one number for a model's confidence.
 *
 * The mean NLL is convex in beta = 1/T: its slope is mean(E_p[z] - z_y), its curvature mean(Var_p
 * z), p = softmax(beta z).  The slope's one change of sign is bracketed first; Newton steps stay
 * inside the bracket and give way to bisection when they do not halve.
 */
#include "eval/eval_internal.h"

#include <string.h>

#define MOST_STEPS 200

typedef struct problem {
    const float *logits; /* [n][classes] */
    const int32_t *labels;
    size_t n, classes;
} problem;

typedef struct derivatives {
    double slope, curvature;
} derivatives;

static amp_temperature_options defaults(void)
{
    const amp_temperature_options options = { .struct_size = sizeof options,
                                              .min_temperature = 0.01,
                                              .max_temperature = 100,
                                              .tolerance = 1e-12 };
    return options;
}

void amp_temperature_options_init(amp_temperature_options *options, size_t size)
{
    const amp_temperature_options known = defaults();

    if (!options || size < sizeof(size_t))
        return;
    memset(options, 0, size);
    memcpy(options, &known, ampi_min_size(size, sizeof known));
    options->struct_size = size;
}

static amp_status read_options(amp_temperature_options *options,
                               const amp_temperature_options *given, amp_error *error)
{
    *options = defaults();
    AMPI_TRY(ampi_struct_read(options, sizeof *options, given, "eval", error));
    AMPI_TRY(ampi_eval_check_range(options->min_temperature, AMPI_EVAL_LEAST_TEMPERATURE,
                                   AMPI_EVAL_MOST_TEMPERATURE, "min_temperature", error));
    AMPI_TRY(ampi_eval_check_range(options->max_temperature, AMPI_EVAL_LEAST_TEMPERATURE,
                                   AMPI_EVAL_MOST_TEMPERATURE, "max_temperature", error));
    if (!(options->min_temperature < options->max_temperature))
        return ampi_fail(error, AMP_E_ARGUMENT, "eval",
                         "min_temperature %g is not below max_temperature %g",
                         options->min_temperature, options->max_temperature);
    return ampi_eval_check_range(options->tolerance, 1e-14, 0.1, "tolerance", error);
}

static float row_max(const float *row, size_t classes)
{
    float most = row[0];

    for (size_t j = 1; j < classes; j++)
        most = row[j] > most ? row[j] : most;
    return most;
}

/* Moments of one row about its largest logit, so that exp() neither overflows nor loses the sum. */
static derivatives row_derivatives(const float *row, size_t classes, size_t label, double beta)
{
    const double most = (double)row_max(row, classes);
    double sum = 0, first = 0, second = 0;
    derivatives result;

    for (size_t j = 0; j < classes; j++) {
        const double d = (double)row[j] - most;
        const double e = exp(beta * d);
        sum += e;
        first += e * d;
        second += e * d * d;
    }
    first /= sum;
    result.slope = first - ((double)row[label] - most);
    result.curvature = fmax(0, second / sum - first * first);
    return result;
}

static derivatives mean_derivatives(const problem *data, double beta)
{
    ampi_eval_sum slope = { 0, 0 }, curvature = { 0, 0 };
    derivatives mean;

    for (size_t i = 0; i < data->n; i++) {
        const derivatives row = row_derivatives(data->logits + i * data->classes, data->classes,
                                                (size_t)data->labels[i], beta);
        ampi_eval_add(&slope, row.slope);
        ampi_eval_add(&curvature, row.curvature);
    }
    mean.slope = ampi_eval_total(&slope) / (double)data->n;
    mean.curvature = ampi_eval_total(&curvature) / (double)data->n;
    return mean;
}

static double clamp(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

/* slope(low) < 0 < slope(high).  Bisection is by the geometric mean: beta spans decades. */
static double find_beta(const problem *data, double low, double high, double tolerance)
{
    double beta = clamp(1, low, high), last_step = high - low;

    for (int i = 0; i < MOST_STEPS; i++) {
        const derivatives here = mean_derivatives(data, beta);
        double next = beta - here.slope / here.curvature; /* may be inf or NaN */
        if (here.slope < 0)
            low = beta;
        else if (here.slope > 0)
            high = beta;
        else
            break;
        if (!(next > low && next < high) || !(fabs(next - beta) <= 0.5 * last_step))
            next = sqrt(low * high);
        last_step = fabs(next - beta);
        beta = next;
        if (last_step <= tolerance * beta)
            break;
    }
    return beta;
}

/* A slope of 0 at a bound is either flat data or an underflow of the exponentials (separable data),
   so the other bound decides. */
static double fit(const problem *data, const amp_temperature_options *options)
{
    const double low = 1 / options->max_temperature, high = 1 / options->min_temperature;
    const double at_low = mean_derivatives(data, low).slope;
    const double at_high = mean_derivatives(data, high).slope;

    if (at_low < 0 && at_high > 0)
        return 1 / find_beta(data, low, high, options->tolerance);
    if (at_low < 0)
        return options->min_temperature;
    if (at_high > 0)
        return options->max_temperature;
    return clamp(1, options->min_temperature, options->max_temperature);
}

amp_status amp_temperature_fit(const float *logits, const int32_t *labels, size_t n, size_t classes,
                               const amp_temperature_options *options, double *temperature,
                               amp_error *error)
{
    const problem data = { logits, labels, n, classes };
    amp_temperature_options known;

    if (!temperature)
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "the temperature pointer is NULL");
    AMPI_TRY(read_options(&known, options, error));
    AMPI_TRY(ampi_eval_check_labels(labels, n, classes, error));
    AMPI_TRY(ampi_eval_check_logits(logits, n, classes, error));
    *temperature = fit(&data, &known);
    return AMP_OK;
}
