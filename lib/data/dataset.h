/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/dataset.h - a data set: a choice of a source's images, in an order.
 */
#ifndef AMPI_DATASET_H
#define AMPI_DATASET_H

#include "data/source.h"

struct amp_dataset {
    ampi_source *source;
    uint64_t count;
    uint32_t *indices; /* [count] into the source */
};

/* Takes its own reference to the source; room for `count` indices that the caller fills. */
amp_status ampi_dataset_make(amp_dataset **out, ampi_source *source, uint64_t count,
                             amp_error *error);
/* The images that the spec's sample and range leave of the source, in source order (select.c). */
amp_status ampi_dataset_select(amp_dataset **out, ampi_source *source, const ampi_spec *spec,
                               amp_error *error);

#endif
