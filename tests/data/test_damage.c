/* SPDX-License-Identifier: Apache-2.0 */
/* test_damage.c - files with bytes changed, cut out and put in: an error with a text, or a set
   whose images are read or refused one by one; never a crash. */
#include "fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 300u

static unsigned opened, refused;

static bool expected(amp_status status)
{
    return status == AMP_E_FORMAT || status == AMP_E_LIMIT || status == AMP_E_UNSUPPORTED ||
           status == AMP_E_IO;
}

static void check_fault(amp_status status, const amp_error *error)
{
    ck_assert_msg(expected(status), "status %d: %s", (int)status, error->message);
    ck_assert_int_eq(error->status, status);
    ck_assert_uint_gt(strlen(error->message), 10);
}

static void read_images(amp_dataset *dataset)
{
    const uint64_t n = amp_dataset_size(dataset);

    for (uint64_t i = 0; i < n && i < 20; i++) {
        amp_image *image;
        amp_error error;
        char name[64];
        const amp_status status = amp_dataset_get(dataset, i, &image, &error);
        if (status)
            check_fault(status, &error);
        ck_assert_int_ge(amp_dataset_label(dataset, i), -1);
        ck_assert_uint_gt(amp_dataset_name(dataset, i, name, sizeof name), 0);
        amp_image_free(image);
    }
}

static void open_it(const char *spec)
{
    amp_dataset_options options;
    amp_dataset *dataset;
    amp_error error;
    amp_status status;

    amp_dataset_options_init(&options, sizeof options);
    options.max_memory = 4096;
    status = amp_dataset_open(&dataset, NULL, spec, &options, &error);
    if (status) {
        ck_assert_ptr_null(dataset);
        check_fault(status, &error);
        refused++;
        return;
    }
    read_images(dataset);
    amp_dataset_free(dataset);
    opened++;
}

/* One damage in place; the new size. */
static size_t damage(ampi_rng *rng, uint8_t *bytes, size_t size)
{
    static const uint8_t fills[] = { 0, 0xff, 0x7f, 0x80, '7', '/' };
    const size_t at = ampi_rng_below(rng, (uint32_t)size);
    const size_t most = size - at < 12 ? size - at : 12;

    switch (ampi_rng_below(rng, 5)) {
    case 0:
        return at > 0 ? at : 1;
    case 1:
        memset(bytes + at, fills[ampi_rng_below(rng, sizeof fills)],
               1 + ampi_rng_below(rng, (uint32_t)most));
        return size;
    case 2:
        memmove(bytes + at, bytes + at + most / 2, size - at - most / 2);
        return size - most / 2;
    case 3:
        bytes[ampi_rng_below(rng, (uint32_t)(size < 600 ? size : 600))] ^=
            (uint8_t)(1u << ampi_rng_below(rng, 8));
        return size;
    default:
        bytes[at] = (uint8_t)ampi_rng_u32(rng);
        return size;
    }
}

static void damage_file(const char *kind, const char *whole, uint64_t seed)
{
    char spec[5000], path[4200];
    ampi_rng rng = ampi_rng_make(seed, AMPI_RNG_TEST, 0, 0);
    size_t size;
    unsigned char *const bytes = test_read_file(whole, &size);
    unsigned char *const copy = malloc(size);

    snprintf(path, sizeof path, "%s/damaged", test_scratch());
    snprintf(spec, sizeof spec, "%s:%s", kind, path);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t left = size;
        memcpy(copy, bytes, size);
        for (unsigned n = 0; n < 1 + round % 3 && left > 1; n++)
            left = damage(&rng, copy, left);
        test_write_file(path, copy, left);
        open_it(spec);
    }
    free(copy);
    free(bytes);
}

static const char *run(const char *command, const char *result)
{
    char whole[9000];

    snprintf(whole, sizeof whole, "cd '%s' && %s", test_scratch(), command);
    ck_assert_int_eq(system(whole), 0);
    return test_scratch_path(result);
}

START_TEST(records)
{
    fixture_cifar("x", 4);
    damage_file("cifar10", test_scratch_path("x"), 1);
    damage_file("cifar10", run("gzip -k x", "x.gz"), 2);
    damage_file("cifar10", run("xz -k --delta=dist=1 --lzma2=preset=0 x", "x.xz"), 3);
    damage_file("cifar10", run("zstd -qk x", "x.zst"), 4);
    damage_file("idx",
                run("{ printf '\\0\\0\\10\\3\\0\\0\\0\\2\\0\\0\\0\\3\\0\\0\\0\\2'; "
                    "head -c 12 x; } > i",
                    "i"),
                5);
    ck_assert_uint_gt(refused, 300);
    ck_assert_uint_gt(opened, 20);
}
END_TEST

START_TEST(archives)
{
    static const char pictures[] = "a/1.png b/2.png b/ccccccccccccccccccccccccccccccccccccccccccc"
                                   "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.png";

    fixture_write_pngs(pictures);
    damage_file("tar", run("ln b/2.png b/3.png && tar cf t.tar --format=gnu a b", "t.tar"), 6);
    damage_file("tar", run("tar cf p.tar --format=pax a b", "p.tar"), 7);
    damage_file("tar", run("gzip -k t.tar", "t.tar.gz"), 8);
    damage_file("tar", run("zstd -qk p.tar", "p.tar.zst"), 9);
    damage_file("list", run("printf 'a/1.png 1\\nb/2.png\\t0\\n# x\\nb/2.png\\n' > l", "l"), 10);
    ck_assert_uint_gt(refused, 300);
    ck_assert_uint_gt(opened, 20);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { records, archives, NULL };
    return test_suite("data.damage", tests);
}

TEST_MAIN(suite)
