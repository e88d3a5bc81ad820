/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/text.c - numbers from and to text, the same in every locale.
 */
#define _GNU_SOURCE
#include "core/core.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 64u

/* The functions of the C library pass over white space in front. */
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool terminate(const char *text, size_t length, char out[LONGEST])
{
    if (length == 0 || length >= LONGEST || is_blank(text[0]) || memchr(text, '\0', length))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

bool ampi_text_to_double(const char *text, size_t length, double *out)
{
    char copy[LONGEST], *end;
    locale_t plain;
    double value;

    if (!terminate(text, length, copy))
        return false;
    plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return false;
    errno = 0;
    value = strtod_l(copy, &end, plain);
    freelocale(plain);
    if (*end != '\0' || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool ampi_text_to_int64(const char *text, size_t length, int64_t *out)
{
    char copy[LONGEST], *end;
    long long value;

    if (!terminate(text, length, copy))
        return false;
    errno = 0;
    value = strtoll(copy, &end, 10);
    if (*end != '\0' || errno != 0)
        return false;
    *out = value;
    return true;
}

bool ampi_text_is_integer(const char *text, size_t length)
{
    const size_t sign = length > 0 && text[0] == '-';

    for (size_t i = sign; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return length > sign;
}

/* "1000", not "1e+03". */
static bool is_short_integer(double value)
{
    return fabs(value) < 1e9 && !(value < trunc(value)) && !(value > trunc(value));
}

/* Whatever the host's locale prints for a decimal point, of one byte or more, becomes '.'. */
static size_t use_point(char *text)
{
    size_t kept = 0;

    for (size_t i = 0; text[i] != '\0'; i++) {
        if (strchr("+-0123456789e", text[i]))
            text[kept++] = text[i];
        else if (kept > 0 && text[kept - 1] != '.')
            text[kept++] = '.';
    }
    text[kept] = '\0';
    return kept;
}

/* Not smaller and not greater: -Wfloat-equal has no better word for the same number. */
static bool same(double a, double b, bool as_float)
{
    return as_float ? !((float)a < (float)b || (float)a > (float)b) : !(a < b || a > b);
}

size_t ampi_text_from_double(double value, int digits, char *out, size_t size)
{
    char text[LONGEST];
    size_t length = 0;

    if (is_short_integer(value) || !isfinite(value))
        return (size_t)snprintf(out, size, "%.0f", value);
    for (int d = 1; d <= digits; d++) {
        double back;
        (void)snprintf(text, sizeof text, "%.*g", d, value);
        length = use_point(text);
        if (ampi_text_to_double(text, length, &back) && same(back, value, digits <= 9))
            break;
    }
    if (size > 0)
        (void)snprintf(out, size, "%s", text);
    return length;
}

/* The second byte's range says what the first leaves open: overlong, surrogate, too large. */
static bool second_fits(unsigned char first, unsigned char second)
{
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    return second >= low && second <= high;
}

size_t ampi_text_character(const char *at)
{
    const unsigned char *const s = (const unsigned char *)at;
    size_t length = 1;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4 || !second_fits(s[0], s[1]))
        return 0;
    length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 2; i < length; i++) {
        if ((s[i] & 0xc0u) != 0x80u)
            return 0;
    }
    return length;
}

bool ampi_text_is_utf8(const char *text)
{
    while (*text != '\0') {
        const size_t length = ampi_text_character(text);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}
