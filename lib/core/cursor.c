/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/cursor.c - numbers out of bytes, never past their end.
 */
#include "core/file.h"

static bool take(ampi_cursor *cursor, size_t count, const uint8_t **out)
{
    if ((size_t)(cursor->end - cursor->at) < count)
        return false;
    *out = cursor->at;
    cursor->at += count;
    return true;
}

bool ampi_read_u8(ampi_cursor *cursor, uint8_t *out)
{
    const uint8_t *b;

    if (!take(cursor, 1, &b))
        return false;
    *out = b[0];
    return true;
}

bool ampi_read_u16be(ampi_cursor *cursor, uint16_t *out)
{
    const uint8_t *b;

    if (!take(cursor, 2, &b))
        return false;
    *out = (uint16_t)((uint32_t)b[0] << 8 | b[1]);
    return true;
}

bool ampi_read_u32be(ampi_cursor *cursor, uint32_t *out)
{
    const uint8_t *b;

    if (!take(cursor, 4, &b))
        return false;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

bool ampi_read_u32le(ampi_cursor *cursor, uint32_t *out)
{
    const uint8_t *b;

    if (!take(cursor, 4, &b))
        return false;
    *out = (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
    return true;
}

bool ampi_read_u64le(ampi_cursor *cursor, uint64_t *out)
{
    uint32_t low, high;

    if (!ampi_read_u32le(cursor, &low) || !ampi_read_u32le(cursor, &high))
        return false;
    *out = (uint64_t)high << 32 | low;
    return true;
}

void ampi_write_u64le(uint8_t out[8], uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}
