/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/train_internal.h - the parts of a trainer, in the order in which a batch meets them.
 */
#ifndef AMPI_TRAIN_H
#define AMPI_TRAIN_H

#include "anchor/anchor.h"
#include "format/format.h"
#include <amp/train.h>

typedef enum ampi_schedule {
    AMPI_SCHEDULE_CONSTANT,
    AMPI_SCHEDULE_MULTISTEP,
    AMPI_SCHEDULE_COSINE,
    AMPI_SCHEDULE_ONECYCLE
} ampi_schedule;

/* The declared options (train_options.c); 64-bit because the option table stores so. */
typedef struct ampi_train_options {
    int64_t epochs, batch, seed;
    double lr, lr_start, lr_end, warmup;
    int32_t schedule;
    char milestones[128];
    double gamma;
    double momentum, weight_decay, label_smoothing;
    bool nesterov;
    int64_t crop;
    bool flip;
    int64_t corrupt_every;
    int32_t transform;
    int64_t held_out, held_out_anchors;
    int64_t threads, workers, cache_mib;
    int32_t backend;
} ampi_train_options;

amp_status ampi_train_options_parse(ampi_train_options *out, const char *text, amp_error *error);
size_t ampi_train_options_format(const ampi_train_options *options, bool only_changed, char *out,
                                 size_t size);
/* Epochs of "60:120:160", ascending; *n <= 32. */
#define AMPI_MILESTONES 32u
amp_status ampi_train_milestones(const char *text, uint32_t out[AMPI_MILESTONES], uint32_t *n,
                                 amp_error *error);

/* ---- schedule.c ---- */
/* Rate of batch `step` (0-based) of `steps`; `per_epoch` batches make an epoch. */
double ampi_schedule_rate(const ampi_train_options *options, uint64_t step, uint64_t steps,
                          uint64_t per_epoch);

/* ---- loss.c ---- */
/* Mean cross entropy of logits [n,classes] against labels, with label smoothing; its gradient in
   d_logits; *correct = arg max hits.  Double inside. */
double ampi_loss(size_t n, size_t classes, const float *logits, const int32_t *labels,
                 double smoothing, float *d_logits, size_t *correct);

/* ---- optimizer.c ---- */
typedef struct ampi_sgd {
    amp_context *context;
    size_t n_tensors;
    float **velocity; /* one a tensor, NULL where nothing is trained */
} ampi_sgd;

amp_status ampi_sgd_create(ampi_sgd *out, const ampi_graph *graph, amp_error *error);
void ampi_sgd_clear(ampi_sgd *sgd);
/* PyTorch's SGD (methods.md 6): decay on every trained tensor. */
void ampi_sgd_step(ampi_sgd *sgd, ampi_graph *graph, ampi_tape *tape,
                   const ampi_train_options *options, double rate);

/* ---- source.c: training images as 8-bit pixels of the network's size ---- */
typedef struct ampi_source {
    amp_context *context;
    amp_dataset *dataset; /* borrowed */
    const ampi_prepare *prepare;
    uint8_t *cache; /* [n,h,w,c], or NULL: decoded each time */
    int32_t *labels;
    size_t image_bytes;
    uint32_t n;
} ampi_source;

amp_status ampi_source_create(ampi_source *out, amp_dataset *dataset, const ampi_prepare *prepare,
                              uint32_t classes, uint64_t cache_bytes, amp_error *error);
void ampi_source_clear(ampi_source *source);
/* Pixels of one image: a pointer into the cache, or decoded into scratch [image_bytes]. */
amp_status ampi_source_pixels(const ampi_source *source, uint32_t index, uint8_t *scratch,
                              const uint8_t **out, amp_error *error);

/* ---- batch.c: (epoch, batch) -> network input and labels ---- */
typedef struct ampi_batch {
    float *input; /* [batch, c or 2c, h, w] */
    int32_t *labels;
} ampi_batch;

typedef struct ampi_batcher {
    const ampi_source *source;
    const ampi_train_options *options;
    bool anchored;
    size_t values; /* of one image: c*h*w */
    uint32_t batch;
    uint32_t order_epoch; /* that `order` is for, UINT32_MAX = none */
    uint32_t *order;      /* [n]                                    */
    uint32_t *partner;    /* [batch]: whose image is the anchor     */
    uint8_t *decoded, *cropped;
    float *images, *anchors, *shown, *scratch;
} ampi_batcher;

amp_status ampi_batcher_create(ampi_batcher *out, const ampi_source *source,
                               const ampi_train_options *options, bool anchored, uint32_t batch,
                               amp_error *error);
void ampi_batcher_clear(ampi_batcher *batcher);
amp_status ampi_batcher_make(ampi_batcher *batcher, uint32_t epoch, uint32_t index, ampi_batch *out,
                             amp_error *error);

/* ---- loader.c: the next batch is made while this one trains ---- */
typedef struct ampi_loader ampi_loader;
amp_status ampi_loader_create(ampi_loader **out, ampi_batcher *batcher, bool threaded,
                              uint32_t epoch, uint32_t index, uint32_t per_epoch, amp_error *error);
/* Borrowed until the next call. */
amp_status ampi_loader_next(ampi_loader *loader, const ampi_batch **out, amp_error *error);
void ampi_loader_free(ampi_loader *loader);

/* ---- accuracy.c ---- */
/* Share of `held_out` that the graph classifies right with the mean of K anchors. */
typedef struct ampi_accuracy {
    amp_dataset *held_out; /* borrowed; NULL = none */
    ampi_source images;
    float *anchors; /* [K,c,h,w] normalised         */
    size_t k;
} ampi_accuracy;
amp_status ampi_accuracy_measure(const ampi_accuracy *accuracy, const ampi_graph *graph,
                                 const ampi_prepare *prepare, ampi_backend backend, int32_t threads,
                                 double *out, amp_error *error);

/* ---- trainer.c (the hub), trainer_create.c, checkpoint.c, export.c ---- */
struct amp_trainer {
    amp_context *context;
    amp_model *initial; /* referenced: names, preprocessing, record */
    ampi_train_options options;
    ampi_prepare prepare;
    ampi_graph *graph;
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
/* Makes the loader at the trainer's position; called once, after a resume has set it. */
amp_status ampi_trainer_start(amp_trainer *trainer, amp_error *error);
/* "amp.train.velocity.<name>" blobs and the position, into and out of a checkpoint's parts. */
json_t *ampi_trainer_training_record(const amp_trainer *trainer);

#endif
