/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode.h - small JPEG and PNG files of the test picture, made in memory.
 */
#ifndef AMP_TEST_ENCODE_H
#define AMP_TEST_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct jpeg_recipe {
    uint32_t width, height;
    int components; /* 1 grey, 3 colour, 4 CMYK; all 100 % quality, no subsampling */
    bool progressive;
    const void *exif; /* APP1 block, "Exif\0\0" and a TIFF header, or NULL */
    size_t exif_size;
} jpeg_recipe;

typedef struct png_recipe {
    uint32_t width, height;
    int color_type, bit_depth; /* libpng's */
    bool interlaced;
    bool transparent; /* tRNS: palette entry i has alpha 40 i; grey and RGB: the sample 0 */
    const void *exif; /* eXIf chunk or NULL */
    size_t exif_size;
} png_recipe;

/* malloc'ed file bytes. */
uint8_t *encode_jpeg(const jpeg_recipe *recipe, size_t *size);
uint8_t *encode_png(const png_recipe *recipe, size_t *size);

/* Sample c as it is stored in a PNG of the recipe, in 0..2^bit_depth-1 (palette: the index). */
uint32_t encode_png_sample(const png_recipe *recipe, uint32_t x, uint32_t y, uint32_t c);
/* Samples a pixel. */
uint32_t encode_png_channels(const png_recipe *recipe);

/* The TIFF part of an EXIF block with one or two entries, the last the orientation; 38 bytes. */
#define ENCODE_TIFF_BYTES 38
void encode_tiff(uint8_t out[ENCODE_TIFF_BYTES], bool little, uint32_t orientation);

#endif
