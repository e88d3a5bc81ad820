/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/arch_wrn.c - Wide ResNet of any depth 6n + 4 and width, with the parameter names of the
 * PyTorch code that most checkpoints come from.
 *
 * Source: Zagoruyko and Komodakis, "Wide Residual Networks", 2016; the unit is pre-activated.
 * The first unit of a block, where channels change, takes its shortcut after the activation, any
 * other one before it.
 */
#include "graph/graph_internal.h"

#include <stdio.h>

typedef struct unit {
    char prefix[48]; /* "block1.layer.0" */
    uint32_t channels, stride;
    float dropout;
} unit;

/* conv1 - bn2 - relu - dropout - conv2 on the activated input. */
static amp_status residual(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const ampi_conv first = { u->channels, 3, u->stride, 1, false };
    const ampi_conv second = { u->channels, 3, 1, 1, false };
    char name[AMPI_NAME];

    snprintf(name, sizeof name, "%s.conv1", u->prefix);
    AMPI_TRY(ampi_graph_conv(graph, x, name, *x, &first, error));
    snprintf(name, sizeof name, "%s.bn2", u->prefix);
    AMPI_TRY(ampi_graph_batch_norm(graph, x, name, *x, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    if (u->dropout > 0.0f)
        AMPI_TRY(ampi_graph_dropout(graph, x, *x, u->dropout, error));
    snprintf(name, sizeof name, "%s.conv2", u->prefix);
    return ampi_graph_conv(graph, x, name, *x, &second, error);
}

static amp_status append_unit(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const bool change = graph->nodes[*x].shape.c != u->channels;
    const ampi_conv project = { u->channels, 1, u->stride, 0, false };
    char name[AMPI_NAME];
    int32_t shortcut = *x;
    int32_t path = AMPI_NONE;

    snprintf(name, sizeof name, "%s.bn1", u->prefix);
    AMPI_TRY(ampi_graph_batch_norm(graph, &path, name, *x, error));
    AMPI_TRY(ampi_graph_relu(graph, &path, path, error));
    if (change) {
        snprintf(name, sizeof name, "%s.convShortcut", u->prefix);
        AMPI_TRY(ampi_graph_conv(graph, &shortcut, name, path, &project, error));
    }
    AMPI_TRY(residual(graph, &path, u, error));
    return ampi_graph_add(graph, x, shortcut, path, error);
}

amp_status ampi_arch_wrn(ampi_graph *graph, const ampi_arch *arch, amp_error *error)
{
    const ampi_conv stem = { 16, 3, 1, 1, false };
    const int64_t units = (arch->depth - 4) / 6;
    unit u = { .dropout = (float)arch->dropout };
    int32_t x = 0;

    AMPI_TRY(ampi_graph_conv(graph, &x, "conv1", x, &stem, error));
    for (uint32_t block = 0; block < 3; block++)
        for (int64_t i = 0; i < units; i++) {
            snprintf(u.prefix, sizeof u.prefix, "block%u.layer.%lld", block + 1, (long long)i);
            u.channels = (16u << block) * (uint32_t)arch->width;
            u.stride = block > 0 && i == 0 ? 2 : 1;
            AMPI_TRY(append_unit(graph, &x, &u, error));
        }
    AMPI_TRY(ampi_graph_batch_norm(graph, &x, "bn1", x, error));
    AMPI_TRY(ampi_graph_relu(graph, &x, x, error));
    AMPI_TRY(ampi_graph_avg_pool(graph, &x, x, error));
    return ampi_graph_linear(graph, &x, "fc", x, (uint32_t)arch->classes, error);
}
