/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/dataset.c - the public face of data sets, and what other rooms ask of them.
 */
#include "data/dataset.h"

#include <string.h>

#define DEFAULT_MEMORY (UINT64_C(512) << 20)

void amp_dataset_options_init(amp_dataset_options *options, size_t size)
{
    const amp_dataset_options standard = { sizeof standard, DEFAULT_MEMORY, NULL, NULL, NULL };

    if (!options || size < sizeof(size_t))
        return;
    memset(options, 0, size);
    memcpy(options, &standard, ampi_min_size(size, sizeof standard));
    memcpy(options, &size, sizeof size);
}

amp_status ampi_dataset_make(amp_dataset **out, ampi_source *source, uint64_t count,
                             amp_error *error)
{
    amp_dataset *const dataset = ampi_alloc(source->context, 1, sizeof *dataset);

    *out = NULL;
    if (!dataset)
        return ampi_fail_nomem(error, "dataset", sizeof *dataset);
    dataset->indices = ampi_alloc_raw(source->context, count, sizeof *dataset->indices);
    if (!dataset->indices) {
        ampi_free(source->context, dataset);
        return ampi_fail_nomem(error, "dataset", count * sizeof *dataset->indices);
    }
    dataset->source = ampi_source_ref(source);
    dataset->count = count;
    *out = dataset;
    return AMP_OK;
}

static amp_status open_spec(amp_dataset **out, amp_context *context, const char *text,
                            const amp_dataset_options *options, amp_error *error)
{
    ampi_spec spec;
    ampi_source *source = NULL;
    amp_status status = ampi_spec_parse(&spec, context, text, error);

    if (status)
        return status;
    status = ampi_source_open(&source, context, text, &spec, options, error);
    if (!status)
        status = ampi_dataset_select(out, source, &spec, error);
    ampi_source_unref(source);
    ampi_spec_clear(&spec, context);
    return status;
}

amp_status amp_dataset_open(amp_dataset **out, amp_context *context, const char *spec,
                            const amp_dataset_options *options, amp_error *error)
{
    amp_dataset_options known;
    amp_context *own;
    amp_status status;

    if (out)
        *out = NULL;
    if (!out || !spec)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "out and spec are needed");
    amp_dataset_options_init(&known, sizeof known);
    AMPI_TRY(ampi_struct_read(&known, sizeof known, options, "dataset", error));
    AMPI_TRY(ampi_context_get(&own, context, error));
    status = open_spec(out, own, spec, &known, error);
    amp_context_unref(own);
    return status;
}

amp_context *ampi_dataset_context(const amp_dataset *dataset)
{
    return dataset->source->context;
}

uint64_t amp_dataset_size(const amp_dataset *dataset)
{
    return dataset ? dataset->count : 0;
}

uint32_t amp_dataset_classes(const amp_dataset *dataset)
{
    return dataset ? dataset->source->classes : 0;
}

const char *amp_dataset_class_name(const amp_dataset *dataset, uint32_t index)
{
    if (!dataset || index >= dataset->source->class_names.count)
        return NULL;
    return ampi_strings_get(&dataset->source->class_names, index);
}

int32_t amp_dataset_label(const amp_dataset *dataset, uint64_t index)
{
    if (!dataset || index >= dataset->count)
        return -1;
    return dataset->source->labels[dataset->indices[index]];
}

size_t amp_dataset_name(const amp_dataset *dataset, uint64_t index, char *out, size_t size)
{
    if (size > 0 && out)
        out[0] = '\0';
    if (!dataset || index >= dataset->count || (size > 0 && !out))
        return 0;
    return dataset->source->reader->name(dataset->source, dataset->indices[index], out, size);
}

static amp_status check_index(const amp_dataset *dataset, uint64_t index, amp_error *error)
{
    if (index < dataset->count)
        return AMP_OK;
    return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "image %llu of %llu",
                     (unsigned long long)index, (unsigned long long)dataset->count);
}

amp_status ampi_dataset_read(const amp_dataset *dataset, uint64_t index, amp_image **out,
                             amp_error *error)
{
    *out = NULL;
    AMPI_TRY(check_index(dataset, index, error));
    return dataset->source->reader->read(dataset->source, dataset->indices[index], out, error);
}

amp_status amp_dataset_get(amp_dataset *dataset, uint64_t index, amp_image **out, amp_error *error)
{
    if (out)
        *out = NULL;
    if (!dataset || !out)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "dataset and out are needed");
    return ampi_dataset_read(dataset, index, out, error);
}

amp_status amp_dataset_subset(amp_dataset **out, amp_dataset *dataset, uint64_t n,
                              const uint64_t *indices, amp_error *error)
{
    if (out)
        *out = NULL;
    if (!out || !dataset || !indices || n == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset",
                         "out, dataset, indices and at least one of them are needed");
    for (uint64_t i = 0; i < n; i++)
        AMPI_TRY(check_index(dataset, indices[i], error));
    AMPI_TRY(ampi_dataset_make(out, dataset->source, n, error));
    for (uint64_t i = 0; i < n; i++)
        (*out)->indices[i] = dataset->indices[indices[i]];
    return AMP_OK;
}

void amp_dataset_free(amp_dataset *dataset)
{
    ampi_source *source;

    if (!dataset)
        return;
    source = dataset->source;
    ampi_free(source->context, dataset->indices);
    ampi_free(source->context, dataset);
    ampi_source_unref(source);
}

const char *ampi_dataset_spec(const amp_dataset *dataset)
{
    return dataset->source->spec;
}

uint64_t ampi_dataset_source_index(const amp_dataset *dataset, uint64_t index)
{
    return dataset->indices[index];
}

/* ---- all pixels at once ---- */

static amp_status pixels_of(const amp_dataset *dataset, uint64_t index, const ampi_prepare *prepare,
                            uint8_t *out, amp_error *error)
{
    amp_image *image;
    amp_status status = ampi_dataset_read(dataset, index, &image, error);

    if (!status) {
        const ampi_raster raster = ampi_image_raster(image);

        status = ampi_prepare_pixels(dataset->source->context, prepare, &raster, out, error);
    }
    amp_image_free(image);
    return status;
}

static bool pixel_bytes(const ampi_prepare *prepare, uint64_t count, size_t *one, size_t *all)
{
    return ampi_mul(prepare->height, prepare->width, one) &&
           ampi_mul(*one, prepare->channels, one) && ampi_mul(*one, count, all);
}

amp_status ampi_dataset_pixels(amp_dataset *dataset, const ampi_prepare *prepare,
                               uint64_t max_bytes, uint8_t **out, amp_error *error)
{
    size_t one, all;
    uint8_t *pixels; /* [n,height,width,channels] */

    *out = NULL;
    if (!pixel_bytes(prepare, dataset->count, &one, &all) || all > max_bytes)
        return ampi_fail(
            error, AMP_E_LIMIT, "dataset", "%llu images of %ux%ux%u bytes are more than %llu bytes",
            (unsigned long long)dataset->count, (unsigned)prepare->height, (unsigned)prepare->width,
            (unsigned)prepare->channels, (unsigned long long)max_bytes);
    pixels = ampi_alloc_raw(dataset->source->context, all, 1);
    if (!pixels)
        return ampi_fail_nomem(error, "dataset", all);
    for (uint64_t i = 0; i < dataset->count; i++) {
        const amp_status status = pixels_of(dataset, i, prepare, pixels + i * one, error);
        if (status) {
            ampi_free(dataset->source->context, pixels);
            return status;
        }
    }
    *out = pixels;
    return AMP_OK;
}
