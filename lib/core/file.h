/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/file.h - files in, whole or by pieces; files out, whole or not at all.
 */
#ifndef AMPI_FILE_H
#define AMPI_FILE_H

#include "core/core.h"

/* Reads a regular file of at most `limit` bytes; *bytes is ampi_alloc'ed (free with ampi_free,
   same context), never NULL on success, even for an empty file. */
amp_status ampi_file_read(amp_context *context, const char *path, size_t limit, uint8_t **bytes,
                          size_t *size, const char *where, amp_error *error);

/* A regular file of at most `limit` bytes, kept open and read in pieces, by any thread; shared by
   counting, so a graph's weights may lie in it.  `where` is borrowed for good. */
typedef struct ampi_file ampi_file;

amp_status ampi_file_open(ampi_file **out, amp_context *context, const char *path, size_t limit,
                          const char *where, amp_error *error);
/* NULL is passed on. */
ampi_file *ampi_file_ref(ampi_file *file);
void ampi_file_unref(ampi_file *file);
size_t ampi_file_size(const ampi_file *file);
/* Bytes offset .. offset + size - 1.  AMP_E_IO too when the file has been written to since it was
   opened; one that was replaced or removed is still read as it was. */
amp_status ampi_file_read_at(const ampi_file *file, size_t offset, void *bytes, size_t size,
                             amp_error *error);

/* A file being written beside its final name; nothing appears there before commit.  A link is
   followed, the mode of a file that is replaced is kept, what is no regular file is refused: a
   rename would put a file in the place of /dev/null. */
typedef struct ampi_writer ampi_writer;

amp_status ampi_writer_open(ampi_writer **out, amp_context *context, const char *path,
                            const char *where, amp_error *error);
amp_status ampi_writer_write(ampi_writer *writer, const void *bytes, size_t size, amp_error *error);
/* Flush, fsync, rename over the final name, fsync the folder; frees the writer either way. */
amp_status ampi_writer_commit(ampi_writer *writer, amp_error *error);
/* Removes what was written; NULL is ignored. */
void ampi_writer_abandon(ampi_writer *writer);

/* Bytes in memory read front to back; every reader returns false past the end. */
typedef struct ampi_cursor {
    const uint8_t *at;
    const uint8_t *end;
} ampi_cursor;

bool ampi_read_u8(ampi_cursor *cursor, uint8_t *out);
bool ampi_read_u16be(ampi_cursor *cursor, uint16_t *out);
bool ampi_read_u32be(ampi_cursor *cursor, uint32_t *out);
bool ampi_read_u32le(ampi_cursor *cursor, uint32_t *out);
bool ampi_read_u64le(ampi_cursor *cursor, uint64_t *out);
void ampi_write_u64le(uint8_t out[8], uint64_t value);

#endif
