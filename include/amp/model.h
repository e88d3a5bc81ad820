/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/model.h - trained networks: open, look at, run, put together, save.
 *
 * A model is immutable and reference-counted; any number of scorers and threads share it.
 * One safetensors file holds all that deployment needs: weights under their PyTorch names,
 * architecture, preprocessing, class names, anchor bank, temperature, thresholds, quantised form,
 * training record.  docs/format.md describes it for readers in other languages.
 *
 * Texts that a getter returns are UTF-8, borrowed, and live as long as the model.
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

/** What a model is.  Set struct_size to sizeof(amp_model_info) before the call. */
typedef struct amp_model_info {
    size_t struct_size;
    uint64_t parameters;     /**< trainable values                                     */
    uint64_t multiply_adds;  /**< of one pass (one image, one anchor)                  */
    uint32_t classes;        /**< of the network's output, 2 or more                   */
    uint32_t channels;       /**< of an image: 1 or 3                                  */
    uint32_t height, width;  /**< of the network's input, pixels                       */
    uint32_t input_channels; /**< `channels`, doubled when anchored                    */
    int32_t anchored;        /**< 1 or 0                                               */
    uint32_t anchors;        /**< K of the bank in the model, 0 = no bank              */
    uint32_t thresholds;     /**< stored (method, K, TPR) thresholds                   */
    double temperature;      /**< fitted on held-out data; 0 = none                    */
} amp_model_info;

/**
 * Open a model file.
 *
 * Everything in the file is checked, its checksum too where it has one, but whether preprocessing
 * and default method fit the network; the message names the tensor or the key at fault.
 * @param out      receives a model with one reference; NULL on failure.
 * @param context  NULL = a private one with defaults.
 * @param path     a regular file of at most 4 GiB.  It stays open with the model: weights are read
 *                 from it when they are prepared or copied.  It may be replaced or removed; when it
 *                 is written to instead, those calls fail with AMP_E_IO.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     out or path is NULL
 * @retval AMP_E_IO           the file cannot be read
 * @retval AMP_E_FORMAT       no model file, damaged, or a weight that is missing, not of this
 *                            network, of another type, NaN or infinite
 * @retval AMP_E_SHAPE        a weight has another shape than the architecture's
 * @retval AMP_E_LIMIT        larger or deeper than any model of this library
 * @retval AMP_E_UNSUPPORTED  written by a later version in a later format
 * @retval AMP_E_NOMEM        no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_open(amp_model **out, amp_context *context,
                                               const char *path, amp_error *error);

/**
 * Open a model from the bytes of a file; they may be freed afterwards.
 *
 * @param out      receives a model with one reference; NULL on failure.
 * @param context  NULL = a private one with defaults.
 * @param bytes    [size], any alignment.
 * @param size     at most 4 GiB.
 * @retval AMP_E_ARGUMENT  out or bytes is NULL; else the codes of amp_model_open() but AMP_E_IO
 */
AMP_API AMP_MUST_USE amp_status amp_model_open_memory(amp_model **out, amp_context *context,
                                                      const void *bytes, size_t size,
                                                      amp_error *error);

/**
 * Make an untrained model: random weights, equal for equal architecture and seed on any machine and
 * thread; no bank, no class names.
 *
 * @param out         receives a model with one reference; NULL on failure.
 * @param context     NULL = a private one with defaults.
 * @param arch        "wrn:depth=40,width=2,classes=10"; docs/models.md lists families and keys.
 * @param preprocess  "height=32,width=32,mean=...": how pixels become input; at most 1024 bytes.
 *                    NULL = the network's size and channels, all else as the keys' defaults.
 *                    That it fits the network is checked by amp_scorer_create().
 * @param seed        of the weights.
 * @param error       NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  out or arch is NULL, an unknown family or key, a value out of range, in
 *                         arch or preprocess; preprocess is not UTF-8
 * @retval AMP_E_SHAPE     the input is too small for the layers
 * @retval AMP_E_LIMIT     more than 2^28 parameters, or a preprocess that is too long
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_create(amp_model **out, amp_context *context,
                                                 const char *arch, const char *preprocess,
                                                 uint64_t seed, amp_error *error);

/**
 * Write the model file.
 *
 * Atomic: written beside `path`, synced, then renamed over it; after a failure `path` is as before.
 * Equal models give equal bytes; opening and saving a file of this library gives the same file.
 *
 * @param path   of the file; its folder must exist.
 * @retval AMP_E_ARGUMENT  model or path is NULL
 * @retval AMP_E_IO        the file cannot be written, or the model's own was written to meanwhile
 * @retval AMP_E_LIMIT     more than 100,000 tensors
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_save(const amp_model *model, const char *path,
                                               amp_error *error);

/**
 * Sizes and numbers of a model.
 *
 * @param info   struct_size set by the caller; as many bytes are filled.
 * @param error  NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  model or info is NULL, struct_size is not set
 */
AMP_API AMP_MUST_USE amp_status amp_model_get_info(const amp_model *model, amp_model_info *info,
                                                   amp_error *error);

/** Share, 0..1, of a pass's multiply-adds that AMP_PRECISION_INT8 does on bytes; 0 for NULL and
 *  where amp_model_builder_calibrate() has made no quantised form. */
AMP_API double amp_model_int8_share(const amp_model *model);

/** The architecture with every key written out.  Borrowed; NULL for a NULL model. */
AMP_API const char *amp_model_arch(const amp_model *model);

/** How pixels become the network's input, as text.  Borrowed; NULL for a NULL model. */
AMP_API const char *amp_model_preprocess(const amp_model *model);

/** Name of class `index`.  Borrowed; NULL when the model has no names or fewer classes. */
AMP_API const char *amp_model_class_name(const amp_model *model, uint32_t index);

/**
 * The whole record as JSON text: architecture, preprocessing, classes, bank, calibration, quantised
 * form, training, card; at most 1 MB.  Borrowed; NULL for a NULL model.
 */
AMP_API const char *amp_model_record(const amp_model *model);

/** The context that it lives in.  Borrowed; NULL for a NULL model. */
AMP_API amp_context *amp_model_context(const amp_model *model);

/** The bank stored in the model.  Borrowed; NULL when it has none. */
AMP_API amp_bank *amp_model_bank(const amp_model *model);

/** Take another reference.  Returns its argument; NULL gives NULL.  Any thread. */
AMP_API amp_model *amp_model_ref(amp_model *model);

/** Drop a reference; the last one frees.  NULL is ignored.  Any thread, any order. */
AMP_API void amp_model_unref(amp_model *model);

/**
 * Run the network on its own input, already preprocessed.
 *
 * @param model   not NULL; several threads may run it at once.
 * @param bank    NULL: input float32 [n, input_channels, height, width], output [n, classes].
 *                A bank of K anchors of this model: input [n, channels, height, width], output
 *                [n, K, classes].
 * @param n       images, 1 or more; memory does not grow with n.
 * @param input   row-major, as above.
 * @param output  filled, logits.  The same bits for any n and thread count.
 * @param error   NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL pointer, n is 0, a value outside -1e12..1e12, another context
 * @retval AMP_E_SHAPE     a bank built for another network, or a network that takes none
 * @retval AMP_E_LIMIT     the arrays are too large
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 * @retval AMP_E_BACKEND   the compute back end failed, or gave a value that is not finite
 */
AMP_API AMP_MUST_USE amp_status amp_model_forward(amp_model *model, const amp_bank *bank, size_t n,
                                                  const float *input, float *output,
                                                  amp_error *error);

/**
 * Start a new model from an old one: a builder takes a base and replaces parts.
 *
 * A builder has one owner and serves one thread at a time.
 *
 * @param out    receives the builder, to be freed; NULL on failure.
 * @param base   untouched; the builder keeps a reference.
 * @retval AMP_E_ARGUMENT  out or base is NULL
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_builder_create(amp_model_builder **out, amp_model *base,
                                                         amp_error *error);

/**
 * Replace the bank.  Temperature, thresholds and quantised form go: they were of other anchors.
 *
 * @param bank     of the base model, shared; NULL = the new model has none.  The bank that is there
 *                 already changes nothing.
 * @param error    NULL, or filled on failure; the builder is then as before.
 * @retval AMP_E_ARGUMENT  builder is NULL, a bank of another context
 * @retval AMP_E_SHAPE     a bank built for another network, or a network that takes none
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_builder_set_bank(amp_model_builder *builder,
                                                           amp_bank *bank, amp_error *error);

/**
 * Replace the class names.
 *
 * @param names    [n], n the network's classes: texts of 1..255 bytes of UTF-8.  Copied.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL pointer, an empty name, n is not the number of classes
 * @retval AMP_E_LIMIT     a name is too long
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_builder_set_class_names(amp_model_builder *builder,
                                                                  uint32_t n,
                                                                  const char *const *names,
                                                                  amp_error *error);

/**
 * Set record["card"][key]: what a model card should say.
 *
 * @param key      of the card, 1..100 bytes of UTF-8.
 * @param json     text of any JSON value.  Copied.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL pointer, a key that is empty, too long or not UTF-8
 * @retval AMP_E_FORMAT    json is not JSON
 * @retval AMP_E_LIMIT     the record would pass its limits: 1 MB, 1,000 values in an array
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_model_builder_set_card(amp_model_builder *builder,
                                                           const char *key, const char *json,
                                                           amp_error *error);

/**
 * Make the new model; the builder stays usable.
 *
 * @param out      receives a model with one reference; NULL on failure.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL pointer
 * @retval AMP_E_LIMIT     the record passes its limits
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 */
AMP_API AMP_MUST_USE amp_status amp_model_builder_finish(amp_model_builder *builder,
                                                         amp_model **out, amp_error *error);

/** Free a builder; models that it made stay.  NULL is ignored. */
AMP_API void amp_model_builder_free(amp_model_builder *builder);

#ifdef __cplusplus
}
#endif

#endif
