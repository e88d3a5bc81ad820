/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/eval_internal.h - what the files of the eval room share.
 *
 * Scores: finite.c checks, keys.c sorts, curve.c walks, rules.c reads the operating point, for
 * ood_metrics.c and threshold.c.  Logits: finite.c checks, calibration.c and temperature.c read.
 */
#ifndef AMPI_EVAL_INTERNAL_H
#define AMPI_EVAL_INTERNAL_H

#include "core/core.h"
#include "eval/sum.h"
#include <amp/eval.h>
#include <math.h>

/* Twice n_in * n_out then fits into 64 bits, which makes AUROC and DTACC exact. */
#define AMPI_EVAL_MOST_SCORES ((size_t)INT32_MAX)

/* ---- the door (finite.c) ----------------------------------------------------------------------
 */

/* 1..AMPI_EVAL_MOST_SCORES finite scores; `name` is what the text calls them. */
amp_status ampi_eval_check_scores(const double *scores, size_t n, const char *name,
                                  amp_error *error);

/* n labels 0..classes-1, n and classes at least 1, n * classes countable. */
amp_status ampi_eval_check_labels(const int32_t *labels, size_t n, size_t classes,
                                  amp_error *error);

#define AMPI_EVAL_LEAST_TEMPERATURE 1e-6
#define AMPI_EVAL_MOST_TEMPERATURE 1e6

/* [n][classes] finite logits; the product has been checked. */
amp_status ampi_eval_check_logits(const float *logits, size_t n, size_t classes, amp_error *error);

/* [n][classes] values 0..1, rows summing to 1; the product has been checked. */
amp_status ampi_eval_check_probabilities(const double *probabilities, size_t n, size_t classes,
                                         amp_error *error);

/* low <= value <= high; refuses NaN. */
amp_status ampi_eval_check_range(double value, double low, double high, const char *name,
                                 amp_error *error);

/* 0 < level <= 1. */
amp_status ampi_eval_check_level(double level, const char *name, amp_error *error);

/* ---- keys (keys.c): doubles as unsigned integers of the same order, -0 as +0 -------------------
 */

uint64_t ampi_eval_key(double score);
double ampi_eval_score(uint64_t key);

/* Ascending keys of n checked scores; scratch [n]. */
void ampi_eval_sort(uint64_t *keys, uint64_t *scratch, const double *scores, size_t n);

/* How many of the ascending keys[n] are < key, or <= key. */
size_t ampi_eval_count_below(const uint64_t *keys, size_t n, uint64_t key);
size_t ampi_eval_count_upto(const uint64_t *keys, size_t n, uint64_t key);

/* ---- the curve (curve.c) -----------------------------------------------------------------------
 */

/* Both sets, ascending. */
typedef struct ampi_eval_sets {
    const uint64_t *in;
    const uint64_t *out;
    size_t n_in, n_out;
} ampi_eval_sets;

/* A walk over the distinct scores.  ID positive: from the highest down; OOD positive: from the
   lowest up.  Each step takes in all samples of one score. */
typedef struct ampi_eval_walk {
    const uint64_t *positive, *negative; /* ascending */
    size_t n_positive, n_negative;
    bool rising;
    uint64_t key;            /* score of the last step           */
    size_t step_tp, step_fp; /* samples that the last step added */
    size_t tp, fp;           /* samples taken in so far          */
} ampi_eval_walk;

ampi_eval_walk ampi_eval_walk_in(const ampi_eval_sets *sets);
ampi_eval_walk ampi_eval_walk_out(const ampi_eval_sets *sets);
/* False when all samples have been taken in. */
bool ampi_eval_step(ampi_eval_walk *walk);

/* An area below precision-recall over a fresh walk. */
double ampi_eval_average_precision(ampi_eval_walk walk);
double ampi_eval_trapezoid(ampi_eval_walk walk);
double ampi_eval_sample_trapezoid(ampi_eval_walk walk);

/* tie_weight: what an equal pair counts, in halves: 1 = one half, 0 = nothing. */
double ampi_eval_auroc(const ampi_eval_sets *sets, uint64_t tie_weight);
double ampi_eval_dtacc(const ampi_eval_sets *sets);

/* ---- operating points (rules.c) -----------------------------------------------------------------
 */

typedef struct ampi_eval_point {
    double threshold, tpr, fpr;
} ampi_eval_point;

/* The least k in 1..n with k / n >= level, for 0 < level <= 1. */
size_t ampi_eval_rank(size_t n, double level);

/* options have been checked. */
ampi_eval_point ampi_eval_operating_point(const ampi_eval_sets *sets,
                                          const amp_ood_options *options);

#endif
