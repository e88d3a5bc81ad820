/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/context_internal.h - the fields of a context, for core's own files.
 */
#ifndef AMPI_CONTEXT_INTERNAL_H
#define AMPI_CONTEXT_INTERNAL_H

#include "core/core.h"

#include <stdatomic.h>
#include <sys/types.h>

struct amp_context {
    amp_context_options options;
    atomic_uint references;
    atomic_int threads_free;
    pid_t process; /* that made it: in a forked child the thread pools are gone */
};

#endif
