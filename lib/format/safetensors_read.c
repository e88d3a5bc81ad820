/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/safetensors_read.c - the container, read as if its writer were hostile.
 *
 * 8 bytes of header length, a JSON header, the data.  Every tensor's place, shape and type must
 * agree, and together they must cover the data part exactly, without gap or overlap.
 */
#include "core/file.h"
#include "format/format_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEADER ((size_t)16 << 20)
#define METADATA "__metadata__"

static const ampi_json_limits header_limits = {
    .bytes = MAX_HEADER,
    .depth = 3,
    .array = 16,
    /* An entry has an object, two arrays, three members, at most 8 sides and 2 offsets. */
    .values = 20 * (size_t)AMPI_MAX_TENSORS,
};

/* ---- the header's text ---- */

#define FIRST 9u

/* `first` holds FIRST bytes of `size`, or all. */
static amp_status read_length(const uint8_t *first, size_t size, size_t *length, amp_error *error)
{
    ampi_cursor cursor = { first, first + ampi_min_size(size, FIRST) };
    uint64_t claimed = 0;

    if (size > AMPI_MODEL_MAX_BYTES)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%zu bytes, limit %zu", size,
                         AMPI_MODEL_MAX_BYTES);
    if (!ampi_read_u64le(&cursor, &claimed))
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "%zu bytes are no safetensors file, which starts with 8 of length", size);
    if (claimed > size - 8)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "a header of %" PRIu64 " bytes in a file of %zu: no safetensors file, or "
                         "cut short",
                         claimed, size);
    if (claimed > MAX_HEADER)
        return ampi_fail(error, AMP_E_LIMIT, "model", "a header of %" PRIu64 " bytes, limit %zu",
                         claimed, MAX_HEADER);
    if (claimed < 2 || *cursor.at != '{')
        return ampi_fail(error, AMP_E_FORMAT, "model", "the header does not start with '{'");
    *length = (size_t)claimed;
    return AMP_OK;
}

static amp_status parse_header(ampi_views *views, const char *text, size_t length, amp_error *error)
{
    return ampi_json_parse(&views->header, text, length, &header_limits, "header", error);
}

static amp_status header_of_file(ampi_views *views, const ampi_file *file, size_t *length,
                                 amp_error *error)
{
    const size_t size = ampi_file_size(file);
    uint8_t first[FIRST] = { 0 };
    char *text = NULL;
    amp_status status;

    AMPI_TRY(ampi_file_read_at(file, 0, first, ampi_min_size(size, FIRST), error));
    AMPI_TRY(read_length(first, size, length, error));
    text = ampi_alloc_raw(views->context, *length, 1);
    if (!text)
        return ampi_fail_nomem(error, "model", *length);
    status = ampi_file_read_at(file, 8, text, *length, error);
    if (status == AMP_OK)
        status = parse_header(views, text, *length, error);
    ampi_free(views->context, text);
    return status;
}

static amp_status header_of_bytes(ampi_views *views, const uint8_t *bytes, size_t size,
                                  size_t *length, amp_error *error)
{
    AMPI_TRY(read_length(bytes, size, length, error));
    return parse_header(views, (const char *)bytes + 8, *length, error);
}

/* ---- one tensor ---- */

static amp_status bad_entry(amp_error *error, const char *name, const char *fault)
{
    return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%.96s': %s", name, fault);
}

static bool read_size(const json_t *value, size_t *out)
{
    const json_int_t number = json_integer_value(value);

    *out = (size_t)number;
    return json_is_integer(value) && number >= 0;
}

static amp_status read_dtype(ampi_view *view, const json_t *value, amp_error *error)
{
    if (!json_is_string(value))
        return bad_entry(error, view->name, "dtype is not text");
    view->dtype = ampi_dtype_parse(json_string_value(value));
    if (view->dtype == AMPI_DTYPE_COUNT)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "model", "tensor '%.96s': dtype '%.16s'",
                         view->name, json_string_value(value));
    return AMP_OK;
}

static amp_status read_shape(ampi_view *view, const json_t *value, amp_error *error)
{
    const size_t rank = json_array_size(value);

    if (!json_is_array(value))
        return bad_entry(error, view->name, "shape is not an array");
    if (rank > AMPI_BLOB_RANK)
        return ampi_fail(error, AMP_E_LIMIT, "model", "tensor '%.96s': %zu dimensions, limit %u",
                         view->name, rank, AMPI_BLOB_RANK);
    view->rank = (uint32_t)rank;
    view->bytes = ampi_dtype_size(view->dtype);
    for (size_t i = 0; i < rank; i++) {
        if (!read_size(json_array_get(value, i), &view->dims[i]))
            return bad_entry(error, view->name, "a dimension is not a whole number >= 0");
        if (!ampi_mul(view->bytes, view->dims[i], &view->bytes))
            return bad_entry(error, view->name, "the size overflows");
    }
    return AMP_OK;
}

/* The part behind the header. */
typedef struct data_part {
    const ampi_model_source *source;
    size_t start, size;
} data_part;

static amp_status read_place(ampi_view *view, const json_t *value, const data_part *data,
                             amp_error *error)
{
    size_t begin = 0, end = 0;

    if (json_array_size(value) != 2 || !read_size(json_array_get(value, 0), &begin) ||
        !read_size(json_array_get(value, 1), &end))
        return bad_entry(error, view->name, "data_offsets are not two whole numbers >= 0");
    if (begin > end || end > data->size)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "tensor '%.96s': bytes %zu..%zu of %zu in the file", view->name, begin,
                         end, data->size);
    if (end - begin != view->bytes)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "tensor '%.96s': its shape takes %zu bytes, its place has %zu", view->name,
                         view->bytes, end - begin);
    view->offset = data->start + begin;
    view->file = data->source->file;
    view->data = view->file ? NULL : data->source->bytes + view->offset;
    return AMP_OK;
}

static amp_status read_entry(ampi_view *view, const char *name, const json_t *entry,
                             const data_part *data, amp_error *error)
{
    view->name = name;
    if (strlen(name) >= AMPI_BLOB_NAME)
        return ampi_fail(error, AMP_E_LIMIT, "model",
                         "tensor '%.60s...': a name of %zu bytes, "
                         "limit %u",
                         name, strlen(name), AMPI_BLOB_NAME - 1);
    if (json_object_size(entry) != 3)
        return bad_entry(error, name, "not an object of dtype, shape and data_offsets");
    AMPI_TRY(read_dtype(view, json_object_get(entry, "dtype"), error));
    AMPI_TRY(read_shape(view, json_object_get(entry, "shape"), error));
    return read_place(view, json_object_get(entry, "data_offsets"), data, error);
}

/* ---- all of them ---- */

static amp_status read_metadata(ampi_views *views, json_t *metadata, amp_error *error)
{
    const char *key;
    json_t *value;

    if (!metadata)
        return AMP_OK;
    if (!json_is_object(metadata))
        return ampi_fail(error, AMP_E_FORMAT, "model", METADATA " is not an object");
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return ampi_fail(error, AMP_E_FORMAT, "model", METADATA " '%.60s' is not text", key);
    }
    views->record = json_string_value(json_object_get(metadata, "amp"));
    views->crc32 = json_string_value(json_object_get(metadata, "amp.crc32"));
    return AMP_OK;
}

static amp_status read_entries(ampi_views *views, const data_part *data, amp_error *error)
{
    json_t *const metadata = json_object_get(views->header, METADATA);
    const size_t count = json_object_size(views->header) - (metadata ? 1 : 0);
    const char *name;
    json_t *entry;

    AMPI_TRY(read_metadata(views, metadata, error));
    if (count > AMPI_MAX_TENSORS)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%zu tensors, limit %u", count,
                         AMPI_MAX_TENSORS);
    if (count == 0)
        return AMP_OK;
    views->items = ampi_alloc(views->context, count, sizeof *views->items);
    if (!views->items)
        return ampi_fail_nomem(error, "model", count * sizeof *views->items);
    json_object_foreach(views->header, name, entry)
    {
        if (entry == metadata)
            continue;
        AMPI_TRY(read_entry(&views->items[views->count++], name, entry, data, error));
    }
    return AMP_OK;
}

static int compare_places(const void *a, const void *b)
{
    const ampi_view *const left = a;
    const ampi_view *const right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    /* Empty tensors come before the one that starts where they lie. */
    return (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

static amp_status check_cover(ampi_views *views, const data_part *data, amp_error *error)
{
    const size_t end = data->start + data->size;
    size_t at = data->start;

    if (views->count > 1)
        qsort(views->items, views->count, sizeof *views->items, compare_places);
    for (size_t i = 0; i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        if (view->offset != at)
            return bad_entry(error, view->name,
                             view->offset < at ? "overlaps another tensor"
                                               : "a gap lies before it");
        at += view->bytes;
    }
    if (at != end)
        return ampi_fail(error, AMP_E_FORMAT, "model", "%zu bytes after the last tensor", end - at);
    return AMP_OK;
}

/* Weights stay in a file, so that this is where all of it is seen: foreign ones without a checksum
   too. */
static amp_status check_crc(ampi_views *views, const ampi_model_source *source, amp_error *error)
{
    uint32_t crc = 0;
    char text[16];

    if (!views->crc32 && !source->file)
        return AMP_OK;
    AMPI_TRY(ampi_views_crc32(views, views->record, &crc, error));
    if (!views->crc32)
        return AMP_OK;
    (void)snprintf(text, sizeof text, "%08" PRIx32, crc);
    if (strcmp(text, views->crc32) != 0)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "damaged: the checksum is %s, the file says '%.16s'", text, views->crc32);
    return AMP_OK;
}

static amp_status index_all(ampi_views *views, const ampi_model_source *source, amp_error *error)
{
    const size_t size = source->file ? ampi_file_size(source->file) : source->size;
    data_part data = { .source = source };
    size_t length = 0;

    AMPI_TRY(source->file ? header_of_file(views, source->file, &length, error)
                          : header_of_bytes(views, source->bytes, size, &length, error));
    data.start = 8 + length;
    data.size = size - data.start;
    AMPI_TRY(read_entries(views, &data, error));
    AMPI_TRY(check_cover(views, &data, error));
    ampi_views_sort(views);
    return check_crc(views, source, error);
}

amp_status ampi_safetensors_index(ampi_views *views, amp_context *context,
                                  const ampi_model_source *source, amp_error *error)
{
    amp_status status;

    memset(views, 0, sizeof *views);
    views->context = context;
    status = index_all(views, source, error);
    if (status != AMP_OK)
        ampi_views_free(views);
    return status;
}

static amp_status copy_all(ampi_blobs *out, char **record, const ampi_views *views,
                           amp_error *error)
{
    for (size_t i = 0; i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        ampi_blob *blob = NULL;
        AMPI_TRY(
            ampi_blobs_append(out, &blob, view->name, view->dtype, view->rank, view->dims, error));
        AMPI_TRY(ampi_view_read(view, blob->data, error));
    }
    if (!views->record)
        return AMP_OK;
    *record = ampi_strdup(out->context, views->record);
    return *record ? AMP_OK : ampi_fail_nomem(error, "model", strlen(views->record));
}

amp_status ampi_safetensors_parse(ampi_blobs *out, char **record, const uint8_t *bytes, size_t size,
                                  const char *name, amp_error *error)
{
    const ampi_model_source source = { .bytes = bytes, .size = size, .name = name };
    ampi_views views;
    amp_status status = ampi_safetensors_index(&views, out->context, &source, error);

    *record = NULL;
    if (status == AMP_OK)
        status = copy_all(out, record, &views, error);
    ampi_views_free(&views);
    if (status == AMP_OK)
        return AMP_OK;
    ampi_blobs_clear(out);
    return ampi_fail_in_file(error, status, name);
}
