/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/finite.c - the door of the eval room: what may come in, and the text when it may not.
 *
 * A NaN has no place in an order and an infinity none in a mean, so both stop here, by index.
 */
#include "eval/eval_internal.h"

#define WHERE "eval"

/* float32 softmax rows of 1000 classes stay within 1e-4 of 1. */
#define ROW_SUM_SLACK 1e-3

amp_status ampi_eval_check_scores(const double *scores, size_t n, const char *name,
                                  amp_error *error)
{
    if (!scores)
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "the %s array is NULL", name);
    if (n == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "the %s array is empty", name);
    if (n > AMPI_EVAL_MOST_SCORES)
        return ampi_fail(error, AMP_E_LIMIT, WHERE, "%zu %s, at most %zu", n, name,
                         AMPI_EVAL_MOST_SCORES);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(scores[i]))
            return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "%s[%zu] is %g, not a finite number",
                             name, i, scores[i]);
    }
    return AMP_OK;
}

amp_status ampi_eval_check_labels(const int32_t *labels, size_t n, size_t classes, amp_error *error)
{
    size_t total;

    if (!labels)
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "the labels array is NULL");
    if (n == 0 || classes == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "%zu rows of %zu classes, at least 1 of 1",
                         n, classes);
    if (classes > INT32_MAX || !ampi_mul(n, classes, &total) || total > SIZE_MAX / sizeof(double))
        return ampi_fail(error, AMP_E_LIMIT, WHERE, "%zu rows of %zu classes do not fit in memory",
                         n, classes);
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || (size_t)labels[i] >= classes)
            return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "labels[%zu] is %d, allowed 0..%zu", i,
                             (int)labels[i], classes - 1);
    }
    return AMP_OK;
}

amp_status ampi_eval_check_logits(const float *logits, size_t n, size_t classes, amp_error *error)
{
    if (!logits)
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "the logits array is NULL");
    for (size_t i = 0; i < n * classes; i++) {
        if (!isfinite(logits[i]))
            return ampi_fail(error, AMP_E_ARGUMENT, WHERE,
                             "logits[%zu][%zu] is %g, not a finite number", i / classes,
                             i % classes, (double)logits[i]);
    }
    return AMP_OK;
}

/* One row: every value 0..1, the sum 1. */
static amp_status check_row(const double *row, size_t index, size_t classes, amp_error *error)
{
    ampi_eval_sum sum = { 0, 0 };

    for (size_t j = 0; j < classes; j++) {
        if (!(row[j] >= 0 && row[j] <= 1))
            return ampi_fail(error, AMP_E_ARGUMENT, WHERE,
                             "probabilities[%zu][%zu] is %g, allowed 0..1", index, j, row[j]);
        ampi_eval_add(&sum, row[j]);
    }
    if (!(fabs(ampi_eval_total(&sum) - 1) <= ROW_SUM_SLACK))
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE,
                         "probabilities[%zu] sums to %.9g, allowed 1 +- %g", index,
                         ampi_eval_total(&sum), ROW_SUM_SLACK);
    return AMP_OK;
}

amp_status ampi_eval_check_probabilities(const double *probabilities, size_t n, size_t classes,
                                         amp_error *error)
{
    if (!probabilities)
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "the probabilities array is NULL");
    for (size_t i = 0; i < n; i++)
        AMPI_TRY(check_row(probabilities + i * classes, i, classes, error));
    return AMP_OK;
}

amp_status ampi_eval_check_range(double value, double low, double high, const char *name,
                                 amp_error *error)
{
    if (!(value >= low && value <= high))
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "%s is %g, allowed %g..%g", name, value, low,
                         high);
    return AMP_OK;
}

amp_status ampi_eval_check_level(double level, const char *name, amp_error *error)
{
    if (!(level > 0 && level <= 1))
        return ampi_fail(error, AMP_E_ARGUMENT, WHERE, "%s is %g, allowed above 0 up to 1", name,
                         level);
    return AMP_OK;
}
