/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_int8.c - convolutions of bytes: equal to sums of integers done by hand, close to fp32 on
 * whole networks, and by the ranges that a run of theirs was seen to have.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IMAGES 19
#define SIDE 5u

static bool here(void)
{
    return ampi_precision_here(AMPI_BACKEND_ONEDNN, AMPI_PRECISION_INT8);
}

static void run(ampi_program *program, int32_t threads, size_t n, const float *input, float *out)
{
    ampi_runner *runner = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_runner_create(&runner, program, &error), &error);
    ck_ok(ampi_runner_forward(runner, threads, n, input, out, &error), &error);
    ampi_runner_free(runner);
}

static void run_as(const ampi_graph *graph, ampi_precision precision, int32_t threads, size_t n,
                   const float *input, float *out)
{
    ampi_program *program = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_program_create_as(&program, graph, AMPI_BACKEND_ONEDNN, precision, &error), &error);
    run(program, threads, n, input, out);
    ampi_program_unref(program);
}

static ampi_node *find_conv(ampi_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == AMPI_OP_CONV && strcmp(graph->nodes[i].name, name) == 0)
            return &graph->nodes[i];
    ck_abort_msg("no convolution %s", name);
    return NULL;
}

/* Ranges seen on `n` images, one by one, into the graph; the number of convolutions. */
static size_t observe(ampi_graph *graph, size_t n, const float *input, float *out)
{
    const size_t in = shape_volume(ampi_graph_input(graph)), each = ampi_graph_classes(graph);
    ampi_program *program = NULL;
    ampi_range reads, makes;
    const char *name;
    amp_error error = { 0 };
    size_t found = 0;

    const ampi_program_options options = { .observe = true };

    ck_ok(ampi_program_create_with(&program, graph, &options, &error), &error);
    for (size_t i = 0; i < n; i++)
        run(program, 1, 1, input + i * in, out + i * each);
    for (size_t i = 0; ampi_program_seen(program, i, &name, &reads, &makes); i++) {
        if (name == NULL)
            continue;
        find_conv(graph, name)->reads = reads;
        find_conv(graph, name)->makes = makes;
        found++;
    }
    ampi_program_unref(program);
    return found;
}

/* ---- one convolution, against integers ------------------------------------------------------- */

#define IN 16u
#define OUT 32u

/* Input, then a batch norm whose values are bytes of either sign, or its ReLU, then the convolution
   under test, then another batch norm, so that the result stays fp32. */
static ampi_graph *one_conv(bool relu, uint32_t kernel)
{
    const ampi_conv how = { OUT, kernel, 1, kernel / 2, true };
    ampi_graph *graph = NULL;
    int32_t at = 0;
    amp_error error = { 0 };

    ck_ok(ampi_graph_create(&graph, NULL, (ampi_shape){ IN, SIDE, SIDE }, &error), &error);
    ck_ok(ampi_graph_batch_norm(graph, &at, "before", at, &error), &error);
    if (relu)
        ck_ok(ampi_graph_relu(graph, &at, at, &error), &error);
    ck_ok(ampi_graph_conv(graph, &at, "conv", at, &how, &error), &error);
    random_fill(graph, 3);
    return graph;
}

static const float *data_of(const ampi_graph *graph, const char *name)
{
    const ampi_tensor *const tensor = ampi_graph_find(graph, name);

    ck_assert_ptr_nonnull(tensor);
    return tensor->data;
}

typedef struct by_hand {
    const ampi_graph *graph;
    bool is_signed;
    float scale; /* of the source's bytes */
    int32_t bytes[IN][SIDE][SIDE];
} by_hand;

/* Through the batch norm in double; bytes are cut off at the type's ends. */
static void quantise(by_hand *hand, const float *image)
{
    const float *const gain = data_of(hand->graph, "before.weight");
    const float *const bias = data_of(hand->graph, "before.bias");
    const float *const mean = data_of(hand->graph, "before.running_mean");
    const float *const var = data_of(hand->graph, "before.running_var");
    const double low = hand->is_signed ? -128.0 : 0.0, high = hand->is_signed ? 127.0 : 255.0;

    for (size_t c = 0; c < IN; c++) {
        for (size_t p = 0; p < SIDE * SIDE; p++) {
            const double x = ((double)image[c * SIDE * SIDE + p] - (double)mean[c]) /
                                 sqrt((double)var[c] + 1e-5) * (double)gain[c] +
                             (double)bias[c];
            const double byte = floor(x / (double)hand->scale + 0.5);
            hand->bytes[c][p / SIDE][p % SIDE] = (int32_t)fmin(fmax(byte, low), high);
        }
    }
}

static int32_t byte_at(const by_hand *hand, size_t c, long y, long x)
{
    const long side = SIDE;

    return y < 0 || x < 0 || y >= side || x >= side ? 0 : hand->bytes[c][y][x];
}

/* One value of the convolution: integers added up, then scaled. */
static double conv_at(const by_hand *hand, size_t o, long y, long x, long kernel)
{
    const size_t each = IN * (size_t)(kernel * kernel);
    const float *const weights = data_of(hand->graph, "conv.weight") + o * each;
    double most = 0.0;
    int64_t sum = 0;

    for (size_t i = 0; i < each; i++)
        most = fmax(most, fabs((double)weights[i]));
    for (size_t i = 0; i < each; i++) {
        const long tap = (long)(i % (size_t)(kernel * kernel));
        const long dy = tap / kernel - kernel / 2, dx = tap % kernel - kernel / 2;
        sum += (int64_t)lrint((double)weights[i] * 127.0 / most) *
               byte_at(hand, i / (size_t)(kernel * kernel), y + dy, x + dx);
    }
    return (double)sum * (double)hand->scale * most / 127.0 +
           (double)data_of(hand->graph, "conv.bias")[o];
}

static void check_conv(bool relu, uint32_t kernel)
{
    ampi_graph *const graph = one_conv(relu, kernel);
    float *const input = random_values(IN * SIDE * SIDE, 8);
    const size_t values = OUT * SIDE * SIDE;
    float *const got = calloc(values, sizeof(float)), *const wanted = calloc(values, sizeof(float));
    by_hand hand = { .graph = graph, .is_signed = !relu };

    ck_assert(got && wanted);
    find_conv(graph, "conv")->reads = (ampi_range){ relu ? 0.0F : -1.5F, 2.5F };
    hand.scale = relu ? 2.5F / 255.0F : 2.5F / 127.0F;
    quantise(&hand, input);
    for (size_t i = 0; i < values; i++)
        wanted[i] = (float)conv_at(&hand, i / (SIDE * SIDE), (long)(i / SIDE % SIDE),
                                   (long)(i % SIDE), (long)kernel);
    run_as(graph, AMPI_PRECISION_INT8, 1, 1, input, got);
    /* A byte on the edge between two steps may fall to either side. */
    ck_assert_msg(relative_distance(got, wanted, values) < 2e-4, "relu %d, kernel %u: %g apart",
                  relu, kernel, relative_distance(got, wanted, values));
    free(input);
    free(got);
    free(wanted);
    ampi_graph_free(graph);
}

START_TEST(integers_by_hand)
{
    if (!here())
        return;
    check_conv(true, 3);
    check_conv(true, 1);
    check_conv(false, 3);
    check_conv(false, 1);
}
END_TEST

/* ---- whole networks -------------------------------------------------------------------------- */

typedef struct network {
    const char *arch;
    double distance; /* largest, relative to the largest logit */
} network;

/* Random networks amplify rounding more than trained ones. */
static const network networks[] = {
    { "wrn:depth=10,width=2,classes=10,size=16", 0.15 },
    { "wrn:depth=16,width=8,classes=10,size=8", 0.15 },
    { "resnet18:classes=7,size=20,channels=1", 0.15 },
    { "resnet34-imagenet:classes=10,size=65", 0.2 },
    { "resnet50-imagenet:classes=10,size=64,anchored=0", 0.3 },
    { "resnet9:width=20", 0.15 },
    { "airbench:width=20,classes=7,size=23", 0.15 },
};

#define N_NETWORKS ((int)(sizeof networks / sizeof networks[0]))

typedef struct bench {
    ampi_graph *graph;
    size_t out;
    float *input, *wanted, *got, *again;
} bench;

static void bench_open(bench *b, const char *arch)
{
    const size_t classes = IMAGES;

    b->graph = random_network(arch, 5);
    b->out = classes * ampi_graph_classes(b->graph);
    b->input = random_values(IMAGES * shape_volume(ampi_graph_input(b->graph)), 6);
    b->wanted = calloc(b->out, sizeof(float));
    b->got = calloc(b->out, sizeof(float));
    b->again = calloc(b->out, sizeof(float));
    ck_assert(b->wanted && b->got && b->again);
}

static void bench_close(bench *b)
{
    ampi_graph_free(b->graph);
    free(b->input);
    free(b->wanted);
    free(b->got);
    free(b->again);
}

START_TEST(close_to_fp32_and_repeatable)
{
    const network *const row = &networks[_i];
    double distance;
    bench b;

    if (!here())
        return;
    bench_open(&b, row->arch);
    ck_assert_uint_gt(observe(b.graph, IMAGES, b.input, b.wanted), 5);
    /* Being looked at changes nothing. */
    run_as(b.graph, AMPI_PRECISION_FP32, 1, IMAGES, b.input, b.got);
    ck_assert_mem_eq(b.got, b.wanted, b.out * sizeof(float));
    ck_assert(ampi_graph_ranged_macs(b.graph) > ampi_graph_macs(b.graph) / 2);
    for (int32_t threads = 1; threads <= 2; threads++) {
        run_as(b.graph, AMPI_PRECISION_INT8, threads, IMAGES, b.input, b.got);
        run_as(b.graph, AMPI_PRECISION_INT8, threads, IMAGES, b.input, b.again);
        ck_assert_mem_eq(b.got, b.again, b.out * sizeof(float));
        distance = relative_distance(b.got, b.wanted, b.out);
        ck_assert_msg(distance < row->distance && distance > 1e-4, "%s: %g apart", row->arch,
                      distance);
    }
    bench_close(&b);
}
END_TEST

/* A range of half the width cuts off what lies outside: the result moves further away. */
START_TEST(ranges_matter)
{
    double before, after;
    bench b;

    if (!here())
        return;
    bench_open(&b, networks[0].arch);
    observe(b.graph, IMAGES, b.input, b.wanted);
    run_as(b.graph, AMPI_PRECISION_INT8, 1, IMAGES, b.input, b.got);
    before = relative_distance(b.got, b.wanted, b.out);
    for (size_t i = 0; i < b.graph->n_nodes; i++)
        b.graph->nodes[i].reads.high *= 0.25F;
    run_as(b.graph, AMPI_PRECISION_INT8, 1, IMAGES, b.input, b.got);
    after = relative_distance(b.got, b.wanted, b.out);
    ck_assert_msg(after > 2 * before, "%g, then %g", before, after);
    bench_close(&b);
}
END_TEST

/* Without any range, or with those of some convolutions, a program computes the rest in fp32. */
START_TEST(unknown_ranges_stay_fp32)
{
    bench b;

    if (!here())
        return;
    bench_open(&b, networks[2].arch);
    run_as(b.graph, AMPI_PRECISION_FP32, 1, IMAGES, b.input, b.wanted);
    run_as(b.graph, AMPI_PRECISION_INT8, 1, IMAGES, b.input, b.got);
    ck_assert(relative_distance(b.got, b.wanted, b.out) < 1e-5);
    observe(b.graph, IMAGES, b.input, b.wanted);
    for (size_t i = 0; i < b.graph->n_nodes; i += 2)
        b.graph->nodes[i].reads = b.graph->nodes[i].makes = (ampi_range){ 0.0F, 0.0F };
    run_as(b.graph, AMPI_PRECISION_INT8, 2, IMAGES, b.input, b.got);
    ck_assert(relative_distance(b.got, b.wanted, b.out) < networks[2].distance);
    bench_close(&b);
}
END_TEST

/* Channels that training has let die: their weights are next to nothing, or nothing. */
START_TEST(dead_channels)
{
    static const float sizes[] = { 1e-20F, 1e-38F, 0.0F };
    bench b;

    if (!here())
        return;
    bench_open(&b, networks[0].arch);
    for (size_t i = 0; i < b.graph->n_tensors; i++) {
        ampi_tensor *const tensor = &b.graph->tensors[i];
        const size_t each = tensor->rank == 4 ? tensor->count / tensor->dims[0] : 0;
        for (size_t v = 0; v < 3 * each; v++)
            tensor->data[v] *= sizes[v / each];
    }
    observe(b.graph, IMAGES, b.input, b.wanted);
    run_as(b.graph, AMPI_PRECISION_INT8, 2, IMAGES, b.input, b.got);
    for (size_t i = 0; i < b.out; i++)
        ck_assert(isfinite(b.got[i]));
    ck_assert(relative_distance(b.got, b.wanted, b.out) < networks[0].distance);
    bench_close(&b);
}
END_TEST

START_TEST(refused)
{
    ampi_graph *const graph = random_network(networks[0].arch, 5);
    ampi_program *program = NULL;
    const ampi_program_options observing = { .backend = AMPI_BACKEND_REFERENCE, .observe = true };
    ampi_range range;
    const char *name;
    amp_error error = { 0 };

    ck_fails(ampi_program_create_with(&program, graph, &observing, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_assert_ptr_null(program);
    ck_fails(ampi_program_create_as(&program, graph, AMPI_BACKEND_REFERENCE, AMPI_PRECISION_INT8,
                                    &error),
             AMP_E_UNSUPPORTED, &error);
    ck_ok(ampi_program_create(&program, graph, AMPI_BACKEND_ONEDNN, &error), &error);
    ck_assert(!ampi_program_seen(program, 0, &name, &range, &range));
    ampi_program_unref(program);
    ampi_graph_free(graph);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("exec.int8");
    TCase *const each = tcase_create("each network"), *const one = tcase_create("one network");

    tcase_add_loop_test(each, close_to_fp32_and_repeatable, 0, N_NETWORKS);
    tcase_add_test(one, integers_by_hand);
    tcase_add_test(one, ranges_matter);
    tcase_add_test(one, unknown_ranges_stay_fp32);
    tcase_add_test(one, dead_channels);
    tcase_add_test(one, refused);
    suite_add_tcase(all, each);
    suite_add_tcase(all, one);
    return all;
}

TEST_MAIN(suite)
