/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/image.h - 8-bit RGB images from files, memory or pixels; Pillow-exact resizing.
 *
 * An image has one owner, who frees it.  It never changes once made: any number of
 * threads may read it at once.  Pixels are rows of R, G, B bytes, top row first.
 *
 * Every call that makes an image takes `out`, which receives the image on success and
 * NULL on failure, and `error`, NULL or filled on failure and untouched on success.
 */
#ifndef AMP_IMAGE_H
#define AMP_IMAGE_H

#include <amp/base.h>
#include <amp/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An RGB picture, 1..2^32-1 pixels a side, within the limits it was made under. */
typedef struct amp_image amp_image;

/** What becomes of transparency. */
typedef enum amp_alpha {
    AMP_ALPHA_DROP = 0,     /**< ignore alpha, as Pillow's convert("RGB") (default) */
    AMP_ALPHA_COMPOSITE = 1 /**< blend over `background`                            */
} amp_alpha;

/**
 * What a decoder may take.  Fill with amp_image_options_init(), then change fields.
 *
 * max_bytes covers the decoded pixels and what the decoder needs beside them
 * (coefficients of a progressive JPEG, memory of libpng, a second copy of a PNG with
 * alpha or a turned one), but for 1 MiB and, in JPEG, a few rows.  A file longer than
 * max_bytes is not read.  Both limits are checked before memory is asked for.
 */
typedef struct amp_image_options {
    size_t struct_size;    /**< sizeof as the caller compiled it; set by _init      */
    uint64_t max_pixels;   /**< width * height, from 1; default 1 << 26             */
    uint64_t max_bytes;    /**< 1..1 << 48; default 256 MiB                         */
    uint32_t max_scans;    /**< of a progressive JPEG, from 1; default 100          */
    int32_t alpha;         /**< an amp_alpha                                        */
    uint8_t background[4]; /**< R, G, B for AMP_ALPHA_COMPOSITE; default black      */
    uint8_t reserved[4];   /**< zero                                                */
} amp_image_options;

/** Resampling filters, with Pillow's support: 0.5, 0.5, 1, 1, 2 and 3 source pixels. */
typedef enum amp_filter {
    AMP_FILTER_NEAREST = 0,
    AMP_FILTER_BOX = 1,
    AMP_FILTER_BILINEAR = 2,
    AMP_FILTER_HAMMING = 3,
    AMP_FILTER_BICUBIC = 4,
    AMP_FILTER_LANCZOS = 5
} amp_filter;

/** Defaults into *options; `size` is sizeof(amp_image_options) of the caller. */
AMP_API void amp_image_options_init(amp_image_options *options, size_t size);

/**
 * Decode a JPEG or PNG file; its first bytes decide which, not its name.
 *
 * JPEG: baseline, progressive and (where libjpeg has it) arithmetic coding, 8 bits a
 * sample; grey, YCbCr, RGB, CMYK and YCCK, the latter two taken as inverted and converted
 * as Pillow does.  PNG: all colour types and depths, interlaced too; of 16 bits the high
 * byte; gamma and colour profiles are not applied.  EXIF orientation is applied, so the
 * image stands upright.  Pixels equal those of Pillow 9.4's convert("RGB") on the same
 * libjpeg; but Pillow clips 16-bit grey instead.
 *
 * Truncated files, wrong checksums of pixel data and entropy-coded data that do not decode
 * are refused, never filled up with grey.  Bytes after the end of the picture are ignored.
 *
 * @param out      receives the image; amp_image_free() it.
 * @param context  NULL for a private one; the image keeps a reference.
 * @param path     a regular file.  Borrowed for the call, as `options` is.
 * @param options  NULL for the defaults.
 * @retval AMP_E_ARGUMENT     a required pointer is NULL, an option is out of range
 * @retval AMP_E_IO           the file cannot be read; error->detail is errno
 * @retval AMP_E_FORMAT       no picture, or damaged; the message names the fault
 * @retval AMP_E_UNSUPPORTED  neither JPEG nor PNG; 12-bit or lossless JPEG; Apple's CgBI
 *                            variant of PNG; a longer options struct with unknown fields
 * @retval AMP_E_LIMIT        max_pixels, max_bytes or max_scans
 * @retval AMP_E_NOMEM        no memory
 * Threads: any.
 */
AMP_API AMP_MUST_USE amp_status amp_image_open(amp_image **out, amp_context *context,
                                               const char *path, const amp_image_options *options,
                                               amp_error *error);

/**
 * Decode a JPEG or PNG file that is in memory; otherwise as amp_image_open().
 *
 * @param out      receives the image; amp_image_free() it.
 * @param context  NULL for a private one; the image keeps a reference.
 * @param bytes    [size], borrowed for the call.
 * @param size     0 is AMP_E_FORMAT.
 * @param options  NULL for the defaults.
 * @retval AMP_E_ARGUMENT     a required pointer is NULL, an option is out of range
 * @retval AMP_E_FORMAT       no picture, or damaged
 * @retval AMP_E_UNSUPPORTED  as amp_image_open()
 * @retval AMP_E_LIMIT        max_pixels, max_bytes or max_scans
 * @retval AMP_E_NOMEM        no memory
 * Threads: any.
 */
AMP_API AMP_MUST_USE amp_status amp_image_decode(amp_image **out, amp_context *context,
                                                 const void *bytes, size_t size,
                                                 const amp_image_options *options,
                                                 amp_error *error);

/**
 * Make an image of pixels; they are copied.
 *
 * @param out        receives the image; amp_image_free() it.
 * @param context    NULL for a private one; the image keeps a reference.
 * @param pixels     [height] rows of row_bytes, each [width][3] R, G, B and padding.
 * @param width      from 1.
 * @param height     from 1.
 * @param row_bytes  from one row's first byte to the next one's, at least 3 * width.
 * @retval AMP_E_ARGUMENT  a required pointer is NULL, no pixels, row_bytes too small
 * @retval AMP_E_LIMIT     more than 1 << 26 pixels
 * @retval AMP_E_NOMEM     no memory
 * Threads: any.
 */
AMP_API AMP_MUST_USE amp_status amp_image_from_rgb8(amp_image **out, amp_context *context,
                                                    const uint8_t *pixels, uint32_t width,
                                                    uint32_t height, size_t row_bytes,
                                                    amp_error *error);

/** Columns of pixels; 0 for NULL. */
AMP_API uint32_t amp_image_width(const amp_image *image);

/** Rows of pixels; 0 for NULL. */
AMP_API uint32_t amp_image_height(const amp_image *image);

/**
 * The pixels: [height] rows of *row_bytes, each [width][3] R, G, B.
 *
 * @param image      NULL gives NULL.
 * @param row_bytes  NULL, or receives the distance of rows in bytes.
 * @return borrowed from the image, valid until it is freed.
 */
AMP_API const uint8_t *amp_image_rgb8(const amp_image *image, size_t *row_bytes);

/**
 * A resized copy, equal bit for bit to Pillow 9.4's Image.resize((width, height), filter).
 *
 * Shrinking is antialiased (all filters but NEAREST).  The same size gives a copy.
 * Source: Pillow's Resample.c; columns first, 8 bits between the passes.
 *
 * @param out     receives the image, on the context of `image`; amp_image_free() it.
 * @param image   borrowed for the call.
 * @param width   from 1.
 * @param height  from 1.
 * @param filter  an amp_filter.
 * @retval AMP_E_ARGUMENT  a pointer is NULL, a size of 0, no such filter
 * @retval AMP_E_LIMIT     more than 1 << 26 pixels, or more than 256 MiB of work memory
 *                         (sides in the millions)
 * @retval AMP_E_NOMEM     no memory
 * Cost: about pixels * filter support * 2, the larger of both sizes.  Threads: any.
 */
AMP_API AMP_MUST_USE amp_status amp_image_resize(amp_image **out, const amp_image *image,
                                                 uint32_t width, uint32_t height, int32_t filter,
                                                 amp_error *error);

/**
 * The centre of an image, as torchvision's CenterCrop: the offset is half the rest, and a
 * half pixel goes to the even side (a rest of 5 gives 2, of 7 gives 4).
 *
 * @param out     receives the image, on the context of `image`; amp_image_free() it.
 * @param image   borrowed for the call.
 * @param width   1..the image's width.
 * @param height  1..the image's height.
 * @retval AMP_E_ARGUMENT  a pointer is NULL or a size is 0
 * @retval AMP_E_SHAPE     larger than the image
 * @retval AMP_E_NOMEM     no memory
 * Threads: any.
 */
AMP_API AMP_MUST_USE amp_status amp_image_crop_center(amp_image **out, const amp_image *image,
                                                      uint32_t width, uint32_t height,
                                                      amp_error *error);

/** Free an image.  NULL is ignored.  Any thread, once. */
AMP_API void amp_image_free(amp_image *image);

#ifdef __cplusplus
}
#endif

#endif
