/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_quantise.c - fp32 into bytes with a batch norm and a ReLU on the way, and the mean of
 * bytes.
 *
 * oneDNN has the pieces, each a pass over memory of its own; between int8 convolutions these passes
 * are what takes the time.  The loops are plain C that the compiler turns into vectors: this file
 * is compiled with optimisation for that, once for each instruction set below.
 */
#include "exec/dnnl_int8.h"
#include "exec/dnnl_vector.h"
#include "exec/exec.h"

void ampi_affine_head(float *affine, dnnl_data_type_t bytes)
{
    const bool is_signed = bytes == dnnl_s8;

    affine[AMPI_AFFINE_LOW] = is_signed ? -128.0F : 0.0F;
    affine[AMPI_AFFINE_HIGH] = is_signed ? 127.0F : 255.0F;
    affine[AMPI_AFFINE_OFFSET] = is_signed ? 128.0F : 0.0F;
}

typedef struct quantise_job {
    const float *from, *scale, *shift;
    float low, high, offset;
    uint8_t *to;
    size_t channels;
} quantise_job;

/* Pixels begin .. end - 1. */
AMPI_ALWAYS void quantise_pixels(const quantise_job *job, size_t begin, size_t end)
{
    const size_t channels = job->channels;
    const float *restrict const scale = job->scale, *restrict const shift = job->shift;
    const float low = job->low, high = job->high, offset = job->offset;

    for (size_t p = begin; p < end; p++) {
        const float *restrict const from = job->from + p * channels;
        uint8_t *restrict const to = job->to + p * channels;
        for (size_t c = 0; c < channels; c++) {
            float value = from[c] * scale[c] + shift[c];
            value = value > low ? value : low;
            value = value < high ? value : high;
            to[c] = (uint8_t)((int32_t)(value + offset + 0.5F) - (int32_t)offset);
        }
    }
}

AMPI_VECTOR_PARTS(quantise_part, quantise_pixels, quantise_job)

void ampi_quantise(const ampi_call *call)
{
    const float *const affine = call->pointers[2];
    const size_t channels = (call->bytes[2] / sizeof(float) - AMPI_AFFINE_HEAD) / 2;
    quantise_job job = { .from = call->pointers[0],
                         .scale = affine + AMPI_AFFINE_HEAD,
                         .shift = affine + AMPI_AFFINE_HEAD + channels,
                         .low = affine[AMPI_AFFINE_LOW],
                         .high = affine[AMPI_AFFINE_HIGH],
                         .offset = affine[AMPI_AFFINE_OFFSET],
                         .to = call->pointers[1],
                         .channels = channels };

    ampi_parallel(call->threads, call->bytes[1] / channels, quantise_part, &job);
}

/* ---- the mean of bytes ----------------------------------------------------------------------- */

typedef struct pool_job {
    const uint8_t *from;
    float *to;
    float factor;
    size_t channels, pixels;
} pool_job;

/* Images begin .. end - 1; the sum of any image's bytes is exact in 32 bits: AMPI_MAX_SIDE squared
   bytes are fewer than 2^32 / 255. */
static void pool_images(void *argument, size_t begin, size_t end)
{
    const pool_job *const job = argument;

    for (size_t i = begin; i < end; i++) {
        const uint8_t *const from = job->from + i * job->pixels * job->channels;
        for (size_t c = 0; c < job->channels; c++) {
            uint32_t sum = 0;
            for (size_t p = 0; p < job->pixels; p++)
                sum += from[p * job->channels + c];
            job->to[i * job->channels + c] = (float)sum * job->factor;
        }
    }
}

void ampi_pool_u8(const ampi_call *call)
{
    const ampi_pool_argument *const argument = call->pointers[2];
    const size_t means = call->bytes[1] / sizeof(float);
    pool_job job = { .from = call->pointers[0],
                     .to = call->pointers[1],
                     .factor = argument->factor,
                     .channels = argument->channels,
                     .pixels = call->bytes[0] / means };

    ampi_parallel(call->threads, means / job.channels, pool_images, &job);
}
