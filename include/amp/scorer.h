/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/scorer.h - out-of-distribution scores for images.
 *
 * A scorer joins one model and one anchor bank with a list of methods and owns the memory of a
 * run.  It serves ONE thread at a time; amp_scorer_clone() makes more that share weights and plans.
 * Notation: n images, K anchors, M methods, C classes.  Arrays are row-major.
 * Higher scores mean more in-distribution, for every method.
 */
#ifndef AMP_SCORER_H
#define AMP_SCORER_H

#include <amp/bank.h>
#include <amp/base.h>
#include <amp/data.h>
#include <amp/image.h>
#include <amp/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_scorer amp_scorer;

typedef struct amp_scorer_options {
    size_t struct_size;
    uint32_t anchors; /**< K, 0 = all of the bank (default)                         */
    int32_t threads;  /**< most threads of one run, 0 = the context's (default)     */
    double tpr;       /**< which stored threshold gives the verdict; default 0.95   */
    uint32_t chunk;   /**< images in one pass of the network, 0 = chosen (default)  */
    uint32_t reserved;
} amp_scorer_options;

typedef enum amp_verdict {
    AMP_VERDICT_UNKNOWN = -1,
    AMP_VERDICT_OUT = 0,
    AMP_VERDICT_IN = 1
} amp_verdict;

/** Results: a NULL array is skipped.  The caller owns all arrays; no pointer is kept. */
typedef struct amp_scores {
    size_t struct_size;
    double *score;        /**< [M, n]     higher = more in-distribution                    */
    int8_t *verdict;      /**< [M, n]     an amp_verdict, score >= stored threshold = in   */
    double *tau;          /**< [n]        eq. (1): sum over classes of the spread, >= 0    */
    double *tau_mean;     /**< [n]        the same, mean over classes                      */
    int32_t *label;       /**< [n]        arg max of H, 0..C-1                             */
    double *confidence;   /**< [n]        max softmax(H / temperature)                     */
    float *logits;        /**< [n, C]     H, mean over the anchors, unscaled               */
    float *anchor_logits; /**< [n, K, C]                                                   */
} amp_scores;

AMP_API void amp_scorer_options_init(amp_scorer_options *options, size_t size);

/** methods: "amp", "amp:calibration=p-small,score=energy;msp;energy" - a list divided by ';' or ' '
 *  or ',' where no option follows.  NULL: the model's own default.  bank NULL: the model's. */
AMP_API AMP_MUST_USE amp_status amp_scorer_create(amp_scorer **out, amp_model *model,
                                                  amp_bank *bank, const char *methods,
                                                  const amp_scorer_options *options,
                                                  amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_scorer_clone(amp_scorer **out, const amp_scorer *scorer,
                                                 amp_error *error);
AMP_API uint32_t amp_scorer_methods(const amp_scorer *scorer);
/** Canonical name of method `index`, "amp", "msp", "amp:score=energy"; borrowed. */
AMP_API const char *amp_scorer_method(const amp_scorer *scorer, uint32_t index);
/** 1 and *threshold when the model has one for this method, K and TPR; else 0. */
AMP_API int32_t amp_scorer_threshold(const amp_scorer *scorer, uint32_t index, double *threshold);
AMP_API uint32_t amp_scorer_anchors(const amp_scorer *scorer);
/** Why scores are not as asked ("K = 1: calibration needs K >= 2"), or NULL.  Borrowed. */
AMP_API const char *amp_scorer_note(const amp_scorer *scorer);
AMP_API AMP_MUST_USE amp_status amp_scorer_run(amp_scorer *scorer, size_t n,
                                               const amp_image *const *images,
                                               const amp_scores *out, amp_error *error);
/** Raw pixels: uint8 [n, height, width, 3]. */
AMP_API AMP_MUST_USE amp_status amp_scorer_run_rgb8(amp_scorer *scorer, size_t n,
                                                    const uint8_t *pixels, uint32_t height,
                                                    uint32_t width, const amp_scores *out,
                                                    amp_error *error);
/** Images first .. first + n - 1 of a data set. */
AMP_API AMP_MUST_USE amp_status amp_scorer_run_dataset(amp_scorer *scorer, amp_dataset *dataset,
                                                       uint64_t first, size_t n,
                                                       const amp_scores *out,
                                                       amp_progress_fn progress,
                                                       void *progress_user, amp_error *error);
AMP_API void amp_scorer_free(amp_scorer *scorer);

/* Number of methods, and row `index` of the table: name and one-line help.  Static text. */
AMP_API uint32_t amp_method_count(void);
AMP_API const char *amp_method_name(uint32_t index);
AMP_API const char *amp_method_help(uint32_t index);

/** Temperature from labelled held-out data, and for each method a threshold at each TPR, into the
 *  builder's model.  options: "tpr=0.95,anchors=0" or NULL; methods as for amp_scorer_create. */
AMP_API AMP_MUST_USE amp_status amp_model_builder_calibrate(
    amp_model_builder *builder, amp_dataset *held_out, const char *methods, const char *options,
    amp_progress_fn progress, void *progress_user, amp_error *error);

#ifdef __cplusplus
}
#endif

#endif
