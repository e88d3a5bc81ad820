/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/winograd_diff.c - the gradient of the weights of a Winograd convolution of winograd.h.
 *
 * Forward is linear in the transformed weights, so their gradient is, position by position, the
 * transformed values times the gradient of the untransformed results, added up over all tiles.
 * A few channels: each thread adds up its own tiles, and the threads' sums are joined at the end.
 * Many: sums are too large for that, so the threads transform tiles together and share the sums.
 */
#include "exec/winograd.h"

#if defined(__x86_64__)
#include "exec/winograd_inside.h"

#include <string.h>

/* Tiles times channels in scratch memory: half a megabyte for each thread, eight for all. */
#define OWN_VALUES ((size_t)16384)
#define SHARED_VALUES ((size_t)262144)
#define SHARED_FROM ((size_t)192 * 192) /* channels read times made */
#define READ 8u                         /* channels read that a product handles at once */
#define PAIR (2 * AMPI_WINO_BLOCK)      /* values of a pair of tiles in a block */
#define PAD (AMPI_WINO_LINE / sizeof(uint16_t))

typedef struct shape {
    size_t across, rows, pairs; /* tiles of a row; rows, pairs of tiles at a time */
    size_t v_step, d_step;      /* from position to position, in values */
    size_t sum_values, bytes;   /* of a part */
    size_t parts;               /* one a thread, or one that all share */
} shape;

/* Sums [position][channel read][channel made]; then v, then d:
   [position][block of channels][pair of tiles][channel][of the pair]. */
typedef struct diff_part {
    float *sums;
    uint16_t *v, *d;
    size_t row, rows; /* that are in it now */
    bool fresh;       /* nothing is in the sums yet */
} diff_part;

typedef struct diff_job {
    const ampi_wino *wino;
    shape shape;
    const uint16_t *x, *dy;
    float *dw;
    unsigned char *scratch;
} diff_job;

static shape shape_of(const ampi_wino *wino)
{
    const bool shared = wino->from * wino->to >= SHARED_FROM;
    const size_t tiles = (shared ? SHARED_VALUES : OWN_VALUES) / (wino->from + wino->to);
    shape s = { .across = wino->w / 2, .parts = shared ? 1 : (size_t)wino->threads };

    s.rows = s.across < tiles ? tiles / s.across : 1;
    s.rows = ampi_min_size(s.rows, ampi_wino_tile_rows(wino));
    s.pairs = s.rows * s.across / 2;
    s.v_step = s.pairs * wino->from * 2 + PAD;
    s.d_step = s.pairs * wino->to * 2 + PAD;
    s.sum_values = AMPI_WINO_POSITIONS * wino->from * wino->to;
    s.bytes = s.sum_values * sizeof(float) +
              AMPI_WINO_POSITIONS * (s.v_step + s.d_step) * sizeof(uint16_t);
    s.bytes = ampi_wino_lines(s.bytes);
    return s;
}

size_t ampi_wino_diff_scratch(const ampi_wino *wino)
{
    const shape s = shape_of(wino);

    return s.bytes * s.parts;
}

static diff_part part_of(const diff_job *job, size_t index)
{
    unsigned char *const first = job->scratch + index * job->shape.bytes;
    diff_part part = { .sums = (float *)(void *)first, .fresh = true };

    part.v = (uint16_t *)(void *)(part.sums + job->shape.sum_values);
    part.d = part.v + AMPI_WINO_POSITIONS * job->shape.v_step;
    return part;
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
            uint16_t *const to = v + (block * job->shape.pairs + at + pair) * PAIR;
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
                      d + (block * job->shape.pairs + at + pair) * PAIR);
    }
}

/* ---- products ---------------------------------------------------------------------------------
 */

typedef struct panel {
    const uint16_t *v, *d[2];
    float *sums;
    size_t to, pairs;
    bool fresh;
} panel;

/* READ channels read by two blocks made, added to the sums so far. */
AMPI_BF16 static void product(const panel *p)
{
    __m512 sums[READ][2];

    AMPI_UNROLL
    for (size_t r = 0; r < READ; r++) {
        AMPI_UNROLL
        for (size_t b = 0; b < 2; b++)
            sums[r][b] = p->fresh ? _mm512_setzero_ps()
                                  : _mm512_loadu_ps(p->sums + r * p->to + b * AMPI_WINO_BLOCK);
    }
    for (size_t pair = 0; pair < p->pairs; pair++) {
        const __m512i first = _mm512_loadu_si512(p->d[0] + pair * PAIR);
        const __m512i second = _mm512_loadu_si512(p->d[1] + pair * PAIR);
        AMPI_UNROLL
        for (size_t r = 0; r < READ; r++) {
            int32_t both;
            memcpy(&both, p->v + pair * PAIR + 2 * r, sizeof both);
            const __m512i read = _mm512_set1_epi32(both);
            sums[r][0] = ampi_wino_products(sums[r][0], read, first);
            sums[r][1] = ampi_wino_products(sums[r][1], read, second);
        }
    }
    AMPI_UNROLL
    for (size_t r = 0; r < READ; r++) {
        AMPI_UNROLL
        for (size_t b = 0; b < 2; b++)
            _mm512_storeu_ps(p->sums + r * p->to + b * AMPI_WINO_BLOCK, sums[r][b]);
    }
}

/* All channels read by two blocks made, at one position. */
static void column(const diff_job *job, const diff_part *part, size_t position, size_t made)
{
    const size_t from = job->wino->from, to = job->wino->to, block = job->shape.pairs * PAIR;
    const uint16_t *const d =
        part->d + position * job->shape.d_step + made / AMPI_WINO_BLOCK * block;

    for (size_t read = 0; read < from; read += READ) {
        const panel p = { .v = part->v + position * job->shape.v_step +
                               read / AMPI_WINO_BLOCK * block + read % AMPI_WINO_BLOCK * 2,
                          .d = { d, d + block },
                          .sums = part->sums + (position * from + read) * to + made,
                          .to = to,
                          .pairs = part->rows * job->shape.across / 2,
                          .fresh = part->fresh };
        product(&p);
    }
}

/* What threads share among them: rows of tiles, and columns of the products. */
typedef struct diff_work {
    const diff_job *job;
    const diff_part *part;
} diff_work;

static void transform_rows(void *argument, size_t begin, size_t end)
{
    const diff_work *const work = argument;
    const size_t half = work->job->shape.across / 2;

    for (size_t i = begin; i < end; i++) {
        values_row(work->job, work->part->row + i, i * half, work->part->v);
        gradients_row(work->job, work->part->row + i, i * half, work->part->d);
    }
}

static size_t columns_of(const diff_job *job)
{
    return AMPI_WINO_POSITIONS * (job->wino->to / PAIR);
}

static void multiply_columns(void *argument, size_t begin, size_t end)
{
    const diff_work *const work = argument;
    const size_t across = work->job->wino->to / PAIR;

    for (size_t i = begin; i < end; i++)
        column(work->job, work->part, i / across, i % across * PAIR);
}

/* Rows `row` to `last` - 1 on as many threads as given, so many at a time as there is room for. */
static void add_up(const diff_job *job, diff_part *part, size_t last, int32_t threads)
{
    diff_work work = { job, part };

    while (part->row < last) {
        part->rows = ampi_min_size(job->shape.rows, last - part->row);
        ampi_parallel(threads, part->rows, transform_rows, &work);
        ampi_parallel(threads, columns_of(job), multiply_columns, &work);
        part->row += part->rows;
        part->fresh = false;
    }
}

static void own_parts(void *argument, size_t begin, size_t end)
{
    const diff_job *const job = argument;

    for (size_t i = begin; i < end; i++) {
        diff_part part = part_of(job, i);
        size_t last;
        ampi_wino_share(job->wino, i, &part.row, &last);
        if (part.row == last)
            memset(part.sums, 0, job->shape.sum_values * sizeof(float));
        add_up(job, &part, last, 1);
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

/* All parts' sums from one channel read to 16 made, at all positions. */
AMPI_BF16_INLINE void joined(const diff_job *job, size_t read, size_t made,
                             __m512 out[AMPI_WINO_POSITIONS])
{
    const size_t from = job->wino->from, to = job->wino->to;

    for (size_t p = 0; p < AMPI_WINO_POSITIONS; p++) {
        const size_t at = (p * from + read) * to + made;
        out[p] = _mm512_loadu_ps(part_of(job, 0).sums + at);
        for (size_t piece = 1; piece < job->shape.parts; piece++)
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
    if (job.shape.parts == 1) {
        diff_part part = part_of(&job, 0);
        add_up(&job, &part, ampi_wino_tile_rows(wino), wino->threads);
    } else {
        ampi_parallel(wino->threads, job.shape.parts, own_parts, &job);
    }
    ampi_parallel(wino->threads, wino->to / AMPI_WINO_BLOCK, blocks_back, &job);
}

#else
typedef int ampi_winograd_diff_unused;
#endif
