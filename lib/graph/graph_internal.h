/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/graph_internal.h - what the files of this room share: appending, shape inference, the
 * walk of a rewrite.
 *
 * build.c and the rewrites append through here; nobody outside lib/graph does.
 */
#ifndef AMPI_GRAPH_INTERNAL_H
#define AMPI_GRAPH_INTERNAL_H

#include "graph/graph.h"

/* ---- appending (graph.c) ---- */

/* A node of `op` with no inputs, parameters or fused parts. */
ampi_node ampi_node_make(ampi_op op);

/* Appends a copy of *node as it is; names it "<op>.<index>" when its name is empty. */
amp_status ampi_graph_append(ampi_graph *graph, int32_t *out, const ampi_node *node,
                             amp_error *error);

typedef struct ampi_tensor_spec {
    const char *owner; /* tensor name = "<owner>.<field>", or the owner's where field is NULL */
    const char *field;
    uint32_t rank;
    size_t dims[4];
    bool trainable;
} ampi_tensor_spec;

/* Appends a zeroed tensor. */
amp_status ampi_graph_append_tensor(ampi_graph *graph, int32_t *out, const ampi_tensor_spec *spec,
                                    amp_error *error);

/* The tensor of a node, or NULL where it has none. */
ampi_tensor *ampi_node_tensor(const ampi_graph *graph, const ampi_node *node, ampi_param param);

/* "weight", "running_mean", ...: the part of a tensor's name after the node's. */
const char *ampi_param_name(ampi_op op, ampi_param param);

/* ---- shapes (shape.c) ---- */

/* Output shape of *node, whose inputs are in the graph; `channels` is what a convolution or
   linear layer makes.  Fails with the node's name where the shapes do not fit. */
amp_status ampi_graph_infer(const ampi_graph *graph, const ampi_node *node, uint32_t channels,
                            ampi_shape *out, amp_error *error);
bool ampi_shape_equal(ampi_shape a, ampi_shape b);
/* The shape's sides and volume are within the limits. */
amp_status ampi_shape_check(ampi_shape shape, const char *name, amp_error *error);
/* The dimensions that tensor `param` of *node must have; rank 0 and false when it has none. */
bool ampi_node_param_dims(const ampi_graph *graph, const ampi_node *node, ampi_param param,
                          ampi_tensor_spec *out);

/* ---- architectures (arch_*.c) ---- */

/* The values of every family's options; a family's table lists those that it knows. */
typedef struct ampi_arch {
    int64_t depth; /* wrn */
    int64_t width; /* wrn, resnet9, airbench */
    int64_t classes, channels, size, height_px, width_px;
    double dropout; /* wrn */
    bool anchored;
} ampi_arch;

/* Each appends a whole network behind node 0. */
amp_status ampi_arch_wrn(ampi_graph *graph, const ampi_arch *arch, amp_error *error);
amp_status ampi_arch_resnet9(ampi_graph *graph, const ampi_arch *arch, amp_error *error);
amp_status ampi_arch_airbench(ampi_graph *graph, const ampi_arch *arch, amp_error *error);

typedef struct ampi_resnet {
    const uint32_t *blocks; /* [4]: units of a stage                                */
    bool bottleneck;        /* 1x1, 3x3 (stride), 1x1 to 4 times the width          */
    bool imagenet;          /* 7x7 stem and max pool, names "downsample" and "fc"   */
} ampi_resnet;

amp_status ampi_arch_resnet(ampi_graph *graph, const ampi_arch *arch, const ampi_resnet *net,
                            amp_error *error);

/* ---- rewrites (rewrite.c) ---- */

typedef struct ampi_rewrite {
    const ampi_graph *from;
    ampi_graph *to;
    int32_t *map;      /* [from->n_nodes]: node of `to` that holds the value, or AMPI_NONE    */
    uint32_t *readers; /* [from->n_nodes]: live readers; the output counts as read once;
                          0 = dead, not visited                                               */
} ampi_rewrite;

/* The new graph gets its node 0, of the same shape. */
amp_status ampi_rewrite_begin(ampi_rewrite *rewrite, const ampi_graph *from, amp_error *error);
/* Frees the working arrays; the new graph too unless `keep`. */
void ampi_rewrite_end(ampi_rewrite *rewrite, bool keep);
/* Copies node `index` with its tensors. */
amp_status ampi_rewrite_copy(ampi_rewrite *rewrite, int32_t index, amp_error *error);
/* The only live reader of node `index`, or AMPI_NONE. */
int32_t ampi_rewrite_sole_reader(const ampi_rewrite *rewrite, int32_t index);

/* ---- batch norm as y = scale x + shift (fold.c) ---- */

void ampi_bn_affine(const ampi_graph *graph, const ampi_node *bn, size_t channel, double *scale,
                    double *shift);
/* Into a convolution of `to` that has neither relu nor sum. */
amp_status ampi_bn_fold(ampi_graph *to, int32_t conv, const ampi_graph *from, const ampi_node *bn,
                        amp_error *error);
/* Appends AMPI_OP_SCALE in place of batch norm `index`. */
amp_status ampi_bn_to_scale(ampi_rewrite *rewrite, int32_t index, amp_error *error);

#endif
