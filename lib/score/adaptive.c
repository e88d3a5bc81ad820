/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/adaptive.c - a chunk of images, anchor by anchor: an image leaves when its verdict is
 * clear, those that stay are run together.
 *
 * stop.c has the rule; calibrate.c fits it.
 */
#include "score/scorer_internal.h"

#include <string.h>

/* One anchor more for the undecided; their logits go to the images' own rows. */
static amp_status run_anchor(amp_scorer *scorer, size_t k, size_t left, int32_t threads,
                             amp_error *error)
{
    const size_t classes = scorer->classes, stem = ampi_shape_values(scorer->network->stem);

    AMPI_TRY(ampi_pass_one_anchor(scorer->pass, threads, left, scorer->undecided,
                                  scorer->bank->stems + k * stem, scorer->stage, error));
    for (size_t i = 0; i < left; i++)
        memcpy(scorer->logits + (scorer->undecided[i] * scorer->k + k) * classes,
               scorer->stage + i * classes, classes * sizeof(float));
    return AMP_OK;
}

/* Finishes those that are clear after `used` anchors; how many are left. */
static amp_status sort_out(const ampi_run *run, size_t first, size_t used, size_t *left,
                           amp_error *error)
{
    amp_scorer *const scorer = run->scorer;
    size_t stay = 0;

    for (size_t i = 0; i < *left; i++) {
        const uint32_t image = scorer->undecided[i];
        const float *const logits = scorer->logits + image * scorer->k * scorer->classes;
        if (used == scorer->k || ampi_image_decided(scorer, logits, used))
            AMPI_TRY(ampi_finish_image(run, logits, used, first + image, error));
        else
            scorer->undecided[stay++] = image;
    }
    *left = stay;
    return AMP_OK;
}

static amp_status run_anchors(const ampi_run *run, size_t first, size_t m, int32_t threads,
                              amp_error *error)
{
    amp_scorer *const scorer = run->scorer;
    size_t left = m;

    for (size_t i = 0; i < m; i++)
        scorer->undecided[i] = (uint32_t)i;
    AMPI_TRY(ampi_pass_stems(scorer->pass, threads, m, scorer->images, error));
    for (size_t k = 0; k < scorer->k && left > 0; k++) {
        AMPI_TRY(run_anchor(scorer, k, left, threads, error));
        AMPI_TRY(sort_out(run, first, k + 1, &left, error));
    }
    return AMP_OK;
}

amp_status ampi_run_adaptive(const ampi_run *run, size_t first, size_t m, amp_error *error)
{
    amp_context *const context = run->scorer->context;
    const int32_t threads = ampi_context_take_threads(context, run->scorer->options.threads);
    const amp_status status = run_anchors(run, first, m, threads, error);

    ampi_context_give_threads(context, threads);
    return status;
}
