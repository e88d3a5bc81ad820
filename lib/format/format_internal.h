/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/format_internal.h - what the files of this room share: tensors where they lie.
 *
 * A view names a tensor inside a file or its bytes (unaligned: copied, never read in place), inside
 * a graph or inside a list of blobs; reading and writing both go through lists of views.
 */
#ifndef AMPI_FORMAT_INTERNAL_H
#define AMPI_FORMAT_INTERNAL_H

#include "format/format.h"

#define AMPI_MAX_TENSORS 100000u
#define AMPI_SECTION_PREFIX "amp."
#define AMPI_CLASS_NAMES "amp.classes.names"

typedef struct ampi_view {
    const char *name; /* borrowed */
    ampi_dtype dtype;
    uint32_t rank;
    size_t dims[AMPI_BLOB_RANK];
    size_t bytes;
    const void *data; /* borrowed; any alignment; NULL in a file: */
    ampi_file *file;  /* borrowed; the bytes are there from `offset` on */
    size_t offset;
    bool finite; /* in a file, floats: so they were when the file was opened */
} ampi_view;

typedef struct ampi_views {
    amp_context *context; /* borrowed */
    ampi_view *items;
    size_t count;
    json_t *header;     /* holds the names and texts below when read from a file       */
    const char *record; /* metadata "amp", NULL when there is none                      */
    const char *crc32;  /* metadata "amp.crc32", the same                               */
} ampi_views;

void ampi_views_free(ampi_views *views);
/* Ascending bytes of the names. */
void ampi_views_sort(ampi_views *views);
bool ampi_view_is_section(const ampi_view *view);

/* The tensors of a file in the order of their names; every length, offset, shape, the checksum
   and the bytes at the end checked.  *views keeps pointers into the source. */
amp_status ampi_safetensors_index(ampi_views *views, amp_context *context,
                                  const ampi_model_source *source, amp_error *error);
/* Views in any order; sorted on the way. */
amp_status ampi_safetensors_store(ampi_views *views, const char *record, const char *path,
                                  amp_error *error);
/* CRC-32 of record (NULL = "") and of every tensor with its name and shape; sorted views.  Reads
   what is in files once, by pieces, and sets `finite` on the way. */
amp_status ampi_views_crc32(ampi_views *views, const char *record, uint32_t *out, amp_error *error);
/* All bytes of a view into `to`. */
amp_status ampi_view_read(const ampi_view *view, void *to, amp_error *error);
/* Calls `take` with the bytes in order, piece by piece. */
typedef amp_status (*ampi_take_fn)(void *user, const void *bytes, size_t size, amp_error *error);
amp_status ampi_view_walk(const ampi_view *view, amp_context *context, ampi_take_fn take,
                          void *user, amp_error *error);

/* ---- weights.c ---- */
/* The weights of a file into the graph that its record names; nothing may be left over. */
amp_status ampi_weights_fill(ampi_graph *graph, const ampi_views *views, amp_error *error);
/* Copies of all that is named amp.*. */
amp_status ampi_sections_copy(ampi_blobs *out, const ampi_views *views, amp_error *error);
/* A list of the graph's tensors (NULL = none) and the sections, pointing into both. */
amp_status ampi_views_list(ampi_views *views, const ampi_graph *graph, const ampi_blobs *sections,
                           amp_error *error);

/* ---- model.c ---- */
/* Takes graph, *sections and text (of a record, ampi_alloc'ed in the graph's context) on success,
   nothing on failure. */
amp_status ampi_model_adopt(amp_model **out, ampi_graph *graph, ampi_blobs *sections, char *text,
                            amp_error *error);

/* ---- record.c ---- */
/* All that this version reads of a record is as docs/format.md says; `arch` may be unknown. */
amp_status ampi_record_check(const json_t *record, amp_error *error);
/* [classes] names out of the record or its section, one block, borrowed text; *out NULL when
   there are none. */
amp_status ampi_record_classes(const json_t *record, const ampi_blobs *sections, uint32_t classes,
                               const char ***out, amp_error *error);

#endif
