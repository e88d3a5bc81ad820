/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/tape.c - training's entry: checks, the arrays of the gradients, and the back end's tape.
 */
#include "exec/backend.h"

#include <unistd.h>

struct ampi_tape {
    amp_context *context;
    const ampi_backend_api *api;
    void *state;
    float **gradients; /* [n_tensors] pieces of `values` */
    float *values;
    size_t n_values, n_tensors;
    int32_t threads;
    pid_t process;
    bool ran; /* forward, and not yet backward */
};

void ampi_tape_free(ampi_tape *tape)
{
    amp_context *context;

    if (tape == NULL)
        return;
    context = tape->context;
    if (tape->state != NULL)
        tape->api->tape_free(tape->state);
    ampi_free(context, tape->values);
    ampi_free(context, tape->gradients);
    ampi_free(context, tape);
    amp_context_unref(context);
}

size_t ampi_tape_bytes(const ampi_tape *tape)
{
    return tape->api->tape_bytes(tape->state) + tape->n_values * sizeof *tape->values;
}

/* A multiple of 16 values, so that every gradient starts on a cache line. */
static size_t padded(const ampi_tensor *tensor)
{
    return tensor->trainable ? (tensor->count + 15) / 16 * 16 : 0;
}

static amp_status make_gradients(ampi_tape *tape, const ampi_graph *graph, amp_error *error)
{
    size_t total = 16, at = 0;

    for (size_t i = 0; i < graph->n_tensors; i++)
        if (!ampi_add(total, padded(&graph->tensors[i]), &total))
            return ampi_fail(error, AMP_E_LIMIT, "exec", "too many parameters");
    tape->gradients = ampi_alloc(tape->context, graph->n_tensors + 1, sizeof *tape->gradients);
    tape->values = ampi_alloc(tape->context, total, sizeof *tape->values);
    if (tape->gradients == NULL || tape->values == NULL)
        return ampi_fail_nomem(error, "exec", total * sizeof *tape->values);
    for (size_t i = 0; i < graph->n_tensors; i++) {
        if (graph->tensors[i].trainable)
            tape->gradients[i] = tape->values + at;
        at += padded(&graph->tensors[i]);
    }
    tape->n_values = total;
    tape->n_tensors = graph->n_tensors;
    return AMP_OK;
}

/* A variance needs two values. */
static amp_status check_norms(const ampi_tape_setup *setup, amp_error *error)
{
    for (size_t i = 0; i < setup->graph->n_nodes; i++) {
        const ampi_node *const node = &setup->graph->nodes[i];
        if (node->op == AMPI_OP_BATCH_NORM && setup->batch * node->shape.h * node->shape.w < 2)
            return ampi_fail(error, AMP_E_SHAPE, "exec",
                             "%.80s: one value a channel in a batch, training needs 2", node->name);
    }
    return AMP_OK;
}

static amp_status check_setup(const ampi_tape_setup *setup, const ampi_backend_api *api,
                              amp_error *error)
{
    if (api == NULL)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "this back end is not in the build");
    if (setup->options.precision != AMPI_PRECISION_FP32 &&
        setup->options.precision != AMPI_PRECISION_BF16)
        return ampi_fail(error, AMP_E_ARGUMENT, "exec", "training in %s",
                         ampi_precision_name(setup->options.precision));
    if (!api->precision_here(setup->options.precision))
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "training in %s: not on this %s",
                         ampi_precision_name(setup->options.precision),
                         setup->options.backend == AMPI_BACKEND_ONEDNN ? "processor" : "back end");
    if (setup->batch == 0 || setup->batch > (size_t)INT32_MAX / AMPI_MAX_CHANNELS)
        return ampi_fail(error, AMP_E_LIMIT, "exec", "a batch of %zu, range 1..%d", setup->batch,
                         INT32_MAX / (int)AMPI_MAX_CHANNELS);
    if (setup->graph->n_nodes < 2)
        return ampi_fail(error, AMP_E_ARGUMENT, "exec", "a network without layers");
    return check_norms(setup, error);
}

amp_status ampi_tape_create_with(ampi_tape **out, ampi_graph *graph, size_t batch,
                                 const ampi_tape_options *options, amp_error *error)
{
    ampi_tape *tape = ampi_alloc(graph->context, 1, sizeof *tape);
    ampi_tape_setup setup = { .graph = graph, .batch = batch, .options = *options };
    amp_status status;

    *out = NULL;
    if (tape == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *tape);
    tape->context = amp_context_ref(graph->context);
    tape->api = ampi_backend_find(options->backend);
    tape->process = getpid();
    if (setup.options.threads < 1 || ampi_context_forked(tape->context))
        setup.options.threads = 1;
    tape->threads = setup.options.threads;
    status = check_setup(&setup, tape->api, error);
    if (status != AMP_OK)
        goto done;
    status = make_gradients(tape, graph, error);
    if (status != AMP_OK)
        goto done;
    setup.gradients = tape->gradients;
    status = tape->api->tape_create(&tape->state, &setup, error);
    if (status != AMP_OK)
        goto done;
    *out = tape;
    tape = NULL;
done:
    ampi_tape_free(tape);
    return status;
}

amp_status ampi_tape_create(ampi_tape **out, ampi_graph *graph, size_t batch, int32_t threads,
                            ampi_backend backend, amp_error *error)
{
    const ampi_tape_options options = { .threads = threads, .backend = backend };

    return ampi_tape_create_with(out, graph, batch, &options, error);
}

/* The thread pool stayed with the parent. */
static amp_status check_process(const ampi_tape *tape, amp_error *error)
{
    if (tape->threads > 1 && tape->process != getpid())
        return ampi_fail(error, AMP_E_UNSUPPORTED, "exec", "a tape of %d threads in a forked child",
                         (int)tape->threads);
    return AMP_OK;
}

amp_status ampi_tape_forward(ampi_tape *tape, const float *input, uint64_t seed, uint64_t step,
                             float *logits, amp_error *error)
{
    AMPI_TRY(check_process(tape, error));
    tape->ran = false;
    AMPI_TRY(tape->api->tape_forward(tape->state, input, seed, step, logits, error));
    tape->ran = true;
    return AMP_OK;
}

amp_status ampi_tape_backward(ampi_tape *tape, const float *d_logits, float *d_input,
                              amp_error *error)
{
    AMPI_TRY(check_process(tape, error));
    if (!tape->ran)
        return ampi_fail(error, AMP_E_ARGUMENT, "exec", "backward without a forward before it");
    tape->ran = false;
    return tape->api->tape_backward(tape->state, d_logits, d_input, error);
}

float *ampi_tape_gradient(ampi_tape *tape, size_t index)
{
    return index < tape->n_tensors ? tape->gradients[index] : NULL;
}
