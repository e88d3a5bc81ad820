/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/exif.c - the orientation of a photograph, and rows put where it wants them.
 *
 * EXIF 2.3 section 4: a TIFF header ("II" or "MM", 42, offset of the first directory), then
 * entries of 12 bytes; tag 0x0112 holds 1..8.  Nothing else of EXIF is read.
 */
#include "core/file.h"
#include "image/decode.h"
#include <string.h>

#define TAG_ORIENTATION 0x0112u
#define TYPE_BYTE 1u
#define TYPE_SHORT 3u
#define TYPE_LONG 4u
#define ENTRY_BYTES 12u

static bool read_u16(ampi_cursor *cursor, bool little, uint32_t *out)
{
    uint8_t first, second;

    if (!ampi_read_u8(cursor, &first) || !ampi_read_u8(cursor, &second))
        return false;
    *out = little ? (uint32_t)second << 8 | first : (uint32_t)first << 8 | second;
    return true;
}

static bool read_u32(ampi_cursor *cursor, bool little, uint32_t *out)
{
    return little ? ampi_read_u32le(cursor, out) : ampi_read_u32be(cursor, out);
}

/* The value of a directory entry, which lies in its last four bytes; 0 for another type. */
static uint32_t entry_value(ampi_cursor *cursor, bool little, uint32_t type)
{
    uint32_t value = 0;
    uint8_t byte = 0;

    switch (type) {
    case TYPE_BYTE:
        return ampi_read_u8(cursor, &byte) ? byte : 0;
    case TYPE_SHORT:
        return read_u16(cursor, little, &value) ? value : 0;
    case TYPE_LONG:
        return read_u32(cursor, little, &value) ? value : 0;
    default:
        return 0;
    }
}

/* True when an entry was read; *value is set when it is the orientation. */
static bool read_entry(ampi_cursor *cursor, bool little, uint32_t *value)
{
    ampi_cursor entry = *cursor;
    uint32_t tag, type, count;

    if ((size_t)(cursor->end - cursor->at) < ENTRY_BYTES)
        return false;
    cursor->at += ENTRY_BYTES;
    if (!read_u16(&entry, little, &tag) || !read_u16(&entry, little, &type) ||
        !read_u32(&entry, little, &count))
        return false;
    if (tag == TAG_ORIENTATION && count == 1)
        *value = entry_value(&entry, little, type);
    return true;
}

/* Moves to the first directory and reads the number of its entries. */
static bool find_directory(ampi_cursor *cursor, const uint8_t *tiff, size_t size, bool *little,
                           uint32_t *entries)
{
    uint32_t magic, offset;

    if (size < 8 || (memcmp(tiff, "II", 2) != 0 && memcmp(tiff, "MM", 2) != 0))
        return false;
    *little = tiff[0] == 'I';
    *cursor = (ampi_cursor){ tiff + 2, tiff + size };
    if (!read_u16(cursor, *little, &magic) || magic != 42 || !read_u32(cursor, *little, &offset) ||
        offset > size)
        return false;
    cursor->at = tiff + offset;
    return read_u16(cursor, *little, entries);
}

uint32_t ampi_exif_orientation(const uint8_t *tiff, size_t size)
{
    ampi_cursor cursor;
    bool little;
    uint32_t entries, value = 0;

    if (!find_directory(&cursor, tiff, size, &little, &entries))
        return 1;
    for (uint32_t i = 0; i < entries && value == 0; i++) {
        if (!read_entry(&cursor, little, &value))
            break;
    }
    return value >= 1 && value <= 8 ? value : 1;
}

/* Orientations name the side that stored row 0 and stored column 0 are on: 1 top left, 2 top
   right, 3 bottom right, 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom. */
typedef struct turn {
    bool turned; /* stored rows become columns */
    bool rows_reversed, columns_reversed;
} turn;

static const turn turns[9] = {
    [1] = { false, false, false }, [2] = { false, false, true }, [3] = { false, true, true },
    [4] = { false, true, false },  [5] = { true, false, false }, [6] = { true, true, false },
    [7] = { true, true, true },    [8] = { true, false, true },
};

amp_status ampi_decode_create(ampi_decode *decode, uint32_t width, uint32_t height)
{
    const bool turned = turns[decode->orientation].turned;

    return ampi_image_create(&decode->image, decode->context, turned ? height : width,
                             turned ? width : height, &decode->options, decode->error);
}

void ampi_decode_put_row(ampi_decode *decode, uint32_t y, const uint8_t *rgb)
{
    const amp_image *image = decode->image;
    const turn t = turns[decode->orientation];
    const size_t n = t.turned ? image->height : image->width;
    const size_t rows = t.turned ? image->width : image->height;
    const size_t step = t.turned ? image->row_bytes : 3;
    const size_t row_step = t.turned ? 3 : image->row_bytes;
    uint8_t *start = image->pixels + (t.rows_reversed ? rows - 1 - y : y) * row_step;

    if (step == 3 && !t.columns_reversed) {
        memcpy(start, rgb, image->row_bytes);
        return;
    }
    for (size_t x = 0; x < n; x++)
        memcpy(start + (t.columns_reversed ? n - 1 - x : x) * step, rgb + 3 * x, 3);
}
