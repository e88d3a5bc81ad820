/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format_tool.c - model files for Python to read, and Python's files for the library to read.
 *
 *   format_tool create ARCH SEED OUT    a new model
 *   format_tool copy IN OUT             opened and saved
 *   format_tool record IN               the record on standard output
 */
#include "core/file.h"
#include "format/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static amp_status open_path(amp_model **out, const char *path, amp_error *error)
{
    uint8_t *file = NULL;
    size_t size = 0;
    amp_status status =
        ampi_file_read(NULL, path, AMPI_MODEL_MAX_BYTES, &file, &size, "model", error);

    if (status == AMP_OK)
        status = ampi_model_parse(
            out, NULL, &(ampi_model_source){ .bytes = file, .size = size, .name = path }, error);
    ampi_free(NULL, file);
    return status;
}

static amp_status run(int argc, char **argv, amp_error *error)
{
    amp_model *model = NULL;
    amp_status status = AMP_E_ARGUMENT;

    if (argc == 5 && strcmp(argv[1], "create") == 0)
        status = ampi_model_create(&model, NULL, argv[2], NULL, strtoull(argv[3], NULL, 10), error);
    else if (argc >= 3)
        status = open_path(&model, argv[2], error);
    if (status == AMP_OK && strcmp(argv[1], "record") == 0)
        printf("%s\n", amp_model_record(model));
    else if (status == AMP_OK)
        status = amp_model_save(model, argv[argc - 1], error);
    amp_model_unref(model);
    return status;
}

int main(int argc, char **argv)
{
    amp_error error = { 0 };

    if (run(argc, argv, &error) == AMP_OK)
        return EXIT_SUCCESS;
    fprintf(stderr, "%s: %s\n", amp_status_name(error.status), error.message);
    return EXIT_FAILURE;
}
