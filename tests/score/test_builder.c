/* SPDX-License-Identifier: Apache-2.0 */
/* test_builder.c - new models out of old ones: names, card, bank; the base stays as it is. */
#include "score_support.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[10] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };

typedef struct fixture {
    amp_context *context;
    amp_model *model;
    amp_model_builder *builder;
} fixture;

static fixture set_up(void)
{
    fixture f = { .context = score_context(1) };
    amp_error error = { 0 };

    f.model = score_anchored(f.context, 2);
    ck_ok(amp_model_builder_create(&f.builder, f.model, &error), &error);
    return f;
}

static void tear_down(fixture *f)
{
    amp_model_builder_free(f->builder);
    amp_model_unref(f->model);
    amp_context_unref(f->context);
}

static amp_model *finish(fixture *f)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_finish(f->builder, &model, &error), &error);
    return model;
}

static const json_t *card(const amp_model *model, const char *key)
{
    return json_object_get(json_object_get(model->record, "card"), key);
}

START_TEST(nothing_changed)
{
    fixture f = set_up();
    amp_model *const model = finish(&f);

    ck_assert_str_eq(amp_model_record(model), amp_model_record(f.model));
    ck_assert_ptr_eq(amp_model_bank(model), amp_model_bank(f.model));
    ck_assert_uint_eq(model->graph->n_tensors, f.model->graph->n_tensors);
    for (size_t t = 0; t < model->graph->n_tensors; t++)
        if (model->graph->tensors[t].data)
            ck_assert_mem_eq(model->graph->tensors[t].data, f.model->graph->tensors[t].data,
                             model->graph->tensors[t].count * sizeof(float));
    amp_model_unref(model);
    tear_down(&f);
}
END_TEST

START_TEST(names_and_card)
{
    fixture f = set_up();
    char *const before = strdup(amp_model_record(f.model));
    amp_error error = { 0 };

    ck_ok(amp_model_builder_set_class_names(f.builder, 10, names, &error), &error);
    ck_ok(amp_model_builder_set_card(f.builder, "title", "\"small\"", &error), &error);
    ck_ok(amp_model_builder_set_card(f.builder, "sets", "{\"a\": [1, 2.5, null]}", &error), &error);
    ck_ok(amp_model_builder_set_card(f.builder, "title", "\"smaller\"", &error), &error);
    amp_model *const model = finish(&f), *const again = finish(&f);
    ck_assert_str_eq(amp_model_class_name(model, 9), "j");
    ck_assert_str_eq(json_string_value(card(model, "title")), "smaller");
    ck_assert_uint_eq(json_array_size(json_object_get(card(model, "sets"), "a")), 3);
    ck_assert_str_eq(amp_model_record(model), amp_model_record(again));
    ck_assert_str_eq(amp_model_record(f.model), before);
    ck_assert_ptr_null(amp_model_class_name(f.model, 0));
    free(before);
    amp_model_unref(model);
    amp_model_unref(again);
    tear_down(&f);
}
END_TEST

START_TEST(refused)
{
    fixture f = set_up();
    char *const long_key = calloc(102, 1), *const long_text = calloc(1000003, 1);
    amp_error error = { 0 };

    memset(long_key, 'k', 101);
    memset(long_text, ' ', 1000002);
    ck_fails(amp_model_builder_set_class_names(f.builder, 9, names, &error), AMP_E_ARGUMENT,
             &error);
    ck_fails(amp_model_builder_set_card(f.builder, "a", "{\"b\": }", &error), AMP_E_FORMAT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "a", "", &error), AMP_E_FORMAT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "a", "1 2", &error), AMP_E_FORMAT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "a", "{\"b\": 1, \"b\": 2}", &error),
             AMP_E_FORMAT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "a", "\"\xff\"", &error), AMP_E_FORMAT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "a", long_text, &error), AMP_E_LIMIT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "", "1", &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, long_key, "1", &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_builder_set_card(f.builder, "\xff", "1", &error), AMP_E_ARGUMENT, &error);
    amp_model *const model = finish(&f);
    ck_assert_str_eq(amp_model_record(model), amp_model_record(f.model));
    free(long_key);
    free(long_text);
    amp_model_unref(model);
    tear_down(&f);
}
END_TEST

/* More than the record takes shows when the model is made, and the builder lives on. */
START_TEST(too_much_for_the_record)
{
    fixture f = set_up();
    char *const many = calloc(4 * 1001, 1);
    amp_model *model = NULL;
    amp_error error = { 0 };

    memcpy(many, "[0", 2);
    for (size_t i = 0; i < 1000; i++)
        memcpy(many + 2 + 2 * i, ",0", 2);
    memcpy(many + 2002, "]", 1);
    ck_ok(amp_model_builder_set_card(f.builder, "many", many, &error), &error);
    ck_fails(amp_model_builder_finish(f.builder, &model, &error), AMP_E_LIMIT, &error);
    ck_assert_ptr_null(model);
    ck_ok(amp_model_builder_set_card(f.builder, "many", "0", &error), &error);
    model = finish(&f);
    free(many);
    amp_model_unref(model);
    tear_down(&f);
}
END_TEST

START_TEST(banks)
{
    fixture f = set_up();
    amp_dataset *const dataset = made_cifar10(f.context, "set.bin", 30, NULL, 0);
    amp_model *const plain = score_model(f.context, SMALL_PLAIN);
    amp_model_builder *plain_builder = NULL;
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    ck_ok(amp_bank_build(&bank, f.model, dataset, "count=7,method=balanced,seed=5,store=stem", NULL,
                         NULL, &error),
          &error);
    ck_assert_int_eq(amp_bank_has_pixels(bank), 0);
    ck_ok(amp_model_builder_set_bank(f.builder, bank, &error), &error);
    amp_model *const seven = finish(&f);
    const json_t *const text = json_object_get(seven->record, "bank");
    ck_assert_int_eq(json_integer_value(json_object_get(text, "anchors")), 7);
    ck_assert_int_eq(json_integer_value(json_object_get(text, "seed")), 5);
    ck_assert_str_eq(json_string_value(json_object_get(text, "method")), "balanced");
    ck_assert_str_eq(json_string_value(json_object_get(text, "stored")), "stems");
    ck_assert_ptr_eq(amp_model_bank(seven), bank);
    ck_assert_ptr_null(ampi_blobs_find(&seven->sections, "amp.bank.pixels"));
    ck_assert_ptr_nonnull(ampi_blobs_find(&f.model->sections, "amp.bank.pixels"));

    ck_ok(amp_model_builder_set_bank(f.builder, NULL, &error), &error);
    amp_model *const none = finish(&f);
    ck_assert_ptr_null(amp_model_bank(none));
    ck_assert(!ampi_bank_in_blobs(&none->sections));
    ck_assert_ptr_null(json_object_get(none->record, "bank"));

    ck_ok(amp_model_builder_create(&plain_builder, plain, &error), &error);
    ck_fails(amp_model_builder_set_bank(plain_builder, bank, &error), AMP_E_SHAPE, &error);
    amp_model_builder_free(plain_builder);
    amp_model_unref(plain);
    amp_model_unref(seven);
    amp_model_unref(none);
    amp_bank_unref(bank);
    amp_dataset_free(dataset);
    tear_down(&f);
}
END_TEST

/* Every method of choosing through the public call; kcentre runs the network. */
START_TEST(chosen_banks)
{
    static const char *const options[] = { NULL, "method=random,seed=9", "method=balanced",
                                           "method=kcentre,pool=20", "count=30" };
    fixture f = set_up();
    amp_dataset *const dataset = made_cifar10(f.context, "set.bin", 30, NULL, 0);
    amp_error error = { 0 };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        amp_bank *bank = NULL;
        ck_ok(amp_bank_build(&bank, f.model, dataset, options[i], NULL, NULL, &error), &error);
        ck_assert_uint_eq(amp_bank_count(bank), i == 4 ? 30 : 5);
        for (uint32_t k = 0; k < amp_bank_count(bank); k++) {
            amp_image *image = NULL;
            ck_ok(amp_bank_image(bank, k, &image, &error), &error);
            ck_assert_uint_eq(amp_image_width(image), SIDE);
            amp_image_free(image);
        }
        amp_bank_unref(bank);
    }
    amp_dataset_free(dataset);
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        nothing_changed, names_and_card, refused, too_much_for_the_record, banks, chosen_banks, NULL
    };
    return test_suite("score.builder", tests);
}

TEST_MAIN(suite)
