/* SPDX-License-Identifier: Apache-2.0 */
/*
 * made.c - see made.h.
 */
#include "made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *made_bytes(size_t n, uint32_t seed)
{
    uint8_t *const bytes = malloc(n ? n : 1);
    uint32_t state = seed * 2654435761u + 1u;

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
    return bytes;
}

static amp_dataset *open_file(amp_context *context, const char *kind, const char *path)
{
    amp_dataset *dataset = NULL;
    amp_error error = { 0 };
    char spec[4200];

    snprintf(spec, sizeof spec, "%s:%s", kind, path);
    ck_ok(amp_dataset_open(&dataset, context, spec, NULL, &error), &error);
    return dataset;
}

amp_dataset *made_cifar10(amp_context *context, const char *name, uint32_t n, const uint8_t *labels,
                          uint32_t period)
{
    const char *const path = test_scratch_path(name);
    uint8_t *const bytes = made_bytes((size_t)n * 3073, n);

    for (uint32_t i = 0; i < n; i++)
        bytes[(size_t)i * 3073] = labels ? labels[i % period] : (uint8_t)(i % 10);
    test_write_file(path, bytes, (size_t)n * 3073);
    free(bytes);
    return open_file(context, "cifar10", path);
}

amp_dataset *made_unlabelled(amp_context *context, const char *name, uint32_t n)
{
    const char *const path = test_scratch_path(name);
    const size_t size = 16 + (size_t)n * 784;
    uint8_t *const bytes = made_bytes(size, n);
    const uint8_t head[16] = { 0, 0,  8, 3, 0, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0,
                               0, 28, 0, 0, 0, 28 };

    memcpy(bytes, head, sizeof head);
    test_write_file(path, bytes, size);
    free(bytes);
    return open_file(context, "idx", path);
}
