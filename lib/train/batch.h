/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/batch.h - from a data set to the batch of a number: pixels, augmentation, pairs,
 * look-ahead.
 */
#ifndef AMPI_BATCH_H
#define AMPI_BATCH_H

#include "data/data_internal.h"
#include "train/train_options.h"

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
    int32_t *others; /* labels of what is blended in; read while share < 1 */
    double share;    /* of `labels` in the target */
    bool uniform;    /* the target is all classes alike, whatever the labels */
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
    uint32_t *second;     /* [batch]: whose image is blended in; with mixup */
    uint8_t *decoded, *cropped;
    float *images, *blended; /* [batch, c, h, w]; blended with mixup */
    float *anchors, *shown, *scratch;
} ampi_batcher;

amp_status ampi_batcher_create(ampi_batcher *out, const ampi_source *source,
                               const ampi_train_options *options, bool anchored, uint32_t batch,
                               amp_error *error);
void ampi_batcher_clear(ampi_batcher *batcher);
amp_status ampi_batcher_make(ampi_batcher *batcher, uint32_t epoch, uint32_t index, ampi_batch *out,
                             amp_error *error);

/* ---- vary.c: choices by number ---- */
ampi_flip ampi_vary_flip(const ampi_train_options *options, uint32_t epoch, uint32_t image);
/* A square of normalised planes to 0, the mean colour; it fits in the image. */
void ampi_vary_cutout(const ampi_train_options *options, const ampi_prepare *shape, uint32_t epoch,
                      uint32_t image, float *planes);
/* Of the first image when two are blended: Beta(mixup, mixup), 0..1; 1 without mixup. */
double ampi_vary_share(const ampi_train_options *options, uint32_t epoch, uint32_t index);
/* Whether the anchors of a batch are shown as zeros. */
bool ampi_vary_masked(const ampi_train_options *options, uint32_t epoch, uint32_t index);

/* ---- loader.c: the next batch is made while this one trains ---- */
typedef struct ampi_loader ampi_loader;
amp_status ampi_loader_create(ampi_loader **out, ampi_batcher *batcher, bool threaded,
                              uint32_t epoch, uint32_t index, uint32_t per_epoch, amp_error *error);
/* Borrowed until the next call. */
amp_status ampi_loader_next(ampi_loader *loader, const ampi_batch **out, amp_error *error);
void ampi_loader_free(ampi_loader *loader);

#endif
