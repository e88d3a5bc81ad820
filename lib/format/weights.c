/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/weights.c - between a graph's tensors, a model's sections and the tensors of a file.
 */
#include "format/format_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- file -> graph ---- */

/* What training scripts put before every name: DataParallel's, a wrapper's, both. */
static const char *const prefixes[] = { "module.net.", "module.", "net." };

static bool all_start_with(const ampi_views *views, const char *prefix)
{
    const size_t length = strlen(prefix);

    for (size_t i = 0; i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        if (!ampi_view_is_section(view) && strncmp(view->name, prefix, length) != 0)
            return false;
    }
    return true;
}

static size_t prefix_length(const ampi_views *views)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (all_start_with(views, prefixes[i]))
            return strlen(prefixes[i]);
    }
    return 0;
}

static int compare_tensors(const void *a, const void *b)
{
    const ampi_tensor *const *const left = a;
    const ampi_tensor *const *const right = b;

    return strcmp((*left)->name, (*right)->name);
}

static amp_status check_shape(const ampi_tensor *tensor, const ampi_view *view, amp_error *error)
{
    /* Of all tensors the batch norms' counters alone are whole numbers. */
    const ampi_dtype wanted = tensor->rank == 0 ? AMPI_DTYPE_I64 : AMPI_DTYPE_F32;

    if (view->dtype != wanted)
        return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%s': %s, expected %s", tensor->name,
                         ampi_dtype_name(view->dtype), ampi_dtype_name(wanted));
    if (view->rank != tensor->rank)
        return ampi_fail(error, AMP_E_SHAPE, "model", "tensor '%s': %u dimensions, expected %u",
                         tensor->name, view->rank, tensor->rank);
    for (uint32_t i = 0; i < view->rank; i++) {
        if (view->dims[i] != tensor->dims[i])
            return ampi_fail(error, AMP_E_SHAPE, "model",
                             "tensor '%s': dimension %u is %zu, expected %zu", tensor->name, i,
                             view->dims[i], tensor->dims[i]);
    }
    return AMP_OK;
}

/* Large weights stay in their file.  What is not finite comes into memory, where
   ampi_graph_check_values finds and names it. */
static amp_status fill_tensor(amp_context *context, ampi_tensor *tensor, const ampi_view *view,
                              amp_error *error)
{
    AMPI_TRY(check_shape(tensor, view, error));
    if (tensor->rank == 0)
        return ampi_view_read(view, &tensor->counter, error);
    if (!tensor->data && view->file && view->finite) {
        tensor->file = ampi_file_ref(view->file);
        tensor->offset = view->offset;
        return AMP_OK;
    }
    if (!tensor->data)
        tensor->data = ampi_alloc_raw(context, tensor->count, sizeof *tensor->data);
    return tensor->data ? ampi_view_read(view, tensor->data, error)
                        : ampi_fail_nomem(error, "model", view->bytes);
}

static amp_status name_missing(const ampi_tensor *tensor, amp_error *error)
{
    return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%s' is missing", tensor->name);
}

/* Both sides ascend by name and have each name once, so one walk along both sees every lack. */
static amp_status fill_sorted(const ampi_graph *graph, ampi_tensor *const *sorted,
                              const ampi_views *views, amp_error *error)
{
    const size_t skip = prefix_length(views);
    size_t next = 0;

    for (size_t i = 0; i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        const char *const name = view->name + skip;
        int order;
        if (ampi_view_is_section(view))
            continue;
        order = next < graph->n_tensors ? strcmp(name, sorted[next]->name) : -1;
        if (order > 0)
            return name_missing(sorted[next], error);
        if (order < 0)
            return ampi_fail(error, AMP_E_FORMAT, "model", "tensor '%.96s' is not of %.80s", name,
                             graph->arch);
        AMPI_TRY(fill_tensor(graph->context, sorted[next++], view, error));
    }
    return next < graph->n_tensors ? name_missing(sorted[next], error) : AMP_OK;
}

amp_status ampi_weights_fill(ampi_graph *graph, const ampi_views *views, amp_error *error)
{
    ampi_tensor **const sorted =
        ampi_alloc(graph->context, graph->n_tensors, sizeof(ampi_tensor *));
    amp_status status;

    if (!sorted)
        return ampi_fail_nomem(error, "model", graph->n_tensors * sizeof(ampi_tensor *));
    for (size_t i = 0; i < graph->n_tensors; i++)
        sorted[i] = &graph->tensors[i];
    qsort(sorted, graph->n_tensors, sizeof(ampi_tensor *), compare_tensors);
    status = fill_sorted(graph, sorted, views, error);
    ampi_free(graph->context, sorted);
    return status == AMP_OK ? ampi_graph_check_values(graph, error) : status;
}

amp_status ampi_sections_copy(ampi_blobs *out, const ampi_views *views, amp_error *error)
{
    for (size_t i = 0; i < views->count; i++) {
        const ampi_view *const view = &views->items[i];
        ampi_blob *blob = NULL;
        if (!ampi_view_is_section(view))
            continue;
        AMPI_TRY(
            ampi_blobs_append(out, &blob, view->name, view->dtype, view->rank, view->dims, error));
        AMPI_TRY(ampi_view_read(view, blob->data, error));
    }
    return AMP_OK;
}

/* ---- graph and sections -> file ---- */

static ampi_view tensor_view(const ampi_tensor *tensor)
{
    ampi_view view = { .name = tensor->name, .rank = tensor->rank };

    for (uint32_t i = 0; i < tensor->rank; i++)
        view.dims[i] = tensor->dims[i];
    view.dtype = tensor->rank > 0 ? AMPI_DTYPE_F32 : AMPI_DTYPE_I64;
    view.bytes = tensor->rank > 0 ? tensor->count * sizeof(float) : sizeof tensor->counter;
    view.data = tensor->rank > 0 ? (const void *)tensor->data : &tensor->counter;
    view.file = tensor->file;
    view.offset = tensor->offset;
    return view;
}

static ampi_view blob_view(const ampi_blob *blob)
{
    ampi_view view = { .name = blob->name, .dtype = blob->dtype, .rank = blob->rank };

    for (uint32_t i = 0; i < blob->rank; i++)
        view.dims[i] = blob->dims[i];
    view.bytes = blob->bytes;
    view.data = blob->data;
    return view;
}

amp_status ampi_views_list(ampi_views *views, const ampi_graph *graph, const ampi_blobs *sections,
                           amp_error *error)
{
    const size_t tensors = graph ? graph->n_tensors : 0;
    const size_t count = tensors + sections->count;

    memset(views, 0, sizeof *views);
    views->context = sections->context;
    if (count > AMPI_MAX_TENSORS)
        return ampi_fail(error, AMP_E_LIMIT, "model", "%zu tensors, limit %u", count,
                         AMPI_MAX_TENSORS);
    if (count == 0)
        return AMP_OK;
    views->items = ampi_alloc(views->context, count, sizeof *views->items);
    if (!views->items)
        return ampi_fail_nomem(error, "model", count * sizeof *views->items);
    for (size_t i = 0; i < tensors; i++)
        views->items[views->count++] = tensor_view(&graph->tensors[i]);
    for (size_t i = 0; i < sections->count; i++)
        views->items[views->count++] = blob_view(&sections->items[i]);
    return AMP_OK;
}
