/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/report.c - messages for people, on stderr, with the advice that the library leaves out.
 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Bytes that the first one promises, and the range of the second, which rules out what is longer
   than need be, surrogates and what is past U+10FFFF; 0 for no first byte. */
static size_t promised(unsigned char first, unsigned char *low, unsigned char *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t cli_character(const char *text)
{
    const unsigned char *const at = (const unsigned char *)text;
    unsigned char low, high;
    const size_t length = promised(at[0], &low, &high);

    if (length > 1 && (at[1] < low || at[1] > high))
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((at[i] & 0xc0u) != 0x80u)
            return 0;
    }
    return length;
}

/* C0, DEL, and C1, which are two bytes: C2 80..9F. */
static bool is_control(const char *text)
{
    const unsigned char *const at = (const unsigned char *)text;

    return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

void cli_printable(char *text)
{
    while (*text) {
        const size_t length = cli_character(text);
        const size_t bytes = length ? length : 1;
        if (!length || is_control(text))
            memset(text, '?', bytes);
        text += bytes;
    }
}

static void line(const char *kind, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void line(const char *kind, const char *format, va_list arguments)
{
    char text[6000];

    (void)vsnprintf(text, sizeof text, format, arguments);
    cli_printable(text);
    (void)fprintf(stderr, "amp: %s%s\n", kind, text);
}

void cli_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line("error: ", format, arguments);
    va_end(arguments);
}

void cli_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    line("", format, arguments);
    va_end(arguments);
}

static bool is_about(const amp_error *error, const char *subject)
{
    return strcmp(error->where, subject) == 0;
}

static const char *io_advice(const amp_error *error)
{
    if (error->detail == ENOSPC || error->detail == EDQUOT || error->detail == EFBIG)
        return "what was there before is untouched: make room and run the same command again";
    return NULL;
}

static const char *backend_advice(const amp_error *error)
{
    if (is_about(error, "train"))
        return "the training diverged: a lower rate may help, --set lr=0.02";
    return "run again with ONEDNN_VERBOSE=1 to see what oneDNN refused";
}

static const char *unsupported_advice(const amp_error *error)
{
    if (is_about(error, "model"))
        return "a newer amp may have written it: see amp --version";
    if (is_about(error, "score") && strstr(error->message, "no int8 form"))
        return "amp calibrate --precision int8 makes it, with its thresholds";
    return NULL;
}

static const char *advice(const amp_error *error)
{
    switch (error->status) {
    case AMP_E_NOMEM:
        return "fewer threads need less memory (--threads 1), in training also --set batch=N";
    case AMP_E_IO:
        return io_advice(error);
    case AMP_E_UNSUPPORTED:
        return unsupported_advice(error);
    case AMP_E_BACKEND:
        return backend_advice(error);
    case AMP_OK:
    case AMP_E_LIMIT:
    case AMP_E_ARGUMENT:
    case AMP_E_FORMAT:
    case AMP_E_SHAPE:
    case AMP_E_CANCELLED:
    case AMP_E_INTERNAL:
    case AMP_STATUS_FORCE_INT:
        break;
    }
    return NULL;
}

int cli_exit_code(const amp_error *error, int otherwise)
{
    if (error->status == AMP_E_CANCELLED)
        return CLI_INTERRUPTED;
    if (error->status == AMP_E_NOMEM)
        return CLI_RESOURCES;
    if (error->status == AMP_E_IO && (error->detail == ENOSPC || error->detail == EDQUOT ||
                                      error->detail == ENOMEM || error->detail == EFBIG))
        return CLI_RESOURCES;
    return otherwise;
}

int cli_fail(const amp_error *error, int otherwise)
{
    const char *const hint = advice(error);
    const int code = cli_exit_code(error, otherwise);

    if (code == CLI_INTERRUPTED) {
        cli_note("interrupted");
        return code;
    }
    cli_error("%s: %s", error->where, error->message);
    if (hint)
        cli_note("%s", hint);
    return code;
}

bool cli_flush_output(void)
{
    static bool said;

    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (!said)
        cli_error("cannot write to the standard output%s%s", errno ? ": " : "",
                  errno ? strerror(errno) : "");
    said = true;
    return false;
}
