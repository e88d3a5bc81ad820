/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_graph.c - see random_graph.h.
 */
#include "random_graph.h"

#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DEEP 8u

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

/* ---- graphs from texts ----------------------------------------------------------------------- */

static uint32_t number(const char **at)
{
    char *end = NULL;
    const unsigned long value = strtoul(*at, &end, 10);

    ck_assert_msg(end != *at, "no number at %s", *at);
    *at = end;
    return (uint32_t)value;
}

static uint32_t keyed(const char **at, char key)
{
    ck_assert_msg(**at == key, "%c wanted at %s", key, *at);
    (*at)++;
    return number(at);
}

typedef struct builder {
    ampi_graph *graph;
    int32_t now, kept[DEEP];
    size_t depth;
} builder;

static amp_status append_conv(builder *b, const char **at, bool bias, amp_error *error)
{
    ampi_conv how = { .channels = number(at), .bias = bias };
    char name[32];

    how.kernel = keyed(at, 'k');
    how.stride = keyed(at, 's');
    how.pad = how.kernel / 2;
    snprintf(name, sizeof name, "n%zu", b->graph->n_nodes);
    return ampi_graph_conv(b->graph, &b->now, name, b->now, &how, error);
}

static amp_status append(builder *b, const char **at, amp_error *error)
{
    char name[32];

    snprintf(name, sizeof name, "n%zu", b->graph->n_nodes);
    switch (*(*at)++) {
    case 'c':
        return append_conv(b, at, false, error);
    case 'C':
        return append_conv(b, at, true, error);
    case 'b':
        return ampi_graph_batch_norm(b->graph, &b->now, name, b->now, error);
    case 'r':
        return ampi_graph_relu(b->graph, &b->now, b->now, error);
    case 'd':
        return ampi_graph_dropout(b->graph, &b->now, b->now, 0.3F, error);
    case 'm':
        return ampi_graph_max_pool(b->graph, &b->now, b->now, 3, 2, 1, error);
    case 'g':
        return ampi_graph_avg_pool(b->graph, &b->now, b->now, error);
    case 'l':
        return ampi_graph_linear(b->graph, &b->now, name, b->now, number(at), error);
    case '(':
        b->kept[b->depth++] = b->now;
        return AMP_OK;
    case ')':
        return ampi_graph_add(b->graph, &b->now, b->kept[--b->depth], b->now, error);
    default:
        return AMP_E_ARGUMENT;
    }
}

ampi_graph *net_build(const net_case *net)
{
    builder b = { 0 };
    amp_error error = { 0 };
    const char *at = net->text;

    ck_ok(ampi_graph_create(&b.graph, NULL, net->input, &error), &error);
    while (*at != '\0')
        ck_ok(append(&b, &at, &error), &error);
    random_fill(b.graph, 11);
    return b.graph;
}

double rms_distance(const float *a, const float *b, size_t count)
{
    double distance = 0.0, size = 1e-60;

    for (size_t i = 0; i < count; i++) {
        distance += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(distance / size);
}
