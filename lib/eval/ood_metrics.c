/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/ood_metrics.c - amp_ood_evaluate: two score arrays in, the metrics of a table's row out.
 *
 * Check, sort both sets, then read everything from the sorted keys: rules.c the operating point,
 * curve.c the areas.
 */
#include "eval/eval_internal.h"

#include <string.h>

#define MOST_GRID_STEPS 10000000u

static amp_ood_options defaults(void)
{
    const amp_ood_options options = { .struct_size = sizeof options,
                                      .tpr_level = 0.95,
                                      .rule = AMP_OOD_RULE_RECOMMENDED,
                                      .area = AMP_OOD_AREA_AVERAGE_PRECISION,
                                      .grid_steps = 100000 };
    return options;
}

void amp_ood_options_init(amp_ood_options *options, size_t size)
{
    const amp_ood_options known = defaults();

    if (!options || size < sizeof(size_t))
        return;
    memset(options, 0, size);
    memcpy(options, &known, ampi_min_size(size, sizeof known));
    options->struct_size = size;
}

static bool is_zero(double value)
{
    return value >= 0 && value <= 0;
}

/* Both ends 0, or an increasing pair. */
static amp_status check_grid(const amp_ood_options *options, amp_error *error)
{
    const double low = options->grid_low, high = options->grid_high;

    if (options->grid_steps < 1 || options->grid_steps > MOST_GRID_STEPS)
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "grid_steps is %llu, allowed 1..%u",
                         (unsigned long long)options->grid_steps, MOST_GRID_STEPS);
    if (is_zero(low) && is_zero(high))
        return AMP_OK;
    if (!isfinite(low) || !isfinite(high) || !(low < high))
        return ampi_fail(error, AMP_E_ARGUMENT, "eval",
                         "grid_low %g and grid_high %g are no increasing finite pair", low, high);
    return AMP_OK;
}

static amp_status read_options(amp_ood_options *options, const amp_ood_options *given,
                               amp_error *error)
{
    *options = defaults();
    AMPI_TRY(ampi_struct_read(options, sizeof *options, given, "eval", error));
    AMPI_TRY(ampi_eval_check_level(options->tpr_level, "tpr_level", error));
    if (!amp_ood_rule_name(options->rule))
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "rule is %d, allowed 0..%d",
                         (int)options->rule, AMP_OOD_RULE_OOD_POSITIVE);
    if (!amp_ood_area_name(options->area))
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "area is %d, allowed 0..%d",
                         (int)options->area, AMP_OOD_AREA_AMP);
    return check_grid(options, error);
}

static void fill_areas(amp_ood_metrics *metrics, const ampi_eval_sets *sets, amp_ood_area area)
{
    const ampi_eval_walk in = ampi_eval_walk_in(sets);
    const ampi_eval_walk out = ampi_eval_walk_out(sets);

    metrics->auroc = ampi_eval_auroc(sets, area == AMP_OOD_AREA_AMP ? 0 : 1);
    switch (area) {
    case AMP_OOD_AREA_AVERAGE_PRECISION:
        metrics->aupr_in = ampi_eval_average_precision(in);
        metrics->aupr_out = ampi_eval_average_precision(out);
        break;
    case AMP_OOD_AREA_TRAPEZOID:
        metrics->aupr_in = ampi_eval_trapezoid(in);
        metrics->aupr_out = ampi_eval_trapezoid(out);
        break;
    case AMP_OOD_AREA_AMP:
        metrics->aupr_in = ampi_eval_sample_trapezoid(in);
        metrics->aupr_out = ampi_eval_sample_trapezoid(out);
        break;
    }
}

static amp_ood_metrics measure(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    const ampi_eval_point point = ampi_eval_operating_point(sets, options);
    amp_ood_metrics metrics = { .struct_size = sizeof metrics,
                                .n_in = sets->n_in,
                                .n_out = sets->n_out,
                                .threshold = point.threshold,
                                .tpr = point.tpr,
                                .fpr = point.fpr,
                                .dtacc = ampi_eval_dtacc(sets) };

    fill_areas(&metrics, sets, (amp_ood_area)options->area);
    return metrics;
}

/* Sorts both sets and measures; the arrays and options have been checked. */
static amp_status evaluate(const double *id_scores, size_t n_id, const double *ood, size_t n_ood,
                           const amp_ood_options *options, amp_ood_metrics *metrics)
{
    const size_t larger = n_id > n_ood ? n_id : n_ood;
    uint64_t *const in = ampi_alloc_raw(NULL, n_id, sizeof *in);
    uint64_t *const out = ampi_alloc_raw(NULL, n_ood, sizeof *out);
    uint64_t *const scratch = ampi_alloc_raw(NULL, larger, sizeof *scratch);
    amp_status status = AMP_E_NOMEM;

    if (in && out && scratch) {
        const ampi_eval_sets sets = { in, out, n_id, n_ood };
        ampi_eval_sort(in, scratch, id_scores, n_id);
        ampi_eval_sort(out, scratch, ood, n_ood);
        *metrics = measure(&sets, options);
        status = AMP_OK;
    }
    ampi_free(NULL, scratch);
    ampi_free(NULL, out);
    ampi_free(NULL, in);
    return status;
}

amp_status amp_ood_evaluate(const double *id_scores, size_t n_id, const double *ood, size_t n_ood,
                            const amp_ood_options *options, amp_ood_metrics *out, amp_error *error)
{
    amp_ood_options known;
    amp_ood_metrics metrics;

    AMPI_TRY(read_options(&known, options, error));
    AMPI_TRY(ampi_eval_check_scores(id_scores, n_id, "ID scores", error));
    AMPI_TRY(ampi_eval_check_scores(ood, n_ood, "OOD scores", error));
    if (evaluate(id_scores, n_id, ood, n_ood, &known, &metrics) != AMP_OK)
        return ampi_fail_nomem(error, "eval", (n_id + n_ood) * 2 * sizeof(uint64_t));
    return ampi_struct_write(out, &metrics, sizeof metrics, "eval", error);
}
