/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rng.c - counter-based random numbers: Philox 4x32-10 of Random123.
 *
 * Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */
#include "core/core.h"

#include <Random123/philox.h>
#include <math.h>

ampi_rng ampi_rng_make(uint64_t seed, ampi_rng_purpose purpose, uint64_t a, uint64_t b)
{
    ampi_rng rng = { { (uint32_t)seed, (uint32_t)(seed >> 32) },
                     { 0, (uint32_t)a ^ ((uint32_t)purpose << 26), (uint32_t)b,
                       (uint32_t)(b >> 32) ^ (uint32_t)(a >> 32) },
                     { 0, 0, 0, 0 },
                     4 };
    return rng;
}

uint32_t ampi_rng_u32(ampi_rng *rng)
{
    if (rng->used == 4) {
        const philox4x32_ctr_t counter = { { rng->counter[0], rng->counter[1], rng->counter[2],
                                             rng->counter[3] } };
        const philox4x32_key_t key = { { rng->key[0], rng->key[1] } };
        const philox4x32_ctr_t drawn = philox4x32(counter, key);
        for (int i = 0; i < 4; i++)
            rng->block[i] = drawn.v[i];
        rng->counter[0]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

uint32_t ampi_rng_below(ampi_rng *rng, uint32_t bound)
{
    /* Values under 2^32 mod bound would favour the first ones. */
    const uint32_t refused = (0u - bound) % bound;
    uint32_t value;

    do
        value = ampi_rng_u32(rng);
    while (value < refused);
    return value % bound;
}

float ampi_rng_float(ampi_rng *rng)
{
    return (float)(ampi_rng_u32(rng) >> 8) * 0x1p-24f;
}

double ampi_rng_double(ampi_rng *rng)
{
    const uint64_t high = ampi_rng_u32(rng) >> 5, low = ampi_rng_u32(rng) >> 6;

    return (double)(high << 26 | low) * 0x1p-53;
}

double ampi_rng_normal(ampi_rng *rng)
{
    /* Box-Muller; 1 - u keeps the logarithm finite. */
    const double radius = sqrt(-2.0 * log(1.0 - ampi_rng_double(rng)));

    return radius * cos(6.283185307179586476925 * ampi_rng_double(rng));
}

void ampi_rng_permutation(ampi_rng *rng, uint32_t *order, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        const uint32_t j = ampi_rng_below(rng, i);
        const uint32_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}
