/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/graph/test_arch.c - networks as built: sizes, names, shapes, and what is refused.
 *
 * The numbers of the table were computed with PyTorch 1.13.1 from the same networks.
 */
#include "graph/graph.h"

#include "support.h"

#include <string.h>

typedef struct size_row {
    const char *arch;
    size_t parameters, running, entries;
    uint64_t macs; /* 0 = not in the table */
} size_row;

static const size_row sizes[] = {
    { "wrn:classes=10", 2243978, 5408, 227, 328041728 },
    { "wrn:classes=100", 2255588, 5408, 227, 0 },
    { "wrn:classes=1000", 2371688, 5408, 227, 0 },
    { "wrn:classes=10,anchored=0", 2243546, 5408, 227, 0 },
    { "wrn:classes=100,anchored=0", 2255156, 5408, 227, 0 },
    { "wrn:classes=1000,anchored=0", 2371256, 5408, 227, 0 },
    { "wrn:dropout=0.3", 2243978, 5408, 227, 328041728 },
    { "resnet9", 6574858, 4480, 50, 381031424 },
    { "resnet9:anchored=0", 6573130, 4480, 50, 379261952 },
    { "resnet9:width=28", 1261690, 1960, 50, 73803968 },
    { "airbench", 1987514, 2304, 40, 132262528 },
    { "airbench:anchored=0", 1972802, 2304, 40, 118147360 },
    { "airbench:width=48,classes=100", 1141972, 1728, 40, 79881600 },
    { "resnet18", 11175690, 9600, 122, 557192192 },
    { "resnet18:classes=100", 11221860, 9600, 122, 0 },
    { "resnet18:classes=1000", 11683560, 9600, 122, 0 },
    { "resnet18:anchored=0", 11173962, 9600, 122, 0 },
    { "resnet18:anchored=0,classes=100", 11220132, 9600, 122, 0 },
    { "resnet18:anchored=0,classes=1000", 11681832, 9600, 122, 0 },
    { "resnet34", 21283850, 17024, 218, 1161171968 },
    { "resnet34:classes=100", 21330020, 17024, 218, 0 },
    { "resnet34:classes=1000", 21791720, 17024, 218, 0 },
    { "resnet34:anchored=0", 21282122, 17024, 218, 0 },
    { "resnet34:anchored=0,classes=100", 21328292, 17024, 218, 0 },
    { "resnet34:anchored=0,classes=1000", 21789992, 17024, 218, 0 },
    { "resnet50-imagenet", 25566440, 53120, 320, 4207198208 },
    { "resnet50-imagenet:classes=10", 23537930, 53120, 320, 0 },
    { "resnet50-imagenet:classes=100", 23722340, 53120, 320, 0 },
    { "resnet50-imagenet:anchored=0,classes=10", 23528522, 53120, 320, 0 },
    { "resnet50-imagenet:anchored=0,classes=100", 23712932, 53120, 320, 0 },
    { "resnet50-imagenet:anchored=0", 25557032, 53120, 320, 0 },
    { "resnet18-imagenet:anchored=0", 11689512, 9600, 122, 0 },
    { "resnet34-imagenet:anchored=0", 21797672, 17024, 218, 0 },
};

#define N_SIZES ((int)(sizeof sizes / sizeof sizes[0]))

static ampi_graph *build(const char *arch)
{
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_build(&graph, NULL, arch, &error), &error);
    return graph;
}

static size_t running_values(const ampi_graph *graph)
{
    size_t total = 0;

    for (size_t i = 0; i < graph->n_tensors; i++)
        if (!graph->tensors[i].trainable)
            total += graph->tensors[i].count;
    return total;
}

START_TEST(sizes_are_those_of_pytorch)
{
    const size_row *const row = &sizes[_i];
    ampi_graph *const graph = build(row->arch);

    ck_assert_uint_eq(ampi_graph_parameters(graph), row->parameters);
    ck_assert_uint_eq(running_values(graph), row->running);
    ck_assert_uint_eq(graph->n_tensors, row->entries);
    if (row->macs != 0)
        ck_assert_uint_eq(ampi_graph_macs(graph), row->macs);
    ck_assert_int_eq(ampi_graph_check(graph, NULL), AMP_OK);
    ampi_graph_free(graph);
}
END_TEST

static void has(const ampi_graph *graph, const char *name, uint32_t rank, const size_t dims[4])
{
    const ampi_tensor *const tensor = ampi_graph_find(graph, name);

    ck_assert_msg(tensor != NULL, "%s is missing", name);
    ck_assert_uint_eq(tensor->rank, rank);
    for (uint32_t i = 0; i < rank; i++)
        ck_assert_uint_eq(tensor->dims[i], dims[i]);
}

#define DIMS(...) ((const size_t[4]){ __VA_ARGS__ })

START_TEST(wrn_names_and_shapes)
{
    ampi_graph *const graph = build("wrn:depth=40,width=2,classes=7");

    has(graph, "conv1.weight", 4, DIMS(16, 6, 3, 3));
    has(graph, "block1.layer.0.convShortcut.weight", 4, DIMS(32, 16, 1, 1));
    has(graph, "block2.layer.0.convShortcut.weight", 4, DIMS(64, 32, 1, 1));
    has(graph, "block3.layer.0.convShortcut.weight", 4, DIMS(128, 64, 1, 1));
    has(graph, "block3.layer.5.conv2.weight", 4, DIMS(128, 128, 3, 3));
    has(graph, "block2.layer.0.bn1.running_var", 1, DIMS(32));
    has(graph, "block2.layer.0.bn2.bias", 1, DIMS(64));
    has(graph, "bn1.num_batches_tracked", 0, DIMS(0));
    has(graph, "fc.weight", 2, DIMS(7, 128));
    has(graph, "fc.bias", 1, DIMS(7));
    ck_assert_ptr_null(ampi_graph_find(graph, "block1.layer.1.convShortcut.weight"));
    ck_assert_ptr_null(ampi_graph_find(graph, "conv1.bias"));
    ck_assert_uint_eq(ampi_graph_classes(graph), 7);
    ck_assert_uint_eq(ampi_graph_image_channels(graph), 3);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(wrn_of_width_one_has_no_first_shortcut)
{
    ampi_graph *const graph = build("wrn:depth=10,width=1");

    ck_assert_ptr_null(ampi_graph_find(graph, "block1.layer.0.convShortcut.weight"));
    has(graph, "block2.layer.0.convShortcut.weight", 4, DIMS(32, 16, 1, 1));
    ampi_graph_free(graph);
}
END_TEST

START_TEST(resnet_names_and_shapes)
{
    ampi_graph *const cifar = build("resnet18:channels=1");
    ampi_graph *const imagenet = build("resnet50-imagenet");

    has(cifar, "conv1.weight", 4, DIMS(64, 2, 3, 3));
    has(cifar, "layer2.0.shortcut.0.weight", 4, DIMS(128, 64, 1, 1));
    has(cifar, "layer4.0.shortcut.1.running_mean", 1, DIMS(512));
    has(cifar, "linear.weight", 2, DIMS(10, 512));
    ck_assert_ptr_null(ampi_graph_find(cifar, "layer1.0.shortcut.0.weight"));
    has(imagenet, "conv1.weight", 4, DIMS(64, 6, 7, 7));
    has(imagenet, "layer1.0.downsample.0.weight", 4, DIMS(256, 64, 1, 1));
    has(imagenet, "layer3.5.conv3.weight", 4, DIMS(1024, 256, 1, 1));
    has(imagenet, "layer2.0.conv2.weight", 4, DIMS(128, 128, 3, 3));
    has(imagenet, "fc.weight", 2, DIMS(1000, 2048));
    ampi_graph_free(cifar);
    ampi_graph_free(imagenet);
}
END_TEST

START_TEST(small_names_and_shapes)
{
    ampi_graph *const resnet9 = build("resnet9:width=20,classes=7");
    ampi_graph *const airbench = build("airbench:channels=1");

    has(resnet9, "prep.conv.weight", 4, DIMS(20, 6, 3, 3));
    has(resnet9, "layer1.bn.running_mean", 1, DIMS(40));
    has(resnet9, "layer3.res2.conv.weight", 4, DIMS(160, 160, 3, 3));
    has(resnet9, "linear.weight", 2, DIMS(7, 160));
    ck_assert_ptr_null(ampi_graph_find(resnet9, "layer2.res1.conv.weight"));
    has(airbench, "whiten.weight", 4, DIMS(16, 2, 2, 2));
    has(airbench, "whiten.bias", 1, DIMS(16));
    has(airbench, "layer1.conv1.weight", 4, DIMS(64, 16, 3, 3));
    has(airbench, "layer3.bn2.weight", 1, DIMS(256));
    has(airbench, "linear.weight", 2, DIMS(10, 256));
    ampi_graph_free(resnet9);
    ampi_graph_free(airbench);
}
END_TEST

/* resnet9's last layer starts at an eighth of PyTorch's range, airbench's at a ninth; its filters
   pass the channels that they read. */
START_TEST(small_networks_start_as_their_authors_do)
{
    ampi_graph *const resnet9 = build("resnet9"), *const airbench = build("airbench");
    const ampi_tensor *filters, *linear;
    float most = 0;

    ampi_graph_init(resnet9, 3);
    ampi_graph_init(airbench, 3);
    linear = ampi_graph_find(resnet9, "linear.weight");
    for (size_t i = 0; i < linear->count; i++)
        most = linear->data[i] > most ? linear->data[i] : most;
    ck_assert_float_le(most, 0.0442f / 8);
    ck_assert_float_ge(most, 0.0430f / 8);
    linear = ampi_graph_find(airbench, "linear.weight");
    for (size_t i = 0; i < linear->count; i++)
        ck_assert_float_le(linear->data[i], 0.0625f / 9);
    filters = ampi_graph_find(airbench, "layer2.conv1.weight");
    for (size_t i = 0; i < 64u * 64 * 9; i++)
        ck_assert(filters->data[i] >= ((i / 9) / 64 == (i / 9) % 64 && i % 9 == 4 ? 1.0f : 0.0f) &&
                  filters->data[i] <= 1.0f);
    for (size_t i = 0; i < 9; i++)
        ck_assert(filters->data[i] <= (i == 4 ? 1.0f : 0.0f));
    ck_assert(filters->data[64u * 64 * 9] < 0.05f);
    ampi_graph_free(resnet9);
    ampi_graph_free(airbench);
}
END_TEST

START_TEST(bottleneck_strides_in_the_3x3)
{
    ampi_graph *const graph = build("resnet50-imagenet");
    bool seen = false;

    for (size_t i = 0; i < graph->n_nodes; i++) {
        const ampi_node *const node = &graph->nodes[i];
        if (strcmp(node->name, "layer2.0.conv1") == 0)
            ck_assert_uint_eq(node->stride, 1);
        if (strcmp(node->name, "layer2.0.conv2") == 0) {
            ck_assert_uint_eq(node->stride, 2);
            seen = true;
        }
    }
    ck_assert(seen);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(any_size_is_allowed)
{
    static const char *const archs[] = {
        "wrn:depth=10,width=1,size=1",
        "wrn:depth=16,width=3,height_px=17,width_px=40",
        "resnet9:size=8,width=4",
        "resnet9:height_px=40,width_px=100",
        "airbench:size=9",
        "airbench:height_px=70,width_px=33,classes=3",
        "resnet18:size=5,classes=2",
        "resnet34-imagenet:size=1",
        "resnet50-imagenet:height_px=33,width_px=65,channels=1,classes=7",
    };

    for (size_t i = 0; i < sizeof archs / sizeof archs[0]; i++) {
        ampi_graph *const graph = build(archs[i]);
        ck_assert_int_eq(ampi_graph_check(graph, NULL), AMP_OK);
        ampi_graph_free(graph);
    }
}
END_TEST

START_TEST(rectangles_keep_height_first)
{
    ampi_graph *const graph = build("wrn:depth=10,height_px=17,width_px=40,anchored=0,channels=1");
    const ampi_shape input = ampi_graph_input(graph);

    ck_assert_uint_eq(input.c, 1);
    ck_assert_uint_eq(input.h, 17);
    ck_assert_uint_eq(input.w, 40);
    ck_assert(!graph->anchored);
    ck_assert_uint_eq(ampi_graph_image_channels(graph), 1);
    ampi_graph_free(graph);
}
END_TEST

/* The recorded text builds the same network again. */
START_TEST(recorded_text_builds_the_same)
{
    ampi_graph *const first = build("wrn:depth=16,width=3,dropout=0.25,classes=7,size=20");
    ampi_graph *const second = build(first->arch);

    ck_assert_str_eq(first->arch, second->arch);
    ck_assert_uint_eq(first->n_nodes, second->n_nodes);
    ck_assert_mem_eq(first->nodes, second->nodes, first->n_nodes * sizeof *first->nodes);
    ck_assert_uint_eq(first->n_tensors, second->n_tensors);
    ampi_graph_free(first);
    ampi_graph_free(second);
}
END_TEST

typedef struct refusal {
    const char *arch;
    amp_status status;
    const char *word; /* in the message */
} refusal;

static const refusal refusals[] = {
    { "vgg16", AMP_E_ARGUMENT, "vgg16" },
    { "", AMP_E_ARGUMENT, "wrn" },
    { "wr", AMP_E_ARGUMENT, "wrn" },
    { "wrn:depth=41", AMP_E_ARGUMENT, "depth=41" },
    { "wrn:depth=4", AMP_E_ARGUMENT, "depth" },
    { "wrn:channels=2", AMP_E_ARGUMENT, "channels=2" },
    { "wrn:channels=4", AMP_E_ARGUMENT, "channels" },
    { "wrn:classes=1", AMP_E_ARGUMENT, "classes" },
    { "wrn:width=0", AMP_E_ARGUMENT, "width" },
    { "wrn:size=4097", AMP_E_ARGUMENT, "size" },
    { "wrn:dropout=1", AMP_E_ARGUMENT, "dropout" },
    { "wrn:breadth=1", AMP_E_ARGUMENT, "breadth" },
    { "resnet9:width=3", AMP_E_ARGUMENT, "width" },
    { "resnet9:depth=9", AMP_E_ARGUMENT, "depth" },
    { "resnet9:size=7", AMP_E_SHAPE, "kernel 2" },
    { "airbench:size=8", AMP_E_SHAPE, "kernel 2" },
    { "resnet18:depth=18", AMP_E_ARGUMENT, "depth" },
    { "resnet18:size=4096", AMP_E_LIMIT, "values" },
};

START_TEST(bad_requests_are_refused)
{
    const refusal *const row = &refusals[_i];
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_fails(ampi_graph_build(&graph, NULL, row->arch, &error), row->status, &error);
    ck_assert_ptr_null(graph);
    ck_assert_msg(strstr(error.message, row->word) != NULL, "%s: %s", row->arch, error.message);
}
END_TEST

static Suite *arch_suite(void)
{
    Suite *const suite = suite_create("graph.arch");
    TCase *const tests = tcase_create("arch");

    tcase_add_loop_test(tests, sizes_are_those_of_pytorch, 0, N_SIZES);
    tcase_add_test(tests, wrn_names_and_shapes);
    tcase_add_test(tests, wrn_of_width_one_has_no_first_shortcut);
    tcase_add_test(tests, resnet_names_and_shapes);
    tcase_add_test(tests, small_names_and_shapes);
    tcase_add_test(tests, small_networks_start_as_their_authors_do);
    tcase_add_test(tests, bottleneck_strides_in_the_3x3);
    tcase_add_test(tests, any_size_is_allowed);
    tcase_add_test(tests, rectangles_keep_height_first);
    tcase_add_test(tests, recorded_text_builds_the_same);
    tcase_add_loop_test(tests, bad_requests_are_refused, 0,
                        (int)(sizeof refusals / sizeof refusals[0]));
    suite_add_tcase(suite, tests);
    return suite;
}

TEST_MAIN(arch_suite)
