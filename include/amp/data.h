/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/data.h - data sets by a short spec: images and labels, in a fixed order, at random access.
 *
 *   cifar10:PATH[#train|#test]   cifar100:PATH[#...]   idx:IMAGES[,LABELS]
 *   folder:PATH   list:FILE   tar:PATH       then optional  ?key=value&key=value  and  [A:B]
 */
#ifndef AMP_DATA_H
#define AMP_DATA_H

#include <amp/base.h>
#include <amp/context.h>
#include <amp/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_dataset amp_dataset;

typedef struct amp_dataset_options {
    size_t struct_size;
    uint64_t max_memory;      /**< unpacked bytes kept in memory; default 512 MiB     */
    const amp_image_options *image; /**< limits for each image file; NULL = defaults     */
    amp_progress_fn progress; /**< while unpacking or walking; NULL = none            */
    void *progress_user;
} amp_dataset_options;

AMP_API void amp_dataset_options_init(amp_dataset_options *options, size_t size);
AMP_API AMP_MUST_USE amp_status amp_dataset_open(amp_dataset **out, amp_context *context,
                                                 const char *spec,
                                                 const amp_dataset_options *options,
                                                 amp_error *error);
AMP_API uint64_t amp_dataset_size(const amp_dataset *dataset);
AMP_API uint32_t amp_dataset_classes(const amp_dataset *dataset);
/** "airplane"; NULL when the set has no name for it.  Borrowed. */
AMP_API const char *amp_dataset_class_name(const amp_dataset *dataset, uint32_t index);
/** 0..classes-1, or -1 when not known. */
AMP_API int32_t amp_dataset_label(const amp_dataset *dataset, uint64_t index);
/** File name, archive member or "PATH[index]" into out[size]; returns the length needed. */
AMP_API size_t amp_dataset_name(const amp_dataset *dataset, uint64_t index, char *out, size_t size);
AMP_API AMP_MUST_USE amp_status amp_dataset_get(amp_dataset *dataset, uint64_t index,
                                                amp_image **out, amp_error *error);
/** A new data set of `n` images of this one, in the order given (repeats allowed).  It shares the
 *  source: free in any order. */
AMP_API AMP_MUST_USE amp_status amp_dataset_subset(amp_dataset **out, amp_dataset *dataset,
                                                   uint64_t n, const uint64_t *indices,
                                                   amp_error *error);
/** The held-out part (design: by seed, class-balanced) and the rest, both in source order. */
AMP_API AMP_MUST_USE amp_status amp_dataset_split(amp_dataset **rest, amp_dataset **held_out,
                                                  amp_dataset *dataset, uint64_t n_held_out,
                                                  uint64_t seed, amp_error *error);
AMP_API void amp_dataset_free(amp_dataset *dataset);

#ifdef __cplusplus
}
#endif

#endif
