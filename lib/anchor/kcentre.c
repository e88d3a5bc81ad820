/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/kcentre.c - anchors spread over feature space: greedy farthest-point choice (Gonzalez
 * 1985, a 2-approximation of the k-centre problem).
 *
 * The feature of an image is what the last linear layer reads, with the image as its own anchor,
 * [x, 0]: the one pair that needs no anchor chosen before, and one that training has seen.
 */
#include "anchor/bank_internal.h"

#include <float.h>
#include <string.h>

#define BLOCK 32u

/* The network without its last linear layer, and the memory to run it. */
typedef struct feature_reader {
    amp_context *context;
    const ampi_prepare *prepare;
    ampi_program *program;
    ampi_runner *runner;
    size_t values, size; /* of one image, of one feature                */
    size_t inputs;       /* of one input of the network: 1 or 2 images  */
    uint8_t *pixels;     /* [h,w,ch]                                    */
    float *input;        /* [BLOCK,inputs], residual halves stay zero   */
} feature_reader;

static amp_status cut_head(ampi_graph **out, const ampi_graph *graph, amp_error *error)
{
    if (graph->nodes[graph->n_nodes - 1].op != AMPI_OP_LINEAR)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "bank",
                         "method=kcentre: the network does not end in a linear layer");
    AMPI_TRY(ampi_graph_clone(out, graph, error));
    (*out)->n_nodes--;
    return AMP_OK;
}

static void reader_close(feature_reader *reader)
{
    ampi_runner_free(reader->runner);
    ampi_program_unref(reader->program);
    ampi_free(reader->context, reader->pixels);
    ampi_free(reader->context, reader->input);
}

/* Closed by the caller, also after a failure. */
static amp_status reader_open(feature_reader *reader, const ampi_chooser *with, amp_error *error)
{
    ampi_graph *graph = NULL;
    amp_status status;

    memset(reader, 0, sizeof *reader);
    reader->context = with->graph->context;
    reader->prepare = with->prepare;
    AMPI_TRY(cut_head(&graph, with->graph, error));
    status = ampi_program_create(&reader->program, graph, with->backend, error);
    ampi_graph_free(graph);
    AMPI_TRY(status);
    AMPI_TRY(ampi_runner_create(&reader->runner, reader->program, error));
    reader->inputs = ampi_shape_values(ampi_program_input(reader->program));
    reader->values = with->graph->anchored ? reader->inputs / 2 : reader->inputs;
    reader->size = ampi_shape_values(ampi_program_output(reader->program));
    reader->pixels = ampi_alloc(reader->context, reader->values, 1);
    reader->input = ampi_alloc(reader->context, reader->inputs, BLOCK * sizeof(float));
    if (!reader->pixels || !reader->input)
        return ampi_fail_nomem(error, "bank", reader->inputs * BLOCK * sizeof(float));
    return AMP_OK;
}

/* Images order[0 .. n-1], n <= BLOCK, into features [n,size]. */
static amp_status extract(feature_reader *reader, const amp_dataset *dataset, size_t n,
                          const uint32_t *order, float *features, amp_error *error)
{
    int32_t threads;
    amp_status status;

    for (size_t i = 0; i < n; i++) {
        AMPI_TRY(ampi_prepare_from(dataset, order[i], reader->prepare, reader->pixels, error));
        ampi_prepare_normalise(reader->prepare, reader->pixels, reader->input + i * reader->inputs);
    }
    threads = ampi_context_take_threads(reader->context, amp_context_threads(reader->context));
    status = ampi_runner_forward(reader->runner, threads, n, reader->input, features, error);
    ampi_context_give_threads(reader->context, threads);
    return status;
}

/* Features [n,size] of images order[0 .. n-1]; *out is the caller's to free. */
static amp_status extract_all(const ampi_chooser *with, const amp_dataset *dataset, size_t n,
                              const uint32_t *order, float **out, size_t *size, amp_error *error)
{
    feature_reader reader;
    amp_status status = reader_open(&reader, with, error);

    if (status)
        goto done;
    *size = reader.size;
    *out = ampi_alloc_raw(reader.context, n, reader.size * sizeof **out);
    if (!*out) {
        status = ampi_fail_nomem(error, "bank", n * reader.size * sizeof **out);
        goto done;
    }
    for (size_t i = 0; i < n && !status; i += BLOCK) {
        const size_t m = ampi_min_size(BLOCK, n - i);
        status = extract(&reader, dataset, m, order + i, *out + i * reader.size, error);
        if (!status)
            status = ampi_progress(with->progress, with->user, "bank", i + m, n, error);
    }
done:
    reader_close(&reader);
    return status;
}

static double squared_distance(const float *a, const float *b, size_t size)
{
    double sum = 0.0;

    for (size_t i = 0; i < size; i++) {
        const double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sum;
}

void ampi_farthest_points(size_t n, size_t size, const float *features, double *nearest,
                          size_t count, size_t *chosen)
{
    size_t last = 0;

    for (size_t i = 0; i < n; i++)
        nearest[i] = DBL_MAX;
    for (size_t k = 0; k < count; k++) {
        size_t best = 0;
        chosen[k] = last;
        nearest[last] = -1.0; /* below every distance: never again */
        for (size_t i = 0; i < n; i++) {
            const double d = squared_distance(features + i * size, features + last * size, size);
            if (nearest[i] >= 0.0 && d < nearest[i])
                nearest[i] = d;
            if (nearest[i] > nearest[best])
                best = i;
        }
        last = best;
    }
}

amp_status ampi_choose_kcentre(const ampi_choice *choice, const amp_dataset *dataset,
                               const ampi_chooser *with, const uint32_t *order, uint64_t *indices,
                               amp_error *error)
{
    amp_context *const context = with->graph->context;
    const size_t all = (size_t)amp_dataset_size(dataset), count = (size_t)choice->count;
    const size_t asked = choice->pool ? (size_t)choice->pool : all;
    const size_t n = ampi_min_size(asked < count ? count : asked, all);
    float *features = NULL;
    double *nearest = NULL;
    size_t *chosen = NULL, size = 0;
    amp_status status = extract_all(with, dataset, n, order, &features, &size, error);

    if (status)
        goto done;
    nearest = ampi_alloc(context, n, sizeof *nearest);
    chosen = ampi_alloc(context, count, sizeof *chosen);
    if (!nearest || !chosen) {
        status = ampi_fail_nomem(error, "bank", n * sizeof *nearest + count * sizeof *chosen);
        goto done;
    }
    ampi_farthest_points(n, size, features, nearest, count, chosen);
    for (size_t k = 0; k < count; k++)
        indices[k] = order[chosen[k]];
done:
    ampi_free(context, features);
    ampi_free(context, nearest);
    ampi_free(context, chosen);
    return status;
}
