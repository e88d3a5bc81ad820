/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image/image_internal.h - what other rooms use of images: raw resizing, preparation for a network,
 * augmentation.
 */
#ifndef AMPI_IMAGE_H
#define AMPI_IMAGE_H

#include "core/core.h"
#include <amp/image.h>

struct amp_image {
    amp_context *context;
    uint32_t width, height;
    size_t row_bytes; /* 3 * width */
    uint8_t *pixels;
};

/* Pixels that the caller will fill; checked against the limits of `options` (NULL = defaults). */
amp_status ampi_image_create(amp_image **out, amp_context *context, uint32_t width, uint32_t height,
                             const amp_image_options *options, amp_error *error);

/* RGB8 rows that belong to somebody else. */
typedef struct ampi_raster {
    const uint8_t *rgb;
    uint32_t width, height;
    size_t row_bytes;
} ampi_raster;

static inline ampi_raster ampi_image_raster(const amp_image *image)
{
    return (ampi_raster){ image->pixels, image->width, image->height, image->row_bytes };
}

/* Encoded bytes, and the name that messages about them begin with (NULL: none). */
typedef struct ampi_image_source {
    const char *name;
    const void *bytes;
    size_t size;
} ampi_image_source;

/* amp_image_decode for a named source, such as a member of an archive. */
amp_status ampi_image_decode_named(amp_image **out, amp_context *context,
                                   const ampi_image_source *source,
                                   const amp_image_options *options, amp_error *error);

/* ---- preparation: RGB8 of any size -> float [channels,height,width] (prepare.c) ---- */
typedef enum ampi_fit {
    AMPI_FIT_STRETCH, /* resize to exactly width x height                      */
    AMPI_FIT_CROP     /* shorter side to `shorter`, centre crop               */
} ampi_fit;

/* Named by text, "height=32,width=32,channels=3,fit=crop,shorter=32,filter=bilinear,
   mean=0.4914:0.4822:0.4465,std=0.2470:0.2435:0.2616"; stored so in the model file. */
typedef struct ampi_prepare {
    uint32_t height, width, channels; /* channels 1: Pillow's L before resizing */
    int32_t fit, filter;
    uint32_t shorter; /* 0: the larger of height and width */
    float mean[3], std[3];
} ampi_prepare;

amp_status ampi_prepare_parse(ampi_prepare *out, const char *text, amp_error *error);
size_t ampi_prepare_format(const ampi_prepare *prepare, char *out, size_t size);

/* Resize and crop only: out is uint8 [height,width,channels]. */
amp_status ampi_prepare_pixels(amp_context *context, const ampi_prepare *prepare,
                               const ampi_raster *raster, uint8_t *out, amp_error *error);
/* (v / 255 - mean) / std in float32: uint8 [height,width,channels] -> float
 * [channels,height,width]. */
void ampi_prepare_normalise(const ampi_prepare *prepare, const uint8_t *pixels, float *out);

/* ---- augmentation (augment.c, transform.c); random choices keyed, see core rng ---- */
typedef enum ampi_flip {
    AMPI_FLIP_NEVER,
    AMPI_FLIP_HALF, /* with p = 0.5 */
    AMPI_FLIP_ALWAYS
} ampi_flip;
typedef struct ampi_augmentation {
    uint32_t pad; /* pixels a side before the random crop                          */
    bool reflect; /* the border mirrors the image, edge not repeated, and pad is less than its
                     sides; else the border is black */
    ampi_flip flip;
} ampi_augmentation;
/* Random crop after padding, horizontal flip: uint8 [h,w,channels] of `prepare` -> the same shape.
   The same draws whatever is asked for. */
void ampi_augment_crop_flip(ampi_rng *rng, const ampi_prepare *prepare, const uint8_t *pixels,
                            const ampi_augmentation *how, uint8_t *out);

/* The five-part anchor transform T (methods.md 1.3) on float planes. */
typedef enum ampi_transform_kind {
    AMPI_TRANSFORM_IMAGE,   /* on [0,1] pixels, drawn per image (default)          */
    AMPI_TRANSFORM_RELEASED /* on normalised values, as the paper's code            */
} ampi_transform_kind;
/* in/out: normalised float [channels,height,width], may not overlap.  `scratch` holds
   2*channels*height*width floats.  For IMAGE it undoes and redoes the normalisation.  One call
   draws one set of parameters from *rng: for RELEASED the caller passes copies of one rng for a
   whole batch. */
void ampi_transform(ampi_rng *rng, ampi_transform_kind kind, const ampi_prepare *prepare,
                    const float *in, float *out, float *scratch);

#endif
