/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_augment.c - random crop and flip: every shift, both ways, each as often as it should be.
 */
#include "image/image_internal.h"
#include "picture.h"
#include "support.h"
#include <stdlib.h>
#include <string.h>

#define W 9u
#define H 6u
#define PAD 2u
#define SHIFTS (2 * PAD + 1)

static const ampi_prepare shape = { .height = H, .width = W, .channels = 3 };
static const ampi_augmentation both = { .pad = PAD, .flip = AMPI_FLIP_HALF };
static const ampi_augmentation crop = { .pad = PAD };

/* The picture shifted by (dx, dy) with a black border, mirrored or not: written out longhand. */
static void shifted(const uint8_t *in, int dx, int dy, bool mirror, uint8_t *out)
{
    for (int y = 0; y < (int)H; y++)
        for (int x = 0; x < (int)W; x++)
            for (int c = 0; c < 3; c++) {
                const int sx = (mirror ? (int)W - 1 - x : x) + dx, sy = y + dy;
                const bool inside = sx >= 0 && sx < (int)W && sy >= 0 && sy < (int)H;

                *out++ = inside ? in[(sy * (int)W + sx) * 3 + c] : 0;
            }
}

static int which(const uint8_t *in, const uint8_t *got)
{
    uint8_t want[W * H * 3];

    for (int i = 0; i < (int)(SHIFTS * SHIFTS * 2); i++) {
        shifted(in, i / 2 % (int)SHIFTS - (int)PAD, i / 2 / (int)SHIFTS - (int)PAD, i % 2 == 1,
                want);
        if (memcmp(want, got, sizeof want) == 0)
            return i;
    }
    ck_abort_msg("the result is no shift of the picture");
}

/* 50 outcomes, 400 draws of each expected; 6 sigma is about 120. */
START_TEST(outcomes_are_even)
{
    uint8_t *in = picture_make(W, H, 3);
    uint8_t out[W * H * 3];
    int count[SHIFTS * SHIFTS * 2] = { 0 };

    for (uint32_t i = 0; i < 20000; i++) {
        ampi_rng rng = ampi_rng_make(7, AMPI_RNG_CROP, 0, i);

        ampi_augment_crop_flip(&rng, &shape, in, &both, out);
        count[which(in, out)]++;
    }
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++) {
        ck_assert_int_ge(count[i], 280);
        ck_assert_int_le(count[i], 520);
    }
    free(in);
}
END_TEST

START_TEST(no_flip_unless_asked)
{
    uint8_t *in = picture_make(W, H, 3);
    uint8_t out[W * H * 3];

    for (uint32_t i = 0; i < 500; i++) {
        ampi_rng rng = ampi_rng_make(7, AMPI_RNG_CROP, 1, i);

        ampi_augment_crop_flip(&rng, &shape, in, &crop, out);
        ck_assert_int_eq(which(in, out) % 2, 0);
    }
    free(in);
}
END_TEST

START_TEST(nothing_asked_nothing_done)
{
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        const ampi_prepare p = { .height = H, .width = W, .channels = channels };
        uint8_t *in = picture_make(W, H, channels);
        uint8_t out[W * H * 3];
        ampi_rng rng = ampi_rng_make(1, AMPI_RNG_CROP, 0, 0);

        ampi_augment_crop_flip(&rng, &p, in, &(ampi_augmentation){ 0 }, out);
        ck_assert_mem_eq(in, out, (size_t)W * H * channels);
        free(in);
    }
}
END_TEST

START_TEST(same_key_same_result)
{
    uint8_t *in = picture_make(W, H, 3);
    uint8_t a[W * H * 3], b[W * H * 3];

    for (uint32_t i = 0; i < 20; i++) {
        ampi_rng first = ampi_rng_make(3, AMPI_RNG_CROP, 5, i);
        ampi_rng second = ampi_rng_make(3, AMPI_RNG_CROP, 5, i);

        ampi_augment_crop_flip(&first, &shape, in, &both, a);
        ampi_augment_crop_flip(&second, &shape, in, &both, b);
        ck_assert_mem_eq(a, b, sizeof a);
    }
    free(in);
}
END_TEST

/* numpy.pad(..., mode="reflect") of a row is 2 1 0 1 2 ... 2 1: each index below is one of it. */
START_TEST(a_border_may_mirror_the_picture)
{
    static const int columns[W + 2 * PAD] = { 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 7, 6 };
    static const int rows[H + 2 * PAD] = { 2, 1, 0, 1, 2, 3, 4, 5, 4, 3 };
    const ampi_augmentation how = { .pad = PAD, .reflect = true };
    uint8_t *in = picture_make(W, H, 3);
    unsigned seen[SHIFTS * SHIFTS] = { 0 };

    for (uint32_t i = 0; i < 500; i++) {
        ampi_rng rng = ampi_rng_make(7, AMPI_RNG_CROP, 2, i), again = rng;
        uint8_t out[W * H * 3];
        const uint32_t top = ampi_rng_below(&again, SHIFTS), left = ampi_rng_below(&again, SHIFTS);
        ampi_augment_crop_flip(&rng, &shape, in, &how, out);
        seen[top * SHIFTS + left]++;
        for (uint32_t y = 0; y < H; y++)
            for (uint32_t x = 0; x < W; x++)
                ck_assert_mem_eq(out + (y * W + x) * 3,
                                 in + (rows[top + y] * (int)W + columns[left + x]) * 3, 3);
    }
    for (uint32_t i = 0; i < SHIFTS * SHIFTS; i++)
        ck_assert_uint_gt(seen[i], 0);
    free(in);
}
END_TEST

START_TEST(a_flip_may_be_certain)
{
    const ampi_augmentation how = { .pad = PAD, .flip = AMPI_FLIP_ALWAYS };
    uint8_t *in = picture_make(W, H, 3);
    uint8_t out[W * H * 3];

    for (uint32_t i = 0; i < 200; i++) {
        ampi_rng rng = ampi_rng_make(7, AMPI_RNG_CROP, 3, i);
        ampi_augment_crop_flip(&rng, &shape, in, &how, out);
        ck_assert_int_eq(which(in, out) % 2, 1);
    }
    free(in);
}
END_TEST

/* Everything is border when the padding exceeds the picture and the shift is large. */
START_TEST(padding_larger_than_the_picture)
{
    const ampi_prepare p = { .height = 1, .width = 1, .channels = 3 };
    uint8_t in[3] = { 9, 8, 7 }, out[3];
    int kept = 0;

    for (uint32_t i = 0; i < 2500; i++) {
        ampi_rng rng = ampi_rng_make(3, AMPI_RNG_CROP, 6, i);

        ampi_augment_crop_flip(&rng, &p, in, &both, out);
        ck_assert(memcmp(out, in, 3) == 0 || (out[0] == 0 && out[1] == 0 && out[2] == 0));
        kept += out[0] != 0;
    }
    ck_assert_int_ge(kept, 50); /* 1 of 25: 100 expected */
    ck_assert_int_le(kept, 150);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { outcomes_are_even,
                                   no_flip_unless_asked,
                                   nothing_asked_nothing_done,
                                   same_key_same_result,
                                   a_border_may_mirror_the_picture,
                                   a_flip_may_be_certain,
                                   padding_larger_than_the_picture,
                                   NULL };
    return test_suite("image.augment", tests);
}

TEST_MAIN(suite)
