/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json.c - JSON text is bounded before it is parsed.
 */
#include "format/format.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static amp_status parse(const char *text, const ampi_json_limits *limits, amp_error *error)
{
    json_t *json = NULL;
    const amp_status status = ampi_json_parse(&json, text, strlen(text), limits, "text", error);

    ck_assert((status == AMP_OK) == (json != NULL));
    json_decref(json);
    return status;
}

static const ampi_json_limits tight = { .bytes = 64, .depth = 3, .array = 4, .values = 10 };

START_TEST(limits_hold)
{
    static const struct {
        const char *text;
        amp_status status;
    } cases[] = {
        { "{}", AMP_OK },
        { "[[[]]]", AMP_OK },
        { "[[[[]]]]", AMP_E_LIMIT },
        { "{\"a\":{\"b\":[1]}}", AMP_OK },
        { "{\"a\":{\"b\":[{}]}}", AMP_E_LIMIT },
        { "[1,2,3,4]", AMP_OK },
        { "[1,2,3,4,5]", AMP_E_LIMIT },
        { "[[1,2,3,4],2,3]", AMP_OK },
        { "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}", AMP_OK },
        { "[[1,2,3],[1,2,3],[1,2,3]]", AMP_E_LIMIT },
        { "\"[[[[[[,,,,,,,,,,\\\"[[[[\"", AMP_OK },
        { "\"\\\\\"", AMP_OK },
        { "\"open", AMP_E_FORMAT },
        { "\"open\\", AMP_E_FORMAT },
        { "]]]]]]", AMP_E_FORMAT },
        { "", AMP_E_FORMAT },
        { "{\"a\":1,\"a\":2}", AMP_E_FORMAT },
        { "[1] x", AMP_E_FORMAT },
        { "\"\\u0000\"", AMP_E_FORMAT },
        { "\"\xff\"", AMP_E_FORMAT },
        { "99999999999999999999", AMP_E_FORMAT },
        { "NaN", AMP_E_FORMAT },
        { "12", AMP_OK },
        { "                                                                 1", AMP_E_LIMIT },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amp_error error = { 0 };
        const amp_status status = parse(cases[i].text, &tight, &error);
        ck_assert_msg(status == cases[i].status, "%s: status %d: %s", cases[i].text, (int)status,
                      error.message);
    }
}
END_TEST

START_TEST(a_nul_ends_nothing)
{
    json_t *json = NULL;
    amp_error error = { 0 };

    ck_fails(ampi_json_parse(&json, "1\0002", 3, &tight, "text", &error), AMP_E_FORMAT, &error);
}
END_TEST

/* One character repeated to a text at the record's limit of bytes. */
START_TEST(bombs_are_refused)
{
    static const char *const units[] = { "[", "{\"a\":", "{},", "[],", "0,", "\"\"," };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const size_t length = strlen(units[i]);
        char *const text = malloc(AMPI_RECORD_MAX_BYTES + 1);
        size_t at = 0;
        amp_error error = { 0 };
        text[at++] = '[';
        while (at + length <= AMPI_RECORD_MAX_BYTES) {
            memcpy(text + at, units[i], length);
            at += length;
        }
        text[at] = '\0';
        ck_fails(parse(text, &ampi_record_limits, &error), AMP_E_LIMIT, &error);
        free(text);
    }
}
END_TEST

START_TEST(text_comes_back)
{
    static const char text[] =
        "{\"z\":1,\"a\":[true,null,-0.125,1e+300],\"e\":{},\"t\":\"\\\"\\\\\\n\xc3\xa9\"}";
    json_t *json = NULL;
    char *dumped = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_json_parse(&json, text, strlen(text), &ampi_record_limits, "text", &error), &error);
    ck_ok(ampi_json_dump(NULL, json, &dumped, &error), &error);
    ck_assert_str_eq(dumped, "{\"z\":1,\"a\":[true,null,-0.125,1.0000000000000001e300],\"e\":{},"
                             "\"t\":\"\\\"\\\\\\n\xc3\xa9\"}");
    ampi_free(NULL, dumped);
    json_decref(json);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { limits_hold, a_nul_ends_nothing, bombs_are_refused,
                                   text_comes_back, NULL };
    return test_suite("format.json", tests);
}

TEST_MAIN(suite)
