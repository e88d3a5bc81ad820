/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/pass.c - one run of a network: the image's half of the stem once an image, the anchors'
 * stored halves added, the trunk once a pair.
 *
 * K anchors cost K trunks and one stem.  Rows of the trunk go image by image: row = i * K + k.
 */
#include "anchor/anchor.h"

#include <stdio.h>

/* Rows of one trunk run, and what their input may take: both bound the memory of a pass. */
#define MOST_ROWS 128u
#define MOST_ROW_VALUES ((size_t)16 << 20)

struct ampi_pass {
    ampi_network *network;
    ampi_runner *image_half, *trunk;
    size_t rows;                          /* of one trunk run; 0 = chosen        */
    float *stems, *sums;                  /* [images,stem], [rows,stem]          */
    size_t stems_capacity, sums_capacity; /* values                              */
    ampi_watch *watch;                    /* borrowed; NULL = nobody asks        */
    size_t joins;                         /* 1 + its row; 0 = none yet           */
};

amp_status ampi_pass_create(ampi_pass **out, ampi_network *network, amp_error *error)
{
    ampi_pass *pass;
    amp_status status = AMP_OK;

    *out = NULL;
    pass = ampi_alloc(network->context, 1, sizeof *pass);
    if (!pass)
        return ampi_fail_nomem(error, "model", sizeof *pass);
    pass->network = ampi_network_ref(network);
    if (network->anchored)
        status = ampi_runner_create(&pass->image_half, network->image_half, error);
    if (!status)
        status = ampi_runner_create(&pass->trunk, network->trunk, error);
    if (status) {
        ampi_pass_free(pass);
        return status;
    }
    *out = pass;
    return AMP_OK;
}

void ampi_pass_free(ampi_pass *pass)
{
    ampi_network *network;
    amp_context *context;

    if (!pass)
        return;
    network = pass->network;
    context = network->context;
    ampi_runner_free(pass->image_half);
    ampi_runner_free(pass->trunk);
    ampi_free(context, pass->stems);
    ampi_free(context, pass->sums);
    ampi_free(context, pass);
    ampi_network_unref(network);
}

void ampi_pass_set_rows(ampi_pass *pass, size_t rows)
{
    pass->rows = rows;
}

size_t ampi_pass_most_rows(size_t values)
{
    const size_t fitting = MOST_ROW_VALUES / values;

    return fitting < 1 ? 1 : ampi_min_size(fitting, MOST_ROWS);
}

size_t ampi_pass_rows(const ampi_pass *pass)
{
    const ampi_network *const network = pass->network;

    if (pass->rows)
        return pass->rows;
    return ampi_pass_most_rows(
        ampi_shape_values(network->anchored ? network->stem : network->image));
}

/* A buffer of rows * values floats that keeps its memory from run to run. */
static amp_status reserve(const ampi_pass *pass, float **buffer, size_t *capacity, size_t rows,
                          size_t values, amp_error *error)
{
    size_t need;
    float *made;

    if (!ampi_mul(rows, values, &need))
        return ampi_fail(error, AMP_E_LIMIT, "model", "a pass of %zu rows does not fit", rows);
    if (need <= *capacity)
        return AMP_OK;
    made = ampi_alloc_raw(pass->network->context, need, sizeof *made);
    if (!made)
        return ampi_fail_nomem(error, "model", need * sizeof *made);
    ampi_free(pass->network->context, *buffer);
    *buffer = made;
    *capacity = need;
    return AMP_OK;
}

/* ---- watched: the runners note their steps, the pass how long it joined stems ---- */

amp_status ampi_pass_watch(ampi_pass *pass, ampi_watch *watch, amp_error *error)
{
    pass->watch = watch;
    pass->joins = 0;
    if (pass->image_half)
        AMPI_TRY(ampi_runner_watch(pass->image_half, watch, error));
    return ampi_runner_watch(pass->trunk, watch, error);
}

static double watch_begin(const ampi_pass *pass)
{
    return pass->watch ? ampi_watch_now() : 0.0;
}

/* Each row is a call. */
static amp_status watch_join(ampi_pass *pass, size_t rows, double began, amp_error *error)
{
    ampi_watch_row row = { .name = "stem", .what = "join", .kernel = "libamp", .rows = 1 };
    ampi_watch *const watch = pass->watch;

    if (!watch)
        return AMP_OK;
    row.seconds = ampi_watch_now() - began;
    if (pass->joins == 0) {
        const ampi_shape stem = pass->network->stem;
        (void)snprintf(row.shape, sizeof row.shape, "%ux%ux%u", stem.c, stem.h, stem.w);
        AMPI_TRY(ampi_watch_append(watch, &row, error));
        pass->joins = watch->count;
    } else {
        watch->rows[pass->joins - 1].seconds += row.seconds;
    }
    watch->rows[pass->joins - 1].calls += (uint32_t)rows;
    return AMP_OK;
}

/* ---- the halves of the stem ---- */

/* The two halves of a stem joined, as row `row` of the trunk's input. */
static void add_halves(const ampi_pass *pass, size_t row, const float *image, const float *anchor)
{
    const size_t values = ampi_shape_values(pass->network->stem);
    float *const sum = pass->sums + row * values;

    for (size_t v = 0; v < values; v++)
        sum[v] = image[v] + anchor[v];
}

/* Rows first .. first + m - 1: stems [n,values] + anchors [k,values] -> sums [m,values]. */
static void add_stems(const ampi_pass *pass, size_t first, size_t m, const ampi_anchors *anchors)
{
    const size_t values = ampi_shape_values(pass->network->stem), k = anchors->count;

    for (size_t r = 0; r < m; r++) {
        const float *const image = pass->stems + (first + r) / k * values;
        const float *const anchor = anchors->stems + (first + r) % k * values;
        add_halves(pass, r, image, anchor);
    }
}

amp_status ampi_pass_stems(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                           amp_error *error)
{
    const size_t values = ampi_shape_values(pass->network->stem);

    AMPI_TRY(reserve(pass, &pass->stems, &pass->stems_capacity, n, values, error));
    return ampi_runner_forward(pass->image_half, threads, n, images, pass->stems, error);
}

amp_status ampi_pass_one_anchor(ampi_pass *pass, int32_t threads, size_t m, const uint32_t *which,
                                const float *anchor, float *logits, amp_error *error)
{
    const size_t values = ampi_shape_values(pass->network->stem), classes = pass->network->classes;
    const size_t most = ampi_min_size(m, ampi_pass_rows(pass));

    AMPI_TRY(reserve(pass, &pass->sums, &pass->sums_capacity, most, values, error));
    for (size_t row = 0; row < m; row += most) {
        const size_t part = ampi_min_size(most, m - row);
        const double began = watch_begin(pass);
        for (size_t r = 0; r < part; r++)
            add_halves(pass, r, pass->stems + which[row + r] * values, anchor);
        AMPI_TRY(watch_join(pass, part, began, error));
        AMPI_TRY(ampi_runner_forward(pass->trunk, threads, part, pass->sums, logits + row * classes,
                                     error));
    }
    return AMP_OK;
}

/* images [n,c,h,w], few enough for one stem run -> logits [n,K,classes]. */
static amp_status run_group(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                            const ampi_anchors *anchors, float *logits, amp_error *error)
{
    const size_t values = ampi_shape_values(pass->network->stem), classes = pass->network->classes;
    const size_t total = n * anchors->count, most = ampi_min_size(total, ampi_pass_rows(pass));

    AMPI_TRY(ampi_pass_stems(pass, threads, n, images, error));
    AMPI_TRY(reserve(pass, &pass->sums, &pass->sums_capacity, most, values, error));
    for (size_t row = 0; row < total; row += most) {
        const size_t m = ampi_min_size(most, total - row);
        const double began = watch_begin(pass);
        add_stems(pass, row, m, anchors);
        AMPI_TRY(watch_join(pass, m, began, error));
        AMPI_TRY(ampi_runner_forward(pass->trunk, threads, m, pass->sums, logits + row * classes,
                                     error));
    }
    return AMP_OK;
}

amp_status ampi_pass_run(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                         const ampi_anchors *anchors, float *logits, amp_error *error)
{
    const ampi_network *const network = pass->network;
    const size_t values = ampi_shape_values(network->image), rows = ampi_pass_rows(pass);
    const size_t outputs = anchors->count ? anchors->count : 1; /* rows of logits an image */
    const size_t group = outputs < rows ? rows / outputs : 1;

    if (network->anchored != (anchors->count > 0))
        return ampi_fail(error, AMP_E_INTERNAL, "model", "a pass with %zu anchors", anchors->count);
    for (size_t i = 0; i < n; i += group) {
        const size_t m = ampi_min_size(group, n - i);
        const float *const in = images + i * values;
        float *const out = logits + i * outputs * network->classes;
        if (network->anchored)
            AMPI_TRY(run_group(pass, threads, m, in, anchors, out, error));
        else
            AMPI_TRY(ampi_runner_forward(pass->trunk, threads, m, in, out, error));
    }
    return AMP_OK;
}
