/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/strings.h - a list of texts in one block: file names, class names.
 */
#ifndef AMPI_STRINGS_H
#define AMPI_STRINGS_H

#include "core/core.h"

typedef struct ampi_strings {
    amp_context *context; /* borrowed */
    char *text;           /* all of them, each with its NUL */
    size_t text_size, text_capacity;
    size_t *offsets; /* [count] into text */
    size_t count, capacity;
} ampi_strings;

void ampi_strings_init(ampi_strings *strings, amp_context *context);
void ampi_strings_clear(ampi_strings *strings);
/* Appends length bytes of `text`, which may not point into `strings`. */
amp_status ampi_strings_add(ampi_strings *strings, const char *text, size_t length,
                            amp_error *error);
/* Appends folder "/" name, or name alone when folder is "". */
amp_status ampi_strings_add_path(ampi_strings *strings, const char *folder, const char *name,
                                 amp_error *error);
/* Valid until the next add. */
const char *ampi_strings_get(const ampi_strings *strings, size_t index);
/* Every non-empty line of text[size], without blanks at its ends. */
amp_status ampi_strings_add_lines(ampi_strings *strings, const char *text, size_t size,
                                  amp_error *error);

#endif
