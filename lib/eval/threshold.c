/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/threshold.c - the score from which an image counts as in-distribution.
 *
 * The recommended rule needs the ID scores alone; the model file stores the result by key.
 */
#include "eval/eval_internal.h"

/* The k-th largest of checked scores. */
static amp_status kth_largest(const double *scores, size_t n, size_t k, double *score,
                              amp_error *error)
{
    uint64_t *const keys = ampi_alloc_raw(NULL, n, sizeof *keys);
    uint64_t *const scratch = ampi_alloc_raw(NULL, n, sizeof *scratch);
    amp_status status;

    if (!keys || !scratch) {
        status = ampi_fail_nomem(error, "eval", 2 * n * sizeof *keys);
        goto done;
    }
    ampi_eval_sort(keys, scratch, scores, n);
    *score = ampi_eval_score(keys[n - k]);
    status = AMP_OK;
done:
    ampi_free(NULL, scratch);
    ampi_free(NULL, keys);
    return status;
}

amp_status amp_threshold_at_tpr(const double *scores, size_t n, double tpr, double *threshold,
                                amp_error *error)
{
    if (!threshold)
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "the threshold pointer is NULL");
    AMPI_TRY(ampi_eval_check_level(tpr, "tpr", error));
    AMPI_TRY(ampi_eval_check_scores(scores, n, "scores", error));
    return kth_largest(scores, n, ampi_eval_rank(n, tpr), threshold, error);
}
