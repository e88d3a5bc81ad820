/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/outfile.c - write beside, sync, rename.
 */
#define _POSIX_C_SOURCE 200809L
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool outfile_open(outfile *file, const char *path, char *why, size_t size)
{
    int fd;

    memset(file, 0, sizeof *file);
    if ((size_t)snprintf(file->path, sizeof file->path, "%s", path) >= sizeof file->path ||
        (size_t)snprintf(file->part, sizeof file->part, "%s.part-%ld", path, (long)getpid()) >=
            sizeof file->part) {
        (void)snprintf(why, size, "the path is too long");
        return false;
    }
    fd = open(file->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    file->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!file->stream) {
        (void)snprintf(why, size, "%s", strerror(errno));
        return false;
    }
    return true;
}

void outfile_abandon(outfile *file)
{
    if (!file->stream)
        return;
    (void)fclose(file->stream);
    file->stream = NULL;
    (void)unlink(file->part);
}

bool outfile_commit(outfile *file, char *why, size_t size)
{
    bool good;

    errno = 0;
    good = fflush(file->stream) == 0 && !ferror(file->stream) && fsync(fileno(file->stream)) == 0;
    if (!good) {
        (void)snprintf(why, size, "%s", strerror(errno ? errno : ENOSPC));
        outfile_abandon(file);
        return false;
    }
    good = fclose(file->stream) == 0 && rename(file->part, file->path) == 0;
    file->stream = NULL;
    if (!good) {
        (void)snprintf(why, size, "%s", strerror(errno));
        (void)unlink(file->part);
    }
    return good;
}
