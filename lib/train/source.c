/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/source.c - training images as pixels of the network's size, cached when they fit.
 */
#include "train/batch.h"

#include <string.h>

static amp_status read_labels(ampi_source *source, uint32_t classes, amp_error *error)
{
    source->labels = ampi_alloc(source->context, source->n, sizeof *source->labels);
    if (!source->labels)
        return ampi_fail_nomem(error, "train", source->n * sizeof *source->labels);
    for (uint32_t i = 0; i < source->n; i++) {
        const int32_t label = amp_dataset_label(source->dataset, i);
        if (label < 0 || (uint32_t)label >= classes) {
            char name[AMPI_PATH_SHOWN + 1];
            (void)amp_dataset_name(source->dataset, i, name, sizeof name);
            return ampi_fail(error, AMP_E_ARGUMENT, "train",
                             "%s has label %d, the network's classes are 0..%u", name, (int)label,
                             classes - 1);
        }
        source->labels[i] = label;
    }
    return AMP_OK;
}

amp_status ampi_source_create(ampi_source *out, amp_dataset *dataset, const ampi_prepare *prepare,
                              uint32_t classes, uint64_t cache_bytes, amp_error *error)
{
    const uint64_t n = amp_dataset_size(dataset);
    const size_t image = (size_t)prepare->height * prepare->width * prepare->channels;
    size_t total;

    out->dataset = dataset;
    out->prepare = prepare;
    out->image_bytes = image;
    if (n == 0 || n > UINT32_MAX)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "%llu training images, allowed 1..%u",
                         (unsigned long long)n, UINT32_MAX);
    out->n = (uint32_t)n;
    AMPI_TRY(read_labels(out, classes, error));
    if (!ampi_mul((size_t)n, image, &total) || total > cache_bytes)
        return AMP_OK;
    return ampi_dataset_pixels(dataset, prepare, cache_bytes, &out->cache, error);
}

void ampi_source_clear(ampi_source *source)
{
    ampi_free(source->context, source->cache);
    ampi_free(source->context, source->labels);
    source->cache = NULL;
    source->labels = NULL;
}

amp_status ampi_source_pixels(const ampi_source *source, uint32_t index, uint8_t *scratch,
                              const uint8_t **out, amp_error *error)
{
    amp_image *image = NULL;
    ampi_raster raster;
    amp_status status;

    if (source->cache) {
        *out = source->cache + index * source->image_bytes;
        return AMP_OK;
    }
    AMPI_TRY(ampi_dataset_read(source->dataset, index, &image, error));
    raster = ampi_image_raster(image);
    status = ampi_prepare_pixels(source->context, source->prepare, &raster, scratch, error);
    amp_image_free(image);
    *out = scratch;
    return status;
}
