/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_tape_calls.c - the steps of a oneDNN tape that are our own code: statistics and
 * dropout.
 */
#include "exec/dnnl_tape.h"
#include "exec/dnnl_vector.h"

#include <string.h>

void ampi_tape_track(const ampi_call *call)
{
    const ampi_tape_dnnl *const tape = call->owner;
    const ampi_node *const node = &tape->setup.graph->nodes[call->node];
    const float *const mean = call->pointers[0], *const var = call->pointers[1];

    ampi_layers_track(tape->setup.graph, node, mean, var,
                      tape->setup.batch * node->shape.h * node->shape.w);
}

typedef struct drop_job {
    const ampi_tape_dnnl *tape;
    ampi_dropout dropout;
    ampi_shape shape;
    dnnl_format_tag_t tag;
    size_t values; /* an image, padding included */
    float scale;
    const void *from;
    uint8_t *mask;
    void *to;
} drop_job;

static size_t channel_block(const drop_job *job)
{
    if (job->tag == dnnl_nChw16c)
        return 16;
    if (job->tag == dnnl_nChw8c)
        return 8;
    return job->tag == dnnl_nhwc ? job->shape.c : 1;
}

static void draw_image(const drop_job *job, size_t image, uint8_t *mask)
{
    const size_t pixels = (size_t)job->shape.h * job->shape.w, block = channel_block(job);

    for (size_t c = 0; c < job->shape.c; c++)
        ampi_layers_mask(&job->dropout, image, c, pixels, block,
                         mask + c / block * block * pixels + c % block);
}

static void apply_f32(const float *from, const uint8_t *mask, float *to, size_t values, float scale)
{
    for (size_t i = 0; i < values; i++)
        to[i] = mask[i] != 0 ? from[i] * scale : 0.0F;
}

/* Values are finite, or the loss shows it. */
static uint16_t scaled(uint16_t value, float scale)
{
    uint32_t bits = (uint32_t)value << 16;
    float real;

    memcpy(&real, &bits, sizeof real);
    real *= scale;
    memcpy(&bits, &real, sizeof bits);
    return (uint16_t)ampi_bf16(bits);
}

static void apply_bf16(const uint16_t *from, const uint8_t *mask, uint16_t *to, size_t values,
                       float scale)
{
    for (size_t i = 0; i < values; i++)
        to[i] = mask[i] != 0 ? scaled(from[i], scale) : (uint16_t)0;
}

/* Images `begin` to `end` - 1; in place allowed. */
static void apply(const drop_job *job, size_t begin, size_t end)
{
    const size_t at = begin * job->values, values = (end - begin) * job->values;

    if (job->tape->type == dnnl_bf16)
        apply_bf16((const uint16_t *)job->from + at, job->mask + at, (uint16_t *)job->to + at,
                   values, job->scale);
    else
        apply_f32((const float *)job->from + at, job->mask + at, (float *)job->to + at, values,
                  job->scale);
}

static void drop_images(void *argument, size_t begin, size_t end)
{
    const drop_job *const job = argument;

    for (size_t i = begin; i < end; i++) {
        draw_image(job, i, job->mask + i * job->values);
        apply(job, i, i + 1);
    }
}

static void pass_images(void *argument, size_t begin, size_t end)
{
    apply(argument, begin, end);
}

static drop_job make_job(const ampi_call *call)
{
    const ampi_tape_dnnl *const tape = call->owner;
    const ampi_node *const node = &tape->setup.graph->nodes[call->node];
    const drop_job job = { .tape = tape,
                           .dropout = { tape->seed, tape->step, call->node, node->dropout },
                           .shape = node->shape,
                           .tag = tape->nodes[call->node].tag,
                           .values = call->bytes[1] / tape->setup.batch,
                           .scale = ampi_layers_mask_scale(node->dropout),
                           .from = call->pointers[0],
                           .mask = call->pointers[1],
                           .to = call->pointers[2] };
    return job;
}

void ampi_tape_drop(const ampi_call *call)
{
    drop_job job = make_job(call);

    ampi_parallel(job.tape->setup.options.threads, job.tape->setup.batch, drop_images, &job);
}

void ampi_tape_drop_backward(const ampi_call *call)
{
    drop_job job = make_job(call);

    ampi_parallel(job.tape->setup.options.threads, job.tape->setup.batch, pass_images, &job);
}
