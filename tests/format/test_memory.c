/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c - each allocation failing in turn, the library's and jansson's: an error, and
 * nothing is left behind.
 */
#include "format/format_internal.h"
#include "format_support.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static amp_status try_create(amp_context *context, void *user, amp_error *error)
{
    amp_model *model = NULL;
    const amp_status status = ampi_model_create(&model, context, SMALL_ARCH, NULL, 1, error);

    (void)user;
    amp_model_unref(model);
    return status;
}

static amp_status try_open(amp_context *context, void *user, amp_error *error)
{
    const bytes *const file = user;
    amp_model *model = NULL;
    const amp_status status = ampi_model_parse(
        &model, context,
        &(ampi_model_source){ .bytes = file->data, .size = file->size, .name = "f" }, error);

    amp_model_unref(model);
    return status;
}

static amp_status try_open_file(amp_context *context, void *user, amp_error *error)
{
    amp_model *model = NULL;
    const amp_status status = parse_path(&model, context, user, error);

    amp_model_unref(model);
    return status;
}

/* The model is opened with memory to spare; only what the saving takes can fail. */
static amp_status try_save(amp_context *context, void *user, amp_error *error)
{
    const amp_model *const given = user;
    amp_model copy = *given;

    copy.context = context;
    copy.sections.context = context;
    return amp_model_save(&copy, test_scratch_path("memory.safetensors"), error);
}

static amp_status try_parse(amp_context *context, void *user, amp_error *error)
{
    const bytes *const file = user;
    ampi_blobs blobs;
    char *record = NULL;

    ampi_blobs_init(&blobs, context);
    const amp_status status =
        ampi_safetensors_parse(&blobs, &record, file->data, file->size, "f", error);
    ampi_free(context, record);
    ampi_blobs_clear(&blobs);
    return status;
}

static amp_status try_names(amp_context *context, void *user, amp_error *error)
{
    static const char *names[1500];
    json_t *const record = json_object();
    ampi_blobs sections;
    const char **out = NULL;
    amp_status status;

    (void)user;
    for (size_t i = 0; i < 1500; i++)
        names[i] = "name";
    ampi_blobs_init(&sections, context);
    status = ampi_record_set_classes(record, &sections, 1500, names, error);
    if (status == AMP_OK)
        status = ampi_record_classes(record, &sections, 1500, &out, error);
    ampi_free(context, out);
    ampi_blobs_clear(&sections);
    json_decref(record);
    return status;
}

START_TEST(our_memory_runs_out)
{
    bytes file = make_model_file(NULL);
    amp_model *model = NULL;
    amp_error error = { 0 };
    char path[4096];

    ck_ok(ampi_model_parse(
              &model, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    test_out_of_memory(try_create, NULL);
    test_out_of_memory(try_open, &file);
    snprintf(path, sizeof path, "%s/opened.safetensors", test_scratch());
    test_write_file(path, file.data, file.size);
    test_out_of_memory(try_open_file, path);
    test_out_of_memory(try_parse, &file);
    test_out_of_memory(try_save, model);
    ck_assert_int_eq(access(test_scratch_path("memory.safetensors"), F_OK), 0);
    test_out_of_memory(try_names, NULL);
    amp_model_unref(model);
    free(file.data);
}
END_TEST

/* ---- jansson's ---- */

static test_memory theirs;

static void *their_malloc(size_t size)
{
    theirs.calls++;
    if (theirs.calls == theirs.fail_at)
        return NULL;
    theirs.live++;
    return malloc(size);
}

static void their_free(void *pointer)
{
    theirs.live -= pointer != NULL;
    free(pointer);
}

/* When it reads, jansson does not always say so: its lexer calls a string that it has no memory for
   malformed, or drops a byte of it.  What can be asked there is that most failures are named, and
   that none leaks. */
static void fail_theirs(test_attempt attempt, void *user, bool reads)
{
    size_t refused = 0;
    test_memory ours = { 0 };
    amp_context *const context = test_context(&ours);
    const size_t at_rest = ours.live;

    for (size_t n = 1; n < 100000; n++) {
        amp_error error = { 0 };
        theirs = (test_memory){ .fail_at = n };
        const amp_status status = attempt(context, user, &error);
        ck_assert_uint_eq(theirs.live, 0);
        ck_assert_uint_eq(ours.live, at_rest);
        if (theirs.calls < n) {
            ck_assert_msg(status == AMP_OK, "%s", error.message);
            ck_assert_uint_gt(refused, n / 2);
            amp_context_unref(context);
            return;
        }
        ck_assert_msg(reads || status == AMP_E_NOMEM, "allocation %zu: status %d", n, (int)status);
        refused += status == AMP_E_NOMEM;
    }
    ck_abort_msg("no end");
}

START_TEST(their_memory_runs_out)
{
    bytes file = make_model_file(NULL);
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_parse(
              &model, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    json_set_alloc_funcs(their_malloc, their_free);
    fail_theirs(try_create, NULL, true);
    fail_theirs(try_open, &file, true);
    fail_theirs(try_save, model, false);
    json_set_alloc_funcs(malloc, free);
    amp_model_unref(model);
    free(file.data);
}
END_TEST

/* A host may have given jansson functions of its own: what jansson allocates it must free. */
START_TEST(a_host_owns_jansson)
{
    theirs = (test_memory){ 0 };
    json_set_alloc_funcs(their_malloc, their_free);
    const bytes file = make_model_file(NULL);
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_parse(
              &model, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    ck_assert_uint_gt(theirs.live, 0);
    amp_model_unref(model);
    ck_assert_uint_eq(theirs.live, 0);
    free(file.data);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { our_memory_runs_out, their_memory_runs_out, a_host_owns_jansson,
                                   NULL };
    return test_suite("format.memory", tests);
}

TEST_MAIN(suite)
