/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/pass.c - one run of a network: the image's half of the stem once an image, the anchors'
 * stored halves added where the trunk begins, the trunk once a pair.
 *
 * K anchors cost K trunks and one stem.  Rows of the trunk go image by image: row = i * K + k.
 */
#include "anchor/anchor.h"

/* Rows of one trunk run, and what their input may take: both bound the memory of a pass. */
#define MOST_ROWS 128u
#define MOST_ROW_VALUES ((size_t)16 << 20)

struct ampi_pass {
    ampi_network *network;
    ampi_runner *image_half, *trunk;
    size_t rows;           /* of one trunk run; 0 = chosen */
    float *stems;          /* [images,stem]                */
    size_t stems_capacity; /* values                       */
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

/* Room for the stems of n images, kept from run to run. */
static amp_status reserve(ampi_pass *pass, size_t n, amp_error *error)
{
    const size_t values = ampi_shape_values(pass->network->stem);
    size_t need;
    float *made;

    if (!ampi_mul(n, values, &need))
        return ampi_fail(error, AMP_E_LIMIT, "model", "a pass of %zu images does not fit", n);
    if (need <= pass->stems_capacity)
        return AMP_OK;
    made = ampi_alloc_raw(pass->network->context, need, sizeof *made);
    if (!made)
        return ampi_fail_nomem(error, "model", need * sizeof *made);
    ampi_free(pass->network->context, pass->stems);
    pass->stems = made;
    pass->stems_capacity = need;
    return AMP_OK;
}

amp_status ampi_pass_watch(ampi_pass *pass, ampi_watch *watch, amp_error *error)
{
    if (pass->image_half)
        AMPI_TRY(ampi_runner_watch(pass->image_half, watch, error));
    return ampi_runner_watch(pass->trunk, watch, error);
}

/* ---- the halves of the stem ---- */

amp_status ampi_pass_stems(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                           amp_error *error)
{
    AMPI_TRY(reserve(pass, n, error));
    return ampi_runner_forward(pass->image_half, threads, n, images, pass->stems, error);
}

amp_status ampi_pass_one_anchor(ampi_pass *pass, int32_t threads, size_t m, const uint32_t *which,
                                const float *anchor, float *logits, amp_error *error)
{
    const size_t classes = pass->network->classes;
    const size_t most = ampi_min_size(m, ampi_pass_rows(pass));

    for (size_t row = 0; row < m; row += most) {
        const ampi_rows rows = { .images = pass->stems, .anchors = anchor, .which = which + row };
        AMPI_TRY(ampi_runner_join(pass->trunk, threads, ampi_min_size(most, m - row), &rows,
                                  logits + row * classes, error));
    }
    return AMP_OK;
}

/* images [n,c,h,w], few enough for one stem run -> logits [n,K,classes]. */
static amp_status run_group(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                            const ampi_anchors *anchors, float *logits, amp_error *error)
{
    const size_t classes = pass->network->classes, total = n * anchors->count;
    const size_t most = ampi_min_size(total, ampi_pass_rows(pass));

    AMPI_TRY(ampi_pass_stems(pass, threads, n, images, error));
    for (size_t row = 0; row < total; row += most) {
        const ampi_rows rows = {
            .images = pass->stems, .anchors = anchors->stems, .k = anchors->count, .first = row
        };
        AMPI_TRY(ampi_runner_join(pass->trunk, threads, ampi_min_size(most, total - row), &rows,
                                  logits + row * classes, error));
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
