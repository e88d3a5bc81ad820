/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/inputs.c - the images of a run, whatever they come from, as the floats that the network
 * reads.
 */
#include "score/scorer_internal.h"

/* The pixels are what resizing and cropping would give: nothing to do, nothing to copy. */
static bool is_ready(const ampi_prepare *prepare, uint32_t width, uint32_t height, size_t row_bytes)
{
    const bool same = width == prepare->width && height == prepare->height &&
                      prepare->channels == 3 && row_bytes == 3 * (size_t)width;
    const bool whole = prepare->fit == AMPI_FIT_STRETCH ||
                       (width == height && (prepare->shorter == 0 || prepare->shorter == width));

    return same && whole;
}

static amp_status prepare_rgb(const amp_scorer *scorer, const uint8_t *rgb, uint32_t width,
                              uint32_t height, float *out, amp_error *error)
{
    const size_t row_bytes = 3 * (size_t)width;

    if (!is_ready(&scorer->prepare, width, height, row_bytes)) {
        const ampi_raster raster = { rgb, width, height, row_bytes };

        AMPI_TRY(
            ampi_prepare_pixels(scorer->context, &scorer->prepare, &raster, scorer->pixels, error));
        rgb = scorer->pixels;
    }
    ampi_prepare_normalise(&scorer->prepare, rgb, out);
    return AMP_OK;
}

amp_status ampi_inputs_images(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                              float *out, amp_error *error)
{
    const amp_image *const image = inputs->images[index];

    if (!image)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "image %zu is NULL", index);
    if (image->context != scorer->context)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "image %zu and the model have different contexts", index);
    return prepare_rgb(scorer, image->pixels, image->width, image->height, out, error);
}

amp_status ampi_inputs_rgb8(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                            float *out, amp_error *error)
{
    const size_t bytes = 3 * (size_t)inputs->height * inputs->width;

    return prepare_rgb(scorer, inputs->pixels + index * bytes, inputs->width, inputs->height, out,
                       error);
}

amp_status ampi_inputs_dataset(const ampi_inputs *inputs, const amp_scorer *scorer, size_t index,
                               float *out, amp_error *error)
{
    amp_image *image = NULL;
    amp_status status = ampi_dataset_read(inputs->dataset, inputs->first + index, &image, error);

    if (status)
        return status;
    status = prepare_rgb(scorer, image->pixels, image->width, image->height, out, error);
    amp_image_free(image);
    return status;
}
