/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/outfile.h - a result file that appears whole or not at all.
 */
#ifndef OUTFILE_H
#define OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct outfile {
    FILE *stream;
    char part[4096]; /* written here */
    char path[4096]; /* renamed to   */
} outfile;

bool outfile_open(outfile *file, const char *path, char *why, size_t size);
/* Flush, sync, rename; on a fault nothing is left behind. */
bool outfile_commit(outfile *file, char *why, size_t size);
void outfile_abandon(outfile *file);

#endif
