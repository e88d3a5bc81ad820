/* SPDX-License-Identifier: Apache-2.0 */
/* test_status.c - error records: what they hold, how they are cut, what must not reach a terminal.
 */
#include "core/core.h"
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

START_TEST(names_and_texts)
{
    ck_assert_str_eq(amp_status_name(AMP_OK), "AMP_OK");
    ck_assert_str_eq(amp_status_name(AMP_E_FORMAT), "AMP_E_FORMAT");
    ck_assert_str_eq(amp_status_text(AMP_E_FORMAT), "malformed data");
    for (int value = 0; value >= -10; value--) {
        ck_assert_str_ne(amp_status_name((amp_status)value), "AMP_E_?");
        ck_assert_str_ne(amp_status_text((amp_status)value), "unknown status");
    }
    ck_assert_str_eq(amp_status_name((amp_status)-11), "AMP_E_?");
    ck_assert_str_eq(amp_status_name((amp_status)1), "AMP_E_?");
    ck_assert_str_eq(amp_status_name(AMP_STATUS_FORCE_INT), "AMP_E_?");
    ck_assert_str_eq(amp_status_text((amp_status)77), "unknown status");
}
END_TEST

START_TEST(fills_every_field)
{
    amp_error error;

    memset(&error, 0x5a, sizeof error);
    ck_assert_int_eq(ampi_fail(&error, AMP_E_LIMIT, "image", "%d pixels, limit %d", 7, 5),
                     AMP_E_LIMIT);
    ck_assert_int_eq(error.status, AMP_E_LIMIT);
    ck_assert_int_eq(error.detail, 0);
    ck_assert_str_eq(error.where, "image");
    ck_assert_str_eq(error.message, "7 pixels, limit 5");
    ck_assert_int_eq(ampi_fail(NULL, AMP_E_SHAPE, "x", "y"), AMP_E_SHAPE);
}
END_TEST

START_TEST(system_errors)
{
    amp_error error;

    ck_assert_int_eq(ampi_fail_errno(&error, AMP_E_IO, "model", ENOENT, "cannot open %s", "m"),
                     AMP_E_IO);
    ck_assert_int_eq(error.detail, ENOENT);
    ck_assert_str_eq(error.message, "cannot open m: No such file or directory");
    ck_assert_int_eq(ampi_fail_errno(&error, AMP_E_IO, "model", 12345, "cannot"), AMP_E_IO);
    ck_assert_str_eq(error.message, "cannot: unknown system error");
    ck_assert_int_eq(ampi_fail_errno(NULL, AMP_E_IO, "model", ENOENT, "cannot"), AMP_E_IO);
}
END_TEST

START_TEST(system_reason_survives_a_long_text)
{
    char path[400];
    amp_error error;

    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    (void)ampi_fail_errno(&error, AMP_E_IO, "model", ENOSPC, "cannot write %s", path);
    ck_assert_ptr_nonnull(strstr(error.message, ": No space left on device"));
    ck_assert_uint_lt(strlen(error.message), sizeof error.message);
}
END_TEST

START_TEST(out_of_memory_text)
{
    amp_error error;

    ck_assert_int_eq(ampi_fail_nomem(&error, "memory", 4096), AMP_E_NOMEM);
    ck_assert_str_eq(error.message, "no memory for 4096 bytes");
}
END_TEST

START_TEST(cuts_long_texts)
{
    char text[1000];
    amp_error error;

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)ampi_fail(&error, AMP_E_IO, text, "%s", text);
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
    ck_assert_uint_eq(strlen(error.where), sizeof error.where - 1);
}
END_TEST

/* Wherever the cut falls, the message stays well-formed. */
START_TEST(cuts_between_characters)
{
    const char *const letters[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };

    for (size_t which = 0; which < 3; which++) {
        for (int pad = 0; pad < 4; pad++) {
            char text[600] = "";
            amp_error error;
            for (int i = 0; i < 140; i++)
                strcat(text, letters[which]);
            (void)ampi_fail(&error, AMP_E_IO, "x", "%.*s%s", pad, "abcd", text);
            ck_assert(ampi_text_is_utf8(error.message));
            ck_assert_uint_ge(strlen(error.message), sizeof error.message - 4);
            ck_assert_ptr_null(strchr(error.message, '?'));
        }
    }
}
END_TEST

START_TEST(control_characters_are_shown_as_marks)
{
    amp_error error;

    (void)ampi_fail(&error, AMP_E_IO, "x", "a\nb\tc\x1b[31md\x7f");
    ck_assert_str_eq(error.message, "a?b?c?[31md?");
    /* U+009B is the one-character form of ESC [. */
    (void)ampi_fail(&error, AMP_E_IO, "x",
                    "a\xc2\x9b"
                    "31m");
    ck_assert_ptr_null(strstr(error.message, "\xc2\x9b"));
    ck_assert(ampi_text_is_utf8(error.message));
    (void)ampi_fail(&error, AMP_E_IO, "a\nb", "x");
    ck_assert_str_eq(error.where, "a?b");
}
END_TEST

/* File names are bytes; the message is UTF-8 all the same. */
START_TEST(messages_are_utf8)
{
    const char *const names[] = { "caf\xe9.png",  "\xff\xfe", "\xc3",    "a\xe2\x82",
                                  "\xed\xa0\x80", "\xc0\xaf", "\x80\x80" };
    amp_error error;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)ampi_fail(&error, AMP_E_IO, "image", "cannot open %s.", names[i]);
        ck_assert_msg(ampi_text_is_utf8(error.message), "%zu: %s", i, error.message);
        ck_assert_int_eq(error.message[strlen(error.message) - 1], '.');
    }
    (void)ampi_fail(&error, AMP_E_IO, "image", "%s", "caf\xe9.png");
    ck_assert_str_eq(error.message, "caf?.png");
    (void)ampi_fail(&error, AMP_E_IO, "image", "%s", "caf\xc3\xa9.png");
    ck_assert_str_eq(error.message, "caf\xc3\xa9.png");
}
END_TEST

START_TEST(short_paths_are_shown_whole)
{
    char path[AMPI_PATH_SHOWN + 2];

    memset(path, 'a', sizeof path);
    path[AMPI_PATH_SHOWN] = '\0';
    ck_assert_ptr_eq(ampi_path_tail(path), path);
    ck_assert_str_eq(ampi_path_tail(""), "''");
    path[AMPI_PATH_SHOWN] = 'b';
    path[AMPI_PATH_SHOWN + 1] = '\0';
    ck_assert_ptr_eq(ampi_path_tail(path), path + 1);
}
END_TEST

START_TEST(tail_starts_at_a_character)
{
    char path[300] = "";

    for (int i = 0; i < 60; i++)
        strcat(path, "\xe2\x82\xac");
    for (int pad = 0; pad < 3; pad++) {
        strcat(path, "x");
        const char *const tail = ampi_path_tail(path);
        ck_assert_uint_le(strlen(tail), AMPI_PATH_SHOWN);
        ck_assert_uint_ge(strlen(tail), AMPI_PATH_SHOWN - 2);
        ck_assert(ampi_text_is_utf8(tail));
    }
}
END_TEST

/* Bytes that only look like the middle of a character do not eat the whole name. */
START_TEST(tail_of_bytes_that_are_no_text)
{
    char path[301];

    memset(path, 0x80, 300);
    path[300] = '\0';
    ck_assert_uint_ge(strlen(ampi_path_tail(path)), AMPI_PATH_SHOWN - 3);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { names_and_texts,
                                   fills_every_field,
                                   system_errors,
                                   system_reason_survives_a_long_text,
                                   out_of_memory_text,
                                   cuts_long_texts,
                                   cuts_between_characters,
                                   control_characters_are_shown_as_marks,
                                   messages_are_utf8,
                                   short_paths_are_shown_whole,
                                   tail_starts_at_a_character,
                                   tail_of_bytes_that_are_no_text,
                                   NULL };
    return test_suite("core.status", tests);
}

TEST_MAIN(suite)
