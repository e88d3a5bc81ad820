/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/scorer_create.c - scorers made, cloned, asked and freed; running them is in scorer.c.
 */
#include "score/scorer_internal.h"

#include <string.h>

#define MOST_CHUNK 4096u
#define MOST_THREADS 1024

_Static_assert(sizeof(amp_scorer_options) == 40, "amp_scorer_options layout");
_Static_assert(offsetof(amp_scorer_options, anchors) == 8, "amp_scorer_options layout");
_Static_assert(offsetof(amp_scorer_options, threads) == 12, "amp_scorer_options layout");
_Static_assert(offsetof(amp_scorer_options, tpr) == 16, "amp_scorer_options layout");
_Static_assert(offsetof(amp_scorer_options, chunk) == 24, "amp_scorer_options layout");
_Static_assert(offsetof(amp_scorer_options, precision) == 28, "amp_scorer_options layout");
_Static_assert(offsetof(amp_scorer_options, adaptive) == 32, "amp_scorer_options layout");

static const amp_scorer_options standard = { sizeof standard, 0, 0, 0.95, 0, 0, 0, 0 };

void amp_scorer_options_init(amp_scorer_options *options, size_t size)
{
    if (!options || size < sizeof(size_t))
        return;
    memset(options, 0, size);
    memcpy(options, &standard, ampi_min_size(size, sizeof standard));
    memcpy(options, &size, sizeof size);
}

static amp_status read_options(amp_scorer_options *known, const amp_scorer_options *given,
                               amp_error *error)
{
    *known = standard;
    AMPI_TRY(ampi_struct_read(known, sizeof *known, given, "score", error));
    if (known->threads < 0 || known->threads > MOST_THREADS)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "threads is %d, allowed 0..%d",
                         (int)known->threads, MOST_THREADS);
    if (!(known->tpr > 0.0 && known->tpr <= 1.0))
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "tpr is %g, allowed above 0 up to 1",
                         known->tpr);
    if (known->chunk > MOST_CHUNK)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "chunk is %u, allowed 0..%u", known->chunk,
                         MOST_CHUNK);
    if (!amp_precision_name(known->precision))
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "precision is %d, allowed -1..%d",
                         (int)known->precision, AMPI_PRECISION_COUNT - 1);
    if (known->adaptive < 0 || known->adaptive > 1 || known->reserved != 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "adaptive is %d, allowed 0..1; reserved is %u, must be 0",
                         (int)known->adaptive, known->reserved);
    return AMP_OK;
}

/* ---- model, bank and K ---- */

static amp_status join_bank(amp_scorer *scorer, amp_bank *bank, amp_error *error)
{
    const uint32_t asked = scorer->options.anchors;

    if (!bank)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "the model has no anchor bank and none is given");
    AMPI_TRY(ampi_bank_check(bank, scorer->model->graph, error));
    if (asked > bank->count)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "anchors is %u, the bank has %u", asked,
                         bank->count);
    scorer->bank = amp_bank_ref(bank);
    scorer->k = asked ? asked : bank->count;
    return AMP_OK;
}

static amp_status join_plain(const amp_scorer *scorer, const amp_bank *bank, amp_error *error)
{
    if (bank)
        return ampi_fail(error, AMP_E_SHAPE, "score",
                         "the network is not anchored: it takes no bank");
    if (scorer->options.anchors > 1)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "anchors is %u, the network is not anchored", scorer->options.anchors);
    return AMP_OK;
}

static amp_status join(amp_scorer *scorer, amp_model *model, amp_bank *bank, amp_error *error)
{
    const ampi_graph *const graph = model->graph;

    scorer->model = amp_model_ref(model);
    AMPI_TRY(ampi_prepare_parse(&scorer->prepare, amp_model_preprocess(model), error));
    AMPI_TRY(ampi_prepare_check(&scorer->prepare, model->graph, error));
    scorer->classes = ampi_graph_classes(graph);
    scorer->values = ampi_graph_image_channels(graph) * (size_t)ampi_graph_input(graph).h *
                     ampi_graph_input(graph).w;
    if (graph->anchored)
        AMPI_TRY(join_bank(scorer, bank ? bank : model->bank, error));
    else
        AMPI_TRY(join_plain(scorer, bank, error));
    scorer->outputs = scorer->k ? scorer->k : 1;
    return AMP_OK;
}

/* ---- methods ---- */

const char *ampi_default_methods(const amp_model *model)
{
    const char *const own = json_string_value(json_object_get(model->record, "default_method"));

    if (own)
        return own;
    return model->graph->anchored ? "amp" : "msp";
}

static amp_status check_needs(amp_scorer *scorer, const ampi_use *use, amp_error *error)
{
    const unsigned needs = use->method->needs(use->fields);

    if ((needs & AMPI_NEEDS_ANCHORS) && !scorer->model->graph->anchored)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "score",
                         "the method %s needs an anchored network", use->name);
    if ((needs & AMPI_NEEDS_SPREAD) && scorer->k == 1)
        scorer->note = "K = 1: calibration needs K >= 2, scores are of uncalibrated logits";
    return AMP_OK;
}

static amp_status choose_methods(amp_scorer *scorer, const char *methods, amp_error *error)
{
    const json_t *const record = scorer->model->record;

    if (!methods)
        methods = ampi_default_methods(scorer->model);
    scorer->uses.context = scorer->context;
    AMPI_TRY(ampi_uses_parse(&scorer->uses, methods, error));
    for (size_t i = 0; i < scorer->uses.count; i++) {
        ampi_use *const use = &scorer->uses.items[i];
        AMPI_TRY(check_needs(scorer, use, error));
    }
    scorer->temperature = ampi_record_temperature(record);
    return AMP_OK;
}

static amp_status choose_network(amp_scorer *scorer, amp_error *error)
{
    const ampi_precision precision = ampi_choose_precision(scorer);
    ampi_network *network = NULL;

    if (precision == AMPI_PRECISION_INT8 && ampi_graph_ranged_macs(scorer->model->graph) == 0)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "score",
                         "the model has no int8 form: it was not calibrated for int8");

    AMPI_TRY(ampi_model_network(scorer->model, ampi_default_backend(), precision, &network, error));
    scorer->network = ampi_network_ref(network);
    for (size_t i = 0; i < scorer->uses.count; i++) {
        ampi_use *const use = &scorer->uses.items[i];
        const ampi_threshold_key key = { use->name, scorer->k, precision, scorer->options.tpr };
        use->has_threshold = ampi_record_threshold(scorer->model->record, &key, &use->threshold);
    }
    return AMP_OK;
}

/* The stopping rules of adaptive anchors; one anchor, or none, has nothing to stop. */
static amp_status choose_margins(amp_scorer *scorer, amp_error *error)
{
    const size_t count = scorer->uses.count;

    if (!scorer->options.adaptive || scorer->k < 2)
        return AMP_OK;
    scorer->margins = ampi_alloc(scorer->context, count, sizeof *scorer->margins);
    if (!scorer->margins)
        return ampi_fail_nomem(error, "score", count * sizeof *scorer->margins);
    for (size_t i = 0; i < count; i++) {
        const char *const name = scorer->uses.items[i].name;
        const ampi_threshold_key key = { name, scorer->k, scorer->network->precision,
                                         scorer->options.tpr };
        if (!ampi_record_margins(scorer->model->record, &key, &scorer->margins[i]))
            return ampi_fail(error, AMP_E_UNSUPPORTED, "score",
                             "the model has no stopping rule for %s, %zu anchors, %s, TPR %g", name,
                             scorer->k, ampi_threshold_precision(key.precision), key.tpr);
    }
    return AMP_OK;
}

/* ---- memory of a run ---- */

static amp_status make_buffers(amp_scorer *scorer, amp_error *error)
{
    amp_context *const context = scorer->context;
    const size_t logits = scorer->outputs * scorer->classes;
    size_t rows;

    AMPI_TRY(ampi_pass_create(&scorer->pass, scorer->network, error));
    ampi_pass_set_rows(scorer->pass, scorer->options.chunk * scorer->outputs);
    /* Adaptive: one row an image at a time. */
    rows = ampi_pass_rows(scorer->pass) /
           (scorer->margins && !scorer->options.chunk ? 1 : scorer->outputs);
    scorer->chunk = rows ? rows : 1;
    scorer->pixels = ampi_alloc_raw(context, scorer->values, 1);
    scorer->images = ampi_alloc_raw(context, scorer->chunk, scorer->values * sizeof(float));
    scorer->logits = ampi_alloc_raw(context, scorer->chunk, logits * sizeof(float));
    scorer->mean = ampi_alloc_raw(context, scorer->classes, sizeof(double));
    scorer->work = ampi_alloc_raw(context, scorer->classes, sizeof(double));
    if (scorer->margins) {
        scorer->undecided = ampi_alloc_raw(context, scorer->chunk, sizeof(uint32_t));
        scorer->stage = ampi_alloc_raw(context, scorer->chunk, scorer->classes * sizeof(float));
        if (!scorer->undecided || !scorer->stage)
            return ampi_fail_nomem(error, "score", scorer->chunk * scorer->classes * sizeof(float));
    }
    if (!scorer->pixels || !scorer->images || !scorer->logits || !scorer->mean || !scorer->work)
        return ampi_fail_nomem(error, "score",
                               scorer->chunk * (scorer->values + logits) * sizeof(float));
    return AMP_OK;
}

static amp_status allocate(amp_scorer **out, amp_context *context, amp_error *error)
{
    *out = ampi_alloc(context, 1, sizeof **out);
    if (!*out)
        return ampi_fail_nomem(error, "score", sizeof **out);
    (*out)->context = amp_context_ref(context);
    return AMP_OK;
}

amp_status amp_scorer_create(amp_scorer **out, amp_model *model, amp_bank *bank,
                             const char *methods, const amp_scorer_options *options,
                             amp_error *error)
{
    amp_scorer_options known;
    amp_scorer *scorer = NULL;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "out is NULL");
    *out = NULL;
    if (!model)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "model is NULL");
    AMPI_TRY(read_options(&known, options, error));
    AMPI_TRY(allocate(&scorer, model->context, error));
    scorer->options = known;
    if (known.threads == 0)
        scorer->options.threads = amp_context_threads(model->context);
    status = join(scorer, model, bank, error);
    if (!status)
        status = choose_methods(scorer, methods, error);
    if (!status)
        status = choose_network(scorer, error);
    if (!status)
        status = choose_margins(scorer, error);
    if (!status)
        status = make_buffers(scorer, error);
    if (!status) {
        *out = scorer;
        scorer = NULL;
    }
    amp_scorer_free(scorer);
    return status;
}

static amp_status copy_uses(ampi_uses *out, const ampi_uses *uses, amp_context *context,
                            amp_error *error)
{
    out->context = context;
    AMPI_TRY(
        ampi_grow(context, &out->items, &out->capacity, uses->count, sizeof *out->items, error));
    memcpy(out->items, uses->items, uses->count * sizeof *out->items);
    out->count = uses->count;
    return AMP_OK;
}

amp_status amp_scorer_clone(amp_scorer **out, const amp_scorer *scorer, amp_error *error)
{
    amp_scorer *made = NULL;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "out is NULL");
    *out = NULL;
    if (!scorer)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "scorer is NULL");
    AMPI_TRY(allocate(&made, scorer->context, error));
    made->options = scorer->options;
    made->model = amp_model_ref(scorer->model);
    made->bank = amp_bank_ref(scorer->bank);
    made->network = ampi_network_ref(scorer->network);
    made->prepare = scorer->prepare;
    made->k = scorer->k;
    made->outputs = scorer->outputs;
    made->classes = scorer->classes;
    made->values = scorer->values;
    made->temperature = scorer->temperature;
    made->note = scorer->note;
    status = copy_uses(&made->uses, &scorer->uses, scorer->context, error);
    if (!status)
        status = choose_margins(made, error);
    if (!status)
        status = make_buffers(made, error);
    if (!status) {
        *out = made;
        made = NULL;
    }
    amp_scorer_free(made);
    return status;
}

void amp_scorer_free(amp_scorer *scorer)
{
    amp_context *context;

    if (!scorer)
        return;
    context = scorer->context;
    ampi_pass_free(scorer->pass);
    ampi_network_unref(scorer->network);
    amp_bank_unref(scorer->bank);
    ampi_free(context, scorer->uses.items);
    ampi_free(context, scorer->pixels);
    ampi_free(context, scorer->images);
    ampi_free(context, scorer->logits);
    ampi_free(context, scorer->mean);
    ampi_free(context, scorer->work);
    ampi_free(context, scorer->margins);
    ampi_free(context, scorer->undecided);
    ampi_free(context, scorer->stage);
    amp_model_unref(scorer->model);
    ampi_free(context, scorer);
    amp_context_unref(context);
}

/* ---- asking ---- */

uint32_t amp_scorer_methods(const amp_scorer *scorer)
{
    return scorer ? (uint32_t)scorer->uses.count : 0;
}

const char *amp_scorer_method(const amp_scorer *scorer, uint32_t index)
{
    return scorer && index < scorer->uses.count ? scorer->uses.items[index].name : NULL;
}

int32_t amp_scorer_threshold(const amp_scorer *scorer, uint32_t index, double *threshold)
{
    if (!scorer || index >= scorer->uses.count || !scorer->uses.items[index].has_threshold)
        return 0;
    if (threshold)
        *threshold = scorer->uses.items[index].threshold;
    return 1;
}

uint32_t amp_scorer_anchors(const amp_scorer *scorer)
{
    return scorer ? (uint32_t)scorer->k : 0;
}

int32_t amp_scorer_precision(const amp_scorer *scorer)
{
    return scorer ? (int32_t)scorer->network->precision : AMP_PRECISION_FP32;
}

const char *amp_scorer_note(const amp_scorer *scorer)
{
    return scorer ? scorer->note : NULL;
}
