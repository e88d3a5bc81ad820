/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.c - small data sets on disk for the C tests; see fixture.h.
 */
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t fixture_byte(uint64_t index, size_t at)
{
    if (at == 0)
        return (uint8_t)(index % 10);
    return (uint8_t)((index * 2654435761u + at * 40503u) >> 7);
}

const char *fixture_cifar(const char *name, uint64_t n)
{
    const char *const path = test_scratch_path(name);
    uint8_t *const bytes = malloc((size_t)n * CIFAR_RECORD);

    ck_assert_ptr_nonnull(bytes);
    for (uint64_t i = 0; i < n; i++) {
        for (size_t at = 0; at < CIFAR_RECORD; at++)
            bytes[i * CIFAR_RECORD + at] = fixture_byte(i, at);
    }
    test_write_file(path, bytes, (size_t)n * CIFAR_RECORD);
    free(bytes);
    return path;
}

const char *fixture_cifar_gz(const char *name, uint64_t n)
{
    static char path[4200];
    char command[4300];

    snprintf(path, sizeof path, "%s", fixture_cifar(name, n));
    snprintf(command, sizeof command, "gzip -1f '%s'", path);
    ck_assert_int_eq(system(command), 0);
    snprintf(path + strlen(path), 4, ".gz");
    return path;
}

void fixture_check(const amp_image *image, uint64_t index)
{
    size_t row_bytes, wrong = 0;
    const uint8_t *const rgb = amp_image_rgb8(image, &row_bytes);

    ck_assert_uint_eq(amp_image_width(image), 32);
    ck_assert_uint_eq(amp_image_height(image), 32);
    for (size_t i = 0; i < 1024; i++) {
        for (size_t c = 0; c < 3; c++)
            wrong +=
                rgb[i / 32 * row_bytes + i % 32 * 3 + c] != fixture_byte(index, 1 + c * 1024 + i);
    }
    ck_assert_uint_eq(wrong, 0);
}

amp_dataset *fixture_open(const char *spec)
{
    amp_dataset *dataset = NULL;
    amp_error error;

    ck_ok(amp_dataset_open(&dataset, NULL, spec, NULL, &error), &error);
    return dataset;
}
