/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/runtime.c - a model opened with its bank, and made to run when the first scorer asks.
 *
 * The programs hang on the model as an attachment: all scorers, banks and forward calls of a model
 * share one set of prepared weights.
 */
#include "core/file.h"
#include "score/scorer_internal.h"

#include <string.h>

typedef struct runtime {
    ampi_attachment head;
    amp_context *context; /* borrowed: the model outlives its attachment */
    ampi_network *network;
    _Atomic(ampi_program *) whole; /* made by the first forward call that needs it */
} runtime;

_Static_assert(offsetof(runtime, head) == 0, "an attachment starts with its head");

static void runtime_free(ampi_attachment *attachment)
{
    runtime *const made = (runtime *)(void *)attachment;

    if (!made)
        return;
    ampi_program_unref(atomic_load(&made->whole));
    ampi_network_unref(made->network);
    ampi_free(made->context, made);
}

static amp_status runtime_create(runtime **out, const ampi_graph *graph, ampi_backend backend,
                                 amp_error *error)
{
    runtime *made = ampi_alloc(graph->context, 1, sizeof *made);
    amp_status status;

    if (!made)
        return ampi_fail_nomem(error, "model", sizeof *made);
    made->head.free = runtime_free;
    made->context = graph->context;
    status = ampi_network_create(&made->network, graph, backend, AMPI_PRECISION_FP32, error);
    if (status) {
        ampi_free(graph->context, made);
        return status;
    }
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

amp_status ampi_model_network(amp_model *model, ampi_backend backend, ampi_network **out,
                              amp_error *error)
{
    runtime *made = NULL;

    AMPI_TRY(get_runtime(model, backend, &made, error));
    *out = made->network;
    return AMP_OK;
}

amp_status ampi_model_whole(amp_model *model, ampi_program **out, amp_error *error)
{
    ampi_program *program = NULL, *there;
    runtime *made = NULL;

    AMPI_TRY(get_runtime(model, ampi_default_backend(), &made, error));
    if (!made->network->anchored) {
        *out = made->network->trunk;
        return AMP_OK;
    }
    there = atomic_load(&made->whole);
    if (!there) {
        AMPI_TRY(ampi_program_create(&program, model->graph, made->network->backend, error));
        if (atomic_compare_exchange_strong(&made->whole, &there, program))
            there = program;
        else
            ampi_program_unref(program);
    }
    *out = there;
    return AMP_OK;
}

/* ---- opening ---- */

static amp_status attach_bank(amp_model *model, amp_error *error)
{
    ampi_prepare prepare;

    if (!ampi_bank_in_blobs(&model->sections))
        return AMP_OK;
    AMPI_TRY(ampi_prepare_parse(&prepare, amp_model_preprocess(model), error));
    AMPI_TRY(ampi_bank_from_blobs(&model->bank, &model->sections, &prepare, model->graph, error));
    model->bank_unref = amp_bank_unref;
    return AMP_OK;
}

static amp_status open_bytes(amp_model **out, amp_context *context, const uint8_t *bytes,
                             size_t size, const char *name, amp_error *error)
{
    amp_model *model = NULL;
    amp_status status = ampi_model_parse(&model, context, bytes, size, name, error);

    if (status)
        return status;
    status = attach_bank(model, error);
    if (status) {
        amp_model_unref(model);
        return ampi_fail_in_file(error, status, name);
    }
    *out = model;
    return AMP_OK;
}

amp_status amp_model_open_memory(amp_model **out, amp_context *context, const void *bytes,
                                 size_t size, amp_error *error)
{
    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out is NULL");
    *out = NULL;
    if (!bytes)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "bytes is NULL");
    return open_bytes(out, context, bytes, size, "memory", error);
}

amp_status amp_model_open(amp_model **out, amp_context *context, const char *path, amp_error *error)
{
    amp_context *own = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out is NULL");
    *out = NULL;
    if (!path)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "path is NULL");
    status = ampi_context_get(&own, context, error);
    if (status)
        return status;
    status = ampi_file_read(own, path, AMPI_MODEL_MAX_BYTES, &bytes, &size, "model", error);
    if (!status)
        status = open_bytes(out, own, bytes, size, path, error);
    ampi_free(own, bytes);
    amp_context_unref(own);
    return status;
}

amp_bank *amp_model_bank(const amp_model *model)
{
    return model ? model->bank : NULL;
}
