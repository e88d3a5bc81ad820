/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/sum.h - sums whose rounding error does not grow with their length (Neumaier).
 *
 * Every mean and area of the room is taken with it, in the order of the input.
 */
#ifndef AMPI_EVAL_SUM_H
#define AMPI_EVAL_SUM_H

#include <math.h>
#include <stdbool.h>

typedef struct ampi_eval_sum {
    double sum;
    double lost; /* low-order bits that `sum` could not hold */
} ampi_eval_sum;

static inline void ampi_eval_add(ampi_eval_sum *total, double value)
{
    const double next = total->sum + value;
    const bool larger = (total->sum < 0 ? -total->sum : total->sum) >= (value < 0 ? -value : value);

    total->lost += larger ? (total->sum - next) + value : (value - next) + total->sum;
    total->sum = next;
}

static inline double ampi_eval_total(const ampi_eval_sum *total)
{
    return isfinite(total->sum) ? total->sum + total->lost : total->sum;
}

#endif
