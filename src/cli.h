/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cli.h - what the commands of the amp program share; their common steps are in steps.h.
 */
#ifndef CLI_H
#define CLI_H

#include <amp/amp.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit codes; the first that applies: 130, 5, 4, 2, 3, 1, 0. */
enum {
    CLI_OK = 0,
    CLI_FLAGGED = 1,      /* --fail-on-ood and some image is out of distribution   */
    CLI_USAGE = 2,        /* bad arguments or a bad spec                            */
    CLI_INPUT = 3,        /* some input is unreadable                               */
    CLI_MODEL = 4,        /* model missing or invalid, or lacks what was asked of it */
    CLI_RESOURCES = 5,    /* out of memory or disk                                  */
    CLI_INTERRUPTED = 130 /* stopped by SIGINT, SIGTERM or SIGHUP                   */
};

/* ---- command lines (flags.c) ---- */
typedef struct cli_flag {
    const char *name;  /* "model": --model                                   */
    char letter;       /* 'm': -m, or 0                                      */
    const char *value; /* "FILE" in the help; NULL: the flag takes none      */
    const char *help;
} cli_flag;

typedef struct cli_arguments cli_arguments;

typedef struct cli_command {
    const char *name;
    const char *summary;   /* one line                         */
    const char *operands;  /* "FILE..." or ""                  */
    const cli_flag *flags; /* ends with a NULL name            */
    const char *details;   /* paragraphs below the flags       */
    const char *examples;
    int (*run)(const cli_arguments *arguments);
    void (*more_help)(FILE *out); /* NULL, or tables that the library declares */
} cli_command;

/* Parsed once by main.c; borrowed by the command. */
#define CLI_MOST 1024
struct cli_arguments {
    const cli_command *command;
    bool help; /* --help was given */
    int n_set;
    struct {
        const cli_flag *flag;
        const char *value;
    } set[CLI_MOST];
    int n_operands;
    char **operands;
};

void cli_help(const cli_command *command, FILE *out);
/* CLI_OK, or CLI_USAGE after saying why on stderr. */
int cli_parse(cli_arguments *out, const cli_command *command, int argc, char **argv);
/* Last value of --name, or `standard`. */
const char *cli_get(const cli_arguments *arguments, const char *name, const char *standard);
bool cli_has(const cli_arguments *arguments, const char *name);
/* Value number `index` of a flag that may be repeated; NULL past the last. */
const char *cli_get_nth(const cli_arguments *arguments, const char *name, int index);
/* A whole number within low..high; on a fault says so and returns false. */
bool cli_get_number(const cli_arguments *arguments, const char *name, long long standard,
                    long long low, long long high, long long *out);
/* The same for a number above 0 up to 1. */
bool cli_get_share(const cli_arguments *arguments, const char *name, double standard, double *out);

/* ---- messages (report.c): stderr only ---- */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The library's error with advice; gives the exit code: memory and disk CLI_RESOURCES, a cancelled
   call CLI_INTERRUPTED, everything else `otherwise`. */
int cli_fail(const amp_error *error, int otherwise);
/* The exit code alone. */
int cli_exit_code(const amp_error *error, int otherwise);
/* Bytes of the UTF-8 character at `text`, 0 when it is none. */
size_t cli_character(const char *text);
/* What is no UTF-8 becomes '?', and control characters, which a terminal would obey: as in the
   library's messages. */
void cli_printable(char *text);
/* Writes out what stdout holds; false, and said once, when that does not work. */
bool cli_flush_output(void);

/* ---- progress (progress.c): on a terminal only ---- */
/* A steady clock, in seconds. */
double cli_now(void);
typedef struct cli_progress {
    double began, shown;  /* the stage; the line */
    uint64_t first, last; /* done, at the stage's first step and at the latest */
    char stage[32];
    bool terminal, drawn;
} cli_progress;
void cli_progress_start(cli_progress *progress);
/* An amp_progress_fn; user is a cli_progress.  Cancels after SIGINT. */
int32_t cli_progress_step(void *user, const amp_progress *now);
/* One line redrawn in place, at most ten times a second. */
void cli_progress_line(cli_progress *progress, const char *text);
void cli_progress_clear(cli_progress *progress);
/* "1:23:45" or "4:05". */
void cli_duration(double seconds, char *out, size_t size);

/* ---- signals (signals.c) ---- */
/* First SIGINT, SIGTERM or SIGHUP: cli_interrupted() becomes true; the next ends the process. */
void cli_signals_install(void);
bool cli_interrupted(void);

/* ---- commands, one file each ---- */
extern const cli_command cli_score, cli_eval, cli_train, cli_bank, cli_calibrate, cli_forward,
    cli_info, cli_bench;

#endif
