/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/plain.c - detectors that read one row of logits: msp, maxlogit, energy, entropy.
 *
 * The row is H, or with logits=calibrated H / T as the method amp divides it.
 */
#include "score/score.h"

typedef struct plain_fields {
    int32_t logits, calibration;
    double temperature; /* energy only */
} plain_fields;

enum { LOGITS_RAW, LOGITS_CALIBRATED };

#define LOGITS_ROW                                                                                 \
    {                                                                                              \
        "logits", AMPI_OPTION_CHOICE, offsetof(plain_fields, logits), sizeof(int32_t), 0.0, 0.0,   \
            "raw|calibrated", "raw", "the mean logits, or those divided as the method amp does"    \
    }
#define CALIBRATION_ROW                                                                            \
    {                                                                                              \
        "calibration", AMPI_OPTION_CHOICE, offsetof(plain_fields, calibration), sizeof(int32_t),   \
            0.0, 0.0, AMPI_CALIBRATIONS, "c-small",                                                \
            "how, with logits=calibrated: see the method amp"                                      \
    }

const ampi_option ampi_plain_options[2] = { LOGITS_ROW, CALIBRATION_ROW };

const ampi_option ampi_energy_options[3] = {
    LOGITS_ROW,
    CALIBRATION_ROW,
    { "temperature", AMPI_OPTION_FLOAT, offsetof(plain_fields, temperature), sizeof(double), 1e-3,
      1e6, NULL, "1", "T of T * log sum exp(z / T)" },
};

unsigned ampi_plain_needs(const void *fields)
{
    const plain_fields *const plain = fields;

    if (plain->logits == LOGITS_RAW || plain->calibration == AMPI_CALIBRATION_NONE)
        return AMPI_NEEDS_LOGITS;
    return AMPI_NEEDS_LOGITS | AMPI_NEEDS_ANCHORS | AMPI_NEEDS_SPREAD;
}

/* H, or H / T in evidence->work; then divided by `divisor`. */
static const double *row(const plain_fields *plain, const ampi_evidence *evidence, double divisor)
{
    if (plain->logits == LOGITS_CALIBRATED)
        divisor *= ampi_calibration_temperature((ampi_calibration)plain->calibration,
                                                evidence->tau_sum, evidence->tau_mean);
    for (size_t j = 0; j < evidence->classes; j++)
        evidence->work[j] = evidence->mean[j] / divisor;
    return evidence->work;
}

double ampi_msp_score(const void *fields, const ampi_evidence *evidence)
{
    return ampi_logits_msp(row(fields, evidence, 1.0), evidence->classes);
}

double ampi_maxlogit_score(const void *fields, const ampi_evidence *evidence)
{
    return ampi_logits_max(row(fields, evidence, 1.0), evidence->classes);
}

double ampi_entropy_score(const void *fields, const ampi_evidence *evidence)
{
    return ampi_logits_entropy(row(fields, evidence, 1.0), evidence->classes);
}

double ampi_energy_score(const void *fields, const ampi_evidence *evidence)
{
    const plain_fields *const plain = fields;

    return plain->temperature *
           ampi_logits_energy(row(plain, evidence, plain->temperature), evidence->classes);
}
