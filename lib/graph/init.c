/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/init.c - first values of the parameters, as each family of networks does it.
 *
 * Convolutions: normal with variance 2 / (k k out) (He et al. 2015, fan out), or PyTorch's default,
 * uniform within 1 / sqrt(fan in), for the CIFAR-stem ResNets and airbench.  Linear layers: uniform
 * within 1 / sqrt(fan in), bias too except in Wide ResNet; times the factor that resnet9 and
 * airbench have behind theirs (arch_small.c).  airbench's 3x3 convolutions start as the identity on
 * as many channels as they read.  Batch norm: identity.
 */
#include "graph/graph_internal.h"

#include <math.h>
#include <string.h>

typedef struct recipe {
    bool conv_uniform;
    bool conv_identity;
    bool linear_bias;
    double linear_scale;
} recipe;

static recipe recipe_of(const char *arch)
{
    const bool wrn = strncmp(arch, "wrn", 3) == 0;
    const bool cifar = strncmp(arch, "resnet", 6) == 0 && strstr(arch, "-imagenet") == NULL;
    const bool resnet9 = strncmp(arch, "resnet9", 7) == 0;
    const bool airbench = strncmp(arch, "airbench", 8) == 0;

    return (recipe){ .conv_uniform = cifar || airbench,
                     .conv_identity = airbench,
                     .linear_bias = !wrn,
                     .linear_scale = resnet9    ? 1.0 / 8.0
                                     : airbench ? 1.0 / 9.0
                                                : 1.0 };
}

static void fill_constant(ampi_tensor *tensor, float value)
{
    for (size_t i = 0; tensor != NULL && i < tensor->count; i++)
        tensor->data[i] = value;
}

static void fill_normal(ampi_tensor *tensor, ampi_rng rng, double deviation)
{
    for (size_t i = 0; i < tensor->count; i++)
        tensor->data[i] = (float)(deviation * ampi_rng_normal(&rng));
}

static void fill_uniform(ampi_tensor *tensor, ampi_rng rng, double bound)
{
    for (size_t i = 0; i < tensor->count; i++)
        tensor->data[i] = (float)(bound * (2.0 * ampi_rng_double(&rng) - 1.0));
}

static ampi_rng rng_of(uint64_t seed, int32_t tensor)
{
    return ampi_rng_make(seed, AMPI_RNG_INIT, (uint64_t)tensor, 0);
}

/* The first filters pass a channel each; those beyond the channels read keep their values. */
static void fill_identity(ampi_tensor *weight)
{
    const size_t window = weight->dims[2] * weight->dims[3];
    const size_t filter = weight->dims[1] * window;

    for (size_t o = 0; o < weight->dims[0] && o < weight->dims[1]; o++) {
        memset(weight->data + o * filter, 0, filter * sizeof(float));
        weight->data[o * filter + o * window + window / 2] = 1.0f;
    }
}

/* Convolution or linear layer. */
static void init_matrix(ampi_graph *graph, const ampi_node *node, recipe how, uint64_t seed)
{
    ampi_tensor *const weight = ampi_node_tensor(graph, node, AMPI_PARAM_WEIGHT);
    ampi_tensor *const bias = ampi_node_tensor(graph, node, AMPI_PARAM_BIAS);
    const bool conv = node->op == AMPI_OP_CONV;
    const size_t per_output = weight->count / node->shape.c;
    const double fan_in = (double)per_output;
    const double fan_out = (double)node->shape.c * node->kernel * node->kernel;
    const double bound = (conv ? 1.0 : how.linear_scale) / sqrt(fan_in);
    const ampi_rng rng = rng_of(seed, node->params[AMPI_PARAM_WEIGHT]);

    if (conv && !how.conv_uniform)
        fill_normal(weight, rng, sqrt(2.0 / fan_out));
    else
        fill_uniform(weight, rng, bound);
    if (conv && how.conv_identity && node->kernel % 2 == 1)
        fill_identity(weight);
    fill_constant(bias, 0.0f);
    if (bias != NULL && (conv ? how.conv_uniform : how.linear_bias))
        fill_uniform(bias, rng_of(seed, node->params[AMPI_PARAM_BIAS]), bound);
}

/* y = x: of SCALE the first two alone exist. */
static void init_affine(ampi_graph *graph, const ampi_node *node)
{
    ampi_tensor *const counter = ampi_node_tensor(graph, node, AMPI_PARAM_COUNTER);

    fill_constant(ampi_node_tensor(graph, node, AMPI_PARAM_WEIGHT), 1.0f);
    fill_constant(ampi_node_tensor(graph, node, AMPI_PARAM_BIAS), 0.0f);
    fill_constant(ampi_node_tensor(graph, node, AMPI_PARAM_MEAN), 0.0f);
    fill_constant(ampi_node_tensor(graph, node, AMPI_PARAM_VAR), 1.0f);
    if (counter != NULL)
        counter->counter = 0;
}

void ampi_graph_init(ampi_graph *graph, uint64_t seed)
{
    const recipe how = recipe_of(graph->arch);

    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        if (node->op == AMPI_OP_CONV || node->op == AMPI_OP_LINEAR)
            init_matrix(graph, node, how, seed);
        else if (node->op == AMPI_OP_BATCH_NORM || node->op == AMPI_OP_SCALE)
            init_affine(graph, node);
    }
}
