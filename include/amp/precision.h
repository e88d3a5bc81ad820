/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/precision.h - how a network computes: in which numbers, by which convolutions.
 *
 * Files, images, logits and scores are the same kinds of numbers in every precision; scores of one
 * precision are compared with thresholds fitted in it.
 */
#ifndef AMP_PRECISION_H
#define AMP_PRECISION_H

#include <amp/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum amp_precision {
    /** The fastest one whose thresholds the model holds and whose instructions the processor has,
        AMP_PRECISION_FP32 where there is none: for a scorer only. */
    AMP_PRECISION_AUTO = -1,
    /** 32 bits.  A result is the same bits for any batch, thread count and clone, on one machine
        and library. */
    AMP_PRECISION_FP32 = 0,
    /** 32 bits, and Winograd's convolutions (Lavin and Gray, arXiv:1509.09308) where the library
        under this one has them: logits differ by about 1e-6 of the largest, and bits depend on
        batch and thread count.  Thresholds are those of AMP_PRECISION_FP32. */
    AMP_PRECISION_FAST = 1,
    /** bfloat16 activations and weights, sums in 32 bits: on x86 with AVX512_BF16.  Bits depend on
        batch and thread count. */
    AMP_PRECISION_BF16 = 2,
    /** Bytes: convolutions of 8-bit activations and weights, sums in 32 bits; on x86 with VNNI, of
        a model that was calibrated for it.  The first and the last layer stay in 32 bits.  Bits may
        depend on batch and thread count. */
    AMP_PRECISION_INT8 = 3
} amp_precision;

/** "auto", "fp32", "fast", "bf16", "int8"; static text, NULL for another number. */
AMP_API const char *amp_precision_name(int32_t precision);

/** The number of such a text.
 *  @param precision  not NULL; untouched on failure
 *  @param name       not NULL
 *  @param error      NULL, or filled on failure
 *  @retval AMP_E_ARGUMENT  a NULL pointer, an unknown name: the message has those known */
AMP_API AMP_MUST_USE amp_status amp_precision_parse(int32_t *precision, const char *name,
                                                    amp_error *error);

/** 1 where this build and this processor have it, else 0. */
AMP_API int32_t amp_precision_available(int32_t precision);

#ifdef __cplusplus
}
#endif

#endif
