/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/outfile.h - a result file that appears whole or not at all; a device or a pipe, as it comes.
 */
#ifndef OUTFILE_H
#define OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct outfile {
    FILE *stream;
    char part[4096]; /* written here; "" = straight to path */
    char path[4096]; /* renamed to   */
} outfile;

/* False with the reason when `path` could not be written: to be asked before the work begins. */
bool outfile_check(const char *path, char *why, size_t size);
/* The same for a model, which is a plain file or nothing. */
bool outfile_check_plain(const char *path, char *why, size_t size);
bool outfile_open(outfile *file, const char *path, char *why, size_t size);
/* Flush, sync, rename; on a fault nothing is left behind. */
bool outfile_commit(outfile *file, char *why, size_t size);
void outfile_abandon(outfile *file);

#endif
