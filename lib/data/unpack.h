/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/unpack.h - one file read front to back through libarchive: gz, xz and zst taken off, tar
 * members one by one.  Used only while a source opens.
 */
#ifndef AMPI_UNPACK_H
#define AMPI_UNPACK_H

#include "data/source.h"

#define AMPI_UNPACK_HEAD 512u

typedef struct ampi_unpack {
    ampi_source *source;
    const char *path; /* borrowed */
    int fd;
    uint64_t file_bytes;
    const char *stage; /* of progress */
    struct archive *archive;
    struct archive_entry *entry;    /* borrowed from archive */
    bool tar, plain, begun;         /* plain: no compression */
    uint8_t head[AMPI_UNPACK_HEAD]; /* first bytes, unpacked */
    size_t head_bytes;
    uint8_t peeked[16]; /* first bytes of the member, taken by ampi_unpack_peek */
    size_t n_peeked;
    uint64_t data_at;  /* where the member's bytes start in the unpacked file */
    uint64_t members;  /* seen so far, of any type */
    uint64_t unpacked; /* bytes seen so far        */
    char *name;        /* of the member, without "." and empty folders; "" for a raw file     */
    char *link;        /* a hard link: the name of the member with the bytes; NULL otherwise */
} ampi_unpack;

/* Finds out what the file is.  An empty one is an error. */
amp_status ampi_unpack_open(ampi_unpack **out, ampi_source *source, const char *path,
                            amp_error *error);
void ampi_unpack_close(ampi_unpack *unpack);

/* The next regular file in it (a raw file has one, itself); *more false past the last. */
amp_status ampi_unpack_next(ampi_unpack *unpack, bool *more, amp_error *error);
/* First bytes of the member, at most 16; save and text still give all of it. */
amp_status ampi_unpack_peek(ampi_unpack *unpack, amp_error *error);
/* Where the whole member is: in the source's store, or in the plain archive itself, which is then
   kept by ampi_unpack_keep_plain; refused past `limit` bytes. */
amp_status ampi_unpack_save(ampi_unpack *unpack, uint64_t limit, ampi_extent *out,
                            amp_error *error);
/* The whole member as text, refused past `limit`; ampi_alloc'ed, ends with a NUL. */
amp_status ampi_unpack_text(ampi_unpack *unpack, size_t limit, char **out, size_t *size,
                            amp_error *error);
/* Gives the open plain file to the source, which keeps it; its whole extent. */
amp_status ampi_unpack_keep_plain(ampi_unpack *unpack, ampi_extent *out, amp_error *error);

#endif
