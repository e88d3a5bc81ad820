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
 * @param options  "count=5,method=random|balanced|kcentre,seed=0,store=pixels|stem" or NULL
 */
AMP_API AMP_MUST_USE amp_status amp_bank_build(amp_bank **out, struct amp_model *model,
                                               amp_dataset *dataset, const char *options,
                                               amp_progress_fn progress, void *progress_user,
                                               amp_error *error);
/** The given images, in order, as anchors.  options: "store=pixels|stem". */
AMP_API AMP_MUST_USE amp_status amp_bank_from_images(amp_bank **out, struct amp_model *model,
                                                     size_t n, const amp_image *const *images,
                                                     const char *options, amp_error *error);
AMP_API uint32_t amp_bank_count(const amp_bank *bank);
/** 1 when the anchors' pixels are stored, 0 when only their stem outputs are. */
AMP_API int32_t amp_bank_has_pixels(const amp_bank *bank);
/** Anchor `index` as it goes into the network: 8-bit, resized and cropped. */
AMP_API AMP_MUST_USE amp_status amp_bank_image(const amp_bank *bank, uint32_t index,
                                               amp_image **out, amp_error *error);
AMP_API amp_bank *amp_bank_ref(amp_bank *bank);
AMP_API void amp_bank_unref(amp_bank *bank);

#ifdef __cplusplus
}
#endif

#endif
