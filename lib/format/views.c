/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/views.c - lists of tensors where they lie: order, bytes, checksum, end.
 */
#include "core/file.h"
#include "format/format_internal.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values are stored as this machine holds them. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors is little-endian");

void ampi_views_free(ampi_views *views)
{
    json_decref(views->header);
    ampi_free(views->context, views->items);
    memset(views, 0, sizeof *views);
}

static int compare_names(const void *a, const void *b)
{
    const ampi_view *const left = a;
    const ampi_view *const right = b;

    return strcmp(left->name, right->name);
}

void ampi_views_sort(ampi_views *views)
{
    if (views->count > 1)
        qsort(views->items, views->count, sizeof *views->items, compare_names);
}

bool ampi_view_is_section(const ampi_view *view)
{
    return strncmp(view->name, AMPI_SECTION_PREFIX, strlen(AMPI_SECTION_PREFIX)) == 0;
}

/* ---- bytes ---- */

/* Of a file at a time: stays in a core's cache between reading and looking. */
#define PIECE ((size_t)64 << 10)

amp_status ampi_view_read(const ampi_view *view, void *to, amp_error *error)
{
    if (view->file)
        return ampi_file_read_at(view->file, view->offset, to, view->bytes, error);
    if (view->bytes > 0)
        memcpy(to, view->data, view->bytes);
    return AMP_OK;
}

static amp_status walk_file(const ampi_view *view, amp_context *context, ampi_take_fn take,
                            void *user, amp_error *error)
{
    const size_t piece = ampi_min_size(view->bytes, PIECE);
    void *const buffer = ampi_alloc_raw(context, piece, 1);
    amp_status status = AMP_OK;

    if (!buffer)
        return ampi_fail_nomem(error, "model", piece);
    for (size_t at = 0; status == AMP_OK && at < view->bytes; at += piece) {
        const size_t size = ampi_min_size(piece, view->bytes - at);
        status = ampi_file_read_at(view->file, view->offset + at, buffer, size, error);
        if (status == AMP_OK)
            status = take(user, buffer, size, error);
    }
    ampi_free(context, buffer);
    return status;
}

amp_status ampi_view_walk(const ampi_view *view, amp_context *context, ampi_take_fn take,
                          void *user, amp_error *error)
{
    if (view->bytes == 0)
        return AMP_OK;
    return view->file ? walk_file(view, context, take, user, error)
                      : take(user, view->data, view->bytes, error);
}

/* ---- checksum ---- */

static uint32_t crc_text(uint32_t crc, const char *text)
{
    return libdeflate_crc32(crc, text, strlen(text));
}

/* "\n<name> <dtype> <d0>,<d1>\n" */
static uint32_t crc_shape(uint32_t crc, const ampi_view *view)
{
    char text[32];

    crc = crc_text(crc, "\n");
    crc = crc_text(crc, view->name);
    (void)snprintf(text, sizeof text, " %s ", ampi_dtype_name(view->dtype));
    crc = crc_text(crc, text);
    for (uint32_t i = 0; i < view->rank; i++) {
        (void)snprintf(text, sizeof text, i ? ",%zu" : "%zu", view->dims[i]);
        crc = crc_text(crc, text);
    }
    return crc_text(crc, "\n");
}

typedef struct sum {
    uint32_t crc;
    bool floats, finite;
} sum;

#define LANES 16u

/* One more than an exponent of ones carries into the sign's place. */
static uint32_t carry(uint32_t bits)
{
    return (bits & UINT32_C(0x7f800000)) + UINT32_C(0x00800000);
}

/* An exponent of ones is infinite or no number.  The inner loop is as long as vectors like. */
static bool all_finite(const unsigned char *bytes, size_t size)
{
    uint32_t found[LANES] = { 0 }, bits[LANES], any = 0;
    size_t at = 0;

    for (; at + sizeof bits <= size; at += sizeof bits) {
        memcpy(bits, bytes + at, sizeof bits);
        for (size_t i = 0; i < LANES; i++)
            found[i] |= carry(bits[i]);
    }
    for (; at + sizeof any <= size; at += sizeof any) {
        memcpy(bits, bytes + at, sizeof any);
        found[0] |= carry(bits[0]);
    }
    for (size_t i = 0; i < LANES; i++)
        any |= found[i];
    return (any & UINT32_C(0x80000000)) == 0;
}

static amp_status add_piece(void *user, const void *bytes, size_t size, amp_error *error)
{
    sum *const job = user;

    (void)error;
    job->crc = libdeflate_crc32(job->crc, bytes, size);
    if (job->floats && !all_finite(bytes, size))
        job->finite = false;
    return AMP_OK;
}

amp_status ampi_views_crc32(ampi_views *views, const char *record, uint32_t *out, amp_error *error)
{
    sum job = { .crc = libdeflate_crc32(0, NULL, 0) };

    if (record)
        job.crc = crc_text(job.crc, record);
    for (size_t i = 0; i < views->count; i++) {
        ampi_view *const view = &views->items[i];
        job.crc = crc_shape(job.crc, view);
        job.floats = view->file && view->dtype == AMPI_DTYPE_F32;
        job.finite = job.floats;
        AMPI_TRY(ampi_view_walk(view, views->context, add_piece, &job, error));
        view->finite = job.finite;
    }
    *out = job.crc;
    return AMP_OK;
}
