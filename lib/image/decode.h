/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/decode.h - what the decoders share; inside the image room only.
 */
#ifndef AMPI_DECODE_H
#define AMPI_DECODE_H

#include "image/image_internal.h"

/* Decoder work that max_bytes does not count: fixed tables and a few rows. */
#define AMPI_DECODE_SLACK ((uint64_t)1 << 20)

/* One decoding.  A decoder sets `image`; on failure decode.c frees it. */
typedef struct ampi_decode {
    amp_context *context;
    const uint8_t *bytes;
    size_t size;
    amp_image_options options;
    uint32_t orientation; /* EXIF, 1..8 */
    amp_image *image;
    amp_error *error;
} ampi_decode;

amp_status ampi_decode_jpeg(ampi_decode *decode);
amp_status ampi_decode_png(ampi_decode *decode);

/* Options of a caller, checked; NULL = defaults. */
amp_status ampi_image_options_read(amp_image_options *out, const amp_image_options *given,
                                   amp_error *error);

/* AMP_E_LIMIT or AMP_E_FORMAT (no pixels) for a picture that the options do not allow. */
amp_status ampi_image_check_size(uint64_t width, uint64_t height, const amp_image_options *options,
                                 amp_error *error);

/* The image for a stored picture of width x height, its sides swapped when the orientation turns
   it; the caller puts every row. */
amp_status ampi_decode_create(ampi_decode *decode, uint32_t width, uint32_t height);

/* Stored row y, RGB8, to where the orientation wants it. */
void ampi_decode_put_row(ampi_decode *decode, uint32_t y, const uint8_t *rgb);

/* Orientation of an EXIF block (a TIFF header and its first directory); 1 when it has none or is
   damaged. */
uint32_t ampi_exif_orientation(const uint8_t *tiff, size_t size);

#endif
