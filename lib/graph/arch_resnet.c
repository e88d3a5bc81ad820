/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/arch_resnet.c - ResNet with the CIFAR stem (basic units; names "shortcut", "linear") and
 * with the ImageNet stem (basic or bottleneck units; torchvision's names "downsample", "fc").
 *
 * Source: He et al., "Deep Residual Learning", 2015.  Bottlenecks stride in the 3x3 convolution
 * ("v1.5").
 */
#include "graph/graph_internal.h"

#include <stdio.h>

typedef struct unit {
    char prefix[48]; /* "layer1.0" */
    uint32_t width, stride;
    const ampi_resnet *net;
} unit;

/* Convolution "<prefix>.conv<i>" with batch norm "<prefix>.bn<i>"; 3x3 pads by 1, 1x1 by 0. */
static amp_status conv_bn(ampi_graph *graph, int32_t *x, const unit *u, const uint32_t step[4],
                          amp_error *error)
{
    const uint32_t channels = step[1];
    const uint32_t kernel = step[2];
    char name[AMPI_NAME];

    snprintf(name, sizeof name, "%s.conv%u", u->prefix, step[0]);
    AMPI_TRY(
        ampi_graph_conv(graph, x, name, *x, channels, kernel, step[3], kernel / 2, false, error));
    snprintf(name, sizeof name, "%s.bn%u", u->prefix, step[0]);
    return ampi_graph_batch_norm(graph, x, name, *x, error);
}

/* Steps are {number, channels, kernel, stride}. */
static amp_status basic_path(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const uint32_t first[4] = { 1, u->width, 3, u->stride };
    const uint32_t second[4] = { 2, u->width, 3, 1 };

    AMPI_TRY(conv_bn(graph, x, u, first, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    return conv_bn(graph, x, u, second, error);
}

static amp_status bottleneck_path(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const uint32_t first[4] = { 1, u->width, 1, 1 };
    const uint32_t second[4] = { 2, u->width, 3, u->stride };
    const uint32_t third[4] = { 3, 4 * u->width, 1, 1 };

    AMPI_TRY(conv_bn(graph, x, u, first, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    AMPI_TRY(conv_bn(graph, x, u, second, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    return conv_bn(graph, x, u, third, error);
}

/* 1x1 convolution and batch norm where the shape changes, else the input itself. */
static amp_status shortcut(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const uint32_t channels = u->net->bottleneck ? 4 * u->width : u->width;
    const char *const word = u->net->imagenet ? "downsample" : "shortcut";
    char name[AMPI_NAME];

    if (u->stride == 1 && graph->nodes[*x].shape.c == channels)
        return AMP_OK;
    snprintf(name, sizeof name, "%s.%s.0", u->prefix, word);
    AMPI_TRY(ampi_graph_conv(graph, x, name, *x, channels, 1, u->stride, 0, false, error));
    snprintf(name, sizeof name, "%s.%s.1", u->prefix, word);
    return ampi_graph_batch_norm(graph, x, name, *x, error);
}

static amp_status append_unit(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    int32_t side = *x;

    AMPI_TRY(shortcut(graph, &side, u, error));
    AMPI_TRY(u->net->bottleneck ? bottleneck_path(graph, x, u, error)
                                : basic_path(graph, x, u, error));
    AMPI_TRY(ampi_graph_add(graph, x, side, *x, error));
    return ampi_graph_relu(graph, x, *x, error);
}

static amp_status stem(ampi_graph *graph, int32_t *x, bool imagenet, amp_error *error)
{
    const uint32_t kernel = imagenet ? 7 : 3;

    AMPI_TRY(ampi_graph_conv(graph, x, "conv1", *x, 64, kernel, imagenet ? 2 : 1, kernel / 2, false,
                             error));
    AMPI_TRY(ampi_graph_batch_norm(graph, x, "bn1", *x, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    if (imagenet)
        AMPI_TRY(ampi_graph_max_pool(graph, x, *x, 3, 2, 1, error));
    return AMP_OK;
}

amp_status ampi_arch_resnet(ampi_graph *graph, const ampi_arch *arch, const ampi_resnet *net,
                            amp_error *error)
{
    unit u = { .net = net };
    int32_t x = 0;

    AMPI_TRY(stem(graph, &x, net->imagenet, error));
    for (uint32_t stage = 0; stage < 4; stage++)
        for (uint32_t i = 0; i < net->blocks[stage]; i++) {
            snprintf(u.prefix, sizeof u.prefix, "layer%u.%u", stage + 1, i);
            u.width = 64u << stage;
            u.stride = stage > 0 && i == 0 ? 2 : 1;
            AMPI_TRY(append_unit(graph, &x, &u, error));
        }
    AMPI_TRY(ampi_graph_avg_pool(graph, &x, x, error));
    return ampi_graph_linear(graph, &x, net->imagenet ? "fc" : "linear", x, (uint32_t)arch->classes,
                             error);
}
