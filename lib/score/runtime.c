/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/runtime.c - a model made to run when the first scorer asks.
 *
 * The programs hang on the model as an attachment: all scorers, banks and forward calls of a model
 * share one set of prepared weights.
 */
#include "score/scorer_internal.h"

#include <string.h>

typedef struct runtime {
    ampi_attachment head;
    amp_context *context; /* borrowed: the model outlives its attachment */
    ampi_backend backend;
    _Atomic(ampi_network *) networks[AMPI_PRECISION_COUNT]; /* made by the first that needs one */
    _Atomic(ampi_program *) whole; /* made by the first forward call that needs it */
} runtime;

_Static_assert(offsetof(runtime, head) == 0, "an attachment starts with its head");

static void runtime_free(ampi_attachment *attachment)
{
    runtime *const made = (runtime *)(void *)attachment;

    if (!made)
        return;
    ampi_program_unref(atomic_load(&made->whole));
    for (size_t i = 0; i < AMPI_PRECISION_COUNT; i++)
        ampi_network_unref(atomic_load(&made->networks[i]));
    ampi_free(made->context, made);
}

static amp_status runtime_create(runtime **out, const ampi_graph *graph, ampi_backend backend,
                                 amp_error *error)
{
    runtime *made = ampi_alloc(graph->context, 1, sizeof *made);

    if (!made)
        return ampi_fail_nomem(error, "model", sizeof *made);
    made->head.free = runtime_free;
    made->context = graph->context;
    made->backend = backend;
    *out = made;
    return AMP_OK;
}

/* The model's runtime; of two threads that make one at once, one wins. */
static amp_status get_runtime(amp_model *model, ampi_backend backend, runtime **out,
                              amp_error *error)
{
    ampi_attachment *there = atomic_load(&model->attachment);
    runtime *made = NULL;

    if (!there) {
        AMPI_TRY(runtime_create(&made, model->graph, backend, error));
        if (atomic_compare_exchange_strong(&model->attachment, &there, &made->head))
            there = &made->head;
        else
            runtime_free(&made->head);
    }
    *out = (runtime *)(void *)there;
    return AMP_OK;
}

ampi_backend ampi_default_backend(void)
{
    return AMPI_DNNL_MAJOR > 0 ? AMPI_BACKEND_ONEDNN : AMPI_BACKEND_REFERENCE;
}

/* Of two threads that make one at once, one wins. */
static amp_status get_network(runtime *made, const ampi_graph *graph, ampi_precision precision,
                              ampi_network **out, amp_error *error)
{
    ampi_network *there = atomic_load(&made->networks[precision]), *fresh = NULL;

    if (!there) {
        AMPI_TRY(ampi_network_create(&fresh, graph, made->backend, precision, error));
        if (atomic_compare_exchange_strong(&made->networks[precision], &there, fresh))
            there = fresh;
        else
            ampi_network_unref(fresh);
    }
    *out = there;
    return AMP_OK;
}

amp_status ampi_model_network(amp_model *model, ampi_backend backend, ampi_precision precision,
                              ampi_network **out, amp_error *error)
{
    runtime *made = NULL;

    AMPI_TRY(get_runtime(model, backend, &made, error));
    return get_network(made, model->graph, precision, out, error);
}

amp_status ampi_model_whole(amp_model *model, ampi_program **out, amp_error *error)
{
    ampi_program *program = NULL, *there;
    ampi_network *network = NULL;
    runtime *made = NULL;

    AMPI_TRY(get_runtime(model, ampi_default_backend(), &made, error));
    if (!model->graph->anchored) {
        AMPI_TRY(get_network(made, model->graph, AMPI_PRECISION_FP32, &network, error));
        *out = network->trunk;
        return AMP_OK;
    }
    there = atomic_load(&made->whole);
    if (!there) {
        AMPI_TRY(ampi_program_create(&program, model->graph, made->backend, error));
        if (atomic_compare_exchange_strong(&made->whole, &there, program))
            there = program;
        else
            ampi_program_unref(program);
    }
    *out = there;
    return AMP_OK;
}
