/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/reference_tape.c - training on plain loops: the walk forward and the walk back.
 *
 * Layers that do the same outside training run as there; batch norm and dropout are in
 * reference_norm.c, the way back in reference_back.c.
 */
#include "exec/reference.h"

#include <string.h>

float *ampi_reference_gradient(const ampi_reference_tape *tape, const ampi_node *node,
                               ampi_param param)
{
    return node->params[param] == AMPI_NONE ? NULL : tape->setup.gradients[node->params[param]];
}

void ampi_reference_tape_free(void *opaque)
{
    ampi_reference_tape *const tape = opaque;
    const ampi_graph *graph = NULL;

    if (tape == NULL)
        return;
    graph = tape->setup.graph;
    ampi_reference_release(tape->values, graph);
    ampi_reference_release(tape->d_values, graph);
    for (size_t i = 0; tape->moments != NULL && i < graph->n_nodes; i++)
        ampi_free(graph->context, tape->moments[i]);
    ampi_free(graph->context, tape->moments);
    ampi_free(graph->context, tape->values);
    ampi_free(graph->context, tape->d_values);
    ampi_free(graph->context, tape->track);
    ampi_free(graph->context, tape->mask);
    ampi_free(graph->context, tape);
}

/* A variance needs two values. */
static amp_status check_norm(const ampi_node *node, size_t batch, amp_error *error)
{
    const size_t values = batch * node->shape.h * node->shape.w;

    if (node->op == AMPI_OP_BATCH_NORM && values < 2)
        return ampi_fail(error, AMP_E_SHAPE, "exec",
                         "%s: %zu value a channel in a batch, training needs 2", node->name,
                         values);
    return AMP_OK;
}

static amp_status alloc_moments(ampi_reference_tape *tape, amp_error *error)
{
    const ampi_graph *const graph = tape->setup.graph;

    tape->moments = ampi_alloc(graph->context, graph->n_nodes, sizeof *tape->moments);
    if (tape->moments == NULL)
        return ampi_fail_nomem(error, "exec", graph->n_nodes * sizeof *tape->moments);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        AMPI_TRY(check_norm(node, tape->setup.batch, error));
        if (node->op != AMPI_OP_BATCH_NORM)
            continue;
        tape->moments[i] = ampi_alloc(graph->context, 2 * (size_t)node->shape.c, sizeof(double));
        if (tape->moments[i] == NULL)
            return ampi_fail_nomem(error, "exec", 2 * (size_t)node->shape.c * sizeof(double));
    }
    return AMP_OK;
}

static amp_status alloc_scratch(ampi_reference_tape *tape, amp_error *error)
{
    const ampi_graph *const graph = tape->setup.graph;
    size_t pixels = 1;
    size_t channels = 1;

    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_shape shape = graph->nodes[i].shape;
        const size_t area = (size_t)shape.h * shape.w;
        pixels = area > pixels ? area : pixels;
        channels = shape.c > channels ? shape.c : channels;
    }
    tape->mask = ampi_alloc(graph->context, pixels, sizeof *tape->mask);
    tape->track = ampi_alloc(graph->context, 2 * channels, sizeof *tape->track);
    tape->values = ampi_alloc(graph->context, graph->n_nodes, sizeof *tape->values);
    tape->d_values = ampi_alloc(graph->context, graph->n_nodes, sizeof *tape->d_values);
    if (tape->mask == NULL || tape->track == NULL || tape->values == NULL || tape->d_values == NULL)
        return ampi_fail_nomem(error, "exec", pixels + 2 * channels * sizeof(float));
    return AMP_OK;
}

amp_status ampi_reference_tape_create(void **out, const ampi_tape_setup *setup, amp_error *error)
{
    const ampi_graph *const graph = setup->graph;
    ampi_reference_tape *tape = ampi_alloc(graph->context, 1, sizeof *tape);
    amp_status status = AMP_OK;

    *out = NULL;
    if (tape == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *tape);
    tape->setup = *setup;
    status = alloc_scratch(tape, error);
    if (status != AMP_OK)
        goto done;
    status = alloc_moments(tape, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_reference_alloc(tape->values, graph, setup->batch, error);
    if (status != AMP_OK)
        goto done;
    status = ampi_reference_alloc(tape->d_values, graph, setup->batch, error);
    if (status != AMP_OK)
        goto done;
    *out = tape;
    tape = NULL;
done:
    ampi_reference_tape_free(tape);
    return status;
}

/* Image `image` of a node's values, or NULL without such a node. */
static float *image_of(const ampi_reference_tape *tape, int32_t index, size_t image)
{
    if (index == AMPI_NONE)
        return NULL;
    return tape->values[index] +
           image * ampi_reference_volume(tape->setup.graph->nodes[index].shape);
}

static void forward_images(const ampi_reference_tape *tape, size_t index)
{
    const ampi_graph *const graph = tape->setup.graph;
    const ampi_node *const node = &graph->nodes[index];

    for (size_t n = 0; n < tape->setup.batch; n++) {
        const ampi_reference_io io = { .in = { image_of(tape, node->inputs[0], n),
                                               image_of(tape, node->inputs[1], n) },
                                       .shape = graph->nodes[node->inputs[0]].shape,
                                       .sum = image_of(tape, node->sum, n),
                                       .out = image_of(tape, (int32_t)index, n) };
        ampi_reference_node(graph, node, &io);
    }
}

static void forward_node(ampi_reference_tape *tape, size_t index)
{
    const ampi_node *const node = &tape->setup.graph->nodes[index];

    if (node->op == AMPI_OP_BATCH_NORM)
        ampi_reference_norm(tape, index);
    else if (node->op == AMPI_OP_DROPOUT)
        ampi_reference_drop(tape, index, tape->values[node->inputs[0]], tape->values[index], false);
    else
        forward_images(tape, index);
}

size_t ampi_reference_tape_bytes(const void *opaque)
{
    const ampi_reference_tape *const tape = opaque;
    size_t values = 0;

    for (size_t i = 0; i < tape->setup.graph->n_nodes; i++)
        values += tape->setup.batch * ampi_reference_volume(tape->setup.graph->nodes[i].shape);
    return 2 * values * sizeof(float); /* and their gradients */
}

static size_t values_of(const ampi_reference_tape *tape, size_t index)
{
    return tape->setup.batch * ampi_reference_volume(tape->setup.graph->nodes[index].shape);
}

amp_status ampi_reference_tape_forward(void *opaque, const float *input, uint64_t seed,
                                       uint64_t step, float *logits, amp_error *error)
{
    ampi_reference_tape *const tape = opaque;
    const size_t last = tape->setup.graph->n_nodes - 1;

    (void)error;
    tape->seed = seed;
    tape->step = step;
    memcpy(tape->values[0], input, values_of(tape, 0) * sizeof(float));
    for (size_t i = 1; i <= last; i++)
        forward_node(tape, i);
    memcpy(logits, tape->values[last], values_of(tape, last) * sizeof(float));
    return AMP_OK;
}

amp_status ampi_reference_tape_backward(void *opaque, const float *d_logits, float *d_input,
                                        amp_error *error)
{
    ampi_reference_tape *const tape = opaque;
    const size_t last = tape->setup.graph->n_nodes - 1;

    (void)error;
    for (size_t i = 0; i <= last; i++)
        memset(tape->d_values[i], 0, values_of(tape, i) * sizeof(float));
    memcpy(tape->d_values[last], d_logits, values_of(tape, last) * sizeof(float));
    for (size_t i = last; i > 0; i--)
        ampi_reference_back(tape, i);
    if (d_input != NULL)
        memcpy(d_input, tape->d_values[0], values_of(tape, 0) * sizeof(float));
    return AMP_OK;
}
