/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/blob.h - named typed arrays: how a room hands its state to the model file.
 *
 * A room turns its state (anchors, detector fits, calibration) into blobs named
 * "amp.<section>.<name>"; lib/format stores and returns them unread.
 */
#ifndef AMPI_BLOB_H
#define AMPI_BLOB_H

#include "core/core.h"

#define AMPI_BLOB_NAME 160u
#define AMPI_BLOB_RANK 8u

typedef enum ampi_dtype {
    AMPI_DTYPE_F32,
    AMPI_DTYPE_F64,
    AMPI_DTYPE_U8,
    AMPI_DTYPE_I8,
    AMPI_DTYPE_I32,
    AMPI_DTYPE_I64,
    AMPI_DTYPE_U64,
    AMPI_DTYPE_BF16,
    AMPI_DTYPE_COUNT
} ampi_dtype;

size_t ampi_dtype_size(ampi_dtype dtype);
/* safetensors' word: "F32", "U8", ...; parse returns AMPI_DTYPE_COUNT for an unknown one. */
const char *ampi_dtype_name(ampi_dtype dtype);
ampi_dtype ampi_dtype_parse(const char *name);

typedef struct ampi_blob {
    char name[AMPI_BLOB_NAME];
    ampi_dtype dtype;
    uint32_t rank;
    size_t dims[AMPI_BLOB_RANK];
    size_t bytes;
    void *data; /* owned by the list */
} ampi_blob;

typedef struct ampi_blobs {
    amp_context *context; /* borrowed */
    ampi_blob *items;
    size_t count, capacity;
} ampi_blobs;

void ampi_blobs_init(ampi_blobs *blobs, amp_context *context);
void ampi_blobs_clear(ampi_blobs *blobs);
/* Appends a blob of that shape, zeroed; *out is valid until the next add.  A name that is already
   there, a rank or a size past the limits is an error. */
amp_status ampi_blobs_add(ampi_blobs *blobs, ampi_blob **out, const char *name, ampi_dtype dtype,
                          uint32_t rank, const size_t *dims, amp_error *error);
/* The same for a name that the caller knows to be new: no search, for lists of many. */
amp_status ampi_blobs_append(ampi_blobs *blobs, ampi_blob **out, const char *name, ampi_dtype dtype,
                             uint32_t rank, const size_t *dims, amp_error *error);
/* Adds a copy of `blob`. */
amp_status ampi_blobs_copy(ampi_blobs *blobs, const ampi_blob *blob, amp_error *error);
const ampi_blob *ampi_blobs_find(const ampi_blobs *blobs, const char *name);
/* The blob if it is there with exactly this dtype and shape (dims NULL: any), else an error. */
amp_status ampi_blobs_expect(const ampi_blobs *blobs, const ampi_blob **out, const char *name,
                             ampi_dtype dtype, uint32_t rank, const size_t *dims, amp_error *error);
/* Drops every blob whose name starts with `prefix`. */
void ampi_blobs_drop(ampi_blobs *blobs, const char *prefix);

#endif
