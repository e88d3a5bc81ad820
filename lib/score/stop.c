/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/stop.c - margins of the stopping rule, from how far running scores of held-out images still
 * moved.
 *
 * A wrong verdict needs a move across the margin: from above down past it for an image that is out
 * in the end, from below up for one that is in.  A margin is a conformal quantile of such moves: of
 * n moves the ceil((1 - q)(n + 1))-th smallest is passed by a fresh one with probability at most q.
 * Moves grow with the score, so only images near the threshold count: the NEAREST share of them, or
 * as many as the quantile needs.
 */
#include "score/stop.h"

#include <math.h>
#include <stdlib.h>

#define NEAREST 0.3

typedef struct move {
    double distance, down, up;
} move;

static int by_distance(const void *a, const void *b)
{
    const double x = ((const move *)a)->distance, y = ((const move *)b)->distance;

    return (x > y) - (x < y);
}

static int by_down(const void *a, const void *b)
{
    const double x = ((const move *)a)->down, y = ((const move *)b)->down;

    return (x > y) - (x < y);
}

static int by_up(const void *a, const void *b)
{
    const double x = ((const move *)a)->up, y = ((const move *)b)->up;

    return (x > y) - (x < y);
}

/* Images without a finite running score count as moved without bound. */
static void measure(move *moves, const ampi_running *running, size_t stage, double threshold)
{
    for (size_t i = 0; i < running->n; i++) {
        const double *const row = running->scores + i * running->k;
        const double now = row[stage], end = row[running->k - 1];
        const bool finite = isfinite(now) && isfinite(end);
        moves[i].distance = finite ? fabs(now - threshold) : 0.0;
        moves[i].down = finite ? now - end : (double)INFINITY;
        moves[i].up = finite ? end - now : (double)INFINITY;
    }
}

/* The rank of the quantile among `n`; more than n where there are too few. */
static size_t rank_of(double share, size_t n)
{
    return (size_t)ceil((1.0 - share) * ((double)n + 1.0));
}

static size_t near_count(double share, size_t n)
{
    size_t count = (size_t)ceil(NEAREST * (double)n);

    while (count < n && rank_of(share, count) > count)
        count++;
    return count;
}

amp_status ampi_stop_fit(amp_context *context, const ampi_running *running, double threshold,
                         double error_rate, ampi_margins *out, amp_error *error)
{
    const size_t n = running->n, k = running->k;
    move *const moves = ampi_alloc(context, n, sizeof *moves);
    const double share = error_rate / (double)(k - 1);
    const size_t count = near_count(share, n), rank = rank_of(share, count);

    if (!moves)
        return ampi_fail_nomem(error, "score", n * sizeof *moves);
    for (size_t stage = 0; stage + 1 < k; stage++) {
        measure(moves, running, stage, threshold);
        qsort(moves, n, sizeof *moves, by_distance);
        qsort(moves, count, sizeof *moves, by_down);
        out->above[stage] = rank <= count ? fmax(moves[rank - 1].down, 0.0) : (double)INFINITY;
        qsort(moves, count, sizeof *moves, by_up);
        out->below[stage] = rank <= count ? fmax(moves[rank - 1].up, 0.0) : (double)INFINITY;
    }
    ampi_free(context, moves);
    return AMP_OK;
}

bool ampi_stop_decided(const ampi_margins *margins, size_t used, double threshold, double score)
{
    return score - threshold > margins->above[used - 1] ||
           threshold - score > margins->below[used - 1];
}
