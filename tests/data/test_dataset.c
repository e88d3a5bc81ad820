/* SPDX-License-Identifier: Apache-2.0 */
/* test_dataset.c - the public calls: good path, each failure, sharing, threads, little memory. */
#include "fixture.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char spec_text[8192];

static const char *spec_of(const char *kind, const char *path, const char *rest)
{
    snprintf(spec_text, sizeof spec_text, "%s:%s%s", kind, path, rest);
    return spec_text;
}

static void check_all(amp_dataset *dataset, uint64_t n)
{
    ck_assert_uint_eq(amp_dataset_size(dataset), n);
    for (uint64_t i = 0; i < n; i++) {
        amp_image *image;
        amp_error error;
        ck_ok(amp_dataset_get(dataset, i, &image, &error), &error);
        fixture_check(image, i);
        ck_assert_int_eq(amp_dataset_label(dataset, i), (int)(i % 10));
        amp_image_free(image);
    }
}

START_TEST(plain_packed_and_spilled)
{
    amp_dataset_options options;
    amp_dataset *dataset;
    amp_error error;

    dataset = fixture_open(spec_of("cifar10", fixture_cifar("plain", 40), ""));
    check_all(dataset, 40);
    amp_dataset_free(dataset);
    spec_of("cifar10", fixture_cifar_gz("packed", 40), "");
    dataset = fixture_open(spec_text);
    check_all(dataset, 40);
    amp_dataset_free(dataset);
    amp_dataset_options_init(&options, sizeof options);
    ck_assert_uint_eq(options.max_memory, (uint64_t)512 << 20);
    options.max_memory = 50000;
    ck_ok(amp_dataset_open(&dataset, NULL, spec_text, &options, &error), &error);
    check_all(dataset, 40);
    amp_dataset_free(dataset);
}
END_TEST

START_TEST(arguments)
{
    const char *const spec = spec_of("cifar10", fixture_cifar("x", 5), "");
    const uint64_t outside[] = { 0, 5 };
    amp_dataset *dataset, *one, *two;
    amp_image *image;
    amp_error error;

    ck_fails(amp_dataset_open(NULL, NULL, spec, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_open(&dataset, NULL, NULL, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(amp_dataset_open(&dataset, NULL, "cifar10:/none", NULL, NULL), AMP_E_IO);
    dataset = fixture_open(spec);
    ck_fails(amp_dataset_get(dataset, 5, &image, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(image);
    ck_fails(amp_dataset_get(NULL, 0, &image, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_get(dataset, 0, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_subset(&one, dataset, 2, outside, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(one);
    ck_fails(amp_dataset_subset(&one, dataset, 0, outside, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_subset(&one, dataset, 1, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_split(&one, &two, dataset, 0, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_split(&one, &two, dataset, 5, 0, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(one);
    ck_assert_ptr_null(two);
    ck_fails(amp_dataset_split(&one, &one, dataset, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(one);
    ck_fails(amp_dataset_split(&one, NULL, dataset, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_dataset_split(&one, &two, NULL, 1, 0, &error), AMP_E_ARGUMENT, &error);
    ck_assert_int_eq(amp_dataset_label(dataset, 5), -1);
    ck_assert_uint_eq(amp_dataset_size(NULL), 0);
    ck_assert_uint_eq(amp_dataset_classes(NULL), 0);
    ck_assert_int_eq(amp_dataset_label(NULL, 0), -1);
    ck_assert_ptr_null(amp_dataset_class_name(NULL, 0));
    ck_assert_ptr_null(amp_dataset_class_name(dataset, 10));
    ck_assert_str_eq(amp_dataset_class_name(dataset, 9), "truck");
    amp_dataset_free(dataset);
    amp_dataset_free(NULL);
}
END_TEST

START_TEST(options_struct)
{
    struct {
        amp_dataset_options known;
        uint64_t later;
    } longer;
    const char *const spec = spec_of("cifar10", fixture_cifar("x", 5), "");
    amp_image_options limits;
    amp_dataset *dataset;
    amp_image *image;
    amp_error error;

    amp_dataset_options_init(&longer.known, sizeof longer);
    ck_assert_uint_eq(longer.known.struct_size, sizeof longer);
    ck_assert_uint_eq(longer.later, 0);
    ck_ok(amp_dataset_open(&dataset, NULL, spec, &longer.known, &error), &error);
    amp_dataset_free(dataset);
    longer.later = 1;
    ck_fails(amp_dataset_open(&dataset, NULL, spec, &longer.known, &error), AMP_E_UNSUPPORTED,
             &error);
    amp_image_options_init(&limits, sizeof limits);
    limits.max_pixels = 1000;
    amp_dataset_options_init(&longer.known, sizeof longer.known);
    longer.known.image = &limits;
    ck_ok(amp_dataset_open(&dataset, NULL, spec, &longer.known, &error), &error);
    ck_fails(amp_dataset_get(dataset, 0, &image, &error), AMP_E_LIMIT, &error);
    amp_dataset_free(dataset);
}
END_TEST

START_TEST(names_are_cut)
{
    const char *const path = fixture_cifar("named", 5);
    amp_dataset *const dataset = fixture_open(spec_of("cifar10", path, "[1:]"));
    char whole[5000], name[5000], cut[6] = "....";

    snprintf(whole, sizeof whole, "%s[3]", path);
    ck_assert_uint_eq(amp_dataset_name(dataset, 2, name, sizeof name), strlen(whole));
    ck_assert_str_eq(name, whole);
    ck_assert_uint_eq(amp_dataset_name(dataset, 2, NULL, 0), strlen(whole));
    ck_assert_uint_eq(amp_dataset_name(dataset, 2, cut, sizeof cut), strlen(whole));
    ck_assert_uint_eq(strlen(cut), 5);
    ck_assert_int_eq(memcmp(cut, whole, 5), 0);
    ck_assert_uint_eq(amp_dataset_name(dataset, 4, cut, sizeof cut), 0);
    ck_assert_str_eq(cut, "");
    amp_dataset_free(dataset);
}
END_TEST

START_TEST(subsets_share_the_source)
{
    const uint64_t indices[] = { 7, 7, 0, 2 };
    amp_dataset *const whole = fixture_open(spec_of("cifar10", fixture_cifar("x", 12), "[2:]"));
    amp_dataset *part, *rest, *held;
    amp_image *image;
    amp_error error;

    ck_ok(amp_dataset_subset(&part, whole, 4, indices, &error), &error);
    ck_ok(amp_dataset_split(&rest, &held, part, 1, 5, &error), &error);
    amp_dataset_free(whole);
    ck_assert_str_eq(ampi_dataset_spec(part), spec_text);
    for (uint64_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(ampi_dataset_source_index(part, i), indices[i] + 2);
        ck_ok(amp_dataset_get(part, i, &image, &error), &error);
        fixture_check(image, indices[i] + 2);
        amp_image_free(image);
    }
    amp_dataset_free(part);
    ck_assert_uint_eq(amp_dataset_size(rest), 3);
    ck_assert_uint_eq(amp_dataset_size(held), 1);
    amp_dataset_free(held);
    ck_assert_str_eq(amp_dataset_class_name(rest, 0), "airplane");
    amp_dataset_free(rest);
}
END_TEST

/* Each class gives its share, a class once, and both parts keep the order. */
START_TEST(split_covers_all)
{
    amp_dataset *const whole = fixture_open(spec_of("cifar10", fixture_cifar("x", 95), ""));
    amp_dataset *parts[2];
    amp_error error;
    int seen[95] = { 0 }, held_of[10] = { 0 };

    ck_ok(amp_dataset_split(&parts[0], &parts[1], whole, 30, 9, &error), &error);
    for (size_t p = 0; p < 2; p++) {
        uint64_t last = 0;
        for (uint64_t i = 0; i < amp_dataset_size(parts[p]); i++) {
            const uint64_t at = ampi_dataset_source_index(parts[p], i);
            ck_assert(i == 0 || at > last);
            last = at;
            seen[at]++;
            held_of[at % 10] += p == 1;
        }
        amp_dataset_free(parts[p]);
    }
    for (size_t i = 0; i < 95; i++)
        ck_assert_int_eq(seen[i], 1);
    for (size_t c = 0; c < 10; c++)
        ck_assert_int_eq(held_of[c], 3);
    amp_dataset_free(whole);
}
END_TEST

START_TEST(file_cut_short_while_open)
{
    const char *const path = fixture_cifar("x", 20);
    amp_dataset *const dataset = fixture_open(spec_of("cifar10", path, ""));
    amp_image *image;
    amp_error error;

    ck_assert_int_eq(truncate(path, 10 * CIFAR_RECORD + 5), 0);
    ck_ok(amp_dataset_get(dataset, 9, &image, &error), &error);
    fixture_check(image, 9);
    amp_image_free(image);
    ck_fails(amp_dataset_get(dataset, 10, &image, &error), AMP_E_IO, &error);
    ck_assert_ptr_null(image);
    ck_assert_ptr_nonnull(strstr(error.message, "30735"));
    ck_fails(amp_dataset_get(dataset, 19, &image, &error), AMP_E_IO, &error);
    amp_dataset_free(dataset);
}
END_TEST

/* ---- progress ---- */

typedef struct watch {
    int calls, stop_at;
    uint64_t done, total;
    bool unpacking; /* after the pass over the checksum */
} watch;

static int32_t count_call(void *user, const amp_progress *progress)
{
    watch *const seen = user;

    if (!seen->unpacking && strcmp(progress->stage, "unpack") == 0) {
        ck_assert_uint_eq(seen->done, seen->total);
        seen->unpacking = true;
        seen->done = 0;
    }
    ck_assert_str_eq(progress->stage, seen->unpacking ? "unpack" : "check");
    ck_assert_uint_ge(progress->done, seen->done);
    seen->done = progress->done;
    seen->total = progress->total;
    return ++seen->calls == seen->stop_at;
}

START_TEST(progress_and_cancel)
{
    const char *const spec = spec_of("cifar10", fixture_cifar_gz("x", 200), "");
    watch seen = { 0, 0, 0, 0, false };
    amp_dataset_options options;
    amp_dataset *dataset;
    amp_error error;

    amp_dataset_options_init(&options, sizeof options);
    options.progress = count_call;
    options.progress_user = &seen;
    ck_ok(amp_dataset_open(&dataset, NULL, spec, &options, &error), &error);
    ck_assert_int_gt(seen.calls, 3);
    ck_assert(seen.unpacking);
    ck_assert_uint_eq(seen.done, seen.total);
    amp_dataset_free(dataset);
    for (int at = 1; at < 4; at++) {
        seen = (watch){ 0, at, 0, 0, false };
        ck_fails(amp_dataset_open(&dataset, NULL, spec, &options, &error), AMP_E_CANCELLED, &error);
        ck_assert_int_eq(seen.calls, at);
    }
}
END_TEST

/* ---- all pixels ---- */

START_TEST(pixels_of_all)
{
    amp_dataset *const dataset = fixture_open(spec_of("cifar10", fixture_cifar("x", 6), "[2:5]"));
    ampi_prepare prepare;
    amp_error error;
    uint8_t *pixels;

    ck_ok(ampi_prepare_parse(&prepare, "height=32,width=32,channels=3", &error), &error);
    ck_ok(ampi_dataset_pixels(dataset, &prepare, 9216, &pixels, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        for (size_t at = 0; at < 3072; at++)
            ck_assert_uint_eq(pixels[i * 3072 + at],
                              fixture_byte(i + 2, 1 + at % 3 * 1024 + at / 3));
    }
    amp_dataset_free(dataset);
    ampi_free(NULL, pixels);
}
END_TEST

START_TEST(pixels_have_a_limit)
{
    amp_dataset *const dataset = fixture_open(spec_of("cifar10", fixture_cifar("x", 6), ""));
    ampi_prepare prepare;
    amp_error error;
    uint8_t *pixels;

    ck_ok(ampi_prepare_parse(&prepare, "height=16,width=8,channels=1", &error), &error);
    ck_fails(ampi_dataset_pixels(dataset, &prepare, 767, &pixels, &error), AMP_E_LIMIT, &error);
    ck_assert_ptr_null(pixels);
    ck_ok(ampi_dataset_pixels(dataset, &prepare, 768, &pixels, &error), &error);
    ampi_free(NULL, pixels);
    amp_dataset_free(dataset);
}
END_TEST

/* ---- threads ---- */

typedef struct reader {
    const amp_dataset *dataset;
    uint64_t first;
    int wrong;
} reader;

/* Check's asserts belong to the main thread. */
static void *read_all(void *user)
{
    reader *const self = user;
    const uint64_t n = amp_dataset_size(self->dataset);

    for (uint64_t step = 0; step < n; step++) {
        const uint64_t i = (self->first + step) % n;
        amp_image *image;
        if (ampi_dataset_read(self->dataset, i, &image, NULL) != AMP_OK) {
            self->wrong++;
            continue;
        }
        self->wrong +=
            image->pixels[0] != fixture_byte(i, 1) || image->pixels[3071] != fixture_byte(i, 3072);
        amp_image_free(image);
    }
    return NULL;
}

static void read_in_threads(amp_dataset *dataset)
{
    pthread_t threads[4];
    reader readers[4];

    for (size_t t = 0; t < 4; t++) {
        readers[t] = (reader){ dataset, t * 37, 0 };
        ck_assert_int_eq(pthread_create(&threads[t], NULL, read_all, &readers[t]), 0);
    }
    for (size_t t = 0; t < 4; t++) {
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
        ck_assert_int_eq(readers[t].wrong, 0);
    }
    amp_dataset_free(dataset);
}

START_TEST(threads_read_one_set)
{
    read_in_threads(fixture_open(spec_of("cifar10", fixture_cifar("x", 200), "")));
    const char *const packed = fixture_cifar_gz("y", 200);
    read_in_threads(fixture_open(spec_of("cifar10", packed, "")));
    read_in_threads(fixture_open(spec_of("cifar10", packed, "?memory=0")));
}
END_TEST

static void *free_set(void *user)
{
    amp_dataset_free(user);
    return NULL;
}

START_TEST(threads_free_shared_sets)
{
    amp_dataset *const whole = fixture_open(spec_of("cifar10", fixture_cifar("x", 50), ""));
    const uint64_t index = 3;
    amp_dataset *parts[4];
    pthread_t threads[4];
    amp_error error;

    for (size_t t = 0; t < 4; t++)
        ck_ok(amp_dataset_subset(&parts[t], whole, 1, &index, &error), &error);
    for (size_t t = 0; t < 4; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, free_set, parts[t]), 0);
    amp_dataset_free(whole);
    for (size_t t = 0; t < 4; t++)
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { plain_packed_and_spilled,
                                   arguments,
                                   options_struct,
                                   names_are_cut,
                                   subsets_share_the_source,
                                   split_covers_all,
                                   file_cut_short_while_open,
                                   progress_and_cancel,
                                   pixels_of_all,
                                   pixels_have_a_limit,
                                   threads_read_one_set,
                                   threads_free_shared_sets,
                                   NULL };
    return test_suite("data.dataset", tests);
}

TEST_MAIN(suite)
