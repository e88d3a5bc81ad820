/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/profile.h - where the time of a scorer goes, step by step.
 *
 * A profile is made by running a scorer some times with a clock read after every step of its
 * network: a convolution, a reorder of a layout, an addition.  Scorers that nobody profiles read
 * no clock.  A profile is immutable and keeps nothing of the scorer but its context.
 *
 * The steps are those of one thread: of the team that works on few images, or of the first of the
 * threads that share many, while the others do as much beside it.  So in both cases the steps add
 * up to the time that passes.
 */
#ifndef AMP_PROFILE_H
#define AMP_PROFILE_H

#include <amp/base.h>
#include <amp/scorer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_profile amp_profile;

/** One step.  Set struct_size to sizeof(amp_profile_step) before the call.  Texts are borrowed from
 *  the profile. */
typedef struct amp_profile_step {
    size_t struct_size;
    const char *name;       /**< module path of the layer, "layer1.0.conv1"; what is fused into a
                                 layer is part of it                                            */
    const char *what;       /**< "convolution", "scale", "reorder", "add", "relu", "pool", "join"
                                 (the two halves of the stem), ...                              */
    const char *kernel;     /**< what runs it, in oneDNN's words, "brgconv:avx512_core_bf16",
                                 or "libamp" = code of this library                             */
    const char *shape;      /**< of one row, "16x32x32 -> 32x16x16, 3x3/2": channels x height x
                                 width, window / stride; of a reorder what one call reads and
                                 writes, "40.0 KiB f32 -> 20.0 KiB bf16"                        */
    double seconds;         /**< median over the runs of all its calls in one run               */
    uint64_t multiply_adds; /**< of all its calls in one run; 0 where nothing is multiplied     */
    uint32_t rows;          /**< of one call: pairs of image and anchor, or images in the image's
                                 half of the first layer                                        */
    uint32_t calls;         /**< in one run                                                     */
} amp_profile_step;

/**
 * Profile runs of n images of noise.
 *
 * A convolution takes as long whatever it sees; adaptive anchors stop where noise makes them stop.
 * No other run should share the context's threads meanwhile.
 *
 * @param out      receives the profile, amp_profile_free() it; NULL on failure.
 * @param scorer   not NULL; as after amp_scorer_run() afterwards.
 * @param n        images of one run, 1..4096.
 * @param repeats  runs that are timed, 1..10000; two more come first and are not.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     a NULL pointer, n or repeats out of range
 * @retval AMP_E_UNSUPPORTED  the library was built without oneDNN
 * @retval AMP_E_NOMEM AMP_E_IO  no memory; the model's file was written to, see amp_model_open()
 * @retval AMP_E_BACKEND      the network failed
 * Threads: any, one at a time for a scorer.
 */
AMP_API AMP_MUST_USE amp_status amp_scorer_profile(amp_profile **out, amp_scorer *scorer, size_t n,
                                                   uint32_t repeats, amp_error *error);

/** Steps of the profile, in the order of their first run; 0 for NULL. */
AMP_API uint32_t amp_profile_count(const amp_profile *profile);

/**
 * One step of the profile.
 *
 * @param index  0..count-1.
 * @param step   struct_size set by the caller; as many bytes are filled.
 * @param error  NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL pointer, no such step, struct_size is not set
 */
AMP_API AMP_MUST_USE amp_status amp_profile_get_step(const amp_profile *profile, uint32_t index,
                                                     amp_profile_step *step, amp_error *error);

/** Seconds of one run from pixels to verdicts, median over the runs; 0 for NULL. */
AMP_API double amp_profile_run_seconds(const amp_profile *profile);

/** Seconds of one run that its steps explain: their sum, median over the runs, so no more than
 *  amp_profile_run_seconds(); 0 for NULL. */
AMP_API double amp_profile_steps_seconds(const amp_profile *profile);

/** Free a profile.  NULL is ignored. */
AMP_API void amp_profile_free(amp_profile *profile);

#ifdef __cplusplus
}
#endif

#endif
