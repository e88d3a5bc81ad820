/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/main.c - the amp program: picks the command.
 */
#include "cli.h"

#include <string.h>

static const cli_command *const commands[] = {
    &cli_score, &cli_eval,
#if AMP_WITH_TRAINING
    &cli_train,
#endif
    &cli_bank,  &cli_calibrate, &cli_forward, &cli_info,
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void usage(FILE *out)
{
    (void)fprintf(out, "amp - tells whether an image belongs to what a network was trained on\n\n"
                       "usage: amp COMMAND [options] ...\n\ncommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    (void)fprintf(out, "\n`amp COMMAND --help` shows options and examples; `amp --version` the "
                       "version.\n");
}

static int version(void)
{
    char text[256];

    (void)amp_build_info(text, sizeof text);
    (void)printf("%s\n", text);
    return CLI_OK;
}

static int run(const cli_command *command, int argc, char **argv)
{
    static cli_arguments arguments;
    int code = cli_parse(&arguments, command, argc, argv);

    if (code != CLI_OK)
        return code;
    cli_signals_install();
    code = command->run(&arguments);
    /* A full disk shows here at the latest. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_error("cannot write to the standard output");
        return code == CLI_INTERRUPTED ? code : CLI_RESOURCES;
    }
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        return version();
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run(commands[i], argc - 1, argv + 1);
    }
    cli_error("unknown command '%s'", argv[1]);
    usage(stderr);
    return CLI_USAGE;
}
