/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/npy_header.c - the text in a .npy header: a Python dictionary with descr, fortran_order and
 * shape, in any order, with either quotes and any blanks.
 */
#include "npy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VALUES ((size_t)1 << 32)
#define LONGEST_WORD 32

enum { SEEN_TYPE = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

typedef struct reader {
    const char *at;
    npy_array *out;
    unsigned seen;
    char *why;
    size_t size;
} reader;

static bool fault(reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fault(reader *r, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(r->why, r->size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- words ---- */

static char peek(reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
    return *r->at;
}

static bool take(reader *r, char wanted)
{
    if (peek(r) != wanted)
        return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    (void)peek(r);
    if (strncmp(r->at, word, strlen(word)) != 0)
        return false;
    r->at += strlen(word);
    return true;
}

static bool take_quoted(reader *r, char out[LONGEST_WORD])
{
    const char quote = peek(r);
    const char *const first = r->at + 1;
    const char *const end = quote == '\'' || quote == '"' ? strchr(first, quote) : NULL;

    if (!end || end - first >= LONGEST_WORD)
        return false;
    memcpy(out, first, (size_t)(end - first));
    out[end - first] = '\0';
    r->at = end + 1;
    return true;
}

/* ---- values ---- */

static bool take_side(reader *r)
{
    npy_array *const out = r->out;
    unsigned long long side;
    char *end;

    if (peek(r) == '-')
        return fault(r, "the shape has a negative side");
    if (*r->at < '0' || *r->at > '9')
        return fault(r, "the shape is no tuple of whole numbers");
    if (out->rank == NPY_RANK)
        return fault(r, "the shape has more than %d sides", NPY_RANK);
    errno = 0;
    side = strtoull(r->at, &end, 10);
    if (errno != 0 || side > MOST_VALUES ||
        __builtin_mul_overflow(out->count, (size_t)side, &out->count) || out->count > MOST_VALUES)
        return fault(r, "the shape has more than %zu values", MOST_VALUES);
    out->dims[out->rank++] = (size_t)side;
    r->at = end;
    return true;
}

static bool take_shape(reader *r)
{
    r->out->rank = 0;
    r->out->count = 1;
    r->seen |= SEEN_SHAPE;
    if (!take(r, '('))
        return fault(r, "the shape is no tuple of whole numbers");
    while (!take(r, ')')) {
        if (!take_side(r))
            return false;
        if (!take(r, ',') && peek(r) != ')')
            return fault(r, "the shape is no tuple of whole numbers");
    }
    if (r->out->rank == 0)
        return fault(r, "the shape has no side: a single value");
    return true;
}

static bool take_type(reader *r)
{
    char type[LONGEST_WORD];

    r->seen |= SEEN_TYPE;
    if (!take_quoted(r, type) || strcmp(type, "<f4") != 0)
        return fault(r, "the values are not little-endian float32 ('<f4')");
    return true;
}

static bool take_order(reader *r)
{
    r->seen |= SEEN_ORDER;
    if (!take_word(r, "False"))
        return fault(r, "the array is not in C order");
    return true;
}

/* ---- the dictionary ---- */

static bool take_entry(reader *r)
{
    char key[LONGEST_WORD];

    if (!take_quoted(r, key) || !take(r, ':'))
        return fault(r, "the header is no dictionary");
    if (strcmp(key, "descr") == 0)
        return take_type(r);
    if (strcmp(key, "fortran_order") == 0)
        return take_order(r);
    if (strcmp(key, "shape") == 0)
        return take_shape(r);
    return fault(r, "the header has the key '%s', which is none of .npy", key);
}

bool npy_parse_header(const char *header, npy_array *out, char *why, size_t size)
{
    reader r = { header, out, 0, why, size };

    if (!take(&r, '{'))
        return fault(&r, "the header is no dictionary");
    while (!take(&r, '}')) {
        if (!take_entry(&r))
            return false;
        if (!take(&r, ',') && peek(&r) != '}')
            return fault(&r, "the header is no dictionary");
    }
    if (peek(&r) != '\0')
        return fault(&r, "the header has more than a dictionary");
    if (r.seen != SEEN_ALL)
        return fault(&r, "the header lacks descr, fortran_order or shape");
    return true;
}
