/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/transform.c - the random transform T of anchors, for consistency training.
 *
 * Anirudh and Thiagarajan, "Out of Distribution Detection via Neural Network Anchoring", ACML
 * 2022: crop and resize, flip, brightness with blur, grey, in this order, with the parameters of
 * the authors' released code.  Formulas are those of torchvision 0.14 on float tensors: bilinear
 * without antialiasing, a Gaussian of 3 columns and 9 rows with mirrored borders.  Called by the
 * training loop on the anchor half of a corrupted batch.
 */
#include "image/transform.h"
#include <math.h>
#include <string.h>

#define TRIES 10
#define AREA_LOW 0.6
#define AREA_HIGH 1.0
#define RATIO_LOW (3.0 / 4.0)
#define RATIO_HIGH (4.0 / 3.0)
#define FLIP_CHANCE 0.5f
#define JITTER_CHANCE 0.8f
#define GREY_CHANCE 0.2f
#define BLUR_COLUMNS 3
#define BLUR_ROWS 9

/* ---- what is drawn ---- */

static double uniform(ampi_rng *rng, double low, double high)
{
    return low + (high - low) * ampi_rng_double(rng);
}

/* The largest centred crop whose width/height lies within the ratios. */
static void pick_centre(uint32_t height, uint32_t width, ampi_transform_draw *draw)
{
    const double ratio = (double)width / (double)height;

    draw->height = height;
    draw->width = width;
    if (ratio < RATIO_LOW)
        draw->height = (uint32_t)rint((double)width / RATIO_LOW);
    else if (ratio > RATIO_HIGH)
        draw->width = (uint32_t)rint((double)height * RATIO_HIGH);
    draw->top = (height - draw->height) / 2;
    draw->left = (width - draw->width) / 2;
}

/* An area and a ratio until they fit in the image; rint rounds halves to even as Python does. */
static void pick_crop(ampi_rng *rng, uint32_t height, uint32_t width, ampi_transform_draw *draw)
{
    const double whole = (double)height * (double)width;

    for (int i = 0; i < TRIES; i++) {
        const double area = whole * uniform(rng, AREA_LOW, AREA_HIGH);
        const double ratio = exp(uniform(rng, log(RATIO_LOW), log(RATIO_HIGH)));
        const double w = rint(sqrt(area * ratio));
        const double h = rint(sqrt(area / ratio));

        if (w >= 1.0 && h >= 1.0 && w <= (double)width && h <= (double)height) {
            draw->width = (uint32_t)w;
            draw->height = (uint32_t)h;
            draw->top = ampi_rng_below(rng, height - draw->height + 1);
            draw->left = ampi_rng_below(rng, width - draw->width + 1);
            return;
        }
    }
    pick_centre(height, width, draw);
}

ampi_transform_draw ampi_transform_pick(ampi_rng *rng, uint32_t height, uint32_t width)
{
    ampi_transform_draw draw = { 0 };

    pick_crop(rng, height, width, &draw);
    draw.flip = ampi_rng_float(rng) < FLIP_CHANCE;
    draw.jitter = ampi_rng_float(rng) < JITTER_CHANCE;
    draw.brightness = (float)uniform(rng, 0.5, 1.5);
    draw.sigma = (float)uniform(rng, 0.1, 5.0);
    draw.grey = ampi_rng_float(rng) < GREY_CHANCE;
    return draw;
}

/* ---- crop and resize ---- */

/* Two neighbours of an output sample and the weight of the second. */
typedef struct pair {
    uint32_t first, second;
    float weight;
} pair;

static pair find_pair(uint32_t in, uint32_t out, uint32_t index)
{
    const float scale = (float)in / (float)out;
    const float at = fmaxf(((float)index + 0.5f) * scale - 0.5f, 0.0f);
    pair p;

    p.first = (uint32_t)at < in ? (uint32_t)at : in - 1;
    p.second = p.first + 1 < in ? p.first + 1 : p.first;
    p.weight = at - (float)p.first;
    return p;
}

static float mix(float a, float b, float weight)
{
    return (1.0f - weight) * a + weight * b;
}

/* in: crop of [H][W] rows -> out: [crop height][W]. */
static void stretch_columns(const float *in, uint32_t rows, uint32_t crop_width, uint32_t width,
                            float *out)
{
    for (uint32_t x = 0; x < width; x++) {
        const pair p = find_pair(crop_width, width, x);

        for (size_t i = 0; i < (size_t)rows * width; i += width)
            out[i + x] = mix(in[i + p.first], in[i + p.second], p.weight);
    }
}

/* in: [rows][W] -> out: [H][W]. */
static void stretch_rows(const float *in, uint32_t rows, uint32_t height, uint32_t width,
                         float *out)
{
    for (uint32_t y = 0; y < height; y++, out += width) {
        const pair p = find_pair(rows, height, y);
        const float *a = in + (size_t)p.first * width;
        const float *b = in + (size_t)p.second * width;

        for (uint32_t x = 0; x < width; x++)
            out[x] = mix(a[x], b[x], p.weight);
    }
}

/* ---- the other parts, on one plane [H][W] ---- */

static void flip_rows(float *plane, uint32_t height, uint32_t width)
{
    for (uint32_t y = 0; y < height; y++, plane += width)
        for (uint32_t x = 0; x < width / 2; x++) {
            const float left = plane[x];

            plane[x] = plane[width - 1 - x];
            plane[width - 1 - x] = left;
        }
}

static void brighten(float *values, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        values[i] = fminf(fmaxf(values[i] * factor, 0.0f), 1.0f);
}

/* Index -4..n+3 mirrored into 0..n-1; the edge itself is not repeated. */
static size_t mirror(int64_t index, uint32_t n)
{
    const int64_t period = n > 1 ? 2 * ((int64_t)n - 1) : 1;
    int64_t i = index % period;

    i = i < 0 ? i + period : i;
    return (size_t)(i < n ? i : period - i);
}

static void gaussian(float sigma, int taps, float *kernel)
{
    const int centre = taps / 2;
    float sum = 0.0f;

    for (int i = 0; i < taps; i++) {
        const float t = (float)(i - centre) / sigma;

        kernel[i] = expf(-0.5f * t * t);
        sum += kernel[i];
    }
    for (int i = 0; i < taps; i++)
        kernel[i] /= sum;
}

/* in, out: [W]. */
static void blur_row(const float *in, uint32_t width, const float kernel[BLUR_COLUMNS], float *out)
{
    const float side = kernel[0], centre = kernel[1];

    out[0] = side * in[mirror(-1, width)] + centre * in[0] + side * in[mirror(1, width)];
    for (uint32_t x = 1; x + 1 < width; x++)
        out[x] = side * in[x - 1] + centre * in[x] + side * in[x + 1];
    if (width > 1)
        out[width - 1] = side * in[width - 2] + centre * in[width - 1] + side * in[width - 2];
}

/* plane: [H][W] -> itself, by way of spare [H][W]. */
static void blur(float *plane, uint32_t height, uint32_t width, float sigma, float *spare)
{
    float columns[BLUR_COLUMNS], rows[BLUR_ROWS];

    gaussian(sigma, BLUR_COLUMNS, columns);
    gaussian(sigma, BLUR_ROWS, rows);
    for (uint32_t y = 0; y < height; y++)
        blur_row(plane + (size_t)y * width, width, columns, spare + (size_t)y * width);
    for (uint32_t y = 0; y < height; y++) {
        float *out = plane + (size_t)y * width;

        memset(out, 0, width * sizeof *out);
        for (int j = 0; j < BLUR_ROWS; j++) {
            const float *in = spare + mirror((int64_t)y + j - BLUR_ROWS / 2, height) * width;

            for (uint32_t x = 0; x < width; x++)
                out[x] += rows[j] * in[x];
        }
    }
}

/* planes: [3][H*W]. */
static void make_grey(float *planes, size_t plane)
{
    float *r = planes, *g = planes + plane, *b = planes + 2 * plane;

    for (size_t i = 0; i < plane; i++) {
        const float grey = 0.2989f * r[i] + 0.587f * g[i] + 0.114f * b[i];

        r[i] = g[i] = b[i] = grey;
    }
}

/* ---- all of it ---- */

static void scale_planes(const ampi_prepare *prepare, bool undo, const float *in, float *out)
{
    const size_t plane = (size_t)prepare->height * prepare->width;

    for (uint32_t c = 0; c < prepare->channels; c++) {
        const float mean = prepare->mean[c], std = prepare->std[c];

        for (size_t i = c * plane; i < (c + 1) * plane; i++)
            out[i] = undo ? in[i] * std + mean : (in[i] - mean) / std;
    }
}

static void apply_to_plane(const ampi_transform_draw *draw, const ampi_prepare *prepare,
                           const float *in, float *out, float *spare)
{
    const uint32_t height = prepare->height, width = prepare->width;

    stretch_columns(in + (size_t)draw->top * width + draw->left, draw->height, draw->width, width,
                    spare);
    stretch_rows(spare, draw->height, height, width, out);
    if (draw->flip)
        flip_rows(out, height, width);
    if (draw->jitter) {
        brighten(out, (size_t)height * width, draw->brightness);
        blur(out, height, width, draw->sigma, spare);
    }
}

void ampi_transform_apply(const ampi_transform_draw *draw, ampi_transform_kind kind,
                          const ampi_prepare *prepare, const float *in, float *out, float *scratch)
{
    const size_t plane = (size_t)prepare->height * prepare->width;
    float *pixels = scratch;
    float *spare = scratch + prepare->channels * plane;

    if (kind == AMPI_TRANSFORM_IMAGE)
        scale_planes(prepare, true, in, pixels);
    else
        memcpy(pixels, in, prepare->channels * plane * sizeof *in);
    for (uint32_t c = 0; c < prepare->channels; c++)
        apply_to_plane(draw, prepare, pixels + c * plane, out + c * plane, spare);
    if (draw->grey && prepare->channels == 3)
        make_grey(out, plane);
    if (kind == AMPI_TRANSFORM_IMAGE)
        scale_planes(prepare, false, out, out);
}

void ampi_transform(ampi_rng *rng, ampi_transform_kind kind, const ampi_prepare *prepare,
                    const float *in, float *out, float *scratch)
{
    const ampi_transform_draw draw = ampi_transform_pick(rng, prepare->height, prepare->width);

    ampi_transform_apply(&draw, kind, prepare, in, out, scratch);
}
