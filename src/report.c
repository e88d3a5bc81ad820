/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/report.c - messages for people, on stderr, with the advice that the library leaves out.
 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void line(const char *kind, const char *format, va_list arguments)
{
    (void)fprintf(stderr, "amp: %s", kind);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
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

static const char *advice(const amp_error *error)
{
    switch (error->status) {
    case AMP_E_NOMEM:
        return "try a smaller batch or --threads 1";
    case AMP_E_LIMIT:
        return "if the input is to be trusted, raise the limit";
    case AMP_E_UNSUPPORTED:
        return "the file may be newer than this program: see amp --version";
    case AMP_E_BACKEND:
        return "run again with ONEDNN_VERBOSE=1 to see what oneDNN refused";
    case AMP_OK:
    case AMP_E_ARGUMENT:
    case AMP_E_IO:
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
    cli_error("%s: %s (%s)", error->where, error->message, amp_status_text(error->status));
    if (hint)
        cli_note("%s", hint);
    return code;
}
