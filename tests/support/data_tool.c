/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_tool.c - shows a data set to the Python tests.
 *
 *   data_tool SPEC [--pixels FILE] [--split N SEED]
 *
 * First line images, classes, class names; then a line an image; tabs between fields:
 * label, width, height, source index, name; or "error", status, message, source index, name.  The
 * RGB bytes of all images go to FILE.  With --split the images are those held out.  When the set
 * does not open: one line "error", status, message, and exit status 1.
 */
#include "data/data_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const amp_error *error)
{
    printf("error\t%s\t%s\n", amp_status_name(error->status), error->message);
    return 1;
}

static void show_head(const amp_dataset *dataset)
{
    const uint32_t classes = amp_dataset_classes(dataset);

    printf("%llu\t%u", (unsigned long long)amp_dataset_size(dataset), (unsigned)classes);
    for (uint32_t i = 0; i < classes; i++) {
        const char *const name = amp_dataset_class_name(dataset, i);
        printf("\t%s", name ? name : "-");
    }
    printf("\n");
}

static void write_pixels(const amp_image *image, FILE *pixels)
{
    size_t row_bytes;
    const uint8_t *const rgb = amp_image_rgb8(image, &row_bytes);

    for (uint32_t y = 0; y < amp_image_height(image); y++)
        fwrite(rgb + y * row_bytes, 3, amp_image_width(image), pixels);
}

static void show_image(amp_dataset *dataset, uint64_t index, FILE *pixels)
{
    const unsigned long long source = ampi_dataset_source_index(dataset, index);
    amp_image *image;
    amp_error error;
    char name[4096];

    amp_dataset_name(dataset, index, name, sizeof name);
    if (amp_dataset_get(dataset, index, &image, &error)) {
        printf("error\t%s\t%s\t%llu\t%s\n", amp_status_name(error.status), error.message, source,
               name);
        return;
    }
    printf("%d\t%u\t%u\t%llu\t%s\n", (int)amp_dataset_label(dataset, index),
           (unsigned)amp_image_width(image), (unsigned)amp_image_height(image), source, name);
    if (pixels)
        write_pixels(image, pixels);
    amp_image_free(image);
}

int main(int argc, char **argv)
{
    amp_dataset *dataset = NULL, *rest, *held;
    FILE *pixels = NULL;
    amp_error error;

    if (argc < 2 || amp_dataset_open(&dataset, NULL, argv[1], NULL, &error))
        return argc < 2 ? 2 : fail(&error);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--pixels") == 0 && i + 1 < argc) {
            pixels = fopen(argv[++i], "wb");
        } else if (strcmp(argv[i], "--split") == 0 && i + 2 < argc) {
            if (amp_dataset_split(&rest, &held, dataset, strtoull(argv[i + 1], NULL, 10),
                                  strtoull(argv[i + 2], NULL, 10), &error))
                return fail(&error);
            amp_dataset_free(rest);
            amp_dataset_free(dataset);
            dataset = held;
            i += 2;
        } else {
            return 2;
        }
    }
    show_head(dataset);
    for (uint64_t i = 0; i < amp_dataset_size(dataset); i++)
        show_image(dataset, i, pixels);
    amp_dataset_free(dataset);
    return pixels && fclose(pixels) != 0 ? 2 : 0;
}
