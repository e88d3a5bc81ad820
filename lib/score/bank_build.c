/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/bank_build.c - the public ways to make a bank for a model: chosen from a data set, or given
 * images.
 */
#include "score/scorer_internal.h"

#include <stdio.h>
#include <string.h>

enum { STORE_PIXELS, STORE_STEM };

typedef struct bank_options {
    ampi_choice choice;
    int32_t store;
} bank_options;

#define STORE_ROW                                                                                  \
    {                                                                                              \
        "store", AMPI_OPTION_CHOICE, offsetof(bank_options, store), sizeof(int32_t), 0.0, 0.0,     \
            "pixels|stem", "pixels",                                                               \
            "keep the anchors' pixels, or only what scoring needs of them"                         \
    }

static const ampi_option build_table[] = {
    { "count", AMPI_OPTION_INT, offsetof(bank_options, choice.count), sizeof(int64_t), 1.0,
      AMPI_MAX_ANCHORS, NULL, "5", "anchors to choose" },
    { "method", AMPI_OPTION_CHOICE, offsetof(bank_options, choice.method), sizeof(int32_t), 0.0,
      0.0, "random|balanced|kcentre", "random",
      "at random, one a class in turn, or far apart in feature space" },
    { "seed", AMPI_OPTION_INT, offsetof(bank_options, choice.seed), sizeof(int64_t), 0.0, 0x1p53,
      NULL, "0", "of the choice" },
    { "pool", AMPI_OPTION_INT, offsetof(bank_options, choice.pool), sizeof(int64_t), 0.0, 0x1p31,
      NULL, "5000", "images that kcentre looks at, drawn by the seed; 0 = all" },
    STORE_ROW,
};

static const ampi_option given_table[] = { STORE_ROW };

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- pixels [K,h,w,ch] from either source ---- */

static amp_status allocate_pixels(amp_context *context, const ampi_prepare *prepare, size_t count,
                                  uint8_t **out, amp_error *error)
{
    const size_t bytes = (size_t)prepare->height * prepare->width * prepare->channels;

    *out = ampi_alloc_raw(context, count, bytes);
    return *out ? AMP_OK : ampi_fail_nomem(error, "bank", count * bytes);
}

static amp_status read_chosen(amp_dataset *dataset, const ampi_chooser *with, size_t count,
                              const uint64_t *indices, uint8_t *pixels, amp_error *error)
{
    const ampi_prepare *const p = with->prepare;
    const size_t bytes = (size_t)p->height * p->width * p->channels;

    for (size_t k = 0; k < count; k++) {
        AMPI_TRY(ampi_prepare_from(dataset, indices[k], p, pixels + k * bytes, error));
        AMPI_TRY(ampi_progress(with->progress, with->user, "bank", k + 1, count, error));
    }
    return AMP_OK;
}

static amp_status read_given(const ampi_prepare *prepare, amp_context *context, size_t count,
                             const amp_image *const *images, uint8_t *pixels, amp_error *error)
{
    const size_t bytes = (size_t)prepare->height * prepare->width * prepare->channels;

    for (size_t k = 0; k < count; k++) {
        const amp_image *const image = images[k];
        ampi_raster raster;

        if (!image)
            return ampi_fail(error, AMP_E_ARGUMENT, "bank", "image %zu is NULL", k);
        if (image->context != context)
            return ampi_fail(error, AMP_E_ARGUMENT, "bank",
                             "image %zu and the model have different contexts", k);
        raster = ampi_image_raster(image);
        AMPI_TRY(ampi_prepare_pixels(context, prepare, &raster, pixels + k * bytes, error));
    }
    return AMP_OK;
}

/* ---- bank from pixels ---- */

typedef struct origin {
    const char *method;
    uint64_t seed;
    bool keep_pixels;
} origin;

static amp_status make_bank(amp_bank **out, amp_model *model, const ampi_prepare *prepare,
                            size_t count, const uint8_t *pixels, const origin *from,
                            amp_error *error)
{
    ampi_network *network = NULL;
    amp_bank *bank = NULL;
    amp_status status;

    AMPI_TRY(
        ampi_model_network(model, ampi_default_backend(), AMPI_PRECISION_FP32, &network, error));
    AMPI_TRY(ampi_bank_create(&bank, model->graph, prepare, (uint32_t)count, error));
    (void)snprintf(bank->method, sizeof bank->method, "%s", from->method);
    bank->seed = from->seed;
    status = ampi_bank_fill(bank, network, pixels, from->keep_pixels, error);
    if (status) {
        amp_bank_unref(bank);
        return status;
    }
    *out = bank;
    return AMP_OK;
}

/* Refuses before any work what ampi_bank_create would refuse after it. */
static amp_status check_model(const amp_model *model, ampi_prepare *prepare, amp_error *error)
{
    if (!model)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "model is NULL");
    if (!model->graph->anchored)
        return ampi_fail(error, AMP_E_UNSUPPORTED, "bank", "the network is not anchored");
    AMPI_TRY(ampi_prepare_parse(prepare, amp_model_preprocess(model), error));
    return ampi_prepare_check(prepare, model->graph, error);
}

static amp_status build(amp_bank **out, amp_model *model, amp_dataset *dataset,
                        const bank_options *options, const ampi_chooser *with, amp_error *error)
{
    const size_t count = (size_t)options->choice.count;
    const origin from = { ampi_choice_name(options->choice.method), (uint64_t)options->choice.seed,
                          options->store == STORE_PIXELS };
    uint64_t *const indices = ampi_alloc(model->context, count, sizeof *indices);
    uint8_t *pixels = NULL;
    amp_status status;

    if (!indices)
        return ampi_fail_nomem(error, "bank", count * sizeof *indices);
    status = ampi_choose(&options->choice, dataset, with, indices, error);
    if (!status)
        status = allocate_pixels(model->context, with->prepare, count, &pixels, error);
    if (!status)
        status = read_chosen(dataset, with, count, indices, pixels, error);
    if (!status)
        status = make_bank(out, model, with->prepare, count, pixels, &from, error);
    ampi_free(model->context, pixels);
    ampi_free(model->context, indices);
    return status;
}

amp_status amp_bank_build(amp_bank **out, amp_model *model, amp_dataset *dataset,
                          const char *options, amp_progress_fn progress, void *progress_user,
                          amp_error *error)
{
    bank_options known;
    ampi_prepare prepare;
    ampi_chooser with = { .prepare = &prepare, .progress = progress, .user = progress_user };
    ampi_network *network = NULL;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "out is NULL");
    *out = NULL;
    AMPI_TRY(check_model(model, &prepare, error));
    if (!dataset)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "dataset is NULL");
    if (ampi_dataset_context(dataset) != model->context)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank",
                         "data set and model have different contexts");
    ampi_options_default(build_table, ROWS(build_table), &known);
    AMPI_TRY(
        ampi_options_parse(build_table, ROWS(build_table), &known, options, ',', "bank", error));
    AMPI_TRY(
        ampi_model_network(model, ampi_default_backend(), AMPI_PRECISION_FP32, &network, error));
    with.graph = model->graph;
    with.backend = network->backend;
    return build(out, model, dataset, &known, &with, error);
}

amp_status amp_bank_from_images(amp_bank **out, amp_model *model, size_t n,
                                const amp_image *const *images, const char *options,
                                amp_error *error)
{
    bank_options known;
    ampi_prepare prepare;
    origin from = { "given", 0, true };
    uint8_t *pixels = NULL;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "out is NULL");
    *out = NULL;
    AMPI_TRY(check_model(model, &prepare, error));
    if (!images)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "images is NULL");
    if (n < 1 || n > AMPI_MAX_ANCHORS)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "%zu images, allowed 1..%u", n,
                         AMPI_MAX_ANCHORS);
    ampi_options_default(given_table, ROWS(given_table), &known);
    AMPI_TRY(
        ampi_options_parse(given_table, ROWS(given_table), &known, options, ',', "bank", error));
    from.keep_pixels = known.store == STORE_PIXELS;
    AMPI_TRY(allocate_pixels(model->context, &prepare, n, &pixels, error));
    status = read_given(&prepare, model->context, n, images, pixels, error);
    if (!status)
        status = make_bank(out, model, &prepare, n, pixels, &from, error);
    ampi_free(model->context, pixels);
    return status;
}
