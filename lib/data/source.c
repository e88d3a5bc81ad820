/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/source.c - the table of kinds, and the life of an opened source.
 */
#include "data/source.h"
#include "data/unpack.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const ampi_source_kind kinds[] = {
    { "cifar10", ampi_cifar10_open }, { "cifar100", ampi_cifar100_open }, { "idx", ampi_idx_open },
    { "folder", ampi_folder_open },   { "list", ampi_list_open },         { "tar", ampi_tar_open },
};

#define KNOWN "cifar10, cifar100, idx, folder, list, tar"

static const ampi_source_kind image_file = { "image", ampi_image_file_open };

const ampi_source_kind *ampi_source_kind_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, name, length) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* ---- a bare path ---- */

static const ampi_source_kind *kind_by_head(const ampi_unpack *unpack)
{
    const uint8_t *const head = unpack->head;

    if (unpack->tar)
        return ampi_source_kind_find("tar", 3);
    if (ampi_entries_image_head(head, unpack->head_bytes))
        return &image_file;
    if (unpack->head_bytes >= 4 && head[0] == 0 && head[1] == 0 && head[2] == 8 &&
        (head[3] == 3 || head[3] == 4))
        return ampi_source_kind_find("idx", 3);
    return NULL;
}

/* NULL when the bytes do not tell. */
static amp_status guess_kind(ampi_source *source, const char *path, const ampi_source_kind **out,
                             amp_error *error)
{
    ampi_unpack *unpack;
    struct stat info;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        *out = ampi_source_kind_find("folder", 6);
        return AMP_OK;
    }
    AMPI_TRY(ampi_unpack_open(&unpack, source, path, error));
    *out = kind_by_head(unpack);
    ampi_unpack_close(unpack);
    return AMP_OK;
}

static amp_status unknown_bytes(const char *path, amp_error *error)
{
    return ampi_fail(error, AMP_E_ARGUMENT, "dataset",
                     "%s: no KIND: before it and its bytes do not tell; kinds: " KNOWN,
                     ampi_path_tail(path));
}

/* "cifr10:x" is far more often a slip than a file of that name. */
static amp_status check_prefix(const ampi_spec *spec, amp_error *error)
{
    const size_t word = strspn(spec->path, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (spec->kind || spec->path[word] != ':' || access(spec->path, F_OK) == 0)
        return AMP_OK;
    return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "unknown kind '%.*s'; kinds: " KNOWN,
                     (int)ampi_min_size(word, 40), spec->path);
}

/* ---- open and free ---- */

static uint64_t memory_limit(const ampi_spec *spec, const amp_dataset_options *options)
{
    return spec->options.memory < 0 ? options->max_memory : (uint64_t)spec->options.memory << 20;
}

static amp_status fill(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    const ampi_source_kind *kind = spec->kind;

    AMPI_TRY(check_prefix(spec, error));
    if (!kind)
        AMPI_TRY(guess_kind(source, spec->path, &kind, error));
    if (!kind)
        return unknown_bytes(spec->path, error);
    AMPI_TRY(kind->open(source, spec, error));
    if (source->count == 0)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: no images in it",
                         ampi_path_tail(spec->path));
    source->progress = NULL;
    source->progress_user = NULL;
    return AMP_OK;
}

amp_status ampi_source_open(ampi_source **out, amp_context *context, const char *spec_text,
                            const ampi_spec *spec, const amp_dataset_options *options,
                            amp_error *error)
{
    ampi_source *const source = ampi_alloc(context, 1, sizeof *source);
    amp_status status;

    *out = NULL;
    if (!source)
        return ampi_fail_nomem(error, "dataset", sizeof *source);
    atomic_init(&source->references, 1);
    source->context = amp_context_ref(context);
    source->progress = options->progress;
    source->progress_user = options->progress_user;
    ampi_strings_init(&source->class_names, context);
    ampi_strings_init(&source->entries.names, context);
    ampi_store_init(&source->store, context, memory_limit(spec, options));
    amp_image_options_init(&source->image, sizeof source->image);
    status =
        ampi_struct_read(&source->image, sizeof source->image, options->image, "dataset", error);
    source->spec = ampi_strdup(context, spec_text);
    if (!status && !source->spec)
        status = ampi_fail_nomem(error, "dataset", strlen(spec_text) + 1);
    if (!status)
        status = fill(source, spec, error);
    if (status)
        ampi_source_unref(source);
    else
        *out = source;
    return status;
}

ampi_source *ampi_source_ref(ampi_source *source)
{
    (void)atomic_fetch_add_explicit(&source->references, 1, memory_order_relaxed);
    return source;
}

void ampi_source_unref(ampi_source *source)
{
    amp_context *context;

    if (!source || atomic_fetch_sub_explicit(&source->references, 1, memory_order_acq_rel) != 1)
        return;
    context = source->context;
    ampi_records_clear(source);
    ampi_entries_clear(source);
    ampi_strings_clear(&source->class_names);
    ampi_store_clear(&source->store);
    for (size_t i = 0; i < source->n_files; i++)
        (void)close(source->files[i]);
    ampi_free(context, source->files);
    ampi_free(context, source->labels);
    ampi_free(context, source->spec);
    ampi_free(context, source);
    amp_context_unref(context);
}

/* ---- what the kinds share ---- */

amp_status ampi_source_keep_file(ampi_source *source, int fd, amp_error *error)
{
    const amp_status status = ampi_grow(source->context, &source->files, &source->files_capacity,
                                        source->n_files + 1, sizeof *source->files, error);

    if (status)
        (void)close(fd);
    else
        source->files[source->n_files++] = fd;
    return status;
}

static int32_t largest_label(const ampi_source *source)
{
    int32_t largest = -1;

    for (uint64_t i = 0; i < source->count; i++)
        largest = source->labels[i] > largest ? source->labels[i] : largest;
    return largest;
}

static amp_status label_outside(const ampi_source *source, const ampi_spec *spec, uint32_t classes,
                                amp_error *error)
{
    uint64_t i = 0;

    while (source->labels[i] < (int64_t)classes)
        i++;
    return ampi_fail(error, AMP_E_FORMAT, "dataset",
                     "%s: image %llu has label %d, there are %u classes",
                     ampi_path_tail(spec->path), (unsigned long long)i, (int)source->labels[i],
                     (unsigned)classes);
}

amp_status ampi_source_set_classes(ampi_source *source, uint32_t known, const ampi_spec *spec,
                                   amp_error *error)
{
    const int32_t largest = largest_label(source);
    uint32_t classes = known;

    if (spec->options.classes > 0)
        classes = (uint32_t)spec->options.classes;
    else if (largest < 0)
        classes = 0;
    else if (known == 0)
        classes = (uint32_t)largest + 1;
    if (largest >= (int64_t)classes)
        return label_outside(source, spec, classes, error);
    if (source->class_names.count != classes)
        ampi_strings_clear(&source->class_names);
    source->classes = classes;
    return AMP_OK;
}
