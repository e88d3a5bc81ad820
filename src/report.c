/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/report.c - messages for people, on stderr, with the advice that the library leaves out.
 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* C1 controls are two bytes in UTF-8: C2 80..9F. */
static bool is_c1(const unsigned char *at)
{
    return at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
}

void cli_printable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        if (is_c1(at))
            at[1] = '?';
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] == '?'))
            *at = '?';
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

static const char *advice(const amp_error *error)
{
    switch (error->status) {
    case AMP_E_NOMEM:
        return "fewer threads need less memory (--threads 1), in training also --set batch=N";
    case AMP_E_IO:
        return io_advice(error);
    case AMP_E_UNSUPPORTED:
        return is_about(error, "model") ? "a newer amp may have written it: see amp --version"
                                        : NULL;
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
