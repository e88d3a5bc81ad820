/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/file_write.c - files out: written beside their final name, synced, then renamed.
 */
#define _GNU_SOURCE
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_SUFFIX 48u
#define LONGEST_PATH 4096 /* PATH_MAX, what realpath() fills */
/* Left-overs of killed processes with this process id do not stop a save. */
#define MAX_ATTEMPTS 100u
#define MAX_LINKS 40 /* as the kernel follows */

struct ampi_writer {
    amp_context *context;
    const char *where;
    char *path, *part; /* the final name; the name it is written under */
    int fd;
};

static void writer_free(ampi_writer *writer)
{
    amp_context *const context = writer->context;

    if (writer->fd >= 0)
        (void)close(writer->fd);
    ampi_free(context, writer->path);
    ampi_free(context, writer->part);
    ampi_free(context, writer);
}

/* A new file beside the final name, as readable as any other new file of this process. */
static int open_part(ampi_writer *writer, size_t size)
{
    int fd = -1;

    for (unsigned attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        (void)snprintf(writer->part, size, "%s.part-%ld-%u", writer->path, (long)getpid(), attempt);
        fd = open(writer->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            break;
    }
    return fd;
}

/* realpath() for a file that is not there yet: what the links at `path` lead to.  errno, or 0. */
static int follow_links(const char *path, char out[LONGEST_PATH])
{
    const size_t size = strlen(path) + 1;
    char target[LONGEST_PATH];

    if (size > LONGEST_PATH)
        return ENAMETOOLONG;
    memcpy(out, path, size);
    for (int i = 0; i < MAX_LINKS; i++) {
        const char *const slash = strrchr(out, '/');
        const ssize_t length = readlink(out, target, sizeof target);
        const size_t kept = length > 0 && target[0] != '/' && slash ? (size_t)(slash - out) + 1 : 0;

        if (length < 0)
            return 0;
        if (kept + (size_t)length >= LONGEST_PATH)
            return ENAMETOOLONG;
        memcpy(out + kept, target, (size_t)length);
        out[kept + (size_t)length] = '\0';
    }
    return ELOOP;
}

/* Where the bytes go: `path`, or what a link there leads to.  *mode is the old file's, 0 when there
   is none. */
static amp_status find_target(const ampi_writer *writer, const char *path,
                              char resolved[LONGEST_PATH], mode_t *mode, amp_error *error)
{
    struct stat info;
    int code = 0;

    *mode = 0;
    resolved[0] = '\0';
    if (stat(path, &info) != 0) {
        code = follow_links(path, resolved);
        return code == 0 ? AMP_OK
                         : ampi_fail_errno(error, AMP_E_IO, writer->where, code, "cannot follow %s",
                                           ampi_path_tail(path));
    }
    if (!S_ISREG(info.st_mode))
        return ampi_fail(error, AMP_E_IO, writer->where, "%s is not a regular file",
                         ampi_path_tail(path));
    *mode = info.st_mode & 0777u;
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && !realpath(path, resolved))
        return ampi_fail_errno(error, AMP_E_IO, writer->where, errno, "cannot follow %s",
                               ampi_path_tail(path));
    return AMP_OK;
}

static amp_status make_part(ampi_writer *writer, const char *path, amp_error *error)
{
    char resolved[LONGEST_PATH];
    size_t length;
    mode_t mode;

    AMPI_TRY(find_target(writer, path, resolved, &mode, error));
    path = resolved[0] ? resolved : path;
    length = strlen(path) + LONGEST_SUFFIX;
    writer->path = ampi_strdup(writer->context, path);
    writer->part = ampi_alloc(writer->context, length, 1);
    if (!writer->path || !writer->part)
        return ampi_fail_nomem(error, writer->where, length);
    writer->fd = open_part(writer, length);
    if (writer->fd < 0)
        return ampi_fail_errno(error, AMP_E_IO, writer->where, errno, "cannot write %s",
                               ampi_path_tail(path));
    if (mode != 0)
        (void)fchmod(writer->fd, mode);
    return AMP_OK;
}

amp_status ampi_writer_open(ampi_writer **out, amp_context *context, const char *path,
                            const char *where, amp_error *error)
{
    ampi_writer *const writer = ampi_alloc(context, 1, sizeof *writer);
    amp_status status;

    *out = NULL;
    if (!writer)
        return ampi_fail_nomem(error, where, sizeof *writer);
    writer->context = context;
    writer->where = where;
    writer->fd = -1;
    status = make_part(writer, path, error);
    if (status != AMP_OK) {
        writer_free(writer);
        return status;
    }
    *out = writer;
    return AMP_OK;
}

amp_status ampi_writer_write(ampi_writer *writer, const void *bytes, size_t size, amp_error *error)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        const ssize_t put = write(writer->fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return ampi_fail_errno(error, AMP_E_IO, writer->where, put < 0 ? errno : ENOSPC,
                                   "cannot write %s", ampi_path_tail(writer->path));
        at += put;
        size -= (size_t)put;
    }
    return AMP_OK;
}

/* The rename itself must survive a power cut; file systems that cannot sync a folder are let be. */
static void sync_folder(const char *path)
{
    char folder[4096];
    const char *const slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    int fd;

    if (length >= sizeof folder)
        return;
    memcpy(folder, path, length);
    folder[length] = '\0';
    fd = open(length ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

amp_status ampi_writer_commit(ampi_writer *writer, amp_error *error)
{
    int code = 0;

    if (fsync(writer->fd) != 0)
        code = errno;
    if (close(writer->fd) != 0 && code == 0)
        code = errno;
    writer->fd = -1;
    if (code == 0 && rename(writer->part, writer->path) != 0)
        code = errno;
    if (code != 0) {
        const amp_status status = ampi_fail_errno(error, AMP_E_IO, writer->where, code,
                                                  "cannot finish %s", ampi_path_tail(writer->path));
        ampi_writer_abandon(writer);
        return status;
    }
    sync_folder(writer->path);
    writer_free(writer);
    return AMP_OK;
}

void ampi_writer_abandon(ampi_writer *writer)
{
    if (!writer)
        return;
    (void)unlink(writer->part);
    writer_free(writer);
}
