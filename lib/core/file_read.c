/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/file_read.c - files in: whole, or kept open and read piece by piece.
 */
#define _POSIX_C_SOURCE 200809L
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ampi_file {
    amp_context *context;
    atomic_uint references;
    const char *where;
    char *path;
    size_t size;
    struct timespec changed; /* when it was last written to, as of its opening */
    int fd;
};

static void file_free(ampi_file *file)
{
    amp_context *const context = file->context;

    if (file->fd >= 0)
        (void)close(file->fd);
    ampi_free(context, file->path);
    ampi_free(context, file);
    amp_context_unref(context);
}

static amp_status open_regular(ampi_file *file, const char *path, size_t limit, amp_error *error)
{
    const char *const where = file->where;
    struct stat info;

    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return ampi_fail_errno(error, AMP_E_IO, where, errno, "cannot open %s",
                               ampi_path_tail(path));
    if (fstat(file->fd, &info) != 0 || !S_ISREG(info.st_mode))
        return ampi_fail(error, AMP_E_IO, where, "%s is not a regular file", ampi_path_tail(path));
    if ((uint64_t)info.st_size > limit)
        return ampi_fail(error, AMP_E_LIMIT, where, "%s has %llu bytes, limit %zu",
                         ampi_path_tail(path), (unsigned long long)info.st_size, limit);
    file->size = (size_t)info.st_size;
    file->changed = info.st_mtim;
    file->path = ampi_strdup(file->context, path);
    return file->path ? AMP_OK : ampi_fail_nomem(error, where, strlen(path) + 1);
}

amp_status ampi_file_open(ampi_file **out, amp_context *context, const char *path, size_t limit,
                          const char *where, amp_error *error)
{
    ampi_file *const file = ampi_alloc(context, 1, sizeof *file);
    amp_status status;

    *out = NULL;
    if (!file)
        return ampi_fail_nomem(error, where, sizeof *file);
    file->context = amp_context_ref(context);
    atomic_init(&file->references, 1);
    file->where = where;
    status = open_regular(file, path, limit, error);
    if (status != AMP_OK) {
        file_free(file);
        return status;
    }
    *out = file;
    return AMP_OK;
}

ampi_file *ampi_file_ref(ampi_file *file)
{
    if (file)
        (void)atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
    return file;
}

void ampi_file_unref(ampi_file *file)
{
    if (file && atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) == 1)
        file_free(file);
}

size_t ampi_file_size(const ampi_file *file)
{
    return file->size;
}

/* Bytes read, short only at the end of the file; -1 with errno. */
static ssize_t read_full(int fd, size_t offset, uint8_t *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        const ssize_t got = pread(fd, bytes + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

amp_status ampi_file_read_at(const ampi_file *file, size_t offset, void *bytes, size_t size,
                             amp_error *error)
{
    const ssize_t got = read_full(file->fd, offset, bytes, size);
    struct stat info;

    if (got < 0)
        return ampi_fail_errno(error, AMP_E_IO, file->where, errno, "cannot read %s",
                               ampi_path_tail(file->path));
    /* Asked after the bytes are here: what was written before is seen. */
    if ((size_t)got < size || fstat(file->fd, &info) != 0 || (uint64_t)info.st_size != file->size ||
        !same_time(info.st_mtim, file->changed))
        return ampi_fail(error, AMP_E_IO, file->where, "%s was written to while it was in use",
                         ampi_path_tail(file->path));
    return AMP_OK;
}

amp_status ampi_file_read(amp_context *context, const char *path, size_t limit, uint8_t **bytes,
                          size_t *size, const char *where, amp_error *error)
{
    ampi_file *file = NULL;
    uint8_t *buffer = NULL;
    amp_status status = AMP_OK;
    ssize_t got;

    *bytes = NULL;
    AMPI_TRY(ampi_file_open(&file, context, path, limit, where, error));
    buffer = ampi_alloc_raw(context, file->size + 1, 1);
    if (!buffer) {
        status = ampi_fail_nomem(error, where, file->size);
        goto done;
    }
    got = read_full(file->fd, 0, buffer, file->size);
    if (got < 0) {
        status =
            ampi_fail_errno(error, AMP_E_IO, where, errno, "cannot read %s", ampi_path_tail(path));
        goto done;
    }
    *size = (size_t)got;
    *bytes = buffer;
    buffer = NULL;
done:
    ampi_free(context, buffer);
    ampi_file_unref(file);
    return status;
}
