/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/tensor.c - a tensor's values, wherever they are: in memory, in the model's file, or there
 * and waiting for a folded batch norm's gains.
 */
#include "graph/graph.h"

#include <string.h>

static void apply_gains(const ampi_tensor *tensor, float *values)
{
    const size_t each = tensor->count / tensor->dims[0];

    for (size_t o = 0; o < tensor->dims[0]; o++)
        for (size_t i = o * each; i < (o + 1) * each; i++)
            values[i] = (float)((double)values[i] * tensor->gains[o]);
}

/* Without gains. */
static amp_status write_plain(const ampi_tensor *tensor, float *to, amp_error *error)
{
    const size_t bytes = tensor->count * sizeof(float);

    if (tensor->file != NULL)
        return ampi_file_read_at(tensor->file, tensor->offset, to, bytes, error);
    memcpy(to, tensor->data, bytes);
    return AMP_OK;
}

amp_status ampi_tensor_write(const ampi_tensor *tensor, float *to, amp_error *error)
{
    AMPI_TRY(write_plain(tensor, to, error));
    if (tensor->gains != NULL)
        apply_gains(tensor, to);
    return AMP_OK;
}

amp_status ampi_tensor_copy(const ampi_tensor *tensor, amp_context *context, float **out,
                            amp_error *error)
{
    const size_t bytes = tensor->count * sizeof(float);
    float *const made = ampi_alloc_raw(context, tensor->count, sizeof(float));
    amp_status status;

    *out = NULL;
    if (made == NULL)
        return ampi_fail_nomem(error, "graph", bytes);
    status = write_plain(tensor, made, error);
    if (status == AMP_OK)
        *out = made;
    else
        ampi_free(context, made);
    return status;
}

amp_status ampi_tensor_plain(const ampi_tensor *tensor, amp_context *context, float **out,
                             amp_error *error)
{
    if (tensor->file != NULL)
        return ampi_tensor_copy(tensor, context, out, error);
    *out = ampi_hold(tensor->data);
    return AMP_OK;
}

amp_status ampi_graph_settle(ampi_graph *graph, amp_error *error)
{
    for (size_t i = 0; i < graph->n_tensors; i++) {
        ampi_tensor *const tensor = &graph->tensors[i];
        float *values = NULL;
        if (tensor->gains == NULL && tensor->file == NULL)
            continue;
        AMPI_TRY(ampi_tensor_copy(tensor, graph->context, &values, error));
        if (tensor->gains != NULL)
            apply_gains(tensor, values);
        ampi_free(graph->context, tensor->data);
        ampi_free(graph->context, tensor->gains);
        ampi_file_unref(tensor->file);
        tensor->data = values;
        tensor->gains = NULL;
        tensor->file = NULL;
    }
    return AMP_OK;
}
