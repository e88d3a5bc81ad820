/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/resize.c - 8-bit resampling in two passes, columns of a row first, rows second.
 *
 * Equal bit for bit to Pillow 9.4: the order of the passes, the 8-bit image between them and the
 * skipped pass of an unchanged side are part of the result.  Only the window that the caller
 * wants, and only the rows that it draws from, are computed.  Weights: resize_axis.c.
 */
#include "image/resize.h"
#include <assert.h>
#include <string.h>

#define HALF (1 << (AMPI_RESIZE_BITS - 1))
#define BLOCK 256u

/* Rows of samples that a pass reads. */
typedef struct view {
    const uint8_t *pixels;
    size_t row_bytes;
} view;

static uint8_t to_sample(int32_t sum)
{
    const int32_t value = sum >> AMPI_RESIZE_BITS;

    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void row_of_1(const ampi_axis *axis, const uint8_t *in, uint8_t *out)
{
    for (uint32_t i = 0; i < axis->count; i++) {
        const int32_t *weights = axis->weights + (size_t)i * axis->stride;
        const uint8_t *sample = in + axis->first[i];
        int32_t sum = HALF;

        for (uint32_t j = 0; j < axis->taps[i]; j++)
            sum += weights[j] * sample[j];
        out[i] = to_sample(sum);
    }
}

static void row_of_3(const ampi_axis *axis, const uint8_t *in, uint8_t *out)
{
    for (uint32_t i = 0; i < axis->count; i++) {
        const int32_t *weights = axis->weights + (size_t)i * axis->stride;
        const uint8_t *sample = in + (size_t)axis->first[i] * 3;
        int32_t r = HALF, g = HALF, b = HALF;

        for (uint32_t j = 0; j < axis->taps[i]; j++, sample += 3) {
            r += weights[j] * sample[0];
            g += weights[j] * sample[1];
            b += weights[j] * sample[2];
        }
        out[0] = to_sample(r);
        out[1] = to_sample(g);
        out[2] = to_sample(b);
        out += 3;
    }
}

/* in: `rows` rows -> out: [rows][axis->count][channels]. */
static void pass_columns(const ampi_axis *axis, uint32_t channels, view in, uint32_t rows,
                         uint8_t *out)
{
    const size_t out_row = (size_t)axis->count * channels;

    for (uint32_t y = 0; y < rows; y++) {
        if (channels == 3)
            row_of_3(axis, in.pixels + y * in.row_bytes, out + y * out_row);
        else
            row_of_1(axis, in.pixels + y * in.row_bytes, out + y * out_row);
    }
}

/* Sums of up to BLOCK neighbouring samples over the rows that output row i draws from. */
static void column_block(const ampi_axis *axis, uint32_t i, view in, size_t n, uint8_t *out)
{
    const int32_t *weights = axis->weights + (size_t)i * axis->stride;
    int32_t sum[BLOCK];

    for (size_t s = 0; s < n; s++)
        sum[s] = HALF;
    for (uint32_t j = 0; j < axis->taps[i]; j++) {
        const uint8_t *row = in.pixels + (size_t)j * in.row_bytes;
        const int32_t weight = weights[j];

        for (size_t s = 0; s < n; s++)
            sum[s] += weight * row[s];
    }
    for (size_t s = 0; s < n; s++)
        out[s] = to_sample(sum[s]);
}

/* in: rows from `base` on, `samples` wide -> out: [axis->count][samples]. */
static void pass_rows(const ampi_axis *axis, view in, uint32_t base, size_t samples, uint8_t *out)
{
    for (uint32_t i = 0; i < axis->count; i++) {
        const uint8_t *rows = in.pixels + (size_t)(axis->first[i] - base) * in.row_bytes;

        for (size_t s = 0; s < samples; s += BLOCK) {
            const view part = { rows + s, in.row_bytes };

            column_block(axis, i, part, ampi_min_size(BLOCK, samples - s), out + s);
        }
        out += samples;
    }
}

static void copy_window(const ampi_resize_job *job)
{
    const size_t row = (size_t)job->x.count * job->channels;

    for (uint32_t y = 0; y < job->y.count; y++)
        memcpy(job->out + y * row,
               job->in + (size_t)(job->y.first + y) * job->row_bytes +
                   (size_t)job->x.first * job->channels,
               row);
}

/* Source sample of each output of the window.  Pillow adds the step over and over in double
   instead of multiplying, and the rounding of the sums decides some samples. */
static void nearest_table(const ampi_span *span, uint32_t *table)
{
    const double step = (double)span->in / (double)span->out;
    double at = step * 0.5;

    for (uint32_t i = 0; i < span->first; i++)
        at += step;
    for (uint32_t i = 0; i < span->count; i++, at += step)
        table[i] = at < (double)span->in ? (uint32_t)at : span->in - 1;
}

static amp_status nearest(amp_context *context, const ampi_resize_job *job, amp_error *error)
{
    const size_t entries = (size_t)job->x.count + job->y.count;
    uint32_t *table = ampi_alloc(context, entries, sizeof *table);
    const uint32_t *rows;
    uint8_t *out = job->out;

    if (!table)
        return ampi_fail_nomem(error, "image", entries * sizeof *table);
    nearest_table(&job->x, table);
    nearest_table(&job->y, table + job->x.count);
    rows = table + job->x.count;
    for (uint32_t y = 0; y < job->y.count; y++) {
        const uint8_t *row = job->in + (size_t)rows[y] * job->row_bytes;

        for (uint32_t x = 0; x < job->x.count; x++, out += job->channels)
            memcpy(out, row + (size_t)table[x] * job->channels, job->channels);
    }
    ampi_free(context, table);
    return AMP_OK;
}

static amp_status columns_only(amp_context *context, const ampi_resize_job *job, amp_error *error)
{
    const view in = { job->in + (size_t)job->y.first * job->row_bytes, job->row_bytes };
    ampi_axis axis = { 0 };
    amp_status status = ampi_axis_make(&axis, context, &job->x, job->filter, error);

    if (status == AMP_OK)
        pass_columns(&axis, job->channels, in, job->y.count, job->out);
    ampi_axis_free(&axis, context);
    return status;
}

static amp_status rows_only(amp_context *context, const ampi_resize_job *job, amp_error *error)
{
    const view in = { job->in + (size_t)job->x.first * job->channels, job->row_bytes };
    ampi_axis axis = { 0 };
    amp_status status = ampi_axis_make(&axis, context, &job->y, job->filter, error);

    if (status == AMP_OK)
        pass_rows(&axis, in, 0, (size_t)job->x.count * job->channels, job->out);
    ampi_axis_free(&axis, context);
    return status;
}

/* The 8-bit image between the passes: `rows` rows of `samples`. */
static amp_status between_alloc(uint8_t **out, amp_context *context, size_t rows, size_t samples,
                                amp_error *error)
{
    size_t bytes;

    if (!ampi_mul(rows, samples, &bytes) || bytes > AMPI_RESIZE_MAX_BYTES)
        return ampi_fail(error, AMP_E_LIMIT, "image",
                         "resize needs %zu rows of %zu bytes, the limit is %zu bytes", rows,
                         samples, AMPI_RESIZE_MAX_BYTES);
    *out = ampi_alloc_raw(context, bytes, 1);
    return *out ? AMP_OK : ampi_fail_nomem(error, "image", bytes);
}

static amp_status both_passes(amp_context *context, const ampi_resize_job *job, amp_error *error)
{
    const size_t samples = (size_t)job->x.count * job->channels;
    ampi_axis across = { 0 }, down = { 0 };
    uint8_t *between = NULL;
    uint32_t base, last;
    view in = { NULL, job->row_bytes };
    amp_status status = ampi_axis_make(&across, context, &job->x, job->filter, error);

    if (status != AMP_OK)
        goto done;
    status = ampi_axis_make(&down, context, &job->y, job->filter, error);
    if (status != AMP_OK)
        goto done;
    base = down.first[0];
    last = down.first[down.count - 1] + down.taps[down.count - 1];
    status = between_alloc(&between, context, last - base, samples, error);
    if (!between)
        goto done;
    in.pixels = job->in + (size_t)base * job->row_bytes;
    pass_columns(&across, job->channels, in, last - base, between);
    in = (view){ between, samples };
    pass_rows(&down, in, base, samples, job->out);
done:
    ampi_free(context, between);
    ampi_axis_free(&down, context);
    ampi_axis_free(&across, context);
    return status;
}

static amp_status check_job(const ampi_resize_job *job, amp_error *error)
{
    assert(job->channels == 1 || job->channels == 3);
    assert(job->x.first + job->x.count <= job->x.out && job->y.first + job->y.count <= job->y.out);
    if (job->filter < AMP_FILTER_NEAREST || job->filter > AMP_FILTER_LANCZOS)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "filter %d, known are 0..%d",
                         (int)job->filter, (int)AMP_FILTER_LANCZOS);
    if (job->x.out > AMPI_RESIZE_MAX_SIDE || job->y.out > AMPI_RESIZE_MAX_SIDE)
        return ampi_fail(error, AMP_E_LIMIT, "image", "resize to %u x %u, the limit is %u a side",
                         (unsigned)job->x.out, (unsigned)job->y.out,
                         (unsigned)AMPI_RESIZE_MAX_SIDE);
    return AMP_OK;
}

amp_status ampi_resize(amp_context *context, const ampi_resize_job *job, amp_error *error)
{
    const bool across = job->x.in != job->x.out;
    const bool down = job->y.in != job->y.out;

    AMPI_TRY(check_job(job, error));
    if (!across && !down) {
        copy_window(job);
        return AMP_OK;
    }
    if (job->filter == AMP_FILTER_NEAREST)
        return nearest(context, job, error);
    if (!down)
        return columns_only(context, job, error);
    if (!across)
        return rows_only(context, job, error);
    return both_passes(context, job, error);
}

uint32_t ampi_center_offset(uint32_t whole, uint32_t part)
{
    const uint32_t rest = whole - part;
    const uint32_t half = rest / 2;

    return rest % 2 == 0 ? half : half + half % 2;
}
