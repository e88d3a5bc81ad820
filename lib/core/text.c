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

static bool terminate(const char *text, size_t length, char out[LONGEST])
{
    if (length == 0 || length >= LONGEST || text[0] == ' ' || memchr(text, '\0', length))
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

/* "1000", not "1e+03". */
static bool is_short_integer(double value)
{
    return fabs(value) < 1e9 && !(value < trunc(value)) && !(value > trunc(value));
}

size_t ampi_text_from_double(double value, int digits, char *out, size_t size)
{
    char text[LONGEST];
    int length = 0;

    if (is_short_integer(value))
        return (size_t)snprintf(out, size, "%.0f", value);
    for (int d = 1; d <= digits; d++) {
        double back;
        length = snprintf(text, sizeof text, "%.*g", d, value);
        /* The host's locale may print a comma. */
        for (char *c = text; *c; c++)
            *c = *c == ',' ? '.' : *c;
        if (!ampi_text_to_double(text, (size_t)length, &back))
            continue;
        if (digits <= 9 ? !((float)back < (float)value || (float)back > (float)value)
                        : !(back < value || back > value))
            break;
    }
    if (size > 0)
        (void)snprintf(out, size, "%s", text);
    return (size_t)length;
}

/* The second byte's range says what the first leaves open: overlong, surrogate, too large. */
static bool second_fits(unsigned char first, unsigned char second)
{
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    return second >= low && second <= high;
}

/* Bytes of the character that starts at s (NUL-terminated), 0 when it is malformed. */
static size_t character(const unsigned char *s)
{
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
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        const size_t length = character(at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}
