/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c - declared options: defaults, types, ranges, messages, formatting and back. */
#include "core/core.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

typedef struct fields {
    int64_t epochs, seed;
    double rate;
    bool flip;
    int32_t schedule;
    char name[9];
} fields;

static const ampi_option table[] = {
    { "epochs", AMPI_OPTION_INT, offsetof(fields, epochs), 0, 1, 1000, NULL, "20", "epochs" },
    { "seed", AMPI_OPTION_INT, offsetof(fields, seed), 0, 0, 9007199254740992.0, NULL, "0",
      "seed" },
    { "rate", AMPI_OPTION_FLOAT, offsetof(fields, rate), 0, -1, 10, NULL, "0.10", "rate" },
    { "flip", AMPI_OPTION_BOOL, offsetof(fields, flip), 0, 0, 1, NULL, "yes", "flip" },
    { "schedule", AMPI_OPTION_CHOICE, offsetof(fields, schedule), 0, 0, 0, "onecycle|cosine|step",
      "cosine", "schedule" },
    { "name", AMPI_OPTION_TEXT, offsetof(fields, name), 9, 0, 0, NULL, "", "name" },
};

#define ROWS (sizeof table / sizeof table[0])

static amp_status parse(fields *f, const char *text, amp_error *error)
{
    memset(f, 0x5a, sizeof *f);
    ampi_options_default(table, ROWS, f);
    return ampi_options_parse(table, ROWS, f, text, ',', "test", error);
}

static void takes(fields *f, const char *text)
{
    amp_error error;

    ck_ok(parse(f, text, &error), &error);
}

static void refuses(const char *text, const char *says)
{
    amp_error error;
    fields f;

    ck_fails(parse(&f, text, &error), AMP_E_ARGUMENT, &error);
    ck_assert_str_eq(error.where, "test");
    ck_assert_msg(strstr(error.message, says) != NULL, "'%s' lacks '%s'", error.message, says);
}

START_TEST(defaults)
{
    const char *const nothing[] = { NULL, "" };

    for (size_t i = 0; i < 2; i++) {
        fields f;
        takes(&f, nothing[i]);
        ck_assert_int_eq(f.epochs, 20);
        ck_assert_int_eq(f.seed, 0);
        ck_assert_double_eq(f.rate, 0.1);
        ck_assert(f.flip);
        ck_assert_int_eq(f.schedule, 1);
        ck_assert_str_eq(f.name, "");
    }
}
END_TEST

START_TEST(every_type)
{
    fields f;

    takes(&f, "epochs=7,rate=-0.25,flip=no,schedule=step,name=a b,seed=9007199254740992");
    ck_assert_int_eq(f.epochs, 7);
    ck_assert_double_eq(f.rate, -0.25);
    ck_assert(!f.flip);
    ck_assert_int_eq(f.schedule, 2);
    ck_assert_str_eq(f.name, "a b");
    ck_assert(f.seed == (int64_t)1 << 53);
    takes(&f, "epochs=1,epochs=1000,");
    ck_assert_int_eq(f.epochs, 1000);
    takes(&f, "name=a=b");
    ck_assert_str_eq(f.name, "a=b");
    takes(&f, "name=12345678");
    ck_assert_str_eq(f.name, "12345678");
    takes(&f, "name=");
    ck_assert_str_eq(f.name, "");
    takes(&f, "rate=1e1");
    ck_assert_double_eq(f.rate, 10);
}
END_TEST

START_TEST(truth_has_many_names)
{
    const char *const yes[] = { "flip=1", "flip=true", "flip=yes", "flip=on", "flip" };
    const char *const no[] = { "flip=0", "flip=false", "flip=no", "flip=off" };
    fields f;

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        takes(&f, yes[i]);
        ck_assert(f.flip);
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        takes(&f, no[i]);
        ck_assert(!f.flip);
    }
}
END_TEST

START_TEST(values_out_of_range)
{
    const char *const whole = "a whole number, 1..1000 (default 20)";
    const char *const number = "a number, -1..10 (default 0.10)";

    refuses("epochs", "epochs needs a value");
    refuses("name", "name needs a value");
    refuses("epochs=0", whole);
    refuses("epochs=1001", "epochs='1001'");
    refuses("epochs=1.5", whole);
    refuses("epochs=", whole);
    refuses("epochs= 3", whole);
    refuses("epochs=\t3", whole);
    refuses("epochs=3x", whole);
    refuses("epochs=99999999999999999999", whole);
    refuses("seed=-1", "a whole number, 0..9007199254740992 (default 0)");
    refuses("rate=10.1", number);
    refuses("rate=nan", number);
    refuses("rate=inf", number);
    refuses("rate=1e999", number);
    refuses("rate=1,5", "unknown option '5'");
    refuses("flip=maybe", "0 or 1");
    refuses("flip=", "0 or 1");
    refuses("schedule=cos", "one of onecycle|cosine|step (default cosine)");
    refuses("schedule=", "one of");
    refuses("schedule=onecycle|cosine", "one of");
    refuses("name=123456789", "text of at most 8 bytes (default none)");
}
END_TEST

START_TEST(unknown_keys_name_the_nearest)
{
    refuses("epoch=3", "unknown option 'epoch', the nearest is 'epochs'");
    refuses("shedule=step", "the nearest is 'schedule'");
    refuses("Flip=1", "the nearest is 'flip'");
    refuses("epochs=3,lr=1", "unknown option 'lr'");
    refuses("=3", "an option without a name");
    refuses(",", "an option without a name");
    refuses("epochs=3,,rate=1", "an option without a name");
    refuses("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz=1", "unknown option 'abcdef");
}
END_TEST

START_TEST(a_bad_value_changes_nothing)
{
    amp_error error;
    fields f;

    ck_fails(parse(&f, "epochs=5,rate=11", &error), AMP_E_ARGUMENT, &error);
    ck_assert_int_eq(f.epochs, 5);
    ck_assert_double_eq(f.rate, 0.1);
}
END_TEST

START_TEST(other_separators)
{
    amp_error error;
    fields f;

    ampi_options_default(table, ROWS, &f);
    ck_ok(ampi_options_parse(table, ROWS, &f, "epochs=3&name=a,b&flip=0", '&', "test", &error),
          &error);
    ck_assert_int_eq(f.epochs, 3);
    ck_assert_str_eq(f.name, "a,b");
    ck_assert(!f.flip);
}
END_TEST

START_TEST(parts_need_no_terminator)
{
    const ampi_word key = { "epochsX", 6 }, value = { "123", 2 };
    amp_error error;
    fields f;

    ampi_options_default(table, ROWS, &f);
    ck_ok(ampi_options_set(table, ROWS, &f, key, value, "test", &error), &error);
    ck_assert_int_eq(f.epochs, 12);
}
END_TEST

START_TEST(formats_and_reads_back)
{
    const char *const texts[] = { "", "epochs=3", "rate=0.30000000000000004,flip=0",
                                  "schedule=onecycle,name=x y,seed=123456789012345" };
    char whole[300], again[300];
    fields f, back;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        takes(&f, texts[i]);
        const size_t length = ampi_options_format(table, ROWS, &f, false, whole, sizeof whole);
        ck_assert_uint_eq(length, strlen(whole));
        takes(&back, whole);
        ck_assert(f.epochs == back.epochs && f.seed == back.seed && f.flip == back.flip);
        ck_assert(memcmp(&f.rate, &back.rate, sizeof f.rate) == 0 && f.schedule == back.schedule);
        ck_assert_str_eq(f.name, back.name);
        ck_assert_uint_eq(ampi_options_format(table, ROWS, &back, false, again, sizeof again),
                          length);
        ck_assert_str_eq(whole, again);
    }
    takes(&f, "");
    (void)ampi_options_format(table, ROWS, &f, false, whole, sizeof whole);
    ck_assert_str_eq(whole, "epochs=20,seed=0,rate=0.1,flip=1,schedule=cosine,name=");
}
END_TEST

/* A default written "0.10" or "yes" is still the default. */
START_TEST(formats_what_changed)
{
    char text[100];
    fields f;

    takes(&f, "");
    ck_assert_uint_eq(ampi_options_format(table, ROWS, &f, true, text, sizeof text), 0);
    ck_assert_str_eq(text, "");
    takes(&f, "flip=1,rate=0.1,epochs=20");
    ck_assert_uint_eq(ampi_options_format(table, ROWS, &f, true, text, sizeof text), 0);
    takes(&f, "rate=1,flip=0,name=n");
    (void)ampi_options_format(table, ROWS, &f, true, text, sizeof text);
    ck_assert_str_eq(text, "rate=1,flip=0,name=n");
}
END_TEST

START_TEST(formats_into_any_room)
{
    char whole[300], part[300];
    fields f;

    takes(&f, "");
    const size_t length = ampi_options_format(table, ROWS, &f, false, whole, sizeof whole);
    ck_assert_uint_eq(ampi_options_format(table, ROWS, &f, false, NULL, 0), length);
    for (size_t size = 1; size <= length + 1; size++) {
        memset(part, 'x', sizeof part);
        ck_assert_uint_eq(ampi_options_format(table, ROWS, &f, false, part, size), length);
        ck_assert_uint_eq(strlen(part), size - 1);
        ck_assert(memcmp(part, whole, size - 1) == 0);
        ck_assert_int_eq(part[size], 'x');
    }
}
END_TEST

START_TEST(describes_its_rows)
{
    const char *const said[ROWS] = {
        "a whole number, 1..1000 (default 20)",
        "a whole number, 0..9007199254740992 (default 0)",
        "a number, -1..10 (default 0.10)",
        "0 or 1 (default yes)",
        "one of onecycle|cosine|step (default cosine)",
        "text of at most 8 bytes (default none)",
    };

    for (size_t i = 0; i < ROWS; i++) {
        char text[200];
        ck_assert_uint_eq(ampi_options_describe(&table[i], text, sizeof text), strlen(said[i]));
        ck_assert_str_eq(text, said[i]);
    }
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { defaults,
                                   every_type,
                                   truth_has_many_names,
                                   values_out_of_range,
                                   unknown_keys_name_the_nearest,
                                   a_bad_value_changes_nothing,
                                   other_separators,
                                   parts_need_no_terminator,
                                   formats_and_reads_back,
                                   formats_what_changed,
                                   formats_into_any_room,
                                   describes_its_rows,
                                   NULL };
    return test_suite("core.options", tests);
}

TEST_MAIN(suite)
