/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_batch.c - a batch depends on its number alone; pairs are [T(c), x - c].
 */
#include "train_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16u
#define VALUES 3072u

typedef struct bench {
    amp_context *context;
    amp_dataset *dataset;
    ampi_prepare prepare;
    ampi_source source;
    ampi_train_options options;
    ampi_batcher batcher;
} bench;

static void bench_open(bench *b, const char *options, bool anchored, uint64_t cache)
{
    amp_error error;

    memset(b, 0, sizeof *b);
    ck_ok(amp_context_create(&b->context, NULL, &error), &error);
    b->dataset = support_open(b->context, support_data("batch.bin", 80));
    ck_ok(ampi_prepare_parse(&b->prepare, "height=32,width=32,channels=3,fit=stretch", &error),
          &error);
    b->source.context = b->context;
    ck_ok(ampi_source_create(&b->source, b->dataset, &b->prepare, 10, cache, &error), &error);
    ck_ok(ampi_train_options_parse(&b->options, options, &error), &error);
    ck_ok(ampi_batcher_create(&b->batcher, &b->source, &b->options, anchored, BATCH, &error),
          &error);
}

static void bench_close(bench *b)
{
    ampi_batcher_clear(&b->batcher);
    ampi_source_clear(&b->source);
    amp_dataset_free(b->dataset);
    amp_context_unref(b->context);
}

static ampi_batch make(bench *b, uint32_t epoch, uint32_t index)
{
    ampi_batch batch = { .input = calloc((size_t)BATCH * 2 * VALUES, sizeof(float)),
                         .labels = calloc(BATCH, sizeof(int32_t)),
                         .others = calloc(BATCH, sizeof(int32_t)) };
    amp_error error;

    ck_assert_ptr_nonnull(batch.input);
    ck_assert_ptr_nonnull(batch.labels);
    ck_assert_ptr_nonnull(batch.others);
    ck_ok(ampi_batcher_make(&b->batcher, epoch, index, &batch, &error), &error);
    return batch;
}

static void drop(ampi_batch *batch)
{
    free(batch->input);
    free(batch->labels);
    free(batch->others);
}

static bool same(const ampi_batch *a, const ampi_batch *b, size_t values)
{
    return memcmp(a->input, b->input, BATCH * values * sizeof(float)) == 0 &&
           memcmp(a->labels, b->labels, BATCH * sizeof(int32_t)) == 0;
}

START_TEST(a_batch_is_its_number)
{
    bench b, decoded;
    ampi_batch first, other, again, uncached;

    bench_open(&b, "seed=5", true, UINT64_MAX);
    bench_open(&decoded, "seed=5", true, 0);
    ck_assert_ptr_null(decoded.source.cache);
    first = make(&b, 1, 2);
    other = make(&b, 0, 3);
    again = make(&b, 1, 2);
    uncached = make(&decoded, 1, 2);
    ck_assert(same(&first, &again, 2 * VALUES));
    ck_assert(same(&first, &uncached, 2 * VALUES));
    ck_assert(!same(&first, &other, 2 * VALUES));
    drop(&first);
    drop(&other);
    drop(&again);
    drop(&uncached);
    bench_close(&b);
    bench_close(&decoded);
}
END_TEST

START_TEST(an_epoch_shows_every_image_once)
{
    bench b;
    unsigned seen[10] = { 0 };

    bench_open(&b, "seed=5", false, UINT64_MAX);
    for (uint32_t i = 0; i < 80 / BATCH; i++) {
        ampi_batch batch = make(&b, 4, i);
        for (uint32_t j = 0; j < BATCH; j++)
            seen[batch.labels[j]]++;
        drop(&batch);
    }
    for (int label = 0; label < 10; label++)
        ck_assert_uint_eq(seen[label], 8);
    bench_close(&b);
}
END_TEST

/* The image of a pair is anchor half + residual half when the anchor was not transformed. */
static void image_of(const ampi_batch *batch, uint32_t i, float *out)
{
    const float *const pair = batch->input + (size_t)i * 2 * VALUES;

    for (size_t v = 0; v < VALUES; v++)
        out[v] = pair[v] + pair[VALUES + v];
}

START_TEST(pairs_hold_anchor_and_residual)
{
    bench b, plain;
    ampi_batch pairs, images;
    float *const image = malloc(VALUES * sizeof(float));
    unsigned own = 0;

    ck_assert_ptr_nonnull(image);
    bench_open(&b, "seed=5,corrupt_every=0", true, UINT64_MAX);
    bench_open(&plain, "seed=5,corrupt_every=0", false, UINT64_MAX);
    pairs = make(&b, 2, 1);
    images = make(&plain, 2, 1);
    for (uint32_t i = 0; i < BATCH; i++) {
        bool found = false;
        image_of(&pairs, i, image);
        for (size_t v = 0; v < VALUES; v++)
            ck_assert(fabsf(image[v] - images.input[i * VALUES + v]) <= 1e-6f);
        /* Its anchor is an image of the same batch. */
        for (uint32_t j = 0; j < BATCH; j++) {
            if (memcmp(pairs.input + (size_t)i * 2 * VALUES, images.input + j * VALUES,
                       VALUES * sizeof(float)) == 0) {
                found = true;
                own += i == j;
            }
        }
        ck_assert_msg(found, "pair %u has an anchor from outside the batch", i);
    }
    ck_assert_uint_lt(own, BATCH / 2);
    free(image);
    drop(&pairs);
    drop(&images);
    bench_close(&b);
    bench_close(&plain);
}
END_TEST

/* Number of pairs whose shown anchor differs between a run with and one without the transform; the
   residual must never differ. */
static unsigned transformed(const char *kind, uint32_t index)
{
    bench with, without;
    ampi_batch a, c;
    char options[128];
    unsigned changed = 0;

    (void)snprintf(options, sizeof options, "seed=9,corrupt_every=3,transform=%s", kind);
    bench_open(&with, options, true, UINT64_MAX);
    bench_open(&without, "seed=9,corrupt_every=0", true, UINT64_MAX);
    a = make(&with, 0, index);
    c = make(&without, 0, index);
    for (uint32_t i = 0; i < BATCH; i++) {
        const float *const x = a.input + (size_t)i * 2 * VALUES;
        const float *const y = c.input + (size_t)i * 2 * VALUES;
        changed += memcmp(x, y, VALUES * sizeof(float)) != 0;
        ck_assert_mem_eq(x + VALUES, y + VALUES, VALUES * sizeof(float));
    }
    drop(&a);
    drop(&c);
    bench_close(&with);
    bench_close(&without);
    return changed;
}

START_TEST(every_nth_batch_is_transformed)
{
    ck_assert_uint_gt(transformed("image", 0), BATCH / 2);
    ck_assert_uint_eq(transformed("image", 1), 0);
    ck_assert_uint_eq(transformed("image", 2), 0);
    ck_assert_uint_gt(transformed("image", 3), BATCH / 2);
    ck_assert_uint_gt(transformed("released", 0), BATCH / 2);
    ck_assert_uint_eq(transformed("released", 4), 0);
}
END_TEST

/* Number of pairs of batch `index` whose anchor half is all zeros; their residuals are those of a
   run without masks. */
static unsigned masked(const char *options, uint32_t index, bool *uniform)
{
    bench with, without;
    ampi_batch a, c;
    unsigned zeros = 0;

    bench_open(&with, options, true, UINT64_MAX);
    bench_open(&without, "seed=9,corrupt_every=1", true, UINT64_MAX);
    a = make(&with, 0, index);
    c = make(&without, 0, index);
    for (uint32_t i = 0; i < BATCH; i++) {
        const float *const x = a.input + (size_t)i * 2 * VALUES;
        bool zero = true;
        for (size_t v = 0; v < VALUES; v++)
            zero = zero && fabsf(x[v]) <= 0;
        zeros += zero;
        ck_assert_mem_eq(x + VALUES, c.input + ((size_t)i * 2 + 1) * VALUES,
                         VALUES * sizeof(float));
    }
    ck_assert(!c.uniform);
    *uniform = a.uniform;
    drop(&a);
    drop(&c);
    bench_close(&with);
    bench_close(&without);
    return zeros;
}

START_TEST(anchors_may_be_masked)
{
    unsigned hidden = 0;
    bool uniform;

    ck_assert_uint_eq(masked("seed=9,corrupt_every=1,mask_alpha=1", 0, &uniform), BATCH);
    ck_assert(!uniform);
    ck_assert_uint_eq(
        masked("seed=9,corrupt_every=1,mask_alpha=1,mask_target=uniform", 1, &uniform), BATCH);
    ck_assert(uniform);
    for (uint32_t i = 0; i < 5; i++) {
        const unsigned zeros =
            masked("seed=9,corrupt_every=1,mask_alpha=0.7,mask_target=uniform", i, &uniform);
        ck_assert(zeros == 0 || zeros == BATCH);
        ck_assert_int_eq(uniform, zeros == BATCH);
        hidden += zeros > 0;
    }
    ck_assert_uint_gt(hidden, 0);
    ck_assert_uint_lt(hidden, 5);
}
END_TEST

/* Which image of the clean batch, with which label, makes `mixed` together with number i? */
static bool blends(const ampi_batch *clean, const ampi_batch *mixed, uint32_t i, const float *image)
{
    const float share = (float)mixed->share;

    for (uint32_t j = 0; j < BATCH; j++) {
        bool all = clean->labels[j] == mixed->others[i];
        for (size_t v = 0; all && v < VALUES; v++) {
            const float wanted = share * clean->input[i * VALUES + v] +
                                 (1.0f - share) * clean->input[j * VALUES + v];
            all = fabsf(image[v] - wanted) <= 2e-6f;
        }
        if (all)
            return true;
    }
    return false;
}

/* Plain, and as the sum of the halves of pairs, whose anchors are clean. */
START_TEST(images_are_blended_in_pairs)
{
    bench b, pairs, plain;
    ampi_batch mixed, paired, clean;
    float image[VALUES];

    bench_open(&b, "seed=5,mixup=1", false, UINT64_MAX);
    bench_open(&pairs, "seed=5,mixup=1,corrupt_every=0", true, UINT64_MAX);
    bench_open(&plain, "seed=5", false, UINT64_MAX);
    mixed = make(&b, 2, 1);
    paired = make(&pairs, 2, 1);
    clean = make(&plain, 2, 1);
    ck_assert(mixed.share > 0 && mixed.share < 1);
    ck_assert(clean.share >= 1);
    ck_assert_mem_eq(mixed.labels, clean.labels, BATCH * sizeof(int32_t));
    for (uint32_t i = 0; i < BATCH; i++) {
        bool found = false;
        ck_assert(blends(&clean, &mixed, i, mixed.input + i * VALUES));
        image_of(&paired, i, image);
        ck_assert(blends(&clean, &paired, i, image));
        for (uint32_t j = 0; j < BATCH; j++)
            found = found || memcmp(paired.input + (size_t)i * 2 * VALUES, clean.input + j * VALUES,
                                    VALUES * sizeof(float)) == 0;
        ck_assert(found);
    }
    drop(&mixed);
    drop(&paired);
    drop(&clean);
    bench_close(&b);
    bench_close(&pairs);
    bench_close(&plain);
}
END_TEST

START_TEST(the_thread_changes_no_bit)
{
    bench b, c;
    ampi_loader *threaded = NULL, *plain = NULL;
    amp_error error;

    bench_open(&b, "seed=5", true, UINT64_MAX);
    bench_open(&c, "seed=5", true, UINT64_MAX);
    ck_ok(ampi_loader_create(&threaded, &b.batcher, true, 0, 3, 5, &error), &error);
    ck_ok(ampi_loader_create(&plain, &c.batcher, false, 0, 3, 5, &error), &error);
    for (int i = 0; i < 9; i++) {
        const ampi_batch *x = NULL, *y = NULL;
        ck_ok(ampi_loader_next(threaded, &x, &error), &error);
        ck_ok(ampi_loader_next(plain, &y, &error), &error);
        ck_assert(same(x, y, 2 * VALUES));
    }
    ampi_loader_free(threaded);
    ampi_loader_free(plain);
    bench_close(&b);
    bench_close(&c);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { a_batch_is_its_number,          an_epoch_shows_every_image_once,
                                   pairs_hold_anchor_and_residual, every_nth_batch_is_transformed,
                                   anchors_may_be_masked,          images_are_blended_in_pairs,
                                   the_thread_changes_no_bit,      NULL };

    return test_suite("train.batch", tests);
}

TEST_MAIN(suite)
