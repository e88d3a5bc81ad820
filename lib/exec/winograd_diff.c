/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/winograd_diff.c - the gradient of the weights of a Winograd convolution of winograd.h.
 *
 * Forward is linear in the transformed weights, so their gradient is, position by position, the
 * transformed values times the gradient of the untransformed results, added up over all tiles.
 * Each thread adds up its own tiles; then the threads' sums are joined and transformed back.
 */
#include "exec/winograd.h"

#if defined(__x86_64__)
#include "exec/winograd_inside.h"

#include <string.h>

#define ROOM_VALUES 16384u /* tiles times channels in scratch memory: half a megabyte */
#define LINE 64u           /* bytes: keeps positions out of each other's cache sets */
#define READ 8u            /* channels read that a product handles at once */
#define PAD (LINE / sizeof(uint16_t))

typedef struct shape {
    size_t across, rows, pairs; /* tiles of a row; rows, pairs of tiles at a time */
    size_t v_step, d_step;      /* from position to position, in values */
    size_t sum_values;          /* of a thread */
    size_t bytes;               /* of a thread */
} shape;

typedef struct diff_job {
    const ampi_wino *wino;
    shape shape;
    const uint16_t *x, *dy;
    float *dw;
    unsigned char *scratch;
} diff_job;

static shape shape_of(const ampi_wino *wino)
{
    const size_t tiles = ROOM_VALUES / (wino->from + wino->to);
    shape s = { .across = wino->w / 2 };

    s.rows = s.across < tiles ? tiles / s.across : 1;
    s.pairs = s.rows * s.across / 2;
    s.v_step = s.pairs * wino->from * 2 + PAD;
    s.d_step = s.pairs * wino->to * 2 + PAD;
    s.sum_values = AMPI_WINO_POSITIONS * wino->from * wino->to;
    s.bytes = s.sum_values * sizeof(float) +
              AMPI_WINO_POSITIONS * (s.v_step + s.d_step) * sizeof(uint16_t);
    s.bytes = (s.bytes + LINE - 1) / LINE * LINE;
    return s;
}

size_t ampi_wino_diff_scratch(const ampi_wino *wino)
{
    return shape_of(wino).bytes * (size_t)wino->threads;
}

/* A thread's sums [position][channel read][channel made], then v, then d: [position][pair of
   tiles][channel][of the pair]. */
typedef struct thread_part {
    float *sums;
    uint16_t *v, *d;
} thread_part;

static thread_part part_of(const diff_job *job, size_t piece)
{
    unsigned char *const first = job->scratch + piece * job->shape.bytes;
    thread_part p = { .sums = (float *)(void *)first };

    p.v = (uint16_t *)(void *)(p.sums + job->shape.sum_values);
    p.d = p.v + AMPI_WINO_POSITIONS * job->shape.v_step;
    return p;
}

/* ---- transforms of values and of results' gradients -------------------------------------------
 */

AMPI_BF16 static void values_row(const diff_job *job, size_t row, size_t at, uint16_t *v)
{
    const ampi_wino *const wino = job->wino;
    ampi_wino_strip strip;

    for (size_t block = 0; block < wino->from / AMPI_WINO_BLOCK; block++) {
        ampi_wino_strip_make(wino, ampi_wino_plane(wino, job->x, wino->from, row, block), row,
                             strip);
        for (size_t pair = 0; pair < job->shape.across / 2; pair++) {
            uint16_t *const to = v + ((at + pair) * wino->from + block * AMPI_WINO_BLOCK) * 2;
            AMPI_UNROLL
            for (size_t i = 0; i < 4; i++) {
                __m512 a[4], b[4];
                ampi_wino_strip_tile(strip, 2 * pair, i, a);
                ampi_wino_strip_tile(strip, 2 * pair + 1, i, b);
                AMPI_UNROLL
                for (size_t k = 0; k < 4; k++)
                    ampi_wino_store_pair(to + (4 * i + k) * job->shape.v_step, a[k], b[k]);
            }
        }
    }
}

/* Gradient of two results of a side to that of the four that they were made of. */
AMPI_BF16_INLINE void four_back(const __m512 in[2], __m512 out[4])
{
    out[0] = in[0];
    out[1] = _mm512_add_ps(in[0], in[1]);
    out[2] = _mm512_sub_ps(in[0], in[1]);
    out[3] = _mm512_sub_ps(_mm512_setzero_ps(), in[1]);
}

/* Both columns of a tile from top to bottom; `line` = from line to line. */
AMPI_BF16_INLINE void tile_columns(const uint16_t *upper, size_t line, __m512 out[2][4])
{
    AMPI_UNROLL
    for (size_t x = 0; x < 2; x++) {
        const __m512 in[2] = { ampi_wino_load(upper + x * AMPI_WINO_BLOCK),
                               ampi_wino_load(upper + line + x * AMPI_WINO_BLOCK) };
        four_back(in, out[x]);
    }
}

AMPI_BF16_INLINE void pair_back(const diff_job *job, const uint16_t *upper, uint16_t *to)
{
    const size_t line = job->wino->w * AMPI_WINO_BLOCK;
    __m512 left[2][4], right[2][4];

    tile_columns(upper, line, left);
    tile_columns(upper + 2 * AMPI_WINO_BLOCK, line, right);
    AMPI_UNROLL
    for (size_t i = 0; i < 4; i++) {
        const __m512 of_left[2] = { left[0][i], left[1][i] };
        const __m512 of_right[2] = { right[0][i], right[1][i] };
        __m512 a[4], b[4];
        four_back(of_left, a);
        four_back(of_right, b);
        AMPI_UNROLL
        for (size_t k = 0; k < 4; k++)
            ampi_wino_store_pair(to + (4 * i + k) * job->shape.d_step, a[k], b[k]);
    }
}

AMPI_BF16 static void gradients_row(const diff_job *job, size_t row, size_t at, uint16_t *d)
{
    const ampi_wino *const wino = job->wino;
    const size_t line = wino->w * AMPI_WINO_BLOCK;

    for (size_t block = 0; block < wino->to / AMPI_WINO_BLOCK; block++) {
        const uint16_t *const plane = ampi_wino_plane(wino, job->dy, wino->to, row, block);
        const uint16_t *const upper = plane + 2 * (row % (wino->h / 2)) * line;
        for (size_t pair = 0; pair < job->shape.across / 2; pair++)
            pair_back(job, upper + 4 * pair * AMPI_WINO_BLOCK,
                      d + ((at + pair) * wino->to + block * AMPI_WINO_BLOCK) * 2);
    }
}

/* ---- products ---------------------------------------------------------------------------------
 */

typedef struct panel {
    const uint16_t *v, *d;
    float *sums;
    size_t from, to, pairs;
} panel;

/* READ channels read by two blocks made, added to the sums so far. */
AMPI_BF16 static void product(const panel *p)
{
    __m512 sums[READ][2];

    AMPI_UNROLL
    for (size_t r = 0; r < READ; r++) {
        sums[r][0] = _mm512_loadu_ps(p->sums + r * p->to);
        sums[r][1] = _mm512_loadu_ps(p->sums + r * p->to + AMPI_WINO_BLOCK);
    }
    for (size_t pair = 0; pair < p->pairs; pair++) {
        const uint16_t *const v = p->v + pair * p->from * 2, *const d = p->d + pair * p->to * 2;
        const __m512i first = _mm512_loadu_si512(d), second = _mm512_loadu_si512(d + 32);
        AMPI_UNROLL
        for (size_t r = 0; r < READ; r++) {
            int32_t both;
            memcpy(&both, v + 2 * r, sizeof both);
            const __m512i read = _mm512_set1_epi32(both);
            sums[r][0] = ampi_wino_products(sums[r][0], read, first);
            sums[r][1] = ampi_wino_products(sums[r][1], read, second);
        }
    }
    AMPI_UNROLL
    for (size_t r = 0; r < READ; r++) {
        _mm512_storeu_ps(p->sums + r * p->to, sums[r][0]);
        _mm512_storeu_ps(p->sums + r * p->to + AMPI_WINO_BLOCK, sums[r][1]);
    }
}

static void position(const diff_job *job, size_t index, size_t pairs, const thread_part *part)
{
    const size_t from = job->wino->from, to = job->wino->to;

    for (size_t made = 0; made < to; made += 2 * AMPI_WINO_BLOCK) {
        for (size_t read = 0; read < from; read += READ) {
            const panel p = { part->v + index * job->shape.v_step + 2 * read,
                              part->d + index * job->shape.d_step + 2 * made,
                              part->sums + (index * from + read) * to + made,
                              from,
                              to,
                              pairs };
            product(&p);
        }
    }
}

static void diff_pieces(void *argument, size_t begin, size_t end)
{
    const diff_job *const job = argument;
    const size_t half = job->shape.across / 2;

    for (size_t piece = begin; piece < end; piece++) {
        const thread_part part = part_of(job, piece);
        size_t row, last;
        ampi_wino_share(job->wino, piece, &row, &last);
        memset(part.sums, 0, job->shape.sum_values * sizeof(float));
        for (; row < last; row += job->shape.rows) {
            const size_t rows = ampi_min_size(job->shape.rows, last - row);
            for (size_t i = 0; i < rows; i++) {
                values_row(job, row + i, i * half, part.v);
                gradients_row(job, row + i, i * half, part.d);
            }
            for (size_t p = 0; p < AMPI_WINO_POSITIONS; p++)
                position(job, p, rows * half, &part);
        }
    }
}

/* ---- the threads' sums to the gradient ---------------------------------------------------------
 */

/* Gradient of four transformed values of a kernel's side to that of its three. */
AMPI_BF16_INLINE void kernel_back(const __m512 in[4], __m512 out[3])
{
    const __m512 half = _mm512_set1_ps(0.5F);
    const __m512 inner = _mm512_mul_ps(half, _mm512_add_ps(in[1], in[2]));

    out[0] = _mm512_add_ps(in[0], inner);
    out[1] = _mm512_mul_ps(half, _mm512_sub_ps(in[1], in[2]));
    out[2] = _mm512_add_ps(in[3], inner);
}

/* All threads' sums from one channel read to 16 made, at all positions. */
AMPI_BF16_INLINE void joined(const diff_job *job, size_t read, size_t made,
                             __m512 out[AMPI_WINO_POSITIONS])
{
    const size_t from = job->wino->from, to = job->wino->to;

    for (size_t p = 0; p < AMPI_WINO_POSITIONS; p++) {
        const size_t at = (p * from + read) * to + made;
        out[p] = _mm512_loadu_ps(part_of(job, 0).sums + at);
        for (size_t piece = 1; piece < (size_t)job->wino->threads; piece++)
            out[p] = _mm512_add_ps(out[p], _mm512_loadu_ps(part_of(job, piece).sums + at));
    }
}

AMPI_BF16 static void kernels_back(const diff_job *job, size_t read, size_t made)
{
    __m512 in[AMPI_WINO_POSITIONS], columns[4][3];
    float out[3][3][AMPI_WINO_BLOCK];

    joined(job, read, made, in);
    AMPI_UNROLL
    for (size_t k = 0; k < 4; k++) {
        const __m512 column[4] = { in[k], in[4 + k], in[8 + k], in[12 + k] };
        kernel_back(column, columns[k]);
    }
    AMPI_UNROLL
    for (size_t y = 0; y < 3; y++) {
        const __m512 line[4] = { columns[0][y], columns[1][y], columns[2][y], columns[3][y] };
        __m512 three[3];
        kernel_back(line, three);
        AMPI_UNROLL
        for (size_t x = 0; x < 3; x++)
            _mm512_storeu_ps(out[y][x], three[x]);
    }
    for (size_t lane = 0; lane < AMPI_WINO_BLOCK; lane++) {
        float *const to = job->dw + ((made + lane) * job->wino->from + read) * 9;
        for (size_t k = 0; k < 9; k++)
            to[k] = out[k / 3][k % 3][lane];
    }
}

static void blocks_back(void *argument, size_t begin, size_t end)
{
    const diff_job *const job = argument;

    for (size_t block = begin; block < end; block++)
        for (size_t read = 0; read < job->wino->from; read++)
            kernels_back(job, read, block * AMPI_WINO_BLOCK);
}

void ampi_wino_diff(const ampi_wino *wino, const uint16_t *x, const uint16_t *dy, float *dw,
                    void *scratch)
{
    diff_job job = { .wino = wino, .shape = shape_of(wino), .x = x, .dy = dy, .dw = dw };

    job.scratch = scratch;
    ampi_parallel(wino->threads, (size_t)wino->threads, diff_pieces, &job);
    ampi_parallel(wino->threads, wino->to / AMPI_WINO_BLOCK, blocks_back, &job);
}

#else
typedef int ampi_winograd_diff_unused;
#endif
