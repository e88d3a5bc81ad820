/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_support.c - discs on noise, and trainers on them.
 */
#include "train_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 32
#define RECORD (1 + 3 * SIDE * SIDE)

static void draw(uint8_t *record, uint32_t index, uint32_t label)
{
    ampi_rng rng = ampi_rng_make(7, AMPI_RNG_TEST, index, 0);
    const int x0 = 8 + (int)ampi_rng_below(&rng, 16), y0 = 8 + (int)ampi_rng_below(&rng, 16);

    record[0] = (uint8_t)label;
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < SIDE * SIDE; i++) {
            const int x = i % SIDE - x0, y = i / SIDE - y0;
            uint32_t value = ampi_rng_below(&rng, 96);
            if (x * x + y * y < 40)
                value += (label * 53 + (uint32_t)c * 97) % 160;
            record[1 + c * SIDE * SIDE + i] = (uint8_t)value;
        }
    }
}

static const char *write_records(const char *name, uint8_t *records, uint32_t n)
{
    static char spec[512];

    test_write_file(test_scratch_path(name), records, (size_t)n * RECORD);
    (void)snprintf(spec, sizeof spec, "cifar10:%s", test_scratch_path(name));
    free(records);
    return spec;
}

const char *support_data(const char *name, uint32_t n)
{
    uint8_t *const records = malloc((size_t)n * RECORD);

    ck_assert_ptr_nonnull(records);
    for (uint32_t i = 0; i < n; i++)
        draw(records + (size_t)i * RECORD, i, i % 10);
    return write_records(name, records, n);
}

const char *support_labels(const char *name, uint32_t n, uint8_t label)
{
    uint8_t *const records = malloc((size_t)n * RECORD);

    ck_assert_ptr_nonnull(records);
    for (uint32_t i = 0; i < n; i++)
        draw(records + (size_t)i * RECORD, i, i + 1 == n ? label : i % 3);
    return write_records(name, records, n);
}

amp_context *support_context(void)
{
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error;

    amp_context_options_init(&options, sizeof options);
    options.threads = 2;
    ck_ok(amp_context_create(&context, &options, &error), &error);
    return context;
}

amp_dataset *support_open(amp_context *context, const char *spec)
{
    amp_dataset *dataset = NULL;
    amp_error error;

    ck_ok(amp_dataset_open(&dataset, context, spec, NULL, &error), &error);
    return dataset;
}

amp_model *support_model(amp_context *context, const char *arch)
{
    amp_model *model = NULL;
    amp_error error;

    ck_ok(ampi_model_create(&model, context, arch, NULL, 3, &error), &error);
    return model;
}

amp_trainer *support_trainer(amp_context *context, const char *arch, const char *options)
{
    amp_model *const model = support_model(context, arch);
    amp_dataset *const dataset = support_open(context, support_data("train.bin", 80));
    amp_trainer *trainer = NULL;
    amp_error error;

    ck_ok(amp_trainer_create(&trainer, model, dataset, options, &error), &error);
    amp_dataset_free(dataset);
    amp_model_unref(model);
    return trainer;
}

static void same_tensors(const ampi_graph *a, const ampi_graph *b)
{
    ck_assert_uint_eq(a->n_tensors, b->n_tensors);
    for (size_t i = 0; i < a->n_tensors; i++) {
        const ampi_tensor *const x = &a->tensors[i], *const y = &b->tensors[i];
        ck_assert_int_eq(x->counter, y->counter);
        if (x->data)
            ck_assert_msg(memcmp(x->data, y->data, x->count * sizeof(float)) == 0, "%s differs",
                          x->name);
    }
}

void support_same_weights(const amp_trainer *a, const amp_trainer *b)
{
    same_tensors(a->graph, b->graph);
    ck_assert_int_eq(a->average != NULL, b->average != NULL);
    if (a->average)
        same_tensors(a->average, b->average);
}

void support_steps(amp_trainer *trainer, int n)
{
    int32_t done = 0;
    amp_error error;

    for (int i = 0; i < n; i++)
        ck_ok(amp_trainer_step(trainer, &done, &error), &error);
}
