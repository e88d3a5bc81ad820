/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/context.c - the shared, immutable settings; the thread budget; versions.
 */
#define _POSIX_C_SOURCE 200809L
#include "core/context_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 1024

_Static_assert(sizeof(amp_context_options) == 56, "amp_context_options layout");
_Static_assert(offsetof(amp_context_options, memory_user) == 48, "amp_context_options layout");

static amp_context_options defaults(void)
{
    amp_context_options options;

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.threads = 1;
    options.log_level = AMP_LOG_NONE;
    return options;
}

void amp_context_options_init(amp_context_options *options, size_t size)
{
    const amp_context_options known = defaults();

    if (!options || size < sizeof(size_t))
        return;
    memset(options, 0, size);
    memcpy(options, &known, ampi_min_size(size, sizeof known));
    options->struct_size = size;
}

static amp_status check(const amp_context_options *options, amp_error *error)
{
    if (options->threads < 1 || options->threads > MAX_THREADS)
        return ampi_fail(error, AMP_E_ARGUMENT, "context", "threads is %d, allowed 1..%d",
                         (int)options->threads, MAX_THREADS);
    if (options->log_level < AMP_LOG_NONE || options->log_level > AMP_LOG_DEBUG)
        return ampi_fail(error, AMP_E_ARGUMENT, "context", "log_level is %d, allowed 0..4",
                         (int)options->log_level);
    if (!options->alloc != !options->free)
        return ampi_fail(error, AMP_E_ARGUMENT, "context", "alloc and free go together");
    return AMP_OK;
}

amp_status amp_context_create(amp_context **out, const amp_context_options *options,
                              amp_error *error)
{
    amp_context draft, *made;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "context", "out is NULL");
    *out = NULL;
    memset(&draft, 0, sizeof draft);
    draft.options = defaults();
    AMPI_TRY(ampi_struct_read(&draft.options, sizeof draft.options, options, "context", error));
    AMPI_TRY(check(&draft.options, error));
    made = ampi_alloc(&draft, 1, sizeof *made);
    if (!made)
        return ampi_fail_nomem(error, "context", sizeof *made);
    made->options = draft.options;
    atomic_init(&made->references, 1);
    atomic_init(&made->threads_free, draft.options.threads);
    made->process = getpid();
    *out = made;
    return AMP_OK;
}

amp_context *amp_context_ref(amp_context *context)
{
    if (context)
        (void)atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void amp_context_unref(amp_context *context)
{
    amp_context copy;

    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    /* The block cannot describe its own memory functions while they free it. */
    memset(&copy, 0, sizeof copy);
    copy.options = context->options;
    ampi_free(&copy, context);
}

int32_t amp_context_threads(const amp_context *context)
{
    return context ? context->options.threads : 1;
}

amp_status ampi_context_get(amp_context **out, amp_context *given, amp_error *error)
{
    if (!given)
        return amp_context_create(out, NULL, error);
    *out = amp_context_ref(given);
    return AMP_OK;
}

void ampi_log(amp_context *context, amp_log_level level, const char *format, ...)
{
    char text[512];
    va_list arguments;

    if (!context || !context->options.log || (int32_t)level > context->options.log_level)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    context->options.log(context->options.log_user, (int32_t)level, text);
}

bool ampi_context_forked(const amp_context *context)
{
    return context && context->process != getpid();
}

int32_t ampi_context_take_threads(amp_context *context, int32_t want)
{
    int available, taken;

    if (!context || ampi_context_forked(context))
        return 1;
    want = want < 1 ? 1 : want;
    available = atomic_load_explicit(&context->threads_free, memory_order_relaxed);
    do {
        taken = available < want ? available : want;
        /* A run always gets its calling thread, even past the budget. */
        taken = taken < 1 ? 1 : taken;
    } while (!atomic_compare_exchange_weak_explicit(&context->threads_free, &available,
                                                    available - taken, memory_order_acquire,
                                                    memory_order_relaxed));
    return taken;
}

void ampi_context_give_threads(amp_context *context, int32_t count)
{
    if (context && !ampi_context_forked(context))
        (void)atomic_fetch_add_explicit(&context->threads_free, count, memory_order_release);
}

amp_status ampi_progress(amp_progress_fn progress, void *user, const char *stage, uint64_t done,
                         uint64_t total, amp_error *error)
{
    amp_progress now;

    if (!progress)
        return AMP_OK;
    memset(&now, 0, sizeof now);
    now.struct_size = sizeof now;
    now.stage = stage;
    now.done = done;
    now.total = total;
    if (progress(user, &now) != 0)
        return ampi_fail(error, AMP_E_CANCELLED, stage, "stopped by the caller at %llu of %llu",
                         (unsigned long long)done, (unsigned long long)total);
    return AMP_OK;
}
