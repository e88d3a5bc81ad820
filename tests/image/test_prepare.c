/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_prepare.c - the preparation: its text form, its geometry, its arithmetic.
 */
#include "image/image_internal.h"
#include "picture.h"
#include "support.h"
#include <stdlib.h>
#include <string.h>

static amp_error error;

static amp_status pixels_of(const ampi_prepare *p, const uint8_t *rgb, uint32_t width,
                            uint32_t height, uint8_t *out)
{
    const ampi_raster raster = { rgb, width, height, (size_t)width * 3 };

    return ampi_prepare_pixels(NULL, p, &raster, out, &error);
}

static ampi_prepare parse(const char *text)
{
    ampi_prepare prepare;

    ck_ok(ampi_prepare_parse(&prepare, text, &error), &error);
    return prepare;
}

START_TEST(text_round_trip)
{
    static const char *const texts[] = {
        "height=32,width=32,channels=3,fit=crop,shorter=0,filter=bilinear,"
        "mean=0.4914:0.4822:0.4465,std=0.247:0.2435:0.2616",
        "height=28,width=28,channels=1,fit=stretch,shorter=0,filter=lanczos,mean=0.1307,std=0.3081",
        "height=224,width=200,channels=3,fit=crop,shorter=256,filter=bicubic,"
        "mean=0.485:0.456:0.406,std=0.229:0.224:0.225",
    };
    char out[400];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const ampi_prepare prepare = parse(texts[i]);

        ck_assert_uint_eq(ampi_prepare_format(&prepare, out, sizeof out), strlen(texts[i]));
        ck_assert_str_eq(out, texts[i]);
    }
}
END_TEST

/* What is written reads back to the same floats, whatever they are. */
START_TEST(floats_survive)
{
    ampi_rng rng = ampi_rng_make(1, AMPI_RNG_TEST, 0, 0);
    ampi_prepare a = parse("channels=3");
    char out[400];

    for (int i = 0; i < 200; i++) {
        ampi_prepare b;

        for (int c = 0; c < 3; c++) {
            a.mean[c] = ampi_rng_float(&rng) - 0.5f;
            a.std[c] = 1e-3f + ampi_rng_float(&rng);
        }
        (void)ampi_prepare_format(&a, out, sizeof out);
        b = parse(out);
        ck_assert_mem_eq(a.mean, b.mean, sizeof a.mean);
        ck_assert_mem_eq(a.std, b.std, sizeof a.std);
    }
}
END_TEST

START_TEST(one_number_is_for_all)
{
    const ampi_prepare a = parse("mean=0.5,std=0.25");

    for (int c = 0; c < 3; c++) {
        ck_assert(a.mean[c] == 0.5f);
        ck_assert(a.std[c] == 0.25f);
    }
}
END_TEST

START_TEST(bad_texts)
{
    static const char *const texts[] = {
        "height=0",
        "height=9000",
        "channels=2",
        "channels=4",
        "fit=pad",
        "filter=cubic",
        "mean=a",
        "mean=",
        "mean=1:2",
        "mean=1:2:3:4",
        "mean=nan",
        "mean=1:inf:2",
        "std=0",
        "std=-1",
        "std=1:0:1",
        "shorter=31",
        "hieght=3",
        "mean=1::2",
        "channels=1,std=1:2",
        "x",
        "std=1:1:1:",
        "shorter=8193",
        "height=3.5",
        "mean=:",
        "width=-1",
    };
    ampi_prepare out;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        ck_fails(ampi_prepare_parse(&out, texts[i], &error), AMP_E_ARGUMENT, &error);
}
END_TEST

/* (v / 255 - mean) / std, all in float. */
START_TEST(normalise_is_float_arithmetic)
{
    const ampi_prepare p =
        parse("height=5,width=7,mean=0.4914:0.4822:0.4465,std=0.247:0.2435:0.2616");
    uint8_t *pixels = picture_make(7, 5, 3);
    float out[3 * 5 * 7];

    ampi_prepare_normalise(&p, pixels, out);
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t i = 0; i < 35; i++) {
            const float scaled = (float)pixels[i * 3 + c] / 255.0f;
            const float centred = scaled - p.mean[c];

            ck_assert(out[c * 35 + i] == centred / p.std[c]);
        }
    free(pixels);
}
END_TEST

/* Size, then the centre of the scaled picture: the same as both steps by the public calls. */
static void check_crop(uint32_t width, uint32_t height, uint32_t scaled_w, uint32_t scaled_h)
{
    const ampi_prepare p = parse("height=24,width=20,shorter=30,filter=bicubic");
    uint8_t *pixels = picture_make(width, height, 3);
    uint8_t out[24 * 20 * 3];
    amp_image *image, *scaled, *centre;

    ck_ok(pixels_of(&p, pixels, width, height, out), &error);
    ck_ok(amp_image_from_rgb8(&image, NULL, pixels, width, height, (size_t)width * 3, &error),
          &error);
    ck_ok(amp_image_resize(&scaled, image, scaled_w, scaled_h, AMP_FILTER_BICUBIC, &error), &error);
    ck_ok(amp_image_crop_center(&centre, scaled, 20, 24, &error), &error);
    ck_assert_mem_eq(out, amp_image_rgb8(centre, NULL), sizeof out);
    amp_image_free(image);
    amp_image_free(scaled);
    amp_image_free(centre);
    free(pixels);
}

START_TEST(crop_geometry)
{
    check_crop(61, 48, 38, 30); /* 30 * 61 / 48 = 38.1 */
    check_crop(48, 61, 30, 38);
    check_crop(50, 50, 30, 30);
    check_crop(10, 17, 30, 51);
    check_crop(30, 30, 30, 30);
    check_crop(1, 9, 30, 270);
    check_crop(59, 31, 57, 30); /* 30 * 59 / 31 = 57.097: cut, not rounded */
    check_crop(47, 25, 56, 30); /* 56.4 */
    check_crop(43, 22, 58, 30); /* 58.6: cut to 58 */
}
END_TEST

START_TEST(stretch_geometry)
{
    const ampi_prepare p = parse("height=24,width=20,fit=stretch,filter=box");
    uint8_t *pixels = picture_make(61, 48, 3);
    uint8_t out[24 * 20 * 3];
    amp_image *image, *scaled;

    ck_ok(pixels_of(&p, pixels, 61, 48, out), &error);
    ck_ok(amp_image_from_rgb8(&image, NULL, pixels, 61, 48, 183, &error), &error);
    ck_ok(amp_image_resize(&scaled, image, 20, 24, AMP_FILTER_BOX, &error), &error);
    ck_assert_mem_eq(out, amp_image_rgb8(scaled, NULL), sizeof out);
    amp_image_free(image);
    amp_image_free(scaled);
    free(pixels);
}
END_TEST

/* A long thin picture needs neither its whole scaled size nor its whole width. */
START_TEST(thin_picture)
{
    const ampi_prepare p = parse("height=32,width=32,filter=box");
    const uint32_t width = 1000000;
    uint8_t *pixels = picture_make(width, 1, 3);
    uint8_t out[32 * 32 * 3];

    ck_ok(pixels_of(&p, pixels, width, 1, out), &error);
    /* Scaled to 32,000,000 x 32: the middle column is within pixel 500,000. */
    ck_assert_mem_eq(out + (16 * 32 + 16) * 3, pixels + (size_t)500000 * 3, 3);
    free(pixels);
}
END_TEST

START_TEST(grey_is_pillows_l)
{
    const ampi_prepare p = parse("height=4,width=4,channels=1,mean=0.5,std=0.5");
    static const uint8_t colours[16][3] = { { 0, 0, 0 },      { 255, 255, 255 }, { 255, 0, 0 },
                                            { 0, 255, 0 },    { 0, 0, 255 },     { 128, 128, 128 },
                                            { 1, 2, 3 },      { 250, 10, 90 },   { 17, 200, 3 },
                                            { 90, 90, 91 },   { 254, 255, 253 }, { 3, 3, 2 },
                                            { 60, 120, 240 }, { 77, 7, 177 },    { 5, 5, 5 },
                                            { 99, 98, 97 } };
    /* Image.convert("L") of Pillow 9.4. */
    static const uint8_t grey[16] = { 0,   255, 76,  150, 29,  128, 2, 91,
                                      123, 90,  254, 3,   116, 47,  5, 98 };
    uint8_t out[16];

    ck_ok(pixels_of(&p, colours[0], 4, 4, out), &error);
    ck_assert_mem_eq(out, grey, sizeof grey);
}
END_TEST

/* Rows may be padded. */
START_TEST(row_bytes_count)
{
    const ampi_prepare p = parse("height=3,width=2,fit=stretch");
    uint8_t in[3 * 10], out[18];
    const ampi_raster raster = { in, 2, 3, 10 };

    for (uint8_t i = 0; i < sizeof in; i++)
        in[i] = i;
    ck_ok(ampi_prepare_pixels(NULL, &p, &raster, out, &error), &error);
    for (uint8_t i = 0; i < sizeof out; i++)
        ck_assert_uint_eq(out[i], i / 6u * 10u + i % 6u);
}
END_TEST

static amp_status attempt(amp_context *context, void *user, amp_error *e)
{
    const ampi_prepare p = parse("height=8,width=8,channels=1");
    const ampi_raster raster = { user, 20, 30, 60 };
    uint8_t out[64];

    return ampi_prepare_pixels(context, &p, &raster, out, e);
}

START_TEST(out_of_memory)
{
    uint8_t *pixels = picture_make(20, 30, 3);

    test_out_of_memory(attempt, pixels);
    free(pixels);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { text_round_trip,
                                   floats_survive,
                                   one_number_is_for_all,
                                   bad_texts,
                                   normalise_is_float_arithmetic,
                                   crop_geometry,
                                   stretch_geometry,
                                   thin_picture,
                                   grey_is_pillows_l,
                                   row_bytes_count,
                                   out_of_memory,
                                   NULL };
    return test_suite("image.prepare", tests);
}

TEST_MAIN(suite)
