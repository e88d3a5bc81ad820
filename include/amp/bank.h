/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/bank.h - the anchors that a network compares an image with.
 *
 * A bank is immutable and reference-counted.  It belongs to the model it was built for (the
 * stem outputs of its anchors are that model's) and lives in its context.
 */
#ifndef AMP_BANK_H
#define AMP_BANK_H

#include <amp/base.h>
#include <amp/data.h>
#include <amp/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_bank amp_bank;
struct amp_model;

/**
 * Choose anchors from a data set.
 *
 * The choice depends on the data set, the method and the seed alone, and the first K of a larger
 * choice are the choice of K.  No image is chosen twice.
 *
 *   key     range                       default
 *   count   1..1000                     5        anchors to choose
 *   method  random|balanced|kcentre     random   by seed (the paper); one image a class in turn;
 *                                                each the farthest from those before it, in the
 *                                                space of the last layer's input, the image being
 *                                                its own anchor
 *   seed    0..2^53                     0        of the choice
 *   pool    0..2^31                     5000     kcentre looks at this many images, drawn by the
 *                                                seed; 0 = all
 *   store   pixels|stem                 pixels   keep the anchors' pixels too, or only their halves
 *                                                of the first layer, which is all that scoring
 * needs
 *
 * @param out            receives a bank with one reference; NULL on failure.
 * @param model          anchored; untouched.  See amp_model_builder_set_bank() to store the bank.
 * @param dataset        of the model's context; in-distribution images, best the training images.
 * @param options        "count=5,method=balanced"; NULL = the defaults.
 * @param progress       NULL, or called on this thread, stage "bank".
 * @param progress_user  passed to progress.
 * @param error          NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     a NULL pointer, an unknown key or a value out of range, another
 *                            context, fewer images than anchors, method=balanced without labels
 * @retval AMP_E_UNSUPPORTED  the network is not anchored
 * @retval AMP_E_SHAPE        the model's preprocessing does not fit its network
 * @retval AMP_E_CANCELLED    progress asked to stop
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 * And what reading an image may return.  Cost: reading `count` images; kcentre also runs the
 * network on `pool` images.
 */
AMP_API AMP_MUST_USE amp_status amp_bank_build(amp_bank **out, struct amp_model *model,
                                               amp_dataset *dataset, const char *options,
                                               amp_progress_fn progress, void *progress_user,
                                               amp_error *error);

/**
 * Take the given images, in order, as anchors.
 *
 * @param out      receives a bank with one reference; NULL on failure.
 * @param model    anchored; untouched.
 * @param n        1..1000.
 * @param images   [n] of any size, of the model's context; borrowed for the call.
 * @param options  "store=pixels|stem" as for amp_bank_build(); NULL = the defaults.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     a NULL pointer, n or an option out of range, another context
 * @retval AMP_E_UNSUPPORTED  the network is not anchored
 * @retval AMP_E_SHAPE        the model's preprocessing does not fit its network
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 */
AMP_API AMP_MUST_USE amp_status amp_bank_from_images(amp_bank **out, struct amp_model *model,
                                                     size_t n, const amp_image *const *images,
                                                     const char *options, amp_error *error);

/** Anchors in the bank, 1..1000; 0 for NULL.  Any thread. */
AMP_API uint32_t amp_bank_count(const amp_bank *bank);

/** 1 when the anchors' pixels are stored, 0 when only their halves of the first layer are.  The
 *  latter still show much of an image to one who inverts the layer: it is no anonymisation. */
AMP_API int32_t amp_bank_has_pixels(const amp_bank *bank);

/**
 * An anchor as it goes into the network: 8-bit, resized and cropped; grey as R = G = B.
 *
 * @param bank   not NULL; any number of threads at once.
 * @param index  0..count-1.
 * @param out    receives the image, to be freed; NULL on failure.
 * @param error  NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     a NULL pointer, no such anchor
 * @retval AMP_E_UNSUPPORTED  the bank keeps no pixels
 * @retval AMP_E_NOMEM        no memory
 */
AMP_API AMP_MUST_USE amp_status amp_bank_image(const amp_bank *bank, uint32_t index,
                                               amp_image **out, amp_error *error);

/** Take another reference.  Returns its argument; NULL gives NULL.  Any thread. */
AMP_API amp_bank *amp_bank_ref(amp_bank *bank);

/** Drop a reference; the last one frees.  NULL is ignored.  Any thread, in any order with the
 *  models and scorers that use the bank. */
AMP_API void amp_bank_unref(amp_bank *bank);

#ifdef __cplusplus
}
#endif

#endif
