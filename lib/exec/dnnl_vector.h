/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_vector.h - plain loops compiled once for each instruction set that pays.
 *
 * A loop is a function of AMPI_ALWAYS; AMPI_VECTOR_PARTS makes an ampi_parallel_fn of it that runs
 * the version that the processor has.
 */
#ifndef AMPI_EXEC_DNNL_VECTOR_H
#define AMPI_EXEC_DNNL_VECTOR_H

#include <stdint.h>

#if defined(__x86_64__)
#define AMPI_ALWAYS static inline __attribute__((always_inline))
#if defined(__clang__)
#define AMPI_VECTOR_512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#else
#define AMPI_VECTOR_512                                                                            \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")))
#endif
#define AMPI_VECTOR_256 __attribute__((target("avx2,fma")))
#define AMPI_VECTOR_PARTS(name, loop, job)                                                         \
    AMPI_VECTOR_512 static void name##_512(const job *argument, size_t begin, size_t end)          \
    {                                                                                              \
        loop(argument, begin, end);                                                                \
    }                                                                                              \
    AMPI_VECTOR_256 static void name##_256(const job *argument, size_t begin, size_t end)          \
    {                                                                                              \
        loop(argument, begin, end);                                                                \
    }                                                                                              \
    static void name(void *argument, size_t begin, size_t end)                                     \
    {                                                                                              \
        if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))              \
            name##_512(argument, begin, end);                                                      \
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                  \
            name##_256(argument, begin, end);                                                      \
        else                                                                                       \
            loop(argument, begin, end);                                                            \
    }
#else
#define AMPI_ALWAYS static inline
#define AMPI_VECTOR_PARTS(name, loop, job)                                                         \
    static void name(void *argument, size_t begin, size_t end)                                     \
    {                                                                                              \
        loop(argument, begin, end);                                                                \
    }
#endif

/* The nearest bf16 of a finite float, ties to even; both as their bits. */
AMPI_ALWAYS uint32_t ampi_bf16(uint32_t bits)
{
    return (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
}

#endif
