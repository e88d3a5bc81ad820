/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_graph.c - see random_graph.h.
 */
#include "random_graph.h"

#include "support.h"

#include <math.h>
#include <stdlib.h>

size_t shape_volume(ampi_shape shape)
{
    return (size_t)shape.c * shape.h * shape.w;
}

static void fill_normal(ampi_tensor *tensor, ampi_rng *rng, double mean, double deviation)
{
    for (size_t i = 0; i < tensor->count; i++)
        tensor->data[i] = (float)(mean + deviation * ampi_rng_normal(rng));
}

static void fill_uniform(ampi_tensor *tensor, ampi_rng *rng, double low, double high)
{
    for (size_t i = 0; i < tensor->count; i++)
        tensor->data[i] = (float)(low + (high - low) * ampi_rng_double(rng));
}

static void fill_param(ampi_tensor *tensor, ampi_op op, int32_t param, ampi_rng *rng)
{
    if (param == AMPI_PARAM_COUNTER) {
        tensor->counter = 17;
    } else if (param == AMPI_PARAM_VAR) {
        fill_uniform(tensor, rng, 0.5, 2.0);
    } else if (param == AMPI_PARAM_MEAN || param == AMPI_PARAM_BIAS) {
        fill_normal(tensor, rng, 0.0, 0.4);
    } else if (op == AMPI_OP_CONV || op == AMPI_OP_LINEAR) {
        fill_normal(tensor, rng, 0.0, sqrt(1.2 * (double)tensor->dims[0] / (double)tensor->count));
    } else {
        fill_uniform(tensor, rng, 0.5, 1.5);
        for (size_t i = 0; i < tensor->count; i += 4)
            tensor->data[i] = -tensor->data[i];
    }
}

void random_fill(ampi_graph *graph, uint64_t seed)
{
    ampi_rng rng = ampi_rng_make(seed, AMPI_RNG_TEST, 0, 0);

    for (size_t i = 0; i < graph->n_nodes; i++)
        for (int32_t p = 0; p < AMPI_PARAM_COUNT; p++)
            if (graph->nodes[i].params[p] != AMPI_NONE)
                fill_param(&graph->tensors[graph->nodes[i].params[p]], graph->nodes[i].op, p, &rng);
}

ampi_graph *random_network(const char *arch, uint64_t seed)
{
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_build(&graph, NULL, arch, &error), &error);
    random_fill(graph, seed);
    return graph;
}

float *random_values(size_t count, uint64_t seed)
{
    float *const values = malloc(count * sizeof *values);
    ampi_rng rng = ampi_rng_make(seed, AMPI_RNG_TEST, 1, 0);

    ck_assert_ptr_nonnull(values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)ampi_rng_normal(&rng);
    return values;
}

double relative_distance(const float *a, const float *b, size_t count)
{
    double distance = 0.0;
    double size = 1e-30;

    for (size_t i = 0; i < count; i++) {
        const double apart = fabs((double)a[i] - (double)b[i]);
        if (!(apart <= distance)) /* NaN counts */
            distance = apart;
        size = fmax(size, fabs((double)b[i]));
    }
    return distance / size;
}
