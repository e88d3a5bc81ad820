/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/npy.h - float32 arrays in NumPy's .npy files.
 */
#ifndef NPY_H
#define NPY_H

#include <stdbool.h>
#include <stddef.h>

#define NPY_RANK 4

typedef struct npy_array {
    size_t dims[NPY_RANK];
    int rank;
    size_t count;
    float *values; /* malloc'ed */
} npy_array;

/* The dictionary before the values (npy_header.c): dims, rank and count; a reason as below. */
bool npy_parse_header(const char *header, npy_array *out, char *why, size_t size);
/* Little-endian float32 in C order of rank 1..4.  On a fault the reason is in why[size]; *memory
   tells a lack of memory from a bad file. */
bool npy_read(const char *path, npy_array *out, char *why, size_t size, bool *memory);
/* Beside, sync, rename. */
bool npy_write(const char *path, const npy_array *array, char *why, size_t size);

#endif
