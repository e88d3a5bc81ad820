/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/network.c - an anchored network as three programs that a model's scorers share.
 *
 * conv([c, x - c]; [Wc|Wd]) = conv(c; Wc - Wd) + conv(x; Wd): the graph is split there.  A plain
 * network is a trunk alone.  pass.c runs them.
 */
#include "anchor/anchor.h"

static amp_status create_trunk(ampi_network *network, const ampi_graph *trunk, amp_error *error)
{
    const ampi_program_options options = { .backend = network->backend,
                                           .precision = network->precision,
                                           .observe = network->observing,
                                           .joins = network->anchored };

    return ampi_program_create_with(&network->trunk, trunk, &options, error);
}

static amp_status create_split(ampi_network *network, const ampi_graph *graph, amp_error *error)
{
    const ampi_backend backend = network->backend;
    ampi_graph *image = NULL, *anchor = NULL, *trunk = NULL;
    amp_status status;

    status = ampi_graph_split_stem(&image, &anchor, &trunk, graph, error);
    if (status)
        goto done;
    status = ampi_program_create(&network->image_half, image, backend, error);
    if (status)
        goto done;
    status = ampi_program_create(&network->anchor_half, anchor, backend, error);
    if (status)
        goto done;
    status = create_trunk(network, trunk, error);
    if (status)
        goto done;
    network->stem = ampi_program_input(network->trunk);
done:
    ampi_graph_free(image);
    ampi_graph_free(anchor);
    ampi_graph_free(trunk);
    return status;
}

static amp_status create(ampi_network **out, const ampi_graph *graph, ampi_backend backend,
                         ampi_precision precision, bool observing, amp_error *error)
{
    ampi_network *network;
    amp_status status;

    *out = NULL;
    network = ampi_alloc(graph->context, 1, sizeof *network);
    if (!network)
        return ampi_fail_nomem(error, "model", sizeof *network);
    network->context = amp_context_ref(graph->context);
    atomic_init(&network->references, 1);
    network->backend = backend;
    network->precision = precision;
    network->observing = observing;
    network->anchored = graph->anchored;
    network->image = ampi_graph_input(graph);
    network->image.c = ampi_graph_image_channels(graph);
    network->classes = ampi_graph_classes(graph);
    if (graph->anchored)
        status = create_split(network, graph, error);
    else
        status = create_trunk(network, graph, error);
    if (status) {
        ampi_network_unref(network);
        return status;
    }
    *out = network;
    return AMP_OK;
}

amp_status ampi_network_create(ampi_network **out, const ampi_graph *graph, ampi_backend backend,
                               ampi_precision precision, amp_error *error)
{
    return create(out, graph, backend, precision, false, error);
}

amp_status ampi_network_create_observing(ampi_network **out, const ampi_graph *graph,
                                         ampi_backend backend, amp_error *error)
{
    return create(out, graph, backend, AMPI_PRECISION_FP32, true, error);
}

ampi_network *ampi_network_ref(ampi_network *network)
{
    if (network)
        (void)atomic_fetch_add_explicit(&network->references, 1, memory_order_relaxed);
    return network;
}

void ampi_network_unref(ampi_network *network)
{
    amp_context *context;

    if (!network || atomic_fetch_sub_explicit(&network->references, 1, memory_order_acq_rel) != 1)
        return;
    context = network->context;
    ampi_program_unref(network->image_half);
    ampi_program_unref(network->anchor_half);
    ampi_program_unref(network->trunk);
    ampi_free(context, network);
    amp_context_unref(context);
}

ampi_shape ampi_stem_shape(const ampi_graph *graph)
{
    size_t i = 0;

    while (i + 1 < graph->n_nodes && graph->nodes[i].op != AMPI_OP_CONV)
        i++;
    return graph->nodes[i].shape;
}

/* FNV-1a, 64 bits, over the values' bytes. */
static amp_status hash_tensor(uint64_t *hash, const ampi_graph *graph, int32_t index,
                              amp_error *error)
{
    const size_t size = index == AMPI_NONE ? 0 : graph->tensors[index].count * sizeof(float);
    float *values = NULL;

    if (size == 0)
        return AMP_OK;
    AMPI_TRY(ampi_tensor_plain(&graph->tensors[index], graph->context, &values, error));
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ ((const unsigned char *)values)[i]) * UINT64_C(0x100000001b3);
    ampi_free(graph->context, values);
    return AMP_OK;
}

amp_status ampi_stem_fingerprint(const ampi_graph *graph, uint64_t *out, amp_error *error)
{
    int32_t stem = AMPI_NONE;

    *out = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        const bool first = stem == AMPI_NONE && node->op == AMPI_OP_CONV;
        /* A batch norm right after the stem may be folded into it. */
        const bool norm =
            stem != AMPI_NONE && node->inputs[0] == stem && node->op == AMPI_OP_BATCH_NORM;
        if (first)
            stem = (int32_t)i;
        for (int p = 0; (first || norm) && p < (int)AMPI_PARAM_COUNT; p++)
            AMPI_TRY(hash_tensor(out, graph, node->params[p], error));
    }
    return AMP_OK;
}

amp_status ampi_network_anchor_stems(ampi_network *network, int32_t threads, size_t n,
                                     const float *images, float *stems, amp_error *error)
{
    const size_t in = ampi_shape_values(network->image), out = ampi_shape_values(network->stem);
    ampi_runner *runner = NULL;
    amp_status status = AMP_OK;

    AMPI_TRY(ampi_runner_create(&runner, network->anchor_half, error));
    /* One by one: the same bits as together, in the memory of one. */
    for (size_t i = 0; i < n && !status; i++)
        status = ampi_runner_forward(runner, threads, 1, images + i * in, stems + i * out, error);
    ampi_runner_free(runner);
    return status;
}
