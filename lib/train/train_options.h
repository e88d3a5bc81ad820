/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/train_options.h - the declared options of training.
 */
#ifndef AMPI_TRAIN_OPTIONS_H
#define AMPI_TRAIN_OPTIONS_H

#include "core/core.h"

typedef enum ampi_schedule {
    AMPI_SCHEDULE_CONSTANT,
    AMPI_SCHEDULE_MULTISTEP,
    AMPI_SCHEDULE_COSINE,
    AMPI_SCHEDULE_ONECYCLE,
    AMPI_SCHEDULE_LINEAR
} ampi_schedule;

typedef enum ampi_train_precision {
    AMPI_TRAIN_AUTO, /* a trainer made with it records what it chose */
    AMPI_TRAIN_FP32,
    AMPI_TRAIN_BF16
} ampi_train_precision;

typedef enum ampi_whitening {
    AMPI_WHITEN_NONE,
    AMPI_WHITEN_START,
    AMPI_WHITEN_FIXED
} ampi_whitening;

/* The declared options (train_options.c); 64-bit because the option table stores so. */
typedef struct ampi_train_options {
    int64_t epochs, batch, seed;
    double lr, lr_start, lr_end, warmup;
    int32_t schedule;
    char milestones[128];
    double gamma;
    double momentum, weight_decay, label_smoothing;
    bool nesterov;
    double bias_lr, gain_lr, head_lr; /* factors on the rate */
    bool decay_vectors;
    double clip_norm;
    double ema;
    int64_t lookahead;
    int32_t whiten; /* ampi_whitening */
    int64_t crop;
    int32_t border; /* 0 = black, 1 = mirrors the image */
    bool flip, alternate_flip;
    int64_t cutout;
    double mixup;
    int64_t corrupt_every;
    int32_t transform;
    double mask_alpha;
    int32_t mask_target; /* 0 = label, 1 = uniform */
    int64_t held_out, held_out_anchors;
    int64_t threads, workers, cache_mib;
    int32_t backend;
    int32_t precision; /* ampi_train_precision */
} ampi_train_options;

amp_status ampi_train_options_parse(ampi_train_options *out, const char *text, amp_error *error);
size_t ampi_train_options_format(const ampi_train_options *options, bool only_changed, char *out,
                                 size_t size);
/* Epochs of "60:120:160", ascending; *n <= 32. */
#define AMPI_MILESTONES 32u
amp_status ampi_train_milestones(const char *text, uint32_t out[AMPI_MILESTONES], uint32_t *n,
                                 amp_error *error);

#endif
