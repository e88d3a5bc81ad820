/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - numbers to and from text, in whatever locale the host program set; UTF-8. */
#include "core/core.h"
#include "support.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *text, double *out)
{
    return ampi_text_to_double(text, strlen(text), out);
}

static bool whole(const char *text, int64_t *out)
{
    return ampi_text_to_int64(text, strlen(text), out);
}

START_TEST(reads_numbers)
{
    double d;

    ck_assert(number("0.5", &d) && d == 0.5);
    ck_assert(number("-1e3", &d) && d == -1000);
    ck_assert(number("+.25", &d) && d == 0.25);
    ck_assert(number("1e-400", &d) && d == 0);
    ck_assert(ampi_text_to_double("12345", 2, &d) && d == 12);
    ck_assert(number("1.7976931348623157e308", &d) && d == DBL_MAX);
}
END_TEST

START_TEST(refuses_what_is_no_number)
{
    const char *const bad[] = { "",      " 1",  "1 ",  "\t1",  "\n1",      "1,5", "1.5.2", "x",
                                "1e999", "nan", "inf", "-inf", "infinity", "1e",  "--1",   "0x" };
    double d = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!number(bad[i], &d), "'%s'", bad[i]);
    ck_assert(!ampi_text_to_double("1\0", 2, &d));
    ck_assert_double_eq(d, 7);
}
END_TEST

START_TEST(reads_whole_numbers)
{
    const char *const bad[] = { "",
                                " 1",
                                "\t1",
                                "\v1",
                                "1 ",
                                "1.0",
                                "0x10",
                                "9223372036854775808",
                                "-9223372036854775809",
                                "1e3",
                                "+",
                                "-",
                                "--1",
                                "one" };
    int64_t i = 7;

    ck_assert(whole("9223372036854775807", &i) && i == INT64_MAX);
    ck_assert(whole("-9223372036854775808", &i) && i == INT64_MIN);
    ck_assert(whole("+5", &i) && i == 5);
    ck_assert(whole("010", &i) && i == 10);
    ck_assert(ampi_text_to_int64("129", 2, &i) && i == 12);
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        ck_assert_msg(!whole(bad[k], &i), "'%s'", bad[k]);
}
END_TEST

static uint64_t scramble(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 29;
}

static void check_double(double value)
{
    char text[64];
    double back;

    const size_t length = ampi_text_from_double(value, 17, text, sizeof text);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_msg(number(text, &back), "'%s'", text);
    ck_assert_msg(memcmp(&back, &value, sizeof value) == 0, "%.17g became '%s'", value, text);
}

static void check_float(float value)
{
    char text[64];
    double back;

    (void)ampi_text_from_double((double)value, 9, text, sizeof text);
    ck_assert_msg(number(text, &back), "'%s'", text);
    const float narrow = (float)back;
    ck_assert_msg(memcmp(&narrow, &value, sizeof value) == 0, "%.9g became '%s'", (double)value,
                  text);
}

START_TEST(knows_whole_numbers_of_any_length)
{
    static const char *const whole[] = { "0", "-1", "007", "99999999999999999999999999999" };
    static const char *const others[] = { "", "-", "+1", "1.0", " 1", "1 ", "--1", "1e3", "x" };

    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        ck_assert(ampi_text_is_integer(whole[i], strlen(whole[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert(!ampi_text_is_integer(others[i], strlen(others[i])));
    ck_assert(ampi_text_is_integer("12x", 2));
}
END_TEST

START_TEST(numbers_come_back_bit_for_bit)
{
    const double special[] = { 0.0,    -0.0, 1,         -1,   0.1,         DBL_MAX, DBL_MIN,
                               5e-324, 1e9,  999999999, 1e15, 123456789.5, -1e22,   1.0 / 3 };
    uint64_t state = 1;

    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        check_double(special[i]);
    for (int i = 0; i < 3000; i++) {
        const uint64_t bits = scramble(&state);
        const uint32_t low = (uint32_t)(bits >> 32);
        double d;
        float f;
        memcpy(&d, &bits, sizeof d);
        memcpy(&f, &low, sizeof f);
        if (isfinite(d))
            check_double(d);
        if (isfinite(f))
            check_float(f);
        check_double((double)(bits >> 40) / 1000);
    }
}
END_TEST

static const char *shown(double value, int digits)
{
    static char text[64];

    (void)ampi_text_from_double(value, digits, text, sizeof text);
    return text;
}

START_TEST(the_shortest_text_is_taken)
{
    char tiny[4] = "xxx";

    ck_assert_str_eq(shown(0.1, 17), "0.1");
    ck_assert_str_eq(shown(0.1f, 9), "0.1");
    ck_assert_str_eq(shown(1000, 17), "1000");
    ck_assert_str_eq(shown(-3, 9), "-3");
    ck_assert_str_eq(shown(0.30000000000000004, 17), "0.30000000000000004");
    ck_assert_str_eq(shown(1e300, 17), "1e+300");
    ck_assert_str_eq(shown(HUGE_VAL, 17), "inf");
    ck_assert_uint_eq(ampi_text_from_double(0.125, 17, tiny, sizeof tiny), 5);
    ck_assert_str_eq(tiny, "0.1");
    ck_assert_uint_eq(ampi_text_from_double(0.125, 17, NULL, 0), 5);
    ck_assert_uint_eq(ampi_text_from_double(12345, 17, NULL, 0), 5);
}
END_TEST

static void check_locale(void)
{
    double d;

    ck_assert(number("0.5", &d) && d == 0.5);
    ck_assert(!number("0,5", &d));
    ck_assert_str_eq(shown(0.5, 17), "0.5");
    ck_assert_str_eq(shown(-1.25e-7, 17), "-1.25e-07");
    ck_assert_str_eq(shown(123456, 17), "123456");
    check_double(1.0 / 3);
    check_float(-1.0f / 3);
}

/* Locales whose decimal point is no point, ps_AF's is two bytes long; those that are installed. */
START_TEST(the_locale_does_not_matter)
{
    const char *const names[] = { "C.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF", "ps_AF.UTF-8" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_ALL, names[i]))
            check_locale();
        else
            fprintf(stderr, "no locale %s here\n", names[i]);
    }
}
END_TEST

START_TEST(well_formed_utf8)
{
    const char *const good[] = { "",
                                 "plain",
                                 "\xc3\xa9",
                                 "\xe2\x82\xac",
                                 "\xf0\x9f\x98\x80",
                                 "\xf4\x8f\xbf\xbf",
                                 "\xed\x9f\xbf",
                                 "\xee\x80\x80",
                                 "\xc2\x80",
                                 "\xe0\xa0\x80",
                                 "\xf0\x90\x80\x80",
                                 "a\xc3\xa9z" };
    const char *const bad[] = { "\x80",
                                "\xc3",
                                "\xc3z",
                                "\xc0\x80",
                                "\xc1\xbf",
                                "\xe2\x82",
                                "\xe0\x9f\xbf",
                                "\xed\xa0\x80",
                                "\xf0\x8f\xbf\xbf",
                                "\xf4\x90\x80\x80",
                                "\xf5\x80\x80\x80",
                                "\xff",
                                "a\xe9z",
                                "\xf0\x9f\x98" };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(ampi_text_is_utf8(good[i]), "good %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!ampi_text_is_utf8(bad[i]), "bad %zu", i);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { reads_numbers,
                                   refuses_what_is_no_number,
                                   reads_whole_numbers,
                                   knows_whole_numbers_of_any_length,
                                   numbers_come_back_bit_for_bit,
                                   the_shortest_text_is_taken,
                                   the_locale_does_not_matter,
                                   well_formed_utf8,
                                   NULL };
    return test_suite("core.text", tests);
}

TEST_MAIN(suite)
