/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/scorer_internal.h - the scorer's parts, and what a model keeps made ready for scorers.
 */
#ifndef AMPI_SCORER_H
#define AMPI_SCORER_H

#include "score/score.h"
#include "score/stop.h"

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
void ampi_record_drop_thresholds(json_t *calibration, ampi_precision precision);
/* The stopping rule beside a threshold that is there; false where there is none. */
bool ampi_record_margins(const json_t *record, const ampi_threshold_key *key, ampi_margins *out);
amp_status ampi_record_set_margins(json_t *calibration, const ampi_threshold_key *key,
                                   const ampi_margins *margins, double error_rate,
                                   amp_error *error);

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
    size_t values;         /* of one image                        */
    size_t chunk;          /* images prepared and run together    */
    double temperature;    /* of the confidence, 0 = none fitted  */
    const char *note;      /* static text or NULL                 */
    uint8_t *pixels;       /* [h,w,ch] of one image               */
    float *images;         /* [chunk,ch,h,w]                      */
    float *logits;         /* [chunk,outputs,classes]             */
    double *mean;          /* [classes] H of one image            */
    ampi_margins *margins; /* [methods] of adaptive anchors, NULL = all anchors always     */
    uint32_t *undecided;   /* [chunk]   adaptive: images that need another anchor          */
    float *stage;          /* [chunk,classes] adaptive: logits of one anchor               */
    double *running;       /* NULL, or [methods,n,k] of a run: scores of the first 1..k anchors */
    double *work;          /* [classes]                           */
};

/* What the model's record names, else "amp" or, for a plain network, "msp". */
const char *ampi_default_methods(const amp_model *model);

/* ---- one image's results (result.c) ---- */
/* One run: where the images come from and where the results go. */
typedef struct ampi_inputs ampi_inputs;
typedef struct ampi_run {
    amp_scorer *scorer;
    const ampi_inputs *inputs;
    amp_scores out;
    size_t n;
} ampi_run;
/* logits [used,classes] of image i of the run, the first `used` predictions, into its results. */
amp_status ampi_finish_image(const ampi_run *run, const float *logits, size_t used, size_t i,
                             amp_error *error);
/* Whether every method's verdict is clear after `used` of more anchors. */
bool ampi_image_decided(amp_scorer *scorer, const float *logits, size_t used);

/* ---- adaptive anchors (adaptive.c) ---- */
/* The prepared images of a chunk, anchor by anchor, each image until its verdict is clear. */
amp_status ampi_run_adaptive(const ampi_run *run, size_t first, size_t m, amp_error *error);

/* ---- where the images of a run come from (inputs.c) ---- */
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
