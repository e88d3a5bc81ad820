/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_model.c - any bytes as a model file; what opens is asked and saved.
 *
 * The first byte chooses: even, the rest is a whole file; odd, it is a header's text, which gets
 * its length and zeros for data, so that a fuzzer need not find out about either.
 */
#include "core/file.h"
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

#define DATA_BYTES 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_and_ask(const uint8_t *data, size_t size)
{
    amp_model *model = NULL;
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error;

    if (ampi_model_parse(&model, NULL,
                         &(ampi_model_source){ .bytes = data, .size = size, .name = "fuzz" },
                         &error) != AMP_OK)
        return;
    if (amp_model_get_info(model, &info, &error) != AMP_OK || !amp_model_record(model))
        abort();
    if (!(amp_model_int8_share(model) >= 0.0 && amp_model_int8_share(model) <= 1.0))
        abort();
    for (uint32_t i = 0; i < info.classes; i++)
        (void)amp_model_class_name(model, i);
    amp_model_unref(model);
}

static void parse_container(const uint8_t *data, size_t size)
{
    ampi_blobs blobs;
    char *record = NULL;

    ampi_blobs_init(&blobs, NULL);
    if (ampi_safetensors_parse(&blobs, &record, data, size, "fuzz", NULL) == AMP_OK && !blobs.count)
        ampi_blobs_drop(&blobs, "");
    ampi_blobs_clear(&blobs);
    ampi_free(NULL, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file;

    if (size == 0)
        return 0;
    if (data[0] % 2 == 0) {
        open_and_ask(data + 1, size - 1);
        parse_container(data + 1, size - 1);
        return 0;
    }
    file = calloc(1, 8 + size + DATA_BYTES);
    if (!file)
        return 0;
    ampi_write_u64le(file, size - 1);
    memcpy(file + 8, data + 1, size - 1);
    open_and_ask(file, 8 + size - 1 + DATA_BYTES);
    parse_container(file, 8 + size - 1 + DATA_BYTES);
    free(file);
    return 0;
}
