/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/accuracy.c - accuracy on the held-out images with the weights as they stand.
 */
#include "train/train_internal.h"

#include <string.h>

#define CHUNK 64u

typedef struct measure {
    amp_context *context;
    const ampi_accuracy *accuracy;
    int32_t threads;
    ampi_network *network;
    ampi_pass *pass;
    float *stems;  /* [K,s,h',w']               */
    float *images; /* [CHUNK,c,h,w]             */
    float *logits; /* [CHUNK,max(K,1),classes]  */
    uint8_t *scratch;
} measure;

static void measure_clear(measure *m)
{
    ampi_free(m->context, m->stems);
    ampi_free(m->context, m->images);
    ampi_free(m->context, m->logits);
    ampi_free(m->context, m->scratch);
    ampi_pass_free(m->pass);
    ampi_network_unref(m->network);
}

static amp_status anchor_stems(measure *m, amp_error *error)
{
    const ampi_accuracy *const accuracy = m->accuracy;
    const size_t values = accuracy->k * ampi_shape_values(m->network->stem);

    if (!m->network->anchored)
        return AMP_OK;
    m->stems = ampi_alloc(m->context, values, sizeof(float));
    if (!m->stems)
        return ampi_fail_nomem(error, "train", values * sizeof(float));
    return ampi_network_anchor_stems(m->network, m->threads, accuracy->k, accuracy->anchors,
                                     m->stems, error);
}

static amp_status measure_init(measure *m, const ampi_graph *graph, ampi_backend backend,
                               amp_error *error)
{
    const ampi_accuracy *const accuracy = m->accuracy;
    const size_t image = accuracy->images.image_bytes, k = accuracy->k ? accuracy->k : 1;

    AMPI_TRY(ampi_network_create(&m->network, graph, backend, AMPI_PRECISION_FP32, error));
    AMPI_TRY(ampi_pass_create(&m->pass, m->network, error));
    m->images = ampi_alloc(m->context, CHUNK * image, sizeof(float));
    m->logits = ampi_alloc(m->context, CHUNK * k * m->network->classes, sizeof(float));
    m->scratch = ampi_alloc(m->context, image, 1);
    if (!m->images || !m->logits || !m->scratch)
        return ampi_fail_nomem(error, "train", CHUNK * image * sizeof(float));
    return anchor_stems(m, error);
}

/* Class with the largest mean logit over the anchors: logits [k,classes]. */
static uint32_t predict(const float *logits, size_t k, uint32_t classes)
{
    uint32_t best = 0;
    double top = 0.0;

    for (uint32_t j = 0; j < classes; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < k; i++)
            sum += (double)logits[i * classes + j];
        if (j == 0 || sum > top) {
            top = sum;
            best = j;
        }
    }
    return best;
}

/* One chunk of images first .. first + n - 1; adds to *correct. */
static amp_status measure_chunk(measure *m, uint32_t first, uint32_t n, uint64_t *correct,
                                amp_error *error)
{
    const ampi_source *const source = &m->accuracy->images;
    const size_t image = source->image_bytes, k = m->accuracy->k ? m->accuracy->k : 1;
    const ampi_anchors anchors = { m->accuracy->k, m->stems };
    const uint32_t classes = m->network->classes;

    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *pixels = NULL;
        AMPI_TRY(ampi_source_pixels(source, first + i, m->scratch, &pixels, error));
        ampi_prepare_normalise(source->prepare, pixels, m->images + i * image);
    }
    AMPI_TRY(ampi_pass_run(m->pass, m->threads, n, m->images, &anchors, m->logits, error));
    for (uint32_t i = 0; i < n; i++)
        *correct +=
            predict(m->logits + i * k * classes, k, classes) == (uint32_t)source->labels[first + i];
    return AMP_OK;
}

amp_status ampi_accuracy_measure(const ampi_accuracy *accuracy, const ampi_graph *graph,
                                 ampi_backend backend, int32_t threads, double *out,
                                 amp_error *error)
{
    const uint32_t total = accuracy->images.n;
    uint64_t correct = 0;
    amp_status status;
    measure m;

    memset(&m, 0, sizeof m);
    m.context = graph->context;
    m.accuracy = accuracy;
    m.threads = threads;
    status = measure_init(&m, graph, backend, error);
    for (uint32_t first = 0; status == AMP_OK && first < total; first += CHUNK) {
        const uint32_t n = total - first < CHUNK ? total - first : CHUNK;
        status = measure_chunk(&m, first, n, &correct, error);
    }
    measure_clear(&m);
    *out = (double)correct / (double)total;
    return status;
}
