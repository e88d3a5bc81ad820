/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/model.h - trained networks: open, look at, run, put together, save.
 *
 * A model is immutable and reference-counted; any number of scorers and threads share it.
 * One safetensors file holds all that deployment needs: weights under their PyTorch names,
 * architecture, preprocessing, class names, anchor bank, temperature, thresholds, training record.
 */
#ifndef AMP_MODEL_H
#define AMP_MODEL_H

#include <amp/bank.h>
#include <amp/base.h>
#include <amp/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_model amp_model;
typedef struct amp_model_builder amp_model_builder;

typedef struct amp_model_info {
    size_t struct_size;
    uint64_t parameters;    /**< trainable values                                     */
    uint64_t multiply_adds; /**< of one pass (one image, one anchor)                  */
    uint32_t classes;
    uint32_t channels;       /**< of an image: 1 or 3                                  */
    uint32_t height, width;  /**< of the network's input, pixels                       */
    uint32_t input_channels; /**< `channels`, doubled when anchored                    */
    int32_t anchored;        /**< 1 or 0                                               */
    uint32_t anchors;        /**< K of the bank in the model, 0 = no bank              */
    uint32_t thresholds;     /**< stored (method, K, TPR) thresholds                   */
    double temperature;      /**< fitted on held-out data; 0 = none                    */
} amp_model_info;

AMP_API AMP_MUST_USE amp_status amp_model_open(amp_model **out, amp_context *context,
                                               const char *path, amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_model_open_memory(amp_model **out, amp_context *context,
                                                      const void *bytes, size_t size,
                                                      amp_error *error);
/** New, seeded random weights: arch is "wrn:depth=40,width=2,classes=10" (see docs/models.md). */
AMP_API AMP_MUST_USE amp_status amp_model_create(amp_model **out, amp_context *context,
                                                 const char *arch, const char *preprocess,
                                                 uint64_t seed, amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_model_save(const amp_model *model, const char *path,
                                               amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_model_get_info(const amp_model *model, amp_model_info *info,
                                                   amp_error *error);
AMP_API const char *amp_model_arch(const amp_model *model);
AMP_API const char *amp_model_preprocess(const amp_model *model);
AMP_API const char *amp_model_class_name(const amp_model *model, uint32_t index);
/** The whole record as JSON text: architecture, preprocessing, classes, bank, calibration,
 * training. */
AMP_API const char *amp_model_record(const amp_model *model);
AMP_API amp_context *amp_model_context(const amp_model *model);
/** The bank stored in the model, borrowed; NULL when it has none. */
AMP_API amp_bank *amp_model_bank(const amp_model *model);
AMP_API amp_model *amp_model_ref(amp_model *model);
AMP_API void amp_model_unref(amp_model *model);

/**
 * Run the network on its own input: float32 [n, input_channels, height, width], already
 * preprocessed.  bank NULL: output [n, classes].  With a bank of K anchors: input
 * [n, channels, height, width], output [n, K, classes].
 */
AMP_API AMP_MUST_USE amp_status amp_model_forward(amp_model *model, const amp_bank *bank, size_t n,
                                                  const float *input, float *output,
                                                  amp_error *error);

/* A builder takes a base model and replaces parts; _finish gives the new model. */
AMP_API AMP_MUST_USE amp_status amp_model_builder_create(amp_model_builder **out, amp_model *base,
                                                         amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_model_builder_set_bank(amp_model_builder *builder,
                                                           const amp_bank *bank, amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_model_builder_set_class_names(amp_model_builder *builder,
                                                                  uint32_t n,
                                                                  const char *const *names,
                                                                  amp_error *error);
/** Any JSON value under record["card"][key]: what a model card should say. */
AMP_API AMP_MUST_USE amp_status amp_model_builder_set_card(amp_model_builder *builder,
                                                           const char *key, const char *json,
                                                           amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_model_builder_finish(amp_model_builder *builder,
                                                         amp_model **out, amp_error *error);
AMP_API void amp_model_builder_free(amp_model_builder *builder);

#ifdef __cplusplus
}
#endif

#endif
