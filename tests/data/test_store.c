/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - unpacked bytes in memory and past the limit in a temporary file. */
#include "data/store.h"
#include "support.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pieces of odd sizes, so that chunk borders fall inside them. */
static const size_t pieces[] = { 1, 700000, 0, 348577, 3, 1048576, 1048577, 65536, 99 };

#define N_PIECES (sizeof pieces / sizeof pieces[0])

static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)((at * 2654435761u) >> 11);
}

static amp_status append_pieces(ampi_store *store, amp_error *error)
{
    amp_status status = AMP_OK;

    for (size_t i = 0; i < N_PIECES && !status; i++) {
        uint8_t *const bytes = malloc(pieces[i] + 1);
        for (size_t at = 0; at < pieces[i]; at++)
            bytes[at] = byte_at(store->size + at);
        status = ampi_store_append(store, bytes, pieces[i], error);
        free(bytes);
    }
    return status;
}

static void check_range(const ampi_store *store, uint64_t offset, size_t size)
{
    const ampi_extent extent = { -1, 1, store->size - 1 };
    uint8_t *const bytes = malloc(size + 1);
    size_t wrong = 0;
    amp_error error;

    ck_ok(ampi_extent_read(store, &extent, offset - 1, bytes, size, "it", &error), &error);
    for (size_t at = 0; at < size; at++)
        wrong += bytes[at] != byte_at(offset + at);
    ck_assert_uint_eq(wrong, 0);
    free(bytes);
}

static void check_store(uint64_t max_memory, bool in_file)
{
    ampi_store store;
    amp_error error;

    ampi_store_init(&store, NULL, max_memory);
    ck_ok(append_pieces(&store, &error), &error);
    ck_assert_uint_eq(store.size, 3211369);
    ck_assert_int_eq(store.fd >= 0, in_file);
    ck_assert_int_eq(store.n_chunks == 0, in_file);
    check_range(&store, 1, (size_t)store.size - 1);
    for (uint64_t border = 1; border < 3; border++)
        check_range(&store, border * AMPI_STORE_CHUNK - 5, 11);
    check_range(&store, store.size - 1, 1);
    ampi_store_clear(&store);
}

START_TEST(memory_and_file_hold_the_same)
{
    check_store(UINT64_MAX, false);
    check_store(3211369, false);
    check_store(3211368, true);
    check_store(1048577, true);
    check_store(0, true);
}
END_TEST

START_TEST(too_much_is_refused)
{
    ampi_store store;
    amp_error error;

    ampi_store_init(&store, NULL, UINT64_MAX);
    store.max_bytes = 2000000;
    ck_fails(append_pieces(&store, &error), AMP_E_LIMIT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "2000000"));
    ampi_store_clear(&store);
}
END_TEST

START_TEST(no_temporary_folder)
{
    ampi_store store;
    amp_error error;

    setenv("TMPDIR", "/nowhere/at/all", 1);
    ampi_store_init(&store, NULL, 10);
    ck_fails(append_pieces(&store, &error), AMP_E_IO, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "/nowhere"));
    ampi_store_clear(&store);
}
END_TEST

/* The file leaves no name behind, even while it is open. */
START_TEST(temporary_file_has_no_name)
{
    ampi_store store;
    amp_error error;

    setenv("TMPDIR", test_scratch(), 1);
    ampi_store_init(&store, NULL, 0);
    ck_ok(append_pieces(&store, &error), &error);
    ck_assert_int_eq(rmdir(test_scratch()), 0);
    check_range(&store, 1, 1000);
    ampi_store_clear(&store);
}
END_TEST

static amp_status fill(amp_context *context, void *user, amp_error *error)
{
    ampi_store store;
    amp_status status;

    ampi_store_init(&store, context, *(const uint64_t *)user);
    status = append_pieces(&store, error);
    ampi_store_clear(&store);
    return status;
}

START_TEST(out_of_memory)
{
    uint64_t all = UINT64_MAX, half = 1500000;

    test_out_of_memory(fill, &all);
    test_out_of_memory(fill, &half);
}
END_TEST

START_TEST(regular_files_only)
{
    const char *const path = test_scratch_path("file");
    amp_error error;
    uint64_t size;
    int fd;

    test_write_file(path, "words", 5);
    ck_ok(ampi_open_regular(path, &fd, &size, &error), &error);
    ck_assert_uint_eq(size, 5);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    close(fd);
    ck_fails(ampi_open_regular("/dev/null", &fd, &size, &error), AMP_E_IO, &error);
    ck_fails(ampi_open_regular(test_scratch(), &fd, &size, &error), AMP_E_IO, &error);
    ck_fails(ampi_open_regular(test_scratch_path("none"), &fd, &size, &error), AMP_E_IO, &error);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { memory_and_file_hold_the_same,
                                   too_much_is_refused,
                                   no_temporary_folder,
                                   temporary_file_has_no_name,
                                   out_of_memory,
                                   regular_files_only,
                                   NULL };
    return test_suite("data.store", tests);
}

TEST_MAIN(suite)
