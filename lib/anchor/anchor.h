/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/anchor.h - the network split at its stem, pairs [c, x - c], and what K predictions say
 * together.  Banks of anchors are in bank_internal.h.
 */
#ifndef AMPI_ANCHOR_H
#define AMPI_ANCHOR_H

#include "data/data_internal.h"
#include "exec/exec.h"
#include <stdatomic.h>

/* ---- the network in three, made to run (network.c, pass.c) ---- */
/* Programs of one model: image half, anchor half, trunk; a plain network has `trunk` alone.
   Reference-counted, immutable, shared by a model's banks and scorers. */
typedef struct ampi_network {
    amp_context *context;
    atomic_uint references;
    ampi_backend backend;
    ampi_precision precision;
    bool anchored;
    bool observing;   /* the trunk notes the ranges of its values */
    ampi_shape image; /* [c,h,w] of one image                   */
    ampi_shape stem;  /* of the stem's output; anchored only    */
    uint32_t classes;
    ampi_program *image_half, *anchor_half, *trunk;
} ampi_network;

static inline size_t ampi_shape_values(ampi_shape shape)
{
    return (size_t)shape.c * shape.h * shape.w;
}

/* The halves of the stem are fp32 in every precision: they are little work, and what all else is
   made of. */
amp_status ampi_network_create(ampi_network **out, const ampi_graph *graph, ampi_backend backend,
                               ampi_precision precision, amp_error *error);
/* In fp32, its trunk observing. */
amp_status ampi_network_create_observing(ampi_network **out, const ampi_graph *graph,
                                         ampi_backend backend, amp_error *error);
ampi_network *ampi_network_ref(ampi_network *network);
void ampi_network_unref(ampi_network *network);
/* Anchors [n,c,h,w] normalised -> their halves of the stem [n,s,h',w'].  Anchored only. */
amp_status ampi_network_anchor_stems(ampi_network *network, int32_t threads, size_t n,
                                     const float *images, float *stems, amp_error *error);
/* Of the first convolution's output: what image half and anchor half give. */
ampi_shape ampi_stem_shape(const ampi_graph *graph);
/* Hash of the weights that an anchor's half of the stem depends on. */
amp_status ampi_stem_fingerprint(const ampi_graph *graph, uint64_t *out, amp_error *error);

/* The memory of one run over a network. */
typedef struct ampi_pass ampi_pass;
amp_status ampi_pass_create(ampi_pass **out, ampi_network *network, amp_error *error);
void ampi_pass_free(ampi_pass *pass);
/* Rows (image, anchor) of one run of the trunk; 0 = chosen by size.  Never changes a bit. */
void ampi_pass_set_rows(ampi_pass *pass, size_t rows);
size_t ampi_pass_rows(const ampi_pass *pass);
/* What is chosen for inputs of that many values a row. */
size_t ampi_pass_most_rows(size_t values);
/* From now on runs are noted in `watch`, which outlives them; NULL = no more.  See exec/watch.h. */
amp_status ampi_pass_watch(ampi_pass *pass, ampi_watch *watch, amp_error *error);
/* Stem outputs of the anchors, [count,s,h',w']; none for a plain network. */
typedef struct ampi_anchors {
    size_t count;
    const float *stems;
} ampi_anchors;
/* images [n,c,h,w] normalised -> logits [n,max(K,1),classes].  Chunked inside: memory does not grow
   with n. */
amp_status ampi_pass_run(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                         const ampi_anchors *anchors, float *logits, amp_error *error);

/* The same in two steps, for a caller that takes anchors one by one: the image's half of the stem
   of n images (n * that many values fit in a run of ampi_pass_rows), then for m of them, named by
   their index, the trunk with one anchor -> logits [m,classes].  Anchored only. */
amp_status ampi_pass_stems(ampi_pass *pass, int32_t threads, size_t n, const float *images,
                           amp_error *error);
amp_status ampi_pass_one_anchor(ampi_pass *pass, int32_t threads, size_t m, const uint32_t *which,
                                const float *anchor, float *logits, amp_error *error);

/* ---- consistency.c ---- */
/* logits [K,C] of one image -> H[C] mean, *tau_sum = sum_j s_j, *tau_mean = sum / C; s_j the
   unbiased deviation over k of sigmoid(z_kj).  K = 1: both NaN.  Double throughout. */
void ampi_consistency(const float *logits, size_t k, size_t classes, double *mean, double *tau_sum,
                      double *tau_mean);

/* ---- pair.c: the training pairing ---- */
/* x [n,c,h,w] -> pairs [n,2c,h,w]: channels 0..c-1 = anchors (already transformed), c.. = x - c. */
void ampi_pair(size_t n, size_t values, const float *x, const float *anchor,
               const float *shown_anchor, float *out);

#endif
