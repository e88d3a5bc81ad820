/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/data_internal.h - data sets as the other rooms see them.
 */
#ifndef AMPI_DATA_H
#define AMPI_DATA_H

#include "core/core.h"
#include "image/image_internal.h"
#include <amp/data.h>

amp_context *ampi_dataset_context(const amp_dataset *dataset); /* borrowed */
/* The spec that opened it (of a subset: its base's), borrowed. */
const char *ampi_dataset_spec(const amp_dataset *dataset);
/* Index in the source as opened by the spec, before subset or split. */
uint64_t ampi_dataset_source_index(const amp_dataset *dataset, uint64_t index);

/* Safe from several threads at once on one data set (unlike amp_dataset_get): the trainer's
   loaders use it. */
amp_status ampi_dataset_read(const amp_dataset *dataset, uint64_t index, amp_image **out,
                             amp_error *error);

/* Every image once through ampi_prepare_pixels: uint8 [n,height,width,channels], ampi_alloc'ed with
   the data set's context, refused past `max_bytes`. */
amp_status ampi_dataset_pixels(amp_dataset *dataset, const ampi_prepare *prepare,
                               uint64_t max_bytes, uint8_t **out, amp_error *error);

#endif
