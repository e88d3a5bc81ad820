/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode.c - small JPEG and PNG files of the test picture, made in memory by the same libraries
 * that decode them.
 */
#include "encode.h"
#include "picture.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* jpeglib.h needs FILE and size_t first. */
#include <jpeglib.h>
#include <png.h>

uint8_t *encode_jpeg(const jpeg_recipe *recipe, size_t *size)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors; /* its default ends the test process */
    unsigned char *made = NULL;
    unsigned long made_size = 0;
    uint8_t *pixels = picture_make(recipe->width, recipe->height, (uint32_t)recipe->components);

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &made, &made_size);
    jpeg.image_width = recipe->width;
    jpeg.image_height = recipe->height;
    jpeg.input_components = recipe->components;
    jpeg.in_color_space = recipe->components == 1   ? JCS_GRAYSCALE
                          : recipe->components == 3 ? JCS_RGB
                                                    : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    if (recipe->progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (recipe->exif)
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, recipe->exif, (unsigned)recipe->exif_size);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row =
            pixels + (size_t)jpeg.next_scanline * recipe->width * (size_t)recipe->components;

        ck_assert_uint_eq(jpeg_write_scanlines(&jpeg, &row, 1), 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(pixels);
    *size = made_size;
    return made;
}

uint32_t encode_png_channels(const png_recipe *recipe)
{
    switch (recipe->color_type) {
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return 2;
    case PNG_COLOR_TYPE_RGB:
        return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
        return 4;
    default:
        return 1;
    }
}

/* 16-bit samples have a low byte that is not the high one. */
uint32_t encode_png_sample(const png_recipe *recipe, uint32_t x, uint32_t y, uint32_t c)
{
    const uint32_t sample = picture_sample(x, y, c);

    if (recipe->bit_depth == 16)
        return sample << 8 | ((sample + 77) & 0xff);
    return sample & ((1u << recipe->bit_depth) - 1);
}

typedef struct bytes {
    uint8_t *at;
    size_t size;
} bytes;

static void on_write(png_structp png, png_bytep data, png_size_t count)
{
    bytes *out = png_get_io_ptr(png);

    out->at = realloc(out->at, out->size + count);
    ck_assert_ptr_nonnull(out->at);
    memcpy(out->at + out->size, data, count);
    out->size += count;
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void put_palette(png_structp png, png_infop info, const png_recipe *recipe)
{
    const int entries = 1 << recipe->bit_depth;
    png_color palette[256];
    png_byte alpha[256];

    for (int i = 0; i < entries; i++) {
        palette[i] = (png_color){ (png_byte)(i * 3), (png_byte)(255 - i), (png_byte)(i ^ 0x55) };
        alpha[i] = (png_byte)(i * 40);
    }
    png_set_PLTE(png, info, palette, entries);
    if (recipe->transparent)
        png_set_tRNS(png, info, alpha, entries, NULL);
}

/* Samples packed as PNG stores them: most significant bits first. */
static void put_row(const png_recipe *recipe, uint32_t y, uint8_t *row)
{
    const uint32_t channels = encode_png_channels(recipe);
    const uint32_t depth = (uint32_t)recipe->bit_depth;

    for (uint32_t i = 0; i < recipe->width * channels; i++) {
        const uint32_t sample = encode_png_sample(recipe, i / channels, y, i % channels);

        if (depth == 16) {
            row[2 * i] = (uint8_t)(sample >> 8);
            row[2 * i + 1] = (uint8_t)sample;
        } else {
            const uint32_t bit = i * depth;

            row[bit / 8] = (uint8_t)(row[bit / 8] | sample << (8 - depth - bit % 8));
        }
    }
}

uint8_t *encode_png(const png_recipe *recipe, size_t *size)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    bytes out = { NULL, 0 };
    const size_t row_bytes = (size_t)recipe->width * 8;
    png_color_16 zero = { 0 };
    uint8_t *row = calloc(1, row_bytes);
    int passes;

    ck_assert(png && info && row);
    ck_assert_msg(setjmp(png_jmpbuf(png)) == 0, "libpng refused to write");
    png_set_write_fn(png, &out, on_write, on_flush);
    png_set_IHDR(png, info, recipe->width, recipe->height, recipe->bit_depth, recipe->color_type,
                 recipe->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (recipe->color_type == PNG_COLOR_TYPE_PALETTE)
        put_palette(png, info, recipe);
    else if (recipe->transparent)
        png_set_tRNS(png, info, NULL, 0, &zero);
    if (recipe->exif) {
        uint8_t *exif = malloc(recipe->exif_size);

        ck_assert_ptr_nonnull(exif);
        memcpy(exif, recipe->exif, recipe->exif_size);
        png_set_eXIf_1(png, info, (png_uint_32)recipe->exif_size, exif);
        free(exif);
    }
    png_write_info(png, info);
    passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < recipe->height; y++) {
            memset(row, 0, row_bytes);
            put_row(recipe, y, row);
            png_write_row(png, row);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    *size = out.size;
    return out.at;
}

static uint8_t *put16(uint8_t *at, bool little, uint32_t value)
{
    at[0] = (uint8_t)(little ? value : value >> 8);
    at[1] = (uint8_t)(little ? value >> 8 : value);
    return at + 2;
}

static uint8_t *put32(uint8_t *at, bool little, uint32_t value)
{
    at = put16(at, little, little ? value & 0xffff : value >> 16);
    return put16(at, little, little ? value >> 16 : value & 0xffff);
}

void encode_tiff(uint8_t out[ENCODE_TIFF_BYTES], bool little, uint32_t orientation)
{
    uint8_t *at = out;

    memcpy(at, little ? "II" : "MM", 2);
    at = put16(at + 2, little, 42);
    at = put32(at, little, 8);
    at = put16(at, little, 2); /* entries: an image width, then the orientation */
    at = put16(at, little, 0x0100);
    at = put16(at, little, 3);
    at = put32(at, little, 1);
    at = put16(at, little, 6);
    at = put16(at, little, 0);
    at = put16(at, little, 0x0112);
    at = put16(at, little, 3);
    at = put32(at, little, 1);
    at = put16(at, little, orientation);
    at = put16(at, little, 0);
    (void)put32(at, little, 0);
}
