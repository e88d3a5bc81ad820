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

/* Control characters from file names or file contents must not reach a terminal. */
static void flatten(char *message)
{
    for (unsigned char *c = (unsigned char *)message; *c; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

static void fill(amp_error *error, amp_status status, const char *where, int detail,
                 const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

static void fill(amp_error *error, amp_status status, const char *where, int detail,
                 const char *format, va_list arguments)
{
    if (!error)
        return;
    error->status = status;
    error->detail = detail;
    (void)snprintf(error->where, sizeof error->where, "%s", where);
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    flatten(error->message);
}

amp_status ampi_fail(amp_error *error, amp_status status, const char *where, const char *format,
                     ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, status, where, 0, format, arguments);
    va_end(arguments);
    return status;
}

amp_status ampi_fail_errno(amp_error *error, amp_status status, const char *where, int code,
                           const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, status, where, code, format, arguments);
    va_end(arguments);
    if (error) {
        char text[96];
        const size_t used = strlen(error->message);
        const char *const reason = strerrordesc_np(code);
        (void)snprintf(text, sizeof text, ": %s", reason ? reason : "unknown system error");
        (void)snprintf(error->message + used, sizeof error->message - used, "%s", text);
    }
    return status;
}

amp_status ampi_fail_nomem(amp_error *error, const char *where, size_t bytes)
{
    return ampi_fail(error, AMP_E_NOMEM, where, "no memory for %zu bytes", bytes);
}

const char *ampi_path_tail(const char *path)
{
    const size_t length = strlen(path);

    if (length <= AMPI_PATH_SHOWN)
        return path;
    path += length - AMPI_PATH_SHOWN;
    /* Not in the middle of a UTF-8 character. */
    while (((unsigned char)*path & 0xc0u) == 0x80u)
        path++;
    return path;
}
