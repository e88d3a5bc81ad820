/* SPDX-License-Identifier: Apache-2.0 */
/* test_arguments.c - NULL pointers and numbers out of range in every call of models, banks and
   scorers: a status, a text, *out NULL, never a crash. */
#include "api_support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct world {
    amp_context *context;
    amp_model *model, *plain;
    amp_bank *bank;
    amp_scorer *scorer;
    amp_image *image;
    amp_dataset *dataset;
    amp_model_builder *builder;
} world;

static world set_up(void)
{
    world w = { .context = api_context() };
    amp_error error = { 0 };

    w.model = api_anchored(w.context);
    w.plain = api_model(w.context, SMALL_PLAIN);
    w.bank = api_bank(w.model, 3);
    w.scorer = api_scorer(w.model, NULL);
    w.image = api_image(w.context, 7);
    w.dataset = made_cifar10(w.context, "set.bin", 10, NULL, 0);
    ck_ok(amp_model_builder_create(&w.builder, w.model, &error), &error);
    return w;
}

static void tear_down(world *w)
{
    amp_model_builder_free(w->builder);
    amp_dataset_free(w->dataset);
    amp_image_free(w->image);
    amp_scorer_free(w->scorer);
    amp_bank_unref(w->bank);
    amp_model_unref(w->plain);
    amp_model_unref(w->model);
    amp_context_unref(w->context);
}

/* The call fails so, with a text, also where no error record is given, and leaves *out NULL. */
#define REFUSED(call, expected, out)                                                               \
    do {                                                                                           \
        amp_error refusal = { 0 };                                                                 \
        amp_error *e = &refusal;                                                                   \
        (out) = (void *)&refusal;                                                                  \
        ck_fails(call, expected, &refusal);                                                        \
        ck_assert_ptr_null(out);                                                                   \
        e = NULL;                                                                                  \
        ck_assert_int_eq(call, expected);                                                          \
    } while (0)

/* The same for calls without *out. */
#define REFUSED_PLAIN(call, expected)                                                              \
    do {                                                                                           \
        amp_error refusal = { 0 };                                                                 \
        amp_error *e = &refusal;                                                                   \
        ck_fails(call, expected, &refusal);                                                        \
        e = NULL;                                                                                  \
        ck_assert_int_eq(call, expected);                                                          \
    } while (0)

START_TEST(opening_models)
{
    amp_model *out;

    REFUSED_PLAIN(amp_model_open(NULL, NULL, "x", e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_open_memory(NULL, NULL, "x", 1, e), AMP_E_ARGUMENT);
    REFUSED(amp_model_open(&out, NULL, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_model_open(&out, NULL, "/nowhere/at/all", e), AMP_E_IO, out);
    REFUSED(amp_model_open(&out, NULL, "/", e), AMP_E_IO, out);
    REFUSED(amp_model_open_memory(&out, NULL, NULL, 1, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_model_open_memory(&out, NULL, "", 0, e), AMP_E_FORMAT, out);
    REFUSED(amp_model_open_memory(&out, NULL, "no model", 8, e), AMP_E_FORMAT, out);
    ck_assert_ptr_null(amp_model_bank(NULL));
}
END_TEST

/* What no network could take is refused when the model is made. */
START_TEST(preprocessing_that_never_works)
{
    static const char *const texts[] = { "foo=1",       "std=0",      "std=nan",  "mean=1:2",
                                         "mean=1e99",   "height=0",   "width=-1", "channels=2",
                                         "filter=none", "height=32x", "=1" };
    amp_model *out;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        REFUSED(amp_model_create(&out, NULL, SMALL, texts[i], 1, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_model_create(&out, NULL, SMALL_PLAIN, "\xff", 1, e), AMP_E_ARGUMENT, out);
    REFUSED_PLAIN(amp_model_create(NULL, NULL, SMALL, NULL, 1, e), AMP_E_ARGUMENT);
    REFUSED(amp_model_create(&out, NULL, NULL, NULL, 1, e), AMP_E_ARGUMENT, out);
}
END_TEST

START_TEST(forward)
{
    static const float wild[] = { NAN, INFINITY, -INFINITY, 3e38f, -2e12f };
    world w = set_up();
    float values[2 * IMAGE_BYTES] = { 0 }, logits[256];

    REFUSED_PLAIN(amp_model_forward(NULL, NULL, 1, values, values, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_forward(w.model, NULL, 0, values, values, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_forward(w.model, NULL, 1, NULL, values, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_forward(w.model, NULL, 1, values, NULL, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_forward(w.model, NULL, SIZE_MAX / 8, values, values, e), AMP_E_LIMIT);
    REFUSED_PLAIN(amp_model_forward(w.plain, w.bank, 1, values, values, e), AMP_E_SHAPE);
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        values[IMAGE_BYTES - 1] = wild[i];
        REFUSED_PLAIN(amp_model_forward(w.model, NULL, 1, values, logits, e), AMP_E_ARGUMENT);
        REFUSED_PLAIN(amp_model_forward(w.model, w.bank, 1, values, logits, e), AMP_E_ARGUMENT);
    }
    tear_down(&w);
}
END_TEST

START_TEST(banks)
{
    static const char *const bad[] = { "count=0",     "count=1001", "method=best",   "seed=-1",
                                       "store=paper", "size=3",     "count=11",      "pool=-1",
                                       "count=2.5",   "count=",     "method=random=" };
    world w = set_up();
    const amp_image *const images[2] = { w.image, NULL };
    amp_bank *out;
    amp_image *image;

    REFUSED_PLAIN(amp_bank_build(NULL, w.model, w.dataset, NULL, NULL, NULL, e), AMP_E_ARGUMENT);
    REFUSED(amp_bank_build(&out, NULL, w.dataset, NULL, NULL, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_build(&out, w.model, NULL, NULL, NULL, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_build(&out, w.plain, w.dataset, NULL, NULL, NULL, e), AMP_E_UNSUPPORTED, out);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        REFUSED(amp_bank_build(&out, w.model, w.dataset, bad[i], NULL, NULL, e), AMP_E_ARGUMENT,
                out);
    REFUSED_PLAIN(amp_bank_from_images(NULL, w.model, 1, images, NULL, e), AMP_E_ARGUMENT);
    REFUSED(amp_bank_from_images(&out, NULL, 1, images, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_from_images(&out, w.plain, 1, images, NULL, e), AMP_E_UNSUPPORTED, out);
    REFUSED(amp_bank_from_images(&out, w.model, 0, images, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_from_images(&out, w.model, 1001, images, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_from_images(&out, w.model, 1, NULL, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_from_images(&out, w.model, 2, images, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_bank_from_images(&out, w.model, 1, images, "count=1", e), AMP_E_ARGUMENT, out);
    REFUSED_PLAIN(amp_bank_image(w.bank, 0, NULL, e), AMP_E_ARGUMENT);
    REFUSED(amp_bank_image(NULL, 0, &image, e), AMP_E_ARGUMENT, image);
    REFUSED(amp_bank_image(w.bank, 3, &image, e), AMP_E_ARGUMENT, image);
    ck_assert_uint_eq(amp_bank_count(NULL), 0);
    ck_assert_int_eq(amp_bank_has_pixels(NULL), 0);
    ck_assert_ptr_null(amp_bank_ref(NULL));
    amp_bank_unref(NULL);
    tear_down(&w);
}
END_TEST

START_TEST(banks_without_pixels)
{
    world w = set_up();
    const amp_image *const images[1] = { w.image };
    amp_bank *bank = NULL;
    amp_image *image;
    amp_error error = { 0 };

    ck_ok(amp_bank_from_images(&bank, w.model, 1, images, "store=stem", &error), &error);
    ck_assert_int_eq(amp_bank_has_pixels(bank), 0);
    REFUSED(amp_bank_image(bank, 0, &image, e), AMP_E_UNSUPPORTED, image);
    amp_bank_unref(bank);
    tear_down(&w);
}
END_TEST

/* Changes one field of good options and expects the scorer to be refused. */
typedef void (*spoil)(amp_scorer_options *options);

static void many_anchors(amp_scorer_options *options)
{
    options->anchors = 3;
}
static void negative_threads(amp_scorer_options *options)
{
    options->threads = -1;
}
static void many_threads(amp_scorer_options *options)
{
    options->threads = 1025;
}
static void zero_tpr(amp_scorer_options *options)
{
    options->tpr = 0.0;
}
static void large_tpr(amp_scorer_options *options)
{
    options->tpr = 1.5;
}
static void no_tpr(amp_scorer_options *options)
{
    memset(&options->tpr, 0xff, sizeof options->tpr); /* a NaN */
}
static void large_chunk(amp_scorer_options *options)
{
    options->chunk = 4097;
}
static void other_precision(amp_scorer_options *options)
{
    options->precision = 99;
}
static void no_size(amp_scorer_options *options)
{
    options->struct_size = 0;
}

START_TEST(scorer_options)
{
    static const spoil spoils[] = { many_anchors, negative_threads, many_threads,
                                    zero_tpr,     large_tpr,        no_tpr,
                                    large_chunk,  other_precision,  no_size };
    world w = set_up();
    amp_scorer_options options;
    amp_scorer *out = NULL;
    struct {
        amp_scorer_options known;
        uint64_t later;
    } longer = { .later = 0 };
    amp_error error = { 0 };

    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        amp_scorer_options_init(&options, sizeof options);
        spoils[i](&options);
        REFUSED(amp_scorer_create(&out, w.model, NULL, "amp", &options, e), AMP_E_ARGUMENT, out);
    }
    /* A later caller's struct: fine while its new fields are zero. */
    amp_scorer_options_init(&longer.known, sizeof longer);
    ck_assert_uint_eq(longer.known.struct_size, sizeof longer);
    ck_ok(amp_scorer_create(&out, w.model, NULL, "amp", &longer.known, &error), &error);
    amp_scorer_free(out);
    longer.later = 1;
    REFUSED(amp_scorer_create(&out, w.model, NULL, "amp", &longer.known, e), AMP_E_UNSUPPORTED,
            out);
    /* An earlier caller's: what it lacks has its default. */
    options = (amp_scorer_options){ .struct_size = offsetof(amp_scorer_options, tpr), .tpr = 9.0 };
    ck_ok(amp_scorer_create(&out, w.model, NULL, "amp", &options, &error), &error);
    amp_scorer_free(out);
    amp_scorer_options_init(NULL, 8);
    tear_down(&w);
}
END_TEST

START_TEST(scorers)
{
    world w = set_up();
    amp_model *const bankless = api_model(w.context, SMALL);
    amp_scorer *out;
    double threshold = 3.0;

    REFUSED_PLAIN(amp_scorer_create(NULL, w.model, NULL, NULL, NULL, e), AMP_E_ARGUMENT);
    REFUSED(amp_scorer_create(&out, NULL, NULL, NULL, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_scorer_create(&out, bankless, NULL, NULL, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_scorer_create(&out, w.plain, w.bank, NULL, NULL, e), AMP_E_SHAPE, out);
    REFUSED(amp_scorer_create(&out, w.plain, NULL, "amp", NULL, e), AMP_E_UNSUPPORTED, out);
    REFUSED(amp_scorer_create(&out, w.model, NULL, "", NULL, e), AMP_E_ARGUMENT, out);
    REFUSED(amp_scorer_create(&out, w.model, NULL, "apm", NULL, e), AMP_E_ARGUMENT, out);
    REFUSED_PLAIN(amp_scorer_clone(NULL, w.scorer, e), AMP_E_ARGUMENT);
    REFUSED(amp_scorer_clone(&out, NULL, e), AMP_E_ARGUMENT, out);
    ck_assert_uint_eq(amp_scorer_methods(NULL), 0);
    ck_assert_uint_eq(amp_scorer_methods(w.scorer), 2);
    ck_assert_ptr_null(amp_scorer_method(NULL, 0));
    ck_assert_ptr_null(amp_scorer_method(w.scorer, 2));
    ck_assert_int_eq(amp_scorer_threshold(NULL, 0, &threshold), 0);
    ck_assert_int_eq(amp_scorer_threshold(w.scorer, 0, &threshold), 0);
    ck_assert_int_eq(amp_scorer_threshold(w.scorer, 2, NULL), 0);
    ck_assert(threshold == 3.0);
    ck_assert_uint_eq(amp_scorer_anchors(NULL), 0);
    ck_assert_ptr_null(amp_scorer_note(NULL));
    amp_scorer_free(NULL);
    amp_model_unref(bankless);
    tear_down(&w);
}
END_TEST

/* A message names what is wrong, not what happens to be checked with it. */
START_TEST(messages_name_the_fault)
{
    world w = set_up();
    const uint8_t pixels[1] = { 0 };
    double score[4];
    amp_scores out = { .struct_size = sizeof out, .score = score };
    struct {
        amp_scores known;
        const void *later;
    } longer = { { .struct_size = sizeof longer }, pixels };
    amp_bank *bank;
    amp_error error = { 0 };

    ck_fails(amp_bank_from_images(&bank, w.model, 1, NULL, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_str_eq(error.message, "images is NULL");
    ck_fails(amp_scorer_run_rgb8(w.scorer, 1, pixels, 5, 0, &out, &error), AMP_E_ARGUMENT, &error);
    ck_assert_str_eq(error.message, "images of height 5 and width 0");
    ck_fails(amp_scorer_run_rgb8(w.scorer, 0, pixels, 8, 8, &longer.known, &error),
             AMP_E_UNSUPPORTED, &error);
    ck_assert_ptr_null(strstr(error.message, "options"));
    tear_down(&w);
}
END_TEST

START_TEST(runs)
{
    world w = set_up();
    uint8_t *const pixels = made_bytes(IMAGE_BYTES, 3);
    const amp_image *const images[2] = { w.image, NULL };
    double score[4];
    amp_scores out = { .struct_size = sizeof out, .score = score }, bad = out;
    struct {
        amp_scores known;
        void *later;
    } longer = { { .struct_size = sizeof longer }, pixels };

    bad.struct_size = 0;
    REFUSED_PLAIN(amp_scorer_run(NULL, 1, images, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run(w.scorer, 1, NULL, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run(w.scorer, 1, images, NULL, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run(w.scorer, 1, images, &bad, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run(w.scorer, 2, images, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run(w.scorer, SIZE_MAX, images, &out, e), AMP_E_LIMIT);
    REFUSED_PLAIN(amp_scorer_run(w.scorer, 1, images, &longer.known, e), AMP_E_UNSUPPORTED);
    REFUSED_PLAIN(amp_scorer_run_rgb8(NULL, 1, pixels, 8, 8, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_rgb8(w.scorer, 1, NULL, 8, 8, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_rgb8(w.scorer, 1, pixels, 0, 8, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_rgb8(w.scorer, 1, pixels, 8, 0, &out, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_rgb8(w.scorer, 8, pixels, UINT32_MAX, UINT32_MAX, &out, e),
                  AMP_E_LIMIT);
    REFUSED_PLAIN(amp_scorer_run_rgb8(w.scorer, 1, pixels, 8, 8, NULL, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_dataset(NULL, w.dataset, 0, 1, &out, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_dataset(w.scorer, NULL, 0, 1, &out, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_dataset(w.scorer, w.dataset, 0, 11, &out, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_dataset(w.scorer, w.dataset, 10, 1, &out, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_dataset(w.scorer, w.dataset, UINT64_MAX, 2, &out, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_scorer_run_dataset(w.scorer, w.dataset, 0, 1, NULL, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    free(pixels);
    tear_down(&w);
}
END_TEST

/* After any failure a scorer still scores. */
START_TEST(a_scorer_survives_failures)
{
    world w = set_up();
    const amp_image *const images[2] = { w.image, NULL };
    double before[2], after[4];
    amp_scores out = { .struct_size = sizeof out, .score = before };
    amp_error error = { 0 };

    ck_ok(amp_scorer_run(w.scorer, 1, images, &out, &error), &error);
    out.score = after;
    ck_fails(amp_scorer_run(w.scorer, 2, images, &out, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "image 1"));
    ck_ok(amp_scorer_run(w.scorer, 1, images, &out, &error), &error);
    ck_assert_mem_eq(before, after, sizeof before);
    tear_down(&w);
}
END_TEST

START_TEST(builders)
{
    static const char *const names[10] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", NULL };
    world w = set_up();
    amp_model_builder *out;
    amp_model *model;

    REFUSED_PLAIN(amp_model_builder_create(NULL, w.model, e), AMP_E_ARGUMENT);
    REFUSED(amp_model_builder_create(&out, NULL, e), AMP_E_ARGUMENT, out);
    REFUSED_PLAIN(amp_model_builder_set_bank(NULL, w.bank, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_class_names(NULL, 10, names, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_class_names(w.builder, 10, NULL, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_class_names(w.builder, 10, names, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_class_names(w.builder, 0, names, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_card(NULL, "k", "1", e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_card(w.builder, NULL, "1", e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_set_card(w.builder, "k", NULL, e), AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_calibrate(NULL, w.dataset, NULL, NULL, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_calibrate(w.builder, NULL, NULL, NULL, NULL, NULL, e),
                  AMP_E_ARGUMENT);
    REFUSED_PLAIN(amp_model_builder_finish(w.builder, NULL, e), AMP_E_ARGUMENT);
    REFUSED(amp_model_builder_finish(NULL, &model, e), AMP_E_ARGUMENT, model);
    amp_model_builder_free(NULL);
    tear_down(&w);
}
END_TEST

/* A preprocessing that does not fit the network is told when a scorer or bank is made. */
START_TEST(preprocessing_that_does_not_fit)
{
    world w = set_up();
    const amp_image *const images[1] = { w.image };
    amp_model *model = NULL;
    amp_scorer *scorer;
    amp_bank *bank;
    amp_error error = { 0 };

    ck_ok(amp_model_create(&model, w.context, SMALL, "height=9,width=8", 1, &error), &error);
    REFUSED(amp_scorer_create(&scorer, model, w.bank, "amp", NULL, e), AMP_E_SHAPE, scorer);
    REFUSED(amp_bank_from_images(&bank, model, 1, images, NULL, e), AMP_E_SHAPE, bank);
    amp_model_unref(model);
    tear_down(&w);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { opening_models,
                                   preprocessing_that_never_works,
                                   forward,
                                   banks,
                                   banks_without_pixels,
                                   scorer_options,
                                   scorers,
                                   messages_name_the_fault,
                                   runs,
                                   a_scorer_survives_failures,
                                   builders,
                                   preprocessing_that_does_not_fit,
                                   NULL };
    return test_suite("api.arguments", tests);
}

TEST_MAIN(suite)
