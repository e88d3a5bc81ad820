/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/bank_internal.h - banks of anchors, their section of the model file, and how anchors are
 * chosen.
 */
#ifndef AMPI_BANK_H
#define AMPI_BANK_H

#include "anchor/anchor.h"
#include "core/blob.h"
#include <amp/bank.h>

/* ---- banks (bank.c, bank_blobs.c) ---- */
#define AMPI_MAX_ANCHORS 1000u

struct amp_bank {
    amp_context *context;
    atomic_uint references;
    uint32_t count;
    ampi_prepare prepare;
    uint8_t *pixels; /* [K,h,w,ch] or NULL                              */
    float *stems;    /* [K,s,h',w']                                     */
    ampi_shape stem;
    char method[32]; /* "random", "balanced", "kcentre", "given"        */
    uint64_t seed;
    uint64_t fingerprint; /* of the stem weights it was built with           */
};

/* A bank of `count` anchors that ampi_bank_fill then fills from pixels [K,h,w,ch]. */
amp_status ampi_bank_create(amp_bank **out, const ampi_graph *graph, const ampi_prepare *prepare,
                            uint32_t count, amp_error *error);
amp_status ampi_bank_fill(amp_bank *bank, ampi_network *network, const uint8_t *pixels,
                          bool keep_pixels, amp_error *error);
/* An image prepared so is what the network takes. */
amp_status ampi_prepare_check(const ampi_prepare *prepare, const ampi_graph *graph,
                              amp_error *error);
/* Context, stem shape and stem weights are the network's. */
amp_status ampi_bank_check(const amp_bank *bank, const ampi_graph *graph, amp_error *error);

/* To and from the model file's section "amp.bank.*". */
amp_status ampi_bank_to_blobs(const amp_bank *bank, ampi_blobs *out, amp_error *error);
bool ampi_bank_in_blobs(const ampi_blobs *blobs);
amp_status ampi_bank_from_blobs(amp_bank **out, const ampi_blobs *blobs,
                                const ampi_prepare *prepare, const ampi_graph *graph,
                                amp_error *error);

/* ---- which images become anchors (choose.c, kcentre.c) ---- */
enum { AMPI_CHOOSE_RANDOM, AMPI_CHOOSE_BALANCED, AMPI_CHOOSE_KCENTRE };

typedef struct ampi_choice {
    int64_t count, seed;
    int64_t pool; /* kcentre looks at this many images; 0 = all */
    int32_t method;
} ampi_choice;

typedef struct ampi_chooser {
    const ampi_graph *graph; /* kcentre only, with all below */
    ampi_backend backend;
    const ampi_prepare *prepare;
    amp_progress_fn progress;
    void *user;
} ampi_chooser;

const char *ampi_choice_name(int32_t method);
/* indices [choice->count] */
amp_status ampi_choose(const ampi_choice *choice, amp_dataset *dataset, const ampi_chooser *with,
                       uint64_t *indices, amp_error *error);
/* The same for one method; `order` holds the data set's indices, permuted. */
amp_status ampi_choose_kcentre(const ampi_choice *choice, const amp_dataset *dataset,
                               const ampi_chooser *with, const uint32_t *order, uint64_t *indices,
                               amp_error *error);
/* features [n,size]; chosen [count], count <= n, starts with point 0; nearest [n] is scratch. */
void ampi_farthest_points(size_t n, size_t size, const float *features, double *nearest,
                          size_t count, size_t *chosen);
/* Image `index` of a data set -> uint8 [h,w,ch] as the network takes it. */
amp_status ampi_prepare_from(const amp_dataset *dataset, uint64_t index,
                             const ampi_prepare *prepare, uint8_t *out, amp_error *error);

#endif
