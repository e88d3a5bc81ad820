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

/* A PNG of one grey pixel. */
static const unsigned char png[] = { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00,
                                     0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01,
                                     0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a,
                                     0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41,
                                     0x54, 0x78, 0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00,
                                     0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00, 0x00, 0x00, 0x00, 0x49,
                                     0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82 };

void fixture_write_pngs(const char *names)
{
    char path[4200], command[4300];

    while (*names != '\0') {
        const int length = (int)strcspn(names, " ");
        snprintf(path, sizeof path, "%s/%.*s", test_scratch(), length, names);
        snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
        ck_assert_int_eq(system(command), 0);
        test_write_file(path, png, sizeof png);
        names += length;
        names += strspn(names, " ");
    }
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
