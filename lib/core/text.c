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

size_t ampi_text_from_double(double value, int digits, char *out, size_t size)
{
    char text[LONGEST];
    int length = 0;

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
