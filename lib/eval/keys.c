/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval/keys.c - scores as integers of the same order, and their sort.
 *
 * An IEEE double with its sign bit flipped (positive) or all bits flipped (negative) orders as an
 * unsigned integer.  Integers compare exactly, sort by radix in linear time and make the ties
 * of the curve plain equality.
 */
#include "eval/eval_internal.h"

#include <string.h>

#define DIGIT_BITS 8u
#define DIGITS (64u / DIGIT_BITS)
#define BUCKETS (1u << DIGIT_BITS)
#define SIGN ((uint64_t)1 << 63)

uint64_t ampi_eval_key(double score)
{
    const double plain = score + 0.0; /* -0 + 0 is +0: both zeros are one score */
    uint64_t bits;

    memcpy(&bits, &plain, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

double ampi_eval_score(uint64_t key)
{
    const uint64_t bits = key & SIGN ? key ^ SIGN : ~key;
    double score;

    memcpy(&score, &bits, sizeof score);
    return score;
}

static size_t digit(uint64_t key, unsigned place)
{
    return (size_t)(key >> (place * DIGIT_BITS)) & (BUCKETS - 1);
}

/* One stable pass by one digit; counts[] become the buckets' ends. */
static void scatter(uint64_t *to, const uint64_t *from, size_t n, unsigned place, size_t *counts)
{
    size_t start = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        const size_t count = counts[b];
        counts[b] = start;
        start += count;
    }
    for (size_t i = 0; i < n; i++)
        to[counts[digit(from[i], place)]++] = from[i];
}

void ampi_eval_sort(uint64_t *keys, uint64_t *scratch, const double *scores, size_t n)
{
    size_t counts[DIGITS][BUCKETS] = { { 0 } };
    uint64_t *from = keys, *to = scratch;

    for (size_t i = 0; i < n; i++) {
        keys[i] = ampi_eval_key(scores[i]);
        for (unsigned place = 0; place < DIGITS; place++)
            counts[place][digit(keys[i], place)]++;
    }
    for (unsigned place = 0; place < DIGITS; place++) {
        uint64_t *const done = from;
        if (counts[place][digit(from[0], place)] == n)
            continue; /* all share this digit */
        scatter(to, from, n, place, counts[place]);
        from = to;
        to = done;
    }
    if (from != keys)
        memcpy(keys, from, n * sizeof *keys);
}

size_t ampi_eval_count_below(const uint64_t *keys, size_t n, uint64_t key)
{
    size_t low = 0, high = n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t ampi_eval_count_upto(const uint64_t *keys, size_t n, uint64_t key)
{
    /* A key of all ones would be a NaN, which the door refuses: + 1 cannot wrap. */
    return ampi_eval_count_below(keys, n, key + 1);
}
