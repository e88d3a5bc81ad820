/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/tar.c - images inside a tar, plain or compressed.
 *
 * Order and classes are those of the same files in a folder: sorted, and a class for each folder
 * below the deepest folder that holds all images.
 */
#include "data/unpack.h"

#include <string.h>

/* A hard link is a name for bytes that came earlier under another. */
typedef struct links {
    ampi_strings names, targets;
} links;

static bool hidden(const char *name)
{
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (*part == '.')
            return true;
    }
    return false;
}

static amp_status take_link(const ampi_unpack *unpack, links *seen, amp_error *error)
{
    AMPI_TRY(ampi_strings_add(&seen->names, unpack->name, strlen(unpack->name), error));
    return ampi_strings_add(&seen->targets, unpack->link, strlen(unpack->link), error);
}

static amp_status take_member(ampi_source *source, ampi_unpack *unpack, links *seen,
                              amp_error *error)
{
    ampi_extent bytes;

    if (hidden(unpack->name))
        return AMP_OK;
    if (unpack->link)
        return take_link(unpack, seen, error);
    if (!ampi_entries_image_name(unpack->name)) {
        AMPI_TRY(ampi_unpack_peek(unpack, error));
        if (!ampi_entries_image_head(unpack->peeked, unpack->n_peeked))
            return AMP_OK;
    }
    AMPI_TRY(ampi_unpack_save(unpack, AMPI_DATA_MAX_MEMBER, &bytes, error));
    return ampi_entries_add(source, unpack->name, &bytes, error);
}

static amp_status take_all(ampi_source *source, ampi_unpack *unpack, links *seen, amp_error *error)
{
    ampi_extent whole;
    bool more = true;

    while (more) {
        AMPI_TRY(ampi_unpack_next(unpack, &more, error));
        if (more)
            AMPI_TRY(take_member(source, unpack, seen, error));
    }
    return unpack->plain ? ampi_unpack_keep_plain(unpack, &whole, error) : AMP_OK;
}

/* The entries are sorted; links are added behind them. */
static amp_status resolve_link(ampi_source *source, size_t sorted, const char *name,
                               const char *target, amp_error *error)
{
    const ampi_entry *const entry = ampi_entries_find(source, sorted, target);
    ampi_extent bytes;

    if (entry) {
        bytes = entry->bytes;
        return ampi_entries_add(source, name, &bytes, error);
    }
    if (!ampi_entries_image_name(name))
        return AMP_OK;
    return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: %s is a link to %s, which is no image",
                     ampi_path_tail(source->entries.root), name, target);
}

static amp_status resolve_links(ampi_source *source, const links *seen, amp_error *error)
{
    const size_t sorted = source->entries.count;

    if (seen->names.count == 0)
        return AMP_OK;
    for (size_t i = 0; i < seen->names.count; i++)
        AMPI_TRY(resolve_link(source, sorted, ampi_strings_get(&seen->names, i),
                              ampi_strings_get(&seen->targets, i), error));
    return ampi_entries_sort(source, error);
}

static amp_status read_archive(ampi_source *source, const char *path, links *seen, amp_error *error)
{
    ampi_unpack *unpack;
    amp_status status = ampi_unpack_open(&unpack, source, path, error);

    if (!status && !unpack->tar)
        status = ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: not a tar archive",
                           ampi_path_tail(path));
    if (!status)
        status = take_all(source, unpack, seen, error);
    ampi_unpack_close(unpack);
    if (!status)
        status = ampi_entries_sort(source, error);
    return status ? status : resolve_links(source, seen, error);
}

/* ---- folders ---- */

/* Bytes of the folder that holds all images, its '/' included: sorted names differ most between
   the first and the last. */
static size_t common_folder(const ampi_entries *entries)
{
    const char *const first = ampi_strings_get(&entries->names, entries->items[0].name);
    const char *const last =
        ampi_strings_get(&entries->names, entries->items[entries->count - 1].name);
    size_t common = 0;

    for (size_t i = 0; first[i] != '\0' && first[i] == last[i]; i++)
        common = first[i] == '/' ? i + 1 : common;
    return common;
}

/* #PART: the images of the folder of that name below the common one. */
static amp_status keep_part(ampi_source *source, const ampi_spec *spec, size_t *prefix,
                            amp_error *error)
{
    ampi_entries *const entries = &source->entries;
    const size_t length = strlen(spec->part);
    size_t kept = 0;

    if (length == 0)
        return AMP_OK;
    for (size_t i = 0; i < entries->count; i++) {
        const char *const name =
            ampi_strings_get(&entries->names, entries->items[i].name) + *prefix;
        if (strncmp(name, spec->part, length) == 0 && name[length] == '/')
            entries->items[kept++] = entries->items[i];
    }
    if (kept == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "%s: no images in a folder '%s'",
                         ampi_path_tail(spec->path), spec->part);
    entries->count = kept;
    *prefix += length + 1;
    return AMP_OK;
}

amp_status ampi_tar_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    amp_status status;
    size_t prefix;
    links seen;

    source->entries.root = ampi_strdup(source->context, spec->path);
    if (!source->entries.root)
        return ampi_fail_nomem(error, "dataset", strlen(spec->path) + 1);
    ampi_strings_init(&seen.names, source->context);
    ampi_strings_init(&seen.targets, source->context);
    status = read_archive(source, spec->path, &seen, error);
    ampi_strings_clear(&seen.names);
    ampi_strings_clear(&seen.targets);
    if (status)
        return status;
    prefix = common_folder(&source->entries);
    AMPI_TRY(keep_part(source, spec, &prefix, error));
    AMPI_TRY(ampi_entries_label_by_folder(source, prefix, error));
    return ampi_entries_finish(source, (uint32_t)source->class_names.count, spec, error);
}
