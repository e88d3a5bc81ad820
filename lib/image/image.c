/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/image.c - the image handle: made, asked, resized, cropped, freed.
 *
 * Decoding is in decode.c, resampling in resize.c.
 */
#include "image/decode.h"
#include "image/resize.h"
#include <string.h>

#define MAX_PIXELS ((uint64_t)1 << 26)
#define MAX_BYTES ((uint64_t)1 << 28)
#define MAX_SCANS 100u

_Static_assert(sizeof(amp_image_options) == 40, "amp_image_options layout");
_Static_assert(offsetof(amp_image_options, background) == 32, "amp_image_options layout");

static const amp_image_options defaults = {
    .struct_size = sizeof(amp_image_options),
    .max_pixels = MAX_PIXELS,
    .max_bytes = MAX_BYTES,
    .max_scans = MAX_SCANS,
    .alpha = AMP_ALPHA_DROP,
};

void amp_image_options_init(amp_image_options *options, size_t size)
{
    if (!options || size < sizeof options->struct_size)
        return;
    memset(options, 0, size);
    memcpy(options, &defaults, ampi_min_size(size, sizeof defaults));
    options->struct_size = size;
}

amp_status ampi_image_options_read(amp_image_options *out, const amp_image_options *given,
                                   amp_error *error)
{
    *out = defaults;
    AMPI_TRY(ampi_struct_read(out, sizeof *out, given, "image", error));
    if (out->max_pixels == 0 || out->max_bytes == 0 || out->max_scans == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "image",
                         "max_pixels %llu, max_bytes %llu, max_scans %u: 0 is not allowed",
                         (unsigned long long)out->max_pixels, (unsigned long long)out->max_bytes,
                         (unsigned)out->max_scans);
    if (out->max_bytes > (uint64_t)1 << 48)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "max_bytes %llu, allowed up to 1 << 48",
                         (unsigned long long)out->max_bytes);
    if (out->alpha != AMP_ALPHA_DROP && out->alpha != AMP_ALPHA_COMPOSITE)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "alpha %d, allowed 0..1", (int)out->alpha);
    return AMP_OK;
}

amp_status ampi_image_check_size(uint64_t width, uint64_t height, const amp_image_options *options,
                                 amp_error *error)
{
    if (width == 0 || height == 0)
        return ampi_fail(error, AMP_E_FORMAT, "image", "%llu x %llu pixels",
                         (unsigned long long)width, (unsigned long long)height);
    if (width > UINT32_MAX || height > UINT32_MAX || width > options->max_pixels / height)
        return ampi_fail(error, AMP_E_LIMIT, "image",
                         "%llu x %llu pixels, the limit is %llu pixels", (unsigned long long)width,
                         (unsigned long long)height, (unsigned long long)options->max_pixels);
    if (width * height > options->max_bytes / 3)
        return ampi_fail(error, AMP_E_LIMIT, "image", "%llu x %llu pixels, the limit is %llu bytes",
                         (unsigned long long)width, (unsigned long long)height,
                         (unsigned long long)options->max_bytes);
    return AMP_OK;
}

amp_status ampi_image_create(amp_image **out, amp_context *context, uint32_t width, uint32_t height,
                             const amp_image_options *options, amp_error *error)
{
    const size_t row_bytes = (size_t)width * 3;
    amp_context *own = NULL;
    amp_image *image = NULL;
    uint8_t *pixels = NULL;
    amp_image_options known;
    amp_status status = AMP_OK;

    *out = NULL;
    AMPI_TRY(ampi_image_options_read(&known, options, error));
    AMPI_TRY(ampi_image_check_size(width, height, &known, error));
    AMPI_TRY(ampi_context_get(&own, context, error));
    image = ampi_alloc(own, 1, sizeof *image);
    pixels = ampi_alloc_raw(own, height, row_bytes);
    if (!image || !pixels) {
        (void)ampi_fail_nomem(error, "image", row_bytes * height);
        status = AMP_E_NOMEM;
        goto done;
    }
    *image = (amp_image){ own, width, height, row_bytes, pixels };
    *out = image;
    own = NULL; /* all three now belong to the caller */
    image = NULL;
    pixels = NULL;
done:
    ampi_free(own, pixels);
    ampi_free(own, image);
    amp_context_unref(own);
    return status;
}

/* The status of a bad pointer or an empty size; AMP_OK when all is well. */
static amp_status check_arguments(amp_image **out, const void *source, uint32_t width,
                                  uint32_t height, amp_error *error)
{
    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "out is NULL");
    *out = NULL;
    if (!source)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "the source is NULL");
    if (width == 0 || height == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "%u x %u pixels", (unsigned)width,
                         (unsigned)height);
    return AMP_OK;
}

amp_status amp_image_from_rgb8(amp_image **out, amp_context *context, const uint8_t *pixels,
                               uint32_t width, uint32_t height, size_t row_bytes, amp_error *error)
{
    amp_image *image;

    AMPI_TRY(check_arguments(out, pixels, width, height, error));
    if (row_bytes / 3 < width)
        return ampi_fail(error, AMP_E_ARGUMENT, "image", "rows of %zu bytes for %u RGB pixels",
                         row_bytes, (unsigned)width);
    AMPI_TRY(ampi_image_create(&image, context, width, height, NULL, error));
    for (uint32_t y = 0; y < height; y++)
        memcpy(image->pixels + y * image->row_bytes, pixels + y * row_bytes, image->row_bytes);
    *out = image;
    return AMP_OK;
}

uint32_t amp_image_width(const amp_image *image)
{
    return image ? image->width : 0;
}

uint32_t amp_image_height(const amp_image *image)
{
    return image ? image->height : 0;
}

const uint8_t *amp_image_rgb8(const amp_image *image, size_t *row_bytes)
{
    if (row_bytes)
        *row_bytes = image ? image->row_bytes : 0;
    return image ? image->pixels : NULL;
}

/* A new image from the windows of `job` on this one. */
static amp_status resample(amp_image **out, const amp_image *image, ampi_resize_job *job,
                           amp_error *error)
{
    amp_image *made;
    amp_status status;

    AMPI_TRY(ampi_image_create(&made, image->context, job->x.count, job->y.count, NULL, error));
    job->in = image->pixels;
    job->row_bytes = image->row_bytes;
    job->channels = 3;
    job->out = made->pixels;
    status = ampi_resize(image->context, job, error);
    if (status == AMP_OK)
        *out = made;
    else
        amp_image_free(made);
    return status;
}

amp_status amp_image_resize(amp_image **out, const amp_image *image, uint32_t width,
                            uint32_t height, int32_t filter, amp_error *error)
{
    ampi_resize_job job = { .filter = filter };

    AMPI_TRY(check_arguments(out, image, width, height, error));
    job.x = (ampi_span){ image->width, width, 0, width };
    job.y = (ampi_span){ image->height, height, 0, height };
    return resample(out, image, &job, error);
}

amp_status amp_image_crop_center(amp_image **out, const amp_image *image, uint32_t width,
                                 uint32_t height, amp_error *error)
{
    ampi_resize_job job = { .filter = AMP_FILTER_BOX };

    AMPI_TRY(check_arguments(out, image, width, height, error));
    if (width > image->width || height > image->height)
        return ampi_fail(error, AMP_E_SHAPE, "image", "crop of %u x %u from %u x %u pixels",
                         (unsigned)width, (unsigned)height, (unsigned)image->width,
                         (unsigned)image->height);
    job.x =
        (ampi_span){ image->width, image->width, ampi_center_offset(image->width, width), width };
    job.y = (ampi_span){ image->height, image->height, ampi_center_offset(image->height, height),
                         height };
    return resample(out, image, &job, error);
}

void amp_image_free(amp_image *image)
{
    amp_context *context;

    if (!image)
        return;
    context = image->context;
    ampi_free(context, image->pixels);
    ampi_free(context, image);
    amp_context_unref(context);
}
