/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c - runs a fuzz target without a fuzzer: each file of the folders given, as it is and
 * damaged at random, the same way every time.  Sanitised builds see what is read out of bounds.
 */
#include "core/rng.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 3000
#define LARGEST ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A few bytes changed, left out or doubled; the result's own block, so that its end is its end. */
static void run_damaged(const uint8_t *data, size_t size, ampi_rng *rng)
{
    const size_t at = ampi_rng_below(rng, (uint32_t)size);
    const size_t span = 1 + ampi_rng_below(rng, 8);
    const size_t length = span < size - at ? span : size - at;
    const uint32_t kind = ampi_rng_below(rng, 3);
    const size_t head = kind == 1 ? at : at + length, tail = kind == 2 ? at : at + length;
    uint8_t *const made = malloc(head + size - tail + 1);

    if (!made)
        exit(EXIT_FAILURE);
    memcpy(made, data, head);
    memcpy(made + head, data + tail, size - tail);
    for (size_t i = at; kind == 0 && i < at + length; i++)
        made[i] = (uint8_t)ampi_rng_u32(rng);
    (void)LLVMFuzzerTestOneInput(made, head + size - tail);
    free(made);
}

static int run_file(const char *path)
{
    uint8_t *const data = malloc(LARGEST);
    FILE *const file = fopen(path, "rb");
    ampi_rng rng = ampi_rng_make(1, AMPI_RNG_TEST, 0, 0);
    const size_t size = file && data ? fread(data, 1, LARGEST, file) : 0;

    if (file)
        (void)fclose(file);
    if (size > 0) {
        (void)LLVMFuzzerTestOneInput(data, size);
        for (int i = 0; i < ROUNDS; i++)
            run_damaged(data, size, &rng);
    }
    free(data);
    return size > 0;
}

static int run_folder(const char *folder)
{
    DIR *const list = opendir(folder);
    int ran = 0;

    for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list)) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ran += run_file(path);
    }
    if (list)
        (void)closedir(list);
    return ran;
}

int main(int argc, char **argv)
{
    int ran = 0;

    for (int i = 1; i < argc; i++)
        ran += run_folder(argv[i]);
    printf("%d files, each damaged %d times\n", ran, ROUNDS);
    return ran > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
