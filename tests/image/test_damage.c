/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_damage.c - files cut short anywhere, and files with bytes overwritten.
 *
 * Each attempt runs on counted memory, so a leak shows without a sanitizer too.
 */
#include "encode.h"
#include "image/image_internal.h"
#include "support.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

#define FILES 6
#define DAMAGES 400

typedef struct file_bytes {
    uint8_t *at;
    size_t size;
} file_bytes;

static void make_files(file_bytes files[FILES])
{
    const jpeg_recipe jpegs[3] = {
        { .width = 19, .height = 13, .components = 3 },
        { .width = 17, .height = 9, .components = 3, .progressive = true },
        { .width = 9, .height = 9, .components = 4 }
    };
    const png_recipe pngs[3] = {
        { .width = 19, .height = 13, .color_type = PNG_COLOR_TYPE_RGB, .bit_depth = 8 },
        { .width = 15,
          .height = 9,
          .color_type = PNG_COLOR_TYPE_PALETTE,
          .bit_depth = 4,
          .interlaced = true,
          .transparent = true },
        { .width = 7, .height = 9, .color_type = PNG_COLOR_TYPE_GRAY_ALPHA, .bit_depth = 16 }
    };

    for (int i = 0; i < 3; i++) {
        files[i].at = encode_jpeg(&jpegs[i], &files[i].size);
        files[3 + i].at = encode_png(&pngs[i], &files[3 + i].size);
    }
}

static void free_files(file_bytes files[FILES])
{
    for (int i = 0; i < FILES; i++)
        free(files[i].at);
}

/* An exact copy, so that a sanitizer sees a read past the end. */
static amp_status try_decode(const uint8_t *bytes, size_t size, int32_t alpha, amp_error *error)
{
    test_memory memory = { 0 };
    amp_context *context = test_context(&memory);
    uint8_t *copy = malloc(size ? size : 1);
    amp_image_options options;
    amp_image *image;
    amp_status status;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    amp_image_options_init(&options, sizeof options);
    options.alpha = alpha;
    options.max_pixels = 1 << 20;
    status = amp_image_decode(&image, context, copy, size, &options, error);
    ck_assert((status == AMP_OK) == (image != NULL));
    amp_image_free(image);
    amp_context_unref(context);
    ck_assert_uint_eq(memory.live, 0);
    free(copy);
    return status;
}

START_TEST(every_prefix_is_refused)
{
    file_bytes files[FILES];
    amp_error error;

    make_files(files);
    for (int i = 0; i < FILES; i++) {
        for (size_t size = 0; size < files[i].size; size++) {
            const amp_status status = try_decode(files[i].at, size, AMP_ALPHA_DROP, &error);

            ck_assert_msg(status == AMP_E_FORMAT || status == AMP_E_UNSUPPORTED,
                          "file %d cut to %zu of %zu bytes: status %d", i, size, files[i].size,
                          (int)status);
            ck_assert_int_eq(error.status, status);
            ck_assert_str_ne(error.message, "");
        }
        ck_ok(try_decode(files[i].at, files[i].size, AMP_ALPHA_DROP, &error), &error);
    }
    free_files(files);
}
END_TEST

/* Damage may leave a valid file; else there must be a status that says what kind of fault it is. */
START_TEST(random_damage)
{
    file_bytes files[FILES];
    int refused = 0;

    make_files(files);
    for (int i = 0; i < FILES; i++)
        for (uint32_t n = 0; n < DAMAGES; n++) {
            ampi_rng rng = ampi_rng_make(11, AMPI_RNG_TEST, (uint64_t)i, n);
            uint8_t *bytes = malloc(files[i].size);
            const uint32_t changes = 1 + ampi_rng_below(&rng, 8);
            amp_error error = { 0 };
            amp_status status;

            ck_assert_ptr_nonnull(bytes);
            memcpy(bytes, files[i].at, files[i].size);
            for (uint32_t c = 0; c < changes; c++)
                bytes[ampi_rng_below(&rng, (uint32_t)files[i].size)] = (uint8_t)ampi_rng_u32(&rng);
            status = try_decode(bytes, files[i].size, (int32_t)(n % 2), &error);
            ck_assert_msg(status == AMP_OK || status == AMP_E_FORMAT || status == AMP_E_LIMIT ||
                              status == AMP_E_UNSUPPORTED,
                          "file %d, damage %u: status %d: %s", i, n, (int)status, error.message);
            ck_assert((status == AMP_OK) == (error.message[0] == '\0'));
            refused += status != AMP_OK;
            free(bytes);
        }
    /* PNG has checksums, so nearly all damage of the three PNG files must be seen. */
    ck_assert_int_ge(refused, 3 * DAMAGES * 9 / 10);
    free_files(files);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { every_prefix_is_refused, random_damage, NULL };
    return test_suite("image.damage", tests);
}

TEST_MAIN(suite)
