/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/core.h - what every room uses: failures, memory, sizes, options, random numbers.
 *
 * Knows nothing of images or networks.  Files are in core/file.h.
 */
#ifndef AMPI_CORE_H
#define AMPI_CORE_H

#include <amp/base.h>
#include <amp/context.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define AMPI_ALIGN 64u

/* ---- failures (status.c) ------------------------------------------------------------------ */

/* Fills *error (NULL allowed) and returns `status`.  `where` names the subject. */
amp_status ampi_fail(amp_error *error, amp_status status, const char *where, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

/* The same, with errno's text appended and kept in error->detail. */
amp_status ampi_fail_errno(amp_error *error, amp_status status, const char *where, int code,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));

amp_status ampi_fail_nomem(amp_error *error, const char *where, size_t bytes);

/* Largest useful length of a path inside a message; ampi_path_tail() cuts to it. */
#define AMPI_PATH_SHOWN 96u

/* The path, or a pointer into it past its head when it is too long to show. */
const char *ampi_path_tail(const char *path);

/* Only in a function that owns nothing. */
#define AMPI_TRY(expression)                                                                       \
    do {                                                                                           \
        const amp_status ampi_try_status_ = (expression);                                          \
        if (ampi_try_status_ != AMP_OK)                                                            \
            return ampi_try_status_;                                                               \
    } while (0)

/* ---- sizes ---------------------------------------------------------------------------------- */

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

/* ---- memory (alloc.c) ----------------------------------------------------------------------- */

/* Zeroed, 64-byte aligned, count * size bytes checked; NULL when none is left, on overflow or for
   0 bytes.  `context` NULL = plain malloc with the same header.  Free with ampi_free. */
void *ampi_alloc(amp_context *context, size_t count, size_t size);

/* Like ampi_alloc, not zeroed: for buffers that are written before they are read. */
void *ampi_alloc_raw(amp_context *context, size_t count, size_t size);

/* `context` as given to the allocation.  NULL pointer is ignored. */
void ampi_free(amp_context *context, void *pointer);

/* Grows (or makes) an array of `size`-byte items to hold `need` items; doubles *capacity. */
amp_status ampi_grow(amp_context *context, void *array_pointer, size_t *capacity, size_t need,
                     size_t size, amp_error *error);

char *ampi_strdup(amp_context *context, const char *text);
char *ampi_strndup(amp_context *context, const char *text, size_t length);

/* ---- context (context.c) -------------------------------------------------------------------- */

/* `given` with another reference, or a new default context when NULL.  Balanced by unref. */
amp_status ampi_context_get(amp_context **out, amp_context *given, amp_error *error);

void ampi_log(amp_context *context, amp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True in a child forked after the context was made: thread pools of the parent are gone. */
bool ampi_context_forked(const amp_context *context);

/* Takes up to `want` threads from the budget, at least 1; give the result back. */
int32_t ampi_context_take_threads(amp_context *context, int32_t want);
void ampi_context_give_threads(amp_context *context, int32_t count);

/* Calls `progress` (NULL = go on); AMP_E_CANCELLED when it asks to stop. */
amp_status ampi_progress(amp_progress_fn progress, void *user, const char *stage, uint64_t done,
                         uint64_t total, amp_error *error);

/* ---- size-first structs (struct.c) --------------------------------------------------------- */

/* Copies a caller's struct over `known` (which holds the defaults): min(given, known) bytes; a
   longer one must have an all-zero tail.  `given` NULL keeps the defaults. */
amp_status ampi_struct_read(void *known, size_t known_size, const void *given, const char *where,
                            amp_error *error);

/* The reverse, for results: writes min(given, known) bytes into a caller's struct. */
amp_status ampi_struct_write(void *given, const void *known, size_t known_size, const char *where,
                             amp_error *error);

/* ---- declared options: "key=value,key=value" (options.c) ------------------------------------- */

typedef enum ampi_option_type {
    AMPI_OPTION_INT,    /* int64_t, range low..high            */
    AMPI_OPTION_FLOAT,  /* double, range low..high             */
    AMPI_OPTION_BOOL,   /* bool: 0/1/true/false/yes/no         */
    AMPI_OPTION_CHOICE, /* int32_t index into choices          */
    AMPI_OPTION_TEXT    /* char[size], range = longest length  */
} ampi_option_type;

/* One row of a subject's table; the defaults are text, parsed like a user's value. */
typedef struct ampi_option {
    const char *key;
    ampi_option_type type;
    size_t offset; /* of the field in the subject's struct */
    size_t size;   /* AMPI_OPTION_TEXT: bytes of the field  */
    double low, high;
    const char *choices; /* "a|b|c", AMPI_OPTION_CHOICE only      */
    const char *standard;
    const char *help;
} ampi_option;

/* All defaults of a table into *fields. */
void ampi_options_default(const ampi_option *table, size_t rows, void *fields);

/* One value; an unknown key or a bad value names the key, the range and the nearest known key. */
amp_status ampi_options_set(const ampi_option *table, size_t rows, void *fields, const char *key,
                            size_t key_length, const char *value, size_t value_length,
                            const char *where, amp_error *error);

/* "key=value,key=value"; separator is ',' or '&'.  A bare key means key=1.  NULL or "" is fine. */
amp_status ampi_options_parse(const ampi_option *table, size_t rows, void *fields, const char *text,
                              char separator, const char *where, amp_error *error);

/* Writes all values (only_changed: those that differ from the default) as "key=value,..." into
   out[size]; returns the length needed, as snprintf does. */
size_t ampi_options_format(const ampi_option *table, size_t rows, const void *fields,
                           bool only_changed, char *out, size_t size);

/* "a whole number, 1..20 (default 5)": the range and default of a row, for help and errors. */
size_t ampi_options_describe(const ampi_option *row, char *out, size_t size);

/* ---- text (text.c): locale-free ----------------------------------------------------------------
 */

/* Whole text [length] is one number in the C locale: false otherwise. */
bool ampi_text_to_double(const char *text, size_t length, double *out);
bool ampi_text_to_int64(const char *text, size_t length, int64_t *out);
/* Shortest "%.9g"-like text that reads back to the same float / double. */
size_t ampi_text_from_double(double value, int digits, char *out, size_t size);

/* ---- random numbers (rng.c): counter-based, Philox 4x32-10 ------------------------------------
 */

/* A stream is named by what it is for and never by when it is drawn: equal (seed, purpose, a, b)
   give equal numbers on any thread, in any order. */
typedef struct ampi_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    uint32_t used;
} ampi_rng;

typedef enum ampi_rng_purpose {
    AMPI_RNG_SHUFFLE = 1,
    AMPI_RNG_CROP = 2,
    AMPI_RNG_ANCHOR = 3,
    AMPI_RNG_TRANSFORM = 4,
    AMPI_RNG_DROPOUT = 5,
    AMPI_RNG_INIT = 6,
    AMPI_RNG_BANK = 7,
    AMPI_RNG_SAMPLE = 8,
    AMPI_RNG_HELD_OUT = 9,
    AMPI_RNG_TEST = 10
} ampi_rng_purpose;

/* a is at most 2^32 - 1 values in use (epoch, step), b an image or element index. */
ampi_rng ampi_rng_make(uint64_t seed, ampi_rng_purpose purpose, uint64_t a, uint64_t b);
uint32_t ampi_rng_u32(ampi_rng *rng);
/* Unbiased in 0..bound-1; bound >= 1. */
uint32_t ampi_rng_below(ampi_rng *rng, uint32_t bound);
float ampi_rng_float(ampi_rng *rng);   /* [0, 1), 24 bits */
double ampi_rng_double(ampi_rng *rng); /* [0, 1), 53 bits */
double ampi_rng_normal(ampi_rng *rng); /* mean 0, variance 1 */
/* Fisher-Yates of 0..n-1 into order[n]. */
void ampi_rng_permutation(ampi_rng *rng, uint32_t *order, uint32_t n);

#endif
