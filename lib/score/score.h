/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/score.h - detectors as rows of a table, and the scorer that runs them.
 */
#ifndef AMPI_SCORE_H
#define AMPI_SCORE_H

#include "anchor/bank_internal.h"
#include "format/format.h"
#include <amp/scorer.h>

/* ---- logits in double, safe where exp saturates (logits.c); z [n], higher = more ID ---- */
double ampi_logits_xent(const double *z, size_t n);    /* LSE(z) - mean(z), eq. (2)           */
double ampi_logits_energy(const double *z, size_t n);  /* LSE(z)                              */
double ampi_logits_msp(const double *z, size_t n);     /* log of the largest probability      */
double ampi_logits_entropy(const double *z, size_t n); /* sum of p log p                      */
double ampi_logits_max(const double *z, size_t n);
size_t ampi_logits_argmax(const double *z, size_t n); /* the first of equals                  */

/* The ways to make a temperature of tau (logits.c); order of the options' choices. */
typedef enum ampi_calibration {
    AMPI_CALIBRATION_NONE,
    AMPI_CALIBRATION_P_LARGE, /* sum of s_j                */
    AMPI_CALIBRATION_P_SMALL, /* 1 + exp(sum of s_j)       */
    AMPI_CALIBRATION_C_SMALL, /* 1 + exp(mean of s_j)      */
    AMPI_CALIBRATION_C_LARGE  /* mean of s_j               */
} ampi_calibration;
#define AMPI_CALIBRATIONS "none|p-large|p-small|c-small|c-large"

/* 1 when tau is NaN (one prediction); may be infinite, never 0. */
double ampi_calibration_temperature(ampi_calibration calibration, double tau_sum, double tau_mean);

/* ---- methods (methods.c: the table; one file a detector or family) ---- */
/* What a run knows of one image when the detectors see it. */
typedef struct ampi_evidence {
    size_t classes;
    const double *mean; /* H [classes]                            */
    double tau_sum, tau_mean;
    double *work; /* [classes], free to use                 */
} ampi_evidence;

enum {
    AMPI_NEEDS_LOGITS = 1,  /* H                            */
    AMPI_NEEDS_ANCHORS = 2, /* an anchored network          */
    AMPI_NEEDS_SPREAD = 4   /* tau: two anchors or more     */
};

#define AMPI_METHOD_FIELDS 8u /* of 8 bytes: the options of one method */
#define AMPI_METHOD_NAME 128u
#define AMPI_MAX_METHODS 64u

typedef struct ampi_method {
    const char *name, *help;
    const ampi_option *options;
    size_t n_options;
    unsigned (*needs)(const void *fields);
    double (*score)(const void *fields, const ampi_evidence *evidence);
} ampi_method;

/* NULL past the end. */
const ampi_method *ampi_method_row(size_t index);

/* ---- amp.c ---- */
extern const ampi_option ampi_amp_options[2];
unsigned ampi_amp_needs(const void *fields);
double ampi_amp_score(const void *fields, const ampi_evidence *evidence);

/* ---- plain.c: msp, maxlogit, entropy share a table; energy has its own ---- */
extern const ampi_option ampi_plain_options[2];
extern const ampi_option ampi_energy_options[3];
unsigned ampi_plain_needs(const void *fields);
double ampi_msp_score(const void *fields, const ampi_evidence *evidence);
double ampi_maxlogit_score(const void *fields, const ampi_evidence *evidence);
double ampi_entropy_score(const void *fields, const ampi_evidence *evidence);
double ampi_energy_score(const void *fields, const ampi_evidence *evidence);

/* ---- a list of methods as a user writes it (method_list.c) ---- */
typedef struct ampi_use {
    const ampi_method *method;
    char name[AMPI_METHOD_NAME];         /* canonical: options that differ from the default */
    uint64_t fields[AMPI_METHOD_FIELDS]; /* the method's own struct                         */
    double threshold;
    bool has_threshold;
} ampi_use;

typedef struct ampi_uses {
    amp_context *context; /* borrowed */
    ampi_use *items;
    size_t count, capacity;
} ampi_uses;

amp_status ampi_uses_parse(ampi_uses *uses, const char *text, amp_error *error);
/* "amp:calibration=c-small,score=xent": with every option, whatever the defaults. */
amp_status ampi_use_spell_out(const ampi_use *use, char *out, size_t size, amp_error *error);

#endif
