/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/train_internal.h - a trainer and what it is made of.
 */
#ifndef AMPI_TRAIN_H
#define AMPI_TRAIN_H

#include "anchor/anchor.h"
#include "format/format.h"
#include "train/batch.h"
#include "train/step.h"
#include <amp/train.h>

/* ---- accuracy.c ---- */
/* Share of `held_out` that the graph classifies right with the mean of K anchors. */
typedef struct ampi_accuracy {
    amp_dataset *held_out; /* borrowed; NULL = none */
    ampi_source images;
    float *anchors; /* [K,c,h,w] normalised         */
    size_t k;
} ampi_accuracy;
amp_status ampi_accuracy_measure(const ampi_accuracy *accuracy, const ampi_graph *graph,
                                 ampi_backend backend, int32_t threads, double *out,
                                 amp_error *error);

/* ---- whiten.c ---- */
/* The graph's first convolution from the patches of training input; AMP_E_LIMIT for patches of more
   than 512 values, AMP_E_ARGUMENT when no single convolution reads the input. */
amp_status ampi_whiten(ampi_graph *graph, const ampi_source *source, uint64_t seed,
                       amp_error *error);

/* ---- trainer.c (the hub), trainer_create.c, checkpoint.c, export.c ---- */
struct amp_trainer {
    amp_context *context;
    amp_model *initial; /* referenced: names, preprocessing, record */
    ampi_train_options options;
    ampi_prepare prepare;
    ampi_graph *graph;
    ampi_graph *average; /* of the weights so far, or NULL */
    amp_dataset *rest, *held_out;
    char *data_spec;
    ampi_source source;
    ampi_accuracy accuracy;
    ampi_batcher batcher;
    ampi_loader *loader;
    ampi_tape *tape;
    ampi_sgd sgd;
    float *logits, *d_logits;
    uint32_t batch, per_epoch, classes;
    int32_t threads;
    uint64_t step, steps;
    double epoch_loss, epoch_correct; /* sums over this epoch's batches            */
    double last_loss, last_accuracy;
    double seconds, batch_seconds; /* in all; smoothed, of one batch               */
    json_t *history;               /* one object an epoch                          */
};

amp_status ampi_trainer_build(amp_trainer **out, amp_model *initial, amp_dataset *dataset,
                              const char *options, amp_error *error);
/* The weights that are measured and exported. */
static inline const ampi_graph *ampi_trainer_shown(const amp_trainer *trainer)
{
    return trainer->average ? trainer->average : trainer->graph;
}
/* Makes the loader at the trainer's position; called once, after a resume has set it. */
amp_status ampi_trainer_start(amp_trainer *trainer, amp_error *error);
/* "amp.train.velocity.<name>" blobs and the position, into and out of a checkpoint's parts. */
json_t *ampi_trainer_training_record(const amp_trainer *trainer);

#endif
