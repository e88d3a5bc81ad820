/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/prepare.c - RGB8 of any size to the float planes that a network reads.
 *
 * Third step of scoring (see score/scorer.c) and the input side of training: grey if the network
 * has one channel, resize (resize.c), centre crop, then normalise.  Geometry and rounding are
 * torchvision 0.14's on PIL images.
 */
#include "image/image_internal.h"
#include "image/resize.h"
#include <math.h>
#include <string.h>

#define MAX_SIDE 8192.0
#define LIST_BYTES 96

/* The options as text reads them; mean and std are "a" or "a:b:c". */
typedef struct prepare_fields {
    int64_t height, width, channels, shorter;
    int32_t fit, filter;
    char mean[LIST_BYTES], std[LIST_BYTES];
} prepare_fields;

#define FIELD(name) offsetof(prepare_fields, name), sizeof(((prepare_fields *)0)->name)

static const ampi_option table[] = {
    { "height", AMPI_OPTION_INT, FIELD(height), 1.0, MAX_SIDE, NULL, "32", "rows of the input" },
    { "width", AMPI_OPTION_INT, FIELD(width), 1.0, MAX_SIDE, NULL, "32", "columns of the input" },
    { "channels", AMPI_OPTION_INT, FIELD(channels), 1.0, 3.0, NULL, "3", "1 (grey) or 3 (RGB)" },
    { "fit", AMPI_OPTION_CHOICE, FIELD(fit), 0.0, 0.0, "stretch|crop", "crop",
      "stretch to the size, or scale the shorter side and cut out the centre" },
    { "shorter", AMPI_OPTION_INT, FIELD(shorter), 0.0, MAX_SIDE, NULL, "0",
      "length of the shorter side before the crop; 0 = the larger of height and width" },
    { "filter", AMPI_OPTION_CHOICE, FIELD(filter), 0.0, 0.0,
      "nearest|box|bilinear|hamming|bicubic|lanczos", "bilinear", "resampling filter" },
    { "mean", AMPI_OPTION_TEXT, FIELD(mean), 0.0, LIST_BYTES - 1, NULL, "0",
      "subtracted from values in 0..1, one number or one a channel, separated by ':'" },
    { "std", AMPI_OPTION_TEXT, FIELD(std), 0.0, LIST_BYTES - 1, NULL, "1",
      "divides then, one number or one a channel, separated by ':'" },
};

#define ROWS (sizeof table / sizeof table[0])

/* ---- text to numbers and back ---- */

static amp_status bad_list(const char *key, const char *text, uint32_t channels, amp_error *error)
{
    return ampi_fail(error, AMP_E_ARGUMENT, "prepare", "%s=%s: want 1 or %u finite numbers%s", key,
                     text, (unsigned)channels, strcmp(key, "std") == 0 ? " from 1e-6 up" : "");
}

/* "a" fills all channels, "a:b:c" one each. */
static amp_status parse_list(const char *key, const char *text, uint32_t channels, float out[3],
                             amp_error *error)
{
    const double low = strcmp(key, "std") == 0 ? 1e-6 : -1e6;
    uint32_t n = 0;
    double value;

    for (const char *at = text; at; n++) {
        const char *colon = strchr(at, ':');
        const size_t length = colon ? (size_t)(colon - at) : strlen(at);

        if (n == channels || !ampi_text_to_double(at, length, &value) ||
            !(value >= low && value <= 1e6))
            return bad_list(key, text, channels, error);
        out[n] = (float)value;
        at = colon ? colon + 1 : NULL;
    }
    if (n != 1 && n != channels)
        return bad_list(key, text, channels, error);
    for (; n < 3; n++)
        out[n] = out[n - 1];
    return AMP_OK;
}

static amp_status check_shape(const prepare_fields *fields, amp_error *error)
{
    const int64_t side = fields->height > fields->width ? fields->height : fields->width;

    if (fields->channels == 2)
        return ampi_fail(error, AMP_E_ARGUMENT, "prepare", "channels=2, known are 1 and 3");
    if (fields->fit == AMPI_FIT_CROP && fields->shorter != 0 && fields->shorter < side)
        return ampi_fail(
            error, AMP_E_ARGUMENT, "prepare", "shorter=%lld cuts into the crop of %lld x %lld",
            (long long)fields->shorter, (long long)fields->height, (long long)fields->width);
    return AMP_OK;
}

amp_status ampi_prepare_parse(ampi_prepare *out, const char *text, amp_error *error)
{
    prepare_fields fields;
    ampi_prepare result = { 0 };

    ampi_options_default(table, ROWS, &fields);
    AMPI_TRY(ampi_options_parse(table, ROWS, &fields, text, ',', "prepare", error));
    AMPI_TRY(check_shape(&fields, error));
    result.height = (uint32_t)fields.height;
    result.width = (uint32_t)fields.width;
    result.channels = (uint32_t)fields.channels;
    result.shorter = (uint32_t)fields.shorter;
    result.fit = fields.fit;
    result.filter = fields.filter;
    AMPI_TRY(parse_list("mean", fields.mean, result.channels, result.mean, error));
    AMPI_TRY(parse_list("std", fields.std, result.channels, result.std, error));
    *out = result;
    return AMP_OK;
}

/* Nine digits, so that parsing gives the same float. */
static void format_list(const float *values, uint32_t channels, char out[LIST_BYTES])
{
    size_t used = 0;

    for (uint32_t c = 0; c < channels; c++) {
        if (c > 0)
            out[used++] = ':';
        used += ampi_text_from_double((double)values[c], 9, out + used, LIST_BYTES - used);
    }
}

size_t ampi_prepare_format(const ampi_prepare *prepare, char *out, size_t size)
{
    prepare_fields fields;

    ampi_options_default(table, ROWS, &fields);
    fields.height = prepare->height;
    fields.width = prepare->width;
    fields.channels = prepare->channels;
    fields.shorter = prepare->shorter;
    fields.fit = prepare->fit;
    fields.filter = prepare->filter;
    format_list(prepare->mean, prepare->channels, fields.mean);
    format_list(prepare->std, prepare->channels, fields.std);
    return ampi_options_format(table, ROWS, &fields, false, out, size);
}

/* ---- pixels ---- */

/* The whole scaled image is `scaled` long on this axis; the middle `part` of it is wanted. */
static ampi_span middle(uint32_t in, uint32_t scaled, uint32_t part)
{
    return (ampi_span){ in, scaled, ampi_center_offset(scaled, part), part };
}

/* torchvision's Resize(int): the shorter side becomes `shorter`, the longer one
   trunc(shorter * longer / shorter side). */
static amp_status fit_crop(const ampi_prepare *prepare, const ampi_raster *raster,
                           ampi_resize_job *job, amp_error *error)
{
    const uint32_t side = prepare->width > prepare->height ? prepare->width : prepare->height;
    const uint64_t shorter = prepare->shorter != 0 ? prepare->shorter : side;
    const uint64_t least = raster->width < raster->height ? raster->width : raster->height;
    const uint64_t x = shorter * raster->width / least;
    const uint64_t y = shorter * raster->height / least;

    if (x > AMPI_RESIZE_MAX_SIDE || y > AMPI_RESIZE_MAX_SIDE)
        return ampi_fail(error, AMP_E_LIMIT, "image",
                         "%u x %u scaled to a shorter side of %u exceeds %u a side",
                         (unsigned)raster->width, (unsigned)raster->height, (unsigned)shorter,
                         (unsigned)AMPI_RESIZE_MAX_SIDE);
    job->x = middle(raster->width, (uint32_t)x, prepare->width);
    job->y = middle(raster->height, (uint32_t)y, prepare->height);
    return AMP_OK;
}

/* Pillow's L: 16-bit fixed-point ITU-R 601 luma, rounded. */
static void to_grey(const ampi_raster *raster, uint8_t *out)
{
    for (uint32_t y = 0; y < raster->height; y++) {
        const uint8_t *p = raster->rgb + y * raster->row_bytes;

        for (uint32_t x = 0; x < raster->width; x++, p += 3)
            *out++ = (uint8_t)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
    }
}

amp_status ampi_prepare_pixels(amp_context *context, const ampi_prepare *prepare,
                               const ampi_raster *raster, uint8_t *out, amp_error *error)
{
    ampi_resize_job job = { .in = raster->rgb,
                            .row_bytes = raster->row_bytes,
                            .channels = prepare->channels,
                            .filter = prepare->filter,
                            .out = out };
    uint8_t *grey = NULL;
    amp_status status = AMP_OK;

    job.x = middle(raster->width, prepare->width, prepare->width);
    job.y = middle(raster->height, prepare->height, prepare->height);
    if (prepare->fit == AMPI_FIT_CROP)
        status = fit_crop(prepare, raster, &job, error);
    if (status != AMP_OK)
        goto done;
    if (prepare->channels == 1) {
        grey = ampi_alloc_raw(context, raster->height, raster->width);
        if (!grey) {
            status = ampi_fail_nomem(error, "image", (size_t)raster->width * raster->height);
            goto done;
        }
        to_grey(raster, grey);
        job.in = grey;
        job.row_bytes = raster->width;
    }
    status = ampi_resize(context, &job, error);
done:
    ampi_free(context, grey);
    return status;
}

void ampi_prepare_normalise(const ampi_prepare *prepare, const uint8_t *pixels, float *out)
{
    const size_t plane = (size_t)prepare->height * prepare->width;
    float value[256];

    for (uint32_t c = 0; c < prepare->channels; c++) {
        const uint8_t *p = pixels + c;

        for (size_t v = 0; v < 256; v++)
            value[v] = ((float)v / 255.0f - prepare->mean[c]) / prepare->std[c];
        for (size_t i = 0; i < plane; i++, p += prepare->channels)
            *out++ = value[*p];
    }
}
