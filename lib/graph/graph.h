/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/graph.h - a network as data: typed nodes in order, named tensors, inferred shapes.
 *
 * Builders and file readers end here; the executor starts here and knows nothing
 * of where a graph came from.  Node 0 is the input; the last node is the output.
 * A node's inputs come before it.  Shapes are per image, [c,h,w]; logits are [c,1,1].
 */
#ifndef AMPI_GRAPH_H
#define AMPI_GRAPH_H

#include "graph/node.h"

/* ---- making (graph.c) ---- */
amp_status ampi_graph_create(ampi_graph **out, amp_context *context, ampi_shape input,
                             amp_error *error);
void ampi_graph_free(ampi_graph *graph);
amp_status ampi_graph_clone(ampi_graph **out, const ampi_graph *graph, amp_error *error);

typedef struct ampi_conv {
    uint32_t channels, kernel, stride, pad; /* of the output; square window */
    bool bias;
} ampi_conv;

/* Each appends a node (and its named, zeroed tensors), infers and checks its shape, and gives its
   index.  Tensor names: "<name>.weight", "<name>.bias", "<name>.running_mean", ...  Nodes without
   parameters are named after their operation and index, "relu.7".  After a failure the graph can
   only be freed. */
amp_status ampi_graph_conv(ampi_graph *graph, int32_t *out, const char *name, int32_t input,
                           const ampi_conv *how, amp_error *error);
amp_status ampi_graph_batch_norm(ampi_graph *graph, int32_t *out, const char *name, int32_t input,
                                 amp_error *error);
amp_status ampi_graph_relu(ampi_graph *graph, int32_t *out, int32_t input, amp_error *error);
amp_status ampi_graph_add(ampi_graph *graph, int32_t *out, int32_t a, int32_t b, amp_error *error);
amp_status ampi_graph_max_pool(ampi_graph *graph, int32_t *out, int32_t input, uint32_t kernel,
                               uint32_t stride, uint32_t pad, amp_error *error);
amp_status ampi_graph_avg_pool(ampi_graph *graph, int32_t *out, int32_t input, amp_error *error);
amp_status ampi_graph_dropout(ampi_graph *graph, int32_t *out, int32_t input, float share,
                              amp_error *error);
amp_status ampi_graph_linear(ampi_graph *graph, int32_t *out, const char *name, int32_t input,
                             uint32_t channels, amp_error *error);

/* ---- asking ---- */
ampi_shape ampi_graph_input(const ampi_graph *graph);
uint32_t ampi_graph_classes(const ampi_graph *graph);        /* channels of the last node       */
uint32_t ampi_graph_image_channels(const ampi_graph *graph); /* input.c, halved when anchored   */
/* The values without gains, for reading: the tensor's own block, or one read from its file; either
   way ampi_free it. */
amp_status ampi_tensor_plain(const ampi_tensor *tensor, amp_context *context, float **out,
                             amp_error *error);
/* With their gains, data * gain rounded once, into to[count].  Folding copies no weights: whoever
   prepares them does. */
amp_status ampi_tensor_write(const ampi_tensor *tensor, float *to, amp_error *error);
/* The values without gains, for writing: always a new block. */
amp_status ampi_tensor_copy(const ampi_tensor *tensor, amp_context *context, float **out,
                            amp_error *error);
/* Every tensor's gains into its values, and these into memory. */
amp_status ampi_graph_settle(ampi_graph *graph, amp_error *error);
const ampi_tensor *ampi_graph_find(const ampi_graph *graph, const char *name);
size_t ampi_graph_parameters(const ampi_graph *graph); /* trainable values                */
uint64_t ampi_graph_macs(const ampi_graph *graph);     /* multiply-adds an image          */
/* Those of convolutions that can run in int8: the range of what they read is known, and it is not
   the network's input. */
uint64_t ampi_graph_ranged_macs(const ampi_graph *graph);
bool ampi_node_ranged(const ampi_node *node);
/* Every invariant that the builders promise, for graphs that came from elsewhere. */
amp_status ampi_graph_check(const ampi_graph *graph, amp_error *error);
/* All values in memory finite, running variances and counters >= 0. */
amp_status ampi_graph_check_values(const ampi_graph *graph, amp_error *error);
/* "conv", "batch_norm", ...; "?" outside the enum. */
const char *ampi_op_name(ampi_op op);

/* ---- architectures (arch*.c) ---- */
/* "family:key=value,..." with the families
     wrn                                                     depth=40, width=2, dropout=0
     resnet9 | airbench                                      width=64; small and fast to train
     resnet18 | resnet34                                     stem 3x3 of the CIFAR nets
     resnet18-imagenet | resnet34-imagenet | resnet50-imagenet   torchvision's, v1.5
   and the keys classes (10; imagenet 1000), channels=3 (of the image, 1 or 3), size (32; imagenet
   224), height_px and width_px (0 = size), anchored=1.  Parameters are zero; ampi_graph_init fills
   them.  graph->arch gets the text with every key written out. */
amp_status ampi_graph_build(ampi_graph **out, amp_context *context, const char *arch,
                            amp_error *error);
/* The same hollow and with another value_limit: for an arch that came with a file, whose weights
   will lie there, and which is no larger than that file can be. */
amp_status ampi_graph_build_hollow(ampi_graph **out, amp_context *context, const char *arch,
                                   size_t value_limit, amp_error *error);
/* A family as text for help pages: "wrn" -> its option table. NULL for an unknown family. */
const ampi_option *ampi_arch_options(const char *family, size_t *rows);
/* The family's own initialisation, counter-based: a tensor's values depend on the seed and on its
   index alone.  Convolutions get normal values of variance 2 / (k k out) except in resnet9,
   airbench, resnet18 and resnet34, which take PyTorch's defaults. */
void ampi_graph_init(ampi_graph *graph, uint64_t seed);

/* ---- rewrites (rewrite*.c): each makes a new graph that shares what it leaves as it is; weights
   of the given one must not change meanwhile ---- */
/* Batch norm into the convolution before it where that is its only reader; other batch norms
   become AMPI_OP_SCALE; dropout disappears; relu and add fuse into the node before where the
   intermediate value has no other reader. */
amp_status ampi_graph_optimise(ampi_graph **out, const ampi_graph *graph, amp_error *error);

/* An anchored graph in three: conv([c, x-c]; [Wc|Wd]) = conv(c; Wc - Wd) + conv(x; Wd).
   `image` and `anchor` are single convolutions from [ch,h,w] to the stem's [s,h',w'] (a folded
   batch norm's bias is in `image`), `trunk` starts from their sum. */
amp_status ampi_graph_split_stem(ampi_graph **image, ampi_graph **anchor, ampi_graph **trunk,
                                 const ampi_graph *graph, amp_error *error);

#endif
