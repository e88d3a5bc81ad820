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

/* Convolution "<prefix>.conv<number>" with batch norm "<prefix>.bn<number>". */
static amp_status conv_bn(ampi_graph *graph, int32_t *x, const unit *u, uint32_t number,
                          const ampi_conv *how, amp_error *error)
{
    char name[AMPI_NAME];

    snprintf(name, sizeof name, "%s.conv%u", u->prefix, number);
    AMPI_TRY(ampi_graph_conv(graph, x, name, *x, how, error));
    snprintf(name, sizeof name, "%s.bn%u", u->prefix, number);
    return ampi_graph_batch_norm(graph, x, name, *x, error);
}

static amp_status basic_path(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const ampi_conv first = { u->width, 3, u->stride, 1, false };
    const ampi_conv second = { u->width, 3, 1, 1, false };

    AMPI_TRY(conv_bn(graph, x, u, 1, &first, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    return conv_bn(graph, x, u, 2, &second, error);
}

static amp_status bottleneck_path(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const ampi_conv first = { u->width, 1, 1, 0, false };
    const ampi_conv second = { u->width, 3, u->stride, 1, false };
    const ampi_conv third = { 4 * u->width, 1, 1, 0, false };

    AMPI_TRY(conv_bn(graph, x, u, 1, &first, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    AMPI_TRY(conv_bn(graph, x, u, 2, &second, error));
    AMPI_TRY(ampi_graph_relu(graph, x, *x, error));
    return conv_bn(graph, x, u, 3, &third, error);
}

/* 1x1 convolution and batch norm where the shape changes, else the input itself. */
static amp_status shortcut(ampi_graph *graph, int32_t *x, const unit *u, amp_error *error)
{
    const uint32_t channels = u->net->bottleneck ? 4 * u->width : u->width;
    const ampi_conv project = { channels, 1, u->stride, 0, false };
    const char *const word = u->net->imagenet ? "downsample" : "shortcut";
    char name[AMPI_NAME];

    if (u->stride == 1 && graph->nodes[*x].shape.c == channels)
        return AMP_OK;
    snprintf(name, sizeof name, "%s.%s.0", u->prefix, word);
    AMPI_TRY(ampi_graph_conv(graph, x, name, *x, &project, error));
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
    const ampi_conv large = { 64, 7, 2, 3, false };
    const ampi_conv small = { 64, 3, 1, 1, false };

    AMPI_TRY(ampi_graph_conv(graph, x, "conv1", *x, imagenet ? &large : &small, error));
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
