/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/stop.h - when the verdict of an image is clear before all its anchors are run.
 *
 * After k of K anchors an image has the score of those k, its running score.  The verdict is taken
 * there when the running score is further from the threshold than it still moves: `margins` say
 * how far that is, for each k and each direction.
 */
#ifndef AMPI_SCORE_STOP_H
#define AMPI_SCORE_STOP_H

#include "core/core.h"

#define AMPI_STOP_ANCHORS 32u /* largest K with a stopping rule */

/* After 1..K-1 anchors: how far above the threshold is in for good, how far below is out for good;
   infinite = never.  Both >= 0. */
typedef struct ampi_margins {
    double above[AMPI_STOP_ANCHORS - 1], below[AMPI_STOP_ANCHORS - 1];
} ampi_margins;

/* [n,k] of in-distribution images; column k - 1 is the score of all anchors.  2 <= k <= 32. */
typedef struct ampi_running {
    const double *scores;
    size_t n, k;
} ampi_running;

/* Margins that decide wrongly, of images whose running score is near the threshold, at most a share
   `error_rate` in expectation, split evenly over the stages.  Too few images for it give infinite
   margins. */
amp_status ampi_stop_fit(amp_context *context, const ampi_running *running, double threshold,
                         double error_rate, ampi_margins *out, amp_error *error);

/* Whether a running score after `used` of more anchors says enough. */
bool ampi_stop_decided(const ampi_margins *margins, size_t used, double threshold, double score);

#endif
