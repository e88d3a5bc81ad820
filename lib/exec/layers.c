/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/layers.c - what training does the same on every back end: running statistics and dropout
 * masks.
 */
#include "exec/backend.h"

void ampi_layers_track(ampi_graph *graph, const ampi_node *node, const float *mean,
                       const float *var, size_t count)
{
    ampi_tensor *const to_mean = &graph->tensors[node->params[AMPI_PARAM_MEAN]];
    ampi_tensor *const to_var = &graph->tensors[node->params[AMPI_PARAM_VAR]];
    const float share = node->momentum, rest = 1.0F - node->momentum;
    /* The batch's variance is biased, the running one is not (PyTorch's BatchNorm2d). */
    const float unbiased = count > 1 ? (float)((double)count / (double)(count - 1)) : 1.0F;

    for (size_t c = 0; c < node->shape.c; c++) {
        to_mean->data[c] = rest * to_mean->data[c] + share * mean[c];
        to_var->data[c] = rest * to_var->data[c] + share * unbiased * var[c];
    }
    if (node->params[AMPI_PARAM_COUNTER] != AMPI_NONE)
        graph->tensors[node->params[AMPI_PARAM_COUNTER]].counter++;
}

/* Of 65536 equally likely draws those below this one are dropped. */
static uint32_t threshold(float share)
{
    return (uint32_t)(share * 65536.0F + 0.5F);
}

float ampi_layers_mask_scale(float share)
{
    return 65536.0F / (float)(65536U - threshold(share));
}

void ampi_layers_mask(const ampi_dropout *dropout, size_t image, size_t channel, size_t pixels,
                      size_t stride, uint8_t *mask)
{
    const uint64_t element =
        (uint64_t)dropout->node << 52 | (uint64_t)image << 20 | (uint64_t)channel;
    ampi_rng rng = ampi_rng_make(dropout->seed, AMPI_RNG_DROPOUT, dropout->step, element);
    const uint32_t dropped = threshold(dropout->share);
    uint32_t bits = 0;

    for (size_t i = 0; i < pixels; i++) {
        bits = i % 2 == 0 ? ampi_rng_u32(&rng) : bits >> 16;
        mask[i * stride] = (bits & 0xffffU) >= dropped;
    }
}
