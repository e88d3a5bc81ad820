/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/thresholds.c - what calibration leaves in a model's record, read and written.
 *
 *   "calibration": {"temperature": T, ..., "thresholds": [{"method": "amp", "anchors": 5,
 *                   "precision": "fp32", "tpr": 0.95, "threshold": 2.1,
 *                   "stop_error": 0.01, "above": [0.4, ...], "below": [0.2, ...]}, ...]}
 *
 * The last three are the stopping rule of adaptive anchors, K - 1 margins each way, null = never.
 *
 * A threshold belongs to its key (method, anchors, precision, TPR) and to no other.
 */
#include "score/scorer_internal.h"

#include <math.h>
#include <string.h>

double ampi_record_temperature(const json_t *record)
{
    const json_t *const calibration = json_object_get(record, "calibration");
    const double temperature = json_number_value(json_object_get(calibration, "temperature"));

    return isfinite(temperature) && temperature > 0.0 ? temperature : 0.0;
}

static bool text_is(const json_t *object, const char *key, const char *wanted)
{
    const char *const text = json_string_value(json_object_get(object, key));

    return text && strcmp(text, wanted) == 0;
}

static bool is_key(const json_t *entry, const ampi_threshold_key *key)
{
    const json_t *const level = json_object_get(entry, "tpr");

    return text_is(entry, "method", key->method) &&
           text_is(entry, "precision", ampi_threshold_precision(key->precision)) &&
           json_integer_value(json_object_get(entry, "anchors")) == (json_int_t)key->anchors &&
           fabs(json_number_value(level) - key->tpr) < 1e-9;
}

static json_t *find_entry(const json_t *calibration, const ampi_threshold_key *key)
{
    const json_t *const list = json_object_get(calibration, "thresholds");

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *const entry = json_array_get(list, i);
        if (json_is_number(json_object_get(entry, "threshold")) && is_key(entry, key))
            return entry;
    }
    return NULL;
}

bool ampi_record_threshold(const json_t *record, const ampi_threshold_key *key, double *threshold)
{
    const json_t *const entry = find_entry(json_object_get(record, "calibration"), key);

    if (!entry)
        return false;
    *threshold = json_number_value(json_object_get(entry, "threshold"));
    return true;
}

void ampi_record_drop_thresholds(json_t *calibration, ampi_precision precision)
{
    json_t *const list = json_object_get(calibration, "thresholds");

    for (size_t i = json_array_size(list); i-- > 0;)
        if (text_is(json_array_get(list, i), "precision", ampi_threshold_precision(precision)))
            (void)json_array_remove(list, i);
}

/* Anything but a number >= 0 is "never". */
static void read_margins(double *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *const value = json_array_get(list, i);
        const double margin = json_number_value(value);
        out[i] = json_is_number(value) && margin >= 0.0 ? margin : (double)INFINITY;
    }
}

bool ampi_record_margins(const json_t *record, const ampi_threshold_key *key, ampi_margins *out)
{
    const json_t *const entry = find_entry(json_object_get(record, "calibration"), key);
    const json_t *const above = json_object_get(entry, "above");
    const json_t *const below = json_object_get(entry, "below");

    if (key->anchors < 2 || key->anchors > AMPI_STOP_ANCHORS ||
        json_array_size(above) != key->anchors - 1 || json_array_size(below) != key->anchors - 1)
        return false;
    read_margins(out->above, above);
    read_margins(out->below, below);
    return true;
}

static json_t *margin_list(const double *margins, size_t count)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *const value = isfinite(margins[i]) ? json_real(margins[i]) : json_null();
        if (json_array_append_new(list, value)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

amp_status ampi_record_set_margins(json_t *calibration, const ampi_threshold_key *key,
                                   const ampi_margins *margins, double error_rate, amp_error *error)
{
    json_t *const entry = find_entry(calibration, key);

    if (!entry)
        return ampi_fail(error, AMP_E_INTERNAL, "score", "margins without a threshold");
    if (json_object_set_new(entry, "stop_error", json_real(error_rate)) ||
        json_object_set_new(entry, "above", margin_list(margins->above, key->anchors - 1)) ||
        json_object_set_new(entry, "below", margin_list(margins->below, key->anchors - 1)))
        return ampi_fail_nomem(error, "score", 0);
    return AMP_OK;
}

static json_t *make_entry(const ampi_threshold_key *key, double threshold)
{
    return json_pack("{s:s, s:I, s:s, s:f, s:f}", "method", key->method, "anchors",
                     (json_int_t)key->anchors, "precision",
                     ampi_threshold_precision(key->precision), "tpr", key->tpr, "threshold",
                     threshold);
}

amp_status ampi_record_set_threshold(json_t *calibration, const ampi_threshold_key *key,
                                     double threshold, amp_error *error)
{
    json_t *list = json_object_get(calibration, "thresholds");
    json_t *const entry = make_entry(key, threshold);
    size_t at = 0;

    if (!list && json_object_set_new(calibration, "thresholds", json_array()) == 0)
        list = json_object_get(calibration, "thresholds");
    while (at < json_array_size(list) && !is_key(json_array_get(list, at), key))
        at++;
    if (at >= AMPI_RECORD_MAX_ARRAY) {
        json_decref(entry);
        return ampi_fail(error, AMP_E_LIMIT, "score", "more than %u stored thresholds",
                         AMPI_RECORD_MAX_ARRAY);
    }
    if (at < json_array_size(list) ? json_array_set_new(list, at, entry)
                                   : json_array_append_new(list, entry))
        return ampi_fail_nomem(error, "score", 0);
    return AMP_OK;
}
