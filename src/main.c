/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/main.c - the amp program: picks the command.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const cli_command *const commands[] = {
    &cli_score, &cli_eval,
#if AMP_WITH_TRAINING
    &cli_train,
#endif
    &cli_bank,  &cli_calibrate, &cli_forward, &cli_info, &cli_bench,
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static const cli_command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
    }
    return NULL;
}

static int usage(FILE *out, int code)
{
    (void)fprintf(out, "amp - tells whether an image belongs to what a network was trained on\n\n"
                       "usage: amp COMMAND [options] ...\n\ncommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    (void)fprintf(out, "\n`amp COMMAND --help` shows options and examples; `amp --version` the "
                       "version.\n");
    return code;
}

static int unknown(const char *name)
{
    cli_error("unknown command '%s'", name);
    return usage(stderr, CLI_USAGE);
}

static int version(void)
{
    char text[256];

    (void)amp_build_info(text, sizeof text);
    (void)printf("%s\n", text);
    return CLI_OK;
}

static int help(const char *name)
{
    const cli_command *const command = name ? find(name) : NULL;

    if (!name)
        return usage(stdout, CLI_OK);
    if (!command)
        return unknown(name);
    cli_help(command, stdout);
    return CLI_OK;
}

static int run(const cli_command *command, int argc, char **argv)
{
    static cli_arguments arguments;
    const int code = cli_parse(&arguments, command, argc, argv);

    if (code != CLI_OK)
        return code;
    if (arguments.help)
        return help(command->name);
    cli_signals_install();
    return command->run(&arguments);
}

static int dispatch(int argc, char **argv)
{
    const cli_command *command;

    if (argc < 2)
        return usage(stderr, CLI_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout, CLI_OK);
    if (strcmp(argv[1], "help") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(argv[1], "--version") == 0)
        return version();
    command = find(argv[1]);
    return command ? run(command, argc - 1, argv + 1) : unknown(argv[1]);
}

/* A file opened while one of 0, 1, 2 is closed would get that number, and results or messages would
   go into it.  Each gets a stand-in that fails when it is used. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int main(int argc, char **argv)
{
    int code;

    hold_standard_streams();
    code = dispatch(argc, argv);
    /* A full disk shows here at the latest. */
    if (!cli_flush_output() && code != CLI_INTERRUPTED)
        return CLI_RESOURCES;
    return code;
}
