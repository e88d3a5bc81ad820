/* SPDX-License-Identifier: Apache-2.0 */
/* test_choose.c - which images become anchors. */
#include "../exec/random_graph.h"
#include "anchor/bank_internal.h"
#include "made.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SET 60u
#define DEFAULT (AMPI_DNNL_MAJOR > 0 ? AMPI_BACKEND_ONEDNN : AMPI_BACKEND_REFERENCE)

typedef struct fixture {
    amp_context *context;
    ampi_graph *graph;
    amp_dataset *dataset;
    ampi_prepare prepare;
    ampi_chooser with;
} fixture;

static void set_up(fixture *f, amp_dataset *(*make)(amp_context *context))
{
    amp_error error = { 0 };

    memset(f, 0, sizeof *f);
    ck_ok(amp_context_create(&f->context, NULL, &error), &error);
    ck_ok(ampi_graph_build(&f->graph, f->context, "wrn:depth=10,width=1,size=8", &error), &error);
    random_fill(f->graph, 3);
    f->dataset = make(f->context);
    ck_ok(ampi_prepare_parse(&f->prepare, "height=8,width=8,mean=0.5,std=0.25", &error), &error);
    f->with = (ampi_chooser){ f->graph, DEFAULT, &f->prepare, NULL, NULL };
}

static void tear_down(fixture *f)
{
    amp_dataset_free(f->dataset);
    ampi_graph_free(f->graph);
    amp_context_unref(f->context);
}

static amp_dataset *labelled(amp_context *context)
{
    return made_cifar10(context, "labelled.bin", SET, NULL, 0);
}

/* Class 3 has one image in twenty, class 1 the rest. */
static amp_dataset *lopsided(amp_context *context)
{
    static const uint8_t labels[20] = {
        [0] = 3,  [1] = 1,  [2] = 1,  [3] = 1,  [4] = 1,  [5] = 1,  [6] = 1,
        [7] = 1,  [8] = 1,  [9] = 1,  [10] = 1, [11] = 1, [12] = 1, [13] = 1,
        [14] = 1, [15] = 1, [16] = 1, [17] = 1, [18] = 1, [19] = 1
    };
    return made_cifar10(context, "lopsided.bin", SET, labels, 20);
}

static amp_dataset *unlabelled(amp_context *context)
{
    return made_unlabelled(context, "unlabelled.idx", SET);
}

static void choose(fixture *f, int32_t method, int64_t count, int64_t seed, uint64_t *out)
{
    const ampi_choice choice = { count, seed, 0, method };
    amp_error error = { 0 };

    ck_ok(ampi_choose(&choice, f->dataset, &f->with, out, &error), &error);
}

static void check_distinct(const uint64_t *indices, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_lt(indices[i], SET);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(indices[i], indices[j]);
    }
}

/* Distinct, repeatable, another seed another choice, a smaller choice the start of a larger. */
START_TEST(every_method)
{
    fixture f;
    uint64_t all[20], again[20], few[5], other[20];

    set_up(&f, labelled);
    for (int32_t method = AMPI_CHOOSE_RANDOM; method <= AMPI_CHOOSE_KCENTRE; method++) {
        choose(&f, method, 20, 5, all);
        choose(&f, method, 20, 5, again);
        choose(&f, method, 5, 5, few);
        choose(&f, method, 20, 6, other);
        check_distinct(all, 20);
        ck_assert_mem_eq(all, again, sizeof all);
        ck_assert_mem_eq(all, few, sizeof few);
        ck_assert_mem_ne(all, other, sizeof all);
    }
    tear_down(&f);
}
END_TEST

START_TEST(balanced_takes_turns)
{
    fixture f;
    uint64_t indices[20];
    unsigned seen[10] = { 0 };

    set_up(&f, labelled);
    choose(&f, AMPI_CHOOSE_BALANCED, 20, 1, indices);
    for (size_t i = 0; i < 20; i++) {
        seen[amp_dataset_label(f.dataset, indices[i])]++;
        if (i == 9) {
            for (size_t c = 0; c < 10; c++)
                ck_assert_uint_eq(seen[c], 1);
        }
    }
    for (size_t c = 0; c < 10; c++)
        ck_assert_uint_eq(seen[c], 2);
    tear_down(&f);
}
END_TEST

START_TEST(balanced_goes_on_without_an_empty_class)
{
    fixture f;
    uint64_t indices[10];
    unsigned seen[10] = { 0 };

    set_up(&f, lopsided);
    choose(&f, AMPI_CHOOSE_BALANCED, 10, 1, indices);
    check_distinct(indices, 10);
    for (size_t i = 0; i < 10; i++)
        seen[amp_dataset_label(f.dataset, indices[i])]++;
    ck_assert_uint_eq(seen[3], 3);
    ck_assert_uint_eq(seen[1], 7);
    tear_down(&f);
}
END_TEST

START_TEST(balanced_needs_labels)
{
    const ampi_choice choice = { 5, 0, 0, AMPI_CHOOSE_BALANCED };
    fixture f;
    uint64_t indices[5];
    amp_error error = { 0 };

    set_up(&f, unlabelled);
    ck_fails(ampi_choose(&choice, f.dataset, &f.with, indices, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "labels"));
    tear_down(&f);
}
END_TEST

START_TEST(too_many)
{
    const ampi_choice choice = { SET + 1, 0, 0, AMPI_CHOOSE_RANDOM };
    fixture f;
    uint64_t indices[SET + 1];
    amp_error error = { 0 };

    set_up(&f, labelled);
    ck_fails(ampi_choose(&choice, f.dataset, &f.with, indices, &error), AMP_E_ARGUMENT, &error);
    choose(&f, AMPI_CHOOSE_RANDOM, SET, 9, indices);
    check_distinct(indices, SET);
    tear_down(&f);
}
END_TEST

START_TEST(farthest_points)
{
    /* On a line: from 0 the farthest is 10, then 5 (of 4, 5, 9), then 9 is 1 from 10 and 4 is 1
       from 5: the first of equals, point 2. */
    const float line[5] = { 0.0f, 5.0f, 4.0f, 9.0f, 10.0f };
    const size_t expected[5] = { 0, 4, 1, 2, 3 };
    double nearest[5];
    size_t chosen[5];

    ampi_farthest_points(5, 1, line, nearest, 5, chosen);
    ck_assert_mem_eq(chosen, expected, sizeof chosen);
}
END_TEST

START_TEST(equal_points_are_still_distinct)
{
    const float same[6] = { 1, 1, 1, 1, 1, 1 };
    const size_t expected[3] = { 0, 1, 2 };
    double nearest[3];
    size_t chosen[3];

    ampi_farthest_points(3, 2, same, nearest, 3, chosen);
    ck_assert_mem_eq(chosen, expected, sizeof chosen);
}
END_TEST

/* Against features computed here: the whole network on [x, 0] up to the pooled map, by reading the
   linear layer's input through an identity matrix. */
START_TEST(kcentre_spreads_in_feature_space)
{
    fixture f;
    uint64_t indices[4], start[1];
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    ampi_graph *cut = NULL;
    amp_error error = { 0 };

    set_up(&f, labelled);
    choose(&f, AMPI_CHOOSE_KCENTRE, 4, 2, indices);
    choose(&f, AMPI_CHOOSE_RANDOM, 1, 2, start);
    ck_assert_uint_eq(indices[0], start[0]);

    ck_ok(ampi_graph_clone(&cut, f.graph, &error), &error);
    cut->n_nodes--;
    ck_ok(ampi_program_create(&program, cut, DEFAULT, &error), &error);
    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    const size_t size = shape_volume(ampi_program_output(program));
    float *const features = malloc(SET * size * sizeof *features);
    float *const input = calloc(6 * 64, sizeof *input);
    uint8_t pixels[192];
    for (uint32_t i = 0; i < SET; i++) {
        ck_ok(ampi_prepare_from(f.dataset, i, &f.prepare, pixels, &error), &error);
        ampi_prepare_normalise(&f.prepare, pixels, input);
        ck_ok(ampi_runner_forward(runner, 1, 1, input, features + i * size, &error), &error);
    }
    for (size_t k = 1; k < 4; k++) {
        double best = -1.0;
        uint64_t farthest = 0;
        for (uint32_t i = 0; i < SET; i++) {
            double nearest = 1e30;
            for (size_t j = 0; j < k; j++) {
                double sum = 0.0;
                for (size_t v = 0; v < size; v++)
                    sum += pow((double)(features[i * size + v] - features[indices[j] * size + v]),
                               2.0);
                nearest = fmin(nearest, sum);
            }
            if (nearest > best) {
                best = nearest;
                farthest = i;
            }
        }
        ck_assert_uint_eq(indices[k], farthest);
    }
    free(features);
    free(input);
    ampi_runner_free(runner);
    ampi_program_unref(program);
    ampi_graph_free(cut);
    tear_down(&f);
}
END_TEST

static int32_t stop_at_once(void *user, const amp_progress *progress)
{
    *(uint64_t *)user = progress->total;
    return 1;
}

START_TEST(kcentre_pool_and_cancel)
{
    const ampi_choice choice = { 3, 4, 10, AMPI_CHOOSE_KCENTRE };
    fixture f;
    uint64_t indices[3], order[10], total = 0;
    amp_error error = { 0 };

    set_up(&f, labelled);
    ck_ok(ampi_choose(&choice, f.dataset, &f.with, indices, &error), &error);
    choose(&f, AMPI_CHOOSE_RANDOM, 10, 4, order);
    for (size_t k = 0; k < 3; k++) {
        bool inside = false;
        for (size_t i = 0; i < 10; i++)
            inside = inside || order[i] == indices[k];
        ck_assert_msg(inside, "anchor %zu is not of the pool", k);
    }
    f.with.progress = stop_at_once;
    f.with.user = &total;
    ck_fails(ampi_choose(&choice, f.dataset, &f.with, indices, &error), AMP_E_CANCELLED, &error);
    ck_assert_uint_eq(total, 10);
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { every_method,
                                   balanced_takes_turns,
                                   balanced_goes_on_without_an_empty_class,
                                   balanced_needs_labels,
                                   too_many,
                                   farthest_points,
                                   equal_points_are_still_distinct,
                                   kcentre_spreads_in_feature_space,
                                   kcentre_pool_and_cancel,
                                   NULL };
    return test_suite("anchor.choose", tests);
}

TEST_MAIN(suite)
