/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/entries.h - sets whose images are files of their own, in a folder or inside an archive.
 */
#ifndef AMPI_ENTRIES_H
#define AMPI_ENTRIES_H

#include "data/store.h"
#include "data/strings.h"

struct ampi_source;
struct ampi_spec;

typedef struct ampi_entry {
    size_t name;   /* index into names                                        */
    int32_t label; /* -1 = not known                                          */
    bool packed;   /* its bytes are at `bytes`; else in the file <root>/<name> */
    ampi_extent bytes;
} ampi_entry;

typedef struct ampi_entries {
    char *root; /* the folder, or the archive */
    ampi_strings names;
    ampi_entry *items;
    size_t count, capacity;
} ampi_entries;

/* Appends the image `name` with an unknown label; NULL bytes = a file of its own. */
amp_status ampi_entries_add(struct ampi_source *source, const char *name, const ampi_extent *bytes,
                            amp_error *error);
/* Sorts by name, folder by folder; of two equal names the one added last stays. */
amp_status ampi_entries_sort(struct ampi_source *source, amp_error *error);
/* The entry of that name among the first `sorted`, or NULL. */
const ampi_entry *ampi_entries_find(const struct ampi_source *source, size_t sorted,
                                    const char *name);
/* Labels by the first folder of each name past `prefix` bytes; the entries are sorted.  Images
   without a folder stay unknown. */
amp_status ampi_entries_label_by_folder(struct ampi_source *source, size_t prefix,
                                        amp_error *error);
/* Labels, count and reader of the source; `known` as in ampi_source_set_classes. */
amp_status ampi_entries_finish(struct ampi_source *source, uint32_t known,
                               const struct ampi_spec *spec, amp_error *error);
/* Bytewise order of paths in which '/' comes before every other byte, as if compared folder by
   folder. */
int ampi_entries_compare(const char *a, const char *b);
/* True for names that end in .png, .jpg or .jpeg in any case. */
bool ampi_entries_image_name(const char *name);
/* True when `head` begins as a PNG or a JPEG file does. */
bool ampi_entries_image_head(const uint8_t *head, size_t size);
void ampi_entries_clear(struct ampi_source *source);

#endif
