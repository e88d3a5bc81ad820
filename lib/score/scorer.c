/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/scorer.c - the hub of inference: from images to verdicts.
 *
 *   1  inputs.c               n images of any size -> floats [n,ch,h,w] as the model file says
 *      (image/decode*.c and data/ made the RGB8 pixels, image/prepare.c resizes and normalises)
 *   2  anchor/pass.c          the image's half of the stem once, plus K stored halves
 *   3  exec/                  the trunk on [n*K] -> logits [n,K,classes]
 *   4  anchor/consistency.c   logits -> mean H [classes] and tau, image by image
 *   5  amp.c, plain.c, ...    each method of methods.c: H, tau -> one number
 *   6  result.c               number >= stored threshold -> verdict
 *
 * With adaptive anchors adaptive.c does 2 to 6 anchor by anchor.
 *
 * Images go through in chunks, so that the memory of a run does not grow with n.  An image's
 * results depend on the image alone: any n, chunk and thread count give the same bits.
 */
#include "score/scorer_internal.h"

_Static_assert(sizeof(amp_scores) == 80, "amp_scores layout");
_Static_assert(offsetof(amp_scores, score) == 8, "amp_scores layout");
_Static_assert(offsetof(amp_scores, verdict) == 16, "amp_scores layout");
_Static_assert(offsetof(amp_scores, tau) == 24, "amp_scores layout");
_Static_assert(offsetof(amp_scores, tau_mean) == 32, "amp_scores layout");
_Static_assert(offsetof(amp_scores, label) == 40, "amp_scores layout");
_Static_assert(offsetof(amp_scores, confidence) == 48, "amp_scores layout");
_Static_assert(offsetof(amp_scores, logits) == 56, "amp_scores layout");
_Static_assert(offsetof(amp_scores, anchor_logits) == 64, "amp_scores layout");
_Static_assert(offsetof(amp_scores, anchors) == 72, "amp_scores layout");

/* ---- one chunk: steps 1 to 3, then each image ---- */

static amp_status run_network(const amp_scorer *scorer, size_t m, amp_error *error)
{
    const ampi_anchors anchors = { scorer->k, scorer->bank ? scorer->bank->stems : NULL };
    const int32_t threads = ampi_context_take_threads(scorer->context, scorer->options.threads);
    const amp_status status =
        ampi_pass_run(scorer->pass, threads, m, scorer->images, &anchors, scorer->logits, error);

    ampi_context_give_threads(scorer->context, threads);
    return status;
}

static amp_status run_whole(const ampi_run *job, size_t first, size_t m, amp_error *error)
{
    const amp_scorer *const scorer = job->scorer;

    AMPI_TRY(run_network(scorer, m, error));
    for (size_t i = 0; i < m; i++)
        AMPI_TRY(ampi_finish_image(job, scorer->logits + i * scorer->outputs * scorer->classes,
                                   scorer->outputs, first + i, error));
    return AMP_OK;
}

static amp_status run_chunk(const ampi_run *job, size_t first, size_t m, amp_error *error)
{
    amp_scorer *const scorer = job->scorer;

    for (size_t i = 0; i < m; i++)
        AMPI_TRY(job->inputs->read(job->inputs, scorer, first + i,
                                   scorer->images + i * scorer->values, error));
    if (scorer->margins)
        AMPI_TRY(ampi_run_adaptive(job, first, m, error));
    else
        AMPI_TRY(run_whole(job, first, m, error));
    return ampi_progress(job->inputs->progress, job->inputs->user, "score", first + m, job->n,
                         error);
}

static amp_status run_all(amp_scorer *scorer, size_t n, const ampi_inputs *inputs,
                          const amp_scores *out, amp_error *error)
{
    ampi_run job = { scorer, inputs, { .struct_size = sizeof job.out }, n };
    size_t most;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "out is NULL");
    AMPI_TRY(ampi_struct_read(&job.out, sizeof job.out, out, "score", error));
    if (!ampi_mul(n, scorer->outputs * scorer->classes + scorer->uses.count, &most) ||
        !ampi_mul(most, sizeof(double), &most))
        return ampi_fail(error, AMP_E_LIMIT, "score", "%zu images are too many", n);
    for (size_t first = 0; first < n; first += scorer->chunk)
        AMPI_TRY(run_chunk(&job, first, ampi_min_size(scorer->chunk, n - first), error));
    return AMP_OK;
}

/* ---- the three public ways in ---- */

amp_status amp_scorer_run(amp_scorer *scorer, size_t n, const amp_image *const *images,
                          const amp_scores *out, amp_error *error)
{
    const ampi_inputs inputs = { .read = ampi_inputs_images, .images = images };

    if (!scorer || (n > 0 && !images))
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "scorer and images must be given");
    return run_all(scorer, n, &inputs, out, error);
}

amp_status amp_scorer_run_rgb8(amp_scorer *scorer, size_t n, const uint8_t *pixels, uint32_t height,
                               uint32_t width, const amp_scores *out, amp_error *error)
{
    const ampi_inputs inputs = {
        .read = ampi_inputs_rgb8, .pixels = pixels, .height = height, .width = width
    };
    size_t bytes;

    if (!scorer || (n > 0 && !pixels))
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "scorer and pixels must be given");
    if (height == 0 || width == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "images of height %u and width %u", height,
                         width);
    if (!ampi_mul(height, width, &bytes) || !ampi_mul(bytes, 3, &bytes) ||
        !ampi_mul(bytes, n, &bytes))
        return ampi_fail(error, AMP_E_LIMIT, "score",
                         "%zu images of height %u and width %u are too many", n, height, width);
    return run_all(scorer, n, &inputs, out, error);
}

amp_status amp_scorer_run_dataset(amp_scorer *scorer, amp_dataset *dataset, uint64_t first,
                                  size_t n, const amp_scores *out, amp_progress_fn progress,
                                  void *progress_user, amp_error *error)
{
    const ampi_inputs inputs = { .read = ampi_inputs_dataset,
                                 .dataset = dataset,
                                 .first = first,
                                 .progress = progress,
                                 .user = progress_user };
    const uint64_t size = amp_dataset_size(dataset);

    if (!scorer || !dataset)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "scorer and dataset must be given");
    if (ampi_dataset_context(dataset) != scorer->context)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "data set and model have different contexts");
    if (first > size || n > size - first)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "%zu images from image %llu on, the data set has %llu", n,
                         (unsigned long long)first, (unsigned long long)size);
    return run_all(scorer, n, &inputs, out, error);
}
