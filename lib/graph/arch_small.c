/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/arch_small.c - two networks that train in minutes: "resnet9" and "airbench".
 *
 * Sources: D. Page, "How to Train Your ResNet", 2018 (the network of DAWNBench); K. Jordan, "94% on
 * CIFAR-10 in 3.29 Seconds on a Single GPU", 2024.  Both end in a pool by maximum and a linear
 * layer whose output their authors scale, by 1/8 and 1/9.  Here the first values of that layer are
 * scaled instead (init.c): a rate times the square of the factor for this layer (option head_lr of
 * training) makes it the same network.  Rectified linear units stand for airbench's GELU.
 */
#include "graph/graph_internal.h"

#include <stdio.h>

static const ampi_conv same = { .kernel = 3, .stride = 1, .pad = 1 };

/* "<prefix>.conv<tail>" - pool where asked for, before or after - "<prefix>.bn<tail>" - relu. */
typedef struct layer {
    const char *prefix, *tail;
    uint32_t channels;
    bool pool_first, pool_last;
} layer;

static amp_status halve(ampi_graph *graph, int32_t *x, bool wanted, amp_error *error)
{
    return wanted ? ampi_graph_max_pool(graph, x, *x, 2, 2, 0, error) : AMP_OK;
}

static amp_status append_layer(ampi_graph *graph, int32_t *x, const layer *l, amp_error *error)
{
    ampi_conv how = same;
    char name[AMPI_NAME];

    how.channels = l->channels;
    snprintf(name, sizeof name, "%s.conv%s", l->prefix, l->tail);
    AMPI_TRY(ampi_graph_conv(graph, x, name, *x, &how, error));
    AMPI_TRY(halve(graph, x, l->pool_first, error));
    snprintf(name, sizeof name, "%s.bn%s", l->prefix, l->tail);
    AMPI_TRY(ampi_graph_batch_norm(graph, x, name, *x, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    return halve(graph, x, l->pool_last, error);
}

/* The maximum of windows of `side`, or of less where the image is smaller; the mean of what is
   left, which at 32x32 is one value. */
static amp_status head(ampi_graph *graph, int32_t x, uint32_t side, const ampi_arch *arch,
                       amp_error *error)
{
    const ampi_shape in = graph->nodes[x].shape;
    const uint32_t least = in.h < in.w ? in.h : in.w;
    const uint32_t window = least < side ? least : side;

    AMPI_TRY(ampi_graph_max_pool(graph, &x, x, window, window, 0, error));
    if (graph->nodes[x].shape.h > 1 || graph->nodes[x].shape.w > 1)
        AMPI_TRY(ampi_graph_avg_pool(graph, &x, x, error));
    return ampi_graph_linear(graph, &x, "linear", x, (uint32_t)arch->classes, error);
}

/* x + two layers on x, not activated again. */
static amp_status residual(ampi_graph *graph, int32_t *x, const char *prefix, amp_error *error)
{
    const uint32_t channels = graph->nodes[*x].shape.c;
    const int32_t shortcut = *x;
    char first[48], second[48];

    snprintf(first, sizeof first, "%s.res1", prefix);
    snprintf(second, sizeof second, "%s.res2", prefix);
    AMPI_TRY(append_layer(graph, x, &(layer){ first, "", channels, false, false }, error));
    AMPI_TRY(append_layer(graph, x, &(layer){ second, "", channels, false, false }, error));
    return ampi_graph_add(graph, x, shortcut, *x, error);
}

amp_status ampi_arch_resnet9(ampi_graph *graph, const ampi_arch *arch, amp_error *error)
{
    const uint32_t width = (uint32_t)arch->width;
    int32_t x = 0;

    AMPI_TRY(append_layer(graph, &x, &(layer){ "prep", "", width, false, false }, error));
    AMPI_TRY(append_layer(graph, &x, &(layer){ "layer1", "", 2 * width, false, true }, error));
    AMPI_TRY(residual(graph, &x, "layer1", error));
    AMPI_TRY(append_layer(graph, &x, &(layer){ "layer2", "", 4 * width, false, true }, error));
    AMPI_TRY(append_layer(graph, &x, &(layer){ "layer3", "", 8 * width, false, true }, error));
    AMPI_TRY(residual(graph, &x, "layer3", error));
    return head(graph, x, 4, arch, error);
}

amp_status ampi_arch_airbench(ampi_graph *graph, const ampi_arch *arch, amp_error *error)
{
    static const char *const groups[3] = { "layer1", "layer2", "layer3" };
    /* A filter and its negative for each value of a 2x2 patch (option whiten of training). */
    const ampi_conv whiten = {
        .channels = 8 * graph->nodes[0].shape.c, .kernel = 2, .stride = 1, .pad = 0, .bias = true
    };
    int32_t x = 0;

    AMPI_TRY(ampi_graph_conv(graph, &x, "whiten", x, &whiten, error));
    AMPI_TRY(ampi_graph_relu(graph, &x, x, error));
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t channels = (uint32_t)arch->width * (i == 0 ? 1 : 4);
        AMPI_TRY(append_layer(graph, &x, &(layer){ groups[i], "1", channels, true, false }, error));
        AMPI_TRY(
            append_layer(graph, &x, &(layer){ groups[i], "2", channels, false, false }, error));
    }
    return head(graph, x, 3, arch, error);
}
