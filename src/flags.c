/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/flags.c - command lines by getopt_long from each command's table, and their help.
 */
#define _GNU_SOURCE
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FLAGS 64
#define HELP_VALUE 1000

static int count_flags(const cli_command *command)
{
    int n = 0;

    while (command->flags[n].name && n < MOST_FLAGS)
        n++;
    return n;
}

static void flag_help(const cli_flag *flag, FILE *out)
{
    char left[64];

    if (flag->letter)
        (void)snprintf(left, sizeof left, "-%c, --%s%s%s", flag->letter, flag->name,
                       flag->value ? " " : "", flag->value ? flag->value : "");
    else
        (void)snprintf(left, sizeof left, "    --%s%s%s", flag->name, flag->value ? " " : "",
                       flag->value ? flag->value : "");
    (void)fprintf(out, "  %-26s %s\n", left, flag->help);
}

void cli_help(const cli_command *command, FILE *out)
{
    const cli_flag help = { "help", 'h', NULL, "show this text" };

    (void)fprintf(out, "amp %s - %s\n\nusage: amp %s [options]%s%s\n\noptions:\n", command->name,
                  command->summary, command->name, command->operands[0] ? " " : "",
                  command->operands);
    for (int i = 0; i < count_flags(command); i++)
        flag_help(&command->flags[i], out);
    flag_help(&help, out);
    if (command->details[0])
        (void)fprintf(out, "\n%s", command->details);
    if (command->more_help)
        command->more_help(out);
    (void)fprintf(out, "\nexamples:\n%s", command->examples);
}

static void fill_getopt(const cli_command *command, struct option *longs, char *shorts)
{
    const int n = count_flags(command);

    *shorts++ = ':';
    for (int i = 0; i < n; i++) {
        const cli_flag *const flag = &command->flags[i];
        longs[i].name = flag->name;
        longs[i].has_arg = flag->value ? required_argument : no_argument;
        longs[i].flag = NULL;
        longs[i].val = HELP_VALUE + 1 + i;
        if (!flag->letter)
            continue;
        *shorts++ = flag->letter;
        if (flag->value)
            *shorts++ = ':';
    }
    longs[n].name = "help";
    longs[n].has_arg = no_argument;
    longs[n].flag = NULL;
    longs[n].val = HELP_VALUE;
    *shorts++ = 'h';
    *shorts = '\0';
}

static const cli_flag *flag_of(const cli_command *command, int value)
{
    if (value > HELP_VALUE)
        return &command->flags[value - HELP_VALUE - 1];
    for (int i = 0; i < count_flags(command); i++) {
        if (command->flags[i].letter == value)
            return &command->flags[i];
    }
    return NULL;
}

static int refuse(const cli_command *command, int value, char **argv)
{
    const char *const word = argv[optind - 1];

    if (value == ':')
        cli_error("%s needs a value", word);
    else if (optopt > HELP_VALUE)
        cli_error("--%s takes no value", command->flags[optopt - HELP_VALUE - 1].name);
    else if (strncmp(word, "--", 2) == 0)
        cli_error("unknown or ambiguous option %s", word);
    else
        cli_error("unknown option -%c", optopt);
    cli_note("see: amp %s --help", command->name);
    return CLI_USAGE;
}

int cli_parse(cli_arguments *out, const cli_command *command, int argc, char **argv)
{
    struct option longs[MOST_FLAGS + 2];
    char shorts[2 * MOST_FLAGS + 4];
    int value;

    memset(out, 0, sizeof *out);
    memset(longs, 0, sizeof longs);
    out->command = command;
    fill_getopt(command, longs, shorts);
    optind = 1;
    opterr = 0;
    while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const cli_flag *const flag = flag_of(command, value);
        if (value == HELP_VALUE || value == 'h') {
            out->help = true;
            return CLI_OK;
        }
        if (value == '?' || value == ':' || !flag)
            return refuse(command, value, argv);
        if (out->n_set == CLI_MOST) {
            cli_error("more than %d options", CLI_MOST);
            return CLI_USAGE;
        }
        out->set[out->n_set].flag = flag;
        out->set[out->n_set++].value = optarg;
    }
    out->n_operands = argc - optind;
    out->operands = argv + optind;
    return CLI_OK;
}

const char *cli_get(const cli_arguments *arguments, const char *name, const char *standard)
{
    for (int i = arguments->n_set - 1; i >= 0; i--) {
        if (strcmp(arguments->set[i].flag->name, name) == 0)
            return arguments->set[i].value;
    }
    return standard;
}

bool cli_has(const cli_arguments *arguments, const char *name)
{
    for (int i = 0; i < arguments->n_set; i++) {
        if (strcmp(arguments->set[i].flag->name, name) == 0)
            return true;
    }
    return false;
}

const char *cli_get_nth(const cli_arguments *arguments, const char *name, int index)
{
    for (int i = 0; i < arguments->n_set; i++) {
        if (strcmp(arguments->set[i].flag->name, name) == 0 && index-- == 0)
            return arguments->set[i].value;
    }
    return NULL;
}

bool cli_get_number(const cli_arguments *arguments, const char *name, long long standard,
                    long long low, long long high, long long *out)
{
    const char *const text = cli_get(arguments, name, NULL);
    char *end;

    *out = standard;
    if (!text)
        return true;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || *out < low || *out > high) {
        cli_error("--%s %s: a whole number %lld..%lld is needed", name, text, low, high);
        return false;
    }
    return true;
}

bool cli_get_share(const cli_arguments *arguments, const char *name, double standard, double *out)
{
    const char *const text = cli_get(arguments, name, NULL);
    char *end;

    *out = standard;
    if (!text)
        return true;
    *out = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out > 0.0 && *out <= 1.0)) {
        cli_error("--%s %s: a number above 0 up to 1 is needed", name, text);
        return false;
    }
    return true;
}
