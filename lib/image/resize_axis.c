/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/resize_axis.c - the integer weights of one axis of a resize.
 *
 * The arithmetic is that of Pillow 9.4 (methods of precompute_coeffs and normalize_coeffs_8bpc
 * in its Resample.c), operation by operation in double, because the rounded weights must be
 * the same integers.  resize.c applies them.
 */
#include "image/resize.h"
#include <assert.h>
#include <math.h>

#define PI 3.14159265358979323846

typedef struct filter_row {
    double support; /* half width at scale 1 */
    double (*weight)(double x);
} filter_row;

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double bilinear(double x)
{
    const double a = fabs(x);

    return a < 1.0 ? 1.0 - a : 0.0;
}

static double sinc(double x)
{
    const double a = x * PI;

    return fabs(x) > 0.0 ? sin(a) / a : 1.0;
}

/* The two constants are float literals in Pillow; their double values differ from 0.54, 0.46. */
static double hamming(double x)
{
    const double a = fabs(x);

    if (a >= 1.0)
        return 0.0;
    return a > 0.0 ? sinc(a) * ((double)0.54f + (double)0.46f * cos(a * PI)) : 1.0;
}

static double bicubic(double x)
{
    const double k = -0.5;
    const double a = fabs(x);

    if (a < 1.0)
        return ((k + 2.0) * a - (k + 3.0)) * a * a + 1.0;
    return a < 2.0 ? (((a - 5.0) * a + 8.0) * a - 4.0) * k : 0.0;
}

static double lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

static const filter_row filters[] = {
    [AMP_FILTER_BOX] = { 0.5, box },         [AMP_FILTER_BILINEAR] = { 1.0, bilinear },
    [AMP_FILTER_HAMMING] = { 1.0, hamming }, [AMP_FILTER_BICUBIC] = { 2.0, bicubic },
    [AMP_FILTER_LANCZOS] = { 3.0, lanczos },
};

/* Where one output draws from, in input samples. */
typedef struct reach {
    double centre, inverse_scale;
    uint32_t low, count;
} reach;

static reach find_reach(const ampi_span *span, double support, uint32_t index)
{
    const double scale = (double)span->in / (double)span->out;
    reach r;
    double low, high;

    r.inverse_scale = 1.0 / (scale < 1.0 ? 1.0 : scale);
    r.centre = ((double)index + 0.5) * scale;
    low = r.centre - support + 0.5;
    high = r.centre + support + 0.5;
    r.low = low < 0.0 ? 0 : (uint32_t)low;
    r.count = (high > (double)span->in ? span->in : (uint32_t)high) - r.low;
    return r;
}

static double sample_weight(const filter_row *filter, const reach *r, uint32_t j)
{
    return filter->weight(((double)(j + r->low) - r->centre + 0.5) * r->inverse_scale);
}

static int32_t to_fixed(double weight)
{
    const double scaled = weight * (double)(1 << AMPI_RESIZE_BITS);

    return (int32_t)(weight < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

/* Weights are evaluated twice, so that no table of doubles is needed beside the integers. */
static void fill_output(ampi_axis *axis, const filter_row *filter, const reach *r, uint32_t i)
{
    int32_t *weights = axis->weights + (size_t)i * axis->stride;
    double sum = 0.0;
    int64_t magnitude = 0;

    for (uint32_t j = 0; j < r->count; j++)
        sum += sample_weight(filter, r, j);
    for (uint32_t j = 0; j < r->count; j++) {
        const double weight = sample_weight(filter, r, j);

        weights[j] = to_fixed(fabs(sum) > 0.0 ? weight / sum : weight);
        magnitude += weights[j] < 0 ? -(int64_t)weights[j] : weights[j];
    }
    axis->first[i] = r->low;
    axis->taps[i] = r->count;
    /* The sum over 8-bit samples and the rounding term fit in the int32 of resize.c. */
    assert(magnitude * 255 + (1 << (AMPI_RESIZE_BITS - 1)) <= INT32_MAX);
    (void)magnitude;
}

static amp_status axis_alloc(ampi_axis *axis, amp_context *context, amp_error *error)
{
    size_t weights, bytes;

    if (!ampi_mul(axis->count, axis->stride, &weights) ||
        !ampi_mul(weights, sizeof *axis->weights, &bytes) || bytes > AMPI_RESIZE_MAX_BYTES)
        return ampi_fail(error, AMP_E_LIMIT, "image",
                         "resize needs %u x %u weights, the limit is %zu bytes",
                         (unsigned)axis->count, (unsigned)axis->stride, AMPI_RESIZE_MAX_BYTES);
    axis->first = ampi_alloc(context, axis->count, sizeof *axis->first);
    axis->taps = ampi_alloc(context, axis->count, sizeof *axis->taps);
    axis->weights = ampi_alloc(context, weights, sizeof *axis->weights);
    if (!axis->first || !axis->taps || !axis->weights)
        return ampi_fail_nomem(error, "image", bytes);
    return AMP_OK;
}

amp_status ampi_axis_make(ampi_axis *axis, amp_context *context, const ampi_span *span,
                          int32_t filter, amp_error *error)
{
    const filter_row *row = &filters[filter];
    const double scale = (double)span->in / (double)span->out;
    const double support = row->support * (scale < 1.0 ? 1.0 : scale);
    const double widest = ceil(support) * 2.0 + 1.0;

    *axis = (ampi_axis){ 0 };
    axis->count = span->count;
    axis->stride = widest > (double)span->in ? span->in : (uint32_t)widest;
    AMPI_TRY(axis_alloc(axis, context, error));
    for (uint32_t i = 0; i < span->count; i++) {
        const reach r = find_reach(span, support, span->first + i);

        assert(r.count <= axis->stride);
        fill_output(axis, row, &r, i);
    }
    return AMP_OK;
}

void ampi_axis_free(ampi_axis *axis, amp_context *context)
{
    ampi_free(context, axis->first);
    ampi_free(context, axis->taps);
    ampi_free(context, axis->weights);
    *axis = (ampi_axis){ 0 };
}
