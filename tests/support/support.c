/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.c - what every C test uses; see support.h.
 */
#define _XOPEN_SOURCE 700
#include "support.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

int test_run(Suite *suite)
{
    SRunner *const runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    const int ran = srunner_ntests_run(runner);
    srunner_free(runner);
    if (ran == 0)
        fprintf(stderr, "the suite is empty\n");
    return failed == 0 && ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

Suite *test_suite(const char *name, const TTest *const *tests)
{
    Suite *const suite = suite_create(name);
    TCase *const tcase = tcase_create(name);

    for (size_t i = 0; tests[i] != NULL; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    return suite;
}

static const char *join(const char *folder, const char *name)
{
    static char paths[2][PATH_BYTES];
    static size_t turn;
    char *const path = paths[turn++ % 2];

    const int length = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    ck_assert_msg(length > 0 && length < PATH_BYTES, "path too long: %s/%s", folder, name);
    return path;
}

bool test_have(bool present, const char *what)
{
    const char *const require = getenv("AMP_REQUIRE_ALL");

    if (present)
        return true;
    ck_assert_msg(require == NULL || strcmp(require, "1") != 0, "%s is missing", what);
    fprintf(stderr, "skipped: %s is missing\n", what);
    return false;
}

const char *test_data_path(const char *name)
{
    const char *const data = getenv("AMP_DATA");
    const char *const path = join(data != NULL ? data : AMPI_TEST_DATA, name);

    if (!test_have(access(path, R_OK) == 0, path))
        exit(EXIT_SUCCESS);
    return path;
}

/* ---- scratch folder ---- */

static char scratch[PATH_BYTES];
static pid_t scratch_owner;

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_scratch(void)
{
    if (scratch[0] != '\0' && scratch_owner == getpid())
        (void)nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_scratch(void)
{
    if (scratch[0] == '\0' || scratch_owner != getpid()) {
        const char *const base = getenv("TMPDIR");
        snprintf(scratch, sizeof scratch, "%s/amp-test-XXXXXX", base != NULL ? base : "/tmp");
        ck_assert_msg(mkdtemp(scratch) != NULL, "%s: %s", scratch, strerror(errno));
        scratch_owner = getpid();
        atexit(remove_scratch);
    }
    return scratch;
}

const char *test_scratch_path(const char *name)
{
    return join(test_scratch(), name);
}

void test_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *const file = fopen(path, "wb");

    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_msg(size == 0 || fwrite(bytes, 1, size, file) == size, "%s: short write", path);
    ck_assert_msg(fclose(file) == 0, "%s: %s", path, strerror(errno));
}

unsigned char *test_read_file(const char *path, size_t *size)
{
    FILE *const file = fopen(path, "rb");
    struct stat info;

    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(fstat(fileno(file), &info), 0);
    *size = (size_t)info.st_size;
    unsigned char *const bytes = malloc(*size + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_msg(fread(bytes, 1, *size, file) == *size, "%s: short read", path);
    fclose(file);
    bytes[*size] = 0;
    return bytes;
}

/* ---- memory that runs out ---- */

static void *counting_alloc(void *user, size_t size, size_t align)
{
    test_memory *const memory = user;
    void *pointer = NULL;

    const size_t call = __atomic_add_fetch(&memory->calls, 1, __ATOMIC_RELAXED);
    if (call == memory->fail_at || posix_memalign(&pointer, align, size) != 0)
        return NULL;
    __atomic_add_fetch(&memory->live, 1, __ATOMIC_RELAXED);
    return pointer;
}

static void counting_free(void *user, void *pointer, size_t size)
{
    test_memory *const memory = user;

    (void)size;
    if (pointer != NULL)
        __atomic_sub_fetch(&memory->live, 1, __ATOMIC_RELAXED);
    free(pointer);
}

amp_context *test_context(test_memory *memory)
{
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error = { 0 };

    amp_context_options_init(&options, sizeof options);
    options.alloc = counting_alloc;
    options.free = counting_free;
    options.memory_user = memory;
    ck_ok(amp_context_create(&context, &options, &error), &error);
    return context;
}

void test_out_of_memory(test_attempt attempt, void *user)
{
    const size_t most = 100000;

    for (size_t n = 1; n <= most; n++) {
        test_memory memory = { 0 };
        amp_error error = { 0 };
        amp_context *const context = test_context(&memory);
        const size_t at_rest = memory.live;

        memory.fail_at = memory.calls + n;
        const amp_status status = attempt(context, user, &error);
        const bool reached = memory.calls >= memory.fail_at;
        ck_assert_uint_eq(memory.live, at_rest);
        amp_context_unref(context);
        ck_assert_uint_eq(memory.live, 0);
        if (!reached) {
            ck_assert_msg(status == AMP_OK, "status %d: %s", (int)status, error.message);
            ck_assert_msg(n > 1, "nothing was allocated");
            return;
        }
        ck_assert_msg(status == AMP_E_NOMEM, "allocation %zu failed, status %d: %s", n, (int)status,
                      error.message);
    }
    ck_abort_msg("still allocating after %zu failures", most);
}
