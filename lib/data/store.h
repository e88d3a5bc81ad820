/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/store.h - where a data set's bytes lie: its plain file, memory, or an unlinked temporary
 * file once the unpacked bytes outgrow the memory limit.
 *
 * Appending belongs to the one thread that opens the set; afterwards any thread may read.
 */
#ifndef AMPI_STORE_H
#define AMPI_STORE_H

#include "core/core.h"

/* All that one set may unpack to; the same as the largest file that a store makes. */
#define AMPI_STORE_MAX_BYTES (UINT64_C(64) << 30)

typedef struct ampi_store {
    amp_context *context; /* borrowed */
    uint64_t max_memory;  /* past this the bytes go to a temporary file */
    uint64_t max_bytes;   /* past this they are refused */
    uint64_t size;
    uint8_t **chunks; /* [n_chunks] of AMPI_STORE_CHUNK bytes while in memory */
    size_t n_chunks, capacity;
    int fd; /* the temporary file, or -1 while in memory */
} ampi_store;

#define AMPI_STORE_CHUNK ((size_t)1 << 20)

/* A run of bytes of the store (fd -1), or of a plain file that somebody else closes. */
typedef struct ampi_extent {
    int fd;
    uint64_t offset, size;
} ampi_extent;

void ampi_store_init(ampi_store *store, amp_context *context, uint64_t max_memory);
void ampi_store_clear(ampi_store *store);
amp_status ampi_store_append(ampi_store *store, const void *bytes, size_t size, amp_error *error);

/* size bytes at `offset` of the extent, which holds them; `name` is for messages.  AMP_E_IO when a
   file has shrunk since it was opened. */
amp_status ampi_extent_read(const ampi_store *store, const ampi_extent *extent, uint64_t offset,
                            void *out, size_t size, const char *name, amp_error *error);

/* A regular file opened for reading, with its size. */
amp_status ampi_open_regular(const char *path, int *fd, uint64_t *size, amp_error *error);

#endif
