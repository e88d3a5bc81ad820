/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/decode_jpeg.c - JPEG to RGB8 by libjpeg(-turbo), with the settings that Pillow uses.
 *
 * Accurate integer IDCT and smooth upsampling, so pixels equal Pillow's.  Data that ends early
 * or does not decode is an error, never a half grey picture: a damaged image would be scored
 * as if it had been taken so.  Called by decode.c.
 */
#include "image/decode.h"
#include "image/escape.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
/* jpeglib.h needs FILE and size_t first. */
#include <jpeglib.h>
/* jerror.h needs jpeglib.h first. */
#include <jerror.h>

#define EXIF_MARKER (JPEG_APP0 + 1)
#define EXIF_HEAD "Exif\0"
#define EXIF_HEAD_BYTES 6u
#define MARKER_BYTES 0xffffu

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    ampi_escape escape;
    ampi_decode *decode;
} reader;

/* ---- libjpeg's callbacks ---- */

static noreturn void leave(reader *r, amp_status status, const char *text)
{
    (void)ampi_fail(r->decode->error, status, "image", "JPEG: %s", text);
    ampi_escape_leave(&r->escape, status);
}

static amp_status status_of(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return AMP_E_NOMEM;
    case JERR_NO_BACKING_STORE:
        return AMP_E_LIMIT;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
        return AMP_E_UNSUPPORTED;
    default:
        return AMP_E_FORMAT;
    }
}

static void on_error(j_common_ptr common)
{
    reader *r = common->client_data;
    char text[JMSG_LENGTH_MAX];

    if (common->err->msg_code == JERR_NO_BACKING_STORE)
        (void)snprintf(text, sizeof text, "decoding needs more than the limit of %llu bytes",
                       (unsigned long long)r->decode->options.max_bytes);
    else
        common->err->format_message(common, text);
    leave(r, status_of(common->err->msg_code), text);
}

/* Warnings that leave all pixels as the encoder meant them. */
static bool is_harmless(int code)
{
    return code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM ||
           code == JWRN_NOT_SEQUENTIAL || code == JWRN_TOO_MUCH_DATA;
}

static void on_message(j_common_ptr common, int level)
{
    char text[JMSG_LENGTH_MAX];

    if (level >= 0 || is_harmless(common->err->msg_code))
        return;
    common->err->format_message(common, text);
    leave(common->client_data, AMP_E_FORMAT, text);
}

static void on_output(j_common_ptr common)
{
    (void)common;
}

static void on_source_start(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* All bytes were there from the start, so a request for more is the end of the file. */
static boolean on_source_empty(j_decompress_ptr jpeg)
{
    leave(jpeg->client_data, AMP_E_FORMAT, "the data end before the image does");
}

static void on_source_skip(j_decompress_ptr jpeg, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > jpeg->src->bytes_in_buffer)
        (void)on_source_empty(jpeg);
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

/* A small file can ask for thousands of passes over a large picture. */
static void on_progress(j_common_ptr common)
{
    reader *r = common->client_data;
    char text[JMSG_LENGTH_MAX];

    if (r->jpeg.input_scan_number <= 0 ||
        (uint32_t)r->jpeg.input_scan_number <= r->decode->options.max_scans)
        return;
    (void)snprintf(text, sizeof text, "scan %d, the limit is %u scans", r->jpeg.input_scan_number,
                   (unsigned)r->decode->options.max_scans);
    leave(r, AMP_E_LIMIT, text);
}

static void attach(reader *r)
{
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = on_output;
    r->jpeg.client_data = r;
    r->progress.progress_monitor = on_progress;
    r->source.next_input_byte = r->decode->bytes;
    r->source.bytes_in_buffer = r->decode->size;
    r->source.init_source = on_source_start;
    r->source.fill_input_buffer = on_source_empty;
    r->source.skip_input_data = on_source_skip;
    r->source.resync_to_restart = jpeg_resync_to_restart;
    r->source.term_source = on_source_start;
}

/* ---- steps
 * ---------------------------------------------------------------------------------------- */

/* The first EXIF block counts, as in Pillow. */
static uint32_t find_orientation(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next) {
        if (m->marker == EXIF_MARKER && m->data_length >= EXIF_HEAD_BYTES &&
            memcmp(m->data, EXIF_HEAD, EXIF_HEAD_BYTES) == 0)
            return ampi_exif_orientation(m->data + EXIF_HEAD_BYTES,
                                         m->data_length - EXIF_HEAD_BYTES);
    }
    return 1;
}

static amp_status read_header(reader *r)
{
    ampi_decode *d = r->decode;

    jpeg_save_markers(&r->jpeg, EXIF_MARKER, MARKER_BYTES);
    (void)jpeg_read_header(&r->jpeg, TRUE);
    if (r->jpeg.data_precision != 8)
        return ampi_fail(d->error, AMP_E_UNSUPPORTED, "image",
                         "JPEG: %d bits a sample, only 8 are supported", r->jpeg.data_precision);
    if (r->jpeg.num_components == 2 || r->jpeg.num_components > 4)
        return ampi_fail(d->error, AMP_E_UNSUPPORTED, "image",
                         "JPEG: %d components, supported are 1, 3 and 4", r->jpeg.num_components);
    AMPI_TRY(
        ampi_image_check_size(r->jpeg.image_width, r->jpeg.image_height, &d->options, d->error));
    d->orientation = find_orientation(&r->jpeg);
    return AMP_OK;
}

/* libjpeg checks its coefficient arrays of progressive files, its only large ones, against this. */
static void limit_memory(reader *r)
{
    const uint64_t pixels = 3 * (uint64_t)r->jpeg.image_width * r->jpeg.image_height;
    const uint64_t left = r->decode->options.max_bytes - pixels + AMPI_DECODE_SLACK;

    r->jpeg.mem->max_memory_to_use = left < LONG_MAX ? (long)left : LONG_MAX;
}

/* Samples of four-component files are stored inverted (Adobe's way, and Pillow's assumption for
   all of them), so c = 255 - stored; then RGB as Pillow converts: 255 - k - c * (255 - k) / 255,
   rounded.  row: [width][4] -> [width][3] in place. */
static void cmyk_to_rgb(uint8_t *row, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        const uint8_t *in = row + 4 * x;
        const int light = in[3];
        uint8_t *out = row + 3 * x;

        for (size_t c = 0; c < 3; c++) {
            const int product = (255 - in[c]) * light + 128;

            out[c] = (uint8_t)(light - ((product >> 8) + product) / 256);
        }
    }
}

static void read_rows(reader *r)
{
    const size_t width = r->jpeg.output_width;
    const size_t samples = width * (size_t)r->jpeg.output_components;
    JSAMPARRAY row =
        r->jpeg.mem->alloc_sarray((j_common_ptr)&r->jpeg, JPOOL_IMAGE, (JDIMENSION)samples, 1);

    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        const uint32_t y = r->jpeg.output_scanline;

        (void)jpeg_read_scanlines(&r->jpeg, row, 1);
        if (r->jpeg.out_color_space == JCS_CMYK)
            cmyk_to_rgb(row[0], width);
        ampi_decode_put_row(r->decode, y, row[0]);
    }
}

static amp_status read_image(void *user)
{
    reader *r = user;

    jpeg_create_decompress(&r->jpeg);
    r->jpeg.src = &r->source;
    r->jpeg.progress = &r->progress;
    AMPI_TRY(read_header(r));
    limit_memory(r);
    r->jpeg.out_color_space = r->jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
    r->jpeg.dct_method = JDCT_ISLOW;
    (void)jpeg_start_decompress(&r->jpeg);
    AMPI_TRY(ampi_decode_create(r->decode, r->jpeg.output_width, r->jpeg.output_height));
    read_rows(r);
    (void)jpeg_finish_decompress(&r->jpeg);
    return AMP_OK;
}

amp_status ampi_decode_jpeg(ampi_decode *decode)
{
    reader *r = ampi_alloc(decode->context, 1, sizeof *r);
    amp_status status;

    if (!r)
        return ampi_fail_nomem(decode->error, "image", sizeof *r);
    r->decode = decode;
    attach(r);
    status = ampi_escape_run(&r->escape, read_image, r);
    jpeg_destroy_decompress(&r->jpeg);
    ampi_free(decode->context, r);
    return status;
}
