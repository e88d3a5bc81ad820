/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/entries.c - image files in a folder or an archive: their order, their classes, decoding.
 */
#define _GNU_SOURCE /* qsort_r */
#include "data/entries.h"
#include "data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool ampi_entries_image_name(const char *name)
{
    const char *const dot = strrchr(name, '.');

    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 ||
                   strcasecmp(dot, ".jpeg") == 0);
}

bool ampi_entries_image_head(const uint8_t *head, size_t size)
{
    static const uint8_t png[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    static const uint8_t jpeg[3] = { 0xff, 0xd8, 0xff };

    return (size >= sizeof png && memcmp(head, png, sizeof png) == 0) ||
           (size >= sizeof jpeg && memcmp(head, jpeg, sizeof jpeg) == 0);
}

amp_status ampi_entries_add(ampi_source *source, const char *name, const ampi_extent *bytes,
                            amp_error *error)
{
    ampi_entries *const entries = &source->entries;
    ampi_entry entry = { .label = -1, .packed = bytes != NULL };

    if (entries->count >= AMPI_DATA_MAX_IMAGES)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: more than %u images",
                         ampi_path_tail(entries->root), AMPI_DATA_MAX_IMAGES);
    entry.name = entries->names.count;
    if (bytes)
        entry.bytes = *bytes;
    AMPI_TRY(ampi_strings_add(&entries->names, name, strlen(name), error));
    AMPI_TRY(ampi_grow(source->context, &entries->items, &entries->capacity, entries->count + 1,
                       sizeof entry, error));
    entries->items[entries->count++] = entry;
    return AMP_OK;
}

void ampi_entries_clear(ampi_source *source)
{
    ampi_entries *const entries = &source->entries;

    ampi_free(source->context, entries->root);
    ampi_free(source->context, entries->items);
    ampi_strings_clear(&entries->names);
    entries->root = NULL;
    entries->items = NULL;
    entries->count = entries->capacity = 0;
}

/* ---- order ---- */

static int rank(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 2;
}

int ampi_entries_compare(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return (rank(*a) > rank(*b)) - (rank(*a) < rank(*b));
}

static int compare_entries(const void *left, const void *right, void *names)
{
    const ampi_entry *const a = left, *const b = right;
    const int order =
        ampi_entries_compare(ampi_strings_get(names, a->name), ampi_strings_get(names, b->name));

    return order ? order : (a->name > b->name) - (a->name < b->name);
}

amp_status ampi_entries_sort(ampi_source *source, amp_error *error)
{
    ampi_entries *const entries = &source->entries;
    size_t kept = 0;

    if (entries->count == 0)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: no images in it",
                         ampi_path_tail(entries->root));
    qsort_r(entries->items, entries->count, sizeof *entries->items, compare_entries,
            &entries->names);
    for (size_t i = 0; i < entries->count; i++) {
        const char *const name = ampi_strings_get(&entries->names, entries->items[i].name);
        if (kept > 0 &&
            strcmp(name, ampi_strings_get(&entries->names, entries->items[kept - 1].name)) == 0)
            kept--;
        entries->items[kept++] = entries->items[i];
    }
    entries->count = kept;
    return AMP_OK;
}

const ampi_entry *ampi_entries_find(const ampi_source *source, size_t sorted, const char *name)
{
    const ampi_entries *const entries = &source->entries;
    size_t low = 0, high = sorted;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = ampi_entries_compare(
            ampi_strings_get(&entries->names, entries->items[middle].name), name);
        if (order == 0)
            return &entries->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- classes ---- */

/* The entries are sorted folder by folder, so a class is a run of them. */
static amp_status label_entry(ampi_source *source, ampi_entry *entry, size_t prefix,
                              amp_error *error)
{
    const char *const name = ampi_strings_get(&source->entries.names, entry->name) + prefix;
    const char *const slash = strchr(name, '/');
    ampi_strings *const classes = &source->class_names;
    const char *last;

    if (!slash)
        return AMP_OK;
    last = classes->count ? ampi_strings_get(classes, classes->count - 1) : "";
    if (strncmp(last, name, (size_t)(slash - name)) != 0 || last[slash - name] != '\0')
        AMPI_TRY(ampi_strings_add(classes, name, (size_t)(slash - name), error));
    entry->label = (int32_t)classes->count - 1;
    return AMP_OK;
}

amp_status ampi_entries_label_by_folder(ampi_source *source, size_t prefix, amp_error *error)
{
    for (size_t i = 0; i < source->entries.count; i++)
        AMPI_TRY(label_entry(source, &source->entries.items[i], prefix, error));
    if (source->class_names.count > AMPI_DATA_MAX_CLASSES)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: %zu class folders, at most %u",
                         ampi_path_tail(source->entries.root), source->class_names.count,
                         AMPI_DATA_MAX_CLASSES);
    return AMP_OK;
}

amp_status ampi_entries_finish(ampi_source *source, uint32_t known, const ampi_spec *spec,
                               amp_error *error)
{
    const size_t count = source->entries.count;

    source->labels = ampi_alloc_raw(source->context, count, sizeof *source->labels);
    if (!source->labels)
        return ampi_fail_nomem(error, "dataset", count * sizeof *source->labels);
    for (size_t i = 0; i < count; i++)
        source->labels[i] = source->entries.items[i].label;
    source->count = count;
    source->reader = &ampi_entries_reader;
    return ampi_source_set_classes(source, known, spec, error);
}

/* ---- reading ---- */

/* The decoder does not know where its bytes came from. */
static amp_status name_fault(amp_status status, const char *name, amp_error *error)
{
    amp_error inner;

    if (!status || !error)
        return status;
    inner = *error;
    (void)ampi_fail(error, status, inner.where, "%s: %s", ampi_path_tail(name), inner.message);
    error->detail = inner.detail;
    return status;
}

static amp_status read_packed(const ampi_source *source, const ampi_entry *entry, const char *name,
                              amp_image **out, amp_error *error)
{
    const size_t size = (size_t)entry->bytes.size;
    uint8_t *const bytes = ampi_alloc_raw(source->context, size ? size : 1, 1);
    amp_status status;

    if (!bytes)
        return ampi_fail_nomem(error, "dataset", size);
    status = ampi_extent_read(&source->store, &entry->bytes, 0, bytes, size, name, error);
    if (!status)
        status =
            name_fault(amp_image_decode(out, source->context, bytes, size, &source->image, error),
                       name, error);
    ampi_free(source->context, bytes);
    return status;
}

static amp_status read_file(const ampi_source *source, uint64_t index, amp_image **out,
                            amp_error *error)
{
    const size_t length = ampi_entries_reader.name(source, index, NULL, 0);
    char *const path = ampi_alloc_raw(source->context, length + 1, 1);
    amp_status status;

    if (!path)
        return ampi_fail_nomem(error, "dataset", length + 1);
    (void)ampi_entries_reader.name(source, index, path, length + 1);
    status = amp_image_open(out, source->context, path, &source->image, error);
    ampi_free(source->context, path);
    return status;
}

static amp_status read_entry(const ampi_source *source, uint64_t index, amp_image **out,
                             amp_error *error)
{
    const ampi_entry *const entry = &source->entries.items[index];
    const char *const name = ampi_strings_get(&source->entries.names, entry->name);

    return entry->packed ? read_packed(source, entry, name, out, error)
                         : read_file(source, index, out, error);
}

static size_t entry_name(const ampi_source *source, uint64_t index, char *out, size_t size)
{
    const ampi_entry *const entry = &source->entries.items[index];
    const char *const name = ampi_strings_get(&source->entries.names, entry->name);
    const char *const root = entry->packed || name[0] == '/' ? "" : source->entries.root;
    const size_t root_length = strlen(root);
    const bool slash = root_length > 0 && root[root_length - 1] != '/';
    const int length = snprintf(out, size, "%s%s%s", root, slash ? "/" : "", name);

    return length < 0 ? 0 : (size_t)length;
}

const ampi_reader ampi_entries_reader = { read_entry, entry_name };
