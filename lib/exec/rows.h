/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/rows.h - where the rows of a run come from: whole inputs, or two halves of a stem.
 */
#ifndef AMPI_EXEC_ROWS_H
#define AMPI_EXEC_ROWS_H

#include "core/core.h"

/* The rows of a run: `values` [n,c,h,w], or where that is NULL the sums of two halves of a stem:
   row r of the run is row q = first + r, images[q / k] + anchors[q % k], or with `which`
   images[which[q]] + anchors[0]. */
typedef struct ampi_rows {
    const float *values;
    const float *images, *anchors; /* each [c,h,w] */
    const uint32_t *which;
    size_t k, first;
} ampi_rows;

/* The rows from `skip` on, `values` a row. */
static inline ampi_rows ampi_rows_skip(const ampi_rows *rows, size_t skip, size_t values)
{
    ampi_rows rest = *rows;

    if (rest.values != NULL)
        rest.values += skip * values;
    rest.first += skip;
    return rest;
}
/* The two halves of row r. */
static inline void ampi_rows_halves(const ampi_rows *rows, size_t r, size_t values,
                                    const float **image, const float **anchor)
{
    const size_t q = rows->first + r;
    const size_t i = rows->which != NULL ? rows->which[q] : q / rows->k;

    *image = rows->images + i * values;
    *anchor = rows->anchors + (rows->which != NULL ? 0 : q % rows->k) * values;
}

#endif
