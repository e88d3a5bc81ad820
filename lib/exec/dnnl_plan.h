/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_plan.h - a list of steps over buffers that share one arena, for one batch size.
 *
 * dnnl_emit.c fills a plan; ampi_plan_place then gives every arena buffer its offset, two buffers
 * share bytes where no step needs both.  A plan is immutable afterwards and may be shared; a
 * binding is a plan joined to memory, runs it, and serves one thread at a time.
 */
#ifndef AMPI_EXEC_DNNL_PLAN_H
#define AMPI_EXEC_DNNL_PLAN_H

#include "exec/dnnl_api.h"
#include "exec/watch.h"

#define AMPI_STEP_ARGS 12u

typedef enum ampi_phase {
    AMPI_PHASE_FORWARD,
    AMPI_PHASE_BACKWARD,
    AMPI_PHASE_INPUT, /* the gradient of the input, only when asked for */
    AMPI_PHASE_COUNT
} ampi_phase;

/* What a step of our own code gets: its buffers in the order given to ampi_emit_call. */
typedef struct ampi_call {
    void *owner; /* of the binding */
    size_t node;
    void *const *pointers;
    const size_t *bytes;
    int32_t threads; /* that it may use */
    size_t images;   /* of the plan */
} ampi_call;

typedef void (*ampi_step_fn)(const ampi_call *call);

typedef struct ampi_buffer {
    ampi_layout layout; /* none for bytes of our own */
    size_t bytes, offset;
    struct ampi_buffer *same; /* lies where that one does, as another type; or NULL */
    int32_t first, last;      /* steps that touch it, -1 = none yet */
    bool outside;             /* not in the arena: `pointer`, or given by ampi_binding_point */
    void *pointer;
} ampi_buffer;

/* Either a primitive or a function. */
typedef struct ampi_step {
    dnnl_primitive_t primitive;
    ampi_step_fn function;
    const char *what; /* static text for a profile; NULL: as the primitive says */
    bool alone;       /* on one thread, whatever team runs the rest */
    size_t node;
    ampi_phase phase;
    uint32_t n_args;
    int keys[AMPI_STEP_ARGS]; /* DNNL_ARG_... */
    int32_t buffers[AMPI_STEP_ARGS];
} ampi_step;

typedef struct ampi_plan {
    amp_context *context; /* borrowed */
    dnnl_engine_t engine; /* borrowed */
    int32_t threads;      /* of its functions; 0 = 1 */
    size_t images;
    ampi_buffer **buffers; /* one block each: a descriptor of 2.x points into it */
    size_t n_buffers, buffer_capacity;
    ampi_step *steps;
    size_t n_steps, step_capacity;
    dnnl_primitive_desc_t *descs; /* kept while the plan is made: hints of backward ones */
    size_t n_descs, desc_capacity;
    size_t arena_bytes;
} ampi_plan;

void ampi_plan_init(ampi_plan *plan, amp_context *context, dnnl_engine_t engine);
void ampi_plan_clear(ampi_plan *plan);
amp_status ampi_plan_buffer(ampi_plan *plan, const ampi_buffer *buffer, int32_t *out,
                            amp_error *error);
/* Appends a step and marks its buffers as touched by it; takes over the primitive. */
amp_status ampi_plan_step(ampi_plan *plan, const ampi_step *step, amp_error *error);
/* Takes over the descriptor, also on failure. */
amp_status ampi_plan_keep(ampi_plan *plan, dnnl_primitive_desc_t desc, amp_error *error);
/* Gives the arena's buffers their places; the descriptors are dropped. */
amp_status ampi_plan_place(ampi_plan *plan, amp_error *error);

typedef struct ampi_binding {
    const ampi_plan *plan;
    void *owner; /* passed to functions */
    dnnl_stream_t stream;
    void **pointers;         /* [n_buffers] */
    dnnl_memory_t *memories; /* [n_buffers], NULL without a layout */
    dnnl_exec_arg_t *args;   /* [n_steps][AMPI_STEP_ARGS] */
} ampi_binding;

/* Zeroed, on huge pages where the machine gives them; ampi_free it. */
unsigned char *ampi_arena_make(amp_context *context, size_t bytes);

/* `arena` holds plan->arena_bytes, 64-byte aligned, and outlives the binding. */
amp_status ampi_binding_create(ampi_binding **out, const ampi_plan *plan, unsigned char *arena,
                               void *owner, amp_error *error);
void ampi_binding_free(ampi_binding *binding);
/* Where outside buffer `buffer` is from now on; it is not written if no step writes it. */
amp_status ampi_binding_point(ampi_binding *binding, int32_t buffer, const void *pointer,
                              amp_error *error);
amp_status ampi_binding_run(ampi_binding *binding, ampi_phase phase, amp_error *error);
/* The forward phase, each step's time added to its row; rows [n_steps]. */
amp_status ampi_binding_watch(ampi_binding *binding, ampi_watch_row *rows, amp_error *error);

#endif
