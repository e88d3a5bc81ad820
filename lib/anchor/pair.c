/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/pair.c - the training pairing: an image and its anchor become one input [c, x - c].
 *
 * Called by the training loop between augmentation and the forward pass.
 */
#include "anchor/anchor.h"

#include <string.h>

/* x, anchor, shown_anchor [n,values] -> out [n,2*values].  The residual keeps the clean anchor
   even where the shown one was transformed: [T(c), x - c]. */
void ampi_pair(size_t n, size_t values, const float *x, const float *anchor,
               const float *shown_anchor, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const float *const image = x + i * values, *const clean = anchor + i * values;
        float *const first = out + 2 * i * values, *const second = first + values;
        memcpy(first, shown_anchor + i * values, values * sizeof *first);
        for (size_t v = 0; v < values; v++)
            second[v] = image[v] - clean[v];
    }
}
