/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/builder.h - a model being put together from a base and new parts.
 */
#ifndef AMPI_BUILDER_H
#define AMPI_BUILDER_H

#include "score/scorer_internal.h"

struct amp_model_builder {
    amp_context *context;
    amp_model *base;
    amp_bank *bank;      /* of the new model; NULL = none                          */
    ampi_blobs sections; /* of the new model; amp.bank.* follows `bank`            */
    json_t *record;      /* of the new model                                       */
};

#endif
