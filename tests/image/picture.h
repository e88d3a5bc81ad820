/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture.h - the test picture of the image tests, and a checksum.
 */
#ifndef AMP_TEST_PICTURE_H
#define AMP_TEST_PICTURE_H

#include <stddef.h>
#include <stdint.h>

/* Sample c of pixel (x, y): (7x + 13y + 29c + 5 ((xy) mod 17)) mod 256. */
uint8_t picture_sample(uint32_t x, uint32_t y, uint32_t c);

/* malloc'ed [height][width][channels] of picture_sample. */
uint8_t *picture_make(uint32_t width, uint32_t height, uint32_t channels);

/* CRC-32 as zlib's. */
uint32_t picture_crc(const void *bytes, size_t size);

#endif
