/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/cifar.c - CIFAR-10 and CIFAR-100 binary: one file, a folder of batches, or the published
 * archive.
 *
 * A record is one label byte (CIFAR-100: coarse, fine), then 1024 red, green and blue bytes.
 */
#include "data/class_names.h"
#include "data/unpack.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILES 6u
#define MAX_PATH 4096u
#define MAX_NAMES_TEXT 65536u

/* How one of the two sets is laid out. */
typedef struct layout {
    const char *kind;
    const char *prefix; /* file names may have it in front */
    const char *folder; /* of the published archive        */
    const char *files[MAX_FILES];
    size_t n_files; /* the last one is the test part   */
    size_t label_bytes, label_offset;
    const char *names_file;
    const char *const *names;
    uint32_t classes;
} layout;

static const layout cifar10 = {
    .kind = "cifar10",
    .prefix = "cifar10_",
    .folder = "cifar-10-batches-bin",
    .files = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin", "test_batch.bin" },
    .n_files = 6,
    .label_bytes = 1,
    .names_file = "batches.meta.txt",
    .names = ampi_cifar10_names,
    .classes = 10,
};

static const layout cifar100_fine = {
    .kind = "cifar100",
    .prefix = "cifar100_",
    .folder = "cifar-100-binary",
    .files = { "train.bin", "test.bin" },
    .n_files = 2,
    .label_bytes = 2,
    .label_offset = 1,
    .names_file = "fine_label_names.txt",
    .names = ampi_cifar100_fine_names,
    .classes = 100,
};

static const layout cifar100_coarse = {
    .kind = "cifar100",
    .prefix = "cifar100_",
    .folder = "cifar-100-binary",
    .files = { "train.bin", "test.bin" },
    .n_files = 2,
    .label_bytes = 2,
    .label_offset = 0,
    .names_file = "coarse_label_names.txt",
    .names = ampi_cifar100_coarse_names,
    .classes = 20,
};

/* Files first..last-1 of layout.files that the part names. */
typedef struct choice {
    const layout *layout;
    size_t first, last;
} choice;

static amp_status choose(const layout *set, const ampi_spec *spec, choice *out, amp_error *error)
{
    const char *const part = spec->part;

    *out = (choice){ set, 0, set->n_files };
    if (strcmp(part, "train") == 0)
        out->last = set->n_files - 1;
    else if (strcmp(part, "test") == 0)
        out->first = set->n_files - 1;
    else if (part[0] != '\0' && strcmp(part, "all") != 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "#%s: %s has #train, #test and #all",
                         part, set->kind);
    return AMP_OK;
}

/* ---- class names ---- */

static amp_status take_names(ampi_source *source, const char *text, size_t size, const char *name,
                             amp_error *error)
{
    ampi_strings_clear(&source->class_names);
    AMPI_TRY(ampi_strings_add_lines(&source->class_names, text, size, error));
    if (source->class_names.count == 0 || memchr(text, '\0', size))
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: no class names in it",
                         ampi_path_tail(name));
    return AMP_OK;
}

static amp_status read_names_text(ampi_source *source, ampi_unpack *unpack, const char *name,
                                  amp_error *error)
{
    char *text;
    size_t size;
    amp_status status = ampi_unpack_text(unpack, MAX_NAMES_TEXT, &text, &size, error);

    if (!status)
        status = take_names(source, text, size, name, error);
    ampi_free(source->context, text);
    return status;
}

static amp_status standard_names(ampi_source *source, const layout *set, amp_error *error)
{
    for (uint32_t i = 0; i < set->classes; i++)
        AMPI_TRY(
            ampi_strings_add(&source->class_names, set->names[i], strlen(set->names[i]), error));
    return AMP_OK;
}

static amp_status read_names_file(ampi_source *source, const char *path, amp_error *error)
{
    ampi_unpack *unpack;
    bool more;
    amp_status status = ampi_unpack_open(&unpack, source, path, error);

    if (!status)
        status = ampi_unpack_next(unpack, &more, error);
    if (!status)
        status = read_names_text(source, unpack, path, error);
    ampi_unpack_close(unpack);
    return status;
}

/* ---- folders and files ---- */

static bool is_file(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* Finds <folder>/[<archive folder>/][<prefix>]<name>[.xz|.gz|.zst]. */
static bool find_file(const layout *set, const char *folder, const char *name, char path[MAX_PATH])
{
    static const char *const tails[] = { "", ".xz", ".gz", ".zst" };
    const char *const folders[] = { "", set->folder };
    const char *const prefixes[] = { "", set->prefix };

    for (size_t i = 0; i < 16; i++) {
        const char *const inner = folders[i / 8];
        const int length = snprintf(path, MAX_PATH, "%s/%s%s%s%s%s", folder, inner,
                                    inner[0] ? "/" : "", prefixes[i / 4 % 2], name, tails[i % 4]);
        if (length > 0 && (size_t)length < MAX_PATH && is_file(path))
            return true;
    }
    return false;
}

static amp_status open_folder(ampi_source *source, const choice *chosen, const char *folder,
                              amp_error *error)
{
    const layout *const set = chosen->layout;
    char path[MAX_PATH];

    for (size_t i = chosen->first; i < chosen->last; i++) {
        if (!find_file(set, folder, set->files[i], path))
            return ampi_fail(error, AMP_E_IO, "dataset", "%s: no %s in the folder, plain or packed",
                             ampi_path_tail(folder), set->files[i]);
        AMPI_TRY(ampi_records_add_file(source, path, error));
    }
    if (find_file(set, folder, set->names_file, path))
        return read_names_file(source, path, error);
    return AMP_OK;
}

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* A file of its own has no parts, unless its name says that it is one. */
static amp_status check_file_part(const choice *chosen, const ampi_spec *spec, amp_error *error)
{
    const layout *const set = chosen->layout;
    const char *name = base_name(spec->path);

    if (spec->part[0] == '\0' || strcmp(spec->part, "all") == 0)
        return AMP_OK;
    if (strncmp(name, set->prefix, strlen(set->prefix)) == 0)
        name += strlen(set->prefix);
    for (size_t i = chosen->first; i < chosen->last; i++) {
        if (strncmp(name, set->files[i], strlen(set->files[i])) == 0)
            return AMP_OK;
    }
    return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "%s: one file, it has no part #%s",
                     ampi_path_tail(spec->path), spec->part);
}

static amp_status open_file(ampi_source *source, const choice *chosen, const ampi_spec *spec,
                            ampi_unpack *unpack, amp_error *error)
{
    const size_t folder = (size_t)(base_name(spec->path) - spec->path);
    char path[MAX_PATH];
    int length;

    AMPI_TRY(check_file_part(chosen, spec, error));
    AMPI_TRY(ampi_records_add_opened(source, unpack, error));
    if (folder >= MAX_PATH)
        return AMP_OK;
    length =
        snprintf(path, sizeof path, "%.*s%s", (int)folder, spec->path, chosen->layout->names_file);
    if (length < 0 || (size_t)length >= sizeof path || !is_file(path))
        return AMP_OK;
    return read_names_file(source, path, error);
}

/* ---- archives ---- */

static amp_status take_member(ampi_source *source, const choice *chosen, ampi_unpack *unpack,
                              ampi_extent found[MAX_FILES], amp_error *error)
{
    const layout *const set = chosen->layout;
    const char *const name = base_name(unpack->name);

    if (strcmp(name, set->names_file) == 0)
        return read_names_text(source, unpack, unpack->name, error);
    for (size_t i = chosen->first; i < chosen->last; i++) {
        if (strcmp(name, set->files[i]) != 0)
            continue;
        if (found[i].size > 0)
            return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: %s is in it twice",
                             ampi_path_tail(unpack->path), set->files[i]);
        return ampi_unpack_save(unpack, AMPI_STORE_MAX_BYTES, &found[i], error);
    }
    return AMP_OK;
}

static amp_status add_members(ampi_source *source, const choice *chosen, const char *path,
                              const ampi_extent found[MAX_FILES], amp_error *error)
{
    char name[MAX_PATH];

    for (size_t i = chosen->first; i < chosen->last; i++) {
        if (found[i].size == 0)
            return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: there is no %s in the archive",
                             ampi_path_tail(path), chosen->layout->files[i]);
        (void)snprintf(name, sizeof name, "%s/%s", path, chosen->layout->files[i]);
        AMPI_TRY(ampi_records_add(source, name, &found[i], error));
    }
    return AMP_OK;
}

static amp_status open_archive(ampi_source *source, const choice *chosen, ampi_unpack *unpack,
                               amp_error *error)
{
    ampi_extent found[MAX_FILES] = { { 0, 0, 0 } }, whole;
    bool more;

    for (;;) {
        AMPI_TRY(ampi_unpack_next(unpack, &more, error));
        if (!more)
            break;
        AMPI_TRY(take_member(source, chosen, unpack, found, error));
    }
    if (unpack->plain)
        AMPI_TRY(ampi_unpack_keep_plain(unpack, &whole, error));
    return add_members(source, chosen, unpack->path, found, error);
}

/* ---- opening ---- */

static amp_status open_path(ampi_source *source, const choice *chosen, const ampi_spec *spec,
                            amp_error *error)
{
    ampi_unpack *unpack;
    struct stat info;
    amp_status status;

    if (stat(spec->path, &info) == 0 && S_ISDIR(info.st_mode))
        return open_folder(source, chosen, spec->path, error);
    AMPI_TRY(ampi_unpack_open(&unpack, source, spec->path, error));
    status = unpack->tar ? open_archive(source, chosen, unpack, error)
                         : open_file(source, chosen, spec, unpack, error);
    ampi_unpack_close(unpack);
    return status;
}

/* Nobody asked for the test images by name: a training run would learn them. */
static void warn_of_mix(const ampi_source *source, const ampi_spec *spec)
{
    if (spec->part[0] == '\0' && source->records.n_parts > 1)
        ampi_log(source->context, AMP_LOG_WARNING, "%s: train and test images together",
                 ampi_path_tail(spec->path));
}

static amp_status open_cifar(ampi_source *source, const layout *set, const ampi_spec *spec,
                             amp_error *error)
{
    choice chosen;

    AMPI_TRY(choose(set, spec, &chosen, error));
    source->reader = &ampi_records_reader;
    source->records = (ampi_records){ .record_bytes = set->label_bytes + 3072,
                                      .pixel_offset = set->label_bytes,
                                      .width = 32,
                                      .height = 32,
                                      .channels = 3,
                                      .planar = true };
    AMPI_TRY(open_path(source, &chosen, spec, error));
    warn_of_mix(source, spec);
    AMPI_TRY(ampi_records_read_labels(source, set->label_offset, error));
    if (source->class_names.count == 0)
        AMPI_TRY(standard_names(source, set, error));
    return ampi_source_set_classes(source, (uint32_t)source->class_names.count, spec, error);
}

amp_status ampi_cifar10_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    if (spec->options.labels != AMPI_LABELS_FINE)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "cifar10 has no coarse labels");
    return open_cifar(source, &cifar10, spec, error);
}

amp_status ampi_cifar100_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    const bool coarse = spec->options.labels == AMPI_LABELS_COARSE;

    return open_cifar(source, coarse ? &cifar100_coarse : &cifar100_fine, spec, error);
}
