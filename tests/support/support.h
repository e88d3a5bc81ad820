/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.h - what every C test uses: its main, data files, scratch folders, failing memory.
 *
 * A test file ends with TEST_MAIN(suite), where suite is `static Suite *suite(void)`.
 */
#ifndef AMP_TEST_SUPPORT_H
#define AMP_TEST_SUPPORT_H

#include <amp/base.h>
#include <amp/context.h>
#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/* Runs a suite; the exit status of the test program. */
int test_run(Suite *suite);

#define TEST_MAIN(make_suite)                                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        return test_run(make_suite());                                                             \
    }

/* A suite with one test case that holds `tests` (a NULL-terminated list). */
Suite *test_suite(const char *name, const TTest *const *tests);

/* Fails with the error's text unless `expression` (a call that fills `error`) is AMP_OK. */
#define ck_ok(expression, error)                                                                   \
    do {                                                                                           \
        const amp_status test_status_ = (expression);                                              \
        ck_assert_msg(test_status_ == AMP_OK, "%s: status %d: %s", #expression, (int)test_status_, \
                      (error)->message);                                                           \
    } while (0)

/* Fails unless `expression` gives `expected` and the error says the same with a text. */
#define ck_fails(expression, expected, error)                                                      \
    do {                                                                                           \
        const amp_status test_status_ = (expression);                                              \
        ck_assert_msg(test_status_ == (expected), "%s: status %d, wanted %d: %s", #expression,     \
                      (int)test_status_, (int)(expected), (error)->message);                       \
        ck_assert_int_eq((error)->status, (expected));                                             \
        ck_assert_msg((error)->message[0] != '\0', "%s: no text", #expression);                    \
    } while (0)

/* Path of a file below AMP_DATA.  When it is missing the test is left early: it counts as passed,
   or as failed when AMP_REQUIRE_ALL=1.  Static storage, two calls deep. */
const char *test_data_path(const char *name);

/* True when an optional thing is there; false = return from the test; fails when AMP_REQUIRE_ALL=1
   and it is missing. */
bool test_have(bool present, const char *what);

/* A fresh folder, removed with all in it when the test process ends. */
const char *test_scratch(void);
/* "<scratch>/<name>" in static storage, two calls deep. */
const char *test_scratch_path(const char *name);

void test_write_file(const char *path, const void *bytes, size_t size);
/* Whole file, malloc'ed; fails the test when it cannot be read. */
unsigned char *test_read_file(const char *path, size_t *size);

/* ---- memory that runs out ---- */
typedef struct test_memory {
    size_t calls;   /* allocations asked for so far       */
    size_t fail_at; /* this one (1 = first) fails; 0 none */
    size_t live;    /* allocations not freed yet          */
} test_memory;

/* A context on counting memory functions.  `memory` outlives it. */
amp_context *test_context(test_memory *memory);

/* Calls `attempt` with the 1st, 2nd, ... allocation failing until it succeeds.  Each failure must
   give AMP_E_NOMEM and leave nothing allocated.  `attempt` makes and frees all that it uses. */
typedef amp_status (*test_attempt)(amp_context *context, void *user, amp_error *error);
void test_out_of_memory(test_attempt attempt, void *user);

#endif
