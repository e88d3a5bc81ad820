/* SPDX-License-Identifier: Apache-2.0 */
/* test_blob.c - lists of named arrays: shapes, names, limits, dropping, memory that runs out. */
#include "core/blob.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

START_TEST(types)
{
    const size_t sizes[AMPI_DTYPE_COUNT] = { 4, 8, 1, 1, 4, 8, 8, 2 };

    for (int i = 0; i < (int)AMPI_DTYPE_COUNT; i++) {
        ck_assert_uint_eq(ampi_dtype_size((ampi_dtype)i), sizes[i]);
        ck_assert_int_eq((int)ampi_dtype_parse(ampi_dtype_name((ampi_dtype)i)), i);
    }
    ck_assert_int_eq((int)ampi_dtype_parse("F16"), (int)AMPI_DTYPE_COUNT);
    ck_assert_int_eq((int)ampi_dtype_parse("f32"), (int)AMPI_DTYPE_COUNT);
    ck_assert_int_eq((int)ampi_dtype_parse(""), (int)AMPI_DTYPE_COUNT);
}
END_TEST

START_TEST(adds_and_finds)
{
    const size_t dims[] = { 2, 3 };
    ampi_blobs blobs;
    ampi_blob *blob;
    amp_error error;
    char name[32];

    ampi_blobs_init(&blobs, NULL);
    ck_assert_ptr_null(ampi_blobs_find(&blobs, "amp.b.0"));
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "amp.b.%d", i);
        ck_ok(ampi_blobs_add(&blobs, &blob, name, AMPI_DTYPE_I32, 2, dims, &error), &error);
        ck_assert_uint_eq(blob->bytes, 24);
        for (int k = 0; k < 24; k++)
            ck_assert_uint_eq(((const uint8_t *)blob->data)[k], 0);
        memset(blob->data, i, 24);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "amp.b.%d", i);
        const ampi_blob *const found = ampi_blobs_find(&blobs, name);
        ck_assert_ptr_nonnull(found);
        ck_assert_uint_eq(((const uint8_t *)found->data)[23], (unsigned)i);
        ck_assert(found->rank == 2 && found->dims[0] == 2 && found->dims[1] == 3);
    }
    ck_fails(ampi_blobs_add(&blobs, &blob, "amp.b.7", AMPI_DTYPE_U8, 0, NULL, &error), AMP_E_FORMAT,
             &error);
    ck_assert_uint_eq(blobs.count, 50);
    ampi_blobs_clear(&blobs);
    ck_assert_uint_eq(blobs.count, 0);
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(scalars_and_empty_arrays)
{
    const size_t none[] = { 4, 0 };
    ampi_blobs blobs;
    ampi_blob *blob;
    amp_error error;

    ampi_blobs_init(&blobs, NULL);
    ck_ok(ampi_blobs_add(&blobs, &blob, "scalar", AMPI_DTYPE_F64, 0, NULL, &error), &error);
    ck_assert_uint_eq(blob->bytes, 8);
    ck_ok(ampi_blobs_add(&blobs, &blob, "empty", AMPI_DTYPE_F64, 2, none, &error), &error);
    ck_assert_uint_eq(blob->bytes, 0);
    ck_assert_ptr_nonnull(blob->data);
    ck_ok(ampi_blobs_add(&blobs, NULL, "unwatched", AMPI_DTYPE_U8, 0, NULL, &error), &error);
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(limits)
{
    const size_t huge[] = { SIZE_MAX / 2, 3, 1, 1, 1, 1, 1, 1, 1 };
    char name[AMPI_BLOB_NAME + 1];
    ampi_blobs blobs;
    amp_error error;

    ampi_blobs_init(&blobs, NULL);
    memset(name, 'n', sizeof name);
    name[AMPI_BLOB_NAME] = '\0';
    ck_fails(ampi_blobs_add(&blobs, NULL, name, AMPI_DTYPE_U8, 0, NULL, &error), AMP_E_LIMIT,
             &error);
    name[AMPI_BLOB_NAME - 1] = '\0';
    ck_ok(ampi_blobs_add(&blobs, NULL, name, AMPI_DTYPE_U8, 0, NULL, &error), &error);
    ck_assert_str_eq(blobs.items[0].name, name);
    ck_fails(ampi_blobs_add(&blobs, NULL, "rank", AMPI_DTYPE_U8, 9, huge, &error), AMP_E_LIMIT,
             &error);
    ck_fails(ampi_blobs_add(&blobs, NULL, "size", AMPI_DTYPE_U8, 2, huge, &error), AMP_E_LIMIT,
             &error);
    ck_fails(ampi_blobs_add(&blobs, NULL, "size", AMPI_DTYPE_F64, 1, huge, &error), AMP_E_LIMIT,
             &error);
    ck_fails(ampi_blobs_add(&blobs, NULL, "size", AMPI_DTYPE_U8, 1, huge, &error), AMP_E_NOMEM,
             &error);
    ck_assert_uint_eq(blobs.count, 1);
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(expects_exactly)
{
    const size_t dims[] = { 2, 3 }, other[] = { 2, 4 };
    const ampi_blob *found = NULL;
    ampi_blobs blobs;
    amp_error error;

    ampi_blobs_init(&blobs, NULL);
    ck_ok(ampi_blobs_add(&blobs, NULL, "a", AMPI_DTYPE_F32, 2, dims, &error), &error);
    ck_ok(ampi_blobs_expect(&blobs, &found, "a", AMPI_DTYPE_F32, 2, dims, &error), &error);
    ck_assert_ptr_eq(found, &blobs.items[0]);
    ck_ok(ampi_blobs_expect(&blobs, &found, "a", AMPI_DTYPE_F32, 2, NULL, &error), &error);
    ck_fails(ampi_blobs_expect(&blobs, &found, "b", AMPI_DTYPE_F32, 2, dims, &error), AMP_E_FORMAT,
             &error);
    ck_fails(ampi_blobs_expect(&blobs, &found, "a", AMPI_DTYPE_F64, 2, dims, &error), AMP_E_FORMAT,
             &error);
    ck_fails(ampi_blobs_expect(&blobs, &found, "a", AMPI_DTYPE_F32, 1, dims, &error), AMP_E_SHAPE,
             &error);
    ck_fails(ampi_blobs_expect(&blobs, &found, "a", AMPI_DTYPE_F32, 2, other, &error), AMP_E_SHAPE,
             &error);
    ck_assert_str_eq(error.message, "'a': dimension 1 is 3, expected 4");
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(copies_and_drops)
{
    const char *const names[] = { "amp.bank.a", "amp.bank.b", "amp.bankrupt", "amp.bank",
                                  "fc.weight" };
    const size_t dims[] = { 3 };
    ampi_blobs blobs, copy;
    ampi_blob *blob;
    amp_error error;

    ampi_blobs_init(&blobs, NULL);
    ampi_blobs_init(&copy, NULL);
    for (int i = 0; i < 5; i++) {
        ck_ok(ampi_blobs_add(&blobs, &blob, names[i], AMPI_DTYPE_U8, 1, dims, &error), &error);
        memset(blob->data, i + 1, 3);
        ck_ok(ampi_blobs_copy(&copy, blob, &error), &error);
    }
    ck_fails(ampi_blobs_copy(&copy, &blobs.items[0], &error), AMP_E_FORMAT, &error);
    ampi_blobs_drop(&blobs, "amp.bank.");
    ck_assert_uint_eq(blobs.count, 3);
    ck_assert_str_eq(blobs.items[0].name, "amp.bankrupt");
    ck_assert_int_eq(memcmp(blobs.items[2].data, "\5\5\5", 3), 0);
    ck_assert_ptr_null(ampi_blobs_find(&blobs, "amp.bank.a"));
    ampi_blobs_drop(&blobs, "");
    ck_assert_uint_eq(blobs.count, 0);
    ck_assert_uint_eq(copy.count, 5);
    ck_assert_int_eq(memcmp(ampi_blobs_find(&copy, "amp.bank")->data, "\4\4\4", 3), 0);
    ampi_blobs_clear(&blobs);
    ampi_blobs_clear(&copy);
}
END_TEST

static amp_status fill_list(amp_context *context, void *user, amp_error *error)
{
    const size_t dims[] = { 5 };
    amp_status status = AMP_OK;
    ampi_blobs blobs;
    char name[32];

    (void)user;
    ampi_blobs_init(&blobs, context);
    for (int i = 0; status == AMP_OK && i < 20; i++) {
        snprintf(name, sizeof name, "%d", i);
        status = ampi_blobs_append(&blobs, NULL, name, AMPI_DTYPE_F32, 1, dims, error);
    }
    ampi_blobs_clear(&blobs);
    return status;
}

START_TEST(memory_runs_out)
{
    test_out_of_memory(fill_list, NULL);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        types,           adds_and_finds,   scalars_and_empty_arrays, limits,
        expects_exactly, copies_and_drops, memory_runs_out,          NULL
    };
    return test_suite("core.blob", tests);
}

TEST_MAIN(suite)
