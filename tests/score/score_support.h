/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score_support.h - small models with random weights, banks and pixels.
 */
#ifndef AMP_SCORE_SUPPORT_H
#define AMP_SCORE_SUPPORT_H

#include "made.h"
#include "score/builder.h"

#define SIDE 8u
#define SMALL "wrn:depth=10,width=1,size=8"
#define SMALL_PLAIN SMALL ",anchored=0"
#define PREPARE "height=8,width=8,mean=0.49:0.48:0.45,std=0.25:0.24:0.26"
#define IMAGE_BYTES (SIDE * SIDE * 3)

/* A context with `threads`. */
amp_context *score_context(int32_t threads);
/* Where the thread sanitizer watches, which cannot look into libgomp: score_use_reference. */
void score_settle(amp_model *model);
/* Whether settled models can run in that precision here. */
bool score_has(int32_t precision);
/* Random weights and statistics, settled. */
amp_model *score_model(amp_context *context, const char *arch);
/* The same model with a bank of `k` random images in it. */
amp_model *score_anchored(amp_context *context, uint32_t k);
/* A copy of `model` calibrated on `held_out`, settled; `model` is given back. */
amp_model *score_calibrated(amp_model *model, amp_dataset *held_out, const char *methods,
                            const char *options);
/* A model being calibrated: a bank of `k`, `n` labelled images and a builder on it. */
typedef struct score_fixture {
    amp_context *context;
    amp_model *model;
    amp_dataset *dataset;
    amp_model_builder *builder;
} score_fixture;

score_fixture score_set_up(uint32_t k, uint32_t n);
void score_tear_down(score_fixture *f);
/* Calibrates the builder's model on the data set. */
void score_fit(score_fixture *f, const char *methods, const char *options);
/* The builder's model, settled. */
amp_model *score_finish(const score_fixture *f);
/* Makes the model run on plain loops; before anything else runs it. */
void score_use_reference(amp_model *model);
/* `n` random images as one array; malloc'ed. */
uint8_t *score_pixels(size_t n);

/* All results of one run, each array malloc'ed. */
typedef struct results {
    size_t n, methods, classes, outputs;
    amp_scores arrays;
} results;

results results_make(const amp_scorer *scorer, size_t n, size_t classes);
void results_free(results *all);
/* Runs `n` images of pixels, first to last. */
results results_of(amp_scorer *scorer, size_t n, const uint8_t *pixels);
/* Image i of `part` has every bit of image first + i of `whole`. */
void results_same(const results *part, size_t first, const results *whole);

#endif
