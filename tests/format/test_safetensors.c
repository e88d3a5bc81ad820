/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_safetensors.c - the container: what is written, what is read, what is refused.
 */
#include "format_support.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static amp_status parse(bytes file, ampi_blobs *out, char **record, amp_error *error)
{
    ampi_blobs_init(out, NULL);
    *record = NULL;
    return ampi_safetensors_parse(out, record, file.data, file.size, "a/file", error);
}

static void add(ampi_blobs *blobs, const char *name, ampi_dtype dtype, uint32_t rank,
                const size_t *dims)
{
    amp_error error = { 0 };
    ampi_blob *blob = NULL;

    ck_ok(ampi_blobs_add(blobs, &blob, name, dtype, rank, dims, &error), &error);
    for (size_t i = 0; i < blob->bytes; i++)
        ((unsigned char *)blob->data)[i] = (unsigned char)(i * 7 + strlen(name));
}

static bytes write_blobs(const ampi_blobs *blobs, const char *record)
{
    const char *const path = test_scratch_path("blobs.safetensors");
    amp_error error = { 0 };
    bytes file;

    ck_ok(ampi_safetensors_write(blobs, record, path, &error), &error);
    file.data = test_read_file(path, &file.size);
    return file;
}

static void check_equal(const ampi_blobs *a, const ampi_blobs *b)
{
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const ampi_blob *const left = &a->items[i];
        const ampi_blob *const right = ampi_blobs_find(b, left->name);
        ck_assert_ptr_nonnull(right);
        ck_assert_int_eq(left->dtype, right->dtype);
        ck_assert_uint_eq(left->rank, right->rank);
        ck_assert_mem_eq(left->dims, right->dims, sizeof left->dims);
        ck_assert_uint_eq(left->bytes, right->bytes);
        ck_assert_mem_eq(left->data, right->data, left->bytes);
    }
}

/* Every type at every rank, an empty one among them. */
static void fill(ampi_blobs *blobs, bool backwards)
{
    static const size_t dims[AMPI_BLOB_RANK] = { 3, 1, 2, 1, 2, 1, 1, 2 };
    static const size_t empty[2] = { 4, 0 };

    for (size_t i = 0; i < AMPI_DTYPE_COUNT * 9u; i++) {
        const size_t at = backwards ? AMPI_DTYPE_COUNT * 9u - 1 - i : i;
        char name[32];
        snprintf(name, sizeof name, "%c.tensor.%zu", (char)('a' + at * 7 % 26), at);
        add(blobs, name, (ampi_dtype)(at / 9), (uint32_t)(at % 9), dims);
    }
    add(blobs, "empty", AMPI_DTYPE_F32, 2, empty);
    add(blobs, "a \"quoted\\name\" caf\xc3\xa9", AMPI_DTYPE_U8, 1, dims);
}

START_TEST(everything_comes_back)
{
    static const char record[] = "{\"text\":\"\\\"\\n\\u00e9 caf\xc3\xa9/\"}";
    ampi_blobs blobs, back;
    char *text = NULL;
    amp_error error = { 0 };

    ampi_blobs_init(&blobs, NULL);
    fill(&blobs, false);
    const bytes file = write_blobs(&blobs, record);
    ck_ok(parse(file, &back, &text, &error), &error);
    ck_assert_str_eq(text, record);
    check_equal(&blobs, &back);
    const bytes again = write_blobs(&back, text);
    ck_assert_uint_eq(file.size, again.size);
    ck_assert_mem_eq(file.data, again.data, file.size);
    free(again.data);
    ampi_free(NULL, text);
    ampi_blobs_clear(&back);
    ampi_blobs_clear(&blobs);
    free(file.data);
}
END_TEST

START_TEST(order_does_not_show)
{
    ampi_blobs one, two;

    ampi_blobs_init(&one, NULL);
    ampi_blobs_init(&two, NULL);
    fill(&one, false);
    fill(&two, true);
    const bytes a = write_blobs(&one, "{}"), b = write_blobs(&two, "{}");
    ck_assert_uint_eq(a.size, b.size);
    ck_assert_mem_eq(a.data, b.data, a.size);
    free(a.data);
    free(b.data);
    ampi_blobs_clear(&one);
    ampi_blobs_clear(&two);
}
END_TEST

/* The whole file, byte for byte; the checksum is zlib's over
   "{}" "\nb I64 \n" <8 bytes> "\nlong U8 3\n" <3 bytes> "\nw F32 1,2\n" <8 bytes>, from Python. */
START_TEST(bytes_are_as_documented)
{
    static const char header[] =
        "{\"__metadata__\":{\"amp\":\"{}\",\"amp.crc32\":\"9a3b1ade\"},"
        "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[8,16]},"
        "\"long\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[16,19]}}";
    static const size_t two[2] = { 1, 2 }, three[1] = { 3 };
    const size_t padded = (strlen(header) + 7) / 8 * 8;
    ampi_blobs blobs;

    ampi_blobs_init(&blobs, NULL);
    add(&blobs, "w", AMPI_DTYPE_F32, 2, two);
    add(&blobs, "long", AMPI_DTYPE_U8, 1, three);
    add(&blobs, "b", AMPI_DTYPE_I64, 0, NULL);
    const bytes file = write_blobs(&blobs, "{}");
    ck_assert_uint_eq(file.size, 8 + padded + 19);
    ck_assert_uint_eq(file.data[0], padded & 255);
    ck_assert_uint_eq(file.data[1], padded >> 8);
    ck_assert_mem_eq(file.data + 2, "\0\0\0\0\0\0", 6);
    ck_assert_msg(memcmp(file.data + 8, header, strlen(header)) == 0, "%.*s", (int)padded,
                  (const char *)file.data + 8);
    for (size_t i = strlen(header); i < padded; i++)
        ck_assert_uint_eq(file.data[8 + i], ' ');
    ck_assert_mem_eq(file.data + 8 + padded, blobs.items[2].data, 8);
    ck_assert_mem_eq(file.data + 16 + padded, blobs.items[0].data, 8);
    ck_assert_mem_eq(file.data + 24 + padded, blobs.items[1].data, 3);
    free(file.data);
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(places_are_aligned)
{
    ampi_blobs blobs;
    size_t data = 0;

    ampi_blobs_init(&blobs, NULL);
    fill(&blobs, true);
    const bytes file = write_blobs(&blobs, NULL);
    char *const text = header_of(file, &data);
    json_t *const header = json_loads(text, 0, NULL);
    ck_assert_uint_eq(data % 8, 0);
    for (size_t i = 0; i < blobs.count; i++) {
        const json_t *const place =
            json_object_get(json_object_get(header, blobs.items[i].name), "data_offsets");
        const size_t begin = (size_t)json_integer_value(json_array_get(place, 0));
        ck_assert_uint_eq(begin % ampi_dtype_size(blobs.items[i].dtype), 0);
    }
    json_decref(header);
    free(text);
    free(file.data);
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(nothing_is_a_file_too)
{
    ampi_blobs blobs, back;
    char *text = NULL;
    amp_error error = { 0 };

    ampi_blobs_init(&blobs, NULL);
    const bytes file = write_blobs(&blobs, NULL);
    ck_ok(parse(file, &back, &text, &error), &error);
    ck_assert_uint_eq(back.count, 0);
    ck_assert_ptr_null(text);
    free(file.data);
}
END_TEST

#define ONE(dtype, shape, places)                                                                  \
    "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" places "}}"
#define F4(name, places)                                                                           \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" places "}"

typedef struct lie {
    const char *header;
    size_t data; /* bytes after the header */
    amp_status status;
    const char *part; /* of the message */
} lie;

static const lie lies[] = {
    { ONE("F32", "[2]", "[0,8]"), 8, AMP_OK, "" },
    { "{}", 0, AMP_OK, "" },
    { "{\"__metadata__\":{}}", 0, AMP_OK, "" },
    { " {}", 0, AMP_E_FORMAT, "start with '{'" },
    { "[]", 0, AMP_E_FORMAT, "start with '{'" },
    { "1", 0, AMP_E_FORMAT, "start with '{'" },
    { "{", 0, AMP_E_FORMAT, "start with '{'" },
    { "{\"t\"", 0, AMP_E_FORMAT, "header: " },
    { "{} x", 0, AMP_E_FORMAT, "header: " },
    { "{\"t\":1}", 0, AMP_E_FORMAT, "tensor 't': not an object" },
    { "{\"t\":{}}", 0, AMP_E_FORMAT, "not an object of dtype" },
    { "{\"__metadata__\":1}", 0, AMP_E_FORMAT, "not an object" },
    { "{\"__metadata__\":{\"k\":1}}", 0, AMP_E_FORMAT, "'k' is not text" },
    { "{\"__metadata__\":{\"amp\":{}}}", 0, AMP_E_FORMAT, "'amp' is not text" },
    { "{\"__metadata__\":{\"amp.crc32\":\"00000001\"}}", 0, AMP_E_FORMAT, "checksum is 00000000" },
    { "{\"__metadata__\":{\"amp.crc32\":\"\"}}", 0, AMP_E_FORMAT, "checksum" },
    { ONE("F16", "[2]", "[0,4]"), 4, AMP_E_UNSUPPORTED, "dtype 'F16'" },
    { ONE("", "[2]", "[0,4]"), 4, AMP_E_UNSUPPORTED, "dtype ''" },
    { ONE("F32\",\"extra\":\"", "[2]", "[0,8]"), 8, AMP_E_FORMAT, "not an object of dtype" },
    { "{\"t\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, AMP_E_FORMAT, "dtype" },
    { "{\"t\":{\"dtype\":\"F32\",\"size\":[2],\"data_offsets\":[0,8]}}", 8, AMP_E_FORMAT,
      "shape is not" },
    { "{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"offsets\":[0,8]}}", 8, AMP_E_FORMAT,
      "data_offsets are not" },
    { ONE("F32", "2", "[0,8]"), 8, AMP_E_FORMAT, "shape is not" },
    { ONE("F32", "[2.0]", "[0,8]"), 8, AMP_E_FORMAT, "dimension is not" },
    { ONE("F32", "[\"2\"]", "[0,8]"), 8, AMP_E_FORMAT, "dimension is not" },
    { ONE("F32", "[-2]", "[0,8]"), 8, AMP_E_FORMAT, "dimension is not" },
    { ONE("F32", "[true]", "[0,8]"), 8, AMP_E_FORMAT, "dimension is not" },
    { ONE("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, AMP_E_LIMIT, "9 dimensions" },
    { ONE("F32", "[4611686018427387904]", "[0,0]"), 0, AMP_E_FORMAT, "overflows" },
    { ONE("F32", "[2147483648,2147483648]", "[0,0]"), 0, AMP_E_FORMAT, "overflows" },
    { ONE("F32", "[9223372036854775808]", "[0,0]"), 0, AMP_E_FORMAT, "header: " },
    { ONE("F32", "[3]", "[0,8]"), 8, AMP_E_FORMAT, "takes 12 bytes, its place has 8" },
    { ONE("F64", "[2]", "[0,8]"), 8, AMP_E_FORMAT, "takes 16 bytes" },
    { ONE("F32", "[0]", "[0,0]"), 4, AMP_E_FORMAT, "4 bytes after the last" },
    { ONE("F32", "[2]", "[0,8]"), 9, AMP_E_FORMAT, "1 bytes after the last" },
    { ONE("F32", "[2]", "[0,8]"), 7, AMP_E_FORMAT, "bytes 0..8 of 7" },
    { ONE("F32", "[2]", "[4,12]"), 12, AMP_E_FORMAT, "gap" },
    { ONE("F32", "[2]", "[8,0]"), 8, AMP_E_FORMAT, "bytes 8..0" },
    { ONE("F32", "[2]", "[-8,0]"), 8, AMP_E_FORMAT, "data_offsets" },
    { ONE("F32", "[2]", "[0]"), 8, AMP_E_FORMAT, "data_offsets" },
    { ONE("F32", "[2]", "[0,8,8]"), 8, AMP_E_FORMAT, "data_offsets" },
    { ONE("F32", "[2]", "[0,8.0]"), 8, AMP_E_FORMAT, "data_offsets" },
    { ONE("F32", "[2]", "{}"), 8, AMP_E_FORMAT, "data_offsets" },
    { ONE("F32", "[2]", "[null,8]"), 8, AMP_E_FORMAT, "data_offsets" },
    { ONE("F32", "[2]", "[[0],[8]]"), 8, AMP_E_LIMIT, "nested deeper than 3" },
    { "{" F4("a", "[0,4]") "," F4("b", "[4,8]") "}", 8, AMP_OK, "" },
    { "{" F4("a", "[4,8]") "," F4("b", "[0,4]") "}", 8, AMP_OK, "" },
    { "{" F4("a", "[0,4]") "," F4("b", "[0,4]") "}", 4, AMP_E_FORMAT, "overlaps" },
    { "{" F4("a", "[0,4]") "," F4("b", "[2,6]") "}", 6, AMP_E_FORMAT, "overlaps" },
    { "{" F4("a", "[0,4]") "," F4("b", "[5,9]") "}", 9, AMP_E_FORMAT, "gap" },
    { "{" F4("a", "[0,4]") "," F4("a", "[4,8]") "}", 8, AMP_E_FORMAT, "duplicate" },
    { "{" F4("a", "[0,4]") "," F4("\\u0061", "[4,8]") "}", 8, AMP_E_FORMAT, "duplicate" },
};

START_TEST(lies_are_named)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        const lie *const row = &lies[i];
        const bytes file = make_file(row->header, NULL, row->data);
        ampi_blobs blobs;
        char *record = NULL;
        amp_error error = { 0 };
        const amp_status status = parse(file, &blobs, &record, &error);
        ck_assert_msg(status == row->status, "%s: status %d: %s", row->header, (int)status,
                      error.message);
        ck_assert_msg(strstr(error.message, row->part) != NULL, "%s: no '%s' in: %s", row->header,
                      row->part, error.message);
        if (status != AMP_OK) {
            ck_assert_uint_eq(blobs.count, 0);
            ck_assert_int_eq(strncmp(error.message, "a/file: ", 8), 0);
        }
        ampi_blobs_clear(&blobs);
        ampi_free(NULL, record);
        free(file.data);
    }
}
END_TEST

static void name_of(char *name, size_t length)
{
    memset(name, 'n', length);
    name[length] = '\0';
}

START_TEST(names_have_a_limit)
{
    char name[AMPI_BLOB_NAME + 1], header[512];

    for (size_t length = AMPI_BLOB_NAME - 1; length <= AMPI_BLOB_NAME; length++) {
        ampi_blobs blobs;
        char *record = NULL;
        amp_error error = { 0 };
        name_of(name, length);
        snprintf(header, sizeof header, "{" F4("%s", "[0,4]") "}", name);
        const bytes file = make_file(header, NULL, 4);
        ck_assert_int_eq(parse(file, &blobs, &record, &error),
                         length < AMPI_BLOB_NAME ? AMP_OK : AMP_E_LIMIT);
        ampi_blobs_clear(&blobs);
        free(file.data);
    }
}
END_TEST

/* Header text of `count` empty tensors. */
static char *many(size_t count)
{
    const size_t room = 64 * count + 16;
    char *const text = malloc(room);
    size_t at = 0;

    ck_assert_ptr_nonnull(text);
    text[at++] = '{';
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at,
                               "%s\"%zu\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                               i ? "," : "", i);
    snprintf(text + at, room - at, "}");
    return text;
}

START_TEST(tensors_have_a_limit)
{
    static const size_t counts[] = { 100000, 100001 };

    for (size_t i = 0; i < 2; i++) {
        char *const text = many(counts[i]), *record = NULL;
        const bytes file = make_file(text, NULL, 0);
        ampi_blobs blobs;
        amp_error error = { 0 };
        ck_assert_int_eq(parse(file, &blobs, &record, &error), i == 0 ? AMP_OK : AMP_E_LIMIT);
        ck_assert_uint_eq(blobs.count, i == 0 ? counts[i] : 0);
        ampi_blobs_clear(&blobs);
        free(file.data);
        free(text);
    }
}
END_TEST

START_TEST(headers_have_a_limit)
{
    const size_t limit = (size_t)16 << 20;

    for (size_t length = limit; length <= limit + 1; length++) {
        char *const text = malloc(length + 1), *record = NULL;
        ampi_blobs blobs;
        amp_error error = { 0 };
        memset(text, ' ', length);
        memcpy(text, "{}", 2);
        text[length] = '\0';
        const bytes file = make_file(text, NULL, 0);
        ck_assert_int_eq(parse(file, &blobs, &record, &error),
                         length == limit ? AMP_OK : AMP_E_LIMIT);
        free(file.data);
        free(text);
    }
}
END_TEST

/* No byte is read where it is not aligned, and none past the end: the sanitised build sees. */
START_TEST(any_address_will_do)
{
    ampi_blobs blobs, back;

    ampi_blobs_init(&blobs, NULL);
    fill(&blobs, false);
    const bytes file = write_blobs(&blobs, "{}");
    for (size_t shift = 0; shift < 8; shift++) {
        unsigned char *const block = malloc(file.size + shift);
        const bytes moved = { block + shift, file.size };
        char *record = NULL;
        amp_error error = { 0 };
        memcpy(moved.data, file.data, file.size);
        ck_ok(parse(moved, &back, &record, &error), &error);
        check_equal(&blobs, &back);
        ampi_blobs_clear(&back);
        ampi_free(NULL, record);
        free(block);
    }
    free(file.data);
    ampi_blobs_clear(&blobs);
}
END_TEST

START_TEST(a_folder_that_is_not_there)
{
    ampi_blobs blobs;
    amp_error error = { 0 };

    ampi_blobs_init(&blobs, NULL);
    ck_fails(ampi_safetensors_write(&blobs, NULL, test_scratch_path("no/such/file"), &error),
             AMP_E_IO, &error);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { everything_comes_back,      order_does_not_show,
                                   bytes_are_as_documented,    places_are_aligned,
                                   nothing_is_a_file_too,      lies_are_named,
                                   names_have_a_limit,         tensors_have_a_limit,
                                   headers_have_a_limit,       any_address_will_do,
                                   a_folder_that_is_not_there, NULL };
    return test_suite("format.safetensors", tests);
}

TEST_MAIN(suite)
