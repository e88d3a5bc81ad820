/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score_support.c - see score_support.h.
 */
#include "score_support.h"

#include "../exec/random_graph.h"

#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#endif

amp_context *score_context(int32_t threads)
{
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error = { 0 };

    amp_context_options_init(&options, sizeof options);
    options.threads = threads;
    ck_ok(amp_context_create(&context, &options, &error), &error);
    return context;
}

void score_use_reference(amp_model *model)
{
    ampi_network *network = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_network(model, AMPI_BACKEND_REFERENCE, AMPI_PRECISION_FP32, &network, &error),
          &error);
    ck_assert_int_eq(network->backend, AMPI_BACKEND_REFERENCE);
}

void score_settle(amp_model *model)
{
#ifdef WATCHED
    score_use_reference(model);
#else
    (void)model;
#endif
}

bool score_has(int32_t precision)
{
#ifdef WATCHED
    return precision == AMP_PRECISION_FP32;
#else
    return amp_precision_available(precision) == 1;
#endif
}

amp_model *score_model(amp_context *context, const char *arch)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_create(&model, context, arch, PREPARE, 1, &error), &error);
    random_fill(model->graph, 11);
    score_settle(model);
    return model;
}

amp_model *score_anchored(amp_context *context, uint32_t k)
{
    amp_model *const base = score_model(context, SMALL);
    uint8_t *const pixels = made_bytes((size_t)k * IMAGE_BYTES, 99);
    amp_image **const images = calloc(k, sizeof *images);
    amp_model_builder *builder = NULL;
    amp_model *model = NULL;
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    for (uint32_t i = 0; i < k; i++)
        ck_ok(amp_image_from_rgb8(&images[i], context, pixels + (size_t)i * IMAGE_BYTES, SIDE, SIDE,
                                  3 * SIDE, &error),
              &error);
    ck_ok(amp_bank_from_images(&bank, base, k, (const amp_image *const *)images, NULL, &error),
          &error);
    ck_ok(amp_model_builder_create(&builder, base, &error), &error);
    ck_ok(amp_model_builder_set_bank(builder, bank, &error), &error);
    ck_ok(amp_model_builder_finish(builder, &model, &error), &error);
    score_settle(model);
    amp_model_builder_free(builder);
    amp_bank_unref(bank);
    amp_model_unref(base);
    for (uint32_t i = 0; i < k; i++)
        amp_image_free(images[i]);
    free(images);
    free(pixels);
    return model;
}

amp_model *score_calibrated(amp_model *model, amp_dataset *held_out, const char *methods,
                            const char *options)
{
    amp_model_builder *builder = NULL;
    amp_model *made = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, model, &error), &error);
    ck_ok(amp_model_builder_calibrate(builder, held_out, methods, options, NULL, NULL, &error),
          &error);
    ck_ok(amp_model_builder_finish(builder, &made, &error), &error);
    amp_model_builder_free(builder);
    amp_model_unref(model);
    score_settle(made);
    return made;
}

uint8_t *score_pixels(size_t n)
{
    return made_bytes(n * IMAGE_BYTES, 4);
}

results results_make(const amp_scorer *scorer, size_t n, size_t classes)
{
    results all = { .n = n, .methods = amp_scorer_methods(scorer), .classes = classes };
    const size_t k = amp_scorer_anchors(scorer);

    all.outputs = k ? k : 1;
    all.arrays.struct_size = sizeof all.arrays;
    all.arrays.score = calloc(n * all.methods, sizeof(double));
    all.arrays.verdict = calloc(n * all.methods, 1);
    all.arrays.tau = calloc(n, sizeof(double));
    all.arrays.tau_mean = calloc(n, sizeof(double));
    all.arrays.label = calloc(n, sizeof(int32_t));
    all.arrays.confidence = calloc(n, sizeof(double));
    all.arrays.logits = calloc(n * classes, sizeof(float));
    all.arrays.anchor_logits = calloc(n * all.outputs * classes, sizeof(float));
    all.arrays.anchors = calloc(n, sizeof(int32_t));
    return all;
}

void results_free(results *all)
{
    free(all->arrays.score);
    free(all->arrays.verdict);
    free(all->arrays.tau);
    free(all->arrays.tau_mean);
    free(all->arrays.label);
    free(all->arrays.confidence);
    free(all->arrays.logits);
    free(all->arrays.anchor_logits);
    free(all->arrays.anchors);
}

results results_of(amp_scorer *scorer, size_t n, const uint8_t *pixels)
{
    results all = results_make(scorer, n, scorer->classes);
    amp_error error = { 0 };

    ck_ok(amp_scorer_run_rgb8(scorer, n, pixels, SIDE, SIDE, &all.arrays, &error), &error);
    return all;
}

void results_same(const results *part, size_t first, const results *whole)
{
    const amp_scores *const a = &part->arrays, *const b = &whole->arrays;
    const size_t n = part->n, classes = part->classes, each = classes * part->outputs;

    for (size_t m = 0; m < part->methods; m++) {
        ck_assert_mem_eq(a->score + m * n, b->score + m * whole->n + first, n * sizeof(double));
        ck_assert_mem_eq(a->verdict + m * n, b->verdict + m * whole->n + first, n);
    }
    ck_assert_mem_eq(a->tau, b->tau + first, n * sizeof(double));
    ck_assert_mem_eq(a->tau_mean, b->tau_mean + first, n * sizeof(double));
    ck_assert_mem_eq(a->label, b->label + first, n * sizeof(int32_t));
    ck_assert_mem_eq(a->confidence, b->confidence + first, n * sizeof(double));
    ck_assert_mem_eq(a->logits, b->logits + first * classes, n * classes * sizeof(float));
    ck_assert_mem_eq(a->anchors, b->anchors + first, n * sizeof(int32_t));
    ck_assert_mem_eq(a->anchor_logits, b->anchor_logits + first * each, n * each * sizeof(float));
}

/* ---- a model being calibrated ---- */

score_fixture score_set_up(uint32_t k, uint32_t n)
{
    score_fixture f = { .context = score_context(2) };
    amp_error error = { 0 };

    f.model = score_anchored(f.context, k);
    f.dataset = made_cifar10(f.context, "held-out.bin", n, NULL, 0);
    ck_ok(amp_model_builder_create(&f.builder, f.model, &error), &error);
    return f;
}

void score_tear_down(score_fixture *f)
{
    amp_model_builder_free(f->builder);
    amp_dataset_free(f->dataset);
    amp_model_unref(f->model);
    amp_context_unref(f->context);
}

void score_fit(score_fixture *f, const char *methods, const char *options)
{
    amp_error error = { 0 };

    ck_ok(amp_model_builder_calibrate(f->builder, f->dataset, methods, options, NULL, NULL, &error),
          &error);
}

amp_model *score_finish(const score_fixture *f)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_finish(f->builder, &model, &error), &error);
    score_settle(model);
    return model;
}
