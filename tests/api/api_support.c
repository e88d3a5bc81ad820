/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_support.c - see api_support.h.
 */
#include "api_support.h"

#include <stdlib.h>

amp_context *api_context(void)
{
    amp_context *context = NULL;
    amp_error error = { 0 };

    ck_ok(amp_context_create(&context, NULL, &error), &error);
    return context;
}

amp_model *api_model(amp_context *context, const char *arch)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_create(&model, context, arch, NULL, 1, &error), &error);
    return model;
}

amp_image *api_image(amp_context *context, uint32_t seed)
{
    uint8_t *const pixels = made_bytes(IMAGE_BYTES, seed);
    amp_image *image = NULL;
    amp_error error = { 0 };

    ck_ok(amp_image_from_rgb8(&image, context, pixels, SIDE, SIDE, 3 * SIDE, &error), &error);
    free(pixels);
    return image;
}

amp_bank *api_bank(amp_model *model, uint32_t k)
{
    amp_image **const images = calloc(k, sizeof *images);
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    for (uint32_t i = 0; i < k; i++)
        images[i] = api_image(amp_model_context(model), i);
    ck_ok(amp_bank_from_images(&bank, model, k, (const amp_image *const *)images, NULL, &error),
          &error);
    for (uint32_t i = 0; i < k; i++)
        amp_image_free(images[i]);
    free(images);
    return bank;
}

amp_model *api_anchored(amp_context *context)
{
    amp_model *const base = api_model(context, SMALL);
    amp_bank *const bank = api_bank(base, 2);
    amp_model_builder *builder = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(amp_model_builder_create(&builder, base, &error), &error);
    ck_ok(amp_model_builder_set_bank(builder, bank, &error), &error);
    ck_ok(amp_model_builder_finish(builder, &model, &error), &error);
    amp_model_builder_free(builder);
    amp_bank_unref(bank);
    amp_model_unref(base);
    return model;
}

amp_scorer *api_scorer(amp_model *model, amp_bank *bank)
{
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(amp_scorer_create(&scorer, model, bank, "amp;msp", NULL, &error), &error);
    return scorer;
}
