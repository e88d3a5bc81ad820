/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/npy.c - the .npy format, version 1.0 to 3.0 (NumPy enhancement proposal 1); the text in its
 * header is read by npy_header.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "npy.h"

#include "outfile.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "\x93NUMPY"
#define MOST_HEADER 4096u

static bool read_header(FILE *file, char *header, char *why, size_t size)
{
    unsigned char head[12];
    size_t length, prefix;

    if (fread(head, 1, 10, file) != 10 || memcmp(head, MAGIC, 6) != 0 || head[6] < 1 ||
        head[6] > 3) {
        (void)snprintf(why, size, "%s", ferror(file) ? strerror(errno) : "not a .npy file");
        return false;
    }
    prefix = head[6] == 1 ? 0 : 2;
    if (fread(head + 10, 1, prefix, file) != prefix) {
        (void)snprintf(why, size, "the header is cut off");
        return false;
    }
    length = (size_t)head[8] | (size_t)head[9] << 8;
    if (prefix)
        length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (length >= MOST_HEADER || fread(header, 1, length, file) != length) {
        (void)snprintf(why, size, "the header has %zu bytes or is cut off, limit %u", length,
                       MOST_HEADER - 1);
        return false;
    }
    header[length] = '\0';
    return true;
}

/* False when a plain file has another size than its header says: asked before memory is. */
static bool size_fits(FILE *file, const npy_array *out)
{
    const long at = ftell(file);
    struct stat info;

    if (at < 0 || fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode))
        return true;
    return (uint64_t)info.st_size == (uint64_t)at + out->count * sizeof(float);
}

static bool read_values(FILE *file, npy_array *out, char *why, size_t size, bool *memory)
{
    if (!size_fits(file, out)) {
        (void)snprintf(why, size, "the file does not hold exactly %zu values", out->count);
        return false;
    }
    out->values = malloc(out->count ? out->count * sizeof(float) : 1);
    if (!out->values) {
        *memory = true;
        (void)snprintf(why, size, "no memory for %zu values", out->count);
        return false;
    }
    if (fread(out->values, sizeof(float), out->count, file) != out->count || fgetc(file) != EOF) {
        (void)snprintf(why, size, "the file does not hold exactly %zu values", out->count);
        free(out->values);
        out->values = NULL;
        return false;
    }
    return true;
}

bool npy_read(const char *path, npy_array *out, char *why, size_t size, bool *memory)
{
    char header[MOST_HEADER];
    FILE *const file = fopen(path, "rb");
    bool good;

    memset(out, 0, sizeof *out);
    *memory = false;
    if (!file) {
        (void)snprintf(why, size, "%s", strerror(errno));
        return false;
    }
    errno = 0;
    good = read_header(file, header, why, size) && npy_parse_header(header, out, why, size) &&
           read_values(file, out, why, size, memory);
    (void)fclose(file);
    return good;
}

bool npy_write(const char *path, const npy_array *array, char *why, size_t size)
{
    char shape[128] = "", header[256];
    size_t used = 0;
    outfile file;
    int length;

    for (int i = 0; i < array->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%zu,%s", array->dims[i],
                                 i + 1 < array->rank ? " " : "");
    length = snprintf(header, sizeof header,
                      "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    if (!outfile_open(&file, path, why, size))
        return false;
    /* Magic, version, length and header together are a multiple of 64. */
    length = (10 + length + 1 + 63) / 64 * 64 - 10;
    (void)fwrite(MAGIC "\x01\x00", 1, 8, file.stream);
    (void)fputc(length & 0xff, file.stream);
    (void)fputc(length >> 8, file.stream);
    (void)fprintf(file.stream, "%-*s\n", length - 1, header);
    (void)fwrite(array->values, sizeof(float), array->count, file.stream);
    return outfile_commit(&file, why, size);
}
