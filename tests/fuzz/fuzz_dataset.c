/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dataset.c - any bytes as the file of a data set, or as the text of a spec.
 *
 * The first byte chooses the kind; the rest is the file, which lies in memory only.
 */
#define _GNU_SOURCE
#include "data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever opens can be asked for all it promises. */
static void ask(amp_dataset *dataset)
{
    const uint64_t n = amp_dataset_size(dataset);
    const uint32_t classes = amp_dataset_classes(dataset);
    char name[100];

    if (n == 0)
        abort();
    for (uint64_t i = 0; i < n && i < 50; i++) {
        amp_image *image = NULL;
        const int32_t label = amp_dataset_label(dataset, i);
        if (label < -1 || label >= (int64_t)classes || !amp_dataset_name(dataset, i, name, 100))
            abort();
        if ((amp_dataset_get(dataset, i, &image, NULL) == AMP_OK) != (image != NULL))
            abort();
        amp_image_free(image);
    }
    for (uint32_t i = 0; i < classes && i < 50; i++)
        (void)amp_dataset_class_name(dataset, i);
}

static void open_file(const char *kind, const uint8_t *data, size_t size)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    amp_image_options limits;
    amp_dataset_options options;
    amp_dataset *dataset = NULL;
    amp_error error;
    char spec[64];

    if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
        abort();
    snprintf(spec, sizeof spec, "%s/proc/self/fd/%d", kind, fd);
    amp_image_options_init(&limits, sizeof limits);
    limits.max_pixels = 1u << 16;
    amp_dataset_options_init(&options, sizeof options);
    options.image = &limits;
    options.max_memory = 1u << 24;
    if (amp_dataset_open(&dataset, NULL, spec, &options, &error) == AMP_OK)
        ask(dataset);
    else if (dataset || error.message[0] == '\0')
        abort();
    amp_dataset_free(dataset);
    close(fd);
}

static void parse_spec(const uint8_t *data, size_t size)
{
    char *const text = calloc(size + 1, 1);
    ampi_spec spec;

    if (!text)
        return;
    memcpy(text, data, size);
    if (ampi_spec_parse(&spec, NULL, text, NULL) == AMP_OK && spec.path[0] == '\0')
        abort();
    ampi_spec_clear(&spec, NULL);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kinds[] = { "tar:", "idx:", "cifar10:", "cifar100:", "list:", "" };
    const size_t n = sizeof kinds / sizeof kinds[0];

    if (size == 0)
        return 0;
    if (data[0] % (n + 1) == n)
        parse_spec(data + 1, size - 1);
    else
        open_file(kinds[data[0] % (n + 1)], data + 1, size - 1);
    return 0;
}
