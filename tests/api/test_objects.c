/* SPDX-License-Identifier: Apache-2.0 */
/* test_objects.c - contexts that must not be mixed, and objects that may go in any order. */
#include "api_support.h"

#include <stdlib.h>
#include <string.h>

START_TEST(two_contexts)
{
    amp_context *const a = api_context(), *const b = api_context();
    amp_model *const model = api_anchored(a), *const other = api_anchored(b);
    amp_bank *const foreign = api_bank(other, 2);
    amp_image *const image = api_image(b, 1);
    amp_dataset *const dataset = made_cifar10(b, "set.bin", 5, NULL, 0);
    amp_scorer *const scorer = api_scorer(model, NULL);
    amp_scorer *refused = NULL;
    amp_bank *bank = NULL;
    amp_model_builder *builder = NULL;
    const amp_image *const images[1] = { image };
    double score[10];
    float values[IMAGE_BYTES] = { 0 }, logits[20];
    const amp_scores out = { .struct_size = sizeof out, .score = score };
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, model, &error), &error);
    ck_fails(amp_scorer_create(&refused, model, foreign, "amp", NULL, &error), AMP_E_ARGUMENT,
             &error);
    ck_assert_ptr_nonnull(strstr(error.message, "contexts"));
    ck_fails(amp_model_forward(model, foreign, 1, values, logits, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_scorer_run(scorer, 1, images, &out, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_scorer_run_dataset(scorer, dataset, 0, 1, &out, NULL, NULL, &error),
             AMP_E_ARGUMENT, &error);
    ck_fails(amp_bank_from_images(&bank, model, 1, images, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_bank_build(&bank, model, dataset, "count=2", NULL, NULL, &error), AMP_E_ARGUMENT,
             &error);
    ck_fails(amp_model_builder_set_bank(builder, foreign, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_builder_calibrate(builder, dataset, "amp", NULL, NULL, NULL, &error),
             AMP_E_ARGUMENT, &error);
    amp_model_builder_free(builder);
    amp_scorer_free(scorer);
    amp_dataset_free(dataset);
    amp_image_free(image);
    amp_bank_unref(foreign);
    amp_model_unref(other);
    amp_model_unref(model);
    amp_context_unref(a);
    amp_context_unref(b);
}
END_TEST

/* What stands on what: each may go before what it stands on, or after. */
typedef struct things {
    amp_context *context;
    amp_model *model, *made;
    amp_bank *bank;
    amp_scorer *scorer, *clone;
    amp_model_builder *builder;
} things;

#define THINGS 7u

static void drop(things *t, size_t which)
{
    switch (which) {
    case 0:
        amp_context_unref(t->context);
        break;
    case 1:
        amp_model_unref(t->model);
        break;
    case 2:
        amp_model_unref(t->made);
        break;
    case 3:
        amp_bank_unref(t->bank);
        break;
    case 4:
        amp_scorer_free(t->scorer);
        break;
    case 5:
        amp_scorer_free(t->clone);
        break;
    default:
        amp_model_builder_free(t->builder);
    }
}

/* What is left still works. */
static void use(const things *t, const bool gone[THINGS], const uint8_t *pixels)
{
    double score[2];
    const amp_scores out = { .struct_size = sizeof out, .score = score };
    amp_error error = { 0 };

    if (!gone[4])
        ck_ok(amp_scorer_run_rgb8(t->scorer, 1, pixels, SIDE, SIDE, &out, &error), &error);
    if (!gone[5])
        ck_ok(amp_scorer_run_rgb8(t->clone, 1, pixels, SIDE, SIDE, &out, &error), &error);
    if (!gone[3])
        ck_assert_uint_eq(amp_bank_count(t->bank), 2);
    if (!gone[2])
        ck_assert_uint_eq(amp_bank_count(amp_model_bank(t->made)), 2);
}

static things make(test_memory *memory)
{
    things t = { .context = test_context(memory) };
    amp_error error = { 0 };

    t.model = api_model(t.context, SMALL);
    t.bank = api_bank(t.model, 2);
    t.scorer = api_scorer(t.model, t.bank);
    ck_ok(amp_scorer_clone(&t.clone, t.scorer, &error), &error);
    ck_ok(amp_model_builder_create(&t.builder, t.model, &error), &error);
    ck_ok(amp_model_builder_set_bank(t.builder, t.bank, &error), &error);
    ck_ok(amp_model_builder_finish(t.builder, &t.made, &error), &error);
    return t;
}

/* Each rotation of the order, forwards and backwards; nothing stays allocated. */
START_TEST(any_order)
{
    uint8_t *const pixels = made_bytes(IMAGE_BYTES, 3);

    for (size_t start = 0; start < 2 * THINGS; start++) {
        test_memory memory = { 0 };
        bool gone[THINGS] = { false };
        things t = make(&memory);
        for (size_t i = 0; i < THINGS; i++) {
            const size_t which =
                start < THINGS ? (start + i) % THINGS : (2 * THINGS + start - i) % THINGS;
            drop(&t, which);
            gone[which] = true;
            use(&t, gone, pixels);
        }
        ck_assert_uint_eq(memory.live, 0);
    }
    free(pixels);
}
END_TEST

START_TEST(references)
{
    amp_context *const context = api_context();
    amp_model *const model = api_anchored(context);
    amp_bank *const bank = amp_bank_ref(amp_model_bank(model));

    ck_assert_ptr_eq(amp_model_ref(model), model);
    amp_model_unref(model);
    ck_assert_uint_eq(amp_bank_count(amp_model_bank(model)), 2);
    amp_model_unref(model);
    ck_assert_uint_eq(amp_bank_count(bank), 2);
    amp_bank_unref(bank);
    amp_context_unref(context);
}
END_TEST

/* Models without a context of the caller's: each has its own. */
START_TEST(no_context)
{
    amp_model *const model = api_anchored(NULL);
    amp_scorer *const scorer = api_scorer(model, NULL);
    amp_image *const image = api_image(amp_model_context(model), 4);
    const amp_image *const images[1] = { image };
    double score[2];
    const amp_scores out = { .struct_size = sizeof out, .score = score };
    amp_error error = { 0 };

    ck_ok(amp_scorer_run(scorer, 1, images, &out, &error), &error);
    amp_model_unref(model);
    ck_ok(amp_scorer_run(scorer, 1, images, &out, &error), &error);
    amp_image_free(image);
    amp_scorer_free(scorer);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { two_contexts, any_order, references, no_context, NULL };
    return test_suite("api.objects", tests);
}

TEST_MAIN(suite)
