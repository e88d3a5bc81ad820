/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/image.h - 8-bit RGB images from files, memory or pixels; Pillow-exact resizing.
 *
 * An image has one owner and serves one thread at a time; reading it from several
 * threads at once is fine.  Pixels are rows of R, G, B bytes.
 */
#ifndef AMP_IMAGE_H
#define AMP_IMAGE_H

#include <amp/base.h>
#include <amp/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_image amp_image;

typedef enum amp_alpha {
    AMP_ALPHA_DROP = 0,     /**< ignore alpha, as Pillow's convert("RGB") (default) */
    AMP_ALPHA_COMPOSITE = 1 /**< blend over `background`                            */
} amp_alpha;

/** What a decoder may take.  Fill with amp_image_options_init(). */
typedef struct amp_image_options {
    size_t struct_size;
    uint64_t max_pixels;   /**< width * height; default 1 << 26                     */
    uint64_t max_bytes;    /**< of decoded pixels and decoder work; default 256 MiB */
    uint32_t max_scans;    /**< of a progressive JPEG; default 100                  */
    int32_t alpha;         /**< an amp_alpha                                        */
    uint8_t background[4]; /**< R, G, B for AMP_ALPHA_COMPOSITE; default black      */
    uint8_t reserved[4];   /**< zero                                                */
} amp_image_options;

typedef enum amp_filter {
    AMP_FILTER_NEAREST = 0,
    AMP_FILTER_BOX = 1,
    AMP_FILTER_BILINEAR = 2,
    AMP_FILTER_HAMMING = 3,
    AMP_FILTER_BICUBIC = 4,
    AMP_FILTER_LANCZOS = 5
} amp_filter;

AMP_API void amp_image_options_init(amp_image_options *options, size_t size);

AMP_API AMP_MUST_USE amp_status amp_image_open(amp_image **out, amp_context *context,
                                               const char *path, const amp_image_options *options,
                                               amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_image_decode(amp_image **out, amp_context *context,
                                                 const void *bytes, size_t size,
                                                 const amp_image_options *options,
                                                 amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_image_from_rgb8(amp_image **out, amp_context *context,
                                                    const uint8_t *pixels, uint32_t width,
                                                    uint32_t height, size_t row_bytes,
                                                    amp_error *error);
AMP_API uint32_t amp_image_width(const amp_image *image);
AMP_API uint32_t amp_image_height(const amp_image *image);
AMP_API const uint8_t *amp_image_rgb8(const amp_image *image, size_t *row_bytes);
AMP_API AMP_MUST_USE amp_status amp_image_resize(amp_image **out, const amp_image *image,
                                                 uint32_t width, uint32_t height, int32_t filter,
                                                 amp_error *error);
AMP_API AMP_MUST_USE amp_status amp_image_crop_center(amp_image **out, const amp_image *image,
                                                      uint32_t width, uint32_t height,
                                                      amp_error *error);
AMP_API void amp_image_free(amp_image *image);

#ifdef __cplusplus
}
#endif

#endif
