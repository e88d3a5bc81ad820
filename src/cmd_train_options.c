/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_train_options.c - gathers and compares "key=value,key=value".
 */
#include "cmd_train_options.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void append(char *out, size_t size, const char *key, const char *value)
{
    const size_t used = strlen(out);

    if (value)
        (void)snprintf(out + used, size - used, "%s%s%s", used ? "," : "", key, value);
}

static int check_length(const char *text, size_t size)
{
    if (strlen(text) + 1 < size)
        return CLI_OK;
    cli_error("the options are longer than %zu bytes", size - 2);
    return CLI_USAGE;
}

int train_options_gather(const cli_arguments *arguments, char *out, size_t size)
{
    const char *value;

    out[0] = '\0';
    for (int i = 0; (value = cli_get_nth(arguments, "set", i)) != NULL; i++)
        append(out, size, "", value);
    append(out, size, "epochs=", cli_get(arguments, "epochs", NULL));
    append(out, size, "seed=", cli_get(arguments, "seed", NULL));
    return check_length(out, size);
}

int train_arch_complete(const cli_arguments *arguments, uint32_t classes, char *out, size_t size)
{
    const char *const arch = cli_get(arguments, "arch", NULL);
    const char *const side = cli_get(arguments, "size", NULL);
    const size_t family = strcspn(arch, ":");

    (void)snprintf(out, size, "%.*s:classes=%u,anchored=%d%s%s%s%s", (int)family, arch, classes,
                   cli_has(arguments, "plain") ? 0 : 1, side ? ",size=" : "", side ? side : "",
                   arch[family] ? "," : "", arch[family] ? arch + family + 1 : "");
    return check_length(out, size);
}

/* ---- what a checkpoint was begun with ---- */

typedef struct pair {
    char key[64], value[256];
} pair;

/* Takes the first "key=value" off *text; a bare key means 1, as in the library. */
static bool next_pair(const char **text, pair *out)
{
    const size_t length = strcspn(*text, ",");
    const char *const equals = memchr(*text, '=', length);
    const size_t key = equals ? (size_t)(equals - *text) : length;

    if (length == 0)
        return false;
    (void)snprintf(out->key, sizeof out->key, "%.*s", (int)key, *text);
    (void)snprintf(out->value, sizeof out->value, "%.*s", equals ? (int)(length - key - 1) : 1,
                   equals ? equals + 1 : "1");
    *text += length;
    *text += **text == ',';
    return true;
}

static const char *plain_truth(const char *value)
{
    static const char *const words[][2] = { { "yes", "1" }, { "true", "1" },  { "on", "1" },
                                            { "no", "0" },  { "false", "0" }, { "off", "0" } };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i][0]) == 0)
            return words[i][1];
    }
    return value;
}

/* "0.10" and "0.1", "yes" and "1" ask for the same. */
static bool same_value(const char *a, const char *b)
{
    char *a_end, *b_end;
    double x, y;

    a = plain_truth(a);
    b = plain_truth(b);
    if (strcmp(a, b) == 0)
        return true;
    x = strtod(a, &a_end);
    y = strtod(b, &b_end);
    return *a && *b && !*a_end && !*b_end && !(x < y || x > y);
}

/* True unless the recorded text has another value for the key, or none. */
static bool is_recorded(const char *recorded, const pair *wanted, const char **had)
{
    static pair row;

    *had = NULL;
    while (next_pair(&recorded, &row)) {
        if (strcmp(row.key, wanted->key) != 0)
            continue;
        *had = row.value;
        if (strcmp(wanted->value, "auto") == 0) /* recorded is what it came to */
            return true;
        return same_value(row.value, wanted->value);
    }
    return false;
}

static int compare(const char *wanted, const char *recorded)
{
    const char *had;
    pair one;

    while (next_pair(&wanted, &one)) {
        if (is_recorded(recorded, &one, &had))
            continue;
        if (!had) {
            cli_error("unknown option '%s'", one.key);
            return CLI_USAGE;
        }
        cli_error("%s=%s is asked for, the run was begun with %s=%s", one.key, one.value, one.key,
                  had);
        cli_note("without --resume a new run is begun");
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* "wrn:depth=16" against "wrn:depth=16,width=4,...". */
static int compare_arch(const cli_arguments *arguments, const char *recorded)
{
    const char *const arch = cli_get(arguments, "arch", NULL);
    const char *const side = cli_get(arguments, "size", NULL);
    const size_t family = arch ? strcspn(arch, ":") : 0;
    char wanted[600] = "";

    if (arch && (strncmp(arch, recorded, family) != 0 || recorded[family] != ':')) {
        cli_error("%s is asked for, the run was begun with %s", arch, recorded);
        cli_note("without --resume a new run is begun");
        return CLI_USAGE;
    }
    append(wanted, sizeof wanted, "size=", side);
    append(wanted, sizeof wanted, "anchored=", cli_has(arguments, "plain") ? "0" : NULL);
    if (arch && arch[family])
        append(wanted, sizeof wanted, "", arch + family + 1);
    return compare(wanted, recorded + strcspn(recorded, ":") + 1);
}

int train_options_match(const cli_arguments *arguments, amp_context *context, const char *path)
{
    amp_model *model = NULL;
    json_t *record = NULL;
    const char *recorded;
    char wanted[1024];
    amp_error error;
    int code = train_options_gather(arguments, wanted, sizeof wanted);

    if (code != CLI_OK)
        return code;
    if (amp_model_open(&model, context, path, &error) != AMP_OK)
        return cli_fail(&error, CLI_MODEL);
    record = json_loads(amp_model_record(model), 0, NULL);
    recorded = json_string_value(json_object_get(json_object_get(record, "checkpoint"), "options"));
    if (!recorded) {
        cli_error("%s is no checkpoint of a run", path);
        code = CLI_MODEL;
    }
    if (code == CLI_OK)
        code = compare(wanted, recorded);
    if (code == CLI_OK)
        code = compare_arch(arguments, amp_model_arch(model));
    json_decref(record);
    amp_model_unref(model);
    return code;
}
