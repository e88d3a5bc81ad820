/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture.c - the test picture of the image tests, and a checksum.
 */
#include "picture.h"
#include <check.h>
#include <stdlib.h>

uint8_t picture_sample(uint32_t x, uint32_t y, uint32_t c)
{
    return (uint8_t)(7 * x + 13 * y + 29 * c + 5 * (x * y % 17));
}

uint8_t *picture_make(uint32_t width, uint32_t height, uint32_t channels)
{
    uint8_t *pixels = malloc((size_t)width * height * channels);
    uint8_t *at = pixels;

    ck_assert_ptr_nonnull(pixels);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++)
                *at++ = picture_sample(x, y, c);
    return pixels;
}

uint32_t picture_crc(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1u ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}
