/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/curve.c - the walk over the distinct scores, and the areas that hang on it.
 *
 * Everything here is one merge of two ascending arrays: O(n) time, no memory.
 */
#include "eval/eval_internal.h"

ampi_eval_walk ampi_eval_walk_in(const ampi_eval_sets *sets)
{
    const ampi_eval_walk walk = { .positive = sets->in,
                                  .negative = sets->out,
                                  .n_positive = sets->n_in,
                                  .n_negative = sets->n_out,
                                  .rising = false };
    return walk;
}

ampi_eval_walk ampi_eval_walk_out(const ampi_eval_sets *sets)
{
    const ampi_eval_walk walk = { .positive = sets->out,
                                  .negative = sets->in,
                                  .n_positive = sets->n_out,
                                  .n_negative = sets->n_in,
                                  .rising = true };
    return walk;
}

/* The key after `taken` of an ascending array, from the end that the walk starts at. */
static uint64_t head(const uint64_t *keys, size_t n, size_t taken, bool rising)
{
    return rising ? keys[taken] : keys[n - 1 - taken];
}

/* How many of the array's next keys equal `key`. */
static size_t run(const uint64_t *keys, size_t n, size_t taken, bool rising, uint64_t key)
{
    size_t count = 0;

    while (taken + count < n && head(keys, n, taken + count, rising) == key)
        count++;
    return count;
}

/* The next score in the walk's direction; at least one array has samples left. */
static uint64_t next_key(const ampi_eval_walk *walk)
{
    uint64_t positive, negative;

    if (walk->tp == walk->n_positive)
        return head(walk->negative, walk->n_negative, walk->fp, walk->rising);
    positive = head(walk->positive, walk->n_positive, walk->tp, walk->rising);
    if (walk->fp == walk->n_negative)
        return positive;
    negative = head(walk->negative, walk->n_negative, walk->fp, walk->rising);
    return (positive < negative) == walk->rising ? positive : negative;
}

bool ampi_eval_step(ampi_eval_walk *walk)
{
    if (walk->tp == walk->n_positive && walk->fp == walk->n_negative)
        return false;
    walk->key = next_key(walk);
    walk->step_tp = run(walk->positive, walk->n_positive, walk->tp, walk->rising, walk->key);
    walk->step_fp = run(walk->negative, walk->n_negative, walk->fp, walk->rising, walk->key);
    walk->tp += walk->step_tp;
    walk->fp += walk->step_fp;
    return true;
}

/* 0 where nothing has been taken in. */
static double precision(size_t tp, size_t fp)
{
    return tp == 0 ? 0 : (double)tp / (double)(tp + fp);
}

double ampi_eval_average_precision(ampi_eval_walk walk)
{
    ampi_eval_sum area = { 0, 0 };

    while (ampi_eval_step(&walk))
        ampi_eval_add(&area, (double)walk.step_tp * precision(walk.tp, walk.fp));
    return ampi_eval_total(&area) / (double)walk.n_positive;
}

/* scikit-learn's curve starts at precision 1, recall 0. */
double ampi_eval_trapezoid(ampi_eval_walk walk)
{
    ampi_eval_sum area = { 0, 0 };
    double before = 1;

    while (ampi_eval_step(&walk)) {
        const double here = precision(walk.tp, walk.fp);
        ampi_eval_add(&area, (double)walk.step_tp * 0.5 * (before + here));
        before = here;
    }
    return ampi_eval_total(&area) / (double)walk.n_positive;
}

/* Seen from this end, the samples of one score enter negatives first: the code walks the other
   way and removes positives first for ID, and for OOD positive the two roles are exchanged. */
double ampi_eval_sample_trapezoid(ampi_eval_walk walk)
{
    ampi_eval_sum area = { 0, 0 };

    while (ampi_eval_step(&walk)) {
        for (size_t tp = walk.tp - walk.step_tp; tp < walk.tp; tp++)
            ampi_eval_add(&area, 0.5 * (precision(tp, walk.fp) + precision(tp + 1, walk.fp)));
    }
    return ampi_eval_total(&area) / (double)walk.n_positive;
}

/* AUROC(a, b) + AUROC(b, a) is 1 to the last bit: the quotients k / n and (n - k) / n of exact
   counts always round to a sum of 1. */
double ampi_eval_auroc(const ampi_eval_sets *sets, uint64_t tie_weight)
{
    const uint64_t whole = 2 * (uint64_t)sets->n_in * sets->n_out;
    ampi_eval_walk walk = ampi_eval_walk_in(sets);
    uint64_t won = 0; /* in halves of a pair */

    while (ampi_eval_step(&walk))
        won += walk.step_tp *
               (2 * (uint64_t)(walk.n_negative - walk.fp) + tie_weight * (uint64_t)walk.step_fp);
    return (double)won / (double)whole;
}

/* The point before the first step accepts nothing: 0.5. */
double ampi_eval_dtacc(const ampi_eval_sets *sets)
{
    const int64_t n_in = (int64_t)sets->n_in, n_out = (int64_t)sets->n_out;
    ampi_eval_walk walk = ampi_eval_walk_in(sets);
    int64_t best = 0; /* (TPR - FPR) * n_in * n_out */

    while (ampi_eval_step(&walk)) {
        const int64_t here = (int64_t)walk.tp * n_out - (int64_t)walk.fp * n_in;
        if (here > best)
            best = here;
    }
    return 0.5 + 0.5 * ((double)best / ((double)n_in * (double)n_out));
}
