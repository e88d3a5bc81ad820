/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/base.h - status codes and the error record that every fallible call fills.
 *
 * No call prints, exits, aborts or keeps a hidden "last error".  A fallible call
 * returns an amp_status and, on failure, describes the fault in the amp_error
 * that the caller passed (NULL is allowed).  On success the record is untouched.
 */
#ifndef AMP_BASE_H
#define AMP_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(AMP_BUILDING)
#define AMP_API __attribute__((visibility("default")))
#else
#define AMP_API
#endif

#if defined(__GNUC__)
#define AMP_MUST_USE __attribute__((warn_unused_result))
#else
#define AMP_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Every status: X(name, value, short text).  Values never change meaning. */
#define AMP_STATUS_LIST(X)                                                                         \
    X(AMP_OK, 0, "ok")                                                                             \
    X(AMP_E_ARGUMENT, -1, "bad argument")                                                          \
    X(AMP_E_NOMEM, -2, "out of memory")                                                            \
    X(AMP_E_IO, -3, "input or output failed")                                                      \
    X(AMP_E_FORMAT, -4, "malformed data")                                                          \
    X(AMP_E_LIMIT, -5, "a limit was exceeded")                                                     \
    X(AMP_E_SHAPE, -6, "shapes do not fit")                                                        \
    X(AMP_E_UNSUPPORTED, -7, "not supported")                                                      \
    X(AMP_E_BACKEND, -8, "the compute back end failed")                                            \
    X(AMP_E_CANCELLED, -9, "cancelled by the caller")                                              \
    X(AMP_E_INTERNAL, -10, "internal fault")

typedef enum amp_status {
#define AMP_STATUS_ENUM(name, value, text) name = value,
    AMP_STATUS_LIST(AMP_STATUS_ENUM)
#undef AMP_STATUS_ENUM
        AMP_STATUS_FORCE_INT = 0x7fffffff
} amp_status;

/**
 * What went wrong.  Caller-owned, 256 bytes in every version, nothing to free.
 * `message` is one line: the file (a long path keeps its end), the fault, the
 * offending value and the limit.
 */
typedef struct amp_error {
    amp_status status; /**< the code that the call returned                     */
    int32_t detail;    /**< errno, a oneDNN status or 0                         */
    char where[24];    /**< subject: "image", "dataset", "model", "score", ...  */
    char message[224]; /**< NUL-terminated UTF-8, one line                      */
} amp_error;

/** Name of a status, for example "AMP_E_FORMAT"; "AMP_E_?" for an unknown value. */
AMP_API const char *amp_status_name(amp_status status);

/** Short English text of a status, for example "malformed data". */
AMP_API const char *amp_status_text(amp_status status);

#ifdef __cplusplus
}
#endif

#endif
