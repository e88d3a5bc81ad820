/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/source.h - inside the data room: a source is what a spec opened, whole and in its own order;
 * data sets are choices of its images that share it.
 *
 * Flow: spec.c text -> ampi_spec; source.c finds the kind and calls its open (cifar.c, idx.c,
 * folder.c, list.c, tar.c), which fills records (fixed size, records.c) or entries (image files,
 * entries.c); select.c applies sample and range; dataset.c is the public face.
 */
#ifndef AMPI_SOURCE_H
#define AMPI_SOURCE_H

#include "data/data_internal.h"
#include "data/entries.h"
#include "data/records.h"
#include "data/store.h"
#include "data/strings.h"
#include <stdatomic.h>

/* Images of one source; also the members that an archive may list. */
#define AMPI_DATA_MAX_IMAGES 5000000u
/* One image file inside an archive. */
#define AMPI_DATA_MAX_MEMBER ((uint64_t)1 << 30)
/* Class numbers are below this. */
#define AMPI_DATA_MAX_CLASSES 1000000u

/* ---- the spec (spec.c) ---- */

typedef enum ampi_spec_labels { AMPI_LABELS_FINE, AMPI_LABELS_COARSE } ampi_spec_labels;

/* What stands behind '?'. */
typedef struct ampi_spec_options {
    int64_t sample;  /* images to draw; 0 = all of them  */
    int64_t seed;    /* of the sample                    */
    int64_t memory;  /* MiB; -1 = as the call says       */
    int64_t classes; /* 0 = as the data say              */
    int32_t labels;  /* an ampi_spec_labels              */
} ampi_spec_options;

typedef struct ampi_spec {
    const struct ampi_source_kind *kind; /* NULL: a bare path */
    char *path;
    char part[32]; /* "" = none given */
    ampi_spec_options options;
    bool has_begin, has_end; /* of [begin:end] */
    int64_t begin, end;
} ampi_spec;

amp_status ampi_spec_parse(ampi_spec *out, amp_context *context, const char *text,
                           amp_error *error);
void ampi_spec_clear(ampi_spec *spec, amp_context *context);

/* ---- sources (source.c) ---- */

typedef struct ampi_source {
    atomic_uint references;
    amp_context *context;
    char *spec;
    amp_image_options image;
    amp_progress_fn progress; /* while opening only */
    void *progress_user;
    const struct ampi_reader *reader;
    uint64_t count;
    int32_t *labels; /* [count], -1 = not known */
    uint32_t classes;
    ampi_strings class_names; /* as many as classes, or none */
    ampi_store store;
    int *files; /* [n_files] plain files that are read in place */
    size_t n_files, files_capacity;
    ampi_records records;
    ampi_entries entries;
} ampi_source;

/* How the images of an opened source are read: by several threads at once. */
typedef struct ampi_reader {
    amp_status (*read)(const ampi_source *source, uint64_t index, amp_image **out,
                       amp_error *error);
    size_t (*name)(const ampi_source *source, uint64_t index, char *out, size_t size);
} ampi_reader;

extern const ampi_reader ampi_records_reader, ampi_entries_reader;

/* A kind fills reader, count, labels, classes and class_names. */
typedef struct ampi_source_kind {
    const char *name;
    amp_status (*open)(ampi_source *source, const ampi_spec *spec, amp_error *error);
} ampi_source_kind;

amp_status ampi_cifar10_open(ampi_source *source, const ampi_spec *spec, amp_error *error);
amp_status ampi_cifar100_open(ampi_source *source, const ampi_spec *spec, amp_error *error);
amp_status ampi_idx_open(ampi_source *source, const ampi_spec *spec, amp_error *error);
amp_status ampi_folder_open(ampi_source *source, const ampi_spec *spec, amp_error *error);
amp_status ampi_list_open(ampi_source *source, const ampi_spec *spec, amp_error *error);
amp_status ampi_tar_open(ampi_source *source, const ampi_spec *spec, amp_error *error);
/* One image file. */
amp_status ampi_image_file_open(ampi_source *source, const ampi_spec *spec, amp_error *error);

/* The kind called name[length], or NULL. */
const ampi_source_kind *ampi_source_kind_find(const char *name, size_t length);
amp_status ampi_source_open(ampi_source **out, amp_context *context, const char *spec_text,
                            const ampi_spec *spec, const amp_dataset_options *options,
                            amp_error *error);
ampi_source *ampi_source_ref(ampi_source *source);
void ampi_source_unref(ampi_source *source);
/* Keeps a plain file open until the source is freed; closes it at once on failure. */
amp_status ampi_source_keep_file(ampi_source *source, int fd, amp_error *error);
/* classes from the labels: checked against `known` (0: the largest label + 1). */
amp_status ampi_source_set_classes(ampi_source *source, uint32_t known, const ampi_spec *spec,
                                   amp_error *error);

#endif
