/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/views.c - lists of tensors where they lie: order, checksum, end.
 */
#include "core/file.h"
#include "format/format_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

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

static uLong crc_text(uLong crc, const char *text)
{
    return crc32_z(crc, (const Bytef *)text, strlen(text));
}

/* "\n<name> <dtype> <d0>,<d1>\n" */
static uLong crc_shape(uLong crc, const ampi_view *view)
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

uint32_t ampi_views_crc32(const ampi_views *views, const char *record)
{
    uLong crc = crc32_z(0, NULL, 0);

    if (record)
        crc = crc_text(crc, record);
    for (size_t i = 0; i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        crc = crc_shape(crc, view);
        /* zlib takes NULL for "start again". */
        if (view->bytes > 0)
            crc = crc32_z(crc, view->data, view->bytes);
    }
    return (uint32_t)crc;
}
