/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/paths.h - the files that a command line names: files, folders walked, standard input.
 */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Calls `visit` for each path in order, never holding them all: operands as given, folders walked
   in byte order for .png, .jpg and .jpeg files, "-" = paths from standard input, one a line.
   `bad` hears of a folder that cannot be read.  False when `visit` returned false. */
typedef bool (*paths_visit)(void *user, const char *path);
typedef void (*paths_bad)(void *user, const char *path, const char *why);

bool paths_walk(int n, char **operands, paths_visit visit, paths_bad bad, void *user);

#endif
