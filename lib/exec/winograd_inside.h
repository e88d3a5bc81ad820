/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/winograd_inside.h - what the files of winograd.h share: vectors of 16 channels, and tiles.
 *
 * A tile is two by two results; a strip is a row of tiles across one image, its values transformed
 * from top to bottom already.
 */
#ifndef AMPI_EXEC_WINOGRAD_INSIDE_H
#define AMPI_EXEC_WINOGRAD_INSIDE_H

#include "exec/winograd.h"

#include <immintrin.h>

#define AMPI_WINO_BLOCK 16u     /* channels of a vector */
#define AMPI_WINO_POSITIONS 16u /* of a transformed tile */
#define AMPI_WINO_LINE 64u      /* bytes: keeps positions out of each other's cache sets */
#define AMPI_WINO_STRIP 66u     /* columns, padding included: images up to 64 wide */

#define AMPI_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define AMPI_BF16_INLINE AMPI_BF16 static inline __attribute__((always_inline))
#if defined(__clang__)
#define AMPI_UNROLL _Pragma("unroll")
#else
#define AMPI_UNROLL _Pragma("GCC unroll 32")
#endif

/* [column][row of the transform][channel] */
typedef float ampi_wino_strip[AMPI_WINO_STRIP][4][AMPI_WINO_BLOCK];

/* `bytes`, up to whole lines. */
static inline size_t ampi_wino_lines(size_t bytes)
{
    return (bytes + AMPI_WINO_LINE - 1) / AMPI_WINO_LINE * AMPI_WINO_LINE;
}

static inline size_t ampi_wino_tile_rows(const ampi_wino *wino)
{
    return wino->images * (wino->h / 2);
}

/* The part of a thread: tile rows of all images from *begin to *end - 1. */
static inline void ampi_wino_share(const ampi_wino *wino, size_t piece, size_t *begin, size_t *end)
{
    const size_t rows = ampi_wino_tile_rows(wino), pieces = (size_t)wino->threads;

    *begin = rows * piece / pieces;
    *end = rows * (piece + 1) / pieces;
}

/* Where block `block` of a value's channels starts, in the image of tile row `row`. */
static inline const uint16_t *ampi_wino_plane(const ampi_wino *wino, const uint16_t *values,
                                              size_t channels, size_t row, size_t block)
{
    const size_t image = row / (wino->h / 2), pixels = wino->h * wino->w;

    return values + (image * channels + block * AMPI_WINO_BLOCK) * pixels;
}

AMPI_BF16_INLINE __m512 ampi_wino_load(const uint16_t *values)
{
    const __m256i narrow = _mm256_loadu_si256((const __m256i_u *)(const void *)values);

    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

AMPI_BF16_INLINE void ampi_wino_store(uint16_t *to, __m512 values)
{
    _mm256_storeu_si256((__m256i_u *)(void *)to, (__m256i)_mm512_cvtneps_pbh(values));
}

/* a, b of channel 0, a, b of channel 1, ... */
AMPI_BF16_INLINE void ampi_wino_store_pair(uint16_t *to, __m512 a, __m512 b)
{
    static const uint16_t order[32] = { 0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                        21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                        11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(b, a);

    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(_mm512_loadu_si512(order), both));
}

AMPI_BF16_INLINE __m512 ampi_wino_products(__m512 sum, __m512i a, __m512i b)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

/* Four values of a tile's side to four of its transform. */
AMPI_BF16_INLINE void ampi_wino_four(const __m512 in[4], __m512 out[4])
{
    out[0] = _mm512_sub_ps(in[0], in[2]);
    out[1] = _mm512_add_ps(in[1], in[2]);
    out[2] = _mm512_sub_ps(in[2], in[1]);
    out[3] = _mm512_sub_ps(in[1], in[3]);
}

/* Tile row `row` of one block of channels, transformed from top to bottom (winograd_data.c). */
void ampi_wino_strip_make(const ampi_wino *wino, const uint16_t *plane, size_t row,
                          ampi_wino_strip strip);

/* Row `i` of the transform of the strip's tile `tile`. */
AMPI_BF16_INLINE void ampi_wino_strip_tile(ampi_wino_strip strip, size_t tile, size_t i,
                                           __m512 out[4])
{
    __m512 in[4];

    AMPI_UNROLL
    for (size_t k = 0; k < 4; k++)
        in[k] = _mm512_loadu_ps(strip[2 * tile + k][i]);
    ampi_wino_four(in, out);
}

#endif
