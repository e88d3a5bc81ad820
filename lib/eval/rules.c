/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/rules.c - the operating point at a TPR level: one function a rule, one table of names.
 *
 * A share k / n is compared with the level as the correctly rounded quotient, so 19 of 20 reaches
 * 0.95 although 0.95 * 20 need not be 19.
 */
#include "eval/eval_internal.h"

#include <string.h>

static double share(size_t count, size_t n)
{
    return (double)count / (double)n;
}

size_t ampi_eval_rank(size_t n, double level)
{
    const double guess = ceil(level * (double)n);
    size_t k = guess < 1 ? 1 : (size_t)guess;

    if (k > n)
        k = n;
    while (k > 1 && share(k - 1, n) >= level)
        k--;
    while (k < n && share(k, n) < level)
        k++;
    return k;
}

/* Accepting score >= key. */
static ampi_eval_point accept_from(const ampi_eval_sets *sets, uint64_t key)
{
    const size_t in = sets->n_in - ampi_eval_count_below(sets->in, sets->n_in, key);
    const size_t out = sets->n_out - ampi_eval_count_below(sets->out, sets->n_out, key);
    const ampi_eval_point point = { ampi_eval_score(key), share(in, sets->n_in),
                                    share(out, sets->n_out) };

    return point;
}

static ampi_eval_point recommended(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    const size_t k = ampi_eval_rank(sets->n_in, options->tpr_level);

    return accept_from(sets, sets->in[sets->n_in - k]);
}

/* The count of accepted ID samples nearest to the level; of two, the larger.  0 is a candidate. */
static size_t nearest_rank(size_t n, double level)
{
    size_t best = ampi_eval_rank(n, level);

    /* The distance falls up to the level and rises past it. */
    if (best > 0 && fabs(share(best - 1, n) - level) < fabs(share(best, n) - level))
        best--;
    return best;
}

/* The j-th ID sample has just left: OOD below it left before, OOD equal to it stay. */
static ampi_eval_point amp(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    const size_t kept = nearest_rank(sets->n_in, options->tpr_level);
    const size_t left = sets->n_in - kept;
    const size_t out_left =
        left == 0 ? 0 : ampi_eval_count_below(sets->out, sets->n_out, sets->in[left - 1]);
    ampi_eval_point point = { HUGE_VAL, share(kept, sets->n_in),
                              share(sets->n_out - out_left, sets->n_out) };

    if (kept > 0)
        point.threshold = ampi_eval_score(sets->in[left]);
    if (out_left < sets->n_out)
        point.threshold = fmin(point.threshold, ampi_eval_score(sets->out[out_left]));
    return point;
}

/* Downwards, the last of equally near points wins; the curve ends where TPR reaches 1. */
static ampi_eval_point energy(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    ampi_eval_walk walk = ampi_eval_walk_in(sets);
    ampi_eval_point best = { 0, 0, 0 };
    double nearest = HUGE_VAL;

    while (walk.tp < walk.n_positive && ampi_eval_step(&walk)) {
        const double tpr = share(walk.tp, walk.n_positive);
        const double distance = fabs(tpr - options->tpr_level);
        if (distance <= nearest) {
            nearest = distance;
            best.threshold = ampi_eval_score(walk.key);
            best.tpr = tpr;
            best.fpr = share(walk.fp, walk.n_negative);
        }
    }
    return best;
}

/* With one ID sample floor() gives 0, which the code's negative index turns into the lowest. */
static ampi_eval_point scood(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    const size_t k = (size_t)floor(options->tpr_level * (double)sets->n_in);
    const uint64_t key = sets->in[k == 0 ? 0 : sets->n_in - k];
    ampi_eval_point point = accept_from(sets, key);

    point.fpr = share(sets->n_out - ampi_eval_count_upto(sets->out, sets->n_out, key), sets->n_out);
    return point;
}

/* scikit-learn drops a point whose two neighbours lie at the same offset on both sides, never the
   first or the last; so a point is kept or not only once the next step is known. */
static ampi_eval_point openood(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    ampi_eval_walk walk = ampi_eval_walk_out(sets);
    bool first = true, more = ampi_eval_step(&walk);

    while (more) {
        const ampi_eval_walk here = walk;
        const double tpr = share(here.tp, here.n_positive);
        more = ampi_eval_step(&walk);
        const bool kept =
            first || !more || walk.step_tp != here.step_tp || walk.step_fp != here.step_fp;
        if (kept && tpr >= options->tpr_level) {
            const ampi_eval_point point = { ampi_eval_score(here.key), tpr,
                                            share(here.fp, here.n_negative) };
            return point;
        }
        first = false;
    }
    return accept_from(sets, sets->in[0]); /* not reached: the last point has TPR 1 */
}

static ampi_eval_point ood_positive(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    const uint64_t key = sets->out[ampi_eval_rank(sets->n_out, options->tpr_level) - 1];
    const size_t caught = ampi_eval_count_upto(sets->out, sets->n_out, key);
    const size_t lost = ampi_eval_count_upto(sets->in, sets->n_in, key);
    const ampi_eval_point point = { ampi_eval_score(key), share(caught, sets->n_out),
                                    share(lost, sets->n_in) };

    return point;
}

/* An even grid as numpy.arange(low, high, step) makes it. */
typedef struct grid {
    double low, step;
    uint64_t points;
} grid;

static grid make_grid(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    double low = options->grid_low, high = options->grid_high, step;
    grid made = { 0, 0, 0 };

    if (!(low < high)) {
        low = fmin(ampi_eval_score(sets->in[0]), ampi_eval_score(sets->out[0]));
        high = fmax(ampi_eval_score(sets->in[sets->n_in - 1]),
                    ampi_eval_score(sets->out[sets->n_out - 1]));
    }
    step = (high - low) / (double)options->grid_steps;
    if (!(step > 0) || !isfinite(step))
        return made;
    made.low = low;
    made.step = (low + step) - low;
    made.points = (uint64_t)ceil((high - low) / step);
    return made;
}

static ampi_eval_point odin(const ampi_eval_sets *sets, const amp_ood_options *options)
{
    /* 0.95 -+ 0.0005 by way of integers gives the code's own 0.9495 and 0.9505. */
    const double low = (options->tpr_level * 1e4 - 5) / 1e4;
    const double high = (options->tpr_level * 1e4 + 5) / 1e4;
    const grid thresholds = make_grid(sets, options);
    ampi_eval_sum threshold = { 0, 0 }, tpr = { 0, 0 }, fpr = { 0, 0 };
    uint64_t used = 0;

    for (uint64_t i = 0; i < thresholds.points; i++) {
        const double value = thresholds.low + (double)i * thresholds.step;
        const uint64_t key = ampi_eval_key(value);
        const ampi_eval_point point = accept_from(sets, key);
        if (!(point.tpr >= low && point.tpr <= high))
            continue;
        ampi_eval_add(&threshold, value);
        ampi_eval_add(&tpr, point.tpr);
        ampi_eval_add(&fpr, share(sets->n_out - ampi_eval_count_upto(sets->out, sets->n_out, key),
                                  sets->n_out));
        used++;
    }
    const double count = used ? (double)used : (double)NAN;
    const ampi_eval_point mean = { ampi_eval_total(&threshold) / count,
                                   ampi_eval_total(&tpr) / count, ampi_eval_total(&fpr) / count };
    return mean;
}

typedef struct rule_row {
    const char *name;
    ampi_eval_point (*point)(const ampi_eval_sets *sets, const amp_ood_options *options);
} rule_row;

static const rule_row rules[] = {
    [AMP_OOD_RULE_RECOMMENDED] = { "recommended", recommended },
    [AMP_OOD_RULE_AMP] = { "amp", amp },
    [AMP_OOD_RULE_ENERGY] = { "energy", energy },
    [AMP_OOD_RULE_SCOOD] = { "scood", scood },
    [AMP_OOD_RULE_OPENOOD] = { "openood", openood },
    [AMP_OOD_RULE_ODIN] = { "odin", odin },
    [AMP_OOD_RULE_OOD_POSITIVE] = { "ood_positive", ood_positive },
};

static const char *const areas[] = {
    [AMP_OOD_AREA_AVERAGE_PRECISION] = "average_precision",
    [AMP_OOD_AREA_TRAPEZOID] = "trapezoid",
    [AMP_OOD_AREA_AMP] = "amp",
};

#define COUNT(table) (int32_t)(sizeof(table) / sizeof *(table))

ampi_eval_point ampi_eval_operating_point(const ampi_eval_sets *sets,
                                          const amp_ood_options *options)
{
    return rules[options->rule].point(sets, options);
}

const char *amp_ood_rule_name(int32_t rule)
{
    return rule >= 0 && rule < COUNT(rules) ? rules[rule].name : NULL;
}

const char *amp_ood_area_name(int32_t area)
{
    return area >= 0 && area < COUNT(areas) ? areas[area] : NULL;
}

/* The index whose name_of() is `name`. */
static amp_status parse(int32_t *index, const char *name, const char *(*name_of)(int32_t),
                        const char *what, amp_error *error)
{
    int32_t found = 0;

    if (!index || !name)
        return ampi_fail(error, AMP_E_ARGUMENT, "eval", "the %s or its name is NULL", what);
    for (const char *known = name_of(0); known; known = name_of(++found)) {
        if (strcmp(name, known) == 0) {
            *index = found;
            return AMP_OK;
        }
    }
    return ampi_fail(error, AMP_E_ARGUMENT, "eval", "no %s is called \"%.64s\"", what, name);
}

amp_status amp_ood_rule_parse(int32_t *rule, const char *name, amp_error *error)
{
    return parse(rule, name, amp_ood_rule_name, "rule", error);
}

amp_status amp_ood_area_parse(int32_t *area, const char *name, amp_error *error)
{
    return parse(area, name, amp_ood_area_name, "area", error);
}
