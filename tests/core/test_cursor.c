/* SPDX-License-Identifier: Apache-2.0 */
/* test_cursor.c - numbers out of bytes: byte orders, ends, no step past them. */
#include "core/file.h"
#include "support.h"

#include <string.h>

static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x84, 0x05, 0x06, 0x07, 0xf8, 0x09 };

START_TEST(byte_orders)
{
    ampi_cursor cursor = { bytes, bytes + sizeof bytes };
    uint8_t one;
    uint16_t two;
    uint32_t four;
    uint64_t eight;

    ck_assert(ampi_read_u8(&cursor, &one) && one == 0x01);
    ck_assert(ampi_read_u16be(&cursor, &two) && two == 0x0203);
    ck_assert(ampi_read_u32be(&cursor, &four) && four == 0x84050607);
    ck_assert_uint_eq((size_t)(cursor.end - cursor.at), 2);
    cursor.at = bytes;
    ck_assert(ampi_read_u32le(&cursor, &four) && four == 0x84030201);
    cursor.at = bytes;
    ck_assert(ampi_read_u64le(&cursor, &eight) && eight == 0xf807060584030201);
}
END_TEST

START_TEST(ends_are_kept)
{
    for (size_t left = 0; left <= 8; left++) {
        const ampi_cursor start = { bytes, bytes + left };
        ampi_cursor cursor;
        uint8_t one;
        uint16_t two;
        uint32_t four;
        uint64_t eight;
        cursor = start;
        ck_assert_int_eq(ampi_read_u8(&cursor, &one), left >= 1);
        cursor = start;
        ck_assert_int_eq(ampi_read_u16be(&cursor, &two), left >= 2);
        ck_assert(left >= 2 || cursor.at == bytes);
        cursor = start;
        ck_assert_int_eq(ampi_read_u32be(&cursor, &four), left >= 4);
        ck_assert(left >= 4 || cursor.at == bytes);
        cursor = start;
        ck_assert_int_eq(ampi_read_u32le(&cursor, &four), left >= 4);
        ck_assert(left >= 4 || cursor.at == bytes);
        cursor = start;
        ck_assert_int_eq(ampi_read_u64le(&cursor, &eight), left >= 8);
        ck_assert(cursor.at <= cursor.end);
    }
}
END_TEST

START_TEST(written_numbers_read_back)
{
    const uint64_t values[] = { 0, 1, 0x0123456789abcdef, UINT64_MAX, (uint64_t)1 << 63 };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t out[8];
        ampi_cursor cursor = { out, out + 8 };
        uint64_t back;
        ampi_write_u64le(out, values[i]);
        ck_assert(ampi_read_u64le(&cursor, &back) && back == values[i]);
    }
    uint8_t out[8];
    ampi_write_u64le(out, 0x0102030405060708);
    ck_assert_int_eq(memcmp(out, "\x08\x07\x06\x05\x04\x03\x02\x01", 8), 0);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { byte_orders, ends_are_kept, written_numbers_read_back, NULL };
    return test_suite("core.cursor", tests);
}

TEST_MAIN(suite)
