/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_plan.c - keeps a plan's lists and places its buffers in the arena.
 *
 * dnnl_emit.c is the only caller that appends.
 */
#include "exec/dnnl_plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define HUGE_ARENA ((size_t)4 << 20)

void ampi_plan_init(ampi_plan *plan, amp_context *context, dnnl_engine_t engine)
{
    const ampi_plan empty = { 0 };

    *plan = empty;
    plan->context = context;
    plan->engine = engine;
}

static void drop_descs(ampi_plan *plan)
{
    for (size_t i = 0; i < plan->n_descs; i++)
        dnnl_primitive_desc_destroy(plan->descs[i]);
    ampi_free(plan->context, plan->descs);
    plan->descs = NULL;
    plan->n_descs = plan->desc_capacity = 0;
}

void ampi_plan_clear(ampi_plan *plan)
{
    drop_descs(plan);
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].primitive != NULL)
            dnnl_primitive_destroy(plan->steps[i].primitive);
    for (size_t i = 0; i < plan->n_buffers; i++) {
        ampi_layout_clear(&plan->buffers[i]->layout);
        ampi_free(plan->context, plan->buffers[i]);
    }
    ampi_free(plan->context, plan->steps);
    ampi_free(plan->context, plan->buffers);
    ampi_plan_init(plan, plan->context, plan->engine);
}

amp_status ampi_plan_buffer(ampi_plan *plan, const ampi_buffer *buffer, int32_t *out,
                            amp_error *error)
{
    ampi_buffer *own;

    AMPI_TRY(ampi_grow(plan->context, &plan->buffers, &plan->buffer_capacity, plan->n_buffers + 1,
                       sizeof *plan->buffers, error));
    own = ampi_alloc(plan->context, 1, sizeof *own);
    if (own == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *own);
    *own = *buffer;
    own->first = own->last = -1;
    *out = (int32_t)plan->n_buffers;
    plan->buffers[plan->n_buffers++] = own;
    return AMP_OK;
}

static void touch(ampi_buffer *buffer, int32_t now)
{
    if (buffer->first < 0)
        buffer->first = now;
    buffer->last = now;
}

amp_status ampi_plan_step(ampi_plan *plan, const ampi_step *step, amp_error *error)
{
    const int32_t now = (int32_t)plan->n_steps;
    const amp_status status = ampi_grow(plan->context, &plan->steps, &plan->step_capacity,
                                        plan->n_steps + 1, sizeof *plan->steps, error);

    if (status != AMP_OK) {
        if (step->primitive != NULL)
            dnnl_primitive_destroy(step->primitive);
        return status;
    }
    plan->steps[plan->n_steps++] = *step;
    for (uint32_t i = 0; i < step->n_args; i++)
        for (ampi_buffer *b = plan->buffers[step->buffers[i]]; b != NULL; b = b->same)
            touch(b, now);
    return AMP_OK;
}

amp_status ampi_plan_keep(ampi_plan *plan, dnnl_primitive_desc_t desc, amp_error *error)
{
    const amp_status status = ampi_grow(plan->context, &plan->descs, &plan->desc_capacity,
                                        plan->n_descs + 1, sizeof *plan->descs, error);

    if (status != AMP_OK) {
        dnnl_primitive_desc_destroy(desc);
        return status;
    }
    plan->descs[plan->n_descs++] = desc;
    return AMP_OK;
}

/* ---- placing: largest first, each at the lowest place that is free during its life ---------- */

static int by_size(const void *a, const void *b)
{
    const ampi_buffer *const x = *(const ampi_buffer *const *)a;
    const ampi_buffer *const y = *(const ampi_buffer *const *)b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : x->last - y->last;
}

static bool in_arena(const ampi_buffer *buffer)
{
    return !buffer->outside && buffer->same == NULL && buffer->first >= 0 && buffer->bytes > 0;
}

static size_t round_up(size_t bytes)
{
    const size_t unit = bytes >= PAGE ? PAGE : AMPI_ALIGN;

    return (bytes + unit - 1) / unit * unit;
}

static bool collide(const ampi_buffer *a, const ampi_buffer *b, size_t offset)
{
    return a->first <= b->last && b->first <= a->last && offset < b->offset + round_up(b->bytes) &&
           b->offset < offset + round_up(a->bytes);
}

/* Every collision moves the candidate up to the end of what is in its way. */
static size_t find_place(const ampi_buffer *buffer, ampi_buffer *const *placed, size_t n_placed)
{
    size_t offset = 0;
    bool moved = true;

    while (moved) {
        moved = false;
        for (size_t i = 0; i < n_placed; i++) {
            if (collide(buffer, placed[i], offset)) {
                const size_t end = placed[i]->offset + round_up(placed[i]->bytes);
                offset = buffer->bytes >= PAGE ? (end + PAGE - 1) / PAGE * PAGE : end;
                moved = true;
            }
        }
    }
    return offset;
}

amp_status ampi_plan_place(ampi_plan *plan, amp_error *error)
{
    ampi_buffer **const order = ampi_alloc(plan->context, plan->n_buffers, sizeof *order);
    size_t n = 0;

    drop_descs(plan);
    if (order == NULL)
        return ampi_fail_nomem(error, "exec", plan->n_buffers * sizeof *order);
    for (size_t i = 0; i < plan->n_buffers; i++)
        if (in_arena(plan->buffers[i]))
            order[n++] = plan->buffers[i];
    qsort(order, n, sizeof *order, by_size);
    for (size_t i = 0; i < n; i++) {
        order[i]->offset = find_place(order[i], order, i);
        if (order[i]->offset + round_up(order[i]->bytes) > plan->arena_bytes)
            plan->arena_bytes = order[i]->offset + round_up(order[i]->bytes);
    }
    ampi_free(plan->context, order);
    return AMP_OK;
}

unsigned char *ampi_arena_make(amp_context *context, size_t bytes)
{
    unsigned char *const arena = ampi_alloc_raw(context, bytes, 1);
    const uintptr_t begin = ((uintptr_t)arena + PAGE - 1) / PAGE * PAGE;

    if (arena == NULL)
        return NULL;
#ifdef MADV_HUGEPAGE
    /* Convolutions stride through tens of megabytes: fewer address translations. */
    if (bytes >= HUGE_ARENA)
        madvise((void *)begin, bytes - (begin - (uintptr_t)arena), MADV_HUGEPAGE);
#endif
    memset(arena, 0, bytes);
    return arena;
}
