/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/backend.c - what stands in for oneDNN in a build without it.
 */
#include "exec/backend.h"

#include <stdio.h>

#if AMPI_DNNL_MAJOR == 0

const ampi_backend_api *ampi_backend_onednn(void)
{
    return NULL;
}

void ampi_exec_describe(char *out, size_t size)
{
    snprintf(out, size, "plain loops");
}

#else
typedef int ampi_backend_unused;
#endif
