/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/signals.c - the first Ctrl-C asks the work to end cleanly, the second ends it.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Two signals may be handled at once, on two threads. */
static atomic_int interrupts;

static void on_signal(int number)
{
    static const char text[] = "\namp: stopping; once more to stop at once\n";
    const int kept = errno;

    (void)number;
    if (atomic_fetch_add(&interrupts, 1) > 0)
        _exit(CLI_INTERRUPTED);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        errno = kept;
    errno = kept;
}

/* What the caller ignores stays ignored: SIGHUP under nohup, SIGINT in a shell's background. */
static void catch_signal(int number)
{
    struct sigaction action, before;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    (void)sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        (void)sigaction(number, &action, NULL);
}

void cli_signals_install(void)
{
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    catch_signal(SIGHUP);
    /* A file past the limit of its size is an error of write(), not the end of the process. */
    (void)signal(SIGXFSZ, SIG_IGN);
}

bool cli_interrupted(void)
{
    return atomic_load(&interrupts) > 0;
}
