/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/decode_png.c - PNG to RGB8 by libpng.
 *
 * Any colour type and depth; 16-bit samples keep their high byte; gamma and colour profiles are
 * not applied, as in Pillow.  Only the chunks that decide pixels, and EXIF's orientation, are
 * read; all others are skipped unparsed.  libpng's memory comes from the context and is counted
 * against max_bytes.  Called by decode.c.
 */
#include "image/decode.h"
#include "image/escape.h"
#include <png.h>
#include <string.h>

/* In front of each block given to libpng, so that freeing gives the bytes back. */
#define BLOCK_HEAD 64u

typedef struct reader {
    png_structp png;
    png_infop info;
    ampi_escape escape;
    ampi_decode *decode;
    size_t at;           /* next byte of the file           */
    uint64_t used;       /* bytes of libpng and of `rows`   */
    bool refused, empty; /* a block past the limit, no block */
    uint8_t *rows;       /* [h][w][3 or 4] when rows cannot go to the image at once */
} reader;

/* ---- libpng's callbacks ---- */

static noreturn void leave(reader *r, amp_status status, const char *text)
{
    (void)ampi_fail(r->decode->error, status, "image", "PNG: %s", text);
    ampi_escape_leave(&r->escape, status);
}

static noreturn void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);

    if (r->refused)
        leave(r, AMP_E_LIMIT, "decoding needs more memory than the limit in bytes");
    if (r->empty)
        leave(r, AMP_E_NOMEM, "out of memory");
    leave(r, AMP_E_FORMAT, text);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size)
{
    reader *r = png_get_mem_ptr(png);
    uint8_t *block;
    size_t total;

    if (!ampi_add(size, BLOCK_HEAD, &total) ||
        total > r->decode->options.max_bytes + AMPI_DECODE_SLACK - r->used) {
        r->refused = true;
        return NULL;
    }
    block = ampi_alloc_raw(r->decode->context, total, 1);
    if (!block) {
        r->empty = true;
        return NULL;
    }
    memcpy(block, &total, sizeof total);
    r->used += total;
    return block + BLOCK_HEAD;
}

static void on_free(png_structp png, png_voidp pointer)
{
    reader *r = png_get_mem_ptr(png);
    uint8_t *block = (uint8_t *)pointer - BLOCK_HEAD;
    size_t total;

    memcpy(&total, block, sizeof total);
    r->used -= total;
    ampi_free(r->decode->context, block);
}

static void on_read(png_structp png, png_bytep out, size_t count)
{
    reader *r = png_get_io_ptr(png);

    if (count > r->decode->size - r->at)
        leave(r, AMP_E_FORMAT, "the data end before the image does");
    memcpy(out, r->decode->bytes + r->at, count);
    r->at += count;
}

/* ---- steps
 * ---------------------------------------------------------------------------------------- */

/* No chunk can be longer than the file, and no text, profile or unknown chunk is looked at. */
static void set_limits(reader *r)
{
    static const png_byte exif[] = "eXIf";

    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(r->png, r->decode->size);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_AS_DEFAULT, exif, 1);
    png_set_read_fn(r->png, r, on_read);
}

/* Rows become RGB8, or RGBA8 when alpha is to be composited. */
static void set_transforms(reader *r)
{
    const int type = png_get_color_type(r->png, r->info);

    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(r->png, r->info) < 8)
        png_set_expand_gray_1_2_4_to_8(r->png);
    if (type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA)
        png_set_gray_to_rgb(r->png);
    png_set_strip_16(r->png);
    if (r->decode->options.alpha == AMP_ALPHA_DROP)
        png_set_strip_alpha(r->png);
    else if (png_get_valid(r->png, r->info, PNG_INFO_tRNS) != 0)
        png_set_tRNS_to_alpha(r->png);
    (void)png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
}

static void find_orientation(reader *r)
{
    png_uint_32 size = 0;
    png_bytep exif = NULL;

    if (png_get_eXIf_1(r->png, r->info, &size, &exif) != 0 && exif)
        r->decode->orientation = ampi_exif_orientation(exif, size);
}

/* round((alpha * v + (255 - alpha) * background) / 255).  row: [width][4] -> [width][3] in place.
 */
static void composite(uint8_t *row, size_t width, const uint8_t background[3])
{
    for (size_t x = 0; x < width; x++) {
        const uint8_t *in = row + 4 * x;
        const uint32_t alpha = in[3];
        uint8_t *out = row + 3 * x;

        for (size_t c = 0; c < 3; c++)
            out[c] = (uint8_t)((alpha * in[c] + (255 - alpha) * background[c] + 127) / 255);
    }
}

/* An interlaced picture comes in passes over all rows, so `start` holds them all. */
static void read_rows(reader *r, uint8_t *start, size_t row_bytes)
{
    const uint32_t height = png_get_image_height(r->png, r->info);
    const int passes = png_get_interlace_type(r->png, r->info) == PNG_INTERLACE_NONE
                           ? 1
                           : PNG_INTERLACE_ADAM7_PASSES;

    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < height; y++)
            png_read_row(r->png, start + y * row_bytes, NULL);
    png_read_end(r->png, NULL);
}

/* Rows that have an alpha or go elsewhere are collected first. */
static amp_status read_through_rows(reader *r, uint32_t width, uint32_t height)
{
    ampi_decode *d = r->decode;
    const size_t channels = png_get_channels(r->png, r->info);
    const uint64_t pixels = (uint64_t)width * height;
    const uint64_t needed = pixels * (channels + 3); /* these rows and the image */

    if (needed > d->options.max_bytes)
        return ampi_fail(d->error, AMP_E_LIMIT, "image",
                         "PNG: decoding needs %llu bytes, the limit is %llu",
                         (unsigned long long)needed, (unsigned long long)d->options.max_bytes);
    r->rows = ampi_alloc_raw(d->context, (size_t)pixels, channels);
    if (!r->rows)
        return ampi_fail_nomem(d->error, "image", (size_t)pixels * channels);
    read_rows(r, r->rows, width * channels);
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *row = r->rows + y * (width * channels);

        if (channels == 4)
            composite(row, width, d->options.background);
        ampi_decode_put_row(d, y, row);
    }
    return AMP_OK;
}

static amp_status read_image(void *user)
{
    reader *r = user;
    ampi_decode *d = r->decode;
    uint32_t width, height;

    set_limits(r);
    png_read_info(r->png, r->info);
    width = png_get_image_width(r->png, r->info);
    height = png_get_image_height(r->png, r->info);
    AMPI_TRY(ampi_image_check_size(width, height, &d->options, d->error));
    set_transforms(r);
    find_orientation(r);
    AMPI_TRY(ampi_decode_create(d, width, height));
    r->used += 3 * (uint64_t)width * height;
    if (d->orientation != 1 || png_get_channels(r->png, r->info) != 3)
        return read_through_rows(r, width, height);
    read_rows(r, d->image->pixels, d->image->row_bytes);
    return AMP_OK;
}

/* libpng makes its structs before it can report through them. */
static amp_status make_structs(void *user)
{
    reader *r = user;

    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, on_alloc,
                                      on_free);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    return r->info ? AMP_OK : ampi_fail_nomem(r->decode->error, "image", sizeof *r);
}

amp_status ampi_decode_png(ampi_decode *decode)
{
    reader *r = ampi_alloc(decode->context, 1, sizeof *r);
    amp_status status;

    if (!r)
        return ampi_fail_nomem(decode->error, "image", sizeof *r);
    r->decode = decode;
    status = ampi_escape_run(&r->escape, make_structs, r);
    if (status == AMP_OK)
        status = ampi_escape_run(&r->escape, read_image, r);
    png_destroy_read_struct(&r->png, &r->info, NULL);
    ampi_free(decode->context, r->rows);
    ampi_free(decode->context, r);
    return status;
}
