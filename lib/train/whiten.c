/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/whiten.c - a first convolution whose outputs are uncorrelated and of equal size, from the
 * patches of training input.
 *
 * The filters are the eigenvectors v of the patches' second moments, over the root of their
 * eigenvalue, and then the negative of each, since what follows keeps the positive part.  Source:
 * D. Page, "How to Train Your ResNet 8", 2019.  For an anchored network a patch is one of a pair
 * [c, x - c]: image and anchor are two training images, not augmented.
 */
#include "anchor/anchor.h"
#include "train/train_internal.h"

#include <math.h>
#include <string.h>

#define IMAGES 1024u
#define PATCHES 64u /* of each */
#define MOST 512u   /* values of a patch */
#define SWEEPS 60
#define TINY 5e-4 /* added to eigenvalues, as the source does */

/* ---- eigenvectors: Jacobi's rotations ---- */

static double off_diagonal(size_t n, const double *a)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            sum += a[i * n + j] * a[i * n + j];
    return sum;
}

static void turn(double *x, double *y, double c, double s)
{
    const double a = *x, b = *y;

    *x = c * a - s * b;
    *y = s * a + c * b;
}

/* The smaller of the two rotations in the plane of p and q that make a[p,q] zero. */
static void rotate(size_t n, double *a, double *vectors, size_t p, size_t q)
{
    const double apq = a[p * n + q];
    const double apart = a[q * n + q] - a[p * n + p];
    if (!(fabs(apq) > 0.0))
        return;
    const double t = 2.0 * apq / (fabs(apart) + sqrt(apart * apart + 4.0 * apq * apq));
    const double c = 1.0 / sqrt(1.0 + t * t), s = apart < 0.0 ? -c * t : c * t;

    for (size_t k = 0; k < n; k++)
        turn(&a[k * n + p], &a[k * n + q], c, s);
    for (size_t k = 0; k < n; k++)
        turn(&a[p * n + k], &a[q * n + k], c, s);
    for (size_t k = 0; k < n; k++)
        turn(&vectors[p * n + k], &vectors[q * n + k], c, s);
}

static void swap_rows(size_t n, double *values, double *vectors, size_t i, size_t j)
{
    const double value = values[i];

    values[i] = values[j];
    values[j] = value;
    for (size_t k = 0; k < n; k++) {
        const double x = vectors[i * n + k];
        vectors[i * n + k] = vectors[j * n + k];
        vectors[j * n + k] = x;
    }
}

/* Falling values; each vector's largest entry positive. */
static void order(size_t n, double *values, double *vectors)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = i, largest = 0;
        double *const row = vectors + i * n;
        for (size_t j = i + 1; j < n; j++)
            best = values[j] > values[best] ? j : best;
        if (best != i)
            swap_rows(n, values, vectors, i, best);
        for (size_t k = 1; k < n; k++)
            largest = fabs(row[k]) > fabs(row[largest]) ? k : largest;
        for (size_t k = 0; row[largest] < 0.0 && k < n; k++)
            row[k] = k == largest ? row[k] : -row[k];
        row[largest] = fabs(row[largest]);
    }
}

void ampi_eigen(size_t n, double *a, double *values, double *vectors)
{
    double all = 0.0;

    memset(vectors, 0, n * n * sizeof *vectors);
    for (size_t i = 0; i < n; i++) {
        vectors[i * n + i] = 1.0;
        all += a[i * n + i] * a[i * n + i];
    }
    for (int sweep = 0; sweep < SWEEPS && off_diagonal(n, a) > 1e-24 * all; sweep++)
        for (size_t q = 1; q < n; q++)
            for (size_t p = 0; p < q; p++)
                rotate(n, a, vectors, p, q);
    for (size_t i = 0; i < n; i++)
        values[i] = a[i * n + i];
    order(n, values, vectors);
}

/* ---- patches ---- */

typedef struct whitening {
    const ampi_source *source;
    const ampi_node *conv;
    ampi_shape input;
    uint64_t seed;
    size_t n;                               /* values of a patch */
    double *moments, *values, *vectors;     /* [n,n], [n], [n,n] */
    float *patch, *image, *anchor, *paired; /* [n]; [ch,h,w]; the same; [input] */
    uint8_t *scratch;
} whitening;

static amp_status read_image(const whitening *w, uint32_t index, float *out, amp_error *error)
{
    const uint8_t *pixels = NULL;

    AMPI_TRY(ampi_source_pixels(w->source, index, w->scratch, &pixels, error));
    ampi_prepare_normalise(w->source->prepare, pixels, out);
    return AMP_OK;
}

static void add_patch(whitening *w, const float *input, uint32_t top, uint32_t left)
{
    const uint32_t side = w->conv->kernel;
    float *at = w->patch;

    for (uint32_t c = 0; c < w->input.c; c++)
        for (uint32_t y = 0; y < side; y++, at += side)
            memcpy(at, input + ((size_t)c * w->input.h + top + y) * w->input.w + left,
                   side * sizeof *at);
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j <= i; j++)
            w->moments[i * w->n + j] += (double)w->patch[i] * (double)w->patch[j];
}

/* Patches of one image, with an anchor where the network takes pairs. */
static amp_status add_image(whitening *w, uint32_t number, bool anchored, amp_error *error)
{
    ampi_rng rng = ampi_rng_make(w->seed, AMPI_RNG_WHITEN, 0, number);
    const uint32_t n = w->source->n, side = w->conv->kernel;
    const float *input = w->image;

    AMPI_TRY(read_image(w, ampi_rng_below(&rng, n), w->image, error));
    if (anchored) {
        AMPI_TRY(read_image(w, ampi_rng_below(&rng, n), w->anchor, error));
        ampi_pair(1, w->source->image_bytes, w->image, w->anchor, w->anchor, w->paired);
        input = w->paired;
    }
    for (uint32_t i = 0; i < PATCHES; i++) {
        const uint32_t top = ampi_rng_below(&rng, w->input.h - side + 1);
        add_patch(w, input, top, ampi_rng_below(&rng, w->input.w - side + 1));
    }
    return AMP_OK;
}

static void finish_moments(whitening *w)
{
    const double count = (double)IMAGES * PATCHES;

    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j <= i; j++) {
            w->moments[i * w->n + j] /= count;
            w->moments[j * w->n + i] = w->moments[i * w->n + j];
        }
}

/* As many pairs of filters as there are outputs for; further filters stay as they are. */
static void write_filters(const whitening *w, ampi_tensor *weight)
{
    const size_t half = weight->dims[0] / 2, pairs = half < w->n ? half : w->n;

    for (size_t i = 0; i < pairs; i++) {
        const double size = 1.0 / sqrt((w->values[i] > 0.0 ? w->values[i] : 0.0) + TINY);
        for (size_t k = 0; k < w->n; k++) {
            const float value = (float)(size * w->vectors[i * w->n + k]);
            weight->data[i * w->n + k] = value;
            weight->data[(pairs + i) * w->n + k] = -value;
        }
    }
}

static amp_status take_memory(whitening *w, amp_context *context, amp_error *error)
{
    const size_t image = w->source->image_bytes;

    w->moments = ampi_alloc(context, w->n * w->n, sizeof *w->moments);
    w->values = ampi_alloc(context, w->n, sizeof *w->values);
    w->vectors = ampi_alloc(context, w->n * w->n, sizeof *w->vectors);
    w->patch = ampi_alloc(context, w->n, sizeof *w->patch);
    w->image = ampi_alloc(context, image, sizeof *w->image);
    w->anchor = ampi_alloc(context, image, sizeof *w->anchor);
    w->paired = ampi_alloc(context, 2 * image, sizeof *w->paired);
    w->scratch = ampi_alloc(context, image, 1);
    if (!w->moments || !w->values || !w->vectors || !w->patch || !w->image || !w->anchor ||
        !w->paired || !w->scratch)
        return ampi_fail_nomem(error, "train", w->n * w->n * sizeof *w->moments);
    return AMP_OK;
}

static void give_memory(whitening *w, amp_context *context)
{
    ampi_free(context, w->moments);
    ampi_free(context, w->values);
    ampi_free(context, w->vectors);
    ampi_free(context, w->patch);
    ampi_free(context, w->image);
    ampi_free(context, w->anchor);
    ampi_free(context, w->paired);
    ampi_free(context, w->scratch);
}

static amp_status find_conv(whitening *w, const ampi_graph *graph, amp_error *error)
{
    for (size_t i = 1; i < graph->n_nodes; i++)
        if (graph->nodes[i].inputs[0] == 0 && graph->nodes[i].op == AMPI_OP_CONV)
            w->conv = &graph->nodes[i];
    if (!w->conv || w->conv->kernel > w->input.h || w->conv->kernel > w->input.w)
        return ampi_fail(error, AMP_E_ARGUMENT, "train",
                         "whiten: no first convolution of windows inside the image");
    w->n = (size_t)w->input.c * w->conv->kernel * w->conv->kernel;
    if (w->n > MOST)
        return ampi_fail(error, AMP_E_LIMIT, "train", "whiten: patches of %zu values, limit %u",
                         w->n, MOST);
    return AMP_OK;
}

amp_status ampi_whiten(ampi_graph *graph, const ampi_source *source, uint64_t seed,
                       amp_error *error)
{
    whitening w = { .source = source, .input = ampi_graph_input(graph), .seed = seed };
    amp_status status;

    AMPI_TRY(find_conv(&w, graph, error));
    status = take_memory(&w, graph->context, error);
    for (uint32_t i = 0; status == AMP_OK && i < IMAGES; i++)
        status = add_image(&w, i, graph->anchored, error);
    if (status == AMP_OK) {
        finish_moments(&w);
        ampi_eigen(w.n, w.moments, w.values, w.vectors);
        write_filters(&w, &graph->tensors[w.conv->params[AMPI_PARAM_WEIGHT]]);
    }
    give_memory(&w, graph->context);
    return status;
}
