/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/result.c - one image: from its logits to H, tau, scores and verdicts, and whether the
 * anchors seen so far are enough.
 */
#include "score/scorer_internal.h"

#include <math.h>

static int8_t verdict(const ampi_use *use, double score)
{
    if (!use->has_threshold)
        return AMP_VERDICT_UNKNOWN;
    return score >= use->threshold ? AMP_VERDICT_IN : AMP_VERDICT_OUT;
}

static void write_scores(const ampi_run *job, const ampi_evidence *evidence, size_t i)
{
    const ampi_uses *const uses = &job->scorer->uses;

    for (size_t m = 0; m < uses->count && (job->out.score || job->out.verdict); m++) {
        const ampi_use *const use = &uses->items[m];
        const double score = use->method->score(use->fields, evidence);
        if (job->out.score)
            job->out.score[m * job->n + i] = score;
        if (job->out.verdict)
            job->out.verdict[m * job->n + i] = verdict(use, score);
    }
}

/* max softmax(H / T) */
static double confidence(const amp_scorer *scorer, const double *mean, double *work)
{
    const double temperature = scorer->temperature > 0.0 ? scorer->temperature : 1.0;

    for (size_t j = 0; j < scorer->classes; j++)
        work[j] = mean[j] / temperature;
    return exp(ampi_logits_msp(work, scorer->classes));
}

static void write_prediction(const ampi_run *job, const ampi_evidence *evidence, size_t i)
{
    const amp_scorer *const scorer = job->scorer;
    const size_t classes = evidence->classes;

    if (job->out.tau)
        job->out.tau[i] = evidence->tau_sum;
    if (job->out.tau_mean)
        job->out.tau_mean[i] = evidence->tau_mean;
    if (job->out.label)
        job->out.label[i] = (int32_t)ampi_logits_argmax(evidence->mean, classes);
    if (job->out.confidence)
        job->out.confidence[i] = confidence(scorer, evidence->mean, evidence->work);
    for (size_t j = 0; job->out.logits && j < classes; j++)
        job->out.logits[i * classes + j] = (float)evidence->mean[j];
}

static ampi_evidence evidence_of(amp_scorer *scorer, const float *logits, size_t used)
{
    ampi_evidence evidence = { scorer->classes, scorer->mean, 0.0, 0.0, scorer->work };

    ampi_consistency(logits, used, scorer->classes, scorer->mean, &evidence.tau_sum,
                     &evidence.tau_mean);
    return evidence;
}

/* One prediction of several has no spread yet: none is what a temperature is made of. */
static ampi_evidence running_evidence(amp_scorer *scorer, const float *logits, size_t used)
{
    ampi_evidence evidence = evidence_of(scorer, logits, used);

    if (used == 1 && scorer->outputs > 1)
        evidence.tau_sum = evidence.tau_mean = 0.0;
    return evidence;
}

static void write_running(const ampi_run *job, const float *logits, size_t i)
{
    amp_scorer *const scorer = job->scorer;
    const size_t k = scorer->outputs;

    for (size_t used = 1; used <= k; used++) {
        const ampi_evidence evidence = running_evidence(scorer, logits, used);
        for (size_t m = 0; m < scorer->uses.count; m++) {
            const ampi_use *const use = &scorer->uses.items[m];
            scorer->running[(m * job->n + i) * k + used - 1] =
                use->method->score(use->fields, &evidence);
        }
    }
}

static void write_anchors(const ampi_run *job, const float *logits, size_t used, size_t i)
{
    const size_t classes = job->scorer->classes, count = job->scorer->outputs * classes;

    if (job->out.anchors)
        job->out.anchors[i] = job->scorer->k ? (int32_t)used : 0;
    if (!job->out.anchor_logits)
        return;
    for (size_t v = 0; v < count; v++)
        job->out.anchor_logits[i * count + v] = v < used * classes ? logits[v] : NAN;
}

amp_status ampi_finish_image(const ampi_run *job, const float *logits, size_t used, size_t i,
                             amp_error *error)
{
    amp_scorer *const scorer = job->scorer;
    ampi_evidence evidence;

    for (size_t v = 0; v < used * scorer->classes; v++) {
        if (!isfinite(logits[v]))
            return ampi_fail(error, AMP_E_BACKEND, "score",
                             "image %zu: the network's output is not finite", i);
    }
    if (scorer->running)
        write_running(job, logits, i);
    evidence = running_evidence(scorer, logits, used);
    write_scores(job, &evidence, i);
    if (used == 1)
        evidence.tau_sum = evidence.tau_mean = (double)NAN;
    write_prediction(job, &evidence, i);
    write_anchors(job, logits, used, i);
    return AMP_OK;
}

bool ampi_image_decided(amp_scorer *scorer, const float *logits, size_t used)
{
    const ampi_evidence evidence = running_evidence(scorer, logits, used);
    bool decided = true;

    for (size_t m = 0; m < scorer->uses.count && decided; m++) {
        const ampi_use *const use = &scorer->uses.items[m];
        const double score = use->method->score(use->fields, &evidence);
        decided = ampi_stop_decided(&scorer->margins[m], used, use->threshold, score);
    }
    return decided;
}
