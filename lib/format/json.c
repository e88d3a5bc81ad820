/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/json.c - JSON text in and out, bounded before jansson allocates anything.
 *
 * Three bytes of text can cost jansson some 250 bytes of memory, so depth and number of values
 * are counted first, by a scan that needs no memory and does not recurse.
 */
#include "format/format.h"

#include <string.h>

const ampi_json_limits ampi_record_limits = {
    .bytes = AMPI_RECORD_MAX_BYTES,
    .depth = 32,
    .array = AMPI_RECORD_MAX_ARRAY,
    .values = 65536,
};

typedef struct scan {
    const ampi_json_limits *limits;
    const char *what;
    size_t depth, values;
    size_t items[AMPI_JSON_MAX_DEPTH + 1]; /* of the array open at that depth; 0 = an object */
} scan;

static amp_status count_value(scan *state, amp_error *error)
{
    size_t *const items = &state->items[state->depth];

    if (++state->values > state->limits->values)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%s: more than %zu values", state->what,
                         state->limits->values);
    if (*items == 0)
        return AMP_OK;
    if (++*items > state->limits->array)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%s: an array of more than %zu values",
                         state->what, state->limits->array);
    return AMP_OK;
}

static amp_status open_level(scan *state, bool array, amp_error *error)
{
    if (++state->depth > state->limits->depth)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%s: nested deeper than %zu", state->what,
                         state->limits->depth);
    state->items[state->depth] = array ? 1 : 0;
    return ++state->values > state->limits->values
               ? ampi_fail(error, AMP_E_LIMIT, "model", "%s: more than %zu values", state->what,
                           state->limits->values)
               : AMP_OK;
}

/* The position after the string that starts before `i`. */
static size_t skip_string(const char *text, size_t size, size_t i)
{
    while (i < size && text[i] != '"')
        i += text[i] == '\\' ? 2 : 1;
    return i + 1;
}

/* Counts only; whether it is JSON at all is jansson's to say, which stops at the first fault. */
static amp_status check_limits(const char *text, size_t size, const ampi_json_limits *limits,
                               const char *what, amp_error *error)
{
    scan state = { .limits = limits, .what = what };

    if (size > limits->bytes)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%s: %zu bytes, limit %zu", what, size,
                         limits->bytes);
    for (size_t i = 0; i < size;) {
        const char c = text[i++];
        if (c == '"')
            i = skip_string(text, size, i);
        else if (c == '[' || c == '{')
            AMPI_TRY(open_level(&state, c == '[', error));
        else if ((c == ']' || c == '}') && state.depth > 0)
            state.depth--;
        else if (c == ',')
            AMPI_TRY(count_value(&state, error));
    }
    return AMP_OK;
}

amp_status ampi_json_parse(json_t **out, const char *text, size_t size,
                           const ampi_json_limits *limits, const char *what, amp_error *error)
{
    json_error_t fault;

    *out = NULL;
    AMPI_TRY(check_limits(text, size, limits, what, error));
    memset(&fault, 0, sizeof fault);
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (*out)
        return AMP_OK;
    /* Most of jansson's failed allocations leave no text. */
    if (fault.text[0] == '\0' || json_error_code(&fault) == json_error_out_of_memory)
        return ampi_fail_nomem(error, "model", size);
    return ampi_fail(error, AMP_E_FORMAT, "model", "%s: %.110s (byte %d)", what, fault.text,
                     fault.position);
}

amp_status ampi_json_dump(amp_context *context, const json_t *json, char **out, amp_error *error)
{
    const size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
    char *text;

    *out = NULL;
    /* A json_t holds nothing that cannot be written: it is memory that is missing. */
    if (size == 0)
        return ampi_fail_nomem(error, "model", 0);
    text = ampi_alloc(context, size + 1, 1);
    if (!text)
        return ampi_fail_nomem(error, "model", size + 1);
    if (json_dumpb(json, text, size, JSON_COMPACT) != size) {
        ampi_free(context, text);
        return ampi_fail_nomem(error, "model", size);
    }
    *out = text;
    return AMP_OK;
}

amp_status ampi_json_copy(json_t **out, const json_t *json, amp_error *error)
{
    json_t *const copy = json_deep_copy(json);

    *out = NULL;
    if (!copy || !json_equal(copy, json)) {
        json_decref(copy);
        return ampi_fail(error, AMP_E_NOMEM, "model", "no memory for a copy of the record");
    }
    *out = copy;
    return AMP_OK;
}
