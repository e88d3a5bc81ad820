/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/outfile.c - write beside, sync, rename; what is no plain file is written as it stands.
 */
#define _POSIX_C_SOURCE 200809L
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST 4096
#define MOST_LINKS 40 /* as the kernel follows; a circle is left to look() */

static bool fault(char *why, size_t size, const char *text)
{
    (void)snprintf(why, size, "%s", text);
    return false;
}

/* One link further: its target into path[LONGEST]; false when there is no link. */
static bool follow(char *path)
{
    const char *const slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char target[LONGEST];
    const ssize_t length = readlink(path, target, sizeof target);
    const size_t kept = length > 0 && target[0] != '/' ? folder : 0;

    if (length < 0 || kept + (size_t)length >= LONGEST)
        return false;
    memcpy(path + kept, target, (size_t)length);
    path[kept + (size_t)length] = '\0';
    return true;
}

/* What a link leads to, there or not, so that it stays a link. */
static bool resolve(const char *path, char out[LONGEST], char *why, size_t size)
{
    struct stat info;

    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && realpath(path, out))
        return true;
    if ((size_t)snprintf(out, LONGEST, "%s", path) >= LONGEST)
        return fault(why, size, strerror(ENAMETOOLONG));
    for (int i = 0; stat(path, &info) != 0 && i < MOST_LINKS && follow(out); i++)
        continue;
    return true;
}

/* *plain: a file that is there or will be; false for /dev/stdout and the like. */
static bool look(const char *path, mode_t *mode, bool *plain, char *why, size_t size)
{
    struct stat info;

    *mode = 0;
    *plain = true;
    if (stat(path, &info) != 0)
        return errno == ENOENT || fault(why, size, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return fault(why, size, strerror(EISDIR));
    *mode = info.st_mode & 0777u;
    *plain = S_ISREG(info.st_mode);
    return true;
}

/* Opening /dev/stdout anew where it is a file would start at its beginning, over what is there. */
static bool is_standard_output(const char *path)
{
    return strcmp(path, "/dev/stdout") == 0;
}

bool outfile_check(const char *path, char *why, size_t size)
{
    char folder[LONGEST];
    mode_t mode;
    bool plain;
    char *slash;

    if (is_standard_output(path))
        return true;
    if (!resolve(path, folder, why, size) || !look(folder, &mode, &plain, why, size))
        return false;
    slash = strrchr(folder, '/');
    if (!slash)
        (void)snprintf(folder, sizeof folder, ".");
    else
        slash[slash == folder] = '\0';
    if (plain && access(folder, W_OK | X_OK) != 0)
        return fault(why, size, strerror(errno));
    return true;
}

bool outfile_check_plain(const char *path, char *why, size_t size)
{
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return fault(why, size, "not a regular file");
    return outfile_check(path, why, size);
}

static int open_fd(outfile *file, const char *path, bool plain)
{
    if (is_standard_output(path))
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (!plain)
        return open(file->path, O_WRONLY | O_CLOEXEC);
    if ((size_t)snprintf(file->part, sizeof file->part, "%s.part-%ld", file->path,
                         (long)getpid()) >= sizeof file->part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(file->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

bool outfile_open(outfile *file, const char *path, char *why, size_t size)
{
    mode_t mode = 0;
    bool plain;
    int fd;

    memset(file, 0, sizeof *file);
    if (!resolve(path, file->path, why, size) || !look(file->path, &mode, &plain, why, size))
        return false;
    fd = open_fd(file, path, plain);
    file->stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!file->stream)
        return fault(why, size, strerror(errno));
    if (mode != 0 && file->part[0])
        (void)fchmod(fd, mode);
    return true;
}

void outfile_abandon(outfile *file)
{
    if (!file->stream)
        return;
    (void)fclose(file->stream);
    file->stream = NULL;
    if (file->part[0])
        (void)unlink(file->part);
}

bool outfile_commit(outfile *file, char *why, size_t size)
{
    bool good;

    errno = 0;
    good = fflush(file->stream) == 0 && !ferror(file->stream) &&
           (!file->part[0] || fsync(fileno(file->stream)) == 0);
    if (!good) {
        (void)fault(why, size, strerror(errno ? errno : ENOSPC));
        outfile_abandon(file);
        return false;
    }
    good = fclose(file->stream) == 0 && (!file->part[0] || rename(file->part, file->path) == 0);
    file->stream = NULL;
    if (!good) {
        (void)fault(why, size, strerror(errno));
        if (file->part[0])
            (void)unlink(file->part);
    }
    return good;
}
