/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/methods.c - the table of detectors.  A detector is one file (or shares a family's) and one
 * row here.
 */
#include "score/score.h"

#define OPTIONS(table) (table), sizeof(table) / sizeof((table)[0])

static const ampi_method methods[] = {
    { "amp", "mean prediction of the anchors, calibrated by their disagreement (the paper's eq. 2)",
      OPTIONS(ampi_amp_options), ampi_amp_needs, ampi_amp_score },
    { "msp", "log of the largest softmax probability: ranks as the probability, without its ties",
      OPTIONS(ampi_plain_options), ampi_plain_needs, ampi_msp_score },
    { "maxlogit", "the largest logit", OPTIONS(ampi_plain_options), ampi_plain_needs,
      ampi_maxlogit_score },
    { "energy", "T * log sum exp(z / T), the negative free energy", OPTIONS(ampi_energy_options),
      ampi_plain_needs, ampi_energy_score },
    { "entropy", "negative entropy of the softmax: sum of p log p", OPTIONS(ampi_plain_options),
      ampi_plain_needs, ampi_entropy_score },
};

#define ROWS (sizeof methods / sizeof methods[0])

const ampi_method *ampi_method_row(size_t index)
{
    return index < ROWS ? &methods[index] : NULL;
}

uint32_t amp_method_count(void)
{
    return (uint32_t)ROWS;
}

const char *amp_method_name(uint32_t index)
{
    return index < ROWS ? methods[index].name : NULL;
}

const char *amp_method_help(uint32_t index)
{
    return index < ROWS ? methods[index].help : NULL;
}
