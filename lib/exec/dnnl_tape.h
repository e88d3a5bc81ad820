/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_tape.h - training on oneDNN: what its files share.
 *
 * dnnl_tape.c makes and runs a tape; dnnl_tape_forward.c and dnnl_tape_backward.c turn each node
 * into steps once, when the tape is made; steps of our own are in dnnl_tape_calls.c and
 * dnnl_tape_winograd.c.
 */
#ifndef AMPI_EXEC_DNNL_TAPE_H
#define AMPI_EXEC_DNNL_TAPE_H

#include "exec/backend.h"
#include "exec/dnnl_emit.h"

typedef struct ampi_tape_node {
    uint32_t readers;
    int32_t partner; /* batch norm, add: the ReLU done with it; such a ReLU: that node */
    int32_t value;   /* buffer of the result, ReLU included                            */
    int32_t diff;    /* buffer of its gradient, complete when the node's turn comes    */
    bool diff_owned; /* nobody else reads that buffer afterwards                       */
    int32_t mean, var, workspace, mask;
    dnnl_format_tag_t tag;               /* dropout: order of its values */
    const_dnnl_primitive_desc_t forward; /* valid while the plan is made */
} ampi_tape_node;

typedef struct ampi_tape_dnnl {
    ampi_tape_setup setup;
    amp_context *context;
    dnnl_engine_t engine;
    dnnl_data_type_t type; /* of values and of their gradients */
    ampi_plan plan;
    ampi_emit emit; /* while the plan is made */
    ampi_tape_node *nodes;
    int32_t input, logits, d_logits, d_input; /* buffers given at each run */
    unsigned char *arena;
    ampi_binding *binding;
    uint64_t seed, step; /* of the last forward */
} ampi_tape_dnnl;

/* A convolution or linear layer in one direction, with Winograd where the rule and oneDNN have it;
   the plan keeps *out. */
amp_status ampi_tape_conv_desc(ampi_tape_dnnl *tape, const ampi_node *node,
                               ampi_direction direction, const_dnnl_primitive_desc_t hint,
                               dnnl_primitive_desc_t *out);
/* Plain outside buffer of a node's parameter, with the shape that oneDNN wants it in. */
amp_status ampi_tape_param(ampi_tape_dnnl *tape, const ampi_node *node, ampi_param param,
                           int32_t *out);
/* The same for the parameter's gradient. */
amp_status ampi_tape_param_diff(ampi_tape_dnnl *tape, const ampi_node *node, ampi_param param,
                                int32_t *out);

amp_status ampi_tape_emit_forward(ampi_tape_dnnl *tape);
amp_status ampi_tape_emit_backward(ampi_tape_dnnl *tape);

static inline size_t ampi_tape_value_bytes(const ampi_tape_dnnl *tape)
{
    return tape->type == dnnl_bf16 ? sizeof(uint16_t) : sizeof(float);
}

/* Convolutions of our own (dnnl_tape_winograd.c), where they are there: by shape alone, so that a
   run repeats.  From a value to the result, from the result's gradient to the value's, from both to
   the weights' gradient. */
bool ampi_tape_winograd(const ampi_tape_dnnl *tape, const ampi_node *node);
amp_status ampi_tape_winograd_forward(ampi_tape_dnnl *tape, const ampi_node *node, int32_t from,
                                      int32_t *made);
amp_status ampi_tape_winograd_data(ampi_tape_dnnl *tape, const ampi_node *node, int32_t from,
                                   int32_t *made);
amp_status ampi_tape_winograd_weights(ampi_tape_dnnl *tape, const ampi_node *node, int32_t from,
                                      int32_t gradient);

/* Steps of our own. */
void ampi_tape_track(const ampi_call *call);         /* mean, var */
void ampi_tape_drop(const ampi_call *call);          /* x, mask, y */
void ampi_tape_drop_backward(const ampi_call *call); /* dy, mask, dx */

#endif
