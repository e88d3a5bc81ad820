/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/idx.c - idx files as MNIST has them: uint8 images [n,h,w] or [n,h,w,c] and labels [n].
 *
 * Header: 0, 0, type (8 = uint8), rank, then rank big-endian uint32 sizes; the rest is the array.
 */
#include "core/file.h"
#include "data/source.h"

#include <string.h>
#include <unistd.h>

typedef struct array {
    const char *path;
    ampi_extent bytes; /* past the header, once it is read */
    uint8_t rank;
    uint32_t sizes[4];
} array;

static amp_status read_header(ampi_source *source, array *out, amp_error *error)
{
    uint8_t head[20] = { 0 };
    ampi_cursor cursor = { head, head + sizeof head };
    size_t bytes;

    if (out->bytes.size >= 4)
        AMPI_TRY(ampi_extent_read(&source->store, &out->bytes, 0, head, 4, out->path, error));
    if (head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] == 0 || head[3] > 4)
        return ampi_fail(error, AMP_E_FORMAT, "dataset",
                         "%s: starts with %02x%02x%02x%02x, an idx array of bytes with 000008 "
                         "and a rank 1..4",
                         ampi_path_tail(out->path), head[0], head[1], head[2], head[3]);
    out->rank = head[3];
    bytes = 4 + 4 * (size_t)out->rank;
    if (out->bytes.size < bytes)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: %llu bytes, the header alone has %zu",
                         ampi_path_tail(out->path), (unsigned long long)out->bytes.size, bytes);
    AMPI_TRY(ampi_extent_read(&source->store, &out->bytes, 0, head, bytes, out->path, error));
    cursor.at += 4;
    for (size_t i = 0; i < out->rank; i++)
        (void)ampi_read_u32be(&cursor, &out->sizes[i]);
    out->bytes.offset += bytes;
    out->bytes.size -= bytes;
    return AMP_OK;
}

/* The header's promise against what the file holds. */
static amp_status check_size(const array *given, amp_error *error)
{
    size_t total = 1;
    bool fits = true;

    for (size_t i = 0; i < given->rank; i++)
        fits = fits && ampi_mul(total, given->sizes[i], &total);
    if (fits && total == given->bytes.size)
        return AMP_OK;
    return ampi_fail(error, AMP_E_FORMAT, "dataset",
                     "%s: the header promises %zu bytes, the file holds %llu",
                     ampi_path_tail(given->path), fits ? total : SIZE_MAX,
                     (unsigned long long)given->bytes.size);
}

static amp_status open_array(ampi_source *source, const char *path, array *out, amp_error *error)
{
    memset(out, 0, sizeof *out);
    out->path = path;
    AMPI_TRY(ampi_records_open_bytes(source, path, &out->bytes, error));
    AMPI_TRY(read_header(source, out, error));
    return check_size(out, error);
}

static amp_status add_images(ampi_source *source, const char *path, amp_error *error)
{
    ampi_records *const records = &source->records;
    array images;

    AMPI_TRY(open_array(source, path, &images, error));
    if (images.rank < 3 || (images.rank == 4 && images.sizes[3] != 1 && images.sizes[3] != 3))
        return ampi_fail(error, AMP_E_FORMAT, "dataset",
                         "%s: rank %u, last size %u; images are [n,h,w] or [n,h,w,1 or 3]",
                         ampi_path_tail(path), (unsigned)images.rank,
                         (unsigned)images.sizes[images.rank - 1]);
    if (images.bytes.size == 0)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: no images in it",
                         ampi_path_tail(path));
    records->height = images.sizes[1];
    records->width = images.sizes[2];
    records->channels = images.rank == 4 ? images.sizes[3] : 1;
    records->record_bytes = (size_t)(images.bytes.size / images.sizes[0]);
    return ampi_records_add(source, path, &images.bytes, error);
}

/* ---- labels ---- */

static amp_status no_labels(ampi_source *source, amp_error *error)
{
    source->labels = ampi_alloc_raw(source->context, source->count, sizeof *source->labels);
    if (!source->labels)
        return ampi_fail_nomem(error, "dataset", source->count * sizeof *source->labels);
    for (uint64_t i = 0; i < source->count; i++)
        source->labels[i] = -1;
    return AMP_OK;
}

static amp_status read_labels(ampi_source *source, const array *labels, amp_error *error)
{
    uint8_t *const bytes = ampi_alloc_raw(source->context, source->count, 1);
    amp_status status;

    if (!bytes)
        return ampi_fail_nomem(error, "dataset", source->count);
    status = ampi_extent_read(&source->store, &labels->bytes, 0, bytes, source->count, labels->path,
                              error);
    for (uint64_t i = 0; !status && i < source->count; i++)
        source->labels[i] = bytes[i] == 255 ? -1 : bytes[i];
    ampi_free(source->context, bytes);
    return status;
}

static amp_status add_labels(ampi_source *source, const char *path, amp_error *error)
{
    array labels;

    AMPI_TRY(open_array(source, path, &labels, error));
    if (labels.rank != 1 || labels.sizes[0] != source->count)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: rank %u, %u labels for %llu images",
                         ampi_path_tail(path), (unsigned)labels.rank, (unsigned)labels.sizes[0],
                         (unsigned long long)source->count);
    return read_labels(source, &labels, error);
}

/* ---- opening ---- */

/* Where the labels' path starts in "images,labels", or NULL: a file may have a comma in its name.
 */
static const char *labels_path(const char *path)
{
    const char *const comma = strrchr(path, ',');

    return comma && access(path, F_OK) != 0 ? comma + 1 : NULL;
}

amp_status ampi_idx_open(ampi_source *source, const ampi_spec *spec, amp_error *error)
{
    const char *const labels = labels_path(spec->path);
    const size_t length = labels ? (size_t)(labels - spec->path) - 1 : strlen(spec->path);
    amp_status status;
    char *images;

    if (spec->part[0] != '\0')
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "#%s: idx files have no parts",
                         spec->part);
    if (length == 0 || (labels && !*labels))
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "'%s': the path of the %s is empty",
                         ampi_path_tail(spec->path), length == 0 ? "images" : "labels");
    images = ampi_strndup(source->context, spec->path, length);
    if (!images)
        return ampi_fail_nomem(error, "dataset", length + 1);
    source->reader = &ampi_records_reader;
    status = add_images(source, images, error);
    ampi_free(source->context, images);
    if (!status)
        status = no_labels(source, error);
    if (!status && labels)
        status = add_labels(source, labels, error);
    return status ? status : ampi_source_set_classes(source, 0, spec, error);
}
