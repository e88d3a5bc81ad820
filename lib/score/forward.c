/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/forward.c - the network's own numbers: float arrays in, logits out, no images, no scores.
 */
#include "score/scorer_internal.h"

#include <math.h>

static amp_status forward_whole(amp_model *model, int32_t threads, size_t n, const float *input,
                                float *output, amp_error *error)
{
    const size_t values = ampi_shape_values(ampi_graph_input(model->graph));
    const size_t classes = ampi_graph_classes(model->graph);
    const size_t most = ampi_pass_most_rows(values);
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    amp_status status;

    AMPI_TRY(ampi_model_whole(model, &program, error));
    status = ampi_runner_create(&runner, program, error);
    for (size_t i = 0; i < n && !status; i += most)
        status = ampi_runner_forward(runner, threads, ampi_min_size(most, n - i),
                                     input + i * values, output + i * classes, error);
    ampi_runner_free(runner);
    return status;
}

static amp_status forward_pairs(amp_model *model, const amp_bank *bank, int32_t threads, size_t n,
                                const float *input, float *output, amp_error *error)
{
    const ampi_anchors anchors = { bank->count, bank->stems };
    ampi_network *network = NULL;
    ampi_pass *pass = NULL;
    amp_status status;

    AMPI_TRY(ampi_bank_check(bank, model->graph, error));
    AMPI_TRY(
        ampi_model_network(model, ampi_default_backend(), AMPI_PRECISION_FP32, &network, error));
    AMPI_TRY(ampi_pass_create(&pass, network, error));
    status = ampi_pass_run(pass, threads, n, input, &anchors, output, error);
    ampi_pass_free(pass);
    return status;
}

/* Logits an image. */
static size_t row(const amp_model *model, const amp_bank *bank)
{
    return (bank ? bank->count : 1) * (size_t)ampi_graph_classes(model->graph);
}

/* Values of one input: with a bank the image alone. */
static size_t input_values(const amp_model *model, const amp_bank *bank)
{
    const ampi_shape in = ampi_graph_input(model->graph);
    const uint32_t channels = bank ? ampi_graph_image_channels(model->graph) : in.c;

    return (size_t)channels * in.h * in.w;
}

static amp_status check_size(const amp_model *model, const amp_bank *bank, size_t n,
                             amp_error *error)
{
    size_t in = input_values(model, bank) * sizeof(float);
    size_t out = row(model, bank) * sizeof(float);

    if (!ampi_mul(in, n, &in) || !ampi_mul(out, n, &out))
        return ampi_fail(error, AMP_E_LIMIT, "model", "%zu inputs are too many", n);
    return AMP_OK;
}

static amp_status check_finite(const float *output, size_t n, size_t values, amp_error *error)
{
    for (size_t i = 0; i < n * values; i++) {
        if (!isfinite(output[i]))
            return ampi_fail(error, AMP_E_BACKEND, "model",
                             "input %zu: the network's output is not finite", i / values);
    }
    return AMP_OK;
}

/* Rectifiers turn a NaN into 0, so what overflows inside would not show in the output. */
#define LARGEST_INPUT 1e12f

static amp_status check_input(const float *input, size_t n, size_t values, amp_error *error)
{
    for (size_t i = 0; i < n * values; i++) {
        if (!(fabsf(input[i]) <= LARGEST_INPUT))
            return ampi_fail(error, AMP_E_ARGUMENT, "model",
                             "input %zu has the value %g, allowed is -1e12..1e12", i / values,
                             (double)input[i]);
    }
    return AMP_OK;
}

amp_status amp_model_forward(amp_model *model, const amp_bank *bank, size_t n, const float *input,
                             float *output, amp_error *error)
{
    int32_t threads;
    amp_status status;

    if (!model || !input || !output || n == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "model",
                         "model, input and output must be given, n must not be 0");
    AMPI_TRY(check_size(model, bank, n, error));
    AMPI_TRY(check_input(input, n, input_values(model, bank), error));
    threads = ampi_context_take_threads(model->context, amp_context_threads(model->context));
    if (bank)
        status = forward_pairs(model, bank, threads, n, input, output, error);
    else
        status = forward_whole(model, threads, n, input, output, error);
    ampi_context_give_threads(model->context, threads);
    return status ? status : check_finite(output, n, row(model, bank), error);
}
