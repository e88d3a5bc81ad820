/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_backend.c - the oneDNN row of the back ends' table.
 */
#include "exec/dnnl_backend.h"

#include <stdio.h>

const ampi_backend_api *ampi_backend_onednn(void)
{
    static const ampi_backend_api api = {
        .chunk = ampi_dnnl_chunk,
        .precision_here = ampi_dnnl_precision_here,
        .program_create = ampi_dnnl_program_create,
        .program_free = ampi_dnnl_program_free,
        .runner_create = ampi_dnnl_runner_create,
        .runner_free = ampi_dnnl_runner_free,
        .runner_forward = ampi_dnnl_runner_forward,
        .runner_watch = ampi_dnnl_runner_watch,
        .tape_create = ampi_dnnl_tape_create,
        .tape_free = ampi_dnnl_tape_free,
        .tape_bytes = ampi_dnnl_tape_bytes,
        .tape_forward = ampi_dnnl_tape_forward,
        .tape_backward = ampi_dnnl_tape_backward,
    };
    return &api;
}

/* bf16 without the instructions for it is slower than fp32, not less exact only; int8 without them
   adds up in 16 bits, which overflow. */
bool ampi_dnnl_precision_here(ampi_precision precision)
{
    const int isa = (int)dnnl_get_effective_cpu_isa();
    const int bf16 = (int)dnnl_cpu_isa_avx512_core_bf16;
    const int wide = (int)dnnl_cpu_isa_avx512_core_vnni, narrow = (int)dnnl_cpu_isa_avx2_vnni;

    if (precision == AMPI_PRECISION_BF16)
        return (isa & bf16) == bf16;
    if (precision == AMPI_PRECISION_INT8)
        return (isa & wide) == wide || (isa & narrow) == narrow;
    return precision < AMPI_PRECISION_COUNT;
}

typedef struct isa_name {
    int isa;
    const char *name;
} isa_name;

static const char *name_of(int isa)
{
    static const isa_name names[] = {
        { dnnl_cpu_isa_sse41, "sse41" },
        { dnnl_cpu_isa_avx, "avx" },
        { dnnl_cpu_isa_avx2, "avx2" },
        { dnnl_cpu_isa_avx2_vnni, "avx2_vnni" },
        { dnnl_cpu_isa_avx512_core, "avx512_core" },
        { dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni" },
        { dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].isa == isa)
            return names[i].name;
    return "other";
}

void ampi_exec_describe(char *out, size_t size)
{
    const dnnl_version_t *const version = dnnl_version();

    snprintf(out, size, "oneDNN %d.%d.%d, cpu isa %s", version->major, version->minor,
             version->patch, name_of((int)dnnl_get_effective_cpu_isa()));
}
