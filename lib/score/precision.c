/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/precision.c - the names of precisions, and which of them a scorer takes when it may choose.
 */
#include "score/scorer_internal.h"

#include <amp/precision.h>
#include <string.h>

_Static_assert((int)AMP_PRECISION_FP32 == (int)AMPI_PRECISION_FP32, "one numbering");
_Static_assert((int)AMP_PRECISION_FAST == (int)AMPI_PRECISION_FAST, "one numbering");
_Static_assert((int)AMP_PRECISION_BF16 == (int)AMPI_PRECISION_BF16, "one numbering");
_Static_assert((int)AMP_PRECISION_INT8 == (int)AMPI_PRECISION_INT8, "one numbering");

const char *amp_precision_name(int32_t precision)
{
    if (precision == AMP_PRECISION_AUTO)
        return "auto";
    if (precision < 0 || precision >= (int32_t)AMPI_PRECISION_COUNT)
        return NULL;
    return ampi_precision_name((ampi_precision)precision);
}

amp_status amp_precision_parse(int32_t *precision, const char *name, amp_error *error)
{
    if (!precision || !name)
        return ampi_fail(error, AMP_E_ARGUMENT, "precision", "precision and name must be given");
    for (int32_t i = AMP_PRECISION_AUTO; i < (int32_t)AMPI_PRECISION_COUNT; i++) {
        if (strcmp(name, amp_precision_name(i)) == 0) {
            *precision = i;
            return AMP_OK;
        }
    }
    return ampi_fail(error, AMP_E_ARGUMENT, "precision",
                     "'%.40s' is unknown, known: auto, fp32, fast, bf16, int8", name);
}

int32_t amp_precision_available(int32_t precision)
{
    if (precision < 0 || precision >= (int32_t)AMPI_PRECISION_COUNT)
        return precision == AMP_PRECISION_AUTO;
    return ampi_precision_here(ampi_default_backend(), (ampi_precision)precision);
}

const char *ampi_threshold_precision(ampi_precision precision)
{
    return amp_precision_name(precision == AMPI_PRECISION_FAST ? AMP_PRECISION_FP32
                                                               : (int32_t)precision);
}

static bool has_all_thresholds(const amp_scorer *scorer, ampi_precision precision)
{
    double threshold;

    for (size_t i = 0; i < scorer->uses.count; i++) {
        const ampi_threshold_key key = { scorer->uses.items[i].name, scorer->k, precision,
                                         scorer->options.tpr };
        if (!ampi_record_threshold(scorer->model->record, &key, &threshold))
            return false;
    }
    return true;
}

/* Thresholds of int8 are no use without the ranges that they were fitted with. */
static bool has_form(const amp_scorer *scorer, ampi_precision precision)
{
    return precision != AMPI_PRECISION_INT8 || ampi_graph_ranged_macs(scorer->model->graph) > 0;
}

ampi_precision ampi_choose_precision(const amp_scorer *scorer)
{
    static const ampi_precision by_speed[] = { AMPI_PRECISION_INT8, AMPI_PRECISION_BF16 };

    if (scorer->options.precision != AMP_PRECISION_AUTO)
        return (ampi_precision)scorer->options.precision;
    for (size_t i = 0; i < sizeof by_speed / sizeof by_speed[0]; i++)
        if (amp_precision_available((int32_t)by_speed[i]) && has_form(scorer, by_speed[i]) &&
            has_all_thresholds(scorer, by_speed[i]))
            return by_speed[i];
    return AMPI_PRECISION_FP32;
}
