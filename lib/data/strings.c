/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/strings.c - a list of texts in one block; a set of a million files costs two allocations.
 */
#include "data/strings.h"

#include <string.h>

void ampi_strings_init(ampi_strings *strings, amp_context *context)
{
    memset(strings, 0, sizeof *strings);
    strings->context = context;
}

void ampi_strings_clear(ampi_strings *strings)
{
    ampi_free(strings->context, strings->text);
    ampi_free(strings->context, strings->offsets);
    ampi_strings_init(strings, strings->context);
}

/* Room for one more text of `length` bytes; *out is where it goes. */
static amp_status reserve(ampi_strings *strings, size_t length, char **out, amp_error *error)
{
    size_t need;

    if (!ampi_add(strings->text_size, length, &need) || !ampi_add(need, 1, &need))
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "a name of %zu bytes", length);
    AMPI_TRY(ampi_grow(strings->context, &strings->text, &strings->text_capacity, need, 1, error));
    AMPI_TRY(ampi_grow(strings->context, &strings->offsets, &strings->capacity, strings->count + 1,
                       sizeof *strings->offsets, error));
    strings->offsets[strings->count++] = strings->text_size;
    *out = strings->text + strings->text_size;
    strings->text_size = need;
    return AMP_OK;
}

amp_status ampi_strings_add(ampi_strings *strings, const char *text, size_t length,
                            amp_error *error)
{
    char *at = NULL;

    AMPI_TRY(reserve(strings, length, &at, error));
    memcpy(at, text, length);
    at[length] = '\0';
    return AMP_OK;
}

amp_status ampi_strings_add_path(ampi_strings *strings, const char *folder, const char *name,
                                 amp_error *error)
{
    const size_t head = strlen(folder), tail = strlen(name);
    const size_t slash = head > 0 && folder[head - 1] != '/' ? 1 : 0;
    char *at = NULL;

    AMPI_TRY(reserve(strings, head + slash + tail, &at, error));
    memcpy(at, folder, head);
    if (slash)
        at[head] = '/';
    memcpy(at + head + slash, name, tail + 1);
    return AMP_OK;
}

const char *ampi_strings_get(const ampi_strings *strings, size_t index)
{
    return strings->text + strings->offsets[index];
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

amp_status ampi_strings_add_lines(ampi_strings *strings, const char *text, size_t size,
                                  amp_error *error)
{
    const char *const end = text + size;

    while (text < end) {
        const char *const newline = memchr(text, '\n', (size_t)(end - text));
        const char *const next = newline ? newline + 1 : end;
        const char *last = newline ? newline : end;
        while (text < last && blank(*text))
            text++;
        while (last > text && blank(last[-1]))
            last--;
        if (last > text)
            AMPI_TRY(ampi_strings_add(strings, text, (size_t)(last - text), error));
        text = next;
    }
    return AMP_OK;
}
