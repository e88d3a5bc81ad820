/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/model_file.c - models out of bytes, into files, and new ones with random weights.
 *
 * Opening: index the container, read the record, build the network that its "arch" names, fill
 * its tensors or say where in the file they lie, keep the sections.  lib/score reads the file,
 * attaches the bank and checks what rooms above this one read of the record.
 */
#include "core/text.h"
#include "format/format_internal.h"

#include <stdio.h>
#include <string.h>

amp_status ampi_fail_in_file(amp_error *error, amp_status status, const char *name)
{
    const amp_status kept = status == AMP_E_ARGUMENT ? AMP_E_FORMAT : status;
    amp_error inner;

    if (!error)
        return kept;
    inner = *error;
    (void)ampi_fail(error, kept, inner.where, "%s: %s", ampi_path_tail(name), inner.message);
    error->detail = inner.detail;
    return kept;
}

/* ---- open ---- */

typedef struct draft {
    amp_context *context;
    ampi_views views;
    ampi_graph *graph;
    ampi_blobs sections;
    char *text; /* of the record */
} draft;

static void draft_free(draft *parts)
{
    ampi_views_free(&parts->views);
    ampi_blobs_clear(&parts->sections);
    ampi_graph_free(parts->graph);
    ampi_free(parts->context, parts->text);
    amp_context_unref(parts->context);
}

/* The network that the record names.  A small file may name a huge one: that gets 64 MiB and four
   times the file's size, so that a wrong name is still told by the first tensor that is amiss. */
static amp_status build_graph(draft *parts, size_t file_size, amp_error *error)
{
    const size_t value_limit = file_size + ((size_t)16 << 20);
    const char *const text = parts->views.record;
    json_t *record = NULL;
    amp_status status =
        ampi_json_parse(&record, text, strlen(text), &ampi_record_limits, "record", error);

    if (status != AMP_OK)
        return status;
    status = ampi_record_check(record, error);
    if (status == AMP_OK)
        status = ampi_graph_build_hollow(&parts->graph, parts->context,
                                         json_string_value(json_object_get(record, "arch")),
                                         value_limit, error);
    json_decref(record);
    return status;
}

static amp_status read_parts(draft *parts, const ampi_model_source *source, amp_error *error)
{
    const size_t size = source->file ? ampi_file_size(source->file) : source->size;

    AMPI_TRY(ampi_safetensors_index(&parts->views, parts->context, source, error));
    if (!parts->views.record)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "no \"amp\" record in the metadata: weights alone are no model");
    AMPI_TRY(build_graph(parts, size, error));
    AMPI_TRY(ampi_weights_fill(parts->graph, &parts->views, error));
    ampi_blobs_init(&parts->sections, parts->context);
    AMPI_TRY(ampi_sections_copy(&parts->sections, &parts->views, error));
    parts->text = ampi_strdup(parts->context, parts->views.record);
    return parts->text ? AMP_OK : ampi_fail_nomem(error, "model", strlen(parts->views.record) + 1);
}

amp_status ampi_model_parse(amp_model **out, amp_context *context, const ampi_model_source *source,
                            amp_error *error)
{
    draft parts;
    amp_status status;

    *out = NULL;
    memset(&parts, 0, sizeof parts);
    status = ampi_context_get(&parts.context, context, error);
    if (status != AMP_OK)
        return status;
    status = read_parts(&parts, source, error);
    if (status == AMP_OK)
        status = ampi_model_adopt(out, parts.graph, &parts.sections, parts.text, error);
    if (status == AMP_OK) {
        parts.graph = NULL;
        parts.text = NULL;
    }
    draft_free(&parts);
    return status == AMP_OK ? AMP_OK : ampi_fail_in_file(error, status, source->name);
}

/* ---- save ---- */

amp_status amp_model_save(const amp_model *model, const char *path, amp_error *error)
{
    ampi_views views;
    amp_status status;

    if (!model || !path)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "model and path must be given");
    status = ampi_views_list(&views, model->graph, &model->sections, error);
    if (status == AMP_OK)
        status = ampi_safetensors_store(&views, model->record_text, path, error);
    ampi_views_free(&views);
    return status;
}

/* ---- create ---- */

/* Pixels to the network's input and nothing else, where the caller names nothing. */
static void plain_preprocess(const ampi_graph *graph, char *out, size_t size)
{
    const ampi_shape input = ampi_graph_input(graph);

    (void)snprintf(out, size, "height=%u,width=%u,channels=%u", input.h, input.w,
                   ampi_graph_image_channels(graph));
}

static amp_status make_with_preprocess(amp_model **out, ampi_graph *graph, const char *preprocess,
                                       amp_error *error)
{
    json_t *record;
    amp_status status;

    if (!ampi_text_is_utf8(preprocess))
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "preprocess is not UTF-8");
    record = json_object();
    if (json_object_set_new(record, "preprocess", json_string(preprocess)) != 0)
        status = ampi_fail_nomem(error, "model", strlen(preprocess));
    else
        status = ampi_model_make(out, graph, NULL, record, error);
    json_decref(record);
    return status;
}

amp_status ampi_model_create(amp_model **out, amp_context *context, const char *arch,
                             const char *preprocess, uint64_t seed, amp_error *error)
{
    ampi_graph *graph = NULL;
    char plain[64];
    amp_status status;

    if (out)
        *out = NULL;
    if (!out || !arch)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out and arch must be given");
    status = ampi_graph_build(&graph, context, arch, error);
    if (status != AMP_OK)
        return status;
    ampi_graph_init(graph, seed);
    plain_preprocess(graph, plain, sizeof plain);
    status = make_with_preprocess(out, graph, preprocess ? preprocess : plain, error);
    if (status != AMP_OK)
        ampi_graph_free(graph);
    return status;
}
