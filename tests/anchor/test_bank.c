/* SPDX-License-Identifier: Apache-2.0 */
/* test_bank.c - banks, their section of the model file, and sections that lie. */
#include "../exec/random_graph.h"
#include "anchor/bank_internal.h"
#include "made.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define K 3u

typedef struct fixture {
    amp_context *context;
    ampi_graph *graph;
    ampi_network *network;
    ampi_prepare prepare;
    uint8_t *pixels;
    size_t bytes; /* of one image */
} fixture;

static void set_up(fixture *f, const char *arch, const char *prepare)
{
    amp_error error = { 0 };

    memset(f, 0, sizeof *f);
    ck_ok(amp_context_create(&f->context, NULL, &error), &error);
    ck_ok(ampi_graph_build(&f->graph, f->context, arch, &error), &error);
    random_fill(f->graph, 3);
    ck_ok(ampi_network_create(&f->network, f->graph, AMPI_BACKEND_REFERENCE, AMPI_PRECISION_FP32,
                              &error),
          &error);
    ck_ok(ampi_prepare_parse(&f->prepare, prepare, &error), &error);
    f->bytes = (size_t)f->prepare.height * f->prepare.width * f->prepare.channels;
    f->pixels = made_bytes(K * f->bytes, 5);
}

static void set_up_small(fixture *f)
{
    set_up(f, "wrn:depth=10,width=1,size=8", "height=8,width=8,mean=0.5,std=0.25");
}

static void tear_down(fixture *f)
{
    free(f->pixels);
    ampi_network_unref(f->network);
    ampi_graph_free(f->graph);
    amp_context_unref(f->context);
}

static amp_bank *make(fixture *f, bool keep)
{
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_bank_create(&bank, f->graph, &f->prepare, K, &error), &error);
    ck_ok(ampi_bank_fill(bank, f->network, f->pixels, keep, &error), &error);
    snprintf(bank->method, sizeof bank->method, "given");
    bank->seed = 77;
    return bank;
}

static size_t stem_bytes(const amp_bank *bank)
{
    return bank->count * ampi_shape_values(bank->stem) * sizeof(float);
}

START_TEST(round_trip)
{
    fixture f;
    amp_error error = { 0 };

    set_up_small(&f);
    for (int keep = 0; keep <= 1; keep++) {
        amp_bank *const bank = make(&f, keep), *back = NULL;
        ampi_blobs blobs;
        ampi_blobs_init(&blobs, f.context);
        ck_assert(!ampi_bank_in_blobs(&blobs));
        ck_ok(ampi_bank_to_blobs(bank, &blobs, &error), &error);
        ck_assert(ampi_bank_in_blobs(&blobs));
        ck_ok(ampi_bank_from_blobs(&back, &blobs, &f.prepare, f.graph, &error), &error);
        ck_assert_uint_eq(amp_bank_count(back), K);
        ck_assert_int_eq(amp_bank_has_pixels(back), keep);
        ck_assert_mem_eq(back->stems, bank->stems, stem_bytes(bank));
        if (keep)
            ck_assert_mem_eq(back->pixels, f.pixels, K * f.bytes);
        ck_assert_str_eq(back->method, "given");
        ck_assert_uint_eq(back->seed, 77);
        ck_ok(ampi_bank_check(back, f.graph, &error), &error);
        ampi_blobs_clear(&blobs);
        amp_bank_unref(bank);
        amp_bank_unref(back);
    }
    tear_down(&f);
}
END_TEST

/* One damage a row: what is done to good blobs, and the status that must follow. */
typedef struct damage {
    const char *name;
    void (*apply)(ampi_blobs *blobs);
    amp_status expected;
} damage;

static ampi_blob *find(ampi_blobs *blobs, const char *name)
{
    for (size_t i = 0; i < blobs->count; i++)
        if (strcmp(blobs->items[i].name, name) == 0)
            return &blobs->items[i];
    ck_abort_msg("no %s", name);
}

static void not_finite(ampi_blobs *blobs)
{
    ((float *)find(blobs, "amp.bank.stems")->data)[100] = NAN;
}

static void other_weights(ampi_blobs *blobs)
{
    ((uint64_t *)find(blobs, "amp.bank.fingerprint")->data)[0] ^= 1;
}

static void no_anchors(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.stems")->dims[0] = 0;
}

static void many_anchors(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.stems")->dims[0] = (size_t)1 << 62;
}

static void wrong_width(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.stems")->dims[3] = 9;
}

static void wrong_rank(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.stems")->rank = 3;
}

static void wrong_type(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.stems")->dtype = AMPI_DTYPE_I32;
}

static void wrong_pixels(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.pixels")->dims[0] = 2;
}

static void long_method(ampi_blobs *blobs)
{
    find(blobs, "amp.bank.method")->bytes = 32;
}

static void stems_gone(ampi_blobs *blobs)
{
    ampi_blobs_drop(blobs, "amp.bank.stems");
}

static void method_gone(ampi_blobs *blobs)
{
    ampi_blobs_drop(blobs, "amp.bank.method");
}

static void seed_gone(ampi_blobs *blobs)
{
    ampi_blobs_drop(blobs, "amp.bank.seed");
}

static void fingerprint_gone(ampi_blobs *blobs)
{
    ampi_blobs_drop(blobs, "amp.bank.fingerprint");
}

static const damage damages[] = {
    { "not_finite", not_finite, AMP_E_FORMAT },
    { "other_weights", other_weights, AMP_E_FORMAT },
    { "no_anchors", no_anchors, AMP_E_LIMIT },
    { "many_anchors", many_anchors, AMP_E_LIMIT },
    { "wrong_width", wrong_width, AMP_E_SHAPE },
    { "wrong_rank", wrong_rank, AMP_E_SHAPE },
    { "wrong_type", wrong_type, AMP_E_FORMAT },
    { "wrong_pixels", wrong_pixels, AMP_E_SHAPE },
    { "long_method", long_method, AMP_E_LIMIT },
    { "stems_gone", stems_gone, AMP_E_FORMAT },
    { "method_gone", method_gone, AMP_E_FORMAT },
    { "seed_gone", seed_gone, AMP_E_FORMAT },
    { "fingerprint_gone", fingerprint_gone, AMP_E_FORMAT },
};

START_TEST(sections_that_lie)
{
    fixture f;
    amp_error error = { 0 };

    set_up_small(&f);
    amp_bank *const bank = make(&f, true);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        amp_bank *back = (amp_bank *)&f;
        ampi_blobs blobs;
        ampi_blobs_init(&blobs, f.context);
        ck_ok(ampi_bank_to_blobs(bank, &blobs, &error), &error);
        damages[i].apply(&blobs);
        const amp_status status = ampi_bank_from_blobs(&back, &blobs, &f.prepare, f.graph, &error);
        ck_assert_msg(status == damages[i].expected, "%s: status %d: %s", damages[i].name,
                      (int)status, error.message);
        ck_assert_ptr_null(back);
        ampi_blobs_clear(&blobs);
    }
    amp_bank_unref(bank);
    tear_down(&f);
}
END_TEST

START_TEST(a_plain_network_takes_none)
{
    fixture f, plain;
    amp_bank *back = NULL;
    ampi_blobs blobs;
    amp_error error = { 0 };

    set_up_small(&f);
    set_up(&plain, "wrn:depth=10,width=1,size=8,anchored=0", "height=8,width=8");
    amp_bank *const bank = make(&f, true);
    ampi_blobs_init(&blobs, f.context);
    ck_ok(ampi_bank_to_blobs(bank, &blobs, &error), &error);
    ck_fails(ampi_bank_from_blobs(&back, &blobs, &f.prepare, plain.graph, &error), AMP_E_FORMAT,
             &error);
    ck_fails(ampi_bank_create(&back, plain.graph, &f.prepare, 1, &error), AMP_E_UNSUPPORTED,
             &error);
    ampi_blobs_clear(&blobs);
    amp_bank_unref(bank);
    tear_down(&f);
    tear_down(&plain);
}
END_TEST

START_TEST(numbers_out_of_range)
{
    fixture f;
    ampi_prepare wrong;
    amp_bank *bank = NULL;
    amp_error error = { 0 };

    set_up_small(&f);
    wrong = f.prepare;
    wrong.channels = 1;
    ck_fails(ampi_bank_create(&bank, f.graph, &f.prepare, 0, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_bank_create(&bank, f.graph, &f.prepare, 1001, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_bank_create(&bank, f.graph, &wrong, 1, &error), AMP_E_SHAPE, &error);
    ck_assert_ptr_null(bank);
    tear_down(&f);
}
END_TEST

START_TEST(images_come_back)
{
    fixture f;
    amp_image *image = NULL;
    size_t row_bytes = 0;
    amp_error error = { 0 };

    set_up_small(&f);
    amp_bank *const bank = make(&f, true);
    ck_ok(amp_bank_image(bank, 2, &image, &error), &error);
    const uint8_t *const rgb = amp_image_rgb8(image, &row_bytes);
    for (uint32_t y = 0; y < 8; y++)
        ck_assert_mem_eq(rgb + y * row_bytes, f.pixels + 2 * f.bytes + y * 24, 24);
    amp_bank_unref(bank);
    amp_image_free(image);
    tear_down(&f);
}
END_TEST

START_TEST(grey_images_come_back_grey)
{
    fixture f;
    amp_image *image = NULL;
    size_t row_bytes = 0;
    amp_error error = { 0 };

    set_up(&f, "wrn:depth=10,width=1,size=8,channels=1", "height=8,width=8,channels=1");
    amp_bank *const bank = make(&f, true);
    ck_ok(amp_bank_image(bank, 0, &image, &error), &error);
    const uint8_t *const rgb = amp_image_rgb8(image, &row_bytes);
    for (size_t y = 0; y < 8; y++)
        for (size_t x = 0; x < 24; x++)
            ck_assert_uint_eq(rgb[y * row_bytes + x], f.pixels[y * 8 + x / 3]);
    amp_image_free(image);
    amp_bank_unref(bank);
    tear_down(&f);
}
END_TEST

/* The stems of the bank are those of the anchors prepared as images are. */
START_TEST(stems_are_of_the_normalised_pixels)
{
    fixture f;
    float image[192];
    amp_error error = { 0 };

    set_up_small(&f);
    amp_bank *const bank = make(&f, false);
    const size_t values = ampi_shape_values(bank->stem);
    float *const stem = malloc(values * sizeof *stem);
    for (size_t k = 0; k < K; k++) {
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < 64; i++)
                image[c * 64 + i] = ((float)f.pixels[k * 192 + i * 3 + c] / 255.0f - 0.5f) / 0.25f;
        ck_ok(ampi_network_anchor_stems(f.network, 1, 1, image, stem, &error), &error);
        ck_assert_double_lt(relative_distance(bank->stems + k * values, stem, values), 1e-5);
    }
    free(stem);
    amp_bank_unref(bank);
    tear_down(&f);
}
END_TEST

START_TEST(another_network)
{
    fixture f, other;
    amp_error error = { 0 };

    set_up_small(&f);
    set_up_small(&other);
    amp_bank *const bank = make(&f, false);
    ck_fails(ampi_bank_check(bank, other.graph, &error), AMP_E_ARGUMENT, &error);
    f.graph->tensors[0].data[0] += 1.0f;
    ck_fails(ampi_bank_check(bank, f.graph, &error), AMP_E_SHAPE, &error);
    amp_bank_unref(bank);
    tear_down(&f);
    tear_down(&other);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { round_trip,
                                   sections_that_lie,
                                   a_plain_network_takes_none,
                                   numbers_out_of_range,
                                   images_come_back,
                                   grey_images_come_back_grey,
                                   stems_are_of_the_normalised_pixels,
                                   another_network,
                                   NULL };
    return test_suite("anchor.bank", tests);
}

TEST_MAIN(suite)
