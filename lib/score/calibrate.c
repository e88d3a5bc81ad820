/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/calibrate.c - temperature and thresholds of a model from held-out in-distribution images.
 *
 * The images go through an ordinary scorer once; lib/eval turns logits into a temperature and
 * scores into thresholds; both land in the builder's record.
 */
#include "score/builder.h"

#include <amp/eval.h>
#include <math.h>
#include <string.h>

#define MOST_LEVELS 16u

typedef struct calibrate_options {
    char tpr[128];
    int64_t anchors;
    int32_t precision;
    double stop_error;
} calibrate_options;

static const ampi_option table[] = {
    { "tpr", AMPI_OPTION_TEXT, offsetof(calibrate_options, tpr),
      sizeof(((calibrate_options *)0)->tpr), 0.0, 127.0, NULL, "0.95",
      "share of in-distribution images to accept, above 0 up to 1; several divided by ':'" },
    { "anchors", AMPI_OPTION_INT, offsetof(calibrate_options, anchors), sizeof(int64_t), 0.0,
      AMPI_MAX_ANCHORS, NULL, "0", "anchors to score with; 0 = all of the bank" },
    { "precision", AMPI_OPTION_CHOICE, offsetof(calibrate_options, precision), sizeof(int32_t), 0.0,
      0.0, "fp32|fast|bf16|int8", "fp32",
      "how the network computes: thresholds hold for that alone" },
    { "stop_error", AMPI_OPTION_FLOAT, offsetof(calibrate_options, stop_error), sizeof(double),
      1e-6, 0.5, NULL, "0.01",
      "share of images near the threshold that adaptive anchors may get wrong" },
};

#define ROWS (sizeof table / sizeof table[0])

/* What one calibration works on. */
typedef struct held_out {
    amp_context *context;
    json_t *form;     /* of int8: the new record["int8"]             */
    amp_model *model; /* with that form, where it is not the base    */
    amp_scorer *scorer;
    size_t n, classes;
    bool labelled;
    int32_t *labels; /* [n]         */
    float *logits;   /* [n,classes] */
    double *scores;  /* [M,n]       */
    double *running; /* [M,n,K], NULL where there is no stopping rule */
} held_out;

/* ---- options ---- */

static amp_status parse_levels(const char *text, double levels[MOST_LEVELS], size_t *count,
                               amp_error *error)
{
    *count = 0;
    for (;;) {
        const size_t length = strcspn(text, ":");
        double level = 0.0;
        if (*count == MOST_LEVELS)
            return ampi_fail(error, AMP_E_LIMIT, "score", "more than %u TPR levels", MOST_LEVELS);
        if (!ampi_text_to_double(text, length, &level) || !(level > 0.0 && level <= 1.0))
            return ampi_fail(error, AMP_E_ARGUMENT, "score",
                             "tpr='%.*s' is not allowed: a number above 0 up to 1",
                             (int)ampi_min_size(length, 40), text);
        levels[(*count)++] = level;
        if (text[length] == '\0')
            return AMP_OK;
        text += length + 1;
    }
}

/* ---- running the held-out images ---- */

static void close_held_out(held_out *set)
{
    ampi_free(set->context, set->labels);
    ampi_free(set->context, set->logits);
    ampi_free(set->context, set->scores);
    ampi_free(set->context, set->running);
    amp_scorer_free(set->scorer);
    amp_model_unref(set->model);
    json_decref(set->form);
}

/* All labelled, or none at all (then there are thresholds and no temperature). */
static amp_status read_labels(held_out *set, const amp_dataset *dataset, amp_error *error)
{
    size_t known = 0;

    for (size_t i = 0; i < set->n; i++) {
        set->labels[i] = amp_dataset_label(dataset, i);
        known += set->labels[i] >= 0;
        if (set->labels[i] >= 0 && (size_t)set->labels[i] >= set->classes)
            return ampi_fail(error, AMP_E_ARGUMENT, "score",
                             "image %zu has label %d, the network has %zu classes", i,
                             (int)set->labels[i], set->classes);
    }
    if (known != 0 && known != set->n)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "%zu of %zu images have no label",
                         set->n - known, set->n);
    set->labelled = known != 0;
    return AMP_OK;
}

static amp_status make_arrays(held_out *set, const amp_dataset *dataset, amp_error *error)
{
    const uint64_t size = amp_dataset_size(dataset);
    const size_t methods = amp_scorer_methods(set->scorer);

    if (size < 1 || size > INT32_MAX)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "%llu held-out images, allowed 1..%d",
                         (unsigned long long)size, INT32_MAX);
    set->n = (size_t)size;
    set->classes = set->scorer->classes;
    set->labels = ampi_alloc(set->context, set->n, sizeof *set->labels);
    set->logits = ampi_alloc_raw(set->context, set->n, set->classes * sizeof *set->logits);
    set->scores = ampi_alloc_raw(set->context, set->n, methods * sizeof *set->scores);
    if (!set->labels || !set->logits || !set->scores)
        return ampi_fail_nomem(error, "score",
                               set->n * (set->classes * sizeof(float) + methods * sizeof(double)));
    return read_labels(set, dataset, error);
}

/* Scores of the first 1..K anchors, for stopping rules. */
static amp_status make_running(held_out *set, amp_error *error)
{
    const size_t k = set->scorer->k, methods = amp_scorer_methods(set->scorer);
    size_t each;

    if (k < 2 || k > AMPI_STOP_ANCHORS)
        return AMP_OK;
    if (!ampi_mul(methods * k, sizeof(double), &each))
        return ampi_fail(error, AMP_E_LIMIT, "score", "%zu methods are too many", methods);
    set->running = ampi_alloc_raw(set->context, set->n, each);
    if (!set->running)
        return ampi_fail_nomem(error, "score", set->n * each);
    set->scorer->running = set->running;
    return AMP_OK;
}

/* ---- numbers into the record ---- */

static int set_number(json_t *object, const char *key, double value)
{
    return json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static amp_status measure(const held_out *set, double temperature, amp_calibration_metrics *metrics,
                          amp_error *error)
{
    amp_calibration_options options;

    amp_calibration_options_init(&options, sizeof options);
    options.temperature = temperature;
    metrics->struct_size = sizeof *metrics;
    return amp_calibration_evaluate(set->logits, set->labels, set->n, set->classes, &options,
                                    metrics, error);
}

static amp_status store_temperature(const held_out *set, json_t *calibration, amp_error *error)
{
    amp_calibration_metrics before, after;
    double temperature = 1.0;

    AMPI_TRY(amp_temperature_fit(set->logits, set->labels, set->n, set->classes, NULL, &temperature,
                                 error));
    AMPI_TRY(measure(set, 1.0, &before, error));
    AMPI_TRY(measure(set, temperature, &after, error));
    if (set_number(calibration, "temperature", temperature) ||
        json_object_set_new(calibration, "n", json_integer((json_int_t)set->n)) ||
        json_object_set_new(calibration, "anchors", json_integer((json_int_t)set->scorer->k)) ||
        set_number(calibration, "accuracy", before.accuracy) ||
        set_number(calibration, "nll_before", before.nll) ||
        set_number(calibration, "nll_after", after.nll) ||
        set_number(calibration, "ece_before", before.ece) ||
        set_number(calibration, "ece_after", after.ece))
        return ampi_fail_nomem(error, "score", 0);
    return AMP_OK;
}

static amp_status store_threshold(const held_out *set, uint32_t m, const ampi_threshold_key *key,
                                  double stop_error, json_t *calibration, amp_error *error)
{
    double threshold = 0.0;
    ampi_margins margins;

    AMPI_TRY(amp_threshold_at_tpr(set->scores + m * set->n, set->n, key->tpr, &threshold, error));
    AMPI_TRY(ampi_record_set_threshold(calibration, key, threshold, error));
    if (!set->running)
        return AMP_OK;
    const ampi_running running = { set->running + m * set->n * key->anchors, set->n, key->anchors };
    AMPI_TRY(ampi_stop_fit(set->context, &running, threshold, stop_error, &margins, error));
    return ampi_record_set_margins(calibration, key, &margins, stop_error, error);
}

static amp_status store_thresholds(const held_out *set, const calibrate_options *known,
                                   json_t *calibration, amp_error *error)
{
    double levels[MOST_LEVELS];
    size_t count = 0;

    AMPI_TRY(parse_levels(known->tpr, levels, &count, error));
    for (uint32_t m = 0; m < amp_scorer_methods(set->scorer); m++) {
        for (size_t l = 0; l < count; l++) {
            const ampi_threshold_key key = { amp_scorer_method(set->scorer, m), set->scorer->k,
                                             set->scorer->network->precision, levels[l] };
            AMPI_TRY(store_threshold(set, m, &key, known->stop_error, calibration, error));
        }
    }
    return AMP_OK;
}

/* The default method with all its options, so that it means the same to a later library. */
static amp_status store_default(json_t *record, const amp_model_builder *builder, amp_error *error)
{
    ampi_uses uses = { .context = builder->context };
    char text[AMPI_METHOD_NAME] = "";
    amp_status status;

    if (json_object_get(record, "default_method"))
        return AMP_OK;
    status = ampi_uses_parse(&uses, ampi_default_methods(builder->base), error);
    if (!status)
        status = ampi_use_spell_out(&uses.items[0], text, sizeof text, error);
    if (!status && json_object_set_new(record, "default_method", json_string(text)))
        status = ampi_fail_nomem(error, "score", sizeof text);
    ampi_free(builder->context, uses.items);
    return status;
}

/* A new quantised form; thresholds of another one go. */
static amp_status store_form(json_t *record, json_t *calibration, json_t *form, amp_error *error)
{
    if (!json_equal(json_object_get(record, "int8"), form))
        ampi_record_drop_thresholds(calibration, AMPI_PRECISION_INT8);
    return json_object_set(record, "int8", form) == 0 ? AMP_OK : ampi_fail_nomem(error, "score", 0);
}

static amp_status store_all(json_t *record, const amp_model_builder *builder, const held_out *set,
                            const calibrate_options *known, amp_error *error)
{
    json_t *calibration = json_object_get(record, "calibration");

    if (!calibration && json_object_set_new(record, "calibration", json_object()) == 0)
        calibration = json_object_get(record, "calibration");
    if (!calibration)
        return ampi_fail_nomem(error, "score", sizeof *calibration);
    if (set->form)
        AMPI_TRY(store_form(record, calibration, set->form, error));
    if (set->labelled)
        AMPI_TRY(store_temperature(set, calibration, error));
    AMPI_TRY(store_thresholds(set, known, calibration, error));
    return store_default(record, builder, error);
}

/* A copy of what is there, changed, then put in its place: a failure changes nothing. */
static amp_status store(amp_model_builder *builder, const held_out *set,
                        const calibrate_options *known, amp_error *error)
{
    json_t *record = NULL;
    amp_status status = ampi_json_copy(&record, builder->record, error);

    if (!status)
        status = store_all(record, builder, set, known, error);
    if (status) {
        json_decref(record);
        return status;
    }
    json_decref(builder->record);
    builder->record = record;
    return AMP_OK;
}

/* ---- the call ---- */

/* The base with a new quantised form; the builder's record is not touched yet. */
static amp_status quantise(held_out *set, const amp_model_builder *builder, amp_error *error)
{
    ampi_blobs none = { .context = builder->context };
    ampi_graph *graph = NULL;
    json_t *record = NULL;
    amp_status status = ampi_json_copy(&record, builder->record, error);

    if (!status && json_object_set(record, "int8", set->form))
        status = ampi_fail_nomem(error, "score", 0);
    if (!status)
        status = ampi_graph_clone(&graph, builder->base->graph, error);
    if (!status)
        status = ampi_model_make(&set->model, graph, &none, record, error);
    if (status)
        ampi_graph_free(graph);
    json_decref(record);
    return status;
}

static amp_status open_held_out(held_out *set, const amp_model_builder *builder,
                                const amp_dataset *dataset, const char *methods,
                                const calibrate_options *known, amp_error *error)
{
    amp_scorer_options options;

    amp_scorer_options_init(&options, sizeof options);
    options.anchors = (uint32_t)known->anchors;
    options.precision = known->precision;
    set->context = builder->context;
    if (set->form)
        AMPI_TRY(quantise(set, builder, error));
    AMPI_TRY(amp_scorer_create(&set->scorer, set->form ? set->model : builder->base, builder->bank,
                               methods, &options, error));
    AMPI_TRY(make_arrays(set, dataset, error));
    return make_running(set, error);
}

amp_status amp_model_builder_calibrate(amp_model_builder *builder, amp_dataset *dataset,
                                       const char *methods, const char *options,
                                       amp_progress_fn progress, void *progress_user,
                                       amp_error *error)
{
    calibrate_options known;
    held_out set = { .labelled = false };
    amp_scores out = { .struct_size = sizeof out };
    double levels[MOST_LEVELS];
    size_t count;
    amp_status status;

    if (!builder || !dataset)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "builder and held_out must be given");
    ampi_options_default(table, ROWS, &known);
    AMPI_TRY(ampi_options_parse(table, ROWS, &known, options, ',', "calibrate", error));
    AMPI_TRY(parse_levels(known.tpr, levels, &count, error));
    if (!amp_precision_available(known.precision))
        return ampi_fail(error, AMP_E_UNSUPPORTED, "score", "this processor has no %s",
                         amp_precision_name(known.precision));
    status = AMP_OK;
    if (known.precision == AMP_PRECISION_INT8)
        status = ampi_observe(&set.form, builder, dataset, progress, progress_user, error);
    if (!status)
        status = open_held_out(&set, builder, dataset, methods, &known, error);
    if (!status) {
        out.score = set.scores;
        out.logits = set.logits;
        status = amp_scorer_run_dataset(set.scorer, dataset, 0, set.n, &out, progress,
                                        progress_user, error);
    }
    if (!status)
        status = store(builder, &set, &known, error);
    close_held_out(&set);
    return status;
}
