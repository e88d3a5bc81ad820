/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/escape.h - the one non-local jump of the library, out of a decoder's error callback.
 *
 * libjpeg and libpng report a fatal error by a callback that must not return.
 */
#ifndef AMPI_ESCAPE_H
#define AMPI_ESCAPE_H

#include <amp/base.h>
#include <setjmp.h>
#include <stdnoreturn.h>

typedef struct ampi_escape {
    jmp_buf target;
    amp_status status;
} ampi_escape;

/* Runs step(user): its status, or the one that ampi_escape_leave was given inside it.  What the
   step acquires must be reachable from `user`, since its own frames may vanish. */
amp_status ampi_escape_run(ampi_escape *escape, amp_status (*step)(void *user), void *user);

/* Only inside ampi_escape_run on the same thread. */
noreturn void ampi_escape_leave(ampi_escape *escape, amp_status status);

#endif
