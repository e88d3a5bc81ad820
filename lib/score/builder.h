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

/* ---- observe.c ---- */
/* The value of record["int8"] for the builder's network, seen on held-out images with the whole
   bank; the caller's to decref. */
amp_status ampi_observe(json_t **out, const amp_model_builder *builder, amp_dataset *held_out,
                        amp_progress_fn progress, void *user, amp_error *error);

#endif
