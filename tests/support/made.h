/* SPDX-License-Identifier: Apache-2.0 */
/*
 * made.h - small data sets made on the spot, for tests of what stands on data sets.
 */
#ifndef AMP_TEST_MADE_H
#define AMP_TEST_MADE_H

#include "support.h"

#include <amp/data.h>

/* A cifar10 set of `n` random 32x32 images in a fresh file; image i has label labels[i % period].
   labels NULL: i % 10. */
amp_dataset *made_cifar10(amp_context *context, const char *name, uint32_t n, const uint8_t *labels,
                          uint32_t period);

/* The same images without labels: an idx file [n,28,28] of random grey. */
amp_dataset *made_unlabelled(amp_context *context, const char *name, uint32_t n);

/* `n` pseudo-random bytes, malloc'ed. */
uint8_t *made_bytes(size_t n, uint32_t seed);

#endif
