/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_watch.c - the steps of a plan in words, for a profile (watch.h).
 *
 * Called when a watched runner meets a plan, never while one runs.
 */
#include "exec/dnnl_program.h"

#include <stdio.h>
#include <string.h>

static void set_text(char *out, const char *text)
{
    (void)snprintf(out, AMPI_WATCH_TEXT, "%s", text);
}

static const char *kind_name(dnnl_primitive_kind_t kind)
{
    static const struct {
        dnnl_primitive_kind_t kind;
        const char *name;
    } names[] = {
        { dnnl_reorder, "reorder" },
        { dnnl_convolution, "convolution" },
        { dnnl_inner_product, "convolution" },
        { dnnl_matmul, "convolution" },
        { dnnl_batch_normalization, "scale" },
        { dnnl_eltwise, "relu" },
        { dnnl_binary, "add" },
        { dnnl_pooling, "pool" },
        { dnnl_sum, "add" },
        { dnnl_concat, "concat" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].kind == kind)
            return names[i].name;
    return "a primitive";
}

static const char *type_name(dnnl_data_type_t type)
{
    static const struct {
        dnnl_data_type_t type;
        const char *name;
    } names[] = {
        { dnnl_f32, "f32" }, { dnnl_bf16, "bf16" }, { dnnl_s32, "s32" },
        { dnnl_s8, "s8" },   { dnnl_u8, "u8" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].type == type)
            return names[i].name;
    return "?";
}

/* A reorder works on bytes, whatever the shape of its node. */
static void describe_reorder(ampi_watch_row *row, const_dnnl_primitive_desc_t desc)
{
    const ampi_md from = ampi_desc_md(desc, dnnl_query_src_md, 0);
    const ampi_md to = ampi_desc_md(desc, dnnl_query_dst_md, 0);

    if (from != NULL && to != NULL)
        (void)snprintf(row->shape, sizeof row->shape, "%.1f KiB %s -> %.1f KiB %s",
                       (double)ampi_md_bytes(from) / 1024.0, type_name(ampi_md_type(from)),
                       (double)ampi_md_bytes(to) / 1024.0, type_name(ampi_md_type(to)));
}

static void describe_primitive(ampi_watch_row *row, const_dnnl_primitive_t primitive)
{
    dnnl_primitive_kind_t kind = dnnl_undefined_primitive;
    const_dnnl_primitive_desc_t desc = NULL;
    const char *kernel = "?";

    if (dnnl_primitive_get_primitive_desc(primitive, &desc) == dnnl_success) {
        (void)dnnl_primitive_desc_query(desc, dnnl_query_primitive_kind, 0, &kind);
        (void)dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &kernel);
        if (kind == dnnl_reorder)
            describe_reorder(row, desc);
    }
    set_text(row->what, kind_name(kind));
    set_text(row->kernel, kernel);
}

amp_status ampi_dnnl_watch(ampi_watch *watch, const ampi_graph *graph, const ampi_dnnl_plan *plan,
                           size_t *first, amp_error *error)
{
    *first = watch->count;
    for (size_t i = 0; i < plan->plan.n_steps; i++) {
        const ampi_step *const step = &plan->plan.steps[i];
        const ampi_node *const node = &graph->nodes[step->node];
        ampi_watch_row row = { .rows = (uint32_t)plan->batch };
        ampi_watch_describe(&row, graph, node);
        if (step->primitive != NULL)
            describe_primitive(&row, step->primitive);
        if (step->function != NULL)
            set_text(row.kernel, "libamp");
        if (step->what != NULL || step->function != NULL)
            set_text(row.what, step->what != NULL ? step->what : "a function");
        if (strncmp(row.what, "convolution", strlen("convolution")) == 0)
            row.multiply_adds = plan->batch * ampi_watch_multiply_adds(graph, node);
        AMPI_TRY(ampi_watch_append(watch, &row, error));
    }
    return AMP_OK;
}
