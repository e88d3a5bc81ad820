/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/spec.c - KIND:PATH[#PART][?key=value&...][[A:B]] taken apart from its right end.
 *
 * A path may itself hold '#', '?' or '[': before each step the text that is left is tried as a
 * path, and one that exists is taken as it is.
 */
#include "data/source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHOWN 80

static const ampi_option table[] = {
    { "sample", AMPI_OPTION_INT, offsetof(ampi_spec_options, sample), 0, 1, 4294967295.0, NULL, "0",
      "images drawn at random, without repeats, kept in source order" },
    { "seed", AMPI_OPTION_INT, offsetof(ampi_spec_options, seed), 0, 0, 9007199254740992.0, NULL,
      "0", "of the sample" },
    { "labels", AMPI_OPTION_CHOICE, offsetof(ampi_spec_options, labels), 0, 0, 0, "fine|coarse",
      "fine", "which labels of cifar100" },
    { "classes", AMPI_OPTION_INT, offsetof(ampi_spec_options, classes), 0, 1, AMPI_DATA_MAX_CLASSES,
      NULL, "0", "how many classes there are" },
    { "memory", AMPI_OPTION_INT, offsetof(ampi_spec_options, memory), 0, 0, 1048576, NULL, "-1",
      "MiB of unpacked bytes kept in memory" },
};

/* ---- what exists ---- */

static bool is_idx(const ampi_spec *spec)
{
    return spec->kind && strcmp(spec->kind->name, "idx") == 0;
}

/* The path is there; of "images,labels" both halves. */
static bool exists(const ampi_spec *spec, char *path)
{
    char *const comma = is_idx(spec) ? strrchr(path, ',') : NULL;
    bool both;

    if (access(path, F_OK) == 0)
        return true;
    if (!comma)
        return false;
    *comma = '\0';
    both = access(path, F_OK) == 0 && access(comma + 1, F_OK) == 0;
    *comma = ',';
    return both;
}

/* ---- [A:B] ---- */

/* A number past those of 64 bits is past the end of any set. */
static bool take_bound(const char *text, size_t length, bool *has, int64_t *out)
{
    *has = length > 0;
    if (length == 0)
        return true;
    if (!ampi_text_is_integer(text, length))
        return false;
    if (!ampi_text_to_int64(text, length, out))
        *out = text[0] == '-' ? -INT64_MAX : INT64_MAX;
    return true;
}

static bool parse_range(ampi_spec *spec, const char *text, size_t length)
{
    const char *const colon = memchr(text, ':', length);

    if (!colon)
        return false;
    return take_bound(text, (size_t)(colon - text), &spec->has_begin, &spec->begin) &&
           take_bound(colon + 1, length - (size_t)(colon - text) - 1, &spec->has_end, &spec->end);
}

static amp_status cut_range(ampi_spec *spec, amp_error *error)
{
    const size_t length = strlen(spec->path);
    char *const open = strrchr(spec->path, '[');

    if (!open || spec->path[length - 1] != ']' || exists(spec, spec->path))
        return AMP_OK;
    if (!parse_range(spec, open + 1, length - (size_t)(open - spec->path) - 2))
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset",
                         "'%.80s' is no range [A:B] and no file has that name",
                         ampi_path_tail(open));
    *open = '\0';
    return AMP_OK;
}

/* ---- ?key=value&... and #PART ---- */

/* The last of two would win in silence. */
static amp_status check_repeats(const char *text, amp_error *error)
{
    for (; *text; text += strcspn(text, "&"), text += *text == '&') {
        const size_t length = strcspn(text, "=&");
        for (const char *next = strchr(text, '&'); next; next = strchr(next + 1, '&')) {
            if (strcspn(next + 1, "=&") == length && strncmp(next + 1, text, length) == 0)
                return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "the option %.*s is there twice",
                                 (int)ampi_min_size(length, SHOWN), text);
        }
    }
    return AMP_OK;
}

static amp_status cut_options(ampi_spec *spec, amp_error *error)
{
    char *const mark = strrchr(spec->path, '?');

    if (!mark || exists(spec, spec->path))
        return AMP_OK;
    AMPI_TRY(ampi_options_parse(table, sizeof table / sizeof table[0], &spec->options, mark + 1,
                                '&', "dataset", error));
    AMPI_TRY(check_repeats(mark + 1, error));
    *mark = '\0';
    return AMP_OK;
}

static amp_status cut_part(ampi_spec *spec, amp_error *error)
{
    char *const mark = strrchr(spec->path, '#');
    int length;

    if (!mark || strpbrk(mark, "/,") || exists(spec, spec->path))
        return AMP_OK;
    length = snprintf(spec->part, sizeof spec->part, "%s", mark + 1);
    if (length <= 0 || (size_t)length >= sizeof spec->part)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "'%.80s' is no part of a data set",
                         mark);
    *mark = '\0';
    return AMP_OK;
}

/* ---- the whole ---- */

static amp_status cut(ampi_spec *spec, const char *text, amp_error *error)
{
    AMPI_TRY(cut_range(spec, error));
    AMPI_TRY(cut_options(spec, error));
    AMPI_TRY(cut_part(spec, error));
    if (spec->path[0] == '\0')
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "'%.80s' names no path", text);
    return AMP_OK;
}

amp_status ampi_spec_parse(ampi_spec *out, amp_context *context, const char *text, amp_error *error)
{
    const size_t word = strcspn(text, ":");
    amp_status status;

    memset(out, 0, sizeof *out);
    ampi_options_default(table, sizeof table / sizeof table[0], &out->options);
    /* "As the call says" lies outside the range that a user may give. */
    out->options.memory = -1;
    if (text[word] == ':')
        out->kind = ampi_source_kind_find(text, word);
    out->path = ampi_strdup(context, out->kind ? text + word + 1 : text);
    if (!out->path)
        return ampi_fail_nomem(error, "dataset", strlen(text) + 1);
    status = cut(out, text, error);
    if (status)
        ampi_spec_clear(out, context);
    return status;
}

void ampi_spec_clear(ampi_spec *spec, amp_context *context)
{
    ampi_free(context, spec->path);
    spec->path = NULL;
}
