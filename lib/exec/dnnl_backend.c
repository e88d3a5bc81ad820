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
        .program_create = ampi_dnnl_program_create,
        .program_free = ampi_dnnl_program_free,
        .runner_create = ampi_dnnl_runner_create,
        .runner_free = ampi_dnnl_runner_free,
        .runner_forward = ampi_dnnl_runner_forward,
        .tape_create = ampi_dnnl_tape_create,
        .tape_free = ampi_dnnl_tape_free,
        .tape_forward = ampi_dnnl_tape_forward,
        .tape_backward = ampi_dnnl_tape_backward,
    };
    return &api;
}

static const char *isa_name(void)
{
    switch ((int)dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
        return "sse41";
    case dnnl_cpu_isa_avx:
        return "avx";
    case dnnl_cpu_isa_avx2:
        return "avx2";
    case dnnl_cpu_isa_avx512_core:
        return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
        return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
        return "avx512_core_bf16";
    default:
        return "other";
    }
}

void ampi_exec_describe(char *out, size_t size)
{
    const dnnl_version_t *const version = dnnl_version();

    snprintf(out, size, "oneDNN %d.%d.%d, cpu isa %s", version->major, version->minor,
             version->patch, isa_name());
}
