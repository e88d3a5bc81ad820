/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reference_rewrites.c - every rewrite of lib/graph against the graph it came from, run by
 * the plain-loop back end with random weights and batch norm statistics.
 */
#include "exec/reference.h"
#include "random_graph.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define CLOSE 1e-5
#define IMAGES 2u

static float *run(const ampi_graph *graph, const float *input)
{
    const ampi_shape shape = graph->nodes[graph->n_nodes - 1].shape;
    float *const output = malloc(IMAGES * shape_volume(shape) * sizeof *output);
    amp_error error = { 0 };

    ck_assert_ptr_nonnull(output);
    ck_ok(ampi_reference_forward(graph, IMAGES, input, output, &error), &error);
    return output;
}

static ampi_graph *optimise(const ampi_graph *graph)
{
    ampi_graph *fast = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_optimise(&fast, graph, &error), &error);
    ck_ok(ampi_graph_check(fast, &error), &error);
    return fast;
}

static void same_result(const ampi_graph *a, const ampi_graph *b)
{
    const ampi_shape in = ampi_graph_input(a);
    const ampi_shape out = a->nodes[a->n_nodes - 1].shape;
    float *const input = random_values(IMAGES * shape_volume(in), 5);
    float *const first = run(a, input);
    float *const second = run(b, input);

    ck_assert_double_lt(relative_distance(second, first, IMAGES * shape_volume(out)), CLOSE);
    free(input);
    free(first);
    free(second);
}

static size_t count(const ampi_graph *graph, ampi_op op)
{
    size_t total = 0;

    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == op)
            total++;
    return total;
}

/* ---- whole networks ---- */

typedef struct net_row {
    const char *arch;
    size_t nodes, scales, sums; /* after the rewrite */
} net_row;

/* WRN of depth 6n + 4 has 6n + 1 convolutions in the paths, one more a changing block; bn1 of each
   unit and the last one stay, except block1.layer.0.bn1, which alone reads conv1 where channels
   change there.  Each sum fuses.  In a ResNet everything fuses. */
static const net_row nets[] = {
    { "wrn:depth=10,width=1,size=12", 1 + 7 + 2 + 4 + 2, 4, 3 },
    { "wrn:depth=16,width=2,size=9,dropout=0.3,classes=7", 1 + 13 + 3 + 6 + 2, 6, 6 },
    { "wrn:depth=10,width=2,height_px=7,width_px=10,channels=1,anchored=0", 1 + 7 + 3 + 3 + 2, 3,
      3 },
    { "resnet18:size=6", 1 + 20 + 2, 0, 8 },
    { "resnet34:size=2,channels=1,classes=7", 1 + 36 + 2, 0, 16 },
    { "resnet18-imagenet:size=12,classes=10,anchored=0", 1 + 20 + 1 + 2, 0, 8 },
    { "resnet50-imagenet:size=7,classes=10", 1 + 53 + 1 + 2, 0, 16 },
};

#define N_NETS ((int)(sizeof nets / sizeof nets[0]))

static size_t count_sums(const ampi_graph *graph)
{
    size_t total = 0;

    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].sum != AMPI_NONE)
            total++;
    return total;
}

START_TEST(optimised_network_computes_the_same)
{
    ampi_graph *const graph = random_network(nets[_i].arch, 11);
    ampi_graph *const fast = optimise(graph);

    same_result(graph, fast);
    ck_assert_uint_eq(fast->n_nodes, nets[_i].nodes);
    ck_assert_uint_eq(count(fast, AMPI_OP_SCALE), nets[_i].scales);
    ck_assert_uint_eq(count_sums(fast), nets[_i].sums);
    ck_assert_uint_eq(count(fast, AMPI_OP_ADD), 0);
    ck_assert_uint_eq(count(fast, AMPI_OP_BATCH_NORM), 0);
    ck_assert_uint_eq(count(fast, AMPI_OP_DROPOUT), 0);
    ck_assert(fast->anchored == graph->anchored);
    ck_assert_str_eq(fast->arch, "");
    ampi_graph_free(fast);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(optimising_twice_changes_nothing)
{
    ampi_graph *const graph = random_network("wrn:depth=10,width=2,size=8", 3);
    ampi_graph *const once = optimise(graph);
    ampi_graph *const twice = optimise(once);

    same_result(once, twice);
    ck_assert_uint_eq(once->n_nodes, twice->n_nodes);
    ampi_graph_free(graph);
    ampi_graph_free(once);
    ampi_graph_free(twice);
}
END_TEST

START_TEST(the_given_graph_is_untouched)
{
    ampi_graph *const graph = random_network("wrn:depth=10,width=2,size=8,dropout=0.2", 3);
    ampi_graph *const kept = random_network("wrn:depth=10,width=2,size=8,dropout=0.2", 3);
    ampi_graph *const fast = optimise(graph);

    ck_assert_uint_eq(graph->n_nodes, kept->n_nodes);
    ck_assert_mem_eq(graph->nodes, kept->nodes, kept->n_nodes * sizeof *kept->nodes);
    ck_assert_uint_eq(graph->n_tensors, kept->n_tensors);
    for (size_t i = 0; i < kept->n_tensors; i++)
        if (kept->tensors[i].count > 0)
            ck_assert_mem_eq(graph->tensors[i].data, kept->tensors[i].data,
                             kept->tensors[i].count * sizeof(float));
    ampi_graph_free(graph);
    ampi_graph_free(kept);
    ampi_graph_free(fast);
}
END_TEST

/* ---- single rules, on graphs of a few nodes ---- */

static const ampi_shape small = { 3, 5, 4 };

static ampi_graph *start(void)
{
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_create(&graph, NULL, small, &error), &error);
    return graph;
}

static int32_t conv(ampi_graph *graph, const char *name, int32_t input, bool bias)
{
    const ampi_conv how = { 3, 3, 1, 1, bias };
    amp_error error = { 0 };
    int32_t out = AMPI_NONE;

    ck_ok(ampi_graph_conv(graph, &out, name, input, &how, &error), &error);
    return out;
}

static int32_t norm(ampi_graph *graph, const char *name, int32_t input)
{
    amp_error error = { 0 };
    int32_t out = AMPI_NONE;

    ck_ok(ampi_graph_batch_norm(graph, &out, name, input, &error), &error);
    return out;
}

static int32_t relu(ampi_graph *graph, int32_t input)
{
    amp_error error = { 0 };
    int32_t out = AMPI_NONE;

    ck_ok(ampi_graph_relu(graph, &out, input, &error), &error);
    return out;
}

static int32_t add(ampi_graph *graph, int32_t a, int32_t b)
{
    amp_error error = { 0 };
    int32_t out = AMPI_NONE;

    ck_ok(ampi_graph_add(graph, &out, a, b, &error), &error);
    return out;
}

/* Fills, optimises, compares, and gives the optimised graph; frees the given one. */
static ampi_graph *finish(ampi_graph *graph)
{
    ampi_graph *fast = NULL;

    random_fill(graph, 23);
    fast = optimise(graph);
    same_result(graph, fast);
    ampi_graph_free(graph);
    return fast;
}

START_TEST(norm_folds_into_a_convolution_with_bias)
{
    ampi_graph *graph = start();

    norm(graph, "bn", conv(graph, "conv", 0, true));
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 2);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(norm_of_a_shared_convolution_becomes_a_scale)
{
    ampi_graph *graph = start();
    const int32_t c = conv(graph, "conv", 0, false);

    add(graph, norm(graph, "bn", c), c);
    graph = finish(graph);
    ck_assert_uint_eq(count(graph, AMPI_OP_SCALE), 1);
    ck_assert_uint_eq(count(graph, AMPI_OP_ADD), 1);
    ck_assert_ptr_nonnull(ampi_graph_find(graph, "bn.scale"));
    ck_assert_ptr_nonnull(ampi_graph_find(graph, "bn.shift"));
    ampi_graph_free(graph);
}
END_TEST

START_TEST(norm_of_the_input_and_its_relu_become_one_scale)
{
    ampi_graph *graph = start();

    relu(graph, norm(graph, "bn", 0));
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 2);
    ck_assert(graph->nodes[1].op == AMPI_OP_SCALE && graph->nodes[1].relu);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(norm_behind_relu_stays_apart)
{
    ampi_graph *graph = start();

    norm(graph, "bn", relu(graph, conv(graph, "conv", 0, false)));
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 3);
    ck_assert(graph->nodes[1].relu && !graph->nodes[2].relu);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(two_norms_fold_into_one_convolution)
{
    ampi_graph *graph = start();

    norm(graph, "b", norm(graph, "a", conv(graph, "conv", 0, false)));
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 2);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(relu_of_a_shared_value_stays)
{
    ampi_graph *graph = start();
    const int32_t c = conv(graph, "conv", 0, false);

    add(graph, relu(graph, c), c);
    graph = finish(graph);
    ck_assert_uint_eq(count(graph, AMPI_OP_RELU), 1);
    ck_assert(!graph->nodes[1].relu);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(sum_fuses_into_the_later_convolution)
{
    ampi_graph *graph = start();
    const int32_t a = conv(graph, "a", 0, false);
    const int32_t b = conv(graph, "b", 0, true);

    relu(graph, add(graph, b, a));
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 3);
    ck_assert_str_eq(graph->nodes[2].name, "b");
    ck_assert_int_eq(graph->nodes[2].sum, 1);
    ck_assert(graph->nodes[2].relu && !graph->nodes[1].relu);
    ampi_graph_free(graph);
}
END_TEST

/* The other operand is made later, by something that cannot add. */
START_TEST(sum_with_a_later_value_stays)
{
    ampi_graph *graph = start();
    const int32_t a = conv(graph, "a", 0, false);
    const int32_t b = relu(graph, conv(graph, "b", 0, false));

    add(graph, a, b);
    graph = finish(graph);
    ck_assert_uint_eq(count(graph, AMPI_OP_ADD), 1);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(value_added_to_itself_stays)
{
    ampi_graph *graph = start();
    const int32_t a = conv(graph, "a", 0, false);

    add(graph, a, a);
    graph = finish(graph);
    ck_assert_uint_eq(count(graph, AMPI_OP_ADD), 1);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(two_sums_on_one_convolution_fuse_once)
{
    ampi_graph *graph = start();
    const int32_t a = conv(graph, "a", 0, false);
    const int32_t b = conv(graph, "b", a, false);

    add(graph, add(graph, b, a), 0);
    graph = finish(graph);
    ck_assert_uint_eq(count_sums(graph), 1);
    ck_assert_uint_eq(count(graph, AMPI_OP_ADD), 1);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(dropout_at_the_end_and_dead_nodes_disappear)
{
    ampi_graph *graph = start();
    amp_error error = { 0 };
    int32_t out = conv(graph, "conv", 0, false);

    relu(graph, conv(graph, "dead", 0, false));
    ck_ok(ampi_graph_dropout(graph, &out, out, 0.5f, &error), &error);
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 2);
    ck_assert_uint_eq(graph->n_tensors, 1);
    ampi_graph_free(graph);
}
END_TEST

/* The dead reader of a convolution does not keep its norm from folding. */
START_TEST(dead_readers_do_not_count)
{
    ampi_graph *graph = start();
    const int32_t c = conv(graph, "conv", 0, false);

    relu(graph, c);
    norm(graph, "bn", c);
    graph = finish(graph);
    ck_assert_uint_eq(graph->n_nodes, 2);
    ampi_graph_free(graph);
}
END_TEST

/* ---- the split stem ---- */

/* [c, x - c] of each image. */
static float *encode(const float *images, const float *anchors, size_t volume)
{
    float *const pairs = malloc(IMAGES * 2 * volume * sizeof *pairs);

    ck_assert_ptr_nonnull(pairs);
    for (size_t n = 0; n < IMAGES; n++)
        for (size_t i = 0; i < volume; i++) {
            pairs[2 * n * volume + i] = anchors[n * volume + i];
            pairs[(2 * n + 1) * volume + i] = images[n * volume + i] - anchors[n * volume + i];
        }
    return pairs;
}

static void compare_split(const ampi_graph *graph, const ampi_graph *const parts[3])
{
    const size_t volume = shape_volume(ampi_graph_input(parts[0]));
    const ampi_shape stem = ampi_graph_input(parts[2]);
    float *const images = random_values(IMAGES * volume, 31);
    float *const anchors = random_values(IMAGES * volume, 32);
    float *const pairs = encode(images, anchors, volume);
    float *const whole = run(graph, pairs);
    float *const sum = run(parts[0], images);
    float *const other = run(parts[1], anchors);
    float *result = NULL;

    for (size_t i = 0; i < IMAGES * shape_volume(stem); i++)
        sum[i] += other[i];
    result = run(parts[2], sum);
    ck_assert_double_lt(
        relative_distance(result, whole, (size_t)IMAGES * ampi_graph_classes(graph)), CLOSE);
    free(images);
    free(anchors);
    free(pairs);
    free(whole);
    free(sum);
    free(other);
    free(result);
}

static const char *const split_nets[] = {
    "wrn:depth=10,width=1,size=12",           "wrn:depth=10,width=2,size=9,classes=7,dropout=0.3",
    "wrn:depth=10,width=2,size=8,channels=1", "resnet18:size=6",
    "resnet18-imagenet:size=13,classes=10",
};

START_TEST(split_network_computes_the_same)
{
    ampi_graph *const graph = random_network(split_nets[_i], 41);
    ampi_graph *parts[3] = { NULL, NULL, NULL };
    const ampi_graph *views[3];
    ampi_shape half = ampi_graph_input(graph);
    amp_error error = { 0 };

    half.c /= 2;
    ck_ok(ampi_graph_split_stem(&parts[0], &parts[1], &parts[2], graph, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        ck_ok(ampi_graph_check(parts[i], &error), &error);
        ck_assert(!parts[i]->anchored);
        views[i] = parts[i];
    }
    ck_assert_uint_eq(parts[0]->n_nodes, 2);
    ck_assert_uint_eq(parts[1]->n_nodes, 2);
    ck_assert_mem_eq(&parts[0]->nodes[0].shape, &half, sizeof half);
    ck_assert_int_eq(parts[1]->nodes[1].params[AMPI_PARAM_BIAS], AMPI_NONE);
    compare_split(graph, views);
    for (size_t i = 0; i < 3; i++)
        ampi_graph_free(parts[i]);
    ampi_graph_free(graph);
}
END_TEST

/* The same after the graph has been optimised: the stem then holds bias and relu. */
START_TEST(optimised_network_splits_too)
{
    ampi_graph *const graph = random_network("resnet18:size=6", 43);
    ampi_graph *const fast = optimise(graph);
    ampi_graph *parts[3] = { NULL, NULL, NULL };
    amp_error error = { 0 };

    ck_ok(ampi_graph_split_stem(&parts[0], &parts[1], &parts[2], fast, &error), &error);
    compare_split(graph, (const ampi_graph *const[3]){ parts[0], parts[1], parts[2] });
    for (size_t i = 0; i < 3; i++)
        ampi_graph_free(parts[i]);
    ampi_graph_free(fast);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(what_cannot_be_split_is_refused)
{
    ampi_graph *const plain = random_network("wrn:depth=10,width=1,size=8,anchored=0", 1);
    ampi_graph *const odd = start();
    ampi_graph *parts[3] = { NULL, NULL, NULL };
    amp_error error = { 0 };

    ck_fails(ampi_graph_split_stem(&parts[0], &parts[1], &parts[2], plain, &error), AMP_E_ARGUMENT,
             &error);
    odd->nodes[0].shape.c = 4;
    odd->anchored = true;
    relu(odd, 0);
    ck_fails(ampi_graph_split_stem(&parts[0], &parts[1], &parts[2], odd, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_assert(parts[0] == NULL && parts[1] == NULL && parts[2] == NULL);
    ampi_graph_free(plain);
    ampi_graph_free(odd);
}
END_TEST

/* W6 = [W3 | W3] undoes the encoding: c + (x - c) = x, whatever the anchor. */
START_TEST(doubled_weights_ignore_the_anchor)
{
    ampi_graph *const plain = random_network("wrn:depth=10,width=2,size=8,anchored=0", 51);
    ampi_graph *const graph = random_network("wrn:depth=10,width=2,size=8", 51);
    const size_t volume = shape_volume(ampi_graph_input(plain));
    float *const images = random_values(IMAGES * volume, 52);
    float *const expected = run(plain, images);

    for (size_t t = 0; t < plain->n_tensors; t++) {
        const ampi_tensor *const three = &plain->tensors[t];
        ampi_tensor *const six = &graph->tensors[t];
        const size_t block = three->count == six->count ? three->count : (size_t)3 * 9;
        for (size_t i = 0; i < six->count; i++)
            six->data[i] = three->data[i / block / (six->count / three->count) * block + i % block];
    }
    for (uint64_t seed = 60; seed < 65; seed++) {
        float *const anchors = random_values(IMAGES * volume, seed);
        float *const pairs = encode(images, anchors, volume);
        float *const logits = run(graph, pairs);
        ck_assert_double_lt(relative_distance(logits, expected, (size_t)IMAGES * 10), CLOSE);
        free(anchors);
        free(pairs);
        free(logits);
    }
    free(images);
    free(expected);
    ampi_graph_free(plain);
    ampi_graph_free(graph);
}
END_TEST

static Suite *rewrites_suite(void)
{
    Suite *const suite = suite_create("exec.reference_rewrites");
    TCase *const tests = tcase_create("rewrites");

    tcase_add_loop_test(tests, optimised_network_computes_the_same, 0, N_NETS);
    tcase_add_test(tests, optimising_twice_changes_nothing);
    tcase_add_test(tests, the_given_graph_is_untouched);
    tcase_add_test(tests, norm_folds_into_a_convolution_with_bias);
    tcase_add_test(tests, norm_of_a_shared_convolution_becomes_a_scale);
    tcase_add_test(tests, norm_of_the_input_and_its_relu_become_one_scale);
    tcase_add_test(tests, norm_behind_relu_stays_apart);
    tcase_add_test(tests, two_norms_fold_into_one_convolution);
    tcase_add_test(tests, relu_of_a_shared_value_stays);
    tcase_add_test(tests, sum_fuses_into_the_later_convolution);
    tcase_add_test(tests, sum_with_a_later_value_stays);
    tcase_add_test(tests, value_added_to_itself_stays);
    tcase_add_test(tests, two_sums_on_one_convolution_fuse_once);
    tcase_add_test(tests, dropout_at_the_end_and_dead_nodes_disappear);
    tcase_add_test(tests, dead_readers_do_not_count);
    tcase_add_loop_test(tests, split_network_computes_the_same, 0,
                        (int)(sizeof split_nets / sizeof split_nets[0]));
    tcase_add_test(tests, optimised_network_splits_too);
    tcase_add_test(tests, what_cannot_be_split_is_refused);
    tcase_add_test(tests, doubled_weights_ignore_the_anchor);
    suite_add_tcase(suite, tests);
    return suite;
}

TEST_MAIN(rewrites_suite)
