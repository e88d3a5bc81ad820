/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_refused.c - files that are sound containers and yet no models: each fault has its message.
 */
#include "core/file.h"
#include "format_support.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void none(json_t *header, void *user)
{
    (void)header;
    (void)user;
}

/* The sample file without its checksum, which would see every change first. */
static bytes sample(void)
{
    const bytes file = make_model_file(NULL), plain = edited(file, none, NULL);

    free(file.data);
    return plain;
}

/* ---- the record ---- */

static void set_record(json_t *header, void *user)
{
    json_t *const metadata = json_object_get(header, "__metadata__");

    if (user)
        json_object_set_new(metadata, "amp", json_string(user));
    else
        json_object_del(header, "__metadata__");
}

typedef struct change {
    const char *path; /* "key" or "object.key" */
    const char *json; /* NULL = removed */
    amp_status status;
    const char *part;
} change;

static void change_record(json_t *header, void *user)
{
    const change *const row = user;
    json_t *const metadata = json_object_get(header, "__metadata__");
    json_t *const record = json_loads(json_string_value(json_object_get(metadata, "amp")), 0, NULL);
    const char *const dot = strchr(row->path, '.');
    char owner[32] = "";
    json_t *object = record;

    if (dot) {
        snprintf(owner, sizeof owner, "%.*s", (int)(dot - row->path), row->path);
        object = json_object_get(record, owner);
    }
    if (row->json)
        json_object_set_new(object, dot ? dot + 1 : row->path,
                            json_loads(row->json, JSON_DECODE_ANY, NULL));
    else
        json_object_del(object, dot ? dot + 1 : row->path);
    char *const text = json_dumps(record, JSON_COMPACT);
    json_object_set_new(metadata, "amp", json_string(text));
    free(text);
    json_decref(record);
}

#define RANGE(numbers) "{\"ranges\":{\"block1.layer.0.conv1\":[" numbers "]}}"

static const change changes[] = {
    { "format", "2", AMP_E_UNSUPPORTED, "model format 2, this library reads up to 1" },
    { "format", "9223372036854775807", AMP_E_UNSUPPORTED, "model format 9223372036854775807" },
    { "format", "0", AMP_E_FORMAT, "'format' is 0" },
    { "format", "-1", AMP_E_FORMAT, "'format' is -1" },
    { "format", "1.0", AMP_E_FORMAT, "'format' is not a whole number" },
    { "format", NULL, AMP_E_FORMAT, "no 'format'" },
    { "libamp", NULL, AMP_OK, "" },
    { "arch", NULL, AMP_E_FORMAT, "no 'arch'" },
    { "arch", "1", AMP_E_FORMAT, "'arch' is not text" },
    { "arch", "\"\"", AMP_E_FORMAT, "not one of wrn" },
    { "arch", "\"vgg:depth=16\"", AMP_E_FORMAT, "not one of wrn" },
    { "arch", "\"wrn:depth=11\"", AMP_E_FORMAT, "6n + 4" },
    { "arch", "\"wrn:depth=10,width=1,size=8,classes=3,turbo=1\"", AMP_E_FORMAT, "turbo" },
    { "arch", "\"wrn:depth=10,width=1,size=8\"", AMP_E_SHAPE, "dimension 0 is 3, expected 10" },
    { "arch", "\"wrn:depth=16,width=1,size=8,classes=3\"", AMP_E_FORMAT, "is missing" },
    { "arch", "\"wrn:depth=10,width=1,size=8,classes=3,anchored=0\"", AMP_E_SHAPE,
      "'conv1.weight': dimension 1 is 6, expected 3" },
    { "arch", "\"resnet18:classes=3\"", AMP_E_FORMAT, "is not of resnet18" },
    { "arch", "\"wrn:depth=1000,width=20\"", AMP_E_LIMIT, "parameters in the network" },
    { "preprocess", NULL, AMP_E_FORMAT, "no 'preprocess'" },
    { "preprocess", "[]", AMP_E_FORMAT, "'preprocess' is not text" },
    { "classes", NULL, AMP_OK, "" },
    { "classes", "{}", AMP_E_FORMAT, "'classes' is not an array" },
    { "classes", "[\"a\",\"b\"]", AMP_E_FORMAT, "2 class names, the network has 3" },
    { "classes", "[\"a\",\"b\",\"c\",\"d\"]", AMP_E_FORMAT, "4 class names" },
    { "classes", "[\"a\",\"b\",3]", AMP_E_FORMAT, "name of class 2 is not text" },
    { "calibration", NULL, AMP_OK, "" },
    { "calibration", "1", AMP_E_FORMAT, "'calibration' is not an object" },
    { "calibration.temperature", NULL, AMP_OK, "" },
    { "calibration.temperature", "0", AMP_E_FORMAT, "'temperature' is 0" },
    { "calibration.temperature", "-1", AMP_E_FORMAT, "'temperature' is -1" },
    { "calibration.temperature", "1e9", AMP_E_FORMAT, "'temperature' is 1e+09" },
    { "calibration.temperature", "\"1\"", AMP_E_FORMAT, "'temperature' is not a number" },
    { "calibration.thresholds", NULL, AMP_OK, "" },
    { "calibration.thresholds", "{}", AMP_E_FORMAT, "'thresholds' is not an array" },
    { "int8", "1", AMP_E_FORMAT, "'int8' is not an object" },
    { "int8", "{}", AMP_OK, "" },
    { "int8", "{\"images\":-1,\"later\":[null]}", AMP_OK, "" },
    { "int8", "{\"ranges\":[]}", AMP_E_FORMAT, "'ranges' is not an object" },
    { "int8", "{\"ranges\":{}}", AMP_OK, "" },
    { "int8", RANGE("-1,2.5,-3,4"), AMP_OK, "" },
    { "int8", RANGE("0,0,0,0"), AMP_OK, "" },
    { "int8", RANGE("0,3.4e38,-3.4e38,0"), AMP_OK, "" },
    { "int8", RANGE(""), AMP_E_FORMAT, "'block1.layer.0.conv1': 0 numbers instead of 4" },
    { "int8", RANGE("-1,2,-3"), AMP_E_FORMAT, "3 numbers instead of 4" },
    { "int8", RANGE("-1,2,-3,4,5"), AMP_E_FORMAT, "5 numbers instead of 4" },
    { "int8", RANGE("-1,\"2\",-3,4"), AMP_E_FORMAT, "is not of numbers" },
    { "int8", RANGE("-1,2,null,4"), AMP_E_FORMAT, "is not of numbers" },
    { "int8", RANGE("0.5,2,-3,4"), AMP_E_FORMAT, "'block1.layer.0.conv1' is 0.5..2" },
    { "int8", RANGE("-1,2,-3,-4e-9"), AMP_E_FORMAT, "is -3..-4e-09" },
    { "int8", RANGE("2,-1,-3,4"), AMP_E_FORMAT, "is 2..-1" },
    { "int8", RANGE("-1,3.5e38,-3,4"), AMP_E_FORMAT, "is -1..3.5e+38" },
    { "int8", RANGE("-1,2,-1e300,4"), AMP_E_FORMAT, "is -1e+300..4" },
    { "int8", "{\"ranges\":{\"block1.layer.0.conv1\":7}}", AMP_E_FORMAT, "0 numbers instead of 4" },
    { "int8", "{\"ranges\":{\"conv9\":[-1,2,-3,4]}}", AMP_E_FORMAT,
      "int8 range of 'conv9', which is no convolution" },
    { "int8", "{\"ranges\":{\"fc\":[-1,2,-3,4]}}", AMP_E_FORMAT, "'fc', which is no convolution" },
    { "int8", "{\"ranges\":{\"\":[-1,2,-3,4]}}", AMP_E_FORMAT, "'', which is no convolution" },
    { "bank", "[]", AMP_E_FORMAT, "'bank' is not an object" },
    { "training", "true", AMP_E_FORMAT, "'training' is not an object" },
    { "card", "\"text\"", AMP_E_FORMAT, "'card' is not an object" },
    { "card", "{\"any\":[1,{\"thing\":null}]}", AMP_OK, "" },
    { "unknown", "[[[[]]]]", AMP_OK, "" },
};

static void accepted(bytes file)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_parse(
              &model, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    amp_model_unref(model);
}

START_TEST(records_are_checked)
{
    const bytes file = sample();

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        change row = changes[i];
        const bytes changed = edited(file, change_record, &row);
        if (row.status == AMP_OK)
            accepted(changed);
        else
            refused(changed, row.status, row.part);
        free(changed.data);
    }
    free(file.data);
}
END_TEST

START_TEST(records_are_json)
{
    static const struct {
        const char *text;
        amp_status status;
        const char *part;
    } rows[] = {
        { "", AMP_E_FORMAT, "record: " },
        { "{", AMP_E_FORMAT, "record: " },
        { "[]", AMP_E_FORMAT, "not an object" },
        { "1", AMP_E_FORMAT, "not an object" },
        { "{\"format\":1,\"format\":1}", AMP_E_FORMAT, "duplicate" },
        { "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", AMP_E_LIMIT,
          "nested deeper than 32" },
    };
    const bytes file = sample();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", rows[i].text);
        const bytes changed = edited(file, set_record, text);
        refused(changed, rows[i].status, rows[i].part);
        free(changed.data);
    }
    const bytes bare = edited(file, set_record, NULL);
    refused(bare, AMP_E_FORMAT, "no \"amp\" record");
    free(bare.data);
    free(file.data);
}
END_TEST

static void refuse_text(bytes file, char *text, const char *part)
{
    const bytes changed = edited(file, set_record, text);

    refused(changed, AMP_E_LIMIT, part);
    free(changed.data);
}

START_TEST(records_have_limits)
{
    const bytes file = sample();
    const size_t most = AMPI_RECORD_MAX_BYTES;
    char *const text = malloc(most + 2);
    size_t at;

    memset(text, ' ', most + 1);
    text[0] = '{';
    text[1] = '}';
    text[most + 1] = '\0';
    refuse_text(file, text, "1000001 bytes, limit 1000000");
    at = (size_t)snprintf(text, most, "{\"long\":[0");
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(text + at, most - at, ",%d", i);
    snprintf(text + at, most - at, "]}");
    refuse_text(file, text, "an array of more than 1000 values");
    free(text);
    free(file.data);
}
END_TEST

/* ---- names of weights ---- */

static void prefix_all(json_t *header, void *user)
{
    json_t *const copy = json_copy(header);
    const char *name;
    json_t *entry;

    json_object_clear(header);
    json_object_foreach(copy, name, entry)
    {
        char longer[200];
        const bool ours = strncmp(name, "amp.", 4) == 0 || strcmp(name, "__metadata__") == 0;
        snprintf(longer, sizeof longer, "%s%s", ours ? "" : (const char *)user, name);
        json_object_set(header, longer, entry);
    }
    json_decref(copy);
}

START_TEST(prefixes_are_stripped)
{
    static const char *const known[] = { "module.", "net.", "module.net." };
    const bytes file = sample();
    amp_model *plain = NULL, *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_parse(
              &plain, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    for (size_t i = 0; i < 3; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "%s", known[i]);
        const bytes changed = edited(file, prefix_all, prefix);
        ck_ok(ampi_model_parse(
                  &model, NULL,
                  &(ampi_model_source){ .bytes = changed.data, .size = changed.size, .name = "f" },
                  &error),
              &error);
        ck_assert(same_models(plain, model));
        amp_model_unref(model);
        free(changed.data);
    }
    char other[] = "model.";
    const bytes changed = edited(file, prefix_all, other);
    refused(changed, AMP_E_FORMAT, "tensor 'block1.layer.0.bn1.bias' is missing");
    free(changed.data);
    amp_model_unref(plain);
    free(file.data);
}
END_TEST

static void rename_one(json_t *header, void *user)
{
    const char *const *const names = user;
    json_t *const entry = json_incref(json_object_get(header, names[0]));

    ck_assert_ptr_nonnull(entry);
    json_object_del(header, names[0]);
    json_object_set_new(header, names[1], entry);
}

START_TEST(names_must_fit)
{
    static const char *const rows[][3] = {
        { "conv1.weight", "conv2.weight", "tensor 'conv1.weight' is missing" },
        { "conv1.weight", "a.weight", "tensor 'a.weight' is not of wrn:" },
        { "conv1.weight", "module.conv1.weight", "tensor 'conv1.weight' is missing" },
        { "fc.bias", "zz", "tensor 'fc.bias' is missing" },
        { "fc.bias", "amp.fc.bias", "tensor 'fc.bias' is missing" },
        { "amp.later.codes", "zz", "tensor 'zz' is not of wrn:" },
        { "amp.later.codes", "", "tensor '' is not of wrn:" },
    };
    const bytes file = sample();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *names[2] = { rows[i][0], rows[i][1] };
        const bytes changed = edited(file, rename_one, names);
        refused(changed, AMP_E_FORMAT, rows[i][2]);
        free(changed.data);
    }
    free(file.data);
}
END_TEST

/* ---- types and shapes of weights: the bytes stay as many ---- */

typedef struct retype {
    const char *name, *dtype, *shape;
    amp_status status;
    const char *part;
} retype;

static void change_type(json_t *header, void *user)
{
    const retype *const row = user;
    json_t *const entry = json_object_get(header, row->name);

    ck_assert_ptr_nonnull(entry);
    json_object_set_new(entry, "dtype", json_string(row->dtype));
    json_object_set_new(entry, "shape", json_loads(row->shape, 0, NULL));
}

START_TEST(types_must_fit)
{
    static const retype rows[] = {
        { "fc.weight", "F32", "[64,3]", AMP_E_SHAPE, "'fc.weight': dimension 0 is 64, expected 3" },
        { "fc.weight", "F32", "[192]", AMP_E_SHAPE, "'fc.weight': 1 dimensions, expected 2" },
        { "fc.weight", "F32", "[3,64,1]", AMP_E_SHAPE, "3 dimensions, expected 2" },
        { "fc.weight", "I32", "[3,64]", AMP_E_FORMAT, "'fc.weight': I32, expected F32" },
        { "fc.weight", "F64", "[3,32]", AMP_E_FORMAT, "F64, expected F32" },
        { "fc.weight", "BF16", "[3,128]", AMP_E_FORMAT, "BF16, expected F32" },
        { "fc.weight", "U8", "[3,256]", AMP_E_FORMAT, "U8, expected F32" },
        { "bn1.num_batches_tracked", "F64", "[]", AMP_E_FORMAT, "F64, expected I64" },
        { "bn1.num_batches_tracked", "U64", "[]", AMP_E_FORMAT, "U64, expected I64" },
        { "bn1.num_batches_tracked", "I64", "[1]", AMP_E_SHAPE, "1 dimensions, expected 0" },
        { "amp.later.codes", "U8", "[7]", AMP_OK, "" },
    };
    const bytes file = sample();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        retype row = rows[i];
        const bytes changed = edited(file, change_type, &row);
        if (row.status == AMP_OK)
            accepted(changed);
        else
            refused(changed, row.status, row.part);
        free(changed.data);
    }
    free(file.data);
}
END_TEST

/* ---- values ---- */

/* Where a tensor's bytes start in the file. */
static size_t place_of(bytes file, const char *name)
{
    size_t data = 0;
    char *const text = header_of(file, &data);
    json_t *const header = json_loads(text, 0, NULL);
    const json_t *const place = json_object_get(json_object_get(header, name), "data_offsets");

    ck_assert_ptr_nonnull(place);
    data += (size_t)json_integer_value(json_array_get(place, 0));
    json_decref(header);
    free(text);
    return data;
}

static void poke(bytes file, const char *name, size_t index, float value)
{
    memcpy(file.data + place_of(file, name) + index * sizeof value, &value, sizeof value);
}

START_TEST(values_must_be_finite)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    static const struct {
        const char *name;
        size_t index;
    } places[] = { { "conv1.weight", 0 },
                   { "conv1.weight", 863 },
                   { "fc.bias", 2 },
                   { "bn1.running_mean", 1 },
                   { "bn1.running_var", 0 } };

    for (size_t i = 0; i < 15; i++) {
        const bytes file = sample();
        char part[80];
        poke(file, places[i / 3].name, places[i / 3].index, bad[i % 3]);
        snprintf(part, sizeof part, "%s: value %zu is", places[i / 3].name, places[i / 3].index);
        refused(file, AMP_E_FORMAT, part);
        free(file.data);
    }
}
END_TEST

START_TEST(statistics_must_not_be_negative)
{
    bytes file = sample();

    poke(file, "bn1.running_var", 5, -1e-30f);
    refused(file, AMP_E_FORMAT, "bn1.running_var: value 5 is");
    free(file.data);
    file = sample();
    memset(file.data + place_of(file, "bn1.num_batches_tracked"), 0xff, 8);
    refused(file, AMP_E_FORMAT, "bn1.num_batches_tracked: -1");
    free(file.data);
}
END_TEST

START_TEST(a_changed_weight_is_seen)
{
    const bytes file = make_model_file(NULL);
    const size_t at = place_of(file, "conv1.weight");

    file.data[at] ^= 1;
    refused(file, AMP_E_FORMAT, "damaged: the checksum is");
    file.data[at] ^= 1;
    accepted(file);
    free(file.data);
}
END_TEST

/* ---- class names in a section ---- */

static void move_names(json_t *header, void *user)
{
    json_t *const codes = json_incref(json_object_get(header, "amp.later.codes"));
    change none_in_record = { "classes", NULL, AMP_OK, "" };

    json_object_set_new(header, "amp.classes.names", codes);
    json_object_set_new(codes, "dtype", json_string("U8"));
    json_object_del(header, "amp.later.codes");
    if (user)
        change_record(header, &none_in_record);
}

START_TEST(names_in_a_section_are_checked)
{
    static const struct {
        const char *text; /* 7 bytes */
        amp_status status;
        const char *part;
    } rows[] = {
        { "a\0b\0cc\0", AMP_OK, "" },
        { "\0\0cccc\0", AMP_OK, "" },
        { "a\0b\0ccc", AMP_E_FORMAT, "has 2 names of 3" },
        { "aaaaaa\0", AMP_E_FORMAT, "has 1 names of 3" },
        { "a\0b\0c\0d", AMP_E_FORMAT, "1 bytes after 3 names" },
    };
    int yes = 1;
    const bytes file = sample(), moved = edited(file, move_names, &yes),
                twice = edited(file, move_names, NULL);
    const size_t at = place_of(moved, "amp.classes.names");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(moved.data + at, rows[i].text, 7);
        if (rows[i].status == AMP_OK)
            accepted(moved);
        else
            refused(moved, rows[i].status, rows[i].part);
    }
    refused(twice, AMP_E_FORMAT, "class names in the record and in 'amp.classes.names'");
    free(file.data);
    free(moved.data);
    free(twice.data);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { records_are_checked,
                                   records_are_json,
                                   records_have_limits,
                                   prefixes_are_stripped,
                                   names_must_fit,
                                   types_must_fit,
                                   values_must_be_finite,
                                   statistics_must_not_be_negative,
                                   a_changed_weight_is_seen,
                                   names_in_a_section_are_checked,
                                   NULL };
    return test_suite("format.refused", tests);
}

TEST_MAIN(suite)
