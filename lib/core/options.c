/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/options.c - options as declared tables: parse, default, check, describe "key=value".
 *
 * One table a subject serves C strings, the program's flags, Python keywords and help.
 */
#include "core/core.h"

#include <stdio.h>
#include <string.h>

static void *field(void *fields, const ampi_option *row)
{
    return (unsigned char *)fields + row->offset;
}

static const void *const_field(const void *fields, const ampi_option *row)
{
    return (const unsigned char *)fields + row->offset;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    return ampi_min_size(ampi_min_size(a, b), c);
}

/* Levenshtein distance of short words; longer ones count as far apart. */
static size_t distance(const char *a, size_t a_length, const char *b)
{
    size_t row[33];
    const size_t b_length = strlen(b);

    if (a_length > 32 || b_length > 32)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

static amp_status unknown_key(const ampi_option *table, size_t rows, const char *key, size_t length,
                              const char *where, amp_error *error)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < rows; i++) {
        const size_t d = distance(key, length, table[i].key);
        if (d < best) {
            best = d;
            nearest = table[i].key;
        }
    }
    return ampi_fail(error, AMP_E_ARGUMENT, where, "unknown option '%.*s'%s%s%s",
                     (int)ampi_min_size(length, 40), key, nearest ? ", the nearest is '" : "",
                     nearest ? nearest : "", nearest ? "'" : "");
}

static amp_status bad_value(const ampi_option *row, const char *value, size_t length,
                            const char *where, amp_error *error)
{
    char text[200];

    (void)ampi_options_describe(row, text, sizeof text);
    return ampi_fail(error, AMP_E_ARGUMENT, where, "%s='%.*s' is not allowed: %s", row->key,
                     (int)ampi_min_size(length, 40), value, text);
}

static bool set_int(const ampi_option *row, void *out, const char *value, size_t length)
{
    int64_t number;

    if (!ampi_text_to_int64(value, length, &number) || (double)number < row->low ||
        (double)number > row->high)
        return false;
    memcpy(out, &number, sizeof number);
    return true;
}

static bool set_float(const ampi_option *row, void *out, const char *value, size_t length)
{
    double number;

    if (!ampi_text_to_double(value, length, &number) || number < row->low || number > row->high)
        return false;
    memcpy(out, &number, sizeof number);
    return true;
}

/* Position of a word in "a|b|c", or -1. */
static int32_t choice_index(const char *choices, const char *value, size_t length)
{
    for (int32_t index = 0;; index++) {
        const size_t word = strcspn(choices, "|");
        if (word == length && strncmp(choices, value, length) == 0)
            return index;
        if (choices[word] == '\0')
            return -1;
        choices += word + 1;
    }
}

static bool set_bool(void *out, const char *value, size_t length)
{
    const int32_t index = choice_index("0|1|false|true|no|yes|off|on", value, length);
    const bool flag = index % 2 == 1;

    if (index < 0)
        return false;
    memcpy(out, &flag, sizeof flag);
    return true;
}

static bool set_choice(const ampi_option *row, void *out, const char *value, size_t length)
{
    const int32_t index = choice_index(row->choices, value, length);

    if (index < 0)
        return false;
    memcpy(out, &index, sizeof index);
    return true;
}

static bool set_text(const ampi_option *row, void *out, const char *value, size_t length)
{
    if (length >= row->size || memchr(value, '\0', length))
        return false;
    memset(out, 0, row->size);
    memcpy(out, value, length);
    return true;
}

static bool set_row(const ampi_option *row, void *out, const char *value, size_t length)
{
    switch (row->type) {
    case AMPI_OPTION_INT:
        return set_int(row, out, value, length);
    case AMPI_OPTION_FLOAT:
        return set_float(row, out, value, length);
    case AMPI_OPTION_BOOL:
        return set_bool(out, value, length);
    case AMPI_OPTION_CHOICE:
        return set_choice(row, out, value, length);
    case AMPI_OPTION_TEXT:
        return set_text(row, out, value, length);
    }
    return false;
}

void ampi_options_default(const ampi_option *table, size_t rows, void *fields)
{
    for (size_t i = 0; i < rows; i++)
        (void)set_row(&table[i], field(fields, &table[i]), table[i].standard,
                      strlen(table[i].standard));
}

amp_status ampi_options_set(const ampi_option *table, size_t rows, void *fields, ampi_word key,
                            ampi_word value, const char *where, amp_error *error)
{
    for (size_t i = 0; i < rows; i++) {
        const ampi_option *const row = &table[i];
        if (strlen(row->key) != key.length || strncmp(row->key, key.at, key.length) != 0)
            continue;
        if (!value.at && row->type != AMPI_OPTION_BOOL)
            return ampi_fail(error, AMP_E_ARGUMENT, where, "the option %s needs a value", row->key);
        if (!value.at)
            value = (ampi_word){ "1", 1 };
        if (!set_row(row, field(fields, row), value.at, value.length))
            return bad_value(row, value.at, value.length, where, error);
        return AMP_OK;
    }
    return unknown_key(table, rows, key.at, key.length, where, error);
}

amp_status ampi_options_parse(const ampi_option *table, size_t rows, void *fields, const char *text,
                              char separator, const char *where, amp_error *error)
{
    const char stops[2] = { separator, '\0' };

    while (text && *text) {
        const size_t length = strcspn(text, stops);
        const char *const equals = memchr(text, '=', length);
        const ampi_word key = { text, equals ? (size_t)(equals - text) : length };
        ampi_word value = { NULL, 0 };
        if (equals) {
            value.at = equals + 1;
            value.length = length - key.length - 1;
        }
        if (key.length == 0)
            return ampi_fail(error, AMP_E_ARGUMENT, where, "an option without a name in '%.80s'",
                             text);
        AMPI_TRY(ampi_options_set(table, rows, fields, key, value, where, error));
        text += length;
        text += *text == separator;
    }
    return AMP_OK;
}

static void choice_word(const ampi_option *row, int32_t index, char *out, size_t size)
{
    const char *word = row->choices;

    while (index-- > 0)
        word += strcspn(word, "|") + 1;
    (void)snprintf(out, size, "%.*s", (int)strcspn(word, "|"), word);
}

static void format_value(const ampi_option *row, const void *value, char *out, size_t size)
{
    int64_t integer;
    double number;
    int32_t choice;
    bool flag;

    switch (row->type) {
    case AMPI_OPTION_INT:
        memcpy(&integer, value, sizeof integer);
        (void)snprintf(out, size, "%lld", (long long)integer);
        break;
    case AMPI_OPTION_FLOAT:
        memcpy(&number, value, sizeof number);
        (void)ampi_text_from_double(number, 17, out, size);
        break;
    case AMPI_OPTION_BOOL:
        memcpy(&flag, value, sizeof flag);
        (void)snprintf(out, size, "%d", flag ? 1 : 0);
        break;
    case AMPI_OPTION_CHOICE:
        memcpy(&choice, value, sizeof choice);
        choice_word(row, choice, out, size);
        break;
    case AMPI_OPTION_TEXT:
        (void)snprintf(out, size, "%s", (const char *)value);
        break;
    }
}

/* "0.10" and "0.1" are one default. */
static bool is_default(const ampi_option *row, const void *value, const char *shown)
{
    union {
        int64_t integer;
        double number;
        int32_t choice;
        bool flag;
    } standard;
    char text[64];

    if (row->type == AMPI_OPTION_TEXT)
        return strcmp(value, row->standard) == 0;
    (void)set_row(row, &standard, row->standard, strlen(row->standard));
    format_value(row, &standard, text, sizeof text);
    return strcmp(shown, text) == 0;
}

static size_t append(char *out, size_t size, size_t at, const char *text)
{
    const size_t length = strlen(text);

    if (at < size)
        (void)snprintf(out + at, size - at, "%s", text);
    return at + length;
}

size_t ampi_options_format(const ampi_option *table, size_t rows, const void *fields,
                           bool only_changed, char *out, size_t size)
{
    size_t used = 0;

    if (size > 0)
        out[0] = '\0';
    for (size_t i = 0; i < rows; i++) {
        char value[512];
        format_value(&table[i], const_field(fields, &table[i]), value, sizeof value);
        if (only_changed && is_default(&table[i], const_field(fields, &table[i]), value))
            continue;
        used = append(out, size, used, used ? "," : "");
        used = append(out, size, used, table[i].key);
        used = append(out, size, used, "=");
        used = append(out, size, used, value);
    }
    return used;
}

static void describe_range(const ampi_option *row, char *out, size_t size)
{
    char low[32], high[32];

    (void)ampi_text_from_double(row->low, 17, low, sizeof low);
    (void)ampi_text_from_double(row->high, 17, high, sizeof high);
    switch (row->type) {
    case AMPI_OPTION_INT:
        (void)snprintf(out, size, "a whole number, %.0f..%.0f", row->low, row->high);
        break;
    case AMPI_OPTION_FLOAT:
        (void)snprintf(out, size, "a number, %s..%s", low, high);
        break;
    case AMPI_OPTION_BOOL:
        (void)snprintf(out, size, "0 or 1");
        break;
    case AMPI_OPTION_CHOICE:
        (void)snprintf(out, size, "one of %s", row->choices);
        break;
    case AMPI_OPTION_TEXT:
        (void)snprintf(out, size, "text of at most %zu bytes", row->size - 1);
        break;
    }
}

size_t ampi_options_describe(const ampi_option *row, char *out, size_t size)
{
    char range[160];
    int length;

    describe_range(row, range, sizeof range);
    length =
        snprintf(out, size, "%s (default %s)", range, row->standard[0] ? row->standard : "none");
    return length < 0 ? 0 : (size_t)length;
}
