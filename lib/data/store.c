/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/store.c - unpacked bytes in memory up to a limit, past it in an unlinked temporary file.
 *
 * Read by pread, so threads share no position, and a file cut short while in use is an error and
 * not a bus fault as it would be through mmap.
 */
#define _GNU_SOURCE
#include "data/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void ampi_store_init(ampi_store *store, amp_context *context, uint64_t max_memory)
{
    memset(store, 0, sizeof *store);
    store->context = context;
    store->max_memory = max_memory;
    store->max_bytes = AMPI_STORE_MAX_BYTES;
    store->fd = -1;
}

static void drop_chunks(ampi_store *store)
{
    for (size_t i = 0; i < store->n_chunks; i++)
        ampi_free(store->context, store->chunks[i]);
    ampi_free(store->context, store->chunks);
    store->chunks = NULL;
    store->n_chunks = store->capacity = 0;
}

void ampi_store_clear(ampi_store *store)
{
    drop_chunks(store);
    if (store->fd >= 0)
        (void)close(store->fd);
    store->fd = -1;
    store->size = 0;
}

/* ---- the temporary file ---- */

static const char *temporary_folder(void)
{
    const char *const folder = secure_getenv("TMPDIR");

    return folder && folder[0] ? folder : "/tmp";
}

/* For file systems without O_TMPFILE. */
static int open_and_unlink(const char *folder)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/amp-XXXXXX", folder);
    int fd;

    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static amp_status open_temporary(int *fd, amp_error *error)
{
    const char *const folder = temporary_folder();

    *fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        *fd = open_and_unlink(folder);
    if (*fd < 0)
        return ampi_fail_errno(error, AMP_E_IO, "dataset", errno, "%s: no temporary file",
                               ampi_path_tail(folder));
    return AMP_OK;
}

static amp_status write_at(int fd, const uint8_t *bytes, size_t size, uint64_t offset,
                           amp_error *error)
{
    while (size > 0) {
        const ssize_t wrote = pwrite(fd, bytes, size, (off_t)offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return ampi_fail_errno(error, AMP_E_IO, "dataset", wrote < 0 ? errno : ENOSPC,
                                   "%s: unpacking failed after %llu bytes",
                                   ampi_path_tail(temporary_folder()), (unsigned long long)offset);
        bytes += wrote;
        offset += (uint64_t)wrote;
        size -= (size_t)wrote;
    }
    return AMP_OK;
}

/* Moves what is in memory to a temporary file. */
static amp_status spill(ampi_store *store, amp_error *error)
{
    uint64_t done = 0;

    AMPI_TRY(open_temporary(&store->fd, error));
    for (size_t i = 0; i < store->n_chunks; i++) {
        const uint64_t left = store->size - done;
        const size_t part = left < AMPI_STORE_CHUNK ? (size_t)left : AMPI_STORE_CHUNK;
        AMPI_TRY(write_at(store->fd, store->chunks[i], part, done, error));
        done += part;
    }
    drop_chunks(store);
    return AMP_OK;
}

/* ---- appending ---- */

static amp_status add_chunk(ampi_store *store, amp_error *error)
{
    uint8_t *chunk;

    AMPI_TRY(ampi_grow(store->context, &store->chunks, &store->capacity, store->n_chunks + 1,
                       sizeof(uint8_t *), error));
    chunk = ampi_alloc_raw(store->context, AMPI_STORE_CHUNK, 1);
    if (!chunk)
        return ampi_fail_nomem(error, "dataset", AMPI_STORE_CHUNK);
    store->chunks[store->n_chunks++] = chunk;
    return AMP_OK;
}

static amp_status append_memory(ampi_store *store, const uint8_t *bytes, size_t size,
                                amp_error *error)
{
    while (size > 0) {
        const size_t used = (size_t)(store->size % AMPI_STORE_CHUNK);
        const size_t part = ampi_min_size(size, AMPI_STORE_CHUNK - used);
        if (store->size == store->n_chunks * (uint64_t)AMPI_STORE_CHUNK)
            AMPI_TRY(add_chunk(store, error));
        memcpy(store->chunks[store->n_chunks - 1] + used, bytes, part);
        store->size += part;
        bytes += part;
        size -= part;
    }
    return AMP_OK;
}

amp_status ampi_store_append(ampi_store *store, const void *bytes, size_t size, amp_error *error)
{
    if (size > store->max_bytes - store->size)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "unpacks to more than %llu bytes",
                         (unsigned long long)store->max_bytes);
    if (store->fd < 0 && store->size + size > store->max_memory)
        AMPI_TRY(spill(store, error));
    if (store->fd < 0)
        return append_memory(store, bytes, size, error);
    AMPI_TRY(write_at(store->fd, bytes, size, store->size, error));
    store->size += size;
    return AMP_OK;
}

/* ---- reading ---- */

static void read_memory(const ampi_store *store, uint64_t offset, uint8_t *out, size_t size)
{
    while (size > 0) {
        const size_t used = (size_t)(offset % AMPI_STORE_CHUNK);
        const size_t part = ampi_min_size(size, AMPI_STORE_CHUNK - used);
        memcpy(out, store->chunks[offset / AMPI_STORE_CHUNK] + used, part);
        out += part;
        offset += part;
        size -= part;
    }
}

static amp_status read_file(int fd, uint64_t offset, uint8_t *out, size_t size, const char *name,
                            amp_error *error)
{
    while (size > 0) {
        const ssize_t got = pread(fd, out, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ampi_fail_errno(error, AMP_E_IO, "dataset", errno,
                                   "%s: read at byte %llu failed", ampi_path_tail(name),
                                   (unsigned long long)offset);
        if (got == 0)
            return ampi_fail(error, AMP_E_IO, "dataset",
                             "%s: ends at byte %llu, it was longer when it was opened",
                             ampi_path_tail(name), (unsigned long long)offset);
        out += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return AMP_OK;
}

amp_status ampi_extent_read(const ampi_store *store, const ampi_extent *extent, uint64_t offset,
                            void *out, size_t size, const char *name, amp_error *error)
{
    const uint64_t at = extent->offset + offset;

    if (extent->fd >= 0)
        return read_file(extent->fd, at, out, size, name, error);
    if (store->fd >= 0)
        return read_file(store->fd, at, out, size, name, error);
    read_memory(store, at, out, size);
    return AMP_OK;
}

amp_status ampi_open_regular(const char *path, int *fd, uint64_t *size, amp_error *error)
{
    struct stat info;

    /* Non-blocking: a pipe of that name would wait for its writer. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return ampi_fail_errno(error, AMP_E_IO, "dataset", errno, "%s", ampi_path_tail(path));
    if (fstat(*fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= 0) {
        *size = (uint64_t)info.st_size;
        return AMP_OK;
    }
    (void)close(*fd);
    *fd = -1;
    return ampi_fail(error, AMP_E_IO, "dataset", "%s: not a regular file", ampi_path_tail(path));
}
