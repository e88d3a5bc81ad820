/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_int8.c - a model's quantised form: made by calibrating, kept with its thresholds, gone with
 * its anchors; and scores on bytes.
 *
 * Where this processor has no int8, the tests that need it check that they are refused.
 */
#include "score_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 40u
#define K 3u
#define CLASSES 10u

static amp_status try_scorer(amp_scorer **out, amp_model *model, int32_t precision,
                             int32_t adaptive, amp_error *error)
{
    amp_scorer_options options;

    amp_scorer_options_init(&options, sizeof options);
    options.precision = precision;
    options.adaptive = adaptive;
    return amp_scorer_create(out, model, NULL, "amp", &options, error);
}

static amp_scorer *make(amp_model *model, int32_t precision, int32_t adaptive)
{
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(try_scorer(&scorer, model, precision, adaptive, &error), &error);
    return scorer;
}

static int32_t chosen(amp_model *model)
{
    amp_scorer *const scorer = make(model, AMP_PRECISION_AUTO, 0);
    const int32_t precision = amp_scorer_precision(scorer);

    amp_scorer_free(scorer);
    return precision;
}

static const json_t *form_of(const amp_model *model)
{
    return json_object_get(model->record, "int8");
}

static json_int_t whole(const json_t *object, const char *key)
{
    ck_assert(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

/* ---- making it ---- */

START_TEST(calibrating_makes_it)
{
    score_fixture f = score_set_up(K, N);
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_fails(try_scorer(&scorer, f.model, AMP_PRECISION_INT8, 0, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "int8"));
    ck_assert_ptr_null(scorer);
    if (score_has(AMP_PRECISION_INT8)) {
        score_fit(&f, "amp", NULL);
        amp_model *const before = score_finish(&f);
        score_fit(&f, "amp;energy", "precision=int8");
        amp_model *const model = score_finish(&f);
        ck_assert_int_eq(whole(form_of(model), "images"), N);
        ck_assert_int_eq(whole(form_of(model), "anchors"), K);
        ck_assert_double_gt(amp_model_int8_share(model), 0.9);
        ck_assert_double_eq(amp_model_int8_share(before), 0.0);
        ck_assert_int_eq(chosen(before), AMP_PRECISION_FP32);
        ck_assert_int_eq(chosen(model), AMP_PRECISION_INT8);
        scorer = make(model, AMP_PRECISION_INT8, 0);
        ck_assert_int_eq(amp_scorer_threshold(scorer, 0, NULL), 1);
        amp_scorer_free(scorer);
        amp_model_unref(before);
        amp_model_unref(model);
    }
    score_tear_down(&f);
}
END_TEST

/* Each range is the mean over all pairs: between what any one image gives. */
START_TEST(ranges_are_of_the_images)
{
    score_fixture f = score_set_up(K, N);
    const char *name;
    json_t *list;

    if (score_has(AMP_PRECISION_INT8)) {
        score_fit(&f, "amp", "precision=int8,anchors=2");
        amp_model *const model = score_finish(&f);
        json_t *const ranges = json_object_get(form_of(model), "ranges");
        size_t wide = 0;
        ck_assert_int_eq(whole(form_of(model), "anchors"), K);
        json_object_foreach(ranges, name, list)
        {
            ck_assert_uint_eq(json_array_size(list), 4);
            for (size_t i = 0; i < 4; i++) {
                const double value = json_number_value(json_array_get(list, i));
                ck_assert(i % 2 == 0 ? value <= 0.0 : value >= 0.0);
            }
            /* Read after a ReLU, but for the first and what it makes. */
            if (strcmp(name, "conv1") != 0)
                ck_assert(json_number_value(json_array_get(list, 0)) == 0.0);
            wide += json_number_value(json_array_get(list, 1)) > 0.0;
        }
        ck_assert_uint_ge(wide, 8);
        amp_model_unref(model);
    }
    score_tear_down(&f);
}
END_TEST

START_TEST(a_file_keeps_it)
{
    score_fixture f = score_set_up(K, N);
    const char *const path = test_scratch_path("int8.safetensors");
    amp_model *opened = NULL;
    amp_error error = { 0 };

    if (score_has(AMP_PRECISION_INT8)) {
        uint8_t *const pixels = score_pixels(4);
        score_fit(&f, "amp", "precision=int8");
        amp_model *const model = score_finish(&f);
        ck_ok(amp_model_save(model, path, &error), &error);
        ck_ok(amp_model_open(&opened, f.context, path, &error), &error);
        ck_assert_str_eq(amp_model_record(opened), amp_model_record(model));
        ck_assert_double_eq(amp_model_int8_share(opened), amp_model_int8_share(model));
        ck_assert_int_eq(chosen(opened), AMP_PRECISION_INT8);
        amp_scorer *const one = make(model, AMP_PRECISION_INT8, 0);
        amp_scorer *const two = make(opened, AMP_PRECISION_INT8, 0);
        results first = results_of(one, 4, pixels), second = results_of(two, 4, pixels);
        results_same(&second, 0, &first);
        results_free(&first);
        results_free(&second);
        amp_scorer_free(one);
        amp_scorer_free(two);
        amp_model_unref(opened);
        amp_model_unref(model);
        free(pixels);
    }
    score_tear_down(&f);
}
END_TEST

/* Of thresholds without ranges, as another program may leave them, auto takes no notice. */
START_TEST(thresholds_alone_are_not_enough)
{
    score_fixture f = score_set_up(K, N);

    if (score_has(AMP_PRECISION_INT8)) {
        score_fit(&f, "amp", "precision=int8");
        ck_assert_int_eq(json_object_del(f.builder->record, "int8"), 0);
        amp_model *const model = score_finish(&f);
        ck_assert_int_eq(chosen(model), AMP_PRECISION_FP32);
        amp_model_unref(model);
    }
    score_tear_down(&f);
}
END_TEST

START_TEST(other_anchors_end_it)
{
    score_fixture f = score_set_up(K, N);
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    if (score_has(AMP_PRECISION_INT8)) {
        score_fit(&f, "amp", "precision=int8");
        ck_ok(amp_bank_build(&bank, f.model, f.dataset, "count=2,seed=3", NULL, NULL, &error),
              &error);
        ck_ok(amp_model_builder_set_bank(f.builder, bank, &error), &error);
        amp_model *const model = score_finish(&f);
        ck_assert_ptr_null(form_of(model));
        ck_assert_double_eq(amp_model_int8_share(model), 0.0);
        ck_assert_int_eq(chosen(model), AMP_PRECISION_FP32);
        amp_model_unref(model);
        amp_bank_unref(bank);
    }
    score_tear_down(&f);
}
END_TEST

/* ---- failing ---- */

typedef struct stage_stop {
    const char *stage;
    uint64_t after, seen; /* steps of that stage */
} stage_stop;

static int32_t stop_in(void *user, const amp_progress *progress)
{
    stage_stop *const at = user;

    ck_assert_uint_le(progress->done, progress->total);
    at->seen += strcmp(progress->stage, at->stage) == 0;
    return at->seen >= at->after;
}

START_TEST(a_failure_changes_nothing)
{
    score_fixture f = score_set_up(K, N);
    stage_stop stops[] = { { "ranges", 7, 0 }, { "score", 1, 0 } };
    amp_error error = { 0 };

    score_fit(&f, "amp", NULL);
    amp_model *const before = score_finish(&f);
    if (!score_has(AMP_PRECISION_INT8)) {
        if (!amp_precision_available(AMP_PRECISION_INT8))
            ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "amp", "precision=int8",
                                                 NULL, NULL, &error),
                     AMP_E_UNSUPPORTED, &error);
    } else {
        for (size_t i = 0; i < 2; i++) {
            ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "amp",
                                                 "precision=int8,tpr=0.9", stop_in, &stops[i],
                                                 &error),
                     AMP_E_CANCELLED, &error);
            ck_assert_uint_eq(stops[i].seen, stops[i].after);
        }
        ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "amp",
                                             "precision=int8,anchors=4", NULL, NULL, &error),
                 AMP_E_ARGUMENT, &error);
        ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "mps", "precision=int8", NULL,
                                             NULL, &error),
                 AMP_E_ARGUMENT, &error);
    }
    amp_model *const after = score_finish(&f);
    ck_assert_str_eq(amp_model_record(before), amp_model_record(after));
    amp_model_unref(before);
    amp_model_unref(after);
    score_tear_down(&f);
}
END_TEST

/* ---- scores ---- */

static double largest(const float *values, size_t n)
{
    double most = 0.0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

/* Bytes are near fp32 and yet not fp32. */
START_TEST(scores_are_near)
{
    score_fixture f = score_set_up(K, N);

    if (score_has(AMP_PRECISION_INT8)) {
        uint8_t *const pixels = score_pixels(9);
        score_fit(&f, "amp", "precision=int8");
        amp_model *const model = score_finish(&f);
        amp_scorer *const exact = make(model, AMP_PRECISION_FP32, 0);
        amp_scorer *const bytes = make(model, AMP_PRECISION_INT8, 0);
        results wanted = results_of(exact, 9, pixels), got = results_of(bytes, 9, pixels);
        double apart = 0.0;
        for (size_t i = 0; i < 9 * CLASSES; i++)
            apart = fmax(apart, fabs((double)(got.arrays.logits[i] - wanted.arrays.logits[i])));
        apart /= largest(wanted.arrays.logits, 9 * CLASSES);
        ck_assert_msg(apart < 0.1 && apart > 1e-5, "%g of the largest logit apart", apart);
        results_free(&wanted);
        results_free(&got);
        amp_scorer_free(exact);
        amp_scorer_free(bytes);
        amp_model_unref(model);
        free(pixels);
    }
    score_tear_down(&f);
}
END_TEST

/* Stops on bytes, with stopping rules of bytes. */
START_TEST(adaptive_on_bytes)
{
    score_fixture f = score_set_up(K, N);
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    if (score_has(AMP_PRECISION_INT8)) {
        uint8_t *const pixels = score_pixels(N);
        score_fit(&f, "amp", "precision=int8,stop_error=0.4");
        amp_model *const model = score_finish(&f);
        ck_fails(try_scorer(&scorer, model, AMP_PRECISION_FP32, 1, &error), AMP_E_UNSUPPORTED,
                 &error);
        amp_scorer *const adaptive = make(model, AMP_PRECISION_AUTO, 1);
        amp_scorer *const full = make(model, AMP_PRECISION_INT8, 0);
        ck_assert_int_eq(amp_scorer_precision(adaptive), AMP_PRECISION_INT8);
        results some = results_of(adaptive, N, pixels), all = results_of(full, N, pixels);
        size_t used = 0, same = 0;
        for (size_t i = 0; i < N; i++) {
            ck_assert(some.arrays.anchors[i] >= 1 && some.arrays.anchors[i] <= (int32_t)K);
            used += (size_t)some.arrays.anchors[i];
            same += some.arrays.verdict[i] == all.arrays.verdict[i];
        }
        ck_assert_uint_lt(used, N * K);
        ck_assert_uint_ge(same, N / 2);
        results_free(&some);
        results_free(&all);
        amp_scorer_free(adaptive);
        amp_scorer_free(full);
        amp_model_unref(model);
        free(pixels);
    }
    score_tear_down(&f);
}
END_TEST

/* ---- what a file may say and no calibration would: numbers, or a reason why not ---- */

static const char *const lies[] = {
    "[-1, 0, -1, 1]",
    "[-3e38, 3e38, -3e38, 3e38]",
    "[0, 1e-44, 0, 1e-44]",
    "[0, 1e-30, -1e-30, 0]",
    "[0, 1e-11, -1e-11, 1e-11]",
    "[0, 1, 0, 0]",
    "[-1e-40, 3e38, -3e38, 1e-40]",
    "[0, 3e38, 0, 1e-30]",
    "[0, 0, -1, 1]",
    "[-2, 1e-44, -1e-44, 2]",
    "[0, 1e-30, -3e38, 0]",
};
#define LIES (sizeof lies / sizeof lies[0])
#define PLACES 4u

/* The lie told of all convolutions, or of each PLACES-th, or of shortcuts alone. */
static json_t *tell(const ampi_graph *graph, const char *lie, size_t place)
{
    json_t *const ranges = json_object();
    size_t seen = 0;

    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        bool told = place == PLACES || seen % PLACES == place;
        if (node->op != AMPI_OP_CONV)
            continue;
        if (place > PLACES)
            told = strstr(node->name, "hortcut") || strstr(node->name, "downsample");
        json_object_set_new(ranges, node->name, json_loads(told ? lie : "[0,3,-3,3]", 0, NULL));
        seen++;
    }
    return ranges;
}

static void run_lie(amp_model_builder *builder, const uint8_t *pixels, const char *lie)
{
    amp_model *model = NULL;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };
    amp_status status;

    ck_ok(amp_model_builder_finish(builder, &model, &error), &error);
    status = try_scorer(&scorer, model, AMP_PRECISION_INT8, 0, &error);
    if (!status) {
        results all = results_make(scorer, 2, CLASSES);
        status = amp_scorer_run_rgb8(scorer, 2, pixels, SIDE, SIDE, &all.arrays, &error);
        for (size_t i = 0; !status && i < 2 * CLASSES; i++)
            ck_assert(isfinite(all.arrays.logits[i]));
        results_free(&all);
    }
    ck_assert_msg(!status || status == AMP_E_BACKEND || status == AMP_E_UNSUPPORTED, "%s: %s", lie,
                  error.message);
    amp_scorer_free(scorer);
    amp_model_unref(model);
}

/* Each `step`-th lie, in the places from `first` on. */
static void run_lies(amp_model *model, size_t step, size_t first)
{
    uint8_t *const pixels = score_pixels(2);
    amp_model_builder *builder = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, model, &error), &error);
    for (size_t l = 0; l < LIES; l += step) {
        for (size_t place = first; place < PLACES + 2; place++) {
            json_t *const form = json_pack("{s:o}", "ranges", tell(model->graph, lies[l], place));
            ck_assert_int_eq(json_object_set_new(builder->record, "int8", form), 0);
            run_lie(builder, pixels, lies[l]);
        }
    }
    amp_model_builder_free(builder);
    free(pixels);
}

START_TEST(ranges_that_lie)
{
    score_fixture f = score_set_up(K, N);

    if (score_has(AMP_PRECISION_INT8))
        run_lies(f.model, 1, 0);
    score_tear_down(&f);
}
END_TEST

/* Sums of bytes: what is added has a range of its own. */
START_TEST(ranges_that_lie_of_sums)
{
    score_fixture f = score_set_up(K, N);
    amp_bank *bank = NULL;
    amp_model_builder *builder = NULL;
    amp_error error = { 0 };

    if (score_has(AMP_PRECISION_INT8)) {
        amp_model *const base = score_model(f.context, "resnet18:size=8"), *model = NULL;
        ck_ok(amp_bank_build(&bank, base, f.dataset, "count=2,seed=3", NULL, NULL, &error), &error);
        ck_ok(amp_model_builder_create(&builder, base, &error), &error);
        ck_ok(amp_model_builder_set_bank(builder, bank, &error), &error);
        ck_ok(amp_model_builder_finish(builder, &model, &error), &error);
        run_lies(model, 4, PLACES + 1);
        amp_model_builder_free(builder);
        amp_model_unref(model);
        amp_model_unref(base);
        amp_bank_unref(bank);
    }
    score_tear_down(&f);
}
END_TEST

static bool has_int8(score_fixture *f, uint32_t anchors)
{
    amp_model *const model = score_finish(f);
    amp_scorer_options options;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    amp_scorer_options_init(&options, sizeof options);
    options.precision = AMP_PRECISION_INT8;
    options.anchors = anchors;
    ck_ok(amp_scorer_create(&scorer, model, NULL, "amp", &options, &error), &error);
    const bool has = amp_scorer_threshold(scorer, 0, NULL) == 1;

    amp_scorer_free(scorer);
    amp_model_unref(model);
    return has;
}

/* Ranges do not depend on K, so thresholds for several K live together; those of other images'
   ranges do not. */
START_TEST(thresholds_belong_to_their_ranges)
{
    score_fixture f = score_set_up(K, N);

    if (score_has(AMP_PRECISION_INT8)) {
        amp_dataset *const first = f.dataset;
        score_fit(&f, "amp", "precision=int8");
        score_fit(&f, "amp", "precision=int8,anchors=2");
        ck_assert(has_int8(&f, K) && has_int8(&f, 2));
        f.dataset = made_cifar10(f.context, "others.bin", N / 2, NULL, 0);
        score_fit(&f, "amp", "precision=int8,anchors=2");
        ck_assert(!has_int8(&f, K) && has_int8(&f, 2));
        amp_dataset_free(f.dataset);
        f.dataset = first;
    }
    score_tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { calibrating_makes_it,
                                   ranges_are_of_the_images,
                                   a_file_keeps_it,
                                   thresholds_alone_are_not_enough,
                                   other_anchors_end_it,
                                   a_failure_changes_nothing,
                                   scores_are_near,
                                   adaptive_on_bytes,
                                   ranges_that_lie,
                                   ranges_that_lie_of_sums,
                                   thresholds_belong_to_their_ranges,
                                   NULL };
    return test_suite("score.int8", tests);
}

TEST_MAIN(suite)
