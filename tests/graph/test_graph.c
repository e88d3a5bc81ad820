/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/graph/test_graph.c - single layers and what they refuse, copies, memory that runs out, and
 * the check of foreign graphs.
 */
#include "graph/graph.h"

#include "support.h"

#include <math.h>
#include <string.h>

static const ampi_shape image = { 3, 9, 6 };

static ampi_graph *start(ampi_shape shape)
{
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_create(&graph, NULL, shape, &error), &error);
    return graph;
}

static ampi_graph *build(const char *arch)
{
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_build(&graph, NULL, arch, &error), &error);
    return graph;
}

static void shape_is(const ampi_graph *graph, int32_t node, uint32_t c, uint32_t h, uint32_t w)
{
    ck_assert_uint_eq(graph->nodes[node].shape.c, c);
    ck_assert_uint_eq(graph->nodes[node].shape.h, h);
    ck_assert_uint_eq(graph->nodes[node].shape.w, w);
}

START_TEST(shapes_are_inferred)
{
    ampi_graph *const graph = start(image);
    const ampi_conv strided = { 5, 3, 2, 1, true };
    const ampi_conv wide = { 4, 7, 2, 3, false };
    amp_error error = { 0 };
    int32_t x = 0;
    int32_t y = 0;

    ck_ok(ampi_graph_conv(graph, &x, "a", 0, &strided, &error), &error);
    shape_is(graph, x, 5, 5, 3);
    ck_ok(ampi_graph_conv(graph, &y, "b", 0, &wide, &error), &error);
    shape_is(graph, y, 4, 5, 3);
    ck_ok(ampi_graph_max_pool(graph, &y, 0, 3, 2, 1, &error), &error);
    shape_is(graph, y, 3, 5, 3);
    ck_ok(ampi_graph_avg_pool(graph, &x, x, &error), &error);
    shape_is(graph, x, 5, 1, 1);
    ck_ok(ampi_graph_linear(graph, &x, "fc", x, 2, &error), &error);
    shape_is(graph, x, 2, 1, 1);
    ck_assert_uint_eq(ampi_graph_parameters(graph), 5 * 27 + 5 + 4 * 3 * 49 + 5 * 2 + 2);
    ck_assert_uint_eq(ampi_graph_macs(graph), 5 * 27 * 15 + 4 * 147 * 15 + 10);
    ck_ok(ampi_graph_check(graph, &error), &error);
    ampi_graph_free(graph);
}
END_TEST

/* ---- what layers refuse ---- */

typedef struct conv_row {
    ampi_conv how;
    amp_status status;
} conv_row;

static const conv_row bad_convs[] = {
    { { 0, 3, 1, 1, false }, AMP_E_SHAPE },          { { 65537, 1, 1, 0, false }, AMP_E_LIMIT },
    { { 4, 0, 1, 0, false }, AMP_E_LIMIT },          { { 4, 65, 1, 0, false }, AMP_E_LIMIT },
    { { 4, 3, 0, 1, false }, AMP_E_LIMIT },          { { 4, 3, 65, 1, false }, AMP_E_LIMIT },
    { { 4, 3, 1, 3, false }, AMP_E_LIMIT },          { { 4, 7, 1, 0, false }, AMP_E_SHAPE },
    { { 4, 3, 1, UINT32_MAX, false }, AMP_E_LIMIT },
};

START_TEST(bad_convolutions_are_refused)
{
    ampi_graph *const graph = start(image);
    amp_error error = { 0 };
    int32_t x = 0;

    ck_fails(ampi_graph_conv(graph, &x, "conv", 0, &bad_convs[_i].how, &error),
             bad_convs[_i].status, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "conv"));
    ck_assert_uint_eq(graph->n_nodes, 1);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(bad_inputs_are_refused)
{
    ampi_graph *const graph = start(image);
    amp_error error = { 0 };
    int32_t x = 0;
    int32_t pooled = 0;

    ck_fails(ampi_graph_relu(graph, &x, 1, &error), AMP_E_SHAPE, &error);
    ck_fails(ampi_graph_relu(graph, &x, -1, &error), AMP_E_SHAPE, &error);
    ck_fails(ampi_graph_add(graph, &x, 0, AMPI_NONE, &error), AMP_E_SHAPE, &error);
    ck_fails(ampi_graph_linear(graph, &x, "fc", 0, 3, &error), AMP_E_SHAPE, &error);
    ck_fails(ampi_graph_max_pool(graph, &x, 0, 3, 2, 2, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_graph_dropout(graph, &x, 0, 1.0f, &error), AMP_E_ARGUMENT, &error);
    ck_fails(ampi_graph_dropout(graph, &x, 0, NAN, &error), AMP_E_ARGUMENT, &error);
    ck_ok(ampi_graph_avg_pool(graph, &pooled, 0, &error), &error);
    ck_fails(ampi_graph_add(graph, &x, 0, pooled, &error), AMP_E_SHAPE, &error);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(long_names_are_refused)
{
    ampi_graph *const graph = start(image);
    char name[2 * AMPI_NAME];
    amp_error error = { 0 };
    int32_t x = 0;

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    ck_fails(ampi_graph_batch_norm(graph, &x, name, 0, &error), AMP_E_LIMIT, &error);
    name[AMPI_NAME - 4] = '\0'; /* fits, but not with ".weight" */
    ck_fails(ampi_graph_batch_norm(graph, &x, name, 0, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_graph_batch_norm(graph, &x, "", 0, &error), AMP_E_LIMIT, &error);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(too_much_is_refused)
{
    const ampi_shape many = { 65536, 1, 1 };
    const ampi_shape tall = { 3, 4097, 1 };
    const ampi_shape huge = { 32, 4096, 4096 };
    const ampi_shape empty = { 3, 0, 1 };
    ampi_graph *const graph = start(many);
    ampi_graph *none = NULL;
    amp_error error = { 0 };
    int32_t x = 0;

    ck_fails(ampi_graph_linear(graph, &x, "fc", 0, 65536, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_graph_create(&none, NULL, tall, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_graph_create(&none, NULL, huge, &error), AMP_E_LIMIT, &error);
    ck_fails(ampi_graph_create(&none, NULL, empty, &error), AMP_E_SHAPE, &error);
    while (graph->n_nodes < AMPI_MAX_NODES)
        ck_ok(ampi_graph_relu(graph, &x, x, &error), &error);
    ck_fails(ampi_graph_relu(graph, &x, x, &error), AMP_E_LIMIT, &error);
    ck_assert_ptr_null(none);
    ampi_graph_free(graph);
}
END_TEST

/* ---- first values ---- */

static void moments(const ampi_tensor *tensor, double *mean, double *deviation, double *largest)
{
    double sum = 0.0;
    double squares = 0.0;

    *largest = 0.0;
    for (size_t i = 0; i < tensor->count; i++) {
        sum += (double)tensor->data[i];
        squares += (double)tensor->data[i] * (double)tensor->data[i];
        *largest = fmax(*largest, fabs((double)tensor->data[i]));
    }
    *mean = sum / (double)tensor->count;
    *deviation = sqrt(squares / (double)tensor->count - *mean * *mean);
}

typedef struct init_row {
    const char *arch, *tensor;
    double deviation, bound; /* bound 0: normal */
} init_row;

static const init_row inits[] = {
    { "wrn", "block3.layer.5.conv2.weight", 0.041666667, 0 }, /* sqrt(2 / (9 * 128)) */
    { "wrn", "block3.layer.0.convShortcut.weight", 0.125, 0 },
    { "wrn:classes=1000", "fc.weight", 0.051031, 0.0883883 },
    { "resnet18", "conv1.weight", 0.0785674, 0.1360828 },
    { "resnet18", "layer4.1.conv2.weight", 0.0085052, 0.0147314 },
    { "resnet18:classes=1000", "linear.bias", 0.0255155, 0.0441942 },
    { "resnet50-imagenet", "conv1.weight", 0.0252538, 0 }, /* sqrt(2 / (49 * 64)) */
    { "resnet50-imagenet", "fc.bias", 0.0127578, 0.0220971 },
};

START_TEST(first_values_are_the_familys)
{
    ampi_graph *const graph = build(inits[_i].arch);
    const ampi_tensor *const tensor = ampi_graph_find(graph, inits[_i].tensor);
    double mean = 0.0;
    double deviation = 0.0;
    double largest = 0.0;

    ampi_graph_init(graph, 7);
    moments(tensor, &mean, &deviation, &largest);
    /* Five standard errors. */
    ck_assert_double_lt(fabs(mean), 5.0 * deviation / sqrt((double)tensor->count));
    ck_assert_double_eq_tol(deviation / inits[_i].deviation, 1.0,
                            5.0 / sqrt(2.0 * (double)tensor->count));
    if (inits[_i].bound > 0.0) {
        ck_assert_double_le(largest, inits[_i].bound * 1.00001);
        ck_assert_double_gt(largest, inits[_i].bound * 0.98);
    } else {
        ck_assert_double_gt(largest, 2.5 * deviation);
    }
    ampi_graph_free(graph);
}
END_TEST

static void constant(const ampi_graph *graph, const char *name, float value)
{
    const ampi_tensor *const tensor = ampi_graph_find(graph, name);

    ck_assert_ptr_nonnull(tensor);
    for (size_t i = 0; i < tensor->count; i++)
        ck_assert_float_eq(tensor->data[i], value);
}

START_TEST(batch_norm_starts_as_identity)
{
    ampi_graph *const graph = build("wrn:depth=10,width=1");

    ampi_graph_init(graph, 7);
    constant(graph, "bn1.weight", 1.0f);
    constant(graph, "bn1.bias", 0.0f);
    constant(graph, "bn1.running_mean", 0.0f);
    constant(graph, "bn1.running_var", 1.0f);
    constant(graph, "fc.bias", 0.0f);
    ck_assert_int_eq(ampi_graph_find(graph, "bn1.num_batches_tracked")->counter, 0);
    ampi_graph_free(graph);
}
END_TEST

START_TEST(first_values_depend_on_the_seed_alone)
{
    ampi_graph *const a = build("wrn:depth=10,width=1");
    ampi_graph *const b = build("wrn:depth=10,width=1");
    const size_t bytes = a->tensors[0].count * sizeof(float);

    ampi_graph_init(a, 7);
    ampi_graph_init(b, 8);
    ck_assert_mem_ne(a->tensors[0].data, b->tensors[0].data, bytes);
    ampi_graph_init(b, 7);
    for (size_t i = 0; i < a->n_tensors; i++)
        if (a->tensors[i].count > 0)
            ck_assert_mem_eq(a->tensors[i].data, b->tensors[i].data,
                             a->tensors[i].count * sizeof(float));
    ampi_graph_free(a);
    ampi_graph_free(b);
}
END_TEST

/* ---- copies and memory ---- */

START_TEST(a_clone_shares_nothing)
{
    ampi_graph *const graph = build("wrn:depth=10,width=1,dropout=0.1");
    ampi_graph *copy = NULL;
    amp_error error = { 0 };

    ampi_graph_init(graph, 3);
    ck_ok(ampi_graph_clone(&copy, graph, &error), &error);
    ck_ok(ampi_graph_check(copy, &error), &error);
    ck_assert_mem_eq(copy->nodes, graph->nodes, graph->n_nodes * sizeof *graph->nodes);
    ck_assert_str_eq(copy->arch, graph->arch);
    ck_assert(copy->anchored == graph->anchored);
    ck_assert_ptr_ne(copy->tensors[0].data, graph->tensors[0].data);
    ck_assert_mem_eq(copy->tensors[0].data, graph->tensors[0].data,
                     graph->tensors[0].count * sizeof(float));
    ampi_graph_free(graph);
    ck_ok(ampi_graph_check_values(copy, &error), &error);
    ampi_graph_free(copy);
}
END_TEST

static amp_status everything(amp_context *context, void *user, amp_error *error)
{
    ampi_graph *graphs[6] = { NULL };
    amp_status status = ampi_graph_build(&graphs[0], context, user, error);

    if (status == AMP_OK)
        status = ampi_graph_clone(&graphs[1], graphs[0], error);
    if (status == AMP_OK)
        status = ampi_graph_check(graphs[1], error);
    if (status == AMP_OK)
        status = ampi_graph_optimise(&graphs[2], graphs[0], error);
    if (status == AMP_OK)
        status = ampi_graph_split_stem(&graphs[3], &graphs[4], &graphs[5], graphs[0], error);
    for (size_t i = 0; i < 6; i++)
        ampi_graph_free(graphs[i]);
    return status;
}

START_TEST(no_memory_leaves_nothing_behind)
{
    char arch[] = "wrn:depth=10,width=1,size=8,dropout=0.1";

    test_out_of_memory(everything, arch);
}
END_TEST

/* ---- foreign graphs ---- */

/* Each breaks one promise of a good graph; conv, bn and fc are the indices of such nodes. */
typedef struct parts {
    ampi_graph *graph;
    ampi_node *conv, *bn, *add, *fc;
} parts;

typedef void (*damage_fn)(const parts *p);

static void late_input(const parts *p)
{
    p->conv->inputs[0] = (int32_t)(p->conv - p->graph->nodes);
}
static void no_input(const parts *p)
{
    p->bn->inputs[0] = AMPI_NONE;
}
static void extra_input(const parts *p)
{
    p->bn->inputs[1] = 0;
}
static void missing_operand(const parts *p)
{
    p->add->inputs[1] = AMPI_NONE;
}
static void wrong_shape(const parts *p)
{
    p->bn->shape.h++;
}
static void wrong_channels(const parts *p)
{
    p->conv->shape.c++;
}
static void second_input_node(const parts *p)
{
    p->bn->op = AMPI_OP_INPUT;
}
static void first_not_input(const parts *p)
{
    p->graph->nodes[0].op = AMPI_OP_RELU;
}
static void unknown_op(const parts *p)
{
    p->bn->op = AMPI_OP_COUNT;
}
static void zero_stride(const parts *p)
{
    p->conv->stride = 0;
}
static void no_weight(const parts *p)
{
    p->conv->params[AMPI_PARAM_WEIGHT] = AMPI_NONE;
}
static void no_linear_bias(const parts *p)
{
    p->fc->params[AMPI_PARAM_BIAS] = AMPI_NONE;
}
static void far_tensor(const parts *p)
{
    p->conv->params[AMPI_PARAM_WEIGHT] = (int32_t)p->graph->n_tensors;
}
static void negative_tensor(const parts *p)
{
    p->conv->params[AMPI_PARAM_WEIGHT] = -2;
}
static void shared_tensor(const parts *p)
{
    p->bn->params[AMPI_PARAM_MEAN] = p->bn->params[AMPI_PARAM_VAR];
}
static void surplus_tensor(const parts *p)
{
    p->add->params[AMPI_PARAM_WEIGHT] = 0;
}
static void wrong_dimension(const parts *p)
{
    p->graph->tensors[p->conv->params[AMPI_PARAM_WEIGHT]].dims[2]++;
}
static void wrong_rank(const parts *p)
{
    p->graph->tensors[p->fc->params[AMPI_PARAM_WEIGHT]].rank = 1;
}
static void wrong_count(const parts *p)
{
    p->graph->tensors[p->fc->params[AMPI_PARAM_WEIGHT]].count--;
}
static void not_trainable(const parts *p)
{
    p->graph->tensors[0].trainable = false;
}
static void same_name(const parts *p)
{
    memcpy(p->graph->tensors[0].name, p->graph->tensors[1].name, AMPI_NAME);
}
static void endless_name(const parts *p)
{
    memset(p->conv->name, 'x', AMPI_NAME);
}
static void endless_tensor_name(const parts *p)
{
    memset(p->graph->tensors[0].name, 'x', AMPI_NAME);
}
static void zero_epsilon(const parts *p)
{
    p->bn->epsilon = 0.0f;
}
static void nan_momentum(const parts *p)
{
    p->bn->momentum = NAN;
}
static void full_dropout(const parts *p)
{
    p->bn->dropout = 1.0f;
}
static void relu_on_add(const parts *p)
{
    p->add->relu = true;
}
static void sum_with_itself(const parts *p)
{
    p->conv->sum = (int32_t)(p->conv - p->graph->nodes);
}
static void sum_of_other_shape(const parts *p)
{
    p->conv->sum = 0;
}
static void odd_anchored(const parts *p)
{
    p->graph->nodes[0].shape.c = 5;
}
static void no_nodes(const parts *p)
{
    p->graph->n_nodes = 0;
}

static const damage_fn damages[] = {
    late_input,     no_input,          extra_input,         missing_operand,    wrong_shape,
    wrong_channels, second_input_node, first_not_input,     unknown_op,         zero_stride,
    no_weight,      no_linear_bias,    far_tensor,          negative_tensor,    shared_tensor,
    surplus_tensor, wrong_dimension,   wrong_rank,          wrong_count,        not_trainable,
    same_name,      endless_name,      endless_tensor_name, zero_epsilon,       nan_momentum,
    full_dropout,   relu_on_add,       sum_with_itself,     sum_of_other_shape, odd_anchored,
    no_nodes,
};

static ampi_node *first_of(ampi_graph *graph, ampi_op op)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == op)
            return &graph->nodes[i];
    ck_abort_msg("no %s", ampi_op_name(op));
    return NULL;
}

START_TEST(damaged_graphs_are_refused)
{
    ampi_graph *const graph = build("wrn:depth=10,width=1");
    const size_t nodes = graph->n_nodes;
    const parts p = { graph, first_of(graph, AMPI_OP_CONV), first_of(graph, AMPI_OP_BATCH_NORM),
                      first_of(graph, AMPI_OP_ADD), first_of(graph, AMPI_OP_LINEAR) };
    amp_error error = { 0 };

    ck_ok(ampi_graph_check(graph, &error), &error);
    damages[_i](&p);
    ck_assert_int_ne(ampi_graph_check(graph, &error), AMP_OK);
    ck_assert_str_ne(error.message, "");
    graph->n_nodes = nodes;
    ampi_graph_free(graph);
}
END_TEST

START_TEST(bad_values_are_refused)
{
    ampi_graph *const graph = build("wrn:depth=10,width=1");
    const ampi_node *const bn = first_of(graph, AMPI_OP_BATCH_NORM);
    ampi_tensor *const var = &graph->tensors[bn->params[AMPI_PARAM_VAR]];
    ampi_tensor *const counter = &graph->tensors[bn->params[AMPI_PARAM_COUNTER]];
    amp_error error = { 0 };

    ampi_graph_init(graph, 1);
    ck_ok(ampi_graph_check_values(graph, &error), &error);
    graph->tensors[0].data[5] = NAN;
    ck_fails(ampi_graph_check_values(graph, &error), AMP_E_FORMAT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "conv1.weight"));
    graph->tensors[0].data[5] = INFINITY;
    ck_fails(ampi_graph_check_values(graph, &error), AMP_E_FORMAT, &error);
    graph->tensors[0].data[5] = -1.0f;
    var->data[2] = -1e-3f;
    ck_fails(ampi_graph_check_values(graph, &error), AMP_E_FORMAT, &error);
    var->data[2] = 0.0f;
    counter->counter = -1;
    ck_fails(ampi_graph_check_values(graph, &error), AMP_E_FORMAT, &error);
    counter->counter = 1;
    ck_ok(ampi_graph_check_values(graph, &error), &error);
    ampi_graph_free(graph);
}
END_TEST

static Suite *graph_suite(void)
{
    Suite *const suite = suite_create("graph.graph");
    TCase *const tests = tcase_create("graph");

    tcase_add_test(tests, shapes_are_inferred);
    tcase_add_loop_test(tests, bad_convolutions_are_refused, 0,
                        (int)(sizeof bad_convs / sizeof bad_convs[0]));
    tcase_add_test(tests, bad_inputs_are_refused);
    tcase_add_test(tests, long_names_are_refused);
    tcase_add_test(tests, too_much_is_refused);
    tcase_add_loop_test(tests, first_values_are_the_familys, 0,
                        (int)(sizeof inits / sizeof inits[0]));
    tcase_add_test(tests, batch_norm_starts_as_identity);
    tcase_add_test(tests, first_values_depend_on_the_seed_alone);
    tcase_add_test(tests, a_clone_shares_nothing);
    tcase_add_test(tests, no_memory_leaves_nothing_behind);
    tcase_add_loop_test(tests, damaged_graphs_are_refused, 0,
                        (int)(sizeof damages / sizeof damages[0]));
    tcase_add_test(tests, bad_values_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}

TEST_MAIN(graph_suite)
