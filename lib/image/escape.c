/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/escape.c - setjmp and longjmp, kept apart so that no other function has to mind them.
 */
#include "image/escape.h"

amp_status ampi_escape_run(ampi_escape *escape, amp_status (*step)(void *user), void *user)
{
    if (setjmp(escape->target) != 0)
        return escape->status;
    return step(user);
}

noreturn void ampi_escape_leave(ampi_escape *escape, amp_status status)
{
    escape->status = status;
    longjmp(escape->target, 1);
}
