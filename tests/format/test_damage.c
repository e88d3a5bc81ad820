/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_damage.c - thousands of damaged files: each gives an error, or the very same model.
 *
 * "Sealed" files have their checksum; "open" ones do not, so that structure alone must see it.
 */
#include "core/file.h"
#include "format_support.h"
#include "support.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tally {
    size_t cases, errors;
} tally;

static amp_model *whole; /* the undamaged model */

static void none(json_t *header, void *user)
{
    (void)header;
    (void)user;
}

static bytes sealed_file(void)
{
    const bytes file = make_model_file(NULL);
    amp_error error = { 0 };

    amp_model_unref(whole);
    ck_ok(ampi_model_parse(
              &whole, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    return file;
}

static bytes open_file(void)
{
    const bytes file = sealed_file(), open = edited(file, none, NULL);

    free(file.data);
    return open;
}

/* What a file with these bytes gives is what the bytes give. */
static void as_a_file(const unsigned char *data, size_t size, amp_status expected,
                      const amp_error *said)
{
    unsigned char *const copy = malloc(size ? size : 1);
    amp_model *model = NULL;
    amp_error error = { 0 };

    memcpy(copy, data, size);
    ck_assert_int_eq(parse_file(&model, NULL, (bytes){ copy, size }, &error), expected);
    free(copy);
    if (expected == AMP_OK)
        ck_assert(same_models(whole, model));
    else
        ck_assert_str_eq(strchr(error.message, ':'), strchr(said->message, ':'));
    amp_model_unref(model);
}

/* Opens damaged bytes, which are copied to their own block so that reading past them is seen. */
static bool try(tally *sum, const unsigned char *data, size_t size, const char *what)
{
    unsigned char *const copy = malloc(size ? size : 1);
    amp_model *model = NULL;
    amp_error error = { 0 };

    memcpy(copy, data, size);
    const amp_status status = ampi_model_parse(
        &model, NULL, &(ampi_model_source){ .bytes = copy, .size = size, .name = "f" }, &error);
    free(copy);
    sum->cases++;
    as_a_file(data, size, status, &error);
    if (status == AMP_OK) {
        ck_assert_msg(same_models(whole, model), "%s: another model", what);
        amp_model_unref(model);
        return true;
    }
    sum->errors++;
    ck_assert_ptr_null(model);
    ck_assert_msg(error.status == status && error.message[0] != '\0', "%s", what);
    ck_assert_msg(status == AMP_E_FORMAT || status == AMP_E_LIMIT || status == AMP_E_SHAPE ||
                      status == AMP_E_UNSUPPORTED,
                  "%s: status %d: %s", what, (int)status, error.message);
    return false;
}

static void must_fail(tally *sum, const unsigned char *data, size_t size, const char *what)
{
    ck_assert_msg(!try(sum, data, size, what), "%s: accepted", what);
}

/* Damages of header text: `head` + `put` + `tail` before the same data. */
static bytes splice(bytes file, const char *text, size_t head, const char *put, size_t tail)
{
    const size_t length = strlen(text) + strlen(put) + 1;
    char *const changed = malloc(length);

    snprintf(changed, length, "%.*s%s%s", (int)head, text, put, text + tail);
    const bytes made = with_header(file, changed);
    free(changed);
    return made;
}

START_TEST(cut_short)
{
    const bytes file = open_file();
    tally sum = { 0, 0 };
    size_t data = 0;
    char what[64];

    free(header_of(file, &data));
    for (size_t size = 0; size <= data; size++) {
        snprintf(what, sizeof what, "cut to %zu bytes", size);
        must_fail(&sum, file.data, size, what);
    }
    for (size_t size = data; size < file.size; size += 1001)
        must_fail(&sum, file.data, size, "cut data");
    must_fail(&sum, file.data, file.size - 1, "last byte cut");
    ck_assert_uint_gt(sum.cases, 3000);
    free(file.data);
}
END_TEST

/* The header's bytes end early, its length says so, the data follows at once. */
START_TEST(header_cut_short)
{
    const bytes file = open_file();
    tally sum = { 0, 0 };
    size_t data = 0;
    char *const text = header_of(file, &data);

    for (size_t length = 0; length < strlen(text); length++) {
        const bytes changed = splice(file, text, length, "", strlen(text));
        must_fail(&sum, changed.data, changed.size, "header cut");
        free(changed.data);
    }
    free(text);
    free(file.data);
}
END_TEST

START_TEST(header_lengths)
{
    const bytes file = open_file();
    const uint64_t length = file.data[0] + 256u * file.data[1];
    const uint64_t values[] = { 0,
                                1,
                                2,
                                7,
                                8,
                                length - 1,
                                length + 1,
                                length - 8,
                                length + 8,
                                file.size - 9,
                                file.size - 8,
                                file.size - 7,
                                file.size,
                                INT32_MAX,
                                (uint64_t)INT32_MAX + 1,
                                UINT32_MAX,
                                (uint64_t)UINT32_MAX + 1,
                                INT64_MAX,
                                (uint64_t)INT64_MAX + 1,
                                UINT64_MAX - 7,
                                UINT64_MAX - 8,
                                UINT64_MAX };
    tally sum = { 0, 0 };
    char what[64];

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ampi_write_u64le(file.data, values[i]);
        snprintf(what, sizeof what, "header length %" PRIu64, values[i]);
        must_fail(&sum, file.data, file.size, what);
    }
    free(file.data);
}
END_TEST

/* The next whole number of the header outside its texts, from *at on: false at the end. */
static bool next_number(const char *text, size_t *at, size_t *end)
{
    bool quoted = false;

    for (size_t i = *at; text[i] != '\0'; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && isdigit((unsigned char)text[i])) {
            *at = i;
            *end = i + strspn(text + i, "0123456789");
            return true;
        }
    }
    return false;
}

static void try_numbers(tally *sum, bytes file, const char *text, size_t at, size_t end)
{
    const unsigned long long now = strtoull(text + at, NULL, 10);
    char values[12][24];

    snprintf(values[0], 24, "0");
    snprintf(values[1], 24, "-1");
    snprintf(values[2], 24, "2147483648");
    snprintf(values[3], 24, "4294967296");
    snprintf(values[4], 24, "9223372036854775807");
    snprintf(values[5], 24, "9223372036854775808");
    snprintf(values[6], 24, "18446744073709551615");
    snprintf(values[7], 24, "%llu", now + 1);
    snprintf(values[8], 24, "%lld", (long long)now - 1);
    snprintf(values[9], 24, "%llu.0", now);
    snprintf(values[10], 24, "-%llu", now + 1);
    snprintf(values[11], 24, "null");
    for (size_t i = 0; i < 12; i++) {
        char what[384];
        const bool same = strlen(values[i]) == end - at && !strncmp(values[i], text + at, end - at);
        const bytes changed = splice(file, text, at, values[i], end);
        snprintf(what, sizeof what, "%s for %llu at %zu", values[i], now, at);
        const bool fine = try(sum, changed.data, changed.size, what);
        ck_assert_msg(fine == same, "%s: %s", what, fine ? "accepted" : "refused");
        free(changed.data);
    }
}

START_TEST(every_number)
{
    const bytes file = open_file();
    tally sum = { 0, 0 };
    size_t data = 0, end = 0;
    char *const text = header_of(file, &data);

    for (size_t at = 0; next_number(text, &at, &end); at = end)
        try_numbers(&sum, file, text, at, end);
    ck_assert_uint_gt(sum.errors, 1500);
    free(text);
    free(file.data);
}
END_TEST

/* ---- overlaps, gaps, doubles ---- */

typedef struct pair {
    size_t a, b; /* entries of the header, in its order */
    int kind;
} pair;

static json_t *entry_at(json_t *header, size_t index, const char **name)
{
    void *at = json_object_iter(header);

    for (size_t i = 0; at && i < index; i++)
        at = json_object_iter_next(header, at);
    *name = at ? json_object_iter_key(at) : NULL;
    return at ? json_object_iter_value(at) : NULL;
}

static void mix(json_t *header, void *user)
{
    const pair *const which = user;
    const char *a_name, *b_name;
    json_t *const a = entry_at(header, which->a, &a_name), *const b =
                                                               entry_at(header, which->b, &b_name);
    json_t *const a_place = json_object_get(a, "data_offsets");

    if (which->kind == 0) { /* both at a's place: an overlap and a gap */
        json_object_set(b, "data_offsets", a_place);
    } else if (which->kind == 1) { /* b is a */
        json_object_set(header, b_name, a);
    } else if (which->kind == 2) { /* a is gone, its bytes are not */
        json_object_del(header, a_name);
    } else { /* a moves by one byte */
        for (size_t i = 0; i < 2; i++)
            json_integer_set(json_array_get(a_place, i),
                             json_integer_value(json_array_get(a_place, i)) + 1);
    }
}

START_TEST(places_mixed_up)
{
    const bytes file = open_file();
    const size_t entries = whole->graph->n_tensors + whole->sections.count;
    tally sum = { 0, 0 };

    /* Entry 0 is the metadata. */
    for (size_t a = 1; a <= entries; a++) {
        for (size_t step = 1; step <= 3; step++) {
            for (int kind = 0; kind < 4; kind++) {
                pair which = { a, (a - 1 + step) % entries + 1, kind };
                char what[64];
                const bytes changed = edited(file, mix, &which);
                snprintf(what, sizeof what, "entries %zu and %zu, kind %d", a, which.b, kind);
                must_fail(&sum, changed.data, changed.size, what);
                free(changed.data);
            }
        }
    }
    ck_assert_uint_gt(sum.cases, 500);
    free(file.data);
}
END_TEST

START_TEST(entries_twice)
{
    const bytes file = open_file();
    tally sum = { 0, 0 };
    size_t data = 0;
    char *const text = header_of(file, &data);
    const char *at = strstr(text, "\"block1.");

    ck_assert_ptr_nonnull(at);
    /* Each entry from here on, again before the first. */
    while (at != NULL) {
        const char *const end = strchr(at, '}');
        char again[400];
        snprintf(again, sizeof again, "%.*s,", (int)(end + 1 - at), at);
        const bytes changed = splice(file, text, 1, again, 1);
        must_fail(&sum, changed.data, changed.size, again);
        free(changed.data);
        at = end[1] == ',' ? end + 2 : NULL;
    }
    ck_assert_uint_gt(sum.cases, 20);
    free(text);
    free(file.data);
}
END_TEST

/* ---- flips ---- */

/* Bits of the length, the header and its padding; all eight of every byte of the first 500. */
START_TEST(header_bits)
{
    const bytes file = sealed_file();
    tally sum = { 0, 0 };
    size_t data = 0;

    free(header_of(file, &data));
    for (size_t i = 0; i < data; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            char what[64];
            if (i >= 500 && bit != i % 8)
                continue;
            snprintf(what, sizeof what, "bit %u of byte %zu", bit, i);
            file.data[i] ^= (unsigned char)(1u << bit);
            (void)try(&sum, file.data, file.size, what);
            file.data[i] ^= (unsigned char)(1u << bit);
        }
    }
    ck_assert_uint_gt(sum.cases, 6000);
    /* The checksum's own name may lose its meaning; all else is seen. */
    ck_assert_uint_gt(sum.errors, sum.cases - 100);
    free(file.data);
}
END_TEST

START_TEST(data_bits)
{
    const bytes file = sealed_file();
    tally sum = { 0, 0 };
    size_t data = 0;

    free(header_of(file, &data));
    for (size_t i = data; i < file.size; i += 499) {
        file.data[i] ^= (unsigned char)(1u << i % 8);
        must_fail(&sum, file.data, file.size, "data bit");
        file.data[i] ^= (unsigned char)(1u << i % 8);
    }
    ck_assert_uint_gt(sum.cases, 500);
    free(file.data);
}
END_TEST

/* Random bytes over random stretches of the header, open: an error, or a model that can be saved.
 */
START_TEST(random_stretches)
{
    const bytes file = open_file();
    ampi_rng rng = ampi_rng_make(1, AMPI_RNG_TEST, 0, 0);
    unsigned char *const copy = malloc(file.size);
    size_t data = 0;

    free(header_of(file, &data));
    for (int round = 0; round < 3000; round++) {
        const uint32_t from = ampi_rng_below(&rng, (uint32_t)data);
        const uint32_t most = (uint32_t)data - from;
        const uint32_t length = 1 + ampi_rng_below(&rng, most < 12 ? most : 12);
        amp_model *model = NULL;
        memcpy(copy, file.data, file.size);
        for (uint32_t i = 0; i < length; i++)
            copy[from + i] = (unsigned char)ampi_rng_u32(&rng);
        if (ampi_model_parse(&model, NULL,
                             &(ampi_model_source){ .bytes = copy, .size = file.size, .name = "f" },
                             NULL) == AMP_OK)
            ck_assert_ptr_nonnull(amp_model_record(model));
        amp_model_unref(model);
    }
    free(copy);
    free(file.data);
}
END_TEST

/* ---- texts that grow ---- */

static char *repeated(const char *start, const char *unit, size_t count)
{
    const size_t head = strlen(start), length = strlen(unit);
    char *const text = malloc(head + count * length + 1);
    char *at = text + head;

    memcpy(text, start, head);
    for (size_t i = 0; i < count; i++, at += length)
        memcpy(at, unit, length);
    *at = '\0';
    return text;
}

START_TEST(bombs)
{
    static const struct {
        const char *start, *unit;
        size_t count;
    } rows[] = {
        { "{\"a\":", "[", 16000000 },
        { "{\"a\":", "{\"a\":", 3000000 },
        { "{\"a\":[", "0,", 8000000 },
        { "{\"a\":[", "{},", 5000000 },
        { "{\"a\":{\"shape\":[", "1,", 8000000 },
        { "{\"__metadata__\":{\"amp\":\"", "\\u00e9", 2500000 },
    };
    tally sum = { 0, 0 };

    free(open_file().data);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *const text = repeated(rows[i].start, rows[i].unit, rows[i].count);
        const bytes file = make_file(text, NULL, 0);
        must_fail(&sum, file.data, file.size, rows[i].start);
        free(file.data);
        free(text);
    }
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        cut_short,     header_cut_short, header_lengths, every_number,     places_mixed_up,
        entries_twice, header_bits,      data_bits,      random_stretches, bombs,
        NULL
    };
    return test_suite("format.damage", tests);
}

TEST_MAIN(suite)
