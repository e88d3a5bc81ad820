/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/scorer_internal.h - the scorer's parts, and what a model keeps made ready for scorers.
 */
#ifndef AMPI_SCORER_H
#define AMPI_SCORER_H

#include "score/score.h"

/* ---- a model made to run (runtime.c) ---- */
/* The model's programs, made on first use and kept with it, one network a precision.  A model whose
   programs are not made yet takes `backend`; later calls get what is there. */
amp_status ampi_model_network(amp_model *model, ampi_backend backend, ampi_precision precision,
                              ampi_network **out, amp_error *error);
/* Of the whole network on its own input, [input_channels,h,w]. */
amp_status ampi_model_whole(amp_model *model, ampi_program **out, amp_error *error);
/* oneDNN where it is built in, else plain loops. */
ampi_backend ampi_default_backend(void);

/* ---- what calibration leaves in the record (thresholds.c) ---- */
/* 0 when there is none. */
double ampi_record_temperature(const json_t *record);
typedef struct ampi_threshold_key {
    const char *method;
    size_t anchors;
    ampi_precision precision;
    double tpr;
} ampi_threshold_key;
bool ampi_record_threshold(const json_t *record, const ampi_threshold_key *key, double *threshold);
/* Into calibration["thresholds"], over an entry of the same key. */
amp_status ampi_record_set_threshold(json_t *calibration, const ampi_threshold_key *key,
                                     double threshold, amp_error *error);

/* ---- precision.c ---- */
/* Under which name a precision's thresholds are stored. */
const char *ampi_threshold_precision(ampi_precision precision);
/* Of a scorer that has its methods and anchors. */
ampi_precision ampi_choose_precision(const amp_scorer *scorer);

/* ---- the scorer (scorer.c runs it, scorer_create.c makes it) ---- */
struct amp_scorer {
    amp_context *context;
    amp_model *model;
    amp_bank *bank; /* NULL for a plain network */
    ampi_network *network;
    ampi_pass *pass;
    amp_scorer_options options;
    ampi_prepare prepare;
    ampi_uses uses;
    size_t k;       /* anchors used; 0 for a plain network */
    size_t outputs; /* rows of logits an image: max(k, 1)  */
    size_t classes;
    size_t values;      /* of one image                        */
    size_t chunk;       /* images prepared and run together    */
    double temperature; /* of the confidence, 0 = none fitted  */
    const char *note;   /* static text or NULL                 */
    uint8_t *pixels;    /* [h,w,ch] of one image               */
    float *images;      /* [chunk,ch,h,w]                      */
    float *logits;      /* [chunk,outputs,classes]             */
    double *mean;       /* [classes] H of one image            */
    double *work;       /* [classes]                           */
};

/* What the model's record names, else "amp" or, for a plain network, "msp". */
const char *ampi_default_methods(const amp_model *model);

/* ---- where the images of a run come from (inputs.c) ---- */
typedef struct ampi_inputs ampi_inputs;
struct ampi_inputs {
    /* Image `index` prepared and normalised into out [ch,h,w]. */
    amp_status (*read)(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                       float *out, amp_error *error);
    const amp_image *const *images;
    const uint8_t *pixels; /* [n,height,width,3] */
    uint32_t height, width;
    const amp_dataset *dataset;
    uint64_t first;
    amp_progress_fn progress;
    void *user;
};

amp_status ampi_inputs_images(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                              float *out, amp_error *error);
amp_status ampi_inputs_rgb8(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                            float *out, amp_error *error);
amp_status ampi_inputs_dataset(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                               float *out, amp_error *error);

#endif
