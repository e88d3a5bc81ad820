/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/watch.h - what a profile is made of: the steps of a run, and how long each took.
 *
 * A runner that is given a watch appends a row for each step of the plans it runs, and from then on
 * adds up their time.  A runner without one reads no clock.
 */
#ifndef AMPI_EXEC_WATCH_H
#define AMPI_EXEC_WATCH_H

#include "graph/graph.h"

#define AMPI_WATCH_TEXT 64u

typedef struct ampi_watch_row {
    char name[AMPI_NAME]; /* module path of the node */
    char what[AMPI_WATCH_TEXT], kernel[AMPI_WATCH_TEXT], shape[AMPI_WATCH_TEXT];
    uint64_t multiply_adds; /* of one call */
    uint32_t rows;          /* of one call: pairs, or images in the image's half of the stem */
    uint32_t calls;         /* since ampi_watch_restart */
    double seconds;         /* of these calls */
} ampi_watch_row;

typedef struct ampi_watch {
    amp_context *context; /* borrowed */
    ampi_watch_row *rows; /* in the order of their first run */
    size_t count, capacity;
} ampi_watch;

/* A steady clock, in seconds. */
double ampi_watch_now(void);
amp_status ampi_watch_append(ampi_watch *watch, const ampi_watch_row *row, amp_error *error);
/* What a convolution or another node with two shapes works on: "16x32x32 -> 32x16x16, 3x3/2". */
void ampi_watch_describe(ampi_watch_row *row, const ampi_graph *graph, const ampi_node *node);
/* Multiply-adds of a convolution or a linear layer for one row; 0 of any other node. */
uint64_t ampi_watch_multiply_adds(const ampi_graph *graph, const ampi_node *node);
/* Calls and seconds of all rows from 0 again. */
void ampi_watch_restart(ampi_watch *watch);
void ampi_watch_clear(ampi_watch *watch);

#endif
