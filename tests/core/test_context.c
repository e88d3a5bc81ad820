/* SPDX-License-Identifier: Apache-2.0 */
/* test_context.c - options and their limits, references, the log, the thread budget, fork. */
#include "core/core.h"
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static amp_context *with_threads(int32_t threads)
{
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error;

    amp_context_options_init(&options, sizeof options);
    options.threads = threads;
    ck_ok(amp_context_create(&context, &options, &error), &error);
    return context;
}

START_TEST(defaults)
{
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error;

    memset(&options, 0x5a, sizeof options);
    amp_context_options_init(&options, sizeof options);
    ck_assert_uint_eq(options.struct_size, sizeof options);
    ck_assert_int_eq(options.threads, 1);
    ck_assert_int_eq(options.log_level, AMP_LOG_NONE);
    ck_assert(options.log == NULL && options.alloc == NULL && options.free == NULL);
    ck_ok(amp_context_create(&context, NULL, &error), &error);
    ck_assert_int_eq(amp_context_threads(context), 1);
    amp_context_unref(context);
    ck_assert_int_eq(amp_context_threads(NULL), 1);
}
END_TEST

START_TEST(init_fits_the_callers_struct)
{
    unsigned char room[sizeof(amp_context_options) + 16];
    size_t size;

    amp_context_options_init(NULL, sizeof room);
    memset(room, 0x5a, sizeof room);
    amp_context_options_init((void *)room, sizeof(size_t) - 1);
    ck_assert_uint_eq(room[0], 0x5a);
    amp_context_options_init((void *)room, 16);
    memcpy(&size, room, sizeof size);
    ck_assert_uint_eq(size, 16);
    ck_assert_uint_eq(room[16], 0x5a);
    amp_context_options_init((void *)room, sizeof room);
    for (size_t i = sizeof(amp_context_options); i < sizeof room; i++)
        ck_assert_uint_eq(room[i], 0);
}
END_TEST

static void refused(const amp_context_options *options)
{
    amp_context *context = (void *)1;
    amp_error error;

    ck_fails(amp_context_create(&context, options, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(context);
    ck_assert_str_eq(error.where, "context");
}

static void *no_alloc(void *user, size_t size, size_t align)
{
    (void)user;
    (void)size;
    (void)align;
    return NULL;
}

static void no_free(void *user, void *pointer, size_t size)
{
    (void)user;
    (void)pointer;
    (void)size;
}

START_TEST(limits)
{
    const int32_t bad_threads[] = { 0, -1, 1025, INT32_MAX, INT32_MIN };
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error;

    amp_context_options_init(&options, sizeof options);
    for (size_t i = 0; i < sizeof bad_threads / sizeof bad_threads[0]; i++) {
        options.threads = bad_threads[i];
        refused(&options);
    }
    options.threads = 1;
    options.log_level = -1;
    refused(&options);
    options.log_level = 5;
    refused(&options);
    options.log_level = AMP_LOG_NONE;
    options.alloc = no_alloc;
    refused(&options);
    options.free = no_free;
    ck_fails(amp_context_create(&context, &options, &error), AMP_E_NOMEM, &error);
    options.alloc = NULL;
    refused(&options);
    ck_fails(amp_context_create(NULL, NULL, &error), AMP_E_ARGUMENT, &error);
    amp_context_unref(with_threads(1024));
}
END_TEST

START_TEST(references)
{
    test_memory memory = { 0 };
    amp_context *const context = test_context(&memory);
    amp_context *other = NULL;
    amp_error error;

    ck_assert_ptr_eq(amp_context_ref(context), context);
    ck_assert_ptr_null(amp_context_ref(NULL));
    amp_context_unref(NULL);
    ck_ok(ampi_context_get(&other, context, &error), &error);
    ck_assert_ptr_eq(other, context);
    amp_context_unref(context);
    amp_context_unref(other);
    ck_assert_uint_eq(memory.live, 1);
    amp_context_unref(context);
    ck_assert_uint_eq(memory.live, 0);
    ck_ok(ampi_context_get(&other, NULL, &error), &error);
    ck_assert_ptr_nonnull(other);
    amp_context_unref(other);
}
END_TEST

typedef struct log_book {
    int lines, level;
    char text[600];
} log_book;

static void keep_line(void *user, int32_t level, const char *text)
{
    log_book *const book = user;

    book->lines++;
    book->level = level;
    strncpy(book->text, text, sizeof book->text - 1);
}

START_TEST(log_reaches_its_level)
{
    log_book book = { 0 };
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error;
    char longer[2000];

    amp_context_options_init(&options, sizeof options);
    options.log = keep_line;
    options.log_user = &book;
    options.log_level = AMP_LOG_WARNING;
    ck_ok(amp_context_create(&context, &options, &error), &error);
    ampi_log(context, AMP_LOG_INFO, "no");
    ck_assert_int_eq(book.lines, 0);
    ampi_log(context, AMP_LOG_WARNING, "%d anchors", 5);
    ck_assert_int_eq(book.lines, 1);
    ck_assert_int_eq(book.level, AMP_LOG_WARNING);
    ck_assert_str_eq(book.text, "5 anchors");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ampi_log(context, AMP_LOG_ERROR, "%s", longer);
    ck_assert_uint_eq(strlen(book.text), 511);
    ampi_log(NULL, AMP_LOG_ERROR, "nobody");
    ck_assert_int_eq(book.lines, 2);
    amp_context_unref(context);
}
END_TEST

START_TEST(thread_budget)
{
    amp_context *const context = with_threads(4);

    ck_assert_int_eq(ampi_context_take_threads(context, 3), 3);
    ck_assert_int_eq(ampi_context_take_threads(context, 3), 1);
    /* Nothing is left: a run still gets the thread it is on. */
    ck_assert_int_eq(ampi_context_take_threads(context, 2), 1);
    ampi_context_give_threads(context, 1);
    ck_assert_int_eq(ampi_context_take_threads(context, 4), 1);
    ampi_context_give_threads(context, 1);
    ampi_context_give_threads(context, 1);
    ampi_context_give_threads(context, 3);
    ck_assert_int_eq(ampi_context_take_threads(context, 100), 4);
    ampi_context_give_threads(context, 4);
    ck_assert_int_eq(ampi_context_take_threads(context, -5), 1);
    ampi_context_give_threads(context, 1);
    ck_assert_int_eq(ampi_context_take_threads(NULL, 7), 1);
    ampi_context_give_threads(NULL, 7);
    amp_context_unref(context);
}
END_TEST

static void *take_and_give(void *argument)
{
    amp_context *const context = argument;

    for (int i = 0; i < 20000; i++) {
        const int32_t got = ampi_context_take_threads(context, 1 + i % 4);
        if (got < 1 || got > 4)
            return argument;
        ampi_context_give_threads(context, got);
    }
    return NULL;
}

START_TEST(thread_budget_is_kept_by_many_threads)
{
    amp_context *const context = with_threads(4);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, context), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(ampi_context_take_threads(context, 100), 4);
    amp_context_unref(context);
}
END_TEST

START_TEST(a_forked_child_gets_one_thread)
{
    amp_context *const context = with_threads(4);
    int status = 0;

    ck_assert(!ampi_context_forked(context));
    ck_assert(!ampi_context_forked(NULL));
    ck_assert_int_eq(ampi_context_take_threads(context, 2), 2);
    const pid_t child = fork();
    if (child == 0) {
        const bool good =
            ampi_context_forked(context) && ampi_context_take_threads(context, 4) == 1;
        ampi_context_give_threads(context, 1);
        _exit(good && ampi_context_take_threads(context, 4) == 1 ? 0 : 1);
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_eq(ampi_context_take_threads(context, 4), 2);
    amp_context_unref(context);
}
END_TEST

static int32_t stop_at_two(void *user, const amp_progress *now)
{
    amp_progress *const seen = user;

    *seen = *now;
    return now->done >= 2;
}

START_TEST(progress_may_cancel)
{
    amp_progress seen = { 0 };
    amp_error error;

    ck_ok(ampi_progress(NULL, NULL, "bank", 5, 9, &error), &error);
    ck_ok(ampi_progress(stop_at_two, &seen, "bank", 1, 9, &error), &error);
    ck_assert_uint_eq(seen.struct_size, sizeof seen);
    ck_assert_str_eq(seen.stage, "bank");
    ck_assert_uint_eq(seen.total, 9);
    ck_fails(ampi_progress(stop_at_two, &seen, "bank", 2, 9, &error), AMP_E_CANCELLED, &error);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { defaults,
                                   init_fits_the_callers_struct,
                                   limits,
                                   references,
                                   log_reaches_its_level,
                                   thread_budget,
                                   thread_budget_is_kept_by_many_threads,
                                   a_forked_child_gets_one_thread,
                                   progress_may_cancel,
                                   NULL };
    return test_suite("core.context", tests);
}

TEST_MAIN(suite)
