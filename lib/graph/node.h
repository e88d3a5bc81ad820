/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/node.h - what a graph is made of: operations, shapes, nodes, tensors, and their limits.
 *
 * Included by graph/graph.h, which has what can be done with them.
 */
#ifndef AMPI_NODE_H
#define AMPI_NODE_H

#include "core/file.h"

#define AMPI_NAME 96u
#define AMPI_MAX_NODES 4096u
#define AMPI_MAX_SIDE 4096u
#define AMPI_MAX_CHANNELS 65536u
#define AMPI_MAX_KERNEL 64u
#define AMPI_MAX_VALUES ((size_t)1 << 28) /* floats of all tensors together; of one activation */
#define AMPI_NONE (-1)

typedef enum ampi_op {
    AMPI_OP_INPUT,
    AMPI_OP_CONV,       /* params: weight [o,i,k,k], bias [o] or none              */
    AMPI_OP_BATCH_NORM, /* params: weight, bias, running_mean, running_var, counter */
    AMPI_OP_RELU,
    AMPI_OP_ADD, /* two inputs of one shape                                   */
    AMPI_OP_MAX_POOL,
    AMPI_OP_AVG_POOL, /* global: [c,h,w] -> [c,1,1]                                */
    AMPI_OP_LINEAR,   /* params: weight [o,i], bias [o]; input [i,1,1]             */
    AMPI_OP_DROPOUT,  /* identity outside training                                 */
    AMPI_OP_SCALE,    /* params: scale [c], shift [c]; made by rewrites            */
    AMPI_OP_COUNT
} ampi_op;

typedef struct ampi_shape {
    uint32_t c, h, w;
} ampi_shape;

/* Of a value, as seen on calibration images; what lies outside is cut off in int8.  low == high =
   never seen. */
typedef struct ampi_range {
    float low, high;
} ampi_range;

typedef enum ampi_param {
    AMPI_PARAM_WEIGHT = 0,
    AMPI_PARAM_BIAS = 1,
    AMPI_PARAM_MEAN = 2,
    AMPI_PARAM_VAR = 3,
    AMPI_PARAM_COUNTER = 4,
    AMPI_PARAM_COUNT = 5
} ampi_param;

typedef struct ampi_node {
    ampi_op op;
    char name[AMPI_NAME];             /* module path, as in a PyTorch state_dict          */
    int32_t inputs[2];                /* earlier nodes or AMPI_NONE                        */
    ampi_shape shape;                 /* of the output                                     */
    int32_t params[AMPI_PARAM_COUNT]; /* tensors or AMPI_NONE                             */
    uint32_t kernel, stride, pad;     /* conv, max pool                                    */
    float epsilon, momentum;          /* batch norm                                        */
    float dropout;                    /* share of values dropped in training, 0..<1        */
    bool relu;                        /* fused: applied last; set by rewrites only         */
    int32_t sum;                      /* fused: node added before relu, or AMPI_NONE       */
    ampi_range reads, makes;          /* convolution: of its input; of its result, fused parts
                                         included                                          */
} ampi_node;

typedef struct ampi_tensor {
    char name[AMPI_NAME]; /* "layer1.0.conv1.weight"                           */
    uint32_t rank;        /* 0 for the int64 counters of batch norm            */
    size_t dims[4];
    size_t count;    /* values                                            */
    float *data;     /* [count], row-major, plain; NULL for a counter, and where `file` is  */
    ampi_file *file; /* the values lie there from byte `offset` on, read when wanted */
    size_t offset;
    double *gains;   /* [dims[0]] of convolution weights in an optimised graph, or NULL: a
                        folded batch norm's factors, see ampi_tensor_write               */
    int64_t counter; /* rank 0 only                                       */
    bool trainable;  /* has a gradient (weights and biases)               */
} ampi_tensor;

typedef struct ampi_graph {
    amp_context *context; /* referenced                                        */
    char arch[256];       /* what built it, "wrn:depth=40,width=2,..."; "" after rewrites */
    bool anchored;        /* input = [c, x - c], twice the image's channels    */
    ampi_node *nodes;
    size_t n_nodes, node_capacity;
    ampi_tensor *tensors;
    size_t n_tensors, tensor_capacity;
    size_t n_values;    /* floats in all tensors                              */
    size_t value_limit; /* n_values may not pass it; AMPI_MAX_VALUES or less  */
    bool hollow;        /* new tensors of two dimensions or more get no memory: whoever makes the
                           graph gives them some, or a place in a file */
} ampi_graph;

#endif
