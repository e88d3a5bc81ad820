/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/thresholds.c - what calibration leaves in a model's record, read and written.
 *
 *   "calibration": {"temperature": T, ..., "thresholds": [{"method": "amp", "anchors": 5,
 *                   "precision": "fp32", "tpr": 0.95, "threshold": 2.1}, ...]}
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

bool ampi_record_threshold(const json_t *record, const ampi_threshold_key *key, double *threshold)
{
    const json_t *const calibration = json_object_get(record, "calibration");
    const json_t *const list = json_object_get(calibration, "thresholds");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *const entry = json_array_get(list, i);
        const json_t *const value = json_object_get(entry, "threshold");
        if (json_is_number(value) && is_key(entry, key)) {
            *threshold = json_number_value(value);
            return true;
        }
    }
    return false;
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
