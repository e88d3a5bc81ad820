/* SPDX-License-Identifier: Apache-2.0 */
/* test_methods.c - lists of methods as users write them, and their canonical names. */
#include "score/score.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

/* The canonical names of a list, joined by ' '. */
static void check_list(const char *text, const char *expected)
{
    ampi_uses uses = { .context = NULL };
    char names[1024] = "";
    amp_error error = { 0 };

    const amp_status status = ampi_uses_parse(&uses, text, &error);
    ck_assert_msg(status == AMP_OK, "'%s': %s", text, error.message);
    for (size_t i = 0; i < uses.count; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? " " : "",
                 uses.items[i].name);
    ampi_free(NULL, uses.items);
    ck_assert_str_eq(names, expected);
}

START_TEST(lists)
{
    check_list("amp", "amp");
    check_list("amp;msp;energy", "amp msp energy");
    check_list("amp msp  energy ", "amp msp energy");
    check_list("amp,msp,energy", "amp msp energy");
    check_list("; amp ,;msp", "amp msp");
    check_list("amp:calibration=p-small,score=energy;msp",
               "amp:calibration=p-small,score=energy msp");
    check_list("amp:calibration=p-small,score=energy,msp",
               "amp:calibration=p-small,score=energy msp");
    check_list("energy:temperature=2,energy:temperature=1000,maxlogit",
               "energy:temperature=2 energy:temperature=1000 maxlogit");
    check_list("amp:,msp", "amp msp");
}
END_TEST

/* Options in the order of the table, only those that differ, each value in one form. */
START_TEST(canonical_names)
{
    check_list("amp:score=xent,calibration=c-small", "amp");
    check_list("amp:score=energy,calibration=p-small", "amp:calibration=p-small,score=energy");
    check_list("energy:temperature=1.0", "energy");
    check_list("energy:temperature=1e3,logits=calibrated",
               "energy:logits=calibrated,temperature=1000");
    check_list("energy:temperature=0.10000000000000001", "energy:temperature=0.1");
}
END_TEST

static void check_refused(const char *text, amp_status expected, const char *says)
{
    ampi_uses uses = { .context = NULL };
    amp_error error = { 0 };

    ck_fails(ampi_uses_parse(&uses, text, &error), expected, &error);
    ck_assert_msg(strstr(error.message, says) != NULL, "'%s': %s", text, error.message);
    ampi_free(NULL, uses.items);
}

START_TEST(refused)
{
    check_refused("", AMP_E_ARGUMENT, "no method");
    check_refused(" ;, ", AMP_E_ARGUMENT, "no method");
    check_refused("odd", AMP_E_ARGUMENT, "known: amp msp maxlogit energy entropy");
    check_refused("score=xent", AMP_E_ARGUMENT, "follows no method");
    check_refused("amp:scor=xent", AMP_E_ARGUMENT, "nearest is 'score'");
    check_refused("amp:score=best", AMP_E_ARGUMENT, "xent|entropy|energy|msp");
    check_refused("amp:score", AMP_E_ARGUMENT, "key=value");
    check_refused("msp:temperature=2", AMP_E_ARGUMENT, "temperature");
    check_refused("energy:temperature=0", AMP_E_ARGUMENT, "0.001..1000000");
    check_refused("energy:temperature=nan", AMP_E_ARGUMENT, "0.001");
    check_refused("amp;msp;amp", AMP_E_ARGUMENT, "twice");
    check_refused("amp;amp:calibration=c-small", AMP_E_ARGUMENT, "twice");
    check_refused("amp:score=xent:energy", AMP_E_ARGUMENT, "score");
}
END_TEST

START_TEST(no_more_than_the_limit)
{
    char text[65 * 24] = "";

    for (int i = 1; i <= 65; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "energy:temperature=%d;", i);
    check_refused(text, AMP_E_LIMIT, "64");
}
END_TEST

START_TEST(spelled_out)
{
    ampi_uses uses = { .context = NULL };
    char text[AMPI_METHOD_NAME], tiny[8];
    amp_error error = { 0 };

    ck_ok(ampi_uses_parse(&uses, "amp:score=msp", &error), &error);
    ck_ok(ampi_use_spell_out(&uses.items[0], text, sizeof text, &error), &error);
    ck_assert_str_eq(text, "amp:calibration=c-small,score=msp");
    ck_fails(ampi_use_spell_out(&uses.items[0], tiny, sizeof tiny, &error), AMP_E_LIMIT, &error);
    ampi_free(NULL, uses.items);
    check_list(text, "amp:score=msp");
}
END_TEST

START_TEST(table)
{
    ck_assert_uint_ge(amp_method_count(), 5);
    for (uint32_t i = 0; i < amp_method_count(); i++) {
        ck_assert_ptr_nonnull(amp_method_name(i));
        ck_assert_ptr_null(strchr(amp_method_help(i), '\n'));
        check_list(amp_method_name(i), amp_method_name(i));
    }
    ck_assert_ptr_null(amp_method_name(amp_method_count()));
    ck_assert_ptr_null(amp_method_help(amp_method_count()));
}
END_TEST

/* A method's options fit the space of a use. */
START_TEST(fields_fit)
{
    for (size_t i = 0; ampi_method_row(i); i++) {
        const ampi_method *const method = ampi_method_row(i);
        for (size_t o = 0; o < method->n_options; o++)
            ck_assert_uint_le(method->options[o].offset + method->options[o].size,
                              AMPI_METHOD_FIELDS * sizeof(uint64_t));
    }
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { lists,       canonical_names, refused,    no_more_than_the_limit,
                                   spelled_out, table,           fields_fit, NULL };
    return test_suite("score.methods", tests);
}

TEST_MAIN(suite)
