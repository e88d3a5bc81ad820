/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/builder.c - a new model out of a base and new parts: bank, class names, card.
 *
 * calibrate.c adds temperature and thresholds.  The base is never changed; weights are copied when
 * the new model is made.
 */
#include "score/builder.h"

#include <string.h>

static amp_status copy_sections(ampi_blobs *out, const ampi_blobs *from, amp_error *error)
{
    for (size_t i = 0; i < from->count; i++)
        AMPI_TRY(ampi_blobs_copy(out, &from->items[i], error));
    return AMP_OK;
}

amp_status amp_model_builder_create(amp_model_builder **out, amp_model *base, amp_error *error)
{
    amp_model_builder *builder;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out is NULL");
    *out = NULL;
    if (!base)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "base is NULL");
    builder = ampi_alloc(base->context, 1, sizeof *builder);
    if (!builder)
        return ampi_fail_nomem(error, "model", sizeof *builder);
    builder->context = amp_context_ref(base->context);
    builder->base = amp_model_ref(base);
    builder->bank = amp_bank_ref(base->bank);
    ampi_blobs_init(&builder->sections, base->context);
    status = ampi_json_copy(&builder->record, base->record, error);
    if (!status)
        status = copy_sections(&builder->sections, &base->sections, error);
    if (status) {
        amp_model_builder_free(builder);
        return status;
    }
    *out = builder;
    return AMP_OK;
}

void amp_model_builder_free(amp_model_builder *builder)
{
    amp_context *context;

    if (!builder)
        return;
    context = builder->context;
    json_decref(builder->record);
    ampi_blobs_clear(&builder->sections);
    amp_bank_unref(builder->bank);
    amp_model_unref(builder->base);
    ampi_free(context, builder);
    amp_context_unref(context);
}

/* ---- bank ---- */

static amp_status describe_bank(json_t *record, const amp_bank *bank, amp_error *error)
{
    json_t *const text = json_pack("{s:I, s:s, s:I, s:s}", "anchors", (json_int_t)bank->count,
                                   "method", bank->method, "seed", (json_int_t)bank->seed, "stored",
                                   bank->pixels ? "pixels" : "stems");

    if (json_object_set_new(record, "bank", text) != 0)
        return ampi_fail_nomem(error, "model", 0);
    return AMP_OK;
}

/* The new section beside what else is kept; *out is the caller's to clear. */
static amp_status replace_section(ampi_blobs *out, const ampi_blobs *sections, const amp_bank *bank,
                                  amp_error *error)
{
    AMPI_TRY(copy_sections(out, sections, error));
    ampi_blobs_drop(out, "amp.bank.");
    return bank ? ampi_bank_to_blobs(bank, out, error) : AMP_OK;
}

amp_status amp_model_builder_set_bank(amp_model_builder *builder, amp_bank *bank, amp_error *error)
{
    ampi_blobs sections;
    amp_status status;

    if (!builder)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "builder is NULL");
    if (bank)
        AMPI_TRY(ampi_bank_check(bank, builder->base->graph, error));
    if (bank == builder->bank)
        return AMP_OK;
    ampi_blobs_init(&sections, builder->context);
    status = replace_section(&sections, &builder->sections, bank, error);
    if (!status && bank)
        status = describe_bank(builder->record, bank, error);
    if (status) {
        ampi_blobs_clear(&sections);
        return status;
    }
    ampi_blobs_clear(&builder->sections);
    builder->sections = sections;
    if (!bank)
        (void)json_object_del(builder->record, "bank");
    /* Temperature, thresholds and ranges were those of other anchors. */
    (void)json_object_del(builder->record, "calibration");
    (void)json_object_del(builder->record, "int8");
    amp_bank_unref(builder->bank);
    builder->bank = amp_bank_ref(bank);
    return AMP_OK;
}

/* ---- names and card ---- */

amp_status amp_model_builder_set_class_names(amp_model_builder *builder, uint32_t n,
                                             const char *const *names, amp_error *error)
{
    if (!builder || !names)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "builder and names must be given");
    if (n != ampi_graph_classes(builder->base->graph))
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "%u class names, the network has %u", n,
                         ampi_graph_classes(builder->base->graph));
    return ampi_record_set_classes(builder->record, &builder->sections, n, names, error);
}

static amp_status parse_value(json_t **out, const char *text, amp_error *error)
{
    const size_t size = strlen(text);
    json_error_t fault;

    if (size > AMPI_RECORD_MAX_BYTES)
        return ampi_fail(error, AMP_E_LIMIT, "model", "a card entry of %zu bytes, limit %u", size,
                         AMPI_RECORD_MAX_BYTES);
    *out = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &fault);
    if (!*out)
        return ampi_fail(error, AMP_E_FORMAT, "model", "card entry, byte %d: %.120s",
                         fault.position, fault.text);
    return AMP_OK;
}

amp_status amp_model_builder_set_card(amp_model_builder *builder, const char *key, const char *json,
                                      amp_error *error)
{
    json_t *value = NULL, *card;

    if (!builder || !key || !json)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "builder, key and json must be given");
    if (key[0] == '\0' || strlen(key) > 100)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "a card key of %zu bytes, allowed 1..100",
                         strlen(key));
    if (!ampi_text_is_utf8(key))
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "the card key is not UTF-8");
    AMPI_TRY(parse_value(&value, json, error));
    card = json_object_get(builder->record, "card");
    if (!card && json_object_set_new(builder->record, "card", json_object()) == 0)
        card = json_object_get(builder->record, "card");
    if (json_object_set_new(card, key, value) != 0)
        return ampi_fail_nomem(error, "model", strlen(json));
    return AMP_OK;
}

/* ---- the new model ---- */

amp_status amp_model_builder_finish(amp_model_builder *builder, amp_model **out, amp_error *error)
{
    ampi_graph *graph = NULL;
    ampi_blobs sections;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out is NULL");
    *out = NULL;
    if (!builder)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "builder is NULL");
    ampi_blobs_init(&sections, builder->context);
    status = copy_sections(&sections, &builder->sections, error);
    if (!status)
        status = ampi_graph_clone(&graph, builder->base->graph, error);
    if (!status)
        status = ampi_model_make(out, graph, &sections, builder->record, error);
    if (!status) {
        graph = NULL;
        (*out)->bank = amp_bank_ref(builder->bank);
        (*out)->bank_unref = amp_bank_unref;
    }
    ampi_graph_free(graph);
    ampi_blobs_clear(&sections);
    return status;
}
