/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/lines.c - standard input as paths, read with poll() so that a wait is seen before it begins.
 */
#define _POSIX_C_SOURCE 200809L
#include "lines.h"

#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void lines_start(lines *input, char end)
{
    input->first = input->filled = 0;
    input->end = end;
    input->skipping = input->at_end = false;
    input->failed = 0;
}

/* 1 = there is something to read (or its end), 0 = not within `milliseconds`. */
static int ready(int milliseconds)
{
    struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN, .revents = 0 };

    return poll(&wait, 1, milliseconds);
}

bool lines_wait(void)
{
    /* An interrupt ends poll() even where read() would be taken up again. */
    while (!cli_interrupted() && ready(-1) < 0 && errno == EINTR)
        continue;
    return !cli_interrupted();
}

/* Moves what is left to the front and reads more behind it. */
static void fill(lines *input)
{
    ssize_t got;

    memmove(input->buffer, input->buffer + input->first, input->filled - input->first);
    input->filled -= input->first;
    input->first = 0;
    /* One byte stays free for the NUL of a last line without its end. */
    got =
        read(STDIN_FILENO, input->buffer + input->filled, sizeof input->buffer - 1 - input->filled);
    if (got > 0)
        input->filled += (size_t)got;
    else if (got == 0)
        input->at_end = true;
    else if (errno != EINTR && errno != EAGAIN)
        input->failed = errno;
}

/* The line that ends at `stop`, which is past the buffer's last byte when the input lacks an end.
 */
static lines_state take(lines *input, size_t stop, const char **text)
{
    char *const line = input->buffer + input->first;
    const size_t length = stop - input->first;
    const bool skipped = input->skipping;

    input->first = stop < input->filled ? stop + 1 : stop;
    input->skipping = false;
    *text = line;
    line[length] = '\0';
    if (skipped)
        *line = '\0';
    if (strlen(line) == length || skipped)
        return LINES_PATH;
    *text = "a line holds a NUL byte: --null reads paths that end with one";
    return LINES_BAD;
}

/* The buffer is full of one line: it is given up, and passed over to its end. */
static lines_state give_up(lines *input, const char **text)
{
    const bool first = !input->skipping;

    input->first = input->filled = 0;
    input->skipping = true;
    *text = first ? "a line is longer than any path" : "";
    return first ? LINES_BAD : LINES_PATH;
}

lines_state lines_next(lines *input, const char **text)
{
    for (;;) {
        const size_t left = input->filled - input->first;
        const char *const stop = memchr(input->buffer + input->first, input->end, left);
        if (cli_interrupted())
            return LINES_STOPPED;
        if (stop)
            return take(input, (size_t)(stop - input->buffer), text);
        if (left == sizeof input->buffer - 1)
            return give_up(input, text);
        if (input->failed) {
            *text = strerror(input->failed);
            input->failed = 0;
            input->at_end = true;
            input->first = input->filled;
            return LINES_BAD;
        }
        if (input->at_end && left > 0)
            return take(input, input->filled, text);
        if (input->at_end)
            return LINES_END;
        if (ready(0) == 0)
            return LINES_WAIT;
        fill(input);
    }
}
