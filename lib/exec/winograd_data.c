/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/winograd_data.c - Winograd convolutions of winograd.h: weights, forward, gradient of values.
 *
 * A thread takes some rows of tiles at a time: transforms them into its scratch memory, multiplies
 * position by position, and transforms the results back.
 */
#include "exec/winograd.h"

#if defined(__x86_64__)
#include "exec/winograd_inside.h"

#define TILES 12u /* that a product handles at once, or half of them */
#define ROOM 48u  /* tiles in scratch memory, where an image's row is no longer */

typedef struct shape {
    size_t across, rows;   /* tiles of a row, rows at a time */
    size_t tiles;          /* that there is room for, a multiple of TILES */
    size_t v_step, m_step; /* from position to position, in values */
} shape;

typedef struct data_job {
    const ampi_wino *wino;
    shape shape;
    const uint16_t *x, *weights;
    uint16_t *y;
    unsigned char *scratch;
    size_t scratch_bytes; /* of a thread */
} data_job;

bool ampi_wino_fits(const ampi_wino *wino)
{
    return wino->from % 32 == 0 && wino->to % 32 == 0 && wino->h % 2 == 0 && wino->w % 4 == 0 &&
           wino->w + 2 <= AMPI_WINO_STRIP && wino->threads >= 1;
}

size_t ampi_wino_weight_bytes(const ampi_wino *wino)
{
    return AMPI_WINO_POSITIONS * wino->from * wino->to * sizeof(uint16_t);
}

static shape shape_of(const ampi_wino *wino)
{
    shape s = { .across = wino->w / 2 };

    s.rows = s.across < ROOM ? ROOM / s.across : 1;
    s.tiles = (s.rows * s.across + TILES - 1) / TILES * TILES;
    s.v_step = s.tiles * wino->from + AMPI_WINO_LINE / sizeof(uint16_t);
    s.m_step = s.tiles * wino->to + AMPI_WINO_LINE / sizeof(float);
    return s;
}

static size_t thread_bytes(const shape *s)
{
    const size_t v = AMPI_WINO_POSITIONS * s->v_step * sizeof(uint16_t);
    const size_t m = AMPI_WINO_POSITIONS * s->m_step * sizeof(float);

    return ampi_wino_lines(v) + ampi_wino_lines(m);
}

size_t ampi_wino_data_scratch(const ampi_wino *wino)
{
    const shape s = shape_of(wino);

    return thread_bytes(&s) * (size_t)wino->threads;
}

/* ---- weights: [position][block made][pair of channels read][channel made][of the pair] --------
 */

typedef struct weight_job {
    const ampi_wino *wino;
    const float *plain;
    uint16_t *out;
    size_t made_step, read_step; /* in the plain weights, from channel to channel */
    bool back;
} weight_job;

/* Three values of a kernel's side to four. */
AMPI_BF16_INLINE void kernel_side(const __m512 in[3], __m512 out[4])
{
    const __m512 half = _mm512_set1_ps(0.5F), outer = _mm512_add_ps(in[0], in[2]);

    out[0] = in[0];
    out[1] = _mm512_mul_ps(half, _mm512_add_ps(outer, in[1]));
    out[2] = _mm512_mul_ps(half, _mm512_sub_ps(outer, in[1]));
    out[3] = in[2];
}

/* The kernels from one channel read to 16 made, in all positions. */
AMPI_BF16_INLINE void kernels(const weight_job *job, size_t made, size_t read,
                              __m512 out[AMPI_WINO_POSITIONS])
{
    const float *const first = job->plain + made * job->made_step + read * job->read_step;
    const __m512i lanes =
        _mm512_mullo_epi32(_mm512_set1_epi32((int)job->made_step),
                           _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    __m512 columns[3][4];

    AMPI_UNROLL
    for (size_t x = 0; x < 3; x++) {
        __m512 in[3];
        AMPI_UNROLL
        for (size_t y = 0; y < 3; y++)
            in[y] = _mm512_i32gather_ps(lanes, first + (job->back ? 8 - 3 * y - x : 3 * y + x), 4);
        kernel_side(in, columns[x]);
    }
    AMPI_UNROLL
    for (size_t i = 0; i < 4; i++) {
        const __m512 in[3] = { columns[0][i], columns[1][i], columns[2][i] };
        kernel_side(in, out + 4 * i);
    }
}

AMPI_BF16 static void weight_blocks(void *argument, size_t begin, size_t end)
{
    const weight_job *const job = argument;
    const size_t from = job->wino->from, step = from * job->wino->to;

    for (size_t block = begin; block < end; block++) {
        for (size_t read = 0; read < from; read += 2) {
            uint16_t *const to = job->out + block * AMPI_WINO_BLOCK * from + read * AMPI_WINO_BLOCK;
            __m512 even[AMPI_WINO_POSITIONS], odd[AMPI_WINO_POSITIONS];
            kernels(job, block * AMPI_WINO_BLOCK, read, even);
            kernels(job, block * AMPI_WINO_BLOCK, read + 1, odd);
            for (size_t p = 0; p < AMPI_WINO_POSITIONS; p++)
                ampi_wino_store_pair(to + p * step, even[p], odd[p]);
        }
    }
}

void ampi_wino_weights(const ampi_wino *wino, const float *plain, bool back, uint16_t *out)
{
    const size_t kernel = 9;
    weight_job job = { .wino = wino, .plain = plain, .out = out, .back = back };

    job.made_step = back ? kernel : kernel * wino->from;
    job.read_step = back ? kernel * wino->to : kernel;
    ampi_parallel(wino->threads, wino->to / AMPI_WINO_BLOCK, weight_blocks, &job);
}

/* ---- transforms of values ---------------------------------------------------------------------
 */

AMPI_BF16 void ampi_wino_strip_make(const ampi_wino *wino, const uint16_t *plane, size_t row,
                                    ampi_wino_strip strip)
{
    const size_t line = wino->w * AMPI_WINO_BLOCK, top = 2 * (row % (wino->h / 2));
    const uint16_t *lines[4];

    for (size_t i = 0; i < 4; i++) /* line top - 1 + i; NULL = outside */
        lines[i] = top + i == 0 || top + i > wino->h ? NULL : plane + (top + i - 1) * line;
    AMPI_UNROLL
    for (size_t i = 0; i < 4; i++) {
        _mm512_storeu_ps(strip[0][i], _mm512_setzero_ps());
        _mm512_storeu_ps(strip[wino->w + 1][i], _mm512_setzero_ps());
    }
    for (size_t x = 0; x < wino->w; x++) {
        __m512 in[4], out[4];
        AMPI_UNROLL
        for (size_t i = 0; i < 4; i++)
            in[i] = lines[i] == NULL ? _mm512_setzero_ps()
                                     : ampi_wino_load(lines[i] + x * AMPI_WINO_BLOCK);
        ampi_wino_four(in, out);
        AMPI_UNROLL
        for (size_t i = 0; i < 4; i++)
            _mm512_storeu_ps(strip[x + 1][i], out[i]);
    }
}

/* Tile row `row` of all images into v, [position][tile][channel], from tile `at` on. */
AMPI_BF16 static void transform_row(const data_job *job, size_t row, size_t at, uint16_t *v)
{
    const ampi_wino *const wino = job->wino;
    ampi_wino_strip strip;

    for (size_t block = 0; block < wino->from / AMPI_WINO_BLOCK; block++) {
        ampi_wino_strip_make(wino, ampi_wino_plane(wino, job->x, wino->from, row, block), row,
                             strip);
        for (size_t tile = 0; tile < job->shape.across; tile++) {
            uint16_t *const to = v + (at + tile) * wino->from + block * AMPI_WINO_BLOCK;
            AMPI_UNROLL
            for (size_t i = 0; i < 4; i++) {
                __m512 out[4];
                ampi_wino_strip_tile(strip, tile, i, out);
                AMPI_UNROLL
                for (size_t k = 0; k < 4; k++)
                    ampi_wino_store(to + (4 * i + k) * job->shape.v_step, out[k]);
            }
        }
    }
}

/* Four values of a transform's side to two results. */
AMPI_BF16_INLINE void two(const __m512 in[4], __m512 out[2])
{
    out[0] = _mm512_add_ps(_mm512_add_ps(in[0], in[1]), in[2]);
    out[1] = _mm512_sub_ps(_mm512_sub_ps(in[1], in[2]), in[3]);
}

/* One tile of one block: m, the first position of it, to the result's two lines. */
AMPI_BF16_INLINE void tile_back(const data_job *job, const float *m, uint16_t *upper,
                                uint16_t *lower)
{
    __m512 columns[4][2];

    AMPI_UNROLL
    for (size_t k = 0; k < 4; k++) {
        __m512 in[4];
        AMPI_UNROLL
        for (size_t i = 0; i < 4; i++)
            in[i] = _mm512_loadu_ps(m + (4 * i + k) * job->shape.m_step);
        two(in, columns[k]);
    }
    AMPI_UNROLL
    for (size_t i = 0; i < 2; i++) {
        const __m512 in[4] = { columns[0][i], columns[1][i], columns[2][i], columns[3][i] };
        __m512 out[2];
        two(in, out);
        ampi_wino_store(i == 0 ? upper : lower, out[0]);
        ampi_wino_store((i == 0 ? upper : lower) + AMPI_WINO_BLOCK, out[1]);
    }
}

AMPI_BF16 static void row_back(const data_job *job, size_t row, size_t at, const float *m)
{
    const ampi_wino *const wino = job->wino;
    const size_t half = wino->h / 2, line = wino->w * AMPI_WINO_BLOCK;
    uint16_t *const image = job->y + row / half * wino->to * wino->h * wino->w;

    for (size_t block = 0; block < wino->to / AMPI_WINO_BLOCK; block++) {
        uint16_t *const upper = image + (block * wino->h + 2 * (row % half)) * line;
        for (size_t tile = 0; tile < job->shape.across; tile++)
            tile_back(job, m + (at + tile) * wino->to + block * AMPI_WINO_BLOCK,
                      upper + 2 * tile * AMPI_WINO_BLOCK,
                      upper + line + 2 * tile * AMPI_WINO_BLOCK);
    }
}

/* ---- products ---------------------------------------------------------------------------------
 */

typedef struct panel {
    const uint16_t *v, *u; /* of the first tile; of the first block */
    float *m;
    size_t from, to;
} panel;

/* tiles x blocks sums of 16, all in registers. */
AMPI_BF16_INLINE void product(const panel *p, const size_t tiles, const size_t blocks)
{
    __m512 sums[TILES * 2];

    AMPI_UNROLL
    for (size_t i = 0; i < tiles * blocks; i++)
        sums[i] = _mm512_setzero_ps();
    for (size_t read = 0; read < p->from; read += 2) {
        __m512i u[4];
        AMPI_UNROLL
        for (size_t b = 0; b < blocks; b++)
            u[b] = _mm512_loadu_si512(p->u + (b * p->from + read) * AMPI_WINO_BLOCK);
        AMPI_UNROLL
        for (size_t t = 0; t < tiles; t++) {
            int32_t both;
            __builtin_memcpy(&both, p->v + t * p->from + read, sizeof both);
            const __m512i v = _mm512_set1_epi32(both);
            AMPI_UNROLL
            for (size_t b = 0; b < blocks; b++)
                sums[t * blocks + b] = ampi_wino_products(sums[t * blocks + b], v, u[b]);
        }
    }
    AMPI_UNROLL
    for (size_t t = 0; t < tiles; t++)
        AMPI_UNROLL
    for (size_t b = 0; b < blocks; b++)
        _mm512_storeu_ps(p->m + t * p->to + b * AMPI_WINO_BLOCK, sums[t * blocks + b]);
}

AMPI_BF16 static void six_by_four(const panel *p)
{
    product(p, TILES / 2, 4);
}

AMPI_BF16 static void twelve_by_two(const panel *p)
{
    product(p, TILES, 2);
}

/* One position of the first `tiles` tiles: blocks by fours, the last two by two. */
static void position(const data_job *job, size_t index, size_t tiles, const uint16_t *v, float *m)
{
    const size_t from = job->wino->from, to = job->wino->to, blocks = to / AMPI_WINO_BLOCK;
    const uint16_t *const u = job->weights + index * from * to;

    for (size_t b = 0; b < blocks; b += blocks - b >= 4 ? 4 : 2) {
        const bool wide = blocks - b >= 4;
        for (size_t t = 0; t < tiles; t += wide ? TILES / 2 : TILES) {
            const panel p = { v + index * job->shape.v_step + t * from,
                              u + b * AMPI_WINO_BLOCK * from,
                              m + index * job->shape.m_step + t * to + b * AMPI_WINO_BLOCK, from,
                              to };
            if (wide)
                six_by_four(&p);
            else
                twelve_by_two(&p);
        }
    }
}

static void data_rows(const data_job *job, size_t row, size_t rows, unsigned char *scratch)
{
    uint16_t *const v = (uint16_t *)(void *)scratch;
    const size_t v_bytes = AMPI_WINO_POSITIONS * job->shape.v_step * sizeof(uint16_t);
    float *const m = (float *)(void *)(scratch + ampi_wino_lines(v_bytes));
    const size_t tiles = rows * job->shape.across;

    for (size_t i = 0; i < rows; i++)
        transform_row(job, row + i, i * job->shape.across, v);
    for (size_t p = 0; p < AMPI_WINO_POSITIONS; p++)
        position(job, p, (tiles + TILES - 1) / TILES * TILES, v, m);
    for (size_t i = 0; i < rows; i++)
        row_back(job, row + i, i * job->shape.across, m);
}

static void data_pieces(void *argument, size_t begin, size_t end)
{
    const data_job *const job = argument;

    for (size_t piece = begin; piece < end; piece++) {
        size_t row, last;
        ampi_wino_share(job->wino, piece, &row, &last);
        for (; row < last; row += job->shape.rows)
            data_rows(job, row, ampi_min_size(job->shape.rows, last - row),
                      job->scratch + piece * job->scratch_bytes);
    }
}

void ampi_wino_data(const ampi_wino *wino, const uint16_t *x, const uint16_t *weights, uint16_t *y,
                    void *scratch)
{
    data_job job = { .wino = wino, .shape = shape_of(wino), .x = x, .weights = weights, .y = y };

    job.scratch = scratch;
    job.scratch_bytes = thread_bytes(&job.shape);
    ampi_parallel(wino->threads, (size_t)wino->threads, data_pieces, &job);
}

#else

bool ampi_wino_fits(const ampi_wino *wino)
{
    (void)wino;
    return false;
}

#endif
