/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_steady.c - a scorer that has run allocates nothing more and makes no oneDNN primitive.
 *
 * The program's own definitions of oneDNN's and the C library's functions count, then call on.
 * What oneDNN takes from malloc() for itself is printed: it is not ours to forbid.
 */
#define _GNU_SOURCE
#include "score_support.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define K 4u
#define MOST 64u

typedef struct counts {
    size_t ours, primitives, memories, mallocs;
} counts;

static atomic_size_t ours, primitives, memories, mallocs;

static counts count_now(void)
{
    return (counts){ atomic_load(&ours), atomic_load(&primitives), atomic_load(&memories),
                     atomic_load(&mallocs) };
}

/* ---- oneDNN, as both versions declare it; the rooms under test are linked to these ---- */

int dnnl_primitive_create(void **primitive, const void *desc);
int dnnl_memory_create(void **memory, const void *desc, void *engine, void *handle);

static void *next(const char *name)
{
    void *const found = dlsym(RTLD_NEXT, name);

    ck_assert_msg(found != NULL, "no %s", name);
    return found;
}

int dnnl_primitive_create(void **primitive, const void *desc)
{
    int (*create)(void **, const void *);
    void *const found = next("dnnl_primitive_create");

    memcpy(&create, &found, sizeof create);
    atomic_fetch_add(&primitives, 1);
    return create(primitive, desc);
}

int dnnl_memory_create(void **memory, const void *desc, void *engine, void *handle)
{
    int (*create)(void **, const void *, void *, void *);
    void *const found = next("dnnl_memory_create");

    memcpy(&create, &found, sizeof create);
    atomic_fetch_add(&memories, 1);
    return create(memory, desc, engine, handle);
}

/* ---- the C library; a sanitizer has its own ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#define COUNTS_MALLOC true
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *pointer);

void *malloc(size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_realloc(pointer, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    return __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
    atomic_fetch_add(&mallocs, 1);
    *out = __libc_memalign(align, size);
    return *out ? 0 : 12; /* ENOMEM */
}

void free(void *pointer)
{
    __libc_free(pointer);
}
#else
#define COUNTS_MALLOC false
#endif

/* ---- libamp, by the memory functions of its context ---- */

static void *count_alloc(void *user, size_t size, size_t align)
{
    (void)user;
    atomic_fetch_add(&ours, 1);
    return aligned_alloc(align, size);
}

static void count_free(void *user, void *pointer, size_t size)
{
    (void)user;
    (void)size;
    free(pointer);
}

/* ---- scorers ---- */

typedef struct fixture {
    amp_context *context;
    amp_model *model; /* with margins in every precision of this processor */
    uint8_t *pixels;  /* 2 * MOST images */
} fixture;

typedef struct trial {
    int32_t precision, adaptive, threads;
} trial;

static const int32_t precisions[] = { AMP_PRECISION_FP32, AMP_PRECISION_FAST, AMP_PRECISION_BF16,
                                      AMP_PRECISION_INT8 };
#define PRECISIONS (sizeof precisions / sizeof precisions[0])

static fixture set_up(int32_t threads)
{
    fixture f = { .pixels = score_pixels((size_t)2 * MOST) };
    amp_context_options options;
    amp_dataset *held_out;
    amp_error error = { 0 };

    amp_context_options_init(&options, sizeof options);
    options.threads = threads;
    options.alloc = count_alloc;
    options.free = count_free;
    ck_ok(amp_context_create(&f.context, &options, &error), &error);
    held_out = made_cifar10(f.context, "held-out.bin", 60, NULL, 0);
    f.model = score_anchored(f.context, K);
    for (size_t i = 0; i < PRECISIONS; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "stop_error=0.4,precision=%s",
                       amp_precision_name(precisions[i]));
        if (amp_precision_available(precisions[i]))
            f.model = score_calibrated(f.model, held_out, "amp", text);
    }
    amp_dataset_free(held_out);
    return f;
}

static void tear_down(fixture *f)
{
    free(f->pixels);
    amp_model_unref(f->model);
    amp_context_unref(f->context);
}

static amp_scorer *make(const fixture *f, const trial *how)
{
    amp_scorer_options options;
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    amp_scorer_options_init(&options, sizeof options);
    options.precision = how->precision;
    options.adaptive = how->adaptive;
    options.threads = how->threads;
    ck_ok(amp_scorer_create(&scorer, f->model, NULL, "amp", &options, &error), &error);
    return scorer;
}

/* What a run of images first .. first + n - 1 took. */
static counts run(const fixture *f, amp_scorer *scorer, size_t first, size_t n)
{
    double score[MOST], tau[MOST];
    const amp_scores out = { .struct_size = sizeof out, .score = score, .tau = tau };
    amp_error error = { 0 };
    const counts before = count_now();
    const amp_status status =
        amp_scorer_run_rgb8(scorer, n, f->pixels + first * IMAGE_BYTES, SIDE, SIDE, &out, &error);
    const counts after = count_now();

    ck_ok(status, &error);
    return (counts){ after.ours - before.ours, after.primitives - before.primitives,
                     after.memories - before.memories, after.mallocs - before.mallocs };
}

static void nothing(const counts *took, const trial *how, size_t n)
{
    ck_assert_msg(took->ours == 0 && took->primitives == 0 && took->memories == 0,
                  "%zu images in %s, %d threads, adaptive %d: %zu allocations, %zu primitives, "
                  "%zu memories",
                  n, amp_precision_name(how->precision), (int)how->threads, (int)how->adaptive,
                  took->ours, took->primitives, took->memories);
}

/* A fresh scorer runs n images once; from then on n images take nothing. */
static void settle(const fixture *f, const trial *how, size_t n)
{
    amp_scorer *const scorer = make(f, how);
    const counts first = run(f, scorer, 0, n);
    counts took = first;

    ck_assert_uint_gt(first.ours, 0); /* or the counting does not work */
    for (int again = 0; again < 3; again++) {
        took = run(f, scorer, 0, n);
        nothing(&took, how, n);
    }
    if (COUNTS_MALLOC)
        (void)printf("%-4s adaptive %d, threads %d, %2zu images: %5zu calls of malloc in the first "
                     "run, then %zu\n",
                     amp_precision_name(how->precision), (int)how->adaptive, (int)how->threads, n,
                     first.mallocs, took.mallocs);
    amp_scorer_free(scorer);
}

START_TEST(a_number_of_images_that_was_run)
{
    static const size_t sizes[] = { 1, 5, 64 };
    const int32_t threads = _i / 2 + 1, adaptive = _i % 2;
    fixture f = set_up(threads);

    for (size_t p = 0; p < PRECISIONS; p++) {
        const trial how = { precisions[p], adaptive, threads };
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            if (amp_precision_available(how.precision))
                settle(&f, &how, sizes[s]);
    }
    ck_assert_uint_gt(atomic_load(&primitives), 0);
    tear_down(&f);
}
END_TEST

/* Once MOST and every number up to half of it was run, largest first, any number and any images
   take nothing: with adaptive anchors the images say how many stay undecided. */
START_TEST(any_images_in_the_end)
{
    const int32_t threads = _i + 1;
    fixture f = set_up(threads);

    for (size_t p = 0; p < PRECISIONS; p++) {
        const trial how = { precisions[p], 1, threads };
        amp_scorer *scorer;
        if (!amp_precision_available(how.precision))
            continue;
        scorer = make(&f, &how);
        for (size_t n = MOST; n > 0; n--)
            (void)run(&f, scorer, 0, n);
        for (size_t n = 1; n <= MOST; n += 7) {
            const counts took = run(&f, scorer, MOST - n / 2, n);
            nothing(&took, &how, n);
        }
        amp_scorer_free(scorer);
    }
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("score.steady");
    TCase *const cases = tcase_create("all");

    tcase_add_loop_test(cases, a_number_of_images_that_was_run, 0, 4);
    tcase_add_loop_test(cases, any_images_in_the_end, 0, 2);
    suite_add_tcase(all, cases);
    return all;
}

TEST_MAIN(suite)
