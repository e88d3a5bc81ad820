/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/schedule.c - the learning rate of each batch.
 */
#include "train/step.h"

#include <math.h>

#define PI 3.14159265358979323846

/* From `high` at part 0 to `low` at part 1, along half a cosine. */
static double half_cosine(double high, double low, double part)
{
    return low + (high - low) * 0.5 * (1.0 + cos(PI * part));
}

static double multistep(const ampi_train_options *options, uint64_t epoch)
{
    uint32_t milestones[AMPI_MILESTONES], n = 0;
    double rate = options->lr;

    /* The text was checked when the options were read. */
    if (ampi_train_milestones(options->milestones, milestones, &n, NULL) != AMP_OK)
        return rate;
    for (uint32_t i = 0; i < n && epoch >= milestones[i]; i++)
        rate *= options->gamma;
    return rate;
}

static double one_cycle(const ampi_train_options *options, uint64_t step, uint64_t steps)
{
    const double rise = options->warmup * (double)steps, at = (double)step;
    const double low = options->lr * options->lr_end;

    if (at < rise)
        return half_cosine(options->lr, options->lr * options->lr_start, 1.0 - at / rise);
    return half_cosine(options->lr, low, (at - rise) / ((double)steps - rise));
}

/* Between the same points as one_cycle, along straight lines. */
static double triangle(const ampi_train_options *options, uint64_t step, uint64_t steps)
{
    const double rise = options->warmup * (double)steps, at = (double)step;
    const double fall = (double)steps - rise;

    if (at < rise)
        return options->lr * (options->lr_start + (1.0 - options->lr_start) * at / rise);
    return options->lr * (1.0 - (1.0 - options->lr_end) * (at - rise) / fall);
}

double ampi_schedule_rate(const ampi_train_options *options, uint64_t step, uint64_t steps,
                          uint64_t per_epoch)
{
    switch ((ampi_schedule)options->schedule) {
    case AMPI_SCHEDULE_CONSTANT:
        break;
    case AMPI_SCHEDULE_MULTISTEP:
        return multistep(options, step / per_epoch);
    case AMPI_SCHEDULE_COSINE:
        return half_cosine(options->lr, options->lr * options->lr_end,
                           (double)step / (double)steps);
    case AMPI_SCHEDULE_ONECYCLE:
        return one_cycle(options, step, steps);
    case AMPI_SCHEDULE_LINEAR:
        return triangle(options, step, steps);
    }
    return options->lr;
}
