/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_image.c - the image handle: every call's good path and refusals.
 */
#include "encode.h"
#include "image/image_internal.h"
#include "picture.h"
#include "support.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

static amp_error error;

START_TEST(from_pixels_copies)
{
    uint8_t *pixels = picture_make(5, 4, 3);
    uint8_t padded[4 * 20];
    amp_image *image;
    size_t row_bytes = 0;

    memset(padded, 99, sizeof padded);
    for (size_t y = 0; y < 4; y++)
        memcpy(padded + y * 20, pixels + y * 15, 15);
    ck_ok(amp_image_from_rgb8(&image, NULL, padded, 5, 4, 20, &error), &error);
    memset(padded, 0, sizeof padded);
    ck_assert_uint_eq(amp_image_width(image), 5);
    ck_assert_uint_eq(amp_image_height(image), 4);
    for (size_t y = 0; y < 4; y++)
        ck_assert_mem_eq(amp_image_rgb8(image, &row_bytes) + y * row_bytes, pixels + y * 15, 15);
    amp_image_free(image);
    free(pixels);
}
END_TEST

START_TEST(null_is_harmless)
{
    size_t row_bytes = 7;

    amp_image_free(NULL);
    ck_assert_uint_eq(amp_image_width(NULL), 0);
    ck_assert_uint_eq(amp_image_height(NULL), 0);
    ck_assert_ptr_null(amp_image_rgb8(NULL, &row_bytes));
    ck_assert_uint_eq(row_bytes, 0);
    amp_image_options_init(NULL, 40);
}
END_TEST

START_TEST(bad_arguments)
{
    const uint8_t pixels[12] = { 0 };
    amp_image *image = NULL, *out;

    ck_fails(amp_image_from_rgb8(NULL, NULL, pixels, 2, 2, 6, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_from_rgb8(&out, NULL, NULL, 2, 2, 6, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_from_rgb8(&out, NULL, pixels, 0, 2, 6, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_from_rgb8(&out, NULL, pixels, 2, 0, 6, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_from_rgb8(&out, NULL, pixels, 2, 2, 5, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(out);
    ck_ok(amp_image_from_rgb8(&image, NULL, pixels, 2, 2, 6, &error), &error);
    ck_fails(amp_image_resize(NULL, image, 1, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_resize(&out, NULL, 1, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_resize(&out, image, 0, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_resize(&out, image, 1, 1, 6, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_resize(&out, image, 1, 1, -1, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_crop_center(NULL, image, 1, 1, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_crop_center(&out, NULL, 1, 1, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_crop_center(&out, image, 3, 1, &error), AMP_E_SHAPE, &error);
    ck_fails(amp_image_crop_center(&out, image, 1, 3, &error), AMP_E_SHAPE, &error);
    ck_fails(amp_image_crop_center(&out, image, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(out);
    /* The error is optional. */
    ck_assert_int_eq(amp_image_crop_center(&out, image, 3, 1, NULL), AMP_E_SHAPE);
    amp_image_free(image);
}
END_TEST

START_TEST(bad_decode_arguments)
{
    amp_image *out;

    ck_fails(amp_image_open(NULL, NULL, "x", NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_open(&out, NULL, NULL, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_open(&out, NULL, test_scratch_path("absent.png"), NULL, &error), AMP_E_IO,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "absent.png"));
    ck_fails(amp_image_open(&out, NULL, test_scratch(), NULL, &error), AMP_E_IO, &error);
    ck_fails(amp_image_decode(NULL, NULL, "x", 1, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_decode(&out, NULL, NULL, 1, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_image_decode(&out, NULL, "", 0, NULL, &error), AMP_E_FORMAT, &error);
    ck_fails(amp_image_decode(&out, NULL, "abcdef", 6, NULL, &error), AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "61 62 63 64"));
    ck_assert_ptr_null(out);
}
END_TEST

START_TEST(limits)
{
    const uint8_t pixel[3] = { 0 };
    amp_image *image, *out;

    ck_ok(amp_image_from_rgb8(&image, NULL, pixel, 1, 1, 3, &error), &error);
    ck_fails(amp_image_resize(&out, image, 1u << 14, (1u << 12) + 1, AMP_FILTER_BOX, &error),
             AMP_E_LIMIT, &error);
    ck_fails(amp_image_resize(&out, image, UINT32_MAX, UINT32_MAX, AMP_FILTER_BOX, &error),
             AMP_E_LIMIT, &error);
    ck_fails(amp_image_from_rgb8(&out, NULL, pixel, 1u << 14, 1u << 13, 3u << 14, &error),
             AMP_E_LIMIT, &error);
    amp_image_free(image);
}
END_TEST

START_TEST(options_grow)
{
    struct {
        amp_image_options known;
        uint64_t later;
    } longer;
    amp_image_options options;
    const png_recipe recipe = {
        .width = 3, .height = 2, .color_type = PNG_COLOR_TYPE_RGB, .bit_depth = 8
    };
    size_t size;
    uint8_t *file = encode_png(&recipe, &size);
    amp_image *image;

    amp_image_options_init(&options, sizeof options);
    ck_assert_uint_eq(options.struct_size, sizeof options);
    ck_assert_uint_eq(options.max_pixels, 1u << 26);
    ck_assert_uint_eq(options.max_bytes, 256u << 20);
    ck_assert_uint_eq(options.max_scans, 100);
    ck_assert_int_eq(options.alpha, AMP_ALPHA_DROP);
    amp_image_options_init(&longer.known, sizeof longer);
    ck_assert_uint_eq(longer.later, 0);
    ck_ok(amp_image_decode(&image, NULL, file, size, &longer.known, &error), &error);
    amp_image_free(image);
    longer.later = 1;
    ck_fails(amp_image_decode(&image, NULL, file, size, &longer.known, &error), AMP_E_UNSUPPORTED,
             &error);
    /* A caller compiled before max_scans was there. */
    options.struct_size = offsetof(amp_image_options, max_scans);
    options.max_scans = 0;
    ck_ok(amp_image_decode(&image, NULL, file, size, &options, &error), &error);
    amp_image_free(image);
    free(file);
}
END_TEST

START_TEST(options_are_checked)
{
    amp_image_options options[5];
    amp_image *image;

    for (size_t i = 0; i < 5; i++)
        amp_image_options_init(&options[i], sizeof options[i]);
    options[0].max_pixels = 0;
    options[1].max_bytes = 0;
    options[2].max_scans = 0;
    options[3].alpha = 2;
    options[4].max_bytes = UINT64_MAX;
    for (size_t i = 0; i < 5; i++)
        ck_fails(amp_image_decode(&image, NULL, "x", 1, &options[i], &error), AMP_E_ARGUMENT,
                 &error);
}
END_TEST

START_TEST(crop_is_the_centre)
{
    uint8_t *pixels = picture_make(9, 7, 3);
    amp_image *image, *out;

    ck_ok(amp_image_from_rgb8(&image, NULL, pixels, 9, 7, 27, &error), &error);
    ck_ok(amp_image_crop_center(&out, image, 4, 2, &error), &error); /* rests 5 and 5: offset 2 */
    ck_assert_mem_eq(amp_image_rgb8(out, NULL), pixels + (2 * 9 + 2) * 3, 12);
    ck_assert_mem_eq(amp_image_rgb8(out, NULL) + 12, pixels + (3 * 9 + 2) * 3, 12);
    amp_image_free(out);
    amp_image_free(image);
    free(pixels);
}
END_TEST

/* An image outlives the caller's reference to the context. */
START_TEST(image_keeps_its_context)
{
    test_memory memory = { 0 };
    amp_context *context = test_context(&memory);
    uint8_t *pixels = picture_make(9, 7, 3);
    amp_image *image, *out;

    ck_ok(amp_image_from_rgb8(&image, context, pixels, 9, 7, 27, &error), &error);
    amp_context_unref(context);
    ck_ok(amp_image_resize(&out, image, 3, 3, AMP_FILTER_BICUBIC, &error), &error);
    amp_image_free(image);
    ck_assert_mem_ne(amp_image_rgb8(out, NULL), pixels, 27);
    amp_image_free(out);
    ck_assert_uint_eq(memory.live, 0);
    free(pixels);
}
END_TEST

static amp_status attempt(amp_context *context, void *user, amp_error *e)
{
    amp_image *image = NULL, *small = NULL, *centre = NULL;
    amp_status status = amp_image_from_rgb8(&image, context, user, 9, 7, 27, e);

    if (status == AMP_OK)
        status = amp_image_resize(&small, image, 5, 5, AMP_FILTER_LANCZOS, e);
    if (status == AMP_OK)
        status = amp_image_crop_center(&centre, small, 3, 3, e);
    amp_image_free(image);
    amp_image_free(small);
    amp_image_free(centre);
    return status;
}

START_TEST(out_of_memory)
{
    uint8_t *pixels = picture_make(9, 7, 3);

    test_out_of_memory(attempt, pixels);
    free(pixels);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { from_pixels_copies,
                                   null_is_harmless,
                                   bad_arguments,
                                   bad_decode_arguments,
                                   limits,
                                   options_grow,
                                   options_are_checked,
                                   crop_is_the_centre,
                                   image_keeps_its_context,
                                   out_of_memory,
                                   NULL };
    return test_suite("image.image", tests);
}

TEST_MAIN(suite)
