/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/list.c - a text file that lists images: one path a line, a label behind it if known.
 *
 * Labels are numbers if all of them are, else class names, numbered in bytewise order.
 */
#include "core/file.h"
#include "data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_LIST_BYTES ((size_t)1 << 30)

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *text, char *end)
{
    while (end > text && blank(end[-1]))
        end--;
    *end = '\0';
    while (blank(*text))
        text++;
    return text;
}

/* ---- one line ---- */

static bool is_there(const char *root, const char *name)
{
    char path[4096];
    const bool whole = name[0] == '/' || root[0] == '\0';
    const int length =
        snprintf(path, sizeof path, "%s%s%s", whole ? "" : root, whole ? "" : "/", name);

    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

/* Cuts the label off the line and returns it, "" when there is none: behind the last tab, or the
   last word unless it ends the name of an image or of a file that is there. */
static char *cut_label(const char *root, char *line)
{
    char *const none = line + strlen(line);
    char *split = strrchr(line, '\t');
    char *label;

    if (!split) {
        split = strrchr(line, ' ');
        if (!split || ampi_entries_image_name(split) || is_there(root, line))
            return none;
    }
    label = split + 1;
    (void)trim(line, split);
    return label;
}

static amp_status take_line(ampi_source *source, ampi_strings *labels, char *line, amp_error *error)
{
    const char *label;

    if (line[0] == '\0' || line[0] == '#')
        return AMP_OK;
    label = cut_label(source->entries.root, line);
    AMPI_TRY(ampi_entries_add(source, line, NULL, error));
    return ampi_strings_add(labels, label, strlen(label), error);
}

static amp_status take_lines(ampi_source *source, ampi_strings *labels, char *text, size_t size,
                             amp_error *error)
{
    char *const end = text + size;

    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (text < end) {
        char *const newline = memchr(text, '\n', (size_t)(end - text));
        char *const next = newline ? newline + 1 : end;
        AMPI_TRY(take_line(source, labels, trim(text, newline ? newline : end), error));
        text = next;
    }
    return AMP_OK;
}

/* ---- labels ---- */

/* -1 says as much as no label. */
static bool all_numbers(const ampi_strings *labels)
{
    for (size_t i = 0; i < labels->count; i++) {
        const char *const text = ampi_strings_get(labels, i);
        if (text[0] != '\0' && !ampi_text_is_integer(text, strlen(text)))
            return false;
    }
    return true;
}

static amp_status number_labels(ampi_source *source, const ampi_strings *labels, const char *path,
                                amp_error *error)
{
    for (size_t i = 0; i < labels->count; i++) {
        const char *const text = ampi_strings_get(labels, i);
        int64_t value = -1;
        if (text[0] != '\0' && (!ampi_text_to_int64(text, strlen(text), &value) || value < -1 ||
                                value >= AMPI_DATA_MAX_CLASSES))
            return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: the label %.40s, allowed -1..%u",
                             ampi_path_tail(path), text, AMPI_DATA_MAX_CLASSES - 1);
        source->entries.items[i].label = (int32_t)value;
    }
    return AMP_OK;
}

static int compare_texts(const void *left, const void *right)
{
    const char *const *const a = left;
    const char *const *const b = right;

    return strcmp(*a, *b);
}

/* sorted[] without its repeats becomes the class names. */
static amp_status name_classes(ampi_source *source, const char **sorted, size_t count,
                               amp_error *error)
{
    qsort(sorted, count, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0)
            AMPI_TRY(ampi_strings_add(&source->class_names, sorted[i], strlen(sorted[i]), error));
    }
    if (source->class_names.count >= AMPI_DATA_MAX_CLASSES)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%zu classes, at most %u",
                         source->class_names.count, AMPI_DATA_MAX_CLASSES);
    return AMP_OK;
}

static int32_t find_class(const ampi_strings *names, const char *text)
{
    size_t low = 0, high = names->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(ampi_strings_get(names, middle), text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (int32_t)low;
}

static amp_status word_labels(ampi_source *source, const ampi_strings *labels, amp_error *error)
{
    const char **const sorted = ampi_alloc(source->context, labels->count, sizeof *sorted);
    amp_status status;
    size_t count = 0;

    if (!sorted)
        return ampi_fail_nomem(error, "dataset", labels->count * sizeof *sorted);
    for (size_t i = 0; i < labels->count; i++) {
        const char *const text = ampi_strings_get(labels, i);
        if (text[0] != '\0')
            sorted[count++] = text;
    }
    status = name_classes(source, sorted, count, error);
    ampi_free(source->context, sorted);
    for (size_t i = 0; !status && i < labels->count; i++) {
        const char *const text = ampi_strings_get(labels, i);
        source->entries.items[i].label = text[0] ? find_class(&source->class_names, text) : -1;
    }
    return status;
}

/* ---- opening ---- */

/* The folder of the list, which relative paths start from. */
static amp_status set_root(ampi_source *source, const char *path, amp_error *error)
{
    const char *const slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;

    source->entries.root = ampi_strndup(source->context, path, slash == path ? 1 : length);
    return source->entries.root ? AMP_OK : ampi_fail_nomem(error, "dataset", length + 1);
}

static amp_status read_list(ampi_source *source, ampi_strings *labels, const char *path,
                            amp_error *error)
{
    uint8_t *bytes;
    size_t size;
    amp_status status =
        ampi_file_read(source->context, path, MAX_LIST_BYTES, &bytes, &size, "dataset", error);

    if (status)
        return status;
    if (memchr(bytes, '\0', size))
        status = ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: a zero byte, so not a text file",
                           ampi_path_tail(path));
    if (!status)
        status = take_lines(source, labels, (char *)bytes, size, error);
    ampi_free(source->context, bytes);
    if (!status)
        status = all_numbers(labels) ? number_labels(source, labels, path, error)
                                     : word_labels(source, labels, error);
    return status;
}

amp_status ampi_list_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    ampi_strings labels;
    amp_status status;

    if (spec->part[0] != '\0')
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "#%s: a list has no parts", spec->part);
    AMPI_TRY(set_root(source, spec->path, error));
    ampi_strings_init(&labels, source->context);
    status = read_list(source, &labels, spec->path, error);
    ampi_strings_clear(&labels);
    if (!status && source->entries.count == 0)
        status = ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: lists no images",
                           ampi_path_tail(spec->path));
    AMPI_TRY(status);
    return ampi_entries_finish(source, (uint32_t)source->class_names.count, spec, error);
}
