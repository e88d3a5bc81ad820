/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format_support.h - small model files in memory, built by hand or by the library.
 */
#ifndef AMP_FORMAT_SUPPORT_H
#define AMP_FORMAT_SUPPORT_H

#include "format/format.h"

#define SMALL_ARCH "wrn:depth=10,width=1,classes=3,size=8"

/* malloc'ed bytes. */
typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

/* Length, header text and `data_size` bytes of data (NULL = zeros). */
bytes make_file(const char *header, const void *data, size_t data_size);
/* A file of SMALL_ARCH as the library saves it, with class names, two sections, calibration, a
   range of int8 and a key that no version knows. */
bytes make_model_file(amp_context *context);
/* What the library writes for the model. */
bytes save_model(const amp_model *model);

/* The header of a file, NUL-terminated, malloc'ed; *data is where the data part starts. */
char *header_of(bytes file, size_t *data);
/* The file with another header before the same data. */
bytes with_header(bytes file, const char *header);
/* The file with its header's JSON changed by `change`, checksum removed. */
bytes edited(bytes file, void (*change)(json_t *header, void *user), void *user);

/* ampi_model_parse from bytes, and from a file with these bytes below the test's scratch folder. */
amp_status parse_bytes(amp_model **out, amp_context *context, bytes file, amp_error *error);
amp_status parse_path(amp_model **out, amp_context *context, const char *path, amp_error *error);
amp_status parse_file(amp_model **out, amp_context *context, bytes file, amp_error *error);
/* Weights, sections, record: every bit. */
bool same_models(const amp_model *a, const amp_model *b);
/* ampi_model_parse must fail so and say `part`, from bytes and from a file. */
void refused(bytes file, amp_status status, const char *part);

#endif
