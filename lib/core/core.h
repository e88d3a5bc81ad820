/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/core.h - what every room uses: failures, memory, sizes; with it options, text, randomness.
 * Knows nothing of images or networks.  Files are in core/file.h.
 */
#ifndef AMPI_CORE_H
#define AMPI_CORE_H

#include "core/options.h"
#include "core/rng.h"
#include "core/text.h"
#include <amp/base.h>
#include <amp/context.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define AMPI_ALIGN 64u

/* ---- failures (status.c) ------------------------------------------------------------------ */

/* Fills *error (NULL allowed).  `where` names the subject. */
void ampi_note(amp_error *error, amp_status status, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, with errno's text appended and kept in error->detail. */
void ampi_note_errno(amp_error *error, amp_status status, const char *where, int code,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Notes the failure; its value is `status`, in the open for compilers and analysers. */
#define ampi_fail(error, status, ...) (ampi_note((error), (status), __VA_ARGS__), (status))
#define ampi_fail_errno(error, status, ...)                                                        \
    (ampi_note_errno((error), (status), __VA_ARGS__), (status))
static inline amp_status ampi_fail_nomem(amp_error *error, const char *where, size_t bytes)
{
    return ampi_fail(error, AMP_E_NOMEM, where, "no memory for %zu bytes", bytes);
}

/* Largest useful length of a path inside a message; ampi_path_tail() cuts to it. */
#define AMPI_PATH_SHOWN 96u

/* The path, or its end when it is too long to show; '' for no path. */
const char *ampi_path_tail(const char *path);

/* Only in a function that owns nothing. */
#define AMPI_TRY(expression)                                                                       \
    do {                                                                                           \
        const amp_status ampi_try_status_ = (expression);                                          \
        if (ampi_try_status_ != AMP_OK)                                                            \
            return ampi_try_status_;                                                               \
    } while (0)

/* ---- sizes ---- */
/* False on overflow; *out is then unspecified. */
static inline bool ampi_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool ampi_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline size_t ampi_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- memory (alloc.c) ---- */
/* Zeroed, 64-byte aligned, count * size bytes checked; NULL when none is left, on overflow or for
   0 bytes.  `context` NULL = plain malloc with the same header.  Free with ampi_free. */
void *ampi_alloc(amp_context *context, size_t count, size_t size);
/* Not zeroed: for buffers that are written before they are read. */
void *ampi_alloc_raw(amp_context *context, size_t count, size_t size);
/* One more owner of a block, which is freed when each has called ampi_free; owners only read.
   Gives `pointer`; NULL is ignored.  Any thread. */
void *ampi_hold(void *pointer);
/* `context` as at the allocation.  NULL is ignored. */
void ampi_free(amp_context *context, void *pointer);

/* Grows (or makes) an array of `size`-byte items to hold `need` items; doubles *capacity. */
amp_status ampi_grow(amp_context *context, void *array_pointer, size_t *capacity, size_t need,
                     size_t size, amp_error *error);

char *ampi_strdup(amp_context *context, const char *text);
char *ampi_strndup(amp_context *context, const char *text, size_t length);

/* ---- context (context.c) ---- */
/* `given` with another reference, or when NULL a new default one.  Balanced by unref. */
amp_status ampi_context_get(amp_context **out, amp_context *given, amp_error *error);

void ampi_log(amp_context *context, amp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True in a child forked after the context was made: thread pools of the parent are gone. */
bool ampi_context_forked(const amp_context *context);

/* Up to `want` threads of the budget, at least 1; give the result back. */
int32_t ampi_context_take_threads(amp_context *context, int32_t want);
void ampi_context_give_threads(amp_context *context, int32_t count);

/* Calls `progress` (NULL = go on); AMP_E_CANCELLED where it says so. */
amp_status ampi_progress(amp_progress_fn progress, void *user, const char *stage, uint64_t done,
                         uint64_t total, amp_error *error);

/* ---- size-first structs (struct.c) ---- */
/* Copies a caller's struct over `known` (which holds the defaults): min(given, known) bytes; a
   longer one must have an all-zero tail.  `given` NULL keeps the defaults. */
amp_status ampi_struct_read(void *known, size_t known_size, const void *given, const char *where,
                            amp_error *error);

/* The reverse: writes min(given, known) bytes of results into a caller's struct. */
amp_status ampi_struct_write(void *given, const void *known, size_t known_size, const char *where,
                             amp_error *error);

#endif
