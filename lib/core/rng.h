/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rng.h - random numbers: counter-based, Philox 4x32-10 (rng.c).
 */
#ifndef AMPI_RNG_H
#define AMPI_RNG_H

#include <stdint.h>

/* A stream is named by what it is for and never by when it is drawn: equal (seed, purpose, a, b)
   give equal numbers on any thread, in any order. */
typedef struct ampi_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    uint32_t used;
} ampi_rng;

typedef enum ampi_rng_purpose {
    AMPI_RNG_SHUFFLE = 1,
    AMPI_RNG_CROP = 2,
    AMPI_RNG_ANCHOR = 3,
    AMPI_RNG_TRANSFORM = 4,
    AMPI_RNG_DROPOUT = 5,
    AMPI_RNG_INIT = 6,
    AMPI_RNG_BANK = 7,
    AMPI_RNG_SAMPLE = 8,
    AMPI_RNG_HELD_OUT = 9,
    AMPI_RNG_TEST = 10,
    AMPI_RNG_FLIP = 11,
    AMPI_RNG_CUTOUT = 12,
    AMPI_RNG_MIX = 13,
    AMPI_RNG_MASK = 14,
    AMPI_RNG_WHITEN = 15
} ampi_rng_purpose;

/* a (an epoch, a step) is below 2^26: past that a stream would meet those of another purpose; b is
   an image or element index. */
ampi_rng ampi_rng_make(uint64_t seed, ampi_rng_purpose purpose, uint64_t a, uint64_t b);
uint32_t ampi_rng_u32(ampi_rng *rng);
/* Unbiased in 0..bound-1; bound >= 1. */
uint32_t ampi_rng_below(ampi_rng *rng, uint32_t bound);
float ampi_rng_float(ampi_rng *rng);   /* [0, 1), 24 bits */
double ampi_rng_double(ampi_rng *rng); /* [0, 1), 53 bits */
double ampi_rng_normal(ampi_rng *rng); /* mean 0, variance 1 */
/* Fisher-Yates of 0..n-1 into order[n]. */
void ampi_rng_permutation(ampi_rng *rng, uint32_t *order, uint32_t n);

#endif
