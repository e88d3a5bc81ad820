/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/safetensors_write.c - the container out: equal content gives equal bytes.
 *
 * Tensors lie by falling size of their type, then by name, as the reference implementation
 * writes them: so each is aligned to its type without a gap, and so is the first by the spaces
 * that pad the header to 8 bytes.
 */
#include "core/file.h"
#include "format/format_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The reference implementation's order of types, last first. */
static const int type_order[AMPI_DTYPE_COUNT] = {
    [AMPI_DTYPE_U64] = 0, [AMPI_DTYPE_I64] = 1,  [AMPI_DTYPE_F64] = 2, [AMPI_DTYPE_F32] = 3,
    [AMPI_DTYPE_I32] = 4, [AMPI_DTYPE_BF16] = 5, [AMPI_DTYPE_I8] = 6,  [AMPI_DTYPE_U8] = 7,
};

static int compare_for_file(const void *a, const void *b)
{
    const ampi_view *const left = a;
    const ampi_view *const right = b;
    const int by_type = type_order[left->dtype] - type_order[right->dtype];

    return by_type != 0 ? by_type : strcmp(left->name, right->name);
}

/* ---- the header ---- */

static json_t *shape_json(const ampi_view *view)
{
    json_t *const shape = json_array();

    for (uint32_t i = 0; i < view->rank; i++) {
        if (json_array_append_new(shape, json_integer((json_int_t)view->dims[i])) != 0) {
            json_decref(shape);
            return NULL;
        }
    }
    return shape;
}

static json_t *place_json(size_t begin, size_t end)
{
    json_t *const place = json_array();

    if (json_array_append_new(place, json_integer((json_int_t)begin)) == 0 &&
        json_array_append_new(place, json_integer((json_int_t)end)) == 0)
        return place;
    json_decref(place);
    return NULL;
}

/* NULL when memory runs out.  The setters of jansson take a value even when they fail, and fail on
   NULL. */
static json_t *entry_json(const ampi_view *view, size_t begin)
{
    json_t *const entry = json_object();

    if (json_object_set_new(entry, "dtype", json_string(ampi_dtype_name(view->dtype))) == 0 &&
        json_object_set_new(entry, "shape", shape_json(view)) == 0 &&
        json_object_set_new(entry, "data_offsets", place_json(begin, begin + view->bytes)) == 0)
        return entry;
    json_decref(entry);
    return NULL;
}

static bool add_metadata(json_t *header, const char *record, const char *crc)
{
    json_t *const metadata = json_object();

    if (json_object_set_new(header, "__metadata__", metadata) != 0)
        return false;
    if (record && json_object_set_new(metadata, "amp", json_string(record)) != 0)
        return false;
    return json_object_set_new(metadata, "amp.crc32", json_string(crc)) == 0;
}

static json_t *header_json(const ampi_views *views, const char *record, const char *crc)
{
    json_t *const header = json_object();
    size_t at = 0;
    bool fine = header && add_metadata(header, record, crc);

    for (size_t i = 0; fine && i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        fine = json_object_set_new(header, view->name, entry_json(view, at)) == 0;
        at += view->bytes;
    }
    if (fine)
        return header;
    json_decref(header);
    return NULL;
}

/* Length, text and padding: the bytes before the data. */
static amp_status make_head(amp_context *context, const json_t *header, uint8_t **out, size_t *size,
                            amp_error *error)
{
    amp_status status;
    char *text = NULL;
    uint8_t *head = NULL;
    size_t length, padded;

    status = ampi_json_dump(context, header, &text, error);
    if (status != AMP_OK)
        return status;
    length = strlen(text);
    padded = (length + 7) / 8 * 8;
    head = ampi_alloc(context, padded + 8, 1);
    if (!head) {
        status = ampi_fail_nomem(error, "model", padded + 8);
        goto done;
    }
    ampi_write_u64le(head, padded);
    memset(head + 8, ' ', padded);
    memcpy(head + 8, text, length);
    *out = head;
    *size = padded + 8;
done:
    ampi_free(context, text);
    return status;
}

/* ---- the file ---- */

static amp_status write_piece(void *user, const void *bytes, size_t size, amp_error *error)
{
    return ampi_writer_write(user, bytes, size, error);
}

static amp_status write_parts(ampi_writer *writer, const uint8_t *head, size_t head_size,
                              const ampi_views *views, amp_error *error)
{
    AMPI_TRY(ampi_writer_write(writer, head, head_size, error));
    for (size_t i = 0; i < views->count; i++)
        AMPI_TRY(ampi_view_walk(&views->items[i], views->context, write_piece, writer, error));
    return AMP_OK;
}

static amp_status write_file(const ampi_views *views, const uint8_t *head, size_t head_size,
                             const char *path, amp_error *error)
{
    ampi_writer *writer = NULL;
    amp_status status;

    AMPI_TRY(ampi_writer_open(&writer, views->context, path, "model", error));
    status = write_parts(writer, head, head_size, views, error);
    if (status == AMP_OK)
        return ampi_writer_commit(writer, error);
    ampi_writer_abandon(writer);
    return status;
}

amp_status ampi_safetensors_store(ampi_views *views, const char *record, const char *path,
                                  amp_error *error)
{
    amp_status status = AMP_OK;
    json_t *header = NULL;
    uint8_t *head = NULL;
    size_t head_size = 0;
    uint32_t sum = 0;
    char crc[16];

    ampi_views_sort(views);
    AMPI_TRY(ampi_views_crc32(views, record, &sum, error));
    (void)snprintf(crc, sizeof crc, "%08" PRIx32, sum);
    if (views->count > 1)
        qsort(views->items, views->count, sizeof *views->items, compare_for_file);
    header = header_json(views, record, crc);
    if (!header) {
        status = ampi_fail_nomem(error, "model", views->count * sizeof *views->items);
        goto done;
    }
    status = make_head(views->context, header, &head, &head_size, error);
    if (status == AMP_OK)
        status = write_file(views, head, head_size, path, error);
done:
    ampi_free(views->context, head);
    json_decref(header);
    return status;
}

amp_status ampi_safetensors_write(const ampi_blobs *blobs, const char *record, const char *path,
                                  amp_error *error)
{
    ampi_views views;
    amp_status status = ampi_views_list(&views, NULL, blobs, error);

    if (status == AMP_OK)
        status = ampi_safetensors_store(&views, record, path, error);
    ampi_views_free(&views);
    return status;
}
