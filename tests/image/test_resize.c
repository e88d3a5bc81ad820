/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_resize.c - resizing against vectors computed with Pillow 9.4, and its own invariants.
 *
 * test_resize_pillow.py compares with Pillow itself.
 */
#include "image/image_internal.h"
#include "image/resize.h"
#include "picture.h"
#include "support.h"
#include <stdlib.h>
#include <string.h>

#define W 61u
#define H 48u

static amp_error error;

static void resize(const uint8_t *in, ampi_span x, ampi_span y, uint32_t channels, int32_t filter,
                   uint8_t *out)
{
    const ampi_resize_job job = { .in = in,
                                  .row_bytes = (size_t)x.in * channels,
                                  .channels = channels,
                                  .x = x,
                                  .y = y,
                                  .filter = filter,
                                  .out = out };

    ck_ok(ampi_resize(NULL, &job, &error), &error);
}

static ampi_span whole(uint32_t in, uint32_t out)
{
    return (ampi_span){ in, out, 0, out };
}

/* The picture at 61 x 48 to 32 x 32. */
START_TEST(pillow_checksums)
{
    static const struct {
        int32_t filter;
        uint32_t crc, sum;
        uint8_t first[3], middle[3];
    } rows[] = {
        { AMP_FILTER_NEAREST, 0x15f904d7, 395027, { 0, 29, 58 }, { 82, 111, 140 } },
        { AMP_FILTER_BILINEAR, 0x8e0aafb4, 393084, { 11, 40, 69 }, { 61, 90, 119 } },
        { AMP_FILTER_BICUBIC, 0x4c7cce9e, 393100, { 8, 37, 66 }, { 61, 89, 118 } },
        { AMP_FILTER_LANCZOS, 0x08ce7bfe, 393055, { 7, 36, 65 }, { 63, 88, 117 } },
        { AMP_FILTER_BOX, 0xfd405de8, 394906, { 12, 41, 70 }, { 81, 110, 139 } },
        { AMP_FILTER_HAMMING, 0x4475f4e9, 393076, { 8, 37, 66 }, { 66, 95, 124 } },
    };
    uint8_t *in = picture_make(W, H, 3);
    uint8_t out[32 * 32 * 3];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t sum = 0;

        resize(in, whole(W, 32), whole(H, 32), 3, rows[i].filter, out);
        for (size_t j = 0; j < sizeof out; j++)
            sum += out[j];
        ck_assert_uint_eq(sum, rows[i].sum);
        ck_assert_mem_eq(out, rows[i].first, 3);
        ck_assert_mem_eq(out + (16 * 32 + 16) * 3, rows[i].middle, 3);
        ck_assert_uint_eq(picture_crc(out, sizeof out), rows[i].crc);
    }
    free(in);
}
END_TEST

/* Rows before columns would give other pixels: these. */
START_TEST(pass_order_matters)
{
    static const struct {
        int32_t filter;
        uint32_t other;
    } rows[] = {
        { AMP_FILTER_BILINEAR, 0xa702227e },
        { AMP_FILTER_BICUBIC, 0x87202961 },
        { AMP_FILTER_LANCZOS, 0x35422a8c },
    };
    uint8_t *in = picture_make(W, H, 3);
    uint8_t right[32 * 32 * 3], between[32 * W * 3], wrong[32 * 32 * 3];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        resize(in, whole(W, 32), whole(H, 32), 3, rows[i].filter, right);
        resize(in, whole(W, W), whole(H, 32), 3, rows[i].filter, between);
        resize(between, whole(W, 32), whole(32, 32), 3, rows[i].filter, wrong);
        ck_assert_uint_eq(picture_crc(wrong, sizeof wrong), rows[i].other);
        ck_assert_mem_ne(right, wrong, sizeof right);
    }
    free(in);
}
END_TEST

START_TEST(weights_are_pillows)
{
    static const struct {
        ampi_span span;
        int32_t filter;
        uint32_t output, low, taps;
        int32_t weights[8];
    } rows[] = {
        { { 5, 3, 0, 3 }, AMP_FILTER_BILINEAR, 0, 0, 3, { 2396745, 1797559, 0 } },
        { { 5, 3, 0, 3 }, AMP_FILTER_BILINEAR, 1, 1, 3, { 932068, 2330169, 932068 } },
        { { 5, 3, 0, 3 }, AMP_FILTER_BILINEAR, 2, 3, 2, { 1797559, 2396745 } },
        { { 8, 3, 0, 3 },
          AMP_FILTER_BICUBIC,
          0,
          0,
          7,
          { 1357984, 1678094, 1096189, 261175, -104842, -91194, -3102 } },
        { { 8, 3, 0, 3 },
          AMP_FILTER_BICUBIC,
          1,
          0,
          8,
          { -113649, 59548, 732425, 1418827, 1418827, 732425, 59548, -113649 } },
        { { 7, 3, 0, 3 },
          AMP_FILTER_LANCZOS,
          0,
          0,
          7,
          { 1648661, 1850544, 982255, 0, -278210, -68390, 59444 } },
        { { 7, 3, 0, 3 },
          AMP_FILTER_LANCZOS,
          1,
          0,
          7,
          { -244898, 245227, 1223174, 1747299, 1223174, 245227, -244898 } },
        { { 3, 5, 0, 5 }, AMP_FILTER_BILINEAR, 0, 0, 1, { 4194304 } },
        { { 3, 5, 0, 5 }, AMP_FILTER_BILINEAR, 1, 0, 2, { 2516582, 1677722 } },
        { { 3, 5, 0, 5 }, AMP_FILTER_BILINEAR, 2, 1, 2, { 4194304, 0 } },
        { { 3, 5, 0, 5 }, AMP_FILTER_BILINEAR, 3, 1, 2, { 1677722, 2516582 } },
        { { 3, 5, 0, 5 }, AMP_FILTER_BILINEAR, 4, 2, 1, { 4194304 } },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t o = rows[i].output;
        ampi_axis axis;

        ck_ok(ampi_axis_make(&axis, NULL, &rows[i].span, rows[i].filter, &error), &error);
        ck_assert_uint_eq(axis.first[o], rows[i].low);
        ck_assert_uint_eq(axis.taps[o], rows[i].taps);
        for (uint32_t j = 0; j < axis.taps[o]; j++)
            ck_assert_int_eq(axis.weights[o * axis.stride + j], rows[i].weights[j]);
        ampi_axis_free(&axis, NULL);
    }
}
END_TEST

/* The largest sum of weight * sample that a picture can reach, either way, of one output. */
static bool sum_fits(const ampi_axis *axis, uint32_t i, uint32_t in)
{
    int64_t positive = 1 << 21, negative = 1 << 21;

    for (uint32_t j = 0; j < axis->taps[i]; j++) {
        const int32_t w = axis->weights[i * axis->stride + j];

        positive += w > 0 ? 255 * (int64_t)w : 0;
        negative += w < 0 ? 255 * (int64_t)w : 0;
    }
    return positive <= INT32_MAX && negative >= INT32_MIN && axis->first[i] + axis->taps[i] <= in;
}

/* resize.c sums in int32, and reads only the samples that there are. */
START_TEST(sums_fit_in_32_bits)
{
    static const uint32_t sizes[] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,   10,  11,  12,   13,
                                      15, 16, 17, 31, 32, 33, 64, 65, 100, 127, 224, 1000, 4001 };
    const size_t n = sizeof sizes / sizeof sizes[0];

    for (int32_t filter = AMP_FILTER_BOX; filter <= AMP_FILTER_LANCZOS; filter++)
        for (size_t pair = 0; pair < n * n; pair++) {
            const ampi_span span = whole(sizes[pair / n], sizes[pair % n]);
            bool fits = true;
            ampi_axis axis;

            ck_ok(ampi_axis_make(&axis, NULL, &span, filter, &error), &error);
            for (uint32_t i = 0; i < span.out; i++)
                fits = fits && sum_fits(&axis, i, span.in);
            ck_assert_msg(fits, "filter %d, %u to %u", filter, span.in, span.out);
            ampi_axis_free(&axis, NULL);
        }
}
END_TEST

START_TEST(constant_stays_constant)
{
    uint8_t in[40 * 40 * 3], out[32 * 32 * 3];

    for (int value = 0; value < 256; value += 51)
        for (int32_t filter = AMP_FILTER_NEAREST; filter <= AMP_FILTER_LANCZOS; filter++) {
            memset(in, value, sizeof in);
            resize(in, whole(40, 32), whole(40, 32), 3, filter, out);
            ck_assert_mem_eq(in, out, sizeof out);
        }
}
END_TEST

START_TEST(same_size_is_a_copy)
{
    uint8_t *in = picture_make(W, H, 3);
    uint8_t out[W * H * 3];

    for (int32_t filter = AMP_FILTER_NEAREST; filter <= AMP_FILTER_LANCZOS; filter++) {
        memset(out, 0, sizeof out);
        resize(in, whole(W, W), whole(H, H), 3, filter, out);
        ck_assert_mem_eq(in, out, sizeof out);
    }
    free(in);
}
END_TEST

/* A window is the same window of the whole result, for 1 and 3 channels and one or two passes. */
START_TEST(window_of_the_whole)
{
    static const uint32_t sizes[][2] = { { 23, 31 }, { W, 17 }, { 90, H }, { 100, 70 }, { W, H } };
    uint8_t *all = malloc(100 * 70 * 3), *part = malloc(100 * 70 * 3);

    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        uint8_t *in = picture_make(W, H, channels);

        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (int32_t filter = AMP_FILTER_NEAREST; filter <= AMP_FILTER_LANCZOS; filter++) {
                const uint32_t w = sizes[s][0], h = sizes[s][1];
                const ampi_span x = { W, w, 5, 11 }, y = { H, h, 3, 7 };

                resize(in, whole(W, w), whole(H, h), channels, filter, all);
                resize(in, x, y, channels, filter, part);
                for (uint32_t row = 0; row < 7; row++)
                    ck_assert_mem_eq(part + row * 11 * channels,
                                     all + ((row + 3) * w + 5) * channels, 11 * channels);
            }
        free(in);
    }
    free(all);
    free(part);
}
END_TEST

/* Three equal grey channels and one give the same. */
START_TEST(channels_are_apart)
{
    uint8_t *one = picture_make(W, H, 1), *three = malloc(W * H * 3);
    uint8_t small[19 * 23], big[19 * 23 * 3], spread[19 * 23 * 3];

    for (size_t i = 0; i < W * H * 3; i++)
        three[i] = one[i / 3];
    for (int32_t filter = AMP_FILTER_NEAREST; filter <= AMP_FILTER_LANCZOS; filter++) {
        resize(one, whole(W, 19), whole(H, 23), 1, filter, small);
        resize(three, whole(W, 19), whole(H, 23), 3, filter, big);
        for (size_t i = 0; i < sizeof small; i++)
            spread[3 * i] = spread[3 * i + 1] = spread[3 * i + 2] = small[i];
        ck_assert_mem_eq(big, spread, sizeof big);
    }
    free(one);
    free(three);
}
END_TEST

/* Half a pixel goes to the even side, as Python's round. */
START_TEST(centre_is_half_to_even)
{
    static const uint32_t rows[][3] = { /* whole, part, offset */
                                        { 331, 224, 54 }, { 341, 224, 58 }, { 5, 0, 2 },
                                        { 7, 0, 4 },      { 33, 32, 0 },    { 35, 32, 2 },
                                        { 36, 32, 2 },    { 32, 32, 0 },    { 1, 1, 0 }
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(ampi_center_offset(rows[i][0], rows[i][1]), rows[i][2]);
}
END_TEST

START_TEST(absurd_sizes_are_refused)
{
    static const uint8_t pixel[3] = { 1, 2, 3 };
    uint8_t out[3];
    const ampi_span one = { 1, 1, 0, 1 };
    ampi_resize_job job = { .in = pixel,
                            .row_bytes = 3,
                            .channels = 3,
                            .x = one,
                            .y = one,
                            .filter = AMP_FILTER_BOX,
                            .out = out };
    ampi_axis axis;
    const ampi_span wide = { UINT32_MAX, 3, 0, 3 };

    job.x.out = AMPI_RESIZE_MAX_SIDE + 1;
    ck_fails(ampi_resize(NULL, &job, &error), AMP_E_LIMIT, &error);
    job.x.out = 1;
    job.filter = 6;
    ck_fails(ampi_resize(NULL, &job, &error), AMP_E_ARGUMENT, &error);
    job.filter = -1;
    ck_fails(ampi_resize(NULL, &job, &error), AMP_E_ARGUMENT, &error);
    ck_fails(ampi_axis_make(&axis, NULL, &wide, AMP_FILTER_LANCZOS, &error), AMP_E_LIMIT, &error);
    ampi_axis_free(&axis, NULL);
}
END_TEST

static amp_status attempt(amp_context *context, void *user, amp_error *e)
{
    uint8_t out[20 * 20 * 3];
    ampi_resize_job job = { .in = user,
                            .row_bytes = W * 3,
                            .channels = 3,
                            .x = whole(W, 20),
                            .y = whole(H, 20),
                            .filter = AMP_FILTER_LANCZOS,
                            .out = out };
    amp_status status = ampi_resize(context, &job, e);

    if (status == AMP_OK) {
        job.filter = AMP_FILTER_NEAREST;
        status = ampi_resize(context, &job, e);
    }
    return status;
}

START_TEST(out_of_memory)
{
    uint8_t *in = picture_make(W, H, 3);

    test_out_of_memory(attempt, in);
    free(in);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        pillow_checksums,        pass_order_matters,       weights_are_pillows, sums_fit_in_32_bits,
        constant_stays_constant, same_size_is_a_copy,      window_of_the_whole, channels_are_apart,
        centre_is_half_to_even,  absurd_sizes_are_refused, out_of_memory,       NULL
    };
    return test_suite("image.resize", tests);
}

TEST_MAIN(suite)
