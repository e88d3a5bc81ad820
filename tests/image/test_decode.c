/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_decode.c - JPEG and PNG of every kind that the libraries can write, made here.
 *
 * PNG pixels must be exact.  test_corpus.py compares real and odd files with Pillow.
 */
#include "encode.h"
#include "image/decode.h"
#include "picture.h"
#include "support.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

static amp_error error;

static amp_image *decode(const uint8_t *file, size_t size, const amp_image_options *options)
{
    amp_image *image;

    ck_ok(amp_image_decode(&image, NULL, file, size, options, &error), &error);
    return image;
}

static amp_image_options options_of(void)
{
    amp_image_options options;

    amp_image_options_init(&options, sizeof options);
    return options;
}

/* ---- PNG ---- */

static uint8_t blend(uint32_t value, uint32_t alpha, uint32_t background)
{
    return (uint8_t)((alpha * value + (255 - alpha) * background + 127) / 255);
}

/* R, G, B and alpha that a PNG of the recipe shows at (x, y), 8 bits each. */
static void expected(const png_recipe *r, uint32_t x, uint32_t y, uint8_t out[4])
{
    const uint32_t top = (1u << r->bit_depth) - 1;
    uint32_t sample[4];
    bool clear = r->transparent;

    for (uint32_t c = 0; c < encode_png_channels(r); c++) {
        sample[c] = encode_png_sample(r, x, y, c);
        clear = clear && sample[c] == 0;
        sample[c] = r->bit_depth == 16                        ? sample[c] >> 8
                    : r->color_type == PNG_COLOR_TYPE_PALETTE ? sample[c]
                                                              : sample[c] * 255 / top;
    }
    out[3] = clear ? 0 : 255;
    if (r->color_type == PNG_COLOR_TYPE_PALETTE) {
        out[0] = (uint8_t)(sample[0] * 3);
        out[1] = (uint8_t)(255 - sample[0]);
        out[2] = (uint8_t)(sample[0] ^ 0x55);
        out[3] = r->transparent ? (uint8_t)(sample[0] * 40) : 255;
        return;
    }
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)sample[r->color_type & PNG_COLOR_MASK_COLOR ? c : 0];
    if (r->color_type & PNG_COLOR_MASK_ALPHA)
        out[3] = (uint8_t)sample[encode_png_channels(r) - 1];
}

static void check_png(const png_recipe *r, const amp_image_options *options)
{
    size_t size;
    uint8_t *file = encode_png(r, &size);
    amp_image *image = decode(file, size, options);
    const uint8_t *got = amp_image_rgb8(image, NULL);

    ck_assert_uint_eq(amp_image_width(image), r->width);
    ck_assert_uint_eq(amp_image_height(image), r->height);
    for (uint32_t y = 0; y < r->height; y++)
        for (uint32_t x = 0; x < r->width; x++) {
            uint8_t want[4];

            expected(r, x, y, want);
            for (int c = 0; c < 3; c++, got++) {
                const uint8_t value = options->alpha == AMP_ALPHA_DROP
                                          ? want[c]
                                          : blend(want[c], want[3], options->background[c]);

                ck_assert_msg(*got == value, "type %d depth %d at %u,%u,%d: %u, wanted %u",
                              r->color_type, r->bit_depth, x, y, c, *got, value);
            }
        }
    amp_image_free(image);
    free(file);
}

static const struct {
    int color_type, bit_depth;
} kinds[] = {
    { PNG_COLOR_TYPE_GRAY, 1 },        { PNG_COLOR_TYPE_GRAY, 2 },
    { PNG_COLOR_TYPE_GRAY, 4 },        { PNG_COLOR_TYPE_GRAY, 8 },
    { PNG_COLOR_TYPE_GRAY, 16 },       { PNG_COLOR_TYPE_PALETTE, 1 },
    { PNG_COLOR_TYPE_PALETTE, 2 },     { PNG_COLOR_TYPE_PALETTE, 4 },
    { PNG_COLOR_TYPE_PALETTE, 8 },     { PNG_COLOR_TYPE_RGB, 8 },
    { PNG_COLOR_TYPE_RGB, 16 },        { PNG_COLOR_TYPE_GRAY_ALPHA, 8 },
    { PNG_COLOR_TYPE_GRAY_ALPHA, 16 }, { PNG_COLOR_TYPE_RGB_ALPHA, 8 },
    { PNG_COLOR_TYPE_RGB_ALPHA, 16 },
};

/* All kinds, with and without interlace and tRNS, alpha dropped and over a colour. */
START_TEST(png_kinds)
{
    amp_image_options options = options_of();

    options.background[0] = 200;
    options.background[1] = 100;
    options.background[2] = 7;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (int variant = 0; variant < 8; variant++) {
            const bool own_alpha = kinds[k].color_type & PNG_COLOR_MASK_ALPHA;
            const png_recipe recipe = { .width = 23,
                                        .height = 11,
                                        .color_type = kinds[k].color_type,
                                        .bit_depth = kinds[k].bit_depth,
                                        .interlaced = variant & 1,
                                        .transparent = (variant & 2) && !own_alpha };

            options.alpha = variant & 4 ? AMP_ALPHA_COMPOSITE : AMP_ALPHA_DROP;
            check_png(&recipe, &options);
        }
}
END_TEST

START_TEST(png_small_sides)
{
    const amp_image_options options = options_of();

    for (uint32_t width = 1; width <= 9; width++)
        for (uint32_t height = 1; height <= 9; height++)
            for (int interlaced = 0; interlaced < 2; interlaced++) {
                const png_recipe recipe = { .width = width,
                                            .height = height,
                                            .color_type = PNG_COLOR_TYPE_RGB,
                                            .bit_depth = 8,
                                            .interlaced = interlaced };

                check_png(&recipe, &options);
            }
}
END_TEST

START_TEST(apple_png_is_refused)
{
    static const uint8_t head[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,
                                    0,    4,   'C', 'g', 'B',  'I',  0x50, 0,    0x20, 2 };
    amp_image *image;

    ck_fails(amp_image_decode(&image, NULL, head, sizeof head, NULL, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "CgBI"));
}
END_TEST

/* ---- JPEG ---- */

/* Quality 100 without subsampling stays within a few levels of the picture. */
static void check_jpeg(int components, bool progressive)
{
    const jpeg_recipe recipe = {
        .width = 37, .height = 19, .components = components, .progressive = progressive
    };
    size_t size;
    uint8_t *file = encode_jpeg(&recipe, &size);
    amp_image *image = decode(file, size, NULL);
    const uint8_t *got = amp_image_rgb8(image, NULL);

    ck_assert_uint_eq(amp_image_width(image), 37);
    ck_assert_uint_eq(amp_image_height(image), 19);
    for (uint32_t y = 0; y < 19; y++)
        for (uint32_t x = 0; x < 37; x++)
            for (uint32_t c = 0; c < 3; c++, got++) {
                const int stored = picture_sample(x, y, components == 1 ? 0 : c);
                const int black = picture_sample(x, y, 3);
                const int want = components == 4 ? (stored * black + 127) / 255 : stored;

                ck_assert_int_le(abs(*got - want), 8);
            }
    amp_image_free(image);
    free(file);
}

START_TEST(jpeg_kinds)
{
    for (int components = 1; components <= 4; components++) {
        if (components == 2)
            continue;
        check_jpeg(components, false);
        check_jpeg(components, true);
    }
}
END_TEST

/* ---- EXIF ---- */

START_TEST(exif_block)
{
    uint8_t tiff[ENCODE_TIFF_BYTES];

    for (uint32_t value = 0; value <= 10; value++)
        for (int little = 0; little < 2; little++) {
            encode_tiff(tiff, little, value);
            ck_assert_uint_eq(ampi_exif_orientation(tiff, sizeof tiff),
                              value >= 1 && value <= 8 ? value : 1);
            for (size_t size = 0; size < 32; size++)
                ck_assert_uint_eq(ampi_exif_orientation(tiff, size), 1);
        }
    encode_tiff(tiff, true, 6);
    tiff[24] = 4; /* LONG */
    ck_assert_uint_eq(ampi_exif_orientation(tiff, sizeof tiff), 6);
    tiff[24] = 1; /* BYTE */
    ck_assert_uint_eq(ampi_exif_orientation(tiff, sizeof tiff), 6);
    tiff[24] = 2; /* text */
    ck_assert_uint_eq(ampi_exif_orientation(tiff, sizeof tiff), 1);
    encode_tiff(tiff, true, 6);
    memset(tiff + 4, 0xff, 4); /* directory far outside */
    ck_assert_uint_eq(ampi_exif_orientation(tiff, sizeof tiff), 1);
    encode_tiff(tiff, false, 6);
    memset(tiff + 8, 0xff, 2); /* 65535 entries: the orientation is still among the first */
    ck_assert_uint_eq(ampi_exif_orientation(tiff, sizeof tiff), 6);
}
END_TEST

/* Where stored pixel (x, y) of a w x h picture stands, by the definition of EXIF 2.3, 4.6.4 A. */
static void upright(uint32_t orientation, uint32_t w, uint32_t h, uint32_t x, uint32_t y,
                    uint32_t *column, uint32_t *row)
{
    const uint32_t right = w - 1 - x, below = h - 1 - y;
    const uint32_t columns[] = { 0, x, right, right, x, y, below, below, y };
    const uint32_t rows[] = { 0, y, y, below, below, x, x, right, right };

    *column = columns[orientation];
    *row = rows[orientation];
}

static void check_orientation(const uint8_t *file, size_t size, const uint8_t *stored, uint32_t o)
{
    const uint32_t w = 11, h = 7;
    amp_image *image = decode(file, size, NULL);
    const uint32_t width = amp_image_width(image);
    const uint8_t *got = amp_image_rgb8(image, NULL);

    ck_assert_uint_eq(width, o >= 5 ? h : w);
    ck_assert_uint_eq(amp_image_height(image), o >= 5 ? w : h);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            uint32_t column, row;

            upright(o, w, h, x, y, &column, &row);
            ck_assert_mem_eq(got + (row * width + column) * 3, stored + (y * w + x) * 3, 3);
        }
    amp_image_free(image);
}

START_TEST(orientations)
{
    uint8_t exif[6 + ENCODE_TIFF_BYTES] = "Exif";
    jpeg_recipe jpeg = { .width = 11, .height = 7, .components = 3 };
    png_recipe png = { .width = 11, .height = 7, .color_type = PNG_COLOR_TYPE_RGB, .bit_depth = 8 };
    size_t size;
    uint8_t *file = encode_jpeg(&jpeg, &size), *pixels = picture_make(11, 7, 3);
    amp_image *stored = decode(file, size, NULL);

    free(file);
    jpeg.exif = exif;
    jpeg.exif_size = sizeof exif;
    png.exif = exif + 6;
    png.exif_size = ENCODE_TIFF_BYTES;
    for (uint32_t o = 1; o <= 8; o++)
        for (int variant = 0; variant < 2; variant++) {
            encode_tiff(exif + 6, variant, o);
            png.interlaced = variant;
            file = encode_jpeg(&jpeg, &size);
            check_orientation(file, size, amp_image_rgb8(stored, NULL), o);
            free(file);
            file = encode_png(&png, &size);
            check_orientation(file, size, pixels, o);
            free(file);
        }
    amp_image_free(stored);
    free(pixels);
}
END_TEST

/* ---- limits ---- */

START_TEST(pixel_and_byte_limits)
{
    const jpeg_recipe jpeg = { .width = 40, .height = 30, .components = 3 };
    const png_recipe png = {
        .width = 40, .height = 30, .color_type = PNG_COLOR_TYPE_RGB, .bit_depth = 8
    };
    size_t sizes[2];
    uint8_t *files[2] = { encode_jpeg(&jpeg, &sizes[0]), encode_png(&png, &sizes[1]) };

    for (int i = 0; i < 2; i++) {
        amp_image_options options = options_of();
        amp_image *image;

        options.max_pixels = 1200;
        options.max_bytes = 3600;
        amp_image_free(decode(files[i], sizes[i], &options));
        options.max_pixels = 1199;
        ck_fails(amp_image_decode(&image, NULL, files[i], sizes[i], &options, &error), AMP_E_LIMIT,
                 &error);
        ck_assert_ptr_nonnull(strstr(error.message, "40 x 30"));
        ck_assert_ptr_nonnull(strstr(error.message, "1199"));
        options.max_pixels = 1200;
        options.max_bytes = 3599;
        ck_fails(amp_image_decode(&image, NULL, files[i], sizes[i], &options, &error), AMP_E_LIMIT,
                 &error);
        ck_assert_ptr_nonnull(strstr(error.message, "3599"));
        free(files[i]);
    }
}
END_TEST

START_TEST(scan_limit)
{
    const jpeg_recipe recipe = { .width = 40, .height = 30, .components = 3, .progressive = true };
    amp_image_options options = options_of();
    size_t size;
    uint8_t *file = encode_jpeg(&recipe, &size);
    amp_image *image;

    options.max_scans = 10; /* jpeg_simple_progression writes 10 for colour */
    amp_image_free(decode(file, size, &options));
    options.max_scans = 9;
    ck_fails(amp_image_decode(&image, NULL, file, size, &options, &error), AMP_E_LIMIT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "9 scans"));
    free(file);
}
END_TEST

/* What a decoder needs beside the pixels counts too: 1024 x 700 pixels are 2.15 MB, the
   coefficients of a progressive file 4.3 MB, the rows of an RGBA picture 2.9 MB. */
START_TEST(work_memory_limit)
{
    const jpeg_recipe jpeg = { .width = 1024, .height = 700, .components = 3, .progressive = true };
    const png_recipe png = {
        .width = 1024, .height = 700, .color_type = PNG_COLOR_TYPE_RGB_ALPHA, .bit_depth = 8
    };
    size_t sizes[2];
    uint8_t *files[2] = { encode_jpeg(&jpeg, &sizes[0]), encode_png(&png, &sizes[1]) };

    for (int i = 0; i < 2; i++) {
        amp_image_options options = options_of();
        amp_image *image;

        options.alpha = AMP_ALPHA_COMPOSITE;
        options.max_bytes = 1024 * 700 * 3;
        ck_fails(amp_image_decode(&image, NULL, files[i], sizes[i], &options, &error), AMP_E_LIMIT,
                 &error);
        options.max_bytes = 1024 * 700 * 9;
        amp_image_free(decode(files[i], sizes[i], &options));
        free(files[i]);
    }
}
END_TEST

/* Rows of a picture 40 million pixels wide would take libpng 640 MB. */
START_TEST(row_memory_limit)
{
    static const uint8_t head[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,
                                    0,    13,  'I', 'H', 'D',  'R',  0x02, 0x62, 0x5a, 0x00,
                                    0,    0,   0,   1,   16,   6,    0,    0,    0 };
    static const uint8_t data[] = { 0, 0, 0, 0, 'I', 'D', 'A', 'T', 0x35, 0xaf, 0x06, 0x1e };
    uint8_t file[sizeof head + 4 + sizeof data];
    const uint32_t crc = picture_crc(head + 12, 17);
    amp_image *image;

    memcpy(file, head, sizeof head);
    for (int i = 0; i < 4; i++)
        file[sizeof head + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    memcpy(file + sizeof head + 4, data, sizeof data);
    ck_fails(amp_image_decode(&image, NULL, file, sizeof file, NULL, &error), AMP_E_LIMIT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "memory"));
}
END_TEST

/* ---- where bytes come from, and what is said of them ---- */

START_TEST(file_and_memory_agree)
{
    const png_recipe recipe = {
        .width = 40, .height = 30, .color_type = PNG_COLOR_TYPE_RGB, .bit_depth = 8
    };
    const char *path = test_scratch_path("a.jpg"); /* the name does not decide */
    size_t size;
    uint8_t *file = encode_png(&recipe, &size);
    amp_image *image, *other = decode(file, size, NULL);
    amp_image_options options = options_of();

    test_write_file(path, file, size);
    ck_ok(amp_image_open(&image, NULL, path, NULL, &error), &error);
    ck_assert_mem_eq(amp_image_rgb8(image, NULL), amp_image_rgb8(other, NULL), 3600);
    amp_image_free(image);
    amp_image_free(other);
    options.max_bytes = size - 1;
    ck_fails(amp_image_open(&image, NULL, path, &options, &error), AMP_E_LIMIT, &error);
    test_write_file(path, file, size - 1);
    ck_fails(amp_image_open(&image, NULL, path, NULL, &error), AMP_E_FORMAT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "a.jpg: PNG: the data end"));
    free(file);
}
END_TEST

START_TEST(names_stand_in_front)
{
    const ampi_image_source source = { "archive.tar/b.png", "nothing", 7 };
    amp_image *image;

    ck_fails(ampi_image_decode_named(&image, NULL, &source, NULL, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "archive.tar/b.png: neither JPEG nor PNG"));
}
END_TEST

/* ---- memory ---- */

typedef struct file_bytes {
    uint8_t *at;
    size_t size;
} file_bytes;

static amp_status attempt(amp_context *context, void *user, amp_error *e)
{
    const file_bytes *file = user;
    amp_image_options options = options_of();
    amp_image *image;
    amp_status status;

    options.alpha = AMP_ALPHA_COMPOSITE;
    status = amp_image_decode(&image, context, file->at, file->size, &options, e);
    amp_image_free(image);
    return status;
}

START_TEST(out_of_memory)
{
    const jpeg_recipe jpeg = { .width = 11, .height = 7, .components = 3 };
    png_recipe png = {
        .width = 11, .height = 7, .color_type = PNG_COLOR_TYPE_RGB_ALPHA, .bit_depth = 8
    };
    file_bytes file;

    file.at = encode_jpeg(&jpeg, &file.size);
    test_out_of_memory(attempt, &file);
    free(file.at);
    file.at = encode_png(&png, &file.size);
    test_out_of_memory(attempt, &file);
    free(file.at);
    png.color_type = PNG_COLOR_TYPE_RGB;
    png.interlaced = true;
    file.at = encode_png(&png, &file.size);
    test_out_of_memory(attempt, &file);
    free(file.at);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { png_kinds,
                                   png_small_sides,
                                   apple_png_is_refused,
                                   jpeg_kinds,
                                   exif_block,
                                   orientations,
                                   pixel_and_byte_limits,
                                   scan_limit,
                                   work_memory_limit,
                                   row_memory_limit,
                                   file_and_memory_agree,
                                   names_stand_in_front,
                                   out_of_memory,
                                   NULL };
    return test_suite("image.decode", tests);
}

TEST_MAIN(suite)
