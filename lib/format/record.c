/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/record.c - the JSON record of a model: typed reads, what must be in it, class names.
 *
 * Keys that this version does not know are left alone and kept.
 */
#include "core/text.h"
#include "format/format_internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_PREPROCESS 1024u
#define MAX_CLASS_NAME 255u
#define MAX_TEMPERATURE 1e6

/* ---- typed reads ---- */

static amp_status wrong_type(amp_error *error, const json_t *object, const char *key,
                             const char *wanted)
{
    if (!json_object_get(object, key))
        return ampi_fail(error, AMP_E_FORMAT, "model", "the record has no '%s'", key);
    return ampi_fail(error, AMP_E_FORMAT, "model", "the record's '%s' is not %s", key, wanted);
}

amp_status ampi_record_text(const json_t *object, const char *key, const char **out,
                            amp_error *error)
{
    *out = json_string_value(json_object_get(object, key));
    return *out ? AMP_OK : wrong_type(error, object, key, "text");
}

amp_status ampi_record_number(const json_t *object, const char *key, double low, double high,
                              double *out, amp_error *error)
{
    const json_t *const value = json_object_get(object, key);
    const double number = json_number_value(value);

    if (!json_is_number(value))
        return wrong_type(error, object, key, "a number");
    if (!(number >= low && number <= high))
        return ampi_fail(error, AMP_E_FORMAT, "model", "the record's '%s' is %.9g, allowed %g..%g",
                         key, number, low, high);
    *out = number;
    return AMP_OK;
}

amp_status ampi_record_integer(const json_t *object, const char *key, int64_t low, int64_t high,
                               int64_t *out, amp_error *error)
{
    const json_t *const value = json_object_get(object, key);
    const int64_t number = json_integer_value(value);

    if (!json_is_integer(value))
        return wrong_type(error, object, key, "a whole number");
    if (number < low || number > high)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "the record's '%s' is %lld, allowed %lld..%lld", key, (long long)number,
                         (long long)low, (long long)high);
    *out = number;
    return AMP_OK;
}

amp_status ampi_record_object(const json_t *object, const char *key, const json_t **out,
                              amp_error *error)
{
    *out = json_object_get(object, key);
    if (*out && !json_is_object(*out))
        return wrong_type(error, object, key, "an object");
    return AMP_OK;
}

amp_status ampi_record_array(const json_t *object, const char *key, const json_t **out,
                             amp_error *error)
{
    *out = json_object_get(object, key);
    if (*out && !json_is_array(*out))
        return wrong_type(error, object, key, "an array");
    return AMP_OK;
}

/* ---- what must hold ---- */

static amp_status check_version(const json_t *record, amp_error *error)
{
    int64_t format = 0;

    AMPI_TRY(ampi_record_integer(record, "format", 1, INT64_MAX, &format, error));
    if (format > AMPI_FORMAT_VERSION)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "model",
                         "model format %lld, this library reads up to %d", (long long)format,
                         AMPI_FORMAT_VERSION);
    return AMP_OK;
}

static amp_status check_calibration(const json_t *record, amp_error *error)
{
    const json_t *calibration = NULL, *thresholds = NULL;
    double temperature = 0;

    AMPI_TRY(ampi_record_object(record, "calibration", &calibration, error));
    if (!calibration)
        return AMP_OK;
    if (json_object_get(calibration, "temperature")) {
        AMPI_TRY(ampi_record_number(calibration, "temperature", 0, MAX_TEMPERATURE, &temperature,
                                    error));
        if (temperature <= 0)
            return ampi_fail(error, AMP_E_FORMAT, "model", "the record's 'temperature' is 0");
    }
    return ampi_record_array(calibration, "thresholds", &thresholds, error);
}

static amp_status check_objects(const json_t *record, amp_error *error)
{
    static const char *const keys[] = { "bank", "training", "card" };
    const json_t *object = NULL;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        AMPI_TRY(ampi_record_object(record, keys[i], &object, error));
    return AMP_OK;
}

amp_status ampi_record_check(const json_t *record, amp_error *error)
{
    const char *text = NULL;

    if (!json_is_object(record))
        return ampi_fail(error, AMP_E_FORMAT, "model", "the record is not an object");
    AMPI_TRY(check_version(record, error));
    AMPI_TRY(ampi_record_text(record, "arch", &text, error));
    AMPI_TRY(ampi_record_text(record, "preprocess", &text, error));
    if (strlen(text) > MAX_PREPROCESS)
        return ampi_fail(error, AMP_E_LIMIT, "model",
                         "the record's 'preprocess' has %zu characters, limit %u", strlen(text),
                         MAX_PREPROCESS);
    AMPI_TRY(check_calibration(record, error));
    return check_objects(record, error);
}

/* ---- class names, out ---- */

static amp_status names_of_array(const json_t *array, uint32_t classes, const char **names,
                                 amp_error *error)
{
    if (json_array_size(array) != classes)
        return ampi_fail(error, AMP_E_FORMAT, "model", "%zu class names, the network has %u",
                         json_array_size(array), classes);
    for (uint32_t i = 0; i < classes; i++) {
        names[i] = json_string_value(json_array_get(array, i));
        if (!names[i])
            return ampi_fail(error, AMP_E_FORMAT, "model", "the name of class %u is not text", i);
    }
    return AMP_OK;
}

static amp_status names_of_blob(const ampi_blob *blob, uint32_t classes, const char **names,
                                amp_error *error)
{
    const char *at = blob->data;
    size_t left = blob->bytes;

    if (blob->dtype != AMPI_DTYPE_U8 || blob->rank != 1)
        return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%s' is not U8 of one dimension",
                         blob->name);
    for (uint32_t i = 0; i < classes; i++) {
        const char *const end = left ? memchr(at, '\0', left) : NULL;
        if (!end)
            return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%s' has %u names of %u",
                             blob->name, i, classes);
        names[i] = at;
        left -= (size_t)(end - at) + 1;
        at = end + 1;
    }
    if (left > 0)
        return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%s' has %zu bytes after %u names",
                         blob->name, left, classes);
    return AMP_OK;
}

amp_status ampi_record_classes(const json_t *record, const ampi_blobs *sections, uint32_t classes,
                               const char ***out, amp_error *error)
{
    const ampi_blob *const blob = ampi_blobs_find(sections, AMPI_CLASS_NAMES);
    const json_t *array = NULL;
    const char **names;
    amp_status status;

    *out = NULL;
    AMPI_TRY(ampi_record_array(record, "classes", &array, error));
    if (!array && !blob)
        return AMP_OK;
    if (array && blob)
        return ampi_fail(error, AMP_E_FORMAT, "model", "class names in the record and in '%s'",
                         AMPI_CLASS_NAMES);
    names = ampi_alloc(sections->context, classes, sizeof *names);
    if (!names)
        return ampi_fail_nomem(error, "model", classes * sizeof *names);
    status = array ? names_of_array(array, classes, names, error)
                   : names_of_blob(blob, classes, names, error);
    if (status == AMP_OK)
        *out = names;
    else
        ampi_free(sections->context, names);
    return status;
}

/* ---- class names, in ---- */

static amp_status check_names(uint32_t n, const char *const *names, amp_error *error)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!names[i] || names[i][0] == '\0')
            return ampi_fail(error, AMP_E_ARGUMENT, "model", "class %u has no name", i);
        if (strlen(names[i]) > MAX_CLASS_NAME)
            return ampi_fail(error, AMP_E_LIMIT, "model",
                             "the name of class %u has %zu bytes, limit %u", i, strlen(names[i]),
                             MAX_CLASS_NAME);
        if (!ampi_text_is_utf8(names[i]))
            return ampi_fail(error, AMP_E_ARGUMENT, "model", "the name of class %u is not UTF-8",
                             i);
    }
    return AMP_OK;
}

/* NULL when memory runs out. */
static json_t *names_json(uint32_t n, const char *const *names)
{
    json_t *const array = json_array();

    for (uint32_t i = 0; i < n; i++) {
        if (json_array_append_new(array, json_string(names[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static amp_status set_in_record(json_t *record, uint32_t n, const char *const *names,
                                amp_error *error)
{
    if (json_object_set_new(record, "classes", names_json(n, names)) != 0)
        return ampi_fail_nomem(error, "model", n * sizeof *names);
    return AMP_OK;
}

static amp_status set_in_section(ampi_blobs *sections, uint32_t n, const char *const *names,
                                 amp_error *error)
{
    size_t bytes = 0;
    ampi_blob *blob = NULL;
    char *at;

    for (uint32_t i = 0; i < n; i++)
        bytes += strlen(names[i]) + 1;
    AMPI_TRY(ampi_blobs_add(sections, &blob, AMPI_CLASS_NAMES, AMPI_DTYPE_U8, 1, &bytes, error));
    at = blob->data;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(at, names[i], strlen(names[i]) + 1);
        at += strlen(names[i]) + 1;
    }
    return AMP_OK;
}

amp_status ampi_record_set_classes(json_t *record, ampi_blobs *sections, uint32_t n,
                                   const char *const *names, amp_error *error)
{
    AMPI_TRY(check_names(n, names, error));
    ampi_blobs_drop(sections, AMPI_CLASS_NAMES);
    (void)json_object_del(record, "classes");
    if (n <= AMPI_RECORD_MAX_ARRAY)
        return set_in_record(record, n, names, error);
    return set_in_section(sections, n, names, error);
}
