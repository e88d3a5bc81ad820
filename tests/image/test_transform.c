/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_transform.c - the anchor transform: how often each part is drawn, and what each part does,
 * against formulas in double written out pixel by pixel.
 */
#include "image/transform.h"
#include "picture.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 20000

static amp_error error;

static ampi_prepare prepare_of(uint32_t height, uint32_t width, uint32_t channels)
{
    ampi_prepare p;

    ck_ok(ampi_prepare_parse(&p,
                             channels == 3 ? "mean=0.49:0.48:0.45,std=0.25:0.24:0.26"
                                           : "channels=1,mean=0.49,std=0.25",
                             &error),
          &error);
    p.height = height;
    p.width = width;
    return p;
}

/* Normalised planes of the test picture. */
static float *planes_of(const ampi_prepare *p)
{
    uint8_t *pixels = picture_make(p->width, p->height, p->channels);
    float *planes = malloc(sizeof *planes * p->channels * p->height * p->width);

    ck_assert_ptr_nonnull(planes);
    ampi_prepare_normalise(p, pixels, planes);
    free(pixels);
    return planes;
}

static ampi_transform_draw no_change(const ampi_prepare *p)
{
    return (ampi_transform_draw){
        .height = p->height, .width = p->width, .brightness = 1.0f, .sigma = 1.0f
    };
}

/* ---- the draw ---- */

static void check_rate(int count, double chance)
{
    const double sigma = sqrt(DRAWS * chance * (1 - chance));

    ck_assert_double_le(fabs(count - DRAWS * chance), 5 * sigma);
}

START_TEST(parts_are_drawn_as_often_as_told)
{
    int flips = 0, jitters = 0, greys = 0;
    double brightness = 0, sigma = 0, lowest = 9, highest = 0;
    bool bright_enough = true;

    for (uint32_t i = 0; i < DRAWS; i++) {
        ampi_rng rng = ampi_rng_make(1, AMPI_RNG_TRANSFORM, 0, i);
        const ampi_transform_draw d = ampi_transform_pick(&rng, 32, 32);

        flips += d.flip;
        jitters += d.jitter;
        greys += d.grey;
        brightness += (double)d.brightness / DRAWS;
        sigma += (double)d.sigma / DRAWS;
        bright_enough = bright_enough && d.brightness >= 0.5f && d.brightness <= 1.5f;
        lowest = fmin(lowest, (double)d.sigma);
        highest = fmax(highest, (double)d.sigma);
    }
    ck_assert(bright_enough);
    check_rate(flips, 0.5);
    check_rate(jitters, 0.8);
    check_rate(greys, 0.2);
    /* Standard errors: 1/sqrt(12 n) = 0.002 and 4.9 times that. */
    ck_assert_double_le(fabs(brightness - 1.0), 0.01);
    ck_assert_double_le(fabs(sigma - 2.55), 0.05);
    ck_assert(lowest >= 0.1 && lowest < 0.11 && highest > 4.99 && highest <= 5.0);
}
END_TEST

/* Area 0.6..1, ratio 3/4..4/3 up to the rounding of sides; offsets reach both ends. */
START_TEST(crops_are_in_range)
{
    int whole = 0, touching_left = 0, touching_right = 0;
    double area = 0;
    bool inside = true;

    for (uint32_t i = 0; i < DRAWS; i++) {
        ampi_rng rng = ampi_rng_make(2, AMPI_RNG_TRANSFORM, 0, i);
        const ampi_transform_draw d = ampi_transform_pick(&rng, 32, 32);
        const double ratio = (double)d.width / d.height;

        inside = inside && d.width >= 1 && d.height >= 1 && d.left + d.width <= 32 &&
                 d.top + d.height <= 32 && d.width * d.height > 0.57 * 1024 &&
                 ratio > 0.75 * 0.96 && ratio < 1.04 / 0.75;
        area += (double)d.width * d.height / 1024 / DRAWS;
        whole += d.width == 32 && d.height == 32;
        touching_left += d.width < 32 && d.left == 0;
        touching_right += d.width < 32 && d.left + d.width == 32;
    }
    ck_assert(inside);
    /* Large areas are drawn again when they do not fit, so the mean lies below 0.8. */
    ck_assert(area > 0.70 && area < 0.80);
    ck_assert_int_ge(whole, 1);
    ck_assert_double_le(fabs((double)touching_left - touching_right), DRAWS * 0.02);
}
END_TEST

/* Where no try can fit, the centre with the nearest allowed ratio. */
START_TEST(long_pictures_fall_back_to_the_centre)
{
    ampi_rng rng = ampi_rng_make(3, AMPI_RNG_TRANSFORM, 0, 0);
    ampi_transform_draw d = ampi_transform_pick(&rng, 30, 300);

    ck_assert_uint_eq(d.height, 30);
    ck_assert_uint_eq(d.width, 40);
    ck_assert_uint_eq(d.left, 130);
    ck_assert_uint_eq(d.top, 0);
    d = ampi_transform_pick(&rng, 300, 30);
    ck_assert_uint_eq(d.height, 40);
    ck_assert_uint_eq(d.width, 30);
    ck_assert_uint_eq(d.top, 130);
}
END_TEST

START_TEST(same_key_same_result)
{
    const ampi_prepare p = prepare_of(12, 10, 3);
    float *in = planes_of(&p);
    float a[360], b[360], scratch[720];

    for (uint32_t i = 0; i < 50; i++) {
        ampi_rng first = ampi_rng_make(3, AMPI_RNG_TRANSFORM, 1, i);
        ampi_rng second = first;

        ampi_transform(&first, AMPI_TRANSFORM_IMAGE, &p, in, a, scratch);
        memset(scratch, 0xff, sizeof scratch); /* what scratch held must not matter */
        ampi_transform(&second, AMPI_TRANSFORM_IMAGE, &p, in, b, scratch);
        ck_assert_mem_eq(a, b, sizeof a);
        ck_assert_mem_eq(&first, &second, sizeof first);
    }
    free(in);
}
END_TEST

/* ---- the parts ---- */

static int reflect(int i, int n)
{
    while (n > 1 && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * (n - 1) - i;
    return n > 1 ? i : 0;
}

static double lerp_axis(int out_index, int in, int out, int *first, int *second)
{
    const double source = fmax((out_index + 0.5) * in / out - 0.5, 0);

    *first = (int)source;
    *second = *first + 1 < in ? *first + 1 : in - 1;
    return source - *first;
}

static void plain_crop(const ampi_transform_draw *d, int height, int width, double *plane)
{
    double *out = malloc(sizeof *out * (size_t)height * (size_t)width);

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int y0, y1, x0, x1;
            const double fy = lerp_axis(y, (int)d->height, height, &y0, &y1);
            const double fx = lerp_axis(x, (int)d->width, width, &x0, &x1);
            const int t = (int)d->top, l = (int)d->left;

            out[y * width + x] = (1 - fy) * ((1 - fx) * plane[(t + y0) * width + l + x0] +
                                             fx * plane[(t + y0) * width + l + x1]) +
                                 fy * ((1 - fx) * plane[(t + y1) * width + l + x0] +
                                       fx * plane[(t + y1) * width + l + x1]);
        }
    memcpy(plane, out, sizeof *out * (size_t)height * (size_t)width);
    free(out);
}

/* The two-dimensional kernel: the product of both Gaussians, 3 columns and 9 rows, sum 1. */
static void plain_blur(double sigma, int height, int width, double *plane)
{
    double *out = calloc((size_t)height * (size_t)width, sizeof *out);
    double sum = 0;

    for (int j = -4; j <= 4; j++)
        for (int i = -1; i <= 1; i++)
            sum += exp(-0.5 * (i * i + j * j) / (sigma * sigma));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int j = -4; j <= 4; j++)
                for (int i = -1; i <= 1; i++)
                    out[y * width + x] +=
                        exp(-0.5 * (i * i + j * j) / (sigma * sigma)) / sum *
                        plane[reflect(y + j, height) * width + reflect(x + i, width)];
    memcpy(plane, out, sizeof *out * (size_t)height * (size_t)width);
    free(out);
}

static void plain_plane(const ampi_transform_draw *d, int height, int width, double *plane)
{
    plain_crop(d, height, width, plane);
    for (int y = 0; d->flip && y < height; y++)
        for (int x = 0; x < width / 2; x++) {
            const double left = plane[y * width + x];

            plane[y * width + x] = plane[y * width + width - 1 - x];
            plane[y * width + width - 1 - x] = left;
        }
    if (!d->jitter)
        return;
    for (int i = 0; i < height * width; i++)
        plane[i] = fmin(fmax(plane[i] * (double)d->brightness, 0), 1);
    plain_blur((double)d->sigma, height, width, plane);
}

static void plain_transform(const ampi_transform_draw *d, ampi_transform_kind kind,
                            const ampi_prepare *p, const float *in, double *out)
{
    const size_t plane = (size_t)p->height * p->width;
    const bool image = kind == AMPI_TRANSFORM_IMAGE;

    for (size_t c = 0; c < p->channels; c++) {
        const double mean = (double)p->mean[c], std = (double)p->std[c];

        for (size_t i = c * plane; i < (c + 1) * plane; i++)
            out[i] = image ? (double)in[i] * std + mean : (double)in[i];
        plain_plane(d, (int)p->height, (int)p->width, out + c * plane);
    }
    for (size_t i = 0; d->grey && p->channels == 3 && i < plane; i++)
        out[i] = out[plane + i] = out[2 * plane + i] =
            0.2989 * out[i] + 0.587 * out[plane + i] + 0.114 * out[2 * plane + i];
    for (size_t c = 0; image && c < p->channels; c++)
        for (size_t i = c * plane; i < (c + 1) * plane; i++)
            out[i] = (out[i] - (double)p->mean[c]) / (double)p->std[c];
}

/* Not fmax, which would hide a NaN. */
static double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static void check_transform(const ampi_transform_draw *d, const ampi_prepare *p)
{
    const size_t n = (size_t)p->channels * p->height * p->width;
    float *in = planes_of(p), *out = malloc(sizeof *out * n),
          *scratch = malloc(sizeof *out * 2 * n);
    double *want = malloc(sizeof *want * n);
    double worst = 0;

    for (int kind = AMPI_TRANSFORM_IMAGE; kind <= AMPI_TRANSFORM_RELEASED; kind++) {
        ampi_transform_apply(d, (ampi_transform_kind)kind, p, in, out, scratch);
        plain_transform(d, (ampi_transform_kind)kind, p, in, want);
        for (size_t i = 0; i < n; i++)
            worst = larger(worst, fabs((double)out[i] - want[i]));
        ck_assert_double_le(worst, 1e-5);
    }
    free(in);
    free(out);
    free(scratch);
    free(want);
}

START_TEST(each_part_alone)
{
    const ampi_prepare p = prepare_of(13, 10, 3);
    ampi_transform_draw d = no_change(&p);

    check_transform(&d, &p);
    d.flip = true;
    check_transform(&d, &p);
    d = no_change(&p);
    d.grey = true;
    check_transform(&d, &p);
    d = no_change(&p);
    d.jitter = true;
    d.brightness = 0.6f;
    d.sigma = 0.1f; /* the blur does nothing */
    check_transform(&d, &p);
    d.brightness = 1.4f;
    check_transform(&d, &p);
    d.brightness = 1.0f;
    d.sigma = 3.0f;
    check_transform(&d, &p);
    d = no_change(&p);
    d.top = 2;
    d.left = 3;
    d.height = 9;
    d.width = 7;
    check_transform(&d, &p);
}
END_TEST

START_TEST(all_parts_together)
{
    static const uint32_t sizes[][3] = { { 32, 32, 3 }, { 32, 32, 1 }, { 9, 17, 3 }, { 5, 5, 3 },
                                         { 3, 2, 1 },   { 1, 1, 3 },   { 1, 8, 1 },  { 40, 3, 3 } };

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (uint32_t i = 0; i < 30; i++) {
            const ampi_prepare p = prepare_of(sizes[s][0], sizes[s][1], sizes[s][2]);
            ampi_rng rng = ampi_rng_make(4, AMPI_RNG_TRANSFORM, s, i);
            const ampi_transform_draw d = ampi_transform_pick(&rng, p.height, p.width);

            check_transform(&d, &p);
        }
}
END_TEST

/* The draw that changes nothing gives the input back: RELEASED its very bits. */
START_TEST(no_change_is_identity)
{
    const ampi_prepare p = prepare_of(8, 8, 3);
    const ampi_transform_draw d = no_change(&p);
    float *in = planes_of(&p);
    float out[192], scratch[384];

    ampi_transform_apply(&d, AMPI_TRANSFORM_RELEASED, &p, in, out, scratch);
    ck_assert_mem_eq(in, out, sizeof out);
    ampi_transform_apply(&d, AMPI_TRANSFORM_IMAGE, &p, in, out, scratch);
    for (size_t i = 0; i < 192; i++)
        ck_assert(fabsf(in[i] - out[i]) <= 2e-6f);
    free(in);
}
END_TEST

/* RELEASED clips normalised values: all that is darker than the mean becomes 0 before the blur. */
START_TEST(released_clips)
{
    const ampi_prepare p = prepare_of(8, 8, 3);
    ampi_transform_draw d = no_change(&p);
    float *in = planes_of(&p);
    float out[192], scratch[384];

    d.jitter = true;
    d.sigma = 0.1f;
    ampi_transform_apply(&d, AMPI_TRANSFORM_RELEASED, &p, in, out, scratch);
    for (size_t i = 0; i < 192; i++)
        ck_assert(fabsf(out[i] - fminf(fmaxf(in[i], 0), 1)) <= 1e-6f);
    ampi_transform_apply(&d, AMPI_TRANSFORM_IMAGE, &p, in, out, scratch);
    for (size_t i = 0; i < 192; i++)
        ck_assert(fabsf(out[i] - in[i]) <= 1e-5f);
    free(in);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { parts_are_drawn_as_often_as_told,
                                   crops_are_in_range,
                                   long_pictures_fall_back_to_the_centre,
                                   same_key_same_result,
                                   each_part_alone,
                                   all_parts_together,
                                   no_change_is_identity,
                                   released_clips,
                                   NULL };
    return test_suite("image.transform", tests);
}

TEST_MAIN(suite)
