/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/model.c - the model handle: made from parts, asked, shared, freed.
 *
 * Files are in model_file.c; the bank is attached by lib/score, which knows what a bank is.
 */
#include "format/format_internal.h"

#include <amp/version.h>
#include <stdatomic.h>
#include <string.h>

_Static_assert(sizeof(amp_model_info) == 64, "amp_model_info layout");
_Static_assert(offsetof(amp_model_info, temperature) == 56, "amp_model_info layout");

/* ---- making ---- */

static amp_status check_parts(const ampi_graph *graph, const ampi_blobs *sections, amp_error *error)
{
    if (graph->arch[0] == '\0')
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "a rewritten network has no arch to keep");
    if (sections && sections->context != graph->context)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "network and sections of two contexts");
    for (size_t i = 0; sections && i < sections->count; i++) {
        if (strncmp(sections->items[i].name, AMPI_SECTION_PREFIX, 4) != 0)
            return ampi_fail(error, AMP_E_ARGUMENT, "model", "section '%.96s' is not named amp.*",
                             sections->items[i].name);
    }
    return AMP_OK;
}

/* The handle with all its parts; takes them on success. */
static amp_status make_handle(amp_model **out, ampi_graph *graph, ampi_blobs *sections,
                              json_t *record, char *text, amp_error *error)
{
    amp_context *const context = graph->context;
    amp_model *model = NULL;
    const char **classes = NULL;

    AMPI_TRY(ampi_record_classes(record, sections, ampi_graph_classes(graph), &classes, error));
    model = ampi_alloc(context, 1, sizeof *model);
    if (!model) {
        ampi_free(context, classes);
        return ampi_fail_nomem(error, "model", sizeof *model);
    }
    model->context = amp_context_ref(context);
    atomic_init(&model->references, 1);
    atomic_init(&model->attachment, NULL);
    model->classes = classes;
    model->graph = graph;
    model->record = record;
    model->record_text = text;
    model->sections = *sections;
    ampi_blobs_init(sections, context);
    *out = model;
    return AMP_OK;
}

amp_status ampi_model_adopt(amp_model **out, ampi_graph *graph, ampi_blobs *sections, char *text,
                            amp_error *error)
{
    ampi_blobs none = { .context = graph->context };
    json_t *record = NULL;
    amp_status status = check_parts(graph, sections, error);

    *out = NULL;
    if (status != AMP_OK)
        return status;
    status = ampi_json_parse(&record, text, strlen(text), &ampi_record_limits, "record", error);
    if (status != AMP_OK)
        return status;
    status = ampi_record_check(record, error);
    if (status == AMP_OK)
        status = ampi_record_ranges(record, graph, error);
    if (status == AMP_OK)
        status = make_handle(out, graph, sections ? sections : &none, record, text, error);
    if (status != AMP_OK)
        json_decref(record);
    return status;
}

/* {"format", "libamp", "arch"} and then the rest of `record`, shared with it; NULL when memory runs
   out.  jansson's own copies and updates would drop what they have no memory for. */
static json_t *stamp_record(json_t *record, const char *arch)
{
    json_t *const stamped = json_object();
    bool fine = json_object_set_new(stamped, "format", json_integer(AMPI_FORMAT_VERSION)) == 0 &&
                json_object_set_new(stamped, "libamp", json_string(amp_version())) == 0 &&
                json_object_set_new(stamped, "arch", json_string(arch)) == 0;
    const char *key;
    json_t *value;

    json_object_foreach(record, key, value)
    {
        if (fine && !json_object_get(stamped, key))
            fine = json_object_set(stamped, key, value) == 0;
    }
    if (fine)
        return stamped;
    json_decref(stamped);
    return NULL;
}

amp_status ampi_model_make(amp_model **out, ampi_graph *graph, ampi_blobs *sections, json_t *record,
                           amp_error *error)
{
    amp_context *const context = graph->context;
    json_t *stamped;
    char *text = NULL;
    amp_status status;

    *out = NULL;
    if (!json_is_object(record))
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "the record is not an object");
    stamped = stamp_record(record, graph->arch);
    if (!stamped)
        return ampi_fail_nomem(error, "model", 0);
    status = ampi_json_dump(context, stamped, &text, error);
    json_decref(stamped);
    if (status == AMP_OK)
        status = ampi_graph_check_values(graph, error);
    if (status == AMP_OK)
        status = ampi_model_adopt(out, graph, sections, text, error);
    if (status != AMP_OK)
        ampi_free(context, text);
    return status;
}

/* ---- sharing ---- */

amp_model *amp_model_ref(amp_model *model)
{
    if (model)
        (void)atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void amp_model_unref(amp_model *model)
{
    amp_context *context;
    ampi_attachment *attachment;

    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    context = model->context;
    attachment = atomic_load_explicit(&model->attachment, memory_order_acquire);
    if (attachment)
        attachment->free(attachment);
    if (model->bank && model->bank_unref)
        model->bank_unref(model->bank);
    json_decref(model->record);
    ampi_blobs_clear(&model->sections);
    ampi_graph_free(model->graph);
    ampi_free(context, model->record_text);
    ampi_free(context, model->classes);
    ampi_free(context, model);
    amp_context_unref(context);
}

/* ---- asking ---- */

static void read_calibration(const amp_model *model, amp_model_info *info)
{
    const json_t *const calibration = json_object_get(model->record, "calibration");
    const json_t *const thresholds = json_object_get(calibration, "thresholds");

    info->temperature = json_number_value(json_object_get(calibration, "temperature"));
    info->thresholds = (uint32_t)json_array_size(thresholds);
}

static uint32_t bank_size(const amp_model *model)
{
    const ampi_blob *const stems = ampi_blobs_find(&model->sections, AMPI_BANK_STEMS);

    return stems && stems->rank > 0 && stems->dims[0] <= UINT32_MAX ? (uint32_t)stems->dims[0] : 0;
}

amp_status amp_model_get_info(const amp_model *model, amp_model_info *info, amp_error *error)
{
    amp_model_info known;
    ampi_shape input;

    if (!model || !info)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "model and info must be given");
    memset(&known, 0, sizeof known);
    input = ampi_graph_input(model->graph);
    known.parameters = ampi_graph_parameters(model->graph);
    known.multiply_adds = ampi_graph_macs(model->graph);
    known.classes = ampi_graph_classes(model->graph);
    known.channels = ampi_graph_image_channels(model->graph);
    known.height = input.h;
    known.width = input.w;
    known.input_channels = input.c;
    known.anchored = model->graph->anchored ? 1 : 0;
    known.anchors = bank_size(model);
    read_calibration(model, &known);
    return ampi_struct_write(info, &known, sizeof known, "model", error);
}

double amp_model_int8_share(const amp_model *model)
{
    const uint64_t all = model ? ampi_graph_macs(model->graph) : 0;

    return all > 0 ? (double)ampi_graph_ranged_macs(model->graph) / (double)all : 0.0;
}

const char *amp_model_arch(const amp_model *model)
{
    return model ? model->graph->arch : NULL;
}

const char *amp_model_preprocess(const amp_model *model)
{
    return model ? json_string_value(json_object_get(model->record, "preprocess")) : NULL;
}

const char *amp_model_class_name(const amp_model *model, uint32_t index)
{
    if (!model || !model->classes || index >= ampi_graph_classes(model->graph))
        return NULL;
    return model->classes[index];
}

const char *amp_model_record(const amp_model *model)
{
    return model ? model->record_text : NULL;
}

amp_context *amp_model_context(const amp_model *model)
{
    return model ? model->context : NULL;
}
