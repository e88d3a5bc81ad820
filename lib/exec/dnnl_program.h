/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_program.h - inference on oneDNN: what its files share.
 *
 * dnnl_program.c keeps the plans and the prepared weights of a program, dnnl_infer.c turns a graph
 * into a plan, dnnl_runner.c runs plans.
 */
#ifndef AMPI_EXEC_DNNL_PROGRAM_H
#define AMPI_EXEC_DNNL_PROGRAM_H

#include "exec/backend.h"
#include "exec/dnnl_int8.h"
#include "exec/dnnl_join.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

typedef struct ampi_cache ampi_cache;

/* A plan for `batch` images and a team of `threads`, shared by runners; lives as long as its
   cache. */
typedef struct ampi_dnnl_plan ampi_dnnl_plan;
struct ampi_dnnl_plan {
    ampi_plan plan;
    size_t batch;
    int32_t threads;
    int32_t input, output;   /* buffers given at each run */
    ampi_join_argument join; /* of a program that joins */
    ampi_dnnl_plan *next;    /* of the cache */
};

/* A large piece of memory that prepared weights share: one by one they would come with the page
   faults of each. */
typedef struct ampi_slab ampi_slab;
struct ampi_slab {
    ampi_slab *next;
    unsigned char *at; /* the bytes not yet taken */
    size_t left;
};

/* A tensor of the graph in a layout that some plan wants. */
typedef struct ampi_prepared {
    int32_t tensor;
    ampi_layout layout;
    void *data; /* in a slab */
} ampi_prepared;

/* What a plan wants of a tensor. */
typedef struct ampi_wanted {
    int32_t tensor;
    ampi_dims dims;
    ampi_md md;
    const float *scales; /* [AMPI_SCALES,dims.d[0]]: int8 values = real / scale; NULL = real ones */
} ampi_wanted;

/* What one process made: a forked child starts its own, a lock of the parent's may be held for
   ever there. */
struct ampi_cache {
    amp_context *context;
    const ampi_graph *graph;
    ampi_precision precision;
    ampi_seen *seen;           /* borrowed, NULL = nobody observes */
    const ampi_int8 *integers; /* borrowed, NULL = not in int8 */
    const ampi_join *join;     /* borrowed, NULL = runs get whole inputs */
    pid_t process;
    pthread_mutex_t mutex;
    dnnl_engine_t engine;
    float *zeros, *halves; /* [widest node]: the statistics of AMPI_OP_SCALE */
    ampi_dnnl_plan *plans; /* those made so far */
    ampi_prepared *prepared;
    size_t n_prepared, prepared_capacity;
    ampi_slab *slabs;
    float *scratch;     /* [largest tensor] while a plan is made, or NULL */
    ampi_cache *parent; /* freed together */
};

typedef struct ampi_dnnl_program {
    amp_context *context;
    const ampi_graph *graph;
    ampi_precision precision;
    ampi_seen *seen; /* borrowed */
    ampi_int8 *integers;
    ampi_join *join;
    _Atomic(ampi_cache *) cache;
} ampi_dnnl_program;

/* The cache of this process. */
amp_status ampi_dnnl_cache(ampi_dnnl_program *program, ampi_cache **out, amp_error *error);
/* The plan for `batch` images and `threads`; made when it is not there. */
amp_status ampi_dnnl_plan_get(ampi_cache *cache, const ampi_dnnl_plan **out, size_t batch,
                              int32_t threads, amp_error *error);

/* Ends a plan's making: what only that needed. */
void ampi_dnnl_prepared(ampi_cache *cache);
void ampi_dnnl_drop_slabs(ampi_cache *cache);
/* Pointer to the tensor's values as wanted, the graph's own data where those are it. */
amp_status ampi_dnnl_prepare(ampi_cache *cache, const ampi_wanted *wanted, void **out,
                             amp_error *error);
/* Appends a row for each step of the plan; *first = index of the first.  `graph` is the program's.
 */
amp_status ampi_dnnl_watch(ampi_watch *watch, const ampi_graph *graph, const ampi_dnnl_plan *plan,
                           size_t *first, amp_error *error);
/* Fills the empty plan of `plan`, whose batch and threads are set. */
amp_status ampi_dnnl_infer(ampi_cache *cache, ampi_dnnl_plan *plan, amp_error *error);

#endif
