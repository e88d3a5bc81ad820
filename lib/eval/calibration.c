/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/calibration.c - how far to trust probabilities: accuracy, NLL, Brier score, ECE.
 *
 * Logits and probabilities meet in the same four numbers a row; the rest is shared.
 */
#include "eval/eval_internal.h"

#include <string.h>

#define MOST_BINS 65536u

/* What one row adds. */
typedef struct reading {
    double confidence, nll, brier;
    bool hit;
} reading;

typedef struct source source;
typedef reading (*read_fn)(const source *rows, size_t i, double temperature);

struct source {
    const void *values; /* [n][classes], of the type that `read` knows */
    read_fn read;
    const int32_t *labels;
    size_t n, classes;
};

/* One bin of the reliability diagram. */
typedef struct bin {
    ampi_eval_sum confidence;
    uint64_t hits;
} bin;

static amp_calibration_options defaults(void)
{
    const amp_calibration_options options = { .struct_size = sizeof options,
                                              .temperature = 1,
                                              .bins = 15 };
    return options;
}

void amp_calibration_options_init(amp_calibration_options *options, size_t size)
{
    const amp_calibration_options known = defaults();

    if (!options || size < sizeof(size_t))
        return;
    memset(options, 0, size);
    memcpy(options, &known, ampi_min_size(size, sizeof known));
    options->struct_size = size;
}

static amp_status read_options(amp_calibration_options *options,
                               const amp_calibration_options *given, amp_error *error)
{
    *options = defaults();
    AMPI_TRY(ampi_struct_read(options, sizeof *options, given, "eval", error));
    if (options->bins < 1 || options->bins > MOST_BINS)
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "bins is %llu, allowed 1..%u",
                         (unsigned long long)options->bins, MOST_BINS);
    return ampi_eval_check_range(options->temperature, AMPI_EVAL_LEAST_TEMPERATURE,
                                 AMPI_EVAL_MOST_TEMPERATURE, "temperature", error);
}

/* e_j = exp((z_j - max z) / T), so p_j = e_j / sum.  The label's share is kept out of `rest` and
   `squares`: 1 - p_y would lose a small Brier score to cancellation. */
static reading read_logits(const source *rows, size_t i, double temperature)
{
    const float *const row = (const float *)rows->values + i * rows->classes;
    const size_t label = (size_t)rows->labels[i];
    size_t best = 0;
    double own, rest = 0, squares = 0, sum;
    reading result;

    for (size_t j = 1; j < rows->classes; j++)
        best = row[j] > row[best] ? j : best;
    own = ((double)row[label] - (double)row[best]) / temperature;
    for (size_t j = 0; j < rows->classes; j++) {
        const double e = exp(((double)row[j] - (double)row[best]) / temperature);
        if (j == label)
            continue;
        rest += e;
        squares += e * e;
    }
    sum = rest + exp(own);
    result.hit = best == label;
    result.confidence = 1 / sum;
    result.nll = (result.hit ? log1p(rest) : log(sum)) - own;
    result.brier = (squares + rest * rest) / (sum * sum);
    return result;
}

static reading read_probabilities(const source *rows, size_t i, double temperature)
{
    const double *const row = (const double *)rows->values + i * rows->classes;
    const size_t label = (size_t)rows->labels[i];
    size_t best = 0;
    double squares = (1 - row[label]) * (1 - row[label]);
    reading result;

    for (size_t j = 0; j < rows->classes; j++) {
        best = row[j] > row[best] ? j : best;
        squares += j == label ? 0 : row[j] * row[j];
    }
    (void)temperature; /* is 1 */
    result.hit = best == label;
    result.confidence = row[best];
    result.nll = 0 - log(row[label]);
    result.brier = squares;
    return result;
}

/* Bins are (lower, upper].  The product may land beside an edge, so the edges k / bins, correctly
   rounded, have the last word. */
static size_t bin_of(double confidence, size_t bins)
{
    const double last = ceil(confidence * (double)bins) - 1;
    size_t k = last < 0 ? 0 : (size_t)last;

    if (k >= bins)
        k = bins - 1;
    while (k > 0 && confidence <= (double)k / (double)bins)
        k--;
    while (k + 1 < bins && confidence > (double)(k + 1) / (double)bins)
        k++;
    return k;
}

static double expected_error(const bin *bins, size_t n_bins, size_t n)
{
    ampi_eval_sum error = { 0, 0 };

    for (size_t k = 0; k < n_bins; k++)
        ampi_eval_add(&error, fabs(ampi_eval_total(&bins[k].confidence) - (double)bins[k].hits));
    return ampi_eval_total(&error) / (double)n;
}

static amp_calibration_metrics measure(const source *rows, const amp_calibration_options *options,
                                       bin *bins)
{
    const double n = (double)rows->n;
    ampi_eval_sum confidence = { 0, 0 }, nll = { 0, 0 }, brier = { 0, 0 };
    uint64_t hits = 0;

    for (size_t i = 0; i < rows->n; i++) {
        const reading row = rows->read(rows, i, options->temperature);
        bin *const own = &bins[bin_of(row.confidence, (size_t)options->bins)];
        ampi_eval_add(&own->confidence, row.confidence);
        own->hits += row.hit;
        hits += row.hit;
        ampi_eval_add(&confidence, row.confidence);
        ampi_eval_add(&nll, row.nll);
        ampi_eval_add(&brier, row.brier);
    }
    const amp_calibration_metrics metrics = { .struct_size = sizeof metrics,
                                              .n = rows->n,
                                              .accuracy = (double)hits / n,
                                              .confidence = ampi_eval_total(&confidence) / n,
                                              .nll = ampi_eval_total(&nll) / n,
                                              .brier = ampi_eval_total(&brier) / n,
                                              .ece = expected_error(bins, (size_t)options->bins,
                                                                    rows->n) };
    return metrics;
}

/* The rows and options have been checked. */
static amp_status evaluate(const source *rows, const amp_calibration_options *options,
                           amp_calibration_metrics *out, amp_error *error)
{
    bin *const bins = ampi_alloc(NULL, (size_t)options->bins, sizeof *bins);
    amp_calibration_metrics metrics;

    if (!bins)
        return ampi_fail_nomem(error, "eval", (size_t)options->bins * sizeof *bins);
    metrics = measure(rows, options, bins);
    ampi_free(NULL, bins);
    return ampi_struct_write(out, &metrics, sizeof metrics, "eval", error);
}

amp_status amp_calibration_evaluate(const float *logits, const int32_t *labels, size_t n,
                                    size_t classes, const amp_calibration_options *options,
                                    amp_calibration_metrics *out, amp_error *error)
{
    const source rows = { logits, read_logits, labels, n, classes };
    amp_calibration_options known;

    AMPI_TRY(read_options(&known, options, error));
    AMPI_TRY(ampi_eval_check_labels(labels, n, classes, error));
    AMPI_TRY(ampi_eval_check_logits(logits, n, classes, error));
    return evaluate(&rows, &known, out, error);
}

amp_status amp_calibration_evaluate_probabilities(const double *probabilities,
                                                  const int32_t *labels, size_t n, size_t classes,
                                                  const amp_calibration_options *options,
                                                  amp_calibration_metrics *out, amp_error *error)
{
    const source rows = { probabilities, read_probabilities, labels, n, classes };
    amp_calibration_options known;

    AMPI_TRY(read_options(&known, options, error));
    if (known.temperature < 1 || known.temperature > 1)
        return ampi_fail(error, AMP_E_ARGUMENT, "eval",
                         "temperature is %g, probabilities allow only 1", known.temperature);
    AMPI_TRY(ampi_eval_check_labels(labels, n, classes, error));
    AMPI_TRY(ampi_eval_check_probabilities(probabilities, n, classes, error));
    return evaluate(&rows, &known, out, error);
}
