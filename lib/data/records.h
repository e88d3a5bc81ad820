/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/records.h - sets whose files hold records of one size: labels and raw pixels.
 */
#ifndef AMPI_RECORDS_H
#define AMPI_RECORDS_H

#include "data/store.h"

struct ampi_source;
struct ampi_unpack;

typedef struct ampi_records_part {
    char *name; /* file or member, for messages and image names */
    ampi_extent bytes;
    uint64_t first, count; /* records */
} ampi_records_part;

typedef struct ampi_records {
    ampi_records_part *parts;
    size_t n_parts, capacity;
    size_t record_bytes, pixel_offset;
    uint32_t width, height, channels;
    bool planar; /* [channels,height,width], else [height,width,channels] */
} ampi_records;

/* Appends a part whose records fill it exactly; takes no ownership of `name`. */
amp_status ampi_records_add(struct ampi_source *source, const char *name, const ampi_extent *bytes,
                            amp_error *error);
/* Where the bytes of the file at `path` are, unpacked when it is compressed; not an archive. */
amp_status ampi_records_open_bytes(struct ampi_source *source, const char *path, ampi_extent *out,
                                   amp_error *error);
/* That file as a part. */
amp_status ampi_records_add_file(struct ampi_source *source, const char *path, amp_error *error);
/* The same, opened already. */
amp_status ampi_records_add_opened(struct ampi_source *source, struct ampi_unpack *unpack,
                                   amp_error *error);
/* Labels are byte `offset` of each record (255: not known); sets count and labels. */
amp_status ampi_records_read_labels(struct ampi_source *source, size_t offset, amp_error *error);
void ampi_records_clear(struct ampi_source *source);

#endif
