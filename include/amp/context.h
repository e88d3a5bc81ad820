/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/context.h - what a set of objects shares: memory functions, log, threads.
 *
 * A context is immutable once made and reference-counted; it may be used from
 * any thread.  Where a call takes `amp_context *context`, NULL means a private
 * context with the defaults below.  Objects that work together must share one
 * context; mixing contexts is AMP_E_ARGUMENT.
 */
#ifndef AMP_CONTEXT_H
#define AMP_CONTEXT_H

#include <amp/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_context amp_context;

typedef enum amp_log_level {
    AMP_LOG_NONE = 0, /**< silent (default) */
    AMP_LOG_ERROR = 1,
    AMP_LOG_WARNING = 2,
    AMP_LOG_INFO = 3,
    AMP_LOG_DEBUG = 4
} amp_log_level;

/** Receives one log line (no newline).  Called on the thread that logs. */
typedef void (*amp_log_fn)(void *user, int32_t level, const char *text);

/** Allocate `size` bytes aligned to `align` (a power of two <= 64); NULL = none left. */
typedef void *(*amp_alloc_fn)(void *user, size_t size, size_t align);

/** Free what amp_alloc_fn returned; `size` is the size asked for then. */
typedef void (*amp_free_fn)(void *user, void *pointer, size_t size);

/** Fill with amp_context_options_init(), then change fields.  Copied. */
typedef struct amp_context_options {
    size_t struct_size; /**< sizeof as the caller compiled it; set by _init      */
    int32_t threads;    /**< budget of all runs together, 1..1024; default 1     */
    int32_t log_level;  /**< an amp_log_level; default AMP_LOG_NONE              */
    amp_log_fn log;     /**< NULL = silent (default)                             */
    void *log_user;     /**< passed to log                                       */
    amp_alloc_fn alloc; /**< NULL = aligned malloc (default); give both or none  */
    amp_free_fn free;   /**< NULL = free                                         */
    void *memory_user;  /**< passed to alloc and free                            */
} amp_context_options;

/** Where a long call stands.  Borrowed for the callback. */
typedef struct amp_progress {
    size_t struct_size;
    const char *stage; /**< "score", "fit", "bank", "unpack", ...  */
    uint64_t done;     /**< units finished                         */
    uint64_t total;    /**< units in all; 0 = not known            */
} amp_progress;

/** Return 0 to go on; anything else ends the call with AMP_E_CANCELLED. */
typedef int32_t (*amp_progress_fn)(void *user, const amp_progress *progress);

/** Defaults into *options; `size` is sizeof(amp_context_options) of the caller. */
AMP_API void amp_context_options_init(amp_context_options *options, size_t size);

/**
 * Create a context.
 *
 * @param out      receives a context with one reference; NULL on failure.
 * @param options  NULL for the defaults.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     an option is out of range, or alloc without free
 * @retval AMP_E_UNSUPPORTED  a longer struct with unknown fields set
 * @retval AMP_E_NOMEM        no memory
 */
AMP_API AMP_MUST_USE amp_status amp_context_create(amp_context **out,
                                                   const amp_context_options *options,
                                                   amp_error *error);

/** Take another reference.  Returns its argument; NULL gives NULL. */
AMP_API amp_context *amp_context_ref(amp_context *context);

/** Drop a reference; the last one frees.  NULL is ignored.  Any thread. */
AMP_API void amp_context_unref(amp_context *context);

/** The thread budget that the context was made with. */
AMP_API int32_t amp_context_threads(const amp_context *context);

#ifdef __cplusplus
}
#endif

#endif
