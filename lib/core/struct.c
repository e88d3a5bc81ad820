/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/struct.c - size-first structs: how a public struct may grow without breaking old callers.
 */
#include "core/core.h"

#include <string.h>

/* A public struct starts with its size as the caller compiled it. */
static size_t struct_size(const void *given)
{
    size_t size;

    memcpy(&size, given, sizeof size);
    return size;
}

/* Larger than any public struct by far; a wild value is a caller that forgot _init. */
#define LARGEST 65536u

amp_status ampi_struct_read(void *known, size_t known_size, const void *given, const char *where,
                            amp_error *error)
{
    const unsigned char *bytes = given;
    size_t size;

    if (!given)
        return AMP_OK;
    size = struct_size(given);
    if (size < sizeof(size_t) || size > LARGEST)
        return ampi_fail(error, AMP_E_ARGUMENT, where, "struct_size is %zu, allowed %zu..%u", size,
                         sizeof(size_t), LARGEST);
    for (size_t i = known_size; i < size; i++) {
        if (bytes[i] != 0)
            return ampi_fail(error, AMP_E_UNSUPPORTED, where,
                             "the struct has a field at byte %zu that this version lacks", i);
    }
    memcpy(known, given, ampi_min_size(size, known_size));
    memcpy(known, &known_size, sizeof known_size);
    return AMP_OK;
}

amp_status ampi_struct_write(void *given, const void *known, size_t known_size, const char *where,
                             amp_error *error)
{
    size_t size;

    if (!given)
        return ampi_fail(error, AMP_E_ARGUMENT, where, "the result struct is NULL");
    size = struct_size(given);
    if (size < sizeof(size_t) || size > LARGEST)
        return ampi_fail(error, AMP_E_ARGUMENT, where, "struct_size is %zu, allowed %zu..%u", size,
                         sizeof(size_t), LARGEST);
    memcpy(given, known, ampi_min_size(size, known_size));
    memcpy(given, &size, sizeof size);
    return AMP_OK;
}
