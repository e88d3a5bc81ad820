/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/build_info.c - the line for bug reports; here because it names the engine below the scorer.
 */
#include "exec/exec.h"
#include <amp/version.h>

#include <stdio.h>

size_t amp_build_info(char *out, size_t size)
{
    char engine[128];

    ampi_exec_describe(engine, sizeof engine);
    const int length = snprintf(out, size, "libamp %s, abi %d, training %s, %s", AMP_VERSION_STRING,
                                AMP_ABI_VERSION, AMPI_TRAINING ? "on" : "off", engine);
    return length < 0 ? 0 : (size_t)length;
}
