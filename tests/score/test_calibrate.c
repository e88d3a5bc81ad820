/* SPDX-License-Identifier: Apache-2.0 */
/* test_calibrate.c - temperature and thresholds, the keys they belong to, and where they are kept.
 */
#include "score_support.h"

#include <amp/eval.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 80u
#define CLASSES 10u

static amp_scorer *make(amp_model *model, const char *methods, uint32_t anchors, double tpr)
{
    amp_scorer_options options;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    amp_scorer_options_init(&options, sizeof options);
    options.anchors = anchors;
    options.tpr = tpr;
    ck_ok(amp_scorer_create(&scorer, model, NULL, methods, &options, &error), &error);
    return scorer;
}

static bool known(amp_model *model, const char *method, uint32_t anchors, double tpr,
                  double *threshold)
{
    amp_scorer *const scorer = make(model, method, anchors, tpr);
    const int32_t found = amp_scorer_threshold(scorer, 0, threshold);

    amp_scorer_free(scorer);
    return found == 1;
}

static results run(amp_scorer *scorer, amp_dataset *dataset)
{
    results all = results_make(scorer, N, CLASSES);
    amp_error error = { 0 };

    ck_ok(amp_scorer_run_dataset(scorer, dataset, 0, N, &all.arrays, NULL, NULL, &error), &error);
    return all;
}

static double number(const amp_model *model, const char *key)
{
    const json_t *const calibration = json_object_get(model->record, "calibration");

    ck_assert_msg(json_is_number(json_object_get(calibration, key)), "no %s", key);
    return json_number_value(json_object_get(calibration, key));
}

/* What the record holds is what eval says of what the scorer gives. */
START_TEST(numbers_are_those_of_eval)
{
    score_fixture f = score_set_up(3, N);
    score_fit(&f, "amp;msp", "tpr=0.9:0.95");
    amp_model *const model = score_finish(&f);
    amp_scorer *const scorer = make(model, "amp;msp", 0, 0.9);
    results all = run(scorer, f.dataset);
    amp_calibration_options options;
    amp_calibration_metrics metrics = { .struct_size = sizeof metrics };
    double threshold, stored, temperature;
    int32_t labels[N];
    amp_error error = { 0 };

    for (size_t m = 0; m < 2; m++) {
        ck_ok(amp_threshold_at_tpr(all.arrays.score + m * N, N, 0.9, &threshold, &error), &error);
        ck_assert_int_eq(amp_scorer_threshold(scorer, (uint32_t)m, &stored), 1);
        ck_assert(stored == threshold);
    }
    for (int32_t i = 0; i < (int32_t)N; i++)
        labels[i] = i % 10;
    ck_ok(amp_temperature_fit(all.arrays.logits, labels, N, CLASSES, NULL, &temperature, &error),
          &error);
    ck_assert(number(model, "temperature") == temperature);
    amp_calibration_options_init(&options, sizeof options);
    ck_ok(
        amp_calibration_evaluate(all.arrays.logits, labels, N, CLASSES, &options, &metrics, &error),
        &error);
    ck_assert(number(model, "nll_before") == metrics.nll);
    ck_assert(number(model, "ece_before") == metrics.ece);
    ck_assert(number(model, "accuracy") == metrics.accuracy);
    options.temperature = temperature;
    ck_ok(
        amp_calibration_evaluate(all.arrays.logits, labels, N, CLASSES, &options, &metrics, &error),
        &error);
    ck_assert(number(model, "nll_after") == metrics.nll);
    ck_assert(number(model, "ece_after") == metrics.ece);
    ck_assert(number(model, "nll_after") < number(model, "nll_before"));
    ck_assert(number(model, "n") == N && number(model, "anchors") == 3.0);
    results_free(&all);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    score_tear_down(&f);
}
END_TEST

START_TEST(verdicts_and_confidence_follow)
{
    score_fixture f = score_set_up(3, N);
    score_fit(&f, "amp;energy", "tpr=0.75");
    amp_model *const model = score_finish(&f);
    amp_scorer *const scorer = make(model, "amp;energy;entropy", 0, 0.75);
    results all = run(scorer, f.dataset);

    for (size_t m = 0; m < 2; m++) {
        size_t in = 0;
        double threshold;
        ck_assert_int_eq(amp_scorer_threshold(scorer, (uint32_t)m, &threshold), 1);
        for (size_t i = 0; i < N; i++) {
            const bool above = all.arrays.score[m * N + i] >= threshold;
            ck_assert_int_eq(all.arrays.verdict[m * N + i],
                             above ? AMP_VERDICT_IN : AMP_VERDICT_OUT);
            in += above;
        }
        ck_assert_uint_eq(in, 60); /* no ties among random images */
    }
    for (size_t i = 0; i < N; i++) {
        double z[CLASSES];
        ck_assert_int_eq(all.arrays.verdict[2 * N + i], AMP_VERDICT_UNKNOWN);
        for (size_t j = 0; j < CLASSES; j++)
            z[j] = (double)all.arrays.logits[i * CLASSES + j] / scorer->temperature;
        ck_assert_double_eq_tol(all.arrays.confidence[i], exp(ampi_logits_msp(z, CLASSES)), 1e-6);
    }
    results_free(&all);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    score_tear_down(&f);
}
END_TEST

/* A threshold is never another key's. */
START_TEST(thresholds_belong_to_their_keys)
{
    score_fixture f = score_set_up(3, N);
    double first, second, kept = -1.0;

    score_fit(&f, "amp;energy:temperature=2", "tpr=0.95");
    amp_model *const model = score_finish(&f);
    ck_assert(known(model, "amp", 0, 0.95, &first));
    ck_assert(known(model, "amp:score=xent", 3, 0.95, &second));
    ck_assert(first == second);
    ck_assert(known(model, "energy:temperature=2.0", 0, 0.95, NULL));
    ck_assert(!known(model, "amp", 2, 0.95, &kept));
    ck_assert(!known(model, "amp", 0, 0.9, &kept));
    ck_assert(!known(model, "amp:calibration=none", 0, 0.95, &kept));
    ck_assert(!known(model, "energy", 0, 0.95, &kept));
    ck_assert(kept == -1.0);
    amp_model_unref(model);
    score_tear_down(&f);
}
END_TEST

static size_t count_thresholds(const amp_model *model)
{
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error = { 0 };

    ck_ok(amp_model_get_info(model, &info, &error), &error);
    return info.thresholds;
}

START_TEST(calibrating_again)
{
    score_fixture f = score_set_up(3, N);
    const uint64_t two[2] = { 0, 1 };
    amp_dataset *part = NULL;
    double before, after, other;
    amp_error error = { 0 };

    ck_ok(amp_dataset_subset(&part, f.dataset, 2, two, &error), &error);
    score_fit(&f, "amp;msp", NULL);
    score_fit(&f, "amp;msp", "anchors=2");
    amp_model *const model = score_finish(&f);
    ck_assert_uint_eq(count_thresholds(model), 4);
    ck_assert(known(model, "amp", 0, 0.95, &before) && known(model, "amp", 2, 0.95, &other));
    ck_assert(before != other);
    ck_ok(amp_model_builder_calibrate(f.builder, part, "amp", NULL, NULL, NULL, &error), &error);
    amp_model *const again = score_finish(&f);
    ck_assert_uint_eq(count_thresholds(again), 4);
    ck_assert(known(again, "amp", 0, 0.95, &after));
    ck_assert(before != after);
    ck_assert(known(again, "amp", 2, 0.95, &after) && after == other);
    ck_assert(number(again, "n") == 2.0);
    amp_model_unref(model);
    amp_model_unref(again);
    amp_dataset_free(part);
    score_tear_down(&f);
}
END_TEST

START_TEST(other_anchors_other_thresholds)
{
    score_fixture f = score_set_up(3, N);
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    score_fit(&f, "amp", NULL);
    ck_ok(amp_model_builder_set_bank(f.builder, amp_model_bank(f.model), &error), &error);
    amp_model *const same = score_finish(&f);
    ck_assert_uint_eq(count_thresholds(same), 1);
    ck_ok(amp_bank_build(&bank, f.model, f.dataset, "count=4,seed=3", NULL, NULL, &error), &error);
    ck_ok(amp_model_builder_set_bank(f.builder, bank, &error), &error);
    amp_model *const other = score_finish(&f);
    ck_assert_uint_eq(count_thresholds(other), 0);
    ck_assert_ptr_null(json_object_get(other->record, "calibration"));
    ck_assert_uint_eq(amp_bank_count(amp_model_bank(other)), 4);
    amp_bank_unref(bank);
    amp_model_unref(same);
    amp_model_unref(other);
    score_tear_down(&f);
}
END_TEST

START_TEST(without_labels)
{
    score_fixture f = score_set_up(3, N);
    amp_dataset *const unlabelled = made_unlabelled(f.context, "no-labels.idx", 20);
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error = { 0 };

    ck_ok(amp_model_builder_calibrate(f.builder, unlabelled, "amp", NULL, NULL, NULL, &error),
          &error);
    amp_model *const model = score_finish(&f);
    ck_ok(amp_model_get_info(model, &info, &error), &error);
    ck_assert(known(model, "amp", 0, 0.95, NULL));
    ck_assert(info.temperature == 0.0);
    amp_model_unref(model);
    amp_dataset_free(unlabelled);
    score_tear_down(&f);
}
END_TEST

static int32_t stop(void *user, const amp_progress *progress)
{
    (void)user;
    return progress->done > 0;
}

START_TEST(a_failure_changes_nothing)
{
    static const char *const bad[] = { "tpr=0", "tpr=1.1",   "tpr=",   "tpr=0.9:",
                                       "tpr=x", "anchors=4", "tp=0.9", "anchors=-1" };
    score_fixture f = score_set_up(3, N);
    amp_error error = { 0 };

    score_fit(&f, "amp", NULL);
    amp_model *const before = score_finish(&f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_fails(
            amp_model_builder_calibrate(f.builder, f.dataset, "msp", bad[i], NULL, NULL, &error),
            AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "msp",
                                         "tpr=.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1:.1",
                                         NULL, NULL, &error),
             AMP_E_LIMIT, &error);
    ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "mps", NULL, NULL, NULL, &error),
             AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_builder_calibrate(f.builder, f.dataset, "msp", NULL, stop, NULL, &error),
             AMP_E_CANCELLED, &error);
    amp_model *const after = score_finish(&f);
    ck_assert_str_eq(amp_model_record(before), amp_model_record(after));
    amp_model_unref(before);
    amp_model_unref(after);
    score_tear_down(&f);
}
END_TEST

START_TEST(labels_out_of_range)
{
    score_fixture f = score_set_up(3, N);
    amp_model *const small = score_model(f.context, "wrn:depth=10,width=1,size=8,classes=3,"
                                                    "anchored=0");
    amp_model_builder *builder = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, small, &error), &error);
    ck_fails(amp_model_builder_calibrate(builder, f.dataset, NULL, NULL, NULL, NULL, &error),
             AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "label 3"));
    amp_model_builder_free(builder);
    amp_model_unref(small);
    score_tear_down(&f);
}
END_TEST

START_TEST(the_default_method_is_written_down)
{
    score_fixture f = score_set_up(3, N);

    score_fit(&f, "msp", NULL);
    amp_model *const model = score_finish(&f);
    amp_scorer *const scorer = make(model, NULL, 0, 0.95);
    ck_assert_str_eq(json_string_value(json_object_get(model->record, "default_method")),
                     "amp:calibration=c-small,score=xent");
    ck_assert_str_eq(amp_scorer_method(scorer, 0), "amp");
    amp_scorer_free(scorer);
    amp_model_unref(model);
    score_tear_down(&f);
}
END_TEST

/* Through a file: bank, thresholds, temperature and every bit of the scores. */
START_TEST(saved_and_opened)
{
    score_fixture f = score_set_up(3, N);
    const char *const path = test_scratch_path("model.safetensors");
    amp_model *opened = NULL, *from_memory = NULL;
    size_t size = 0;
    double a, b;
    amp_error error = { 0 };

    score_fit(&f, "amp", NULL);
    amp_model *const model = score_finish(&f);
    ck_ok(amp_model_save(model, path, &error), &error);
    ck_ok(amp_model_open(&opened, f.context, path, &error), &error);
    ck_assert_uint_eq(amp_bank_count(amp_model_bank(opened)), 3);
    ck_assert_int_eq(amp_bank_has_pixels(amp_model_bank(opened)), 1);
    ck_assert(known(model, "amp", 0, 0.95, &a) && known(opened, "amp", 0, 0.95, &b) && a == b);
    score_settle(opened);
    amp_scorer *const one = make(model, "amp;msp", 0, 0.95), *const two =
                                                                 make(opened, "amp;msp", 0, 0.95);
    results first = run(one, f.dataset), second = run(two, f.dataset);
    results_same(&second, 0, &first);
    unsigned char *const bytes = test_read_file(path, &size);
    ck_ok(amp_model_open_memory(&from_memory, NULL, bytes, size, &error), &error);
    free(bytes);
    ck_assert_uint_eq(amp_bank_count(amp_model_bank(from_memory)), 3);
    ck_assert_mem_eq(amp_model_bank(from_memory)->stems, amp_model_bank(model)->stems, 4096);
    results_free(&first);
    results_free(&second);
    amp_scorer_free(one);
    amp_scorer_free(two);
    amp_model_unref(from_memory);
    amp_model_unref(opened);
    amp_model_unref(model);
    score_tear_down(&f);
}
END_TEST

/* The file's anchors belong to other weights: refused, by name. */
START_TEST(a_bank_of_other_weights_is_refused)
{
    score_fixture f = score_set_up(3, N);
    const char *const path = test_scratch_path("model.safetensors");
    amp_model *opened = NULL;
    amp_error error = { 0 };

    f.model->graph->tensors[0].data[3] *= 1.5f;
    ck_ok(amp_model_save(f.model, path, &error), &error);
    ck_fails(amp_model_open(&opened, f.context, path, &error), AMP_E_FORMAT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "model.safetensors"));
    ck_assert_ptr_nonnull(strstr(error.message, "other weights"));
    ck_assert_ptr_null(opened);
    score_tear_down(&f);
}
END_TEST

START_TEST(records_that_lie)
{
    static const char *const records[] = {
        "{\"calibration\": {\"temperature\": -1}}",
        "{\"calibration\": {\"temperature\": \"2\"}}",
        "{\"calibration\": [1]}",
        "{\"calibration\": {\"thresholds\": {\"a\": 1}}}",
        "{\"calibration\": {\"thresholds\": [1, null, {}, {\"method\": 3}]}}",
        "{\"calibration\": {\"thresholds\": [{\"method\": \"amp\", \"anchors\": 5, \"precision\": "
        "\"fp32\", \"tpr\": 0.95, \"threshold\": \"high\"}]}}",
        "{\"calibration\": {\"thresholds\": [{\"method\": \"amp\", \"anchors\": 5, \"precision\": "
        "\"int8\", \"tpr\": 0.95, \"threshold\": 1}]}}",
    };
    const ampi_threshold_key key = { "amp", 5, AMPI_PRECISION_FP32, 0.95 };
    double threshold = -1.0;

    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        json_t *const record = json_loads(records[i], 0, NULL);
        ck_assert_ptr_nonnull(record);
        ck_assert(ampi_record_temperature(record) == 0.0);
        ck_assert(!ampi_record_threshold(record, &key, &threshold));
        json_decref(record);
    }
    ck_assert(threshold == -1.0);
}
END_TEST

START_TEST(no_more_thresholds_than_the_record_takes)
{
    json_t *const calibration = json_object();
    ampi_threshold_key key = { "amp", 1, AMPI_PRECISION_FP32, 0.95 };
    amp_error error = { 0 };

    for (key.anchors = 1; key.anchors <= 1000; key.anchors++)
        ck_ok(ampi_record_set_threshold(calibration, &key, 1.0, &error), &error);
    ck_fails(ampi_record_set_threshold(calibration, &key, 1.0, &error), AMP_E_LIMIT, &error);
    key.anchors = 7;
    ck_ok(ampi_record_set_threshold(calibration, &key, 2.0, &error), &error);
    ck_assert_uint_eq(json_array_size(json_object_get(calibration, "thresholds")), 1000);
    json_decref(calibration);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { numbers_are_those_of_eval,
                                   verdicts_and_confidence_follow,
                                   thresholds_belong_to_their_keys,
                                   calibrating_again,
                                   other_anchors_other_thresholds,
                                   without_labels,
                                   a_failure_changes_nothing,
                                   labels_out_of_range,
                                   the_default_method_is_written_down,
                                   saved_and_opened,
                                   a_bank_of_other_weights_is_refused,
                                   records_that_lie,
                                   no_more_thresholds_than_the_record_takes,
                                   NULL };
    return test_suite("score.calibrate", tests);
}

TEST_MAIN(suite)
