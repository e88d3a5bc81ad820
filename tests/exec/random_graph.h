/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_graph.h - graphs with random parameters and statistics, and how far two results are
 * apart; shared by the tests of lib/exec.
 */
#ifndef AMP_TEST_RANDOM_GRAPH_H
#define AMP_TEST_RANDOM_GRAPH_H

#include "graph/graph.h"

/* Builds by text and fills; fails the test when it cannot. */
ampi_graph *random_network(const char *arch, uint64_t seed);

/* Weights of variance 1.2 / fan in; batch norm scales of both signs, means and variances away from
   0 and 1. */
void random_fill(ampi_graph *graph, uint64_t seed);

/* `count` values of variance 1; malloc'ed. */
float *random_values(size_t count, uint64_t seed);

/* A graph as a text: c<channels>k<kernel>s<stride> convolution, C.. the same with a bias, b batch
   norm, r ReLU, d dropout, m max pool 3x3 stride 2, ( remember the value, ) add the remembered one,
   g global average, l<classes> linear. */
typedef struct net_case {
    ampi_shape input;
    const char *text;
} net_case;
ampi_graph *net_build(const net_case *net);

size_t shape_volume(ampi_shape shape);

/* Largest |a - b| over the largest |b|. */
double relative_distance(const float *a, const float *b, size_t count);

/* |a - b| over |b|, of the whole. */
double rms_distance(const float *a, const float *b, size_t count);

#endif
