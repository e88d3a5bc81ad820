/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/status.c - status names and the one place where an error record is filled.
 */
#define _GNU_SOURCE /* strerrordesc_np: untranslated, and safe in threads */
#include "core/core.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(amp_error) == 256, "amp_error is 256 bytes in every version");
_Static_assert(offsetof(amp_error, where) == 8, "amp_error layout is frozen");
_Static_assert(offsetof(amp_error, message) == 32, "amp_error layout is frozen");

const char *amp_status_name(amp_status status)
{
    switch (status) {
#define NAME_CASE(name, value, text)                                                               \
    case name:                                                                                     \
        return #name;
        AMP_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    case AMP_STATUS_FORCE_INT:
        break;
    }
    return "AMP_E_?";
}

const char *amp_status_text(amp_status status)
{
    switch (status) {
#define TEXT_CASE(name, value, text)                                                               \
    case name:                                                                                     \
        return text;
        AMP_STATUS_LIST(TEXT_CASE)
#undef TEXT_CASE
    case AMP_STATUS_FORCE_INT:
        break;
    }
    return "unknown status";
}

/* C0, DEL and, as U+0080..U+009F, C1: what a terminal may take as a command. */
static bool is_control(const char *at, size_t length)
{
    const unsigned char first = (unsigned char)at[0];

    return length == 1 ? first < 0x20 || first == 0x7f
                       : first == 0xc2 && (unsigned char)at[1] < 0xa0;
}

/* File names and file contents are any bytes; what is no text, or no harmless one, becomes '?'. */
static void make_printable(char *text)
{
    while (*text != '\0') {
        size_t length = ampi_text_character(text);
        if (length > 0 && !is_control(text, length)) {
            text += length;
            continue;
        }
        for (length = length > 0 ? length : 1; length > 0; length--)
            *text++ = '?';
    }
}

/* A text that was cut may end inside a character: drops what is left of it. */
static void drop_half_character(char *text)
{
    size_t length = strlen(text), back = 0;

    while (back < 3 && back < length && ((unsigned char)text[length - 1 - back] & 0xc0u) == 0x80u)
        back++;
    if (back < length && (unsigned char)text[length - 1 - back] >= 0xc0u &&
        ampi_text_character(text + length - 1 - back) != back + 1)
        text[length - 1 - back] = '\0';
}

static void set_text(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void set_text(char *out, size_t size, const char *format, va_list arguments)
{
    const int length = vsnprintf(out, size, format, arguments);

    if (length < 0)
        out[0] = '\0';
    else if ((size_t)length >= size)
        drop_half_character(out);
    make_printable(out);
}

static void set_head(amp_error *error, amp_status status, const char *where, int detail)
{
    error->status = status;
    error->detail = detail;
    (void)snprintf(error->where, sizeof error->where, "%s", where);
    make_printable(error->where);
}

void ampi_note(amp_error *error, amp_status status, const char *where, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return;
    set_head(error, status, where, 0);
    va_start(arguments, format);
    set_text(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}

void ampi_note_errno(amp_error *error, amp_status status, const char *where, int code,
                     const char *format, ...)
{
    const char *const known = strerrordesc_np(code);
    const char *const reason = known ? known : "unknown system error";
    /* The reason says more than the end of a long text: it always fits. */
    const size_t room = sizeof error->message - strlen(reason) - strlen(": ");
    va_list arguments;
    size_t used;

    if (!error)
        return;
    set_head(error, status, where, code);
    va_start(arguments, format);
    set_text(error->message, room, format, arguments);
    va_end(arguments);
    used = strlen(error->message);
    (void)snprintf(error->message + used, sizeof error->message - used, ": %s", reason);
}

const char *ampi_path_tail(const char *path)
{
    const size_t length = strlen(path);

    if (length <= AMPI_PATH_SHOWN)
        return length > 0 ? path : "''";
    path += length - AMPI_PATH_SHOWN;
    /* Not in the middle of a UTF-8 character, which has at most three further bytes. */
    for (int i = 0; i < 3 && ((unsigned char)*path & 0xc0u) == 0x80u; i++)
        path++;
    return path;
}
