/* SPDX-License-Identifier: Apache-2.0 */
/* test_scorer.c - scorers: what they give, and that nothing but the image changes it. */
#include "score_support.h"

#include "../exec/random_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define METHODS "amp;amp:calibration=p-small,score=energy;msp;maxlogit;energy;entropy"

static amp_scorer *make(amp_model *model, const char *methods, uint32_t anchors, int32_t threads,
                        uint32_t chunk)
{
    amp_scorer_options options;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    amp_scorer_options_init(&options, sizeof options);
    options.anchors = anchors;
    options.threads = threads;
    options.chunk = chunk;
    ck_ok(amp_scorer_create(&scorer, model, NULL, methods, &options, &error), &error);
    return scorer;
}

/* 64 images together, one by one, in other chunks, on other threads. */
START_TEST(batches_chunks_and_threads_change_no_bit)
{
    amp_context *const context = score_context(2);
    amp_model *const model = score_anchored(context, 5);
    uint8_t *const pixels = score_pixels(64);
    amp_scorer *const scorer = make(model, METHODS, 0, 1, 0);
    results whole = results_of(scorer, 64, pixels);

    for (size_t i = 0; i < 64; i++) {
        results one = results_of(scorer, 1, pixels + i * IMAGE_BYTES);
        results_same(&one, i, &whole);
        results_free(&one);
    }
    for (uint32_t chunk = 1; chunk <= 64; chunk = chunk * 8 - 1) {
        amp_scorer *const other = make(model, METHODS, 0, chunk == 7 ? 2 : 1, chunk);
        results again = results_of(other, 64, pixels);
        results_same(&again, 0, &whole);
        results_free(&again);
        amp_scorer_free(other);
    }
    amp_scorer *const two = make(model, METHODS, 0, 2, 0);
    results again = results_of(two, 64, pixels);
    results_same(&again, 0, &whole);
    results_free(&again);
    results_free(&whole);
    amp_scorer_free(two);
    amp_scorer_free(scorer);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* Every array against the definitions, from the anchors' logits. */
START_TEST(arrays_belong_together)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, 4);
    uint8_t *const pixels = score_pixels(3);
    amp_scorer *const scorer = make(model, "msp;amp", 3, 0, 0);
    results all = results_of(scorer, 3, pixels);

    ck_assert_uint_eq(amp_scorer_anchors(scorer), 3);
    ck_assert_ptr_null(amp_scorer_note(scorer));
    for (size_t i = 0; i < 3; i++) {
        double mean[10], sum, average, top = -INFINITY, total = 0.0;
        int32_t label = -1;
        ampi_consistency(all.arrays.anchor_logits + i * 30, 3, 10, mean, &sum, &average);
        ck_assert(all.arrays.tau[i] == sum);
        ck_assert_double_eq_tol(all.arrays.tau_mean[i], sum / 10.0, 1e-15);
        ck_assert_double_gt(sum, 0.0);
        for (int32_t j = 0; j < 10; j++) {
            ck_assert(all.arrays.logits[i * 10 + (size_t)j] == (float)mean[j]);
            if (mean[j] > top) {
                top = mean[j];
                label = j;
            }
        }
        for (int32_t j = 0; j < 10; j++)
            total += exp(mean[j] - top);
        ck_assert_int_eq(all.arrays.label[i], label);
        ck_assert_double_eq_tol(all.arrays.confidence[i], 1.0 / total, 1e-12);
        ck_assert_double_eq_tol(all.arrays.score[i], -log(total), 1e-12);
        for (int32_t j = 0; j < 10; j++)
            mean[j] /= 1.0 + exp(average);
        ck_assert_double_eq_tol(all.arrays.score[3 + i], ampi_logits_xent(mean, 10), 1e-12);
        ck_assert_int_eq(all.arrays.verdict[i], AMP_VERDICT_UNKNOWN);
    }
    results_free(&all);
    amp_scorer_free(scorer);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* The three ways in, and an image that must be resized. */
START_TEST(images_pixels_and_data_sets_agree)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, 2);
    amp_dataset *const dataset = made_cifar10(context, "set.bin", 12, NULL, 0);
    amp_scorer *const scorer = make(model, METHODS, 0, 0, 0);
    uint8_t *const pixels = malloc(12 * 3072);
    amp_image *images[12];
    amp_error error = { 0 };

    for (size_t i = 0; i < 12; i++) {
        size_t row_bytes = 0;
        ck_ok(amp_dataset_get(dataset, i, &images[i], &error), &error);
        const uint8_t *const rgb = amp_image_rgb8(images[i], &row_bytes);
        for (size_t y = 0; y < 32; y++)
            memcpy(pixels + i * 3072 + y * 96, rgb + y * row_bytes, 96);
    }
    results from_images = results_make(scorer, 12, 10), from_pixels = results_make(scorer, 12, 10);
    results from_set = results_make(scorer, 5, 10);
    ck_ok(amp_scorer_run(scorer, 12, (const amp_image *const *)images, &from_images.arrays, &error),
          &error);
    ck_ok(amp_scorer_run_rgb8(scorer, 12, pixels, 32, 32, &from_pixels.arrays, &error), &error);
    ck_ok(amp_scorer_run_dataset(scorer, dataset, 4, 5, &from_set.arrays, NULL, NULL, &error),
          &error);
    results_same(&from_pixels, 0, &from_images);
    results_same(&from_set, 4, &from_images);
    results_free(&from_images);
    results_free(&from_pixels);
    results_free(&from_set);
    for (size_t i = 0; i < 12; i++)
        amp_image_free(images[i]);
    free(pixels);
    amp_scorer_free(scorer);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* Pixels of the network's own size are not resized; they are still what resizing gives. */
START_TEST(ready_pixels_are_read_in_place)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, 2);
    amp_scorer *const scorer = make(model, "amp", 0, 0, 0);
    uint8_t *const pixels = score_pixels(1), out[IMAGE_BYTES];
    float direct[IMAGE_BYTES], expected[IMAGE_BYTES];
    const ampi_raster raster = { pixels, SIDE, SIDE, 3 * SIDE };
    const ampi_inputs inputs = { .pixels = pixels, .height = SIDE, .width = SIDE };
    amp_error error = { 0 };

    memset(scorer->pixels, 0xee, IMAGE_BYTES);
    ck_ok(ampi_inputs_rgb8(&inputs, scorer, 0, direct, &error), &error);
    for (size_t i = 0; i < IMAGE_BYTES; i++)
        ck_assert_uint_eq(scorer->pixels[i], 0xee);
    ck_ok(ampi_prepare_pixels(context, &scorer->prepare, &raster, out, &error), &error);
    ampi_prepare_normalise(&scorer->prepare, out, expected);
    ck_assert_mem_eq(direct, expected, sizeof direct);
    amp_scorer_free(scorer);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(one_anchor_scores_uncalibrated)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, 3);
    amp_scorer *const one = make(model, "amp;amp:calibration=none", 1, 0, 0);
    amp_scorer *const plain = make(model, "amp:calibration=none;msp", 1, 0, 0);
    uint8_t *const pixels = score_pixels(4);
    results all = results_of(one, 4, pixels);

    ck_assert_ptr_nonnull(strstr(amp_scorer_note(one), "K >= 2"));
    ck_assert_ptr_null(amp_scorer_note(plain));
    for (size_t i = 0; i < 4; i++) {
        ck_assert(isnan(all.arrays.tau[i]) && isnan(all.arrays.tau_mean[i]));
        ck_assert(isfinite(all.arrays.score[i]));
        ck_assert(all.arrays.score[i] - all.arrays.score[4 + i] == 0.0);
    }
    results_free(&all);
    free(pixels);
    amp_scorer_free(one);
    amp_scorer_free(plain);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* K copies of one image as anchors: no disagreement at all. */
START_TEST(copies_of_one_anchor)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_model(context, SMALL);
    uint8_t *const pixels = score_pixels(5);
    amp_image *image = NULL;
    amp_bank *bank = NULL;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(amp_image_from_rgb8(&image, context, pixels, SIDE, SIDE, 3 * SIDE, &error), &error);
    const amp_image *const copies[4] = { image, image, image, image };
    ck_ok(amp_bank_from_images(&bank, model, 4, copies, "store=stem", &error), &error);
    ck_ok(amp_scorer_create(&scorer, model, bank, "amp:calibration=p-large;amp", NULL, &error),
          &error);
    results all = results_of(scorer, 5, pixels);
    for (size_t i = 0; i < 5; i++) {
        ck_assert(all.arrays.tau[i] == 0.0 && all.arrays.tau_mean[i] == 0.0);
        ck_assert(isfinite(all.arrays.score[i]) && isfinite(all.arrays.score[5 + i]));
    }
    results_free(&all);
    amp_scorer_free(scorer);
    amp_bank_unref(bank);
    amp_image_free(image);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* The same anchors in another order: the same H and tau but for rounding. */
START_TEST(order_of_anchors)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_model(context, SMALL);
    uint8_t *const pixels = score_pixels(5);
    amp_image *images[3];
    amp_bank *bank[2] = { NULL, NULL };
    results all[2];
    amp_error error = { 0 };

    for (size_t k = 0; k < 3; k++)
        ck_ok(amp_image_from_rgb8(&images[k], context, pixels + k * IMAGE_BYTES, SIDE, SIDE,
                                  3 * SIDE, &error),
              &error);
    for (size_t turn = 0; turn < 2; turn++) {
        const amp_image *const anchors[3] = { images[turn ? 2 : 0], images[turn ? 0 : 1],
                                              images[turn ? 1 : 2] };
        amp_scorer *scorer = NULL;
        ck_ok(amp_bank_from_images(&bank[turn], model, 3, anchors, NULL, &error), &error);
        ck_ok(amp_scorer_create(&scorer, model, bank[turn], "amp", NULL, &error), &error);
        all[turn] = results_of(scorer, 5, pixels);
        amp_scorer_free(scorer);
    }
    for (size_t i = 0; i < 5; i++) {
        ck_assert_double_eq_tol(all[0].arrays.tau[i], all[1].arrays.tau[i], 1e-12);
        ck_assert_double_eq_tol(all[0].arrays.score[i], all[1].arrays.score[i], 1e-12);
    }
    for (size_t turn = 0; turn < 2; turn++) {
        results_free(&all[turn]);
        amp_bank_unref(bank[turn]);
    }
    for (size_t k = 0; k < 3; k++)
        amp_image_free(images[k]);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(plain_networks)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_model(context, SMALL_PLAIN);
    uint8_t *const pixels = score_pixels(6);
    amp_scorer *scorer = make(model, NULL, 0, 0, 0), *refused = NULL;
    float *const input = malloc(6 * IMAGE_BYTES * sizeof *input), logits[60];
    amp_error error = { 0 };

    ck_assert_str_eq(amp_scorer_method(scorer, 0), "msp");
    ck_assert_uint_eq(amp_scorer_methods(scorer), 1);
    ck_assert_uint_eq(amp_scorer_anchors(scorer), 0);
    results all = results_of(scorer, 6, pixels);
    for (size_t i = 0; i < 6; i++) {
        ampi_prepare_normalise(&scorer->prepare, pixels + i * IMAGE_BYTES, input + i * IMAGE_BYTES);
        ck_assert(isnan(all.arrays.tau[i]));
    }
    ck_ok(amp_model_forward(model, NULL, 6, input, logits, &error), &error);
    ck_assert_mem_eq(all.arrays.logits, logits, sizeof logits);
    ck_assert_mem_eq(all.arrays.anchor_logits, logits, sizeof logits);
    ck_fails(amp_scorer_create(&refused, model, NULL, "msp;amp", NULL, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "anchored"));
    ck_fails(amp_scorer_create(&refused, model, NULL, "msp:logits=calibrated", NULL, &error),
             AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_null(refused);
    results_free(&all);
    free(input);
    free(pixels);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* amp_model_forward with a bank is the scorer's anchor logits; without, the whole network's. */
START_TEST(forward)
{
    amp_context *const context = score_context(2);
    amp_model *const model = score_anchored(context, 3);
    amp_bank *const bank = amp_model_bank(model);
    amp_scorer *const scorer = make(model, "amp", 0, 0, 0);
    uint8_t *const pixels = score_pixels(4);
    results all = results_of(scorer, 4, pixels);
    float input[4 * IMAGE_BYTES], anchor[IMAGE_BYTES], pair[2 * IMAGE_BYTES];
    float logits[4 * 30], whole[10];
    amp_error error = { 0 };

    for (size_t i = 0; i < 4; i++)
        ampi_prepare_normalise(&scorer->prepare, pixels + i * IMAGE_BYTES, input + i * IMAGE_BYTES);
    ck_ok(amp_model_forward(model, bank, 4, input, logits, &error), &error);
    ck_assert_mem_eq(logits, all.arrays.anchor_logits, sizeof logits);
    ampi_prepare_normalise(&scorer->prepare, bank->pixels + IMAGE_BYTES, anchor);
    ampi_pair(1, IMAGE_BYTES, input + 2 * IMAGE_BYTES, anchor, anchor, pair);
    ck_ok(amp_model_forward(model, NULL, 1, pair, whole, &error), &error);
    ck_assert_double_lt(relative_distance(logits + 2 * 30 + 10, whole, 10), 2e-5);
    results_free(&all);
    free(pixels);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(output_that_is_not_finite)
{
    amp_context *const context = score_context(1);
    uint8_t *const pixels = score_pixels(3);
    amp_model *model = NULL;
    amp_scorer *scorer = NULL;
    double score[3];
    const amp_scores out = { .struct_size = sizeof out, .score = score };
    float input[IMAGE_BYTES] = { 0 }, logits[10];
    amp_error error = { 0 };

    /* Finite weights whose sum of products is not. */
    ck_ok(amp_model_create(&model, context, SMALL_PLAIN, PREPARE, 1, &error), &error);
    random_fill(model->graph, 11);
    ampi_tensor *const linear = &model->graph->tensors[model->graph->n_tensors - 2];
    for (size_t i = 0; i < linear->count; i++)
        linear->data[i] = 3e38f;
    score_settle(model);
    ck_ok(amp_scorer_create(&scorer, model, NULL, "msp", NULL, &error), &error);
    ck_fails(amp_scorer_run_rgb8(scorer, 3, pixels, SIDE, SIDE, &out, &error), AMP_E_BACKEND,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "image 0"));
    ck_fails(amp_model_forward(model, NULL, 1, input, logits, &error), AMP_E_BACKEND, &error);
    amp_scorer_free(scorer);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(null_arrays_are_skipped)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, 2);
    amp_scorer *const scorer = make(model, METHODS, 0, 0, 0);
    uint8_t *const pixels = score_pixels(2);
    results all = results_of(scorer, 2, pixels);
    amp_scores none = { .struct_size = sizeof none };
    int32_t label[2];
    amp_error error = { 0 };

    ck_ok(amp_scorer_run_rgb8(scorer, 2, pixels, SIDE, SIDE, &none, &error), &error);
    none.label = label;
    ck_ok(amp_scorer_run_rgb8(scorer, 2, pixels, SIDE, SIDE, &none, &error), &error);
    ck_assert_mem_eq(label, all.arrays.label, sizeof label);
    ck_ok(amp_scorer_run_rgb8(scorer, 0, NULL, SIDE, SIDE, &none, &error), &error);
    ck_ok(amp_scorer_run(scorer, 0, NULL, &none, &error), &error);
    /* An older caller's struct ends before the arrays it does not know. */
    none.struct_size = offsetof(amp_scores, label);
    none.label = (int32_t *)1;
    ck_ok(amp_scorer_run_rgb8(scorer, 2, pixels, SIDE, SIDE, &none, &error), &error);
    results_free(&all);
    free(pixels);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

static int32_t stop_after(void *user, const amp_progress *progress)
{
    uint64_t *const calls = user;

    ck_assert_str_eq(progress->stage, "score");
    ck_assert_uint_eq(progress->total, 9);
    calls[0]++;
    calls[1] = progress->done;
    return calls[0] >= calls[2];
}

START_TEST(progress_and_cancel)
{
    amp_context *const context = score_context(1);
    amp_model *const model = score_anchored(context, 2);
    amp_dataset *const dataset = made_cifar10(context, "set.bin", 9, NULL, 0);
    amp_scorer *const scorer = make(model, "amp", 0, 0, 4);
    double score[9];
    const amp_scores out = { .struct_size = sizeof out, .score = score };
    uint64_t calls[3] = { 0, 0, 100 }, stopped[3] = { 0, 0, 2 };
    amp_error error = { 0 };

    ck_ok(amp_scorer_run_dataset(scorer, dataset, 0, 9, &out, stop_after, calls, &error), &error);
    ck_assert_uint_eq(calls[0], 3);
    ck_assert_uint_eq(calls[1], 9);
    ck_fails(amp_scorer_run_dataset(scorer, dataset, 0, 9, &out, stop_after, stopped, &error),
             AMP_E_CANCELLED, &error);
    ck_assert_uint_eq(stopped[1], 8);
    amp_scorer_free(scorer);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* A run takes what is free of the context's threads, and gives it back. */
START_TEST(threads_come_from_the_budget)
{
    amp_context *const context = score_context(3);
    amp_model *const model = score_anchored(context, 2);
    amp_scorer *const scorer = make(model, "amp", 0, 0, 0);
    uint8_t *const pixels = score_pixels(3);

    const int32_t taken = ampi_context_take_threads(context, 2);
    results few = results_of(scorer, 3, pixels);
    ampi_context_give_threads(context, taken);
    results many = results_of(scorer, 3, pixels);
    results_same(&few, 0, &many);
    ck_assert_int_eq(ampi_context_take_threads(context, 100), 3);
    ampi_context_give_threads(context, 3);
    results_free(&few);
    results_free(&many);
    free(pixels);
    amp_scorer_free(scorer);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { batches_chunks_and_threads_change_no_bit,
                                   arrays_belong_together,
                                   images_pixels_and_data_sets_agree,
                                   ready_pixels_are_read_in_place,
                                   one_anchor_scores_uncalibrated,
                                   copies_of_one_anchor,
                                   order_of_anchors,
                                   plain_networks,
                                   forward,
                                   output_that_is_not_finite,
                                   null_arrays_are_skipped,
                                   progress_and_cancel,
                                   threads_come_from_the_budget,
                                   NULL };
    return test_suite("score.scorer", tests);
}

TEST_MAIN(suite)
