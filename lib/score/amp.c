/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/amp.c - the method of the paper: the mean prediction H, its temperature made from how much
 * the anchors' predictions disagree, and eq. (2) or one of its variants on H / T.
 */
#include "score/score.h"

typedef struct amp_fields {
    int32_t calibration, score;
} amp_fields;

enum { SCORE_XENT, SCORE_ENTROPY, SCORE_ENERGY, SCORE_MSP };

const ampi_option ampi_amp_options[2] = {
    { "calibration", AMPI_OPTION_CHOICE, offsetof(amp_fields, calibration), sizeof(int32_t), 0.0,
      0.0, AMPI_CALIBRATIONS, "c-small",
      "temperature of the mean logits, from tau: its sum over classes (p) or mean (c), as it is "
      "(large) or 1 + exp (small)" },
    { "score", AMPI_OPTION_CHOICE, offsetof(amp_fields, score), sizeof(int32_t), 0.0, 0.0,
      "xent|entropy|energy|msp", "xent",
      "of the calibrated logits: cross entropy to the uniform distribution (eq. 2), negative "
      "entropy, log sum exp, log of the largest probability" },
};

unsigned ampi_amp_needs(const void *fields)
{
    const amp_fields *const amp = fields;
    const unsigned spread = amp->calibration == AMPI_CALIBRATION_NONE ? 0u : AMPI_NEEDS_SPREAD;

    return AMPI_NEEDS_LOGITS | AMPI_NEEDS_ANCHORS | spread;
}

double ampi_amp_score(const void *fields, const ampi_evidence *evidence)
{
    const amp_fields *const amp = fields;
    const double temperature = ampi_calibration_temperature((ampi_calibration)amp->calibration,
                                                            evidence->tau_sum, evidence->tau_mean);
    const size_t n = evidence->classes;
    double *const z = evidence->work;

    for (size_t j = 0; j < n; j++)
        z[j] = evidence->mean[j] / temperature;
    if (amp->score == SCORE_ENTROPY)
        return ampi_logits_entropy(z, n);
    if (amp->score == SCORE_ENERGY)
        return ampi_logits_energy(z, n);
    if (amp->score == SCORE_MSP)
        return ampi_logits_msp(z, n);
    return ampi_logits_xent(z, n);
}
