/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/paths.h - the files that a command line names: files, folders walked, standard input.
 */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Who hears of the paths.  A call that returns false ends the walk. */
typedef struct paths_client {
    bool (*visit)(void *user, const char *path);
    bool (*bad)(void *user, const char *path, const char *why); /* a folder or a line of no use  */
    bool (*idle)(void *user); /* standard input has nothing at the moment */
    void *user;
    char end; /* of a path on standard input: '\n' or '\0' */
} paths_client;

/* Each path in order, never holding them all: operands as given, folders walked in byte order for
   .png, .jpg and .jpeg files, links followed but not in circles, "-" = paths from standard input.
   False when the walk was ended, also by cli_interrupted(). */
bool paths_walk(const paths_client *client, int n, char **operands);

#endif
