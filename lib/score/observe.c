/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/observe.c - the quantised form of a model: what its convolutions read and make on held-out
 * images, each paired with all the model's anchors.
 *
 * Called by calibrate.c before thresholds are fitted in int8.  Ranges are means over images of the
 * lowest and highest value: the extremes of all images together leave the other values fewer steps,
 * and cost twice the AUROC.
 */
#include "score/builder.h"

#define MOST_IMAGES 256u

typedef struct observation {
    amp_scorer *scorer; /* its network notes ranges */
    amp_dataset *held_out;
    size_t n; /* images looked at, evenly spread */
} observation;

/* An ordinary scorer on a network of its own. */
static amp_status open_scorer(observation *o, const amp_model_builder *builder, amp_error *error)
{
    amp_scorer_options options;
    ampi_network *network = NULL;
    ampi_pass *pass = NULL;

    amp_scorer_options_init(&options, sizeof options);
    options.precision = AMP_PRECISION_FP32;
    /* The same ranges on any machine's number of threads: thresholds belong to them. */
    options.threads = 1;
    AMPI_TRY(amp_scorer_create(&o->scorer, builder->base, builder->bank, NULL, &options, error));
    AMPI_TRY(ampi_network_create_observing(&network, builder->base->graph, ampi_default_backend(),
                                           error));
    ampi_network_unref(o->scorer->network);
    o->scorer->network = network;
    AMPI_TRY(ampi_pass_create(&pass, network, error));
    ampi_pass_free(o->scorer->pass);
    o->scorer->pass = pass;
    return AMP_OK;
}

static amp_status look(const observation *o, amp_progress_fn progress, void *user, amp_error *error)
{
    const uint64_t size = amp_dataset_size(o->held_out);
    const amp_scores out = { .struct_size = sizeof out };

    for (size_t i = 0; i < o->n; i++) {
        AMPI_TRY(amp_scorer_run_dataset(o->scorer, o->held_out, i * size / o->n, 1, &out, NULL,
                                        NULL, error));
        AMPI_TRY(ampi_progress(progress, user, "ranges", i + 1, o->n, error));
    }
    return AMP_OK;
}

static amp_status write_form(const observation *o, json_t **out, amp_error *error)
{
    json_t *const form =
        json_pack("{s:I, s:I}", "images", (json_int_t)o->n, "anchors", (json_int_t)o->scorer->k);
    ampi_range reads, makes;
    amp_status status = form ? AMP_OK : ampi_fail_nomem(error, "score", 0);
    const char *name = NULL;

    for (size_t i = 0;
         !status && ampi_program_seen(o->scorer->network->trunk, i, &name, &reads, &makes); i++)
        if (name)
            status = ampi_record_add_range(form, name, reads, makes, error);
    if (status)
        json_decref(form);
    else
        *out = form;
    return status;
}

amp_status ampi_observe(json_t **out, const amp_model_builder *builder, amp_dataset *held_out,
                        amp_progress_fn progress, void *user, amp_error *error)
{
    observation o = { .held_out = held_out };
    const uint64_t size = amp_dataset_size(held_out);
    amp_status status = AMP_OK;

    if (size < 1)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "0 held-out images, allowed 1..%d",
                         INT32_MAX);
    o.n = (size_t)(size < MOST_IMAGES ? size : MOST_IMAGES);
    status = open_scorer(&o, builder, error);
    if (!status)
        status = look(&o, progress, user, error);
    if (!status)
        status = write_form(&o, out, error);
    amp_scorer_free(o.scorer);
    return status;
}
