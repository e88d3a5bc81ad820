/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/text.h - numbers and text, whatever the locale (text.c).
 */
#ifndef AMPI_TEXT_H
#define AMPI_TEXT_H

#include <amp/base.h>
#include <stdbool.h>

/* Whole text [length] is one number in the C locale: false otherwise. */
bool ampi_text_to_double(const char *text, size_t length, double *out);
bool ampi_text_to_int64(const char *text, size_t length, int64_t *out);
/* '-' or nothing, then digits, however large the number. */
bool ampi_text_is_integer(const char *text, size_t length);
/* Bytes of the UTF-8 character at `at` (NUL-terminated text), 0 when it is malformed. */
size_t ampi_text_character(const char *at);
/* Well-formed UTF-8 as RFC 3629 has it: no overlong forms, no surrogates. */
bool ampi_text_is_utf8(const char *text);
/* Shortest "%g"-like text that reads back to the same double, or float when digits <= 9; with a
   point in every locale.  Returns the length needed, as snprintf does. */
size_t ampi_text_from_double(double value, int digits, char *out, size_t size);

#endif
