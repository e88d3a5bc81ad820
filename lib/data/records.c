/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/records.c - records of one size: where each lies, its label, its pixels as an RGB image.
 */
#include "data/records.h"
#include "data/unpack.h"

#include <stdio.h>
#include <string.h>

#define UNKNOWN_LABEL 255u

amp_status ampi_records_add(ampi_source *source, const char *name, const ampi_extent *bytes,
                            amp_error *error)
{
    ampi_records *const records = &source->records;
    const uint64_t size = bytes->size, record = records->record_bytes;
    ampi_records_part *part;

    if (size == 0 || size % record != 0)
        return ampi_fail(error, AMP_E_FORMAT, "dataset",
                         "%s: %llu bytes are no whole number of records of %llu bytes",
                         ampi_path_tail(name), (unsigned long long)size,
                         (unsigned long long)record);
    if (size / record > AMPI_DATA_MAX_IMAGES - source->count)
        return ampi_fail(error, AMP_E_LIMIT, "dataset", "%s: more than %u images",
                         ampi_path_tail(name), AMPI_DATA_MAX_IMAGES);
    AMPI_TRY(ampi_grow(source->context, &records->parts, &records->capacity, records->n_parts + 1,
                       sizeof *records->parts, error));
    part = &records->parts[records->n_parts];
    part->name = ampi_strdup(source->context, name);
    if (!part->name)
        return ampi_fail_nomem(error, "dataset", strlen(name) + 1);
    part->bytes = *bytes;
    part->first = source->count;
    part->count = size / record;
    source->count += part->count;
    records->n_parts++;
    return AMP_OK;
}

static amp_status take_raw(ampi_unpack *unpack, ampi_extent *out, amp_error *error)
{
    bool more;

    if (unpack->tar)
        return ampi_fail(error, AMP_E_FORMAT, "dataset", "%s: an archive, not a file of records",
                         ampi_path_tail(unpack->path));
    if (unpack->plain)
        return ampi_unpack_keep_plain(unpack, out, error);
    AMPI_TRY(ampi_unpack_next(unpack, &more, error));
    return ampi_unpack_save(unpack, AMPI_STORE_MAX_BYTES, out, error);
}

amp_status ampi_records_open_bytes(ampi_source *source, const char *path, ampi_extent *out,
                                   amp_error *error)
{
    ampi_unpack *unpack;
    amp_status status = ampi_unpack_open(&unpack, source, path, error);

    if (!status)
        status = take_raw(unpack, out, error);
    ampi_unpack_close(unpack);
    return status;
}

amp_status ampi_records_add_opened(ampi_source *source, ampi_unpack *unpack, amp_error *error)
{
    ampi_extent bytes;

    AMPI_TRY(take_raw(unpack, &bytes, error));
    return ampi_records_add(source, unpack->path, &bytes, error);
}

amp_status ampi_records_add_file(ampi_source *source, const char *path, amp_error *error)
{
    ampi_extent bytes;

    AMPI_TRY(ampi_records_open_bytes(source, path, &bytes, error));
    return ampi_records_add(source, path, &bytes, error);
}

static amp_status read_part_labels(ampi_source *source, const ampi_records_part *part,
                                   size_t offset, amp_error *error)
{
    const size_t record = source->records.record_bytes;

    for (uint64_t i = 0; i < part->count; i++) {
        uint8_t label;
        AMPI_TRY(ampi_extent_read(&source->store, &part->bytes, i * record + offset, &label, 1,
                                  part->name, error));
        source->labels[part->first + i] = label == UNKNOWN_LABEL ? -1 : label;
    }
    return AMP_OK;
}

amp_status ampi_records_read_labels(ampi_source *source, size_t offset, amp_error *error)
{
    source->labels = ampi_alloc_raw(source->context, source->count, sizeof *source->labels);
    if (!source->labels)
        return ampi_fail_nomem(error, "dataset", source->count * sizeof *source->labels);
    for (size_t i = 0; i < source->records.n_parts; i++)
        AMPI_TRY(read_part_labels(source, &source->records.parts[i], offset, error));
    return AMP_OK;
}

void ampi_records_clear(ampi_source *source)
{
    for (size_t i = 0; i < source->records.n_parts; i++)
        ampi_free(source->context, source->records.parts[i].name);
    ampi_free(source->context, source->records.parts);
    memset(&source->records, 0, sizeof source->records);
}

/* ---- reading ---- */

static const ampi_records_part *find_part(const ampi_records *records, uint64_t index)
{
    const ampi_records_part *part = records->parts;

    while (index - part->first >= part->count)
        part++;
    return part;
}

/* raw [channels,height,width] or [height,width,channels] -> rgb [height,width,3]; one channel is
   repeated. */
static void to_rgb(const ampi_records *records, const uint8_t *raw, uint8_t *rgb)
{
    const size_t pixels = (size_t)records->width * records->height;
    const size_t step = records->planar ? 1 : records->channels;
    const size_t plane = records->channels == 1 ? 0 : records->planar ? pixels : 1;

    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = raw[i * step + c * plane];
    }
}

static amp_status read_record(const ampi_source *source, uint64_t index, amp_image **out,
                              amp_error *error)
{
    const ampi_records *const records = &source->records;
    const ampi_records_part *const part = find_part(records, index);
    const size_t bytes = records->record_bytes - records->pixel_offset;
    const uint64_t at = (index - part->first) * records->record_bytes + records->pixel_offset;
    uint8_t *const raw = ampi_alloc_raw(source->context, bytes, 1);
    amp_image *image = NULL;
    amp_status status;

    if (!raw)
        return ampi_fail_nomem(error, "dataset", bytes);
    status = ampi_extent_read(&source->store, &part->bytes, at, raw, bytes, part->name, error);
    if (!status)
        status = ampi_image_create(&image, source->context, records->width, records->height,
                                   &source->image, error);
    if (!status)
        to_rgb(records, raw, image->pixels);
    ampi_free(source->context, raw);
    *out = image;
    return status;
}

static size_t record_name(const ampi_source *source, uint64_t index, char *out, size_t size)
{
    const ampi_records_part *const part = find_part(&source->records, index);
    const int length =
        snprintf(out, size, "%s[%llu]", part->name, (unsigned long long)(index - part->first));

    return length < 0 ? 0 : (size_t)length;
}

const ampi_reader ampi_records_reader = { read_record, record_name };
