/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/method_list.c - "amp:calibration=p-small,score=energy;msp" to methods with their options
 * and canonical names.
 *
 * Pieces are divided by ';', ' ' or ','.  A piece "key=value" (no ':' before its '=') goes on with
 * the options of the method before it; any other piece starts a method.
 */
#include "score/score.h"

#include <stdio.h>
#include <string.h>

static bool is_option(const char *piece, size_t length)
{
    const char *const equals = memchr(piece, '=', length);

    return equals && !memchr(piece, ':', (size_t)(equals - piece));
}

static amp_status find_method(const ampi_method **out, const char *name, size_t length,
                              amp_error *error)
{
    char known[160] = "";
    size_t used = 0;

    for (size_t i = 0; (*out = ampi_method_row(i)) != NULL; i++) {
        if (strlen((*out)->name) == length && strncmp((*out)->name, name, length) == 0)
            return AMP_OK;
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, " %s", (*out)->name);
    }
    return ampi_fail(error, AMP_E_ARGUMENT, "score", "unknown method '%.*s', known:%s",
                     (int)ampi_min_size(length, 40), name, known);
}

static amp_status set_option(ampi_use *use, const char *text, size_t length, amp_error *error)
{
    const char *const equals = memchr(text, '=', length);

    if (!equals)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "%s: '%.*s' is not key=value",
                         use->method->name, (int)ampi_min_size(length, 40), text);
    const ampi_word key = { text, (size_t)(equals - text) };
    const ampi_word value = { equals + 1, length - key.length - 1 };
    return ampi_options_set(use->method->options, use->method->n_options, use->fields, key, value,
                            use->method->name, error);
}

/* "name" or "name:key=value". */
static amp_status start_method(ampi_uses *uses, const char *piece, size_t length, amp_error *error)
{
    const char *const colon = memchr(piece, ':', length);
    const size_t name = colon ? (size_t)(colon - piece) : length;
    const ampi_method *method = NULL;
    ampi_use *use;

    AMPI_TRY(find_method(&method, piece, name, error));
    if (uses->count >= AMPI_MAX_METHODS)
        return ampi_fail(error, AMP_E_LIMIT, "score", "more than %u methods", AMPI_MAX_METHODS);
    AMPI_TRY(ampi_grow(uses->context, &uses->items, &uses->capacity, uses->count + 1,
                       sizeof *uses->items, error));
    use = &uses->items[uses->count++];
    memset(use, 0, sizeof *use);
    use->method = method;
    ampi_options_default(method->options, method->n_options, use->fields);
    if (name + 1 >= length)
        return AMP_OK; /* "amp" or "amp:" */
    return set_option(use, piece + name + 1, length - name - 1, error);
}

static amp_status take_piece(ampi_uses *uses, const char *piece, size_t length, amp_error *error)
{
    if (!is_option(piece, length))
        return start_method(uses, piece, length, error);
    if (uses->count == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "the option '%.*s' follows no method",
                         (int)ampi_min_size(length, 40), piece);
    return set_option(&uses->items[uses->count - 1], piece, length, error);
}

static amp_status spell(const ampi_use *use, bool only_changed, char *out, size_t size,
                        amp_error *error)
{
    const ampi_method *const method = use->method;
    const size_t used = (size_t)snprintf(out, size, "%s:", method->name), left = size - used;
    const size_t options = ampi_options_format(method->options, method->n_options, use->fields,
                                               only_changed, out + used, left);

    if (options >= left)
        return ampi_fail(error, AMP_E_LIMIT, "score", "%s: the options have %zu bytes, limit %zu",
                         method->name, options, left - 1);
    if (options == 0)
        out[used - 1] = '\0';
    return AMP_OK;
}

amp_status ampi_use_spell_out(const ampi_use *use, char *out, size_t size, amp_error *error)
{
    return spell(use, false, out, size, error);
}

static amp_status check_distinct(const ampi_uses *uses, size_t index, amp_error *error)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(uses->items[i].name, uses->items[index].name) == 0)
            return ampi_fail(error, AMP_E_ARGUMENT, "score", "the method %s is there twice",
                             uses->items[i].name);
    }
    return AMP_OK;
}

amp_status ampi_uses_parse(ampi_uses *uses, const char *text, amp_error *error)
{
    static const char dividers[] = "; ,";

    for (text += strspn(text, dividers); *text; text += strspn(text, dividers)) {
        const size_t length = strcspn(text, dividers);
        AMPI_TRY(take_piece(uses, text, length, error));
        text += length;
    }
    if (uses->count == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "no method in the list");
    for (size_t i = 0; i < uses->count; i++) {
        ampi_use *const use = &uses->items[i];
        AMPI_TRY(spell(use, true, use->name, sizeof use->name, error));
        AMPI_TRY(check_distinct(uses, i, error));
    }
    return AMP_OK;
}
