/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rng.c - known answers, independence of streams, uniform and unbiased draws.
 *
 * The known answers are the "philox4x32 10" lines of Random123's tests/kat_vectors
 * (github.com/DEShawResearch/random123): counter[4], key[2], result[4].
 */
#include "core/core.h"
#include "support.h"

#include <math.h>
#include <string.h>

typedef struct known_answer {
    uint32_t counter[4], key[2], result[4];
} known_answer;

static const known_answer answers[] = {
    { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
      { 0xffffffff, 0xffffffff },
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
      { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

START_TEST(known_answers)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        ampi_rng rng;
        memset(&rng, 0, sizeof rng);
        memcpy(rng.counter, answers[i].counter, sizeof rng.counter);
        memcpy(rng.key, answers[i].key, sizeof rng.key);
        rng.used = 4;
        for (int k = 0; k < 4; k++)
            ck_assert_uint_eq(ampi_rng_u32(&rng), answers[i].result[k]);
    }
}
END_TEST

/* Philox written out from the paper: ten rounds of two products and two key additions. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4], k0 = key[0], k1 = key[1];

    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xd2511f53 * c[0], b = (uint64_t)0xcd9e8d57 * c[2];
        const uint32_t next[4] = { (uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b,
                                   (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a };
        memcpy(c, next, sizeof c);
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    memcpy(out, c, sizeof c);
}

/* A stream is the blocks of counters 0, 1, 2, ... under the seed as the key. */
START_TEST(streams_are_consecutive_blocks)
{
    const uint64_t seed = 0x0123456789abcdef, image = 0x1122334455667788;
    ampi_rng rng = ampi_rng_make(seed, AMPI_RNG_CROP, 17, image);
    const uint32_t key[2] = { 0x89abcdef, 0x01234567 };

    for (uint32_t block = 0; block < 100; block++) {
        const uint32_t counter[4] = { block, 17u ^ (2u << 26), 0x55667788, 0x11223344 };
        uint32_t wanted[4];
        philox(counter, key, wanted);
        for (int k = 0; k < 4; k++)
            ck_assert_uint_eq(ampi_rng_u32(&rng), wanted[k]);
    }
}
END_TEST

START_TEST(equal_names_give_equal_numbers)
{
    ampi_rng a = ampi_rng_make(5, AMPI_RNG_SHUFFLE, 1, 2),
             b = ampi_rng_make(5, AMPI_RNG_SHUFFLE, 1, 2);

    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(ampi_rng_u32(&a), ampi_rng_u32(&b));
}
END_TEST

/* First 64 bits of streams whose names differ in one part. */
START_TEST(different_names_give_different_numbers)
{
    uint64_t seen[4 * 50 + 10];
    size_t n = 0;

    for (uint64_t i = 0; i < 50; i++) {
        ampi_rng streams[4] = {
            ampi_rng_make(i, AMPI_RNG_TEST, 1000, 1000),
            ampi_rng_make(1000 + (i << 32), AMPI_RNG_TEST, 1000, 1000),
            ampi_rng_make(1000, AMPI_RNG_TEST, i, 1000),
            ampi_rng_make(1000, AMPI_RNG_TEST, 1000, i << 33),
        };
        for (int k = 0; k < 4; k++)
            seen[n++] = (uint64_t)ampi_rng_u32(&streams[k]) << 32 | ampi_rng_u32(&streams[k]);
    }
    for (int purpose = 1; purpose <= 10; purpose++) {
        ampi_rng rng = ampi_rng_make(7, (ampi_rng_purpose)purpose, 3, 3);
        seen[n++] = (uint64_t)ampi_rng_u32(&rng) << 32 | ampi_rng_u32(&rng);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(seen[i] != seen[j], "streams %zu and %zu", i, j);
    }
}
END_TEST

/* Pearson's statistic of `bins` equal shares of n draws. */
static double chi_square(const uint32_t *counts, uint32_t bins, uint32_t n)
{
    const double expected = (double)n / bins;
    double sum = 0;

    for (uint32_t i = 0; i < bins; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return sum;
}

START_TEST(below_is_unbiased)
{
    const uint32_t bounds[] = { 2, 3, 7, 10, 97, 255 };

    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        const uint32_t bound = bounds[b], n = 500 * bound;
        uint32_t counts[255] = { 0 }, outside = 0;
        ampi_rng rng = ampi_rng_make(1, AMPI_RNG_TEST, b, 0);
        for (uint32_t i = 0; i < n; i++) {
            const uint32_t value = ampi_rng_below(&rng, bound);
            outside += value >= bound;
            counts[value % bound]++;
        }
        ck_assert_uint_eq(outside, 0);
        /* Mean bound - 1, variance twice that: five deviations. */
        const double limit = bound - 1 + 5 * sqrt(2.0 * (bound - 1));
        ck_assert_double_lt(chi_square(counts, bound, n), limit);
    }
}
END_TEST

/* With 3 * 2^30 as the bound a plain remainder would favour the lowest third two to one. */
START_TEST(below_a_large_bound)
{
    const uint32_t bound = 0xc0000000;
    ampi_rng rng = ampi_rng_make(2, AMPI_RNG_TEST, 0, 0);
    uint32_t thirds[3] = { 0 };

    for (int i = 0; i < 30000; i++)
        thirds[ampi_rng_below(&rng, bound) / (bound / 3)]++;
    ck_assert_double_lt(chi_square(thirds, 3, 30000), 2 + 5 * 2);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(ampi_rng_below(&rng, 1), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_lt(ampi_rng_below(&rng, UINT32_MAX), UINT32_MAX);
}
END_TEST

START_TEST(fractions_are_uniform)
{
    ampi_rng rng = ampi_rng_make(3, AMPI_RNG_TEST, 0, 0);
    uint32_t narrow[64] = { 0 }, wide[64] = { 0 }, outside = 0;

    for (int i = 0; i < 64000; i++) {
        const float f = ampi_rng_float(&rng);
        const double d = ampi_rng_double(&rng);
        outside += !(f >= 0 && f < 1 && d >= 0 && d < 1);
        narrow[(unsigned)(f * 64) % 64]++;
        wide[(unsigned)(d * 64) % 64]++;
    }
    ck_assert_uint_eq(outside, 0);
    ck_assert_double_lt(chi_square(narrow, 64, 64000), 63 + 5 * sqrt(126));
    ck_assert_double_lt(chi_square(wide, 64, 64000), 63 + 5 * sqrt(126));
}
END_TEST

START_TEST(normal_moments)
{
    const int n = 50000;
    ampi_rng rng = ampi_rng_make(4, AMPI_RNG_TEST, 0, 0);
    double sum = 0, square = 0, cube = 0, fourth = 0;

    for (int i = 0; i < n; i++) {
        const double x = ampi_rng_normal(&rng);
        sum += x;
        square += x * x;
        cube += x * x * x;
        fourth += x * x * x * x;
    }
    /* Five standard errors of each moment: 1, 2, 15 and 96 over n. */
    ck_assert_double_lt(fabs(sum / n), 5 * sqrt(1.0 / n));
    ck_assert_double_lt(fabs(square / n - 1), 5 * sqrt(2.0 / n));
    ck_assert_double_lt(fabs(cube / n), 5 * sqrt(15.0 / n));
    ck_assert_double_lt(fabs(fourth / n - 3), 5 * sqrt(96.0 / n));
}
END_TEST

START_TEST(permutations_hold_each_once)
{
    uint32_t order[1000], seen[1000];

    for (uint32_t n = 0; n <= 1000; n = n * 2 + 1) {
        ampi_rng rng = ampi_rng_make(5, AMPI_RNG_TEST, n, 0);
        memset(seen, 0, sizeof seen);
        ampi_rng_permutation(&rng, order, n);
        for (uint32_t i = 0; i < n; i++) {
            ck_assert_uint_lt(order[i], n);
            ck_assert_uint_eq(seen[order[i]]++, 0);
        }
    }
}
END_TEST

START_TEST(all_permutations_are_as_likely)
{
    ampi_rng rng = ampi_rng_make(6, AMPI_RNG_TEST, 0, 0);
    uint32_t counts[24] = { 0 }, order[4];

    for (int i = 0; i < 24000; i++) {
        uint32_t code = 0;
        ampi_rng_permutation(&rng, order, 4);
        for (uint32_t a = 0; a < 4; a++) {
            uint32_t smaller = 0;
            for (uint32_t b = a + 1; b < 4; b++)
                smaller += order[b] < order[a];
            code = code * (4 - a) + smaller;
        }
        counts[code]++;
    }
    ck_assert_double_lt(chi_square(counts, 24, 24000), 23 + 5 * sqrt(46));
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { known_answers,
                                   streams_are_consecutive_blocks,
                                   equal_names_give_equal_numbers,
                                   different_names_give_different_numbers,
                                   below_is_unbiased,
                                   below_a_large_bound,
                                   fractions_are_uniform,
                                   normal_moments,
                                   permutations_hold_each_once,
                                   all_permutations_are_as_likely,
                                   NULL };
    return test_suite("core.rng", tests);
}

TEST_MAIN(suite)
