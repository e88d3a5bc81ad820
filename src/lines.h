/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/lines.h - paths on standard input, one after another, without waiting unawares: a program
 * that writes a path and waits for its verdict must get it.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINES_LONGEST 65536

typedef struct lines {
    char buffer[LINES_LONGEST];
    size_t first, filled; /* bytes first .. filled - 1 are unread */
    char end;
    bool skipping; /* the rest of a line that was too long */
    bool at_end;
    int failed; /* errno of read() */
} lines;

typedef enum lines_state {
    LINES_PATH,    /* *text is a path without its end                          */
    LINES_WAIT,    /* nothing there at the moment: lines_wait(), then go on    */
    LINES_BAD,     /* *text says what is wrong with a line, or with the input  */
    LINES_STOPPED, /* cli_interrupted()                                       */
    LINES_END
} lines_state;

void lines_start(lines *input, char end);
lines_state lines_next(lines *input, const char **text);
/* Until there is something to read; false after an interrupt. */
bool lines_wait(void);

#endif
