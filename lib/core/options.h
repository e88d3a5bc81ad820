/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/options.h - declared options: "key=value,key=value" read by a table (options.c).
 */
#ifndef AMPI_OPTIONS_H
#define AMPI_OPTIONS_H

#include <amp/base.h>
#include <stdbool.h>

typedef enum ampi_option_type {
    AMPI_OPTION_INT,    /* int64_t, range low..high            */
    AMPI_OPTION_FLOAT,  /* double, range low..high             */
    AMPI_OPTION_BOOL,   /* bool: 0/1/true/false/yes/no         */
    AMPI_OPTION_CHOICE, /* int32_t index into choices          */
    AMPI_OPTION_TEXT    /* char[size], range = longest length  */
} ampi_option_type;

/* One row of a subject's table; the defaults are text, parsed like a user's value. */
typedef struct ampi_option {
    const char *key;
    ampi_option_type type;
    size_t offset; /* of the field in the subject's struct */
    size_t size;   /* AMPI_OPTION_TEXT: bytes of the field  */
    double low, high;
    const char *choices; /* "a|b|c", AMPI_OPTION_CHOICE only      */
    const char *standard;
    const char *help;
} ampi_option;

/* All defaults of a table into *fields. */
void ampi_options_default(const ampi_option *table, size_t rows, void *fields);

/* Part of a longer text, not NUL-terminated. */
typedef struct ampi_word {
    const char *at;
    size_t length;
} ampi_word;

/* One value; an unknown key or a bad value names the key, the range and the nearest known key. */
amp_status ampi_options_set(const ampi_option *table, size_t rows, void *fields, ampi_word key,
                            ampi_word value, const char *where, amp_error *error);

/* "key=value,key=value"; separator is ',' or '&'.  A bare key of type BOOL means
   key=1, others need a value.  NULL or "" is fine. */
amp_status ampi_options_parse(const ampi_option *table, size_t rows, void *fields, const char *text,
                              char separator, const char *where, amp_error *error);

/* Writes all values (only_changed: those that differ from the default) as "key=value,..." into
   out[size]; returns the length needed, as snprintf does. */
size_t ampi_options_format(const ampi_option *table, size_t rows, const void *fields,
                           bool only_changed, char *out, size_t size);

/* "a whole number, 1..20 (default 5)": the range and default of a row, for help and errors. */
size_t ampi_options_describe(const ampi_option *row, char *out, size_t size);

#endif
