/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/blob.c - lists of named typed arrays.
 */
#include "core/blob.h"

#include <stdio.h>
#include <string.h>

#define MAX_BLOBS 100000u

typedef struct dtype_row {
    const char *name;
    size_t size;
} dtype_row;

static const dtype_row dtypes[AMPI_DTYPE_COUNT] = {
    [AMPI_DTYPE_F32] = { "F32", 4 }, [AMPI_DTYPE_F64] = { "F64", 8 },
    [AMPI_DTYPE_U8] = { "U8", 1 },   [AMPI_DTYPE_I8] = { "I8", 1 },
    [AMPI_DTYPE_I32] = { "I32", 4 }, [AMPI_DTYPE_I64] = { "I64", 8 },
    [AMPI_DTYPE_U64] = { "U64", 8 }, [AMPI_DTYPE_BF16] = { "BF16", 2 },
};

size_t ampi_dtype_size(ampi_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *ampi_dtype_name(ampi_dtype dtype)
{
    return dtypes[dtype].name;
}

ampi_dtype ampi_dtype_parse(const char *name)
{
    int found = 0;

    while (found < (int)AMPI_DTYPE_COUNT && strcmp(dtypes[found].name, name) != 0)
        found++;
    return (ampi_dtype)found;
}

void ampi_blobs_init(ampi_blobs *blobs, amp_context *context)
{
    memset(blobs, 0, sizeof *blobs);
    blobs->context = context;
}

void ampi_blobs_clear(ampi_blobs *blobs)
{
    for (size_t i = 0; i < blobs->count; i++)
        ampi_free(blobs->context, blobs->items[i].data);
    ampi_free(blobs->context, blobs->items);
    ampi_blobs_init(blobs, blobs->context);
}

const ampi_blob *ampi_blobs_find(const ampi_blobs *blobs, const char *name)
{
    for (size_t i = 0; i < blobs->count; i++) {
        if (strcmp(blobs->items[i].name, name) == 0)
            return &blobs->items[i];
    }
    return NULL;
}

static amp_status shape_bytes(const char *name, ampi_dtype dtype, uint32_t rank, const size_t *dims,
                              size_t *bytes, amp_error *error)
{
    if (strlen(name) >= AMPI_BLOB_NAME)
        return ampi_fail(error, AMP_E_LIMIT, "tensor", "name '%.60s...' has %zu bytes, limit %u",
                         name, strlen(name), AMPI_BLOB_NAME - 1);
    if (rank > AMPI_BLOB_RANK)
        return ampi_fail(error, AMP_E_LIMIT, "tensor", "'%s' has %u dimensions, limit %u", name,
                         rank, AMPI_BLOB_RANK);
    *bytes = ampi_dtype_size(dtype);
    for (uint32_t i = 0; i < rank; i++) {
        if (!ampi_mul(*bytes, dims[i], bytes))
            return ampi_fail(error, AMP_E_LIMIT, "tensor", "'%s': the size overflows", name);
    }
    return AMP_OK;
}

amp_status ampi_blobs_append(ampi_blobs *blobs, ampi_blob **out, const char *name, ampi_dtype dtype,
                             uint32_t rank, const size_t *dims, amp_error *error)
{
    ampi_blob *blob;
    size_t bytes = 0;
    void *data;

    AMPI_TRY(shape_bytes(name, dtype, rank, dims, &bytes, error));
    if (blobs->count >= MAX_BLOBS)
        return ampi_fail(error, AMP_E_LIMIT, "tensor", "more than %u tensors", MAX_BLOBS);
    AMPI_TRY(ampi_grow(blobs->context, &blobs->items, &blobs->capacity, blobs->count + 1,
                       sizeof *blobs->items, error));
    data = ampi_alloc(blobs->context, bytes ? bytes : 1, 1);
    if (!data)
        return ampi_fail_nomem(error, "tensor", bytes);
    blob = &blobs->items[blobs->count++];
    memset(blob, 0, sizeof *blob);
    (void)snprintf(blob->name, sizeof blob->name, "%s", name);
    blob->dtype = dtype;
    blob->rank = rank;
    for (uint32_t i = 0; i < rank; i++)
        blob->dims[i] = dims[i];
    blob->bytes = bytes;
    blob->data = data;
    if (out)
        *out = blob;
    return AMP_OK;
}

amp_status ampi_blobs_add(ampi_blobs *blobs, ampi_blob **out, const char *name, ampi_dtype dtype,
                          uint32_t rank, const size_t *dims, amp_error *error)
{
    if (ampi_blobs_find(blobs, name))
        return ampi_fail(error, AMP_E_FORMAT, "tensor", "'%s' is there twice", name);
    return ampi_blobs_append(blobs, out, name, dtype, rank, dims, error);
}

amp_status ampi_blobs_copy(ampi_blobs *blobs, const ampi_blob *blob, amp_error *error)
{
    ampi_blob *made;

    AMPI_TRY(ampi_blobs_add(blobs, &made, blob->name, blob->dtype, blob->rank, blob->dims, error));
    memcpy(made->data, blob->data, blob->bytes);
    return AMP_OK;
}

amp_status ampi_blobs_expect(const ampi_blobs *blobs, const ampi_blob **out, const char *name,
                             ampi_dtype dtype, uint32_t rank, const size_t *dims, amp_error *error)
{
    const ampi_blob *const blob = ampi_blobs_find(blobs, name);

    if (!blob)
        return ampi_fail(error, AMP_E_FORMAT, "tensor", "'%s' is missing", name);
    if (blob->dtype != dtype)
        return ampi_fail(error, AMP_E_FORMAT, "tensor", "'%s' is %s, expected %s", name,
                         ampi_dtype_name(blob->dtype), ampi_dtype_name(dtype));
    if (blob->rank != rank)
        return ampi_fail(error, AMP_E_SHAPE, "tensor", "'%s' has %u dimensions, expected %u", name,
                         blob->rank, rank);
    for (uint32_t i = 0; dims && i < rank; i++) {
        if (blob->dims[i] != dims[i])
            return ampi_fail(error, AMP_E_SHAPE, "tensor",
                             "'%s': dimension %u is %zu, expected %zu", name, i, blob->dims[i],
                             dims[i]);
    }
    *out = blob;
    return AMP_OK;
}

void ampi_blobs_drop(ampi_blobs *blobs, const char *prefix)
{
    size_t kept = 0;

    for (size_t i = 0; i < blobs->count; i++) {
        if (strncmp(blobs->items[i].name, prefix, strlen(prefix)) == 0)
            ampi_free(blobs->context, blobs->items[i].data);
        else
            blobs->items[kept++] = blobs->items[i];
    }
    blobs->count = kept;
}
