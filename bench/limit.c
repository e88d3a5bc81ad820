/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/limit.c - the machine's own limit: the rate of one large oneDNN matmul, as a contender of
 * bench/compare.
 *
 *   limit PRECISION SIDE        fp32, bf16 or int8 (u8 x s8); SIDE x SIDE matrices
 *
 * oneDNN chooses the layouts of all three matrices; OMP_NUM_THREADS sets the threads.
 */
#include "serve.h"
#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE, WEIGHTS, RESULT, MATRICES };

typedef struct precision {
    const char *name;
    dnnl_data_type_t type[MATRICES];
    uint8_t one[MATRICES][4]; /* the value 1 in each type, little-endian */
    size_t bytes[MATRICES];
} precision;

static const precision precisions[] = {
    { "fp32",
      { dnnl_f32, dnnl_f32, dnnl_f32 },
      { { 0, 0, 0x80, 0x3f }, { 0, 0, 0x80, 0x3f }, { 0, 0, 0x80, 0x3f } },
      { 4, 4, 4 } },
    { "bf16",
      { dnnl_bf16, dnnl_bf16, dnnl_bf16 },
      { { 0x80, 0x3f }, { 0x80, 0x3f }, { 0x80, 0x3f } },
      { 2, 2, 2 } },
    { "int8", { dnnl_u8, dnnl_s8, dnnl_u8 }, { { 1 }, { 1 }, { 1 } }, { 1, 1, 1 } },
};

typedef struct product {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[MATRICES];
    dnnl_status_t status;
} product;

static const precision *find(const char *name)
{
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++)
        if (strcmp(precisions[i].name, name) == 0)
            return &precisions[i];
    return NULL;
}

#if DNNL_VERSION_MAJOR == 2
typedef const dnnl_memory_desc_t *layout;

static dnnl_status_t describe(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const precision *p,
                              dnnl_dim_t side)
{
    const dnnl_dims_t dims = { side, side };
    dnnl_memory_desc_t any[MATRICES];
    dnnl_matmul_desc_t op;
    dnnl_status_t status = dnnl_success;

    for (int i = 0; i < MATRICES && status == dnnl_success; i++)
        status = dnnl_memory_desc_init_by_tag(&any[i], 2, dims, p->type[i], dnnl_format_tag_any);
    if (status == dnnl_success)
        status = dnnl_matmul_desc_init(&op, &any[SOURCE], &any[WEIGHTS], NULL, &any[RESULT]);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &op, NULL, engine, NULL);
    return status;
}
#else
typedef const_dnnl_memory_desc_t layout;

static dnnl_status_t describe(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const precision *p,
                              dnnl_dim_t side)
{
    const dnnl_dims_t dims = { side, side };
    dnnl_memory_desc_t any[MATRICES] = { NULL };
    dnnl_status_t status = dnnl_success;

    for (int i = 0; i < MATRICES && status == dnnl_success; i++)
        status =
            dnnl_memory_desc_create_with_tag(&any[i], 2, dims, p->type[i], dnnl_format_tag_any);
    if (status == dnnl_success)
        status = dnnl_matmul_primitive_desc_create(out, engine, any[SOURCE], any[WEIGHTS], NULL,
                                                   any[RESULT], NULL);
    for (int i = 0; i < MATRICES; i++)
        if (any[i] != NULL)
            dnnl_memory_desc_destroy(any[i]);
    return status;
}
#endif

/* Matrices full of ones in the layouts that the primitive likes. */
static dnnl_status_t fill(product *p, const_dnnl_primitive_desc_t desc, const precision *how)
{
    const dnnl_query_t asks[MATRICES] = { dnnl_query_src_md, dnnl_query_weights_md,
                                          dnnl_query_dst_md };
    dnnl_status_t status = dnnl_success;

    for (int i = 0; i < MATRICES && status == dnnl_success; i++) {
        layout md = dnnl_primitive_desc_query_md(desc, asks[i], 0);
        const size_t size = dnnl_memory_desc_get_size(md);
        void *handle = NULL;
        status = dnnl_memory_create(&p->memory[i], md, p->engine, DNNL_MEMORY_ALLOCATE);
        if (status == dnnl_success)
            status = dnnl_memory_get_data_handle(p->memory[i], &handle);
        for (size_t at = 0; status == dnnl_success && at < size; at += how->bytes[i])
            memcpy((uint8_t *)handle + at, how->one[i], how->bytes[i]);
    }
    return status;
}

static dnnl_status_t make(product *p, const precision *how, dnnl_dim_t side)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t status = dnnl_engine_create(&p->engine, dnnl_cpu, 0);

    if (status == dnnl_success)
        status = dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = describe(&desc, p->engine, how, side);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&p->primitive, desc);
    if (status == dnnl_success)
        status = fill(p, desc, how);
    if (desc != NULL)
        dnnl_primitive_desc_destroy(desc);
    return status;
}

static void release(product *p)
{
    for (int i = 0; i < MATRICES; i++)
        if (p->memory[i] != NULL)
            dnnl_memory_destroy(p->memory[i]);
    if (p->primitive != NULL)
        dnnl_primitive_destroy(p->primitive);
    if (p->stream != NULL)
        dnnl_stream_destroy(p->stream);
    if (p->engine != NULL)
        dnnl_engine_destroy(p->engine);
}

static int run(void *user)
{
    product *const p = user;
    const dnnl_exec_arg_t arguments[] = { { DNNL_ARG_SRC, p->memory[SOURCE] },
                                          { DNNL_ARG_WEIGHTS, p->memory[WEIGHTS] },
                                          { DNNL_ARG_DST, p->memory[RESULT] } };

    p->status = dnnl_primitive_execute(p->primitive, p->stream, MATRICES, arguments);
    if (p->status == dnnl_success)
        p->status = dnnl_stream_wait(p->stream);
    return p->status != dnnl_success;
}

static const char *fault(void *user)
{
    (void)user;
    return "oneDNN failed to run the matmul";
}

static int serve(product *p, const char *name, unsigned long side)
{
    const dnnl_version_t *const v = dnnl_version();
    char version[64], settings[64];
    const bench_work work = { .version = version,
                              .settings = settings,
                              .multiply_adds = side * side * side,
                              .run = run,
                              .fault = fault,
                              .user = p };

    (void)snprintf(version, sizeof version, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    (void)snprintf(settings, sizeof settings, "matmul %lu, %s", side, name);
    return bench_serve(&work);
}

int main(int argc, char **argv)
{
    const precision *const how = argc == 3 ? find(argv[1]) : NULL;
    const unsigned long side = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    product p = { 0 };
    int code = 1;

    if (how == NULL || side < 1 || side > 16384) {
        (void)fputs("usage: limit fp32|bf16|int8 SIDE\n", stderr);
        return 2;
    }
    p.status = make(&p, how, (dnnl_dim_t)side);
    if (p.status == dnnl_unimplemented)
        code = bench_refuse("oneDNN has no matmul of this precision here");
    else if (p.status != dnnl_success)
        code = bench_refuse("oneDNN failed to make the matmul");
    else
        code = serve(&p, how->name, side);
    release(&p);
    return code;
}
