/* SPDX-License-Identifier: Apache-2.0 */
/* test_struct.c - size-first structs from older, equal and newer callers. */
#include "core/core.h"
#include "support.h"

#include <string.h>

typedef struct known_fields {
    size_t struct_size;
    uint32_t first, second;
} known_fields;

typedef struct newer_fields {
    size_t struct_size;
    uint32_t first, second;
    uint64_t third;
} newer_fields;

typedef struct older_fields {
    size_t struct_size;
    uint32_t first;
} older_fields;

static known_fields standard(void)
{
    const known_fields fields = { sizeof fields, 10, 20 };

    return fields;
}

START_TEST(nothing_given_keeps_the_defaults)
{
    known_fields known = standard();
    amp_error error;

    ck_ok(ampi_struct_read(&known, sizeof known, NULL, "x", &error), &error);
    ck_assert_uint_eq(known.first, 10);
    ck_assert_uint_eq(known.second, 20);
    ck_assert_uint_eq(known.struct_size, sizeof known);
}
END_TEST

START_TEST(equal_structs_are_copied)
{
    const known_fields given = { sizeof given, 1, 2 };
    known_fields known = standard();
    amp_error error;

    ck_ok(ampi_struct_read(&known, sizeof known, &given, "x", &error), &error);
    ck_assert_uint_eq(known.first, 1);
    ck_assert_uint_eq(known.second, 2);
}
END_TEST

START_TEST(older_structs_leave_new_fields_alone)
{
    unsigned char room[16] = { 0 };
    const size_t size = sizeof(size_t) + sizeof(uint32_t);
    const uint32_t first = 7;
    known_fields known = standard();
    amp_error error;

    memcpy(room, &size, sizeof size);
    memcpy(room + offsetof(older_fields, first), &first, sizeof first);
    ck_ok(ampi_struct_read(&known, sizeof known, room, "x", &error), &error);
    ck_assert_uint_eq(known.first, 7);
    ck_assert_uint_eq(known.second, 20);
    ck_assert_uint_eq(known.struct_size, sizeof known);
}
END_TEST

START_TEST(newer_structs_need_a_zero_tail)
{
    newer_fields given = { sizeof given, 1, 2, 0 };
    known_fields known = standard();
    amp_error error;

    ck_ok(ampi_struct_read(&known, sizeof known, &given, "x", &error), &error);
    ck_assert_uint_eq(known.second, 2);
    ck_assert_uint_eq(known.struct_size, sizeof known);
    for (unsigned bit = 0; bit < 64; bit += 9) {
        known = standard();
        given.third = (uint64_t)1 << bit;
        ck_fails(ampi_struct_read(&known, sizeof known, &given, "x", &error), AMP_E_UNSUPPORTED,
                 &error);
        ck_assert_uint_eq(known.first, 10);
    }
}
END_TEST

START_TEST(wild_sizes_are_refused)
{
    const size_t wild[] = { 0, 1, sizeof(size_t) - 1, 65537, SIZE_MAX / 2, SIZE_MAX };
    newer_fields given = { 0, 1, 2, 3 };
    known_fields known = standard();
    amp_error error;

    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        given.struct_size = wild[i];
        ck_fails(ampi_struct_read(&known, sizeof known, &given, "x", &error), AMP_E_ARGUMENT,
                 &error);
        ck_fails(ampi_struct_write(&given, &known, sizeof known, "x", &error), AMP_E_ARGUMENT,
                 &error);
        ck_assert_uint_eq(known.first, 10);
        ck_assert_uint_eq(given.first, 1);
    }
}
END_TEST

START_TEST(results_fill_what_there_is)
{
    newer_fields newer = { sizeof newer, 1, 2, 3 };
    struct {
        older_fields fields;
        uint32_t after;
    } older = { { sizeof(size_t) + sizeof(uint32_t), 1 }, 99 };
    const known_fields known = standard();
    amp_error error;

    ck_ok(ampi_struct_write(&newer, &known, sizeof known, "x", &error), &error);
    ck_assert_uint_eq(newer.struct_size, sizeof newer);
    ck_assert_uint_eq(newer.second, 20);
    ck_assert_uint_eq(newer.third, 3);
    ck_ok(ampi_struct_write(&older, &known, sizeof known, "x", &error), &error);
    ck_assert_uint_eq(older.fields.struct_size, sizeof(size_t) + sizeof(uint32_t));
    ck_assert_uint_eq(older.fields.first, 10);
    ck_assert_uint_eq(older.after, 99);
    ck_fails(ampi_struct_write(NULL, &known, sizeof known, "x", &error), AMP_E_ARGUMENT, &error);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { nothing_given_keeps_the_defaults,
                                   equal_structs_are_copied,
                                   older_structs_leave_new_fields_alone,
                                   newer_structs_need_a_zero_tail,
                                   wild_sizes_are_refused,
                                   results_fill_what_there_is,
                                   NULL };
    return test_suite("core.struct", tests);
}

TEST_MAIN(suite)
