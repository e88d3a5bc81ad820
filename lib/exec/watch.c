/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/watch.c - the rows of a watched run: texts, clock, sums.  Back ends fill them.
 */
#define _POSIX_C_SOURCE 200809L
#include "exec/watch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

double ampi_watch_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

amp_status ampi_watch_append(ampi_watch *watch, const ampi_watch_row *row, amp_error *error)
{
    AMPI_TRY(ampi_grow(watch->context, &watch->rows, &watch->capacity, watch->count + 1,
                       sizeof *watch->rows, error));
    watch->rows[watch->count++] = *row;
    return AMP_OK;
}

static int print_shape(char *out, size_t size, ampi_shape shape)
{
    return snprintf(out, size, "%ux%ux%u", shape.c, shape.h, shape.w);
}

void ampi_watch_describe(ampi_watch_row *row, const ampi_graph *graph, const ampi_node *node)
{
    const bool windows = node->op == AMPI_OP_CONV || node->op == AMPI_OP_MAX_POOL;
    const size_t size = sizeof row->shape;
    size_t used = 0;

    memcpy(row->name, node->name, sizeof row->name);
    if (node->inputs[0] != AMPI_NONE) {
        used = (size_t)print_shape(row->shape, size, graph->nodes[node->inputs[0]].shape);
        used += (size_t)snprintf(row->shape + used, size - used, " -> ");
    }
    used += (size_t)print_shape(row->shape + used, size - used, node->shape);
    if (windows && used < size)
        (void)snprintf(row->shape + used, size - used, ", %ux%u/%u", node->kernel, node->kernel,
                       node->stride);
}

uint64_t ampi_watch_multiply_adds(const ampi_graph *graph, const ampi_node *node)
{
    const ampi_shape out = node->shape;
    uint64_t window = 1;

    if (node->op != AMPI_OP_CONV && node->op != AMPI_OP_LINEAR)
        return 0;
    if (node->op == AMPI_OP_CONV)
        window = (uint64_t)node->kernel * node->kernel;
    return window * graph->nodes[node->inputs[0]].shape.c * out.c * out.h * out.w;
}

void ampi_watch_restart(ampi_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        watch->rows[i].calls = 0;
        watch->rows[i].seconds = 0.0;
    }
}

void ampi_watch_clear(ampi_watch *watch)
{
    ampi_free(watch->context, watch->rows);
    watch->rows = NULL;
    watch->count = watch->capacity = 0;
}
