/* SPDX-License-Identifier: Apache-2.0 */
/* test_file.c - whole files in, whole files out or nothing at all. */
#include "core/file.h"
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int entries(const char *folder)
{
    DIR *const list = opendir(folder);
    int n = 0;

    ck_assert_ptr_nonnull(list);
    while (readdir(list))
        n++;
    closedir(list);
    return n - 2;
}

static void put(const char *path, const char *text)
{
    ampi_writer *writer = NULL;
    amp_error error;

    ck_ok(ampi_writer_open(&writer, NULL, path, "model", &error), &error);
    ck_ok(ampi_writer_write(writer, text, strlen(text), &error), &error);
    ck_ok(ampi_writer_commit(writer, &error), &error);
}

static void holds(const char *path, const char *text)
{
    size_t size;
    unsigned char *const bytes = test_read_file(path, &size);

    ck_assert_uint_eq(size, strlen(text));
    ck_assert_int_eq(memcmp(bytes, text, size), 0);
    free(bytes);
}

START_TEST(reads_whole_files)
{
    const char *const path = test_scratch_path("in");
    uint8_t *bytes = NULL;
    amp_error error;
    size_t size = 9;

    test_write_file(path, "abc", 3);
    ck_ok(ampi_file_read(NULL, path, 3, &bytes, &size, "image", &error), &error);
    ck_assert_uint_eq(size, 3);
    ck_assert_int_eq(memcmp(bytes, "abc", 3), 0);
    ampi_free(NULL, bytes);
    test_write_file(path, "", 0);
    ck_ok(ampi_file_read(NULL, path, 0, &bytes, &size, "image", &error), &error);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(size, 0);
    ampi_free(NULL, bytes);
}
END_TEST

static void unreadable(const char *path, size_t limit, amp_status expected, const char *says)
{
    uint8_t *bytes = (void *)1;
    amp_error error;
    size_t size;

    ck_fails(ampi_file_read(NULL, path, limit, &bytes, &size, "image", &error), expected, &error);
    ck_assert_ptr_null(bytes);
    ck_assert_str_eq(error.where, "image");
    ck_assert_msg(strstr(error.message, says) != NULL, "'%s' lacks '%s'", error.message, says);
}

START_TEST(refuses_what_is_no_file)
{
    const char *const fifo = test_scratch_path("fifo");

    unreadable(test_scratch_path("missing"), 10, AMP_E_IO, "No such file or directory");
    unreadable(test_scratch(), 10, AMP_E_IO, "is not a regular file");
    unreadable("/dev/zero", 10, AMP_E_IO, "is not a regular file");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    unreadable(fifo, 10, AMP_E_IO, "is not a regular file");
    unreadable("", 10, AMP_E_IO, "No such file or directory");
}
END_TEST

START_TEST(refuses_files_over_the_limit)
{
    const char *const path = test_scratch_path("large");

    test_write_file(path, "abcd", 4);
    unreadable(path, 3, AMP_E_LIMIT, "has 4 bytes, limit 3");
}
END_TEST

START_TEST(commit_creates_and_replaces)
{
    const char *const path = test_scratch_path("out");

    put(path, "first");
    holds(path, "first");
    put(path, "second, longer");
    holds(path, "second, longer");
    put(path, "");
    holds(path, "");
    ck_assert_int_eq(entries(test_scratch()), 1);
}
END_TEST

START_TEST(nothing_shows_before_commit)
{
    const char *const path = test_scratch_path("out");
    ampi_writer *writer = NULL;
    amp_error error;

    ck_ok(ampi_writer_open(&writer, NULL, path, "model", &error), &error);
    ck_ok(ampi_writer_write(writer, "half", 4, &error), &error);
    ck_assert_int_eq(access(path, F_OK), -1);
    ampi_writer_abandon(writer);
    ck_assert_int_eq(entries(test_scratch()), 0);
    ampi_writer_abandon(NULL);
    put(path, "kept");
    ck_ok(ampi_writer_open(&writer, NULL, path, "model", &error), &error);
    ck_ok(ampi_writer_write(writer, "new", 3, &error), &error);
    holds(path, "kept");
    ampi_writer_abandon(writer);
    holds(path, "kept");
    ck_assert_int_eq(entries(test_scratch()), 1);
}
END_TEST

/* A process that was killed leaves its part; the next one with its id goes around it. */
START_TEST(left_over_parts_are_passed_over)
{
    const char *const path = test_scratch_path("out");
    char part[4200];

    for (int i = 0; i < 3; i++) {
        snprintf(part, sizeof part, "%s.part-%ld-%d", path, (long)getpid(), i);
        test_write_file(part, "left", 4);
    }
    put(path, "whole");
    holds(path, "whole");
    snprintf(part, sizeof part, "%s.part-%ld-0", path, (long)getpid());
    holds(part, "left");
    ck_assert_int_eq(entries(test_scratch()), 4);
}
END_TEST

static void unwritable(const char *path, int code)
{
    ampi_writer *writer = (void *)1;
    amp_error error;

    ck_fails(ampi_writer_open(&writer, NULL, path, "model", &error), AMP_E_IO, &error);
    ck_assert_ptr_null(writer);
    ck_assert_int_eq(error.detail, code);
}

START_TEST(refuses_places_it_cannot_write)
{
    const char *const folder = test_scratch_path("locked");
    char path[4200];

    snprintf(path, sizeof path, "%s/none/out", test_scratch());
    unwritable(path, ENOENT);
    ck_assert_int_eq(mkdir(folder, 0500), 0);
    snprintf(path, sizeof path, "%s/out", folder);
    if (geteuid() != 0)
        unwritable(path, EACCES);
    ck_assert_int_eq(chmod(folder, 0700), 0);
}
END_TEST

/* Renaming over a device or a pipe would replace it: for root, /dev/null itself. */
START_TEST(never_replaces_what_is_no_file)
{
    const char *const fifo = test_scratch_path("fifo");
    ampi_writer *writer = (void *)1;
    struct stat info;
    amp_error error;

    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_fails(ampi_writer_open(&writer, NULL, fifo, "model", &error), AMP_E_IO, &error);
    ck_assert_ptr_null(writer);
    ck_fails(ampi_writer_open(&writer, NULL, test_scratch(), "model", &error), AMP_E_IO, &error);
    ck_assert_int_eq(stat(fifo, &info), 0);
    ck_assert(S_ISFIFO(info.st_mode));
    ck_assert_int_eq(entries(test_scratch()), 1);
}
END_TEST

/* A link stays one: what it points to is replaced. */
START_TEST(links_are_followed)
{
    const char *const link = test_scratch_path("latest"), *const target = test_scratch_path("v1");
    struct stat info;

    put(target, "old");
    ck_assert_int_eq(symlink("v1", link), 0);
    put(link, "new");
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    holds(target, "new");
}
END_TEST

/* A private model stays private. */
static void is_link(const char *name, bool wanted)
{
    struct stat info;

    ck_assert_int_eq(lstat(test_scratch_path(name), &info), 0);
    ck_assert_int_eq(S_ISLNK(info.st_mode), wanted);
}

/* Links that lead to no file yet make it, where they say, and stay. */
START_TEST(links_to_nothing_are_followed)
{
    ck_assert_int_eq(mkdir(test_scratch_path("deep"), 0777), 0);
    ck_assert_int_eq(symlink("deep/second", test_scratch_path("first")), 0);
    ck_assert_int_eq(symlink("../third", test_scratch_path("deep/second")), 0);
    put(test_scratch_path("first"), "new");
    is_link("first", true);
    is_link("deep/second", true);
    is_link("third", false);
    holds(test_scratch_path("third"), "new");
}
END_TEST

START_TEST(links_in_circles_are_refused)
{
    const char *const link = test_scratch_path("circle");
    ampi_writer *writer = NULL;
    struct stat info;
    amp_error error;

    ck_assert_int_eq(symlink("circle", link), 0);
    ck_fails(ampi_writer_open(&writer, NULL, link, "test", &error), AMP_E_IO, &error);
    ck_assert_int_eq(error.detail, ELOOP);
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
}
END_TEST

START_TEST(mode_is_kept_and_follows_umask)
{
    const char *const path = test_scratch_path("out");
    struct stat info;

    (void)umask(027);
    put(path, "x");
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
    ck_assert_int_eq(chmod(path, 0600), 0);
    put(path, "y");
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
}
END_TEST

/* RLIMIT_FSIZE stands for a full disk. */
START_TEST(a_full_disk_leaves_the_old_file)
{
    const char *const path = test_scratch_path("out");
    const struct rlimit small = { 4096, RLIM_INFINITY };
    ampi_writer *writer = NULL;
    char block[3000] = { 0 };
    amp_error error;

    put(path, "kept");
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_ok(ampi_writer_open(&writer, NULL, path, "model", &error), &error);
    ck_ok(ampi_writer_write(writer, block, sizeof block, &error), &error);
    ck_fails(ampi_writer_write(writer, block, sizeof block, &error), AMP_E_IO, &error);
    ck_assert_int_eq(error.detail, EFBIG);
    ampi_writer_abandon(writer);
    holds(path, "kept");
    ck_assert_int_eq(entries(test_scratch()), 1);
}
END_TEST

/* The final name became a folder between open and commit. */
START_TEST(a_failed_rename_cleans_up)
{
    const char *const path = test_scratch_path("out");
    ampi_writer *writer = NULL;
    amp_error error;

    ck_ok(ampi_writer_open(&writer, NULL, path, "model", &error), &error);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_fails(ampi_writer_commit(writer, &error), AMP_E_IO, &error);
    ck_assert_int_eq(error.detail, EISDIR);
    ck_assert_int_eq(entries(test_scratch()), 1);
}
END_TEST

static amp_status write_once(amp_context *context, void *user, amp_error *error)
{
    ampi_writer *writer = NULL;
    amp_status status = ampi_writer_open(&writer, context, user, "model", error);

    if (status == AMP_OK)
        status = ampi_writer_commit(writer, error);
    return status;
}

static amp_status read_once(amp_context *context, void *user, amp_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    const amp_status status = ampi_file_read(context, user, 100, &bytes, &size, "model", error);

    ampi_free(context, bytes);
    return status;
}

static amp_status open_once(amp_context *context, void *user, amp_error *error)
{
    ampi_file *file = NULL;
    const amp_status status = ampi_file_open(&file, context, user, 100, "model", error);

    ampi_file_unref(file);
    return status;
}

START_TEST(reads_pieces)
{
    const char *const path = test_scratch_path("pieces");
    ampi_file *file = NULL;
    amp_error error;
    char bytes[4] = "";

    test_write_file(path, "0123456789", 10);
    ck_ok(ampi_file_open(&file, NULL, path, 10, "model", &error), &error);
    ck_assert_uint_eq(ampi_file_size(file), 10);
    ck_ok(ampi_file_read_at(file, 7, bytes, 3, &error), &error);
    ck_assert_mem_eq(bytes, "789", 3);
    ck_ok(ampi_file_read_at(file, 0, bytes, 2, &error), &error);
    ck_assert_mem_eq(bytes, "019", 3);
    ck_ok(ampi_file_read_at(file, 10, bytes, 0, &error), &error);
    ck_fails(ampi_file_read_at(file, 8, bytes, 3, &error), AMP_E_IO, &error);
    ck_assert_ptr_eq(ampi_file_ref(file), file);
    ampi_file_unref(file);
    ck_assert_int_eq(unlink(path), 0);
    ck_ok(ampi_file_read_at(file, 3, bytes, 1, &error), &error);
    ck_assert_mem_eq(bytes, "3", 1);
    ampi_file_unref(file);
    ampi_file_unref(NULL);
    ck_assert_ptr_null(ampi_file_ref(NULL));
}
END_TEST

START_TEST(sees_that_a_file_grew)
{
    const char *const path = test_scratch_path("grows");
    ampi_file *file = NULL;
    amp_error error;
    char byte;

    test_write_file(path, "0123", 4);
    ck_ok(ampi_file_open(&file, NULL, path, 10, "model", &error), &error);
    test_write_file(path, "01234", 5);
    ck_fails(ampi_file_read_at(file, 0, &byte, 1, &error), AMP_E_IO, &error);
    ck_assert_msg(strstr(error.message, "grows was written to") != NULL, "%s", error.message);
    ampi_file_unref(file);
}
END_TEST

START_TEST(memory_runs_out)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/out", test_scratch());
    test_out_of_memory(write_once, path);
    test_out_of_memory(read_once, path);
    test_out_of_memory(open_once, path);
    ck_assert_int_eq(entries(test_scratch()), 1);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { reads_whole_files,
                                   reads_pieces,
                                   sees_that_a_file_grew,
                                   refuses_what_is_no_file,
                                   refuses_files_over_the_limit,
                                   commit_creates_and_replaces,
                                   nothing_shows_before_commit,
                                   left_over_parts_are_passed_over,
                                   refuses_places_it_cannot_write,
                                   never_replaces_what_is_no_file,
                                   links_are_followed,
                                   links_to_nothing_are_followed,
                                   links_in_circles_are_refused,
                                   mode_is_kept_and_follows_umask,
                                   a_full_disk_leaves_the_old_file,
                                   a_failed_rename_cleans_up,
                                   memory_runs_out,
                                   NULL };
    return test_suite("core.file", tests);
}

TEST_MAIN(suite)
