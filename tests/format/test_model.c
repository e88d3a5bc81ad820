/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_model.c - models made, asked, saved, opened; what a file must hold to be one.
 */
#include "format_support.h"
#include "support.h"

#include <amp/version.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static amp_model *open_model(bytes file)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_parse(
              &model, NULL,
              &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "f" }, &error),
          &error);
    return model;
}

static amp_model *create(const char *arch, const char *preprocess, uint64_t seed)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_model_create(&model, NULL, arch, preprocess, seed, &error), &error);
    return model;
}

/* ---- making and asking ---- */

START_TEST(info_of_a_new_model)
{
    amp_model *const model = create("wrn:depth=40,width=2", NULL, 0);
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error = { 0 };

    ck_ok(amp_model_get_info(model, &info, &error), &error);
    ck_assert_uint_eq(info.struct_size, sizeof info);
    ck_assert_uint_eq(info.parameters, 2243978); /* methods: WRN-40-2, 6 channels in */
    ck_assert_uint_gt(info.multiply_adds, 300000000);
    ck_assert_uint_lt(info.multiply_adds, 350000000);
    ck_assert_uint_eq(info.classes, 10);
    ck_assert_uint_eq(info.channels, 3);
    ck_assert_uint_eq(info.height, 32);
    ck_assert_uint_eq(info.width, 32);
    ck_assert_uint_eq(info.input_channels, 6);
    ck_assert_int_eq(info.anchored, 1);
    ck_assert_uint_eq(info.anchors, 0);
    ck_assert_uint_eq(info.thresholds, 0);
    ck_assert_double_eq(info.temperature, 0.0);
    ck_assert_int_eq(strncmp(amp_model_arch(model), "wrn:depth=40,width=2", 20), 0);
    ck_assert_str_eq(amp_model_preprocess(model), "height=32,width=32,channels=3");
    ck_assert_ptr_null(amp_model_class_name(model, 0));
    ck_assert_ptr_nonnull(amp_model_context(model));
    amp_model_unref(model);
}
END_TEST

START_TEST(info_of_an_old_caller)
{
    amp_model *const model = create(SMALL_ARCH ",anchored=0,channels=1", "height=8", 0);
    amp_model_info info;
    amp_error error = { 0 };

    memset(&info, 0x55, sizeof info);
    info.struct_size = offsetof(amp_model_info, classes);
    ck_ok(amp_model_get_info(model, &info, &error), &error);
    ck_assert_uint_ne(info.parameters, 0x5555555555555555u);
    ck_assert_uint_eq(info.classes, 0x55555555u);
    info.struct_size = sizeof info;
    ck_ok(amp_model_get_info(model, &info, &error), &error);
    ck_assert_uint_eq(info.channels, 1);
    ck_assert_uint_eq(info.input_channels, 1);
    ck_assert_int_eq(info.anchored, 0);
    info.struct_size = 0;
    ck_fails(amp_model_get_info(model, &info, &error), AMP_E_ARGUMENT, &error);
    amp_model_unref(model);
}
END_TEST

START_TEST(null_is_answered)
{
    amp_model *const model = create(SMALL_ARCH, NULL, 0);
    amp_model_info info = { .struct_size = sizeof info };
    amp_model *out = model;
    amp_error error = { 0 };

    ck_fails(ampi_model_create(NULL, NULL, SMALL_ARCH, NULL, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(ampi_model_create(&out, NULL, NULL, NULL, 0, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_save(NULL, "x", &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_save(model, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_get_info(NULL, &info, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_model_get_info(model, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_null(amp_model_arch(NULL));
    ck_assert_ptr_null(amp_model_preprocess(NULL));
    ck_assert_ptr_null(amp_model_class_name(NULL, 0));
    ck_assert_ptr_null(amp_model_record(NULL));
    ck_assert_ptr_null(amp_model_context(NULL));
    ck_assert_ptr_null(amp_model_ref(NULL));
    amp_model_unref(NULL);
    ck_assert_int_eq(ampi_model_create(&out, NULL, "no such", NULL, 0, NULL), AMP_E_ARGUMENT);
    ck_assert_ptr_null(out);
    amp_model_unref(model);
}
END_TEST

START_TEST(create_says_what_is_wrong)
{
    char *const text = malloc(2000);
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_fails(ampi_model_create(&model, NULL, "wrn:depth=11", NULL, 0, &error), AMP_E_ARGUMENT,
             &error);
    ck_fails(ampi_model_create(&model, NULL, "wrn:deep=10", NULL, 0, &error), AMP_E_ARGUMENT,
             &error);
    ck_fails(ampi_model_create(&model, NULL, SMALL_ARCH, "\xff", 0, &error), AMP_E_ARGUMENT,
             &error);
    memset(text, 'p', 1999);
    text[1025] = '\0';
    ck_fails(ampi_model_create(&model, NULL, SMALL_ARCH, text, 0, &error), AMP_E_LIMIT, &error);
    text[1024] = '\0';
    ck_ok(ampi_model_create(&model, NULL, SMALL_ARCH, text, 0, &error), &error);
    ck_assert_str_eq(amp_model_preprocess(model), text);
    amp_model_unref(model);
    free(text);
}
END_TEST

START_TEST(seeds_make_weights)
{
    amp_model *const a = create(SMALL_ARCH, NULL, 1), *const b = create(SMALL_ARCH, NULL, 1),
                     *const c = create(SMALL_ARCH, NULL, 2);

    ck_assert(same_models(a, b));
    ck_assert(!same_models(a, c));
    amp_model_unref(a);
    amp_model_unref(b);
    amp_model_unref(c);
}
END_TEST

/* The last of several references frees, and what others hang on a model goes with it. */
static unsigned banks_freed;
static void free_bank(amp_bank *bank)
{
    banks_freed++;
    free(bank);
}

typedef struct note {
    ampi_attachment base;
    unsigned *freed;
} note;

static void free_note(ampi_attachment *base)
{
    note *const self = (note *)base;

    (*self->freed)++;
}

START_TEST(references_are_counted)
{
    test_memory memory = { 0 };
    amp_context *const context = test_context(&memory);
    amp_model *model = NULL;
    amp_error error = { 0 };
    unsigned notes_freed = 0;
    note attached = { .base.free = free_note, .freed = &notes_freed };

    ck_ok(ampi_model_create(&model, context, SMALL_ARCH, NULL, 0, &error), &error);
    ck_assert_ptr_eq(amp_model_context(model), context);
    amp_context_unref(context);
    model->bank = malloc(1);
    model->bank_unref = free_bank;
    atomic_store(&model->attachment, &attached.base);
    ck_assert_ptr_eq(amp_model_ref(model), model);
    amp_model_unref(model);
    ck_assert_uint_gt(memory.live, 0);
    ck_assert_uint_eq(banks_freed, 0);
    amp_model_unref(model);
    ck_assert_uint_eq(memory.live, 0);
    ck_assert_uint_eq(banks_freed, 1);
    ck_assert_uint_eq(notes_freed, 1);
}
END_TEST

/* ---- round trips ---- */

START_TEST(a_file_comes_back)
{
    const bytes file = make_model_file(NULL);
    amp_model *const model = open_model(file);
    const bytes again = save_model(model);
    amp_model_info info = { .struct_size = sizeof info };
    amp_error error = { 0 };

    ck_assert_uint_eq(file.size, again.size);
    ck_assert_mem_eq(file.data, again.data, file.size);
    ck_ok(amp_model_get_info(model, &info, &error), &error);
    ck_assert_uint_eq(info.classes, 3);
    ck_assert_uint_eq(info.anchors, 5);
    ck_assert_uint_eq(info.thresholds, 1);
    ck_assert_double_eq(info.temperature, 1.25);
    ck_assert_str_eq(amp_model_class_name(model, 0), "cat");
    ck_assert_str_eq(amp_model_class_name(model, 2), "caf\xc3\xa9");
    ck_assert_ptr_null(amp_model_class_name(model, 3));
    /* What no version knows is kept. */
    ck_assert_ptr_nonnull(strstr(amp_model_record(model), "\"later\":{\"kept\":1}"));
    ck_assert_ptr_nonnull(ampi_blobs_find(&model->sections, "amp.later.codes"));
    amp_model_unref(model);
    free(again.data);
    free(file.data);
}
END_TEST

/* Values that tell every place from its neighbours, counters too. */
static amp_model *patterned(const char *arch)
{
    json_t *const record = json_pack("{s:s}", "preprocess", "height=1");
    ampi_graph *graph = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_build(&graph, NULL, arch, &error), &error);
    for (size_t t = 0; t < graph->n_tensors; t++) {
        graph->tensors[t].counter = graph->tensors[t].data ? 0 : (int64_t)((t << 40) + 1);
        for (size_t i = 0; graph->tensors[t].data && i < graph->tensors[t].count; i++)
            graph->tensors[t].data[i] = (float)(t * 1000 + i % 997);
    }
    ck_ok(ampi_model_make(&model, graph, NULL, record, &error), &error);
    json_decref(record);
    return model;
}

START_TEST(every_network_comes_back)
{
    static const char *const archs[] = {
        "wrn:depth=16,width=1,dropout=0.3",
        "resnet18:channels=1,anchored=0,classes=7",
        "resnet18-imagenet:size=64,classes=5",
        "resnet50-imagenet:size=64,height_px=96,classes=2",
    };

    for (size_t i = 0; i < sizeof archs / sizeof archs[0]; i++) {
        amp_model *const model = patterned(archs[i]);
        const bytes file = save_model(model);
        amp_model *const back = open_model(file);
        ck_assert(same_models(model, back));
        amp_model_unref(model);
        amp_model_unref(back);
        free(file.data);
    }
}
END_TEST

START_TEST(a_record_is_stamped)
{
    json_t *const record = json_pack("{s:s,s:i,s:s,s:s}", "arch", "other", "format", 7,
                                     "preprocess", "p", "libamp", "0.0");
    ampi_graph *graph = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };
    char start[400];

    ck_ok(ampi_graph_build(&graph, NULL, SMALL_ARCH, &error), &error);
    ck_ok(ampi_model_make(&model, graph, NULL, record, &error), &error);
    snprintf(start, sizeof start,
             "{\"format\":1,\"libamp\":\"%s\",\"arch\":\"%s\",\"preprocess\":\"p\"}", amp_version(),
             amp_model_arch(model));
    ck_assert_str_eq(amp_model_record(model), start);
    /* The caller's object is the caller's. */
    ck_assert_str_eq(json_string_value(json_object_get(record, "arch")), "other");
    amp_model_unref(model);
    json_decref(record);
}
END_TEST

/* A record with ranges of some convolutions. */
static amp_model *ranged(const char *ranges)
{
    json_t *const record = json_pack("{s:s}", "preprocess", "p");
    ampi_graph *graph = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };

    if (ranges) {
        json_t *const form = json_pack("{s:o, s:i}", "ranges", json_loads(ranges, 0, NULL), "k", 7);
        ck_assert_ptr_nonnull(form);
        ck_assert_int_eq(json_object_set_new(record, "int8", form), 0);
    }
    ck_ok(ampi_graph_build(&graph, NULL, SMALL_ARCH, &error), &error);
    ck_ok(ampi_model_make(&model, graph, NULL, record, &error), &error);
    json_decref(record);
    return model;
}

static const ampi_node *node_named(const amp_model *model, const char *name)
{
    for (size_t i = 0; i < model->graph->n_nodes; i++)
        if (strcmp(model->graph->nodes[i].name, name) == 0)
            return &model->graph->nodes[i];
    ck_abort_msg("no node %s", name);
}

/* Multiply-adds of SMALL_ARCH: the first convolution, then two a block, and shortcuts where the
   channels grow; the last layer. */
#define FIRST (8 * 8 * 9 * 6 * 16)
#define SAME (8 * 8 * 9 * 16 * 16)
#define SHORTCUT (4 * 4 * 16 * 32)
#define ALL (FIRST + 4 * SAME + 2 * SAME / 2 + 2 * SHORTCUT + 64 * 3)

/* What a file says of a convolution arrives at it; what it reads decides, the first never counts,
   and a range without width is none. */
START_TEST(ranges_of_int8)
{
    static const char some[] = "{\"conv1\":[-1,1,-2,2],\"block1.layer.0.conv1\":[0,2.5,-3,4e9],"
                               "\"block1.layer.0.conv2\":[0,0,-3,4],"
                               "\"block2.layer.0.conv2\":[-1,1e-31,0,0],"
                               "\"block3.layer.0.convShortcut\":[-0.25,0.5,-1e-40,0]}";
    amp_model *const plain = ranged(NULL), *const empty = ranged("{}"), *const model = ranged(some);
    const bytes file = save_model(model);
    amp_model *const back = open_model(file);
    const ampi_node *const node = node_named(back, "block1.layer.0.conv1");
    const bytes again = save_model(back);

    ck_assert_uint_eq(file.size, again.size);
    ck_assert_mem_eq(file.data, again.data, file.size);
    ck_assert_ptr_nonnull(strstr(amp_model_record(back), "\"k\":7"));
    ck_assert_double_eq(amp_model_int8_share(plain), 0.0);
    ck_assert_double_eq(amp_model_int8_share(empty), 0.0);
    ck_assert_double_eq(amp_model_int8_share(NULL), 0.0);
    ck_assert_double_eq_tol(amp_model_int8_share(model), (double)(SAME + SHORTCUT) / ALL, 1e-12);
    ck_assert_double_eq(amp_model_int8_share(back), amp_model_int8_share(model));
    ck_assert(node->reads.low == 0.0f && node->reads.high == 2.5f);
    ck_assert(node->makes.low == -3.0f && node->makes.high == 4e9f);
    amp_model_unref(plain);
    amp_model_unref(empty);
    amp_model_unref(model);
    amp_model_unref(back);
    free(file.data);
    free(again.data);
}
END_TEST

static void make_fails(json_t *record, ampi_blobs *sections, amp_status status, const char *part)
{
    ampi_graph *graph = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_ok(ampi_graph_build(&graph, NULL, SMALL_ARCH, &error), &error);
    if (sections != NULL && sections->context == NULL)
        sections->context = graph->context;
    ck_fails(ampi_model_make(&model, graph, sections, record, &error), status, &error);
    ck_assert_msg(strstr(error.message, part) != NULL, "no '%s' in: %s", part, error.message);
    ck_assert_ptr_null(model);
    if (sections != NULL)
        ampi_blobs_clear(sections);
    ampi_graph_free(graph);
    json_decref(record);
}

START_TEST(make_refuses)
{
    json_t *const array = json_array(), *const numbers = json_array();
    ampi_blobs sections;
    ampi_graph *graph = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };

    make_fails(json_object(), NULL, AMP_E_FORMAT, "no 'preprocess'");
    make_fails(array, NULL, AMP_E_ARGUMENT, "not an object");
    for (int i = 0; i < 1001; i++)
        json_array_append_new(numbers, json_integer(i));
    make_fails(json_pack("{s:s,s:o}", "preprocess", "p", "list", numbers), NULL, AMP_E_LIMIT,
               "more than 1000 values");
    make_fails(json_pack("{s:s,s:[s]}", "preprocess", "p", "classes", "one"), NULL, AMP_E_FORMAT,
               "1 class names, the network has 3");
    ck_ok(ampi_graph_build(&graph, NULL, SMALL_ARCH, &error), &error);
    ampi_blobs_init(&sections, graph->context);
    ck_ok(ampi_blobs_add(&sections, NULL, "bank.stems", AMPI_DTYPE_U8, 0, NULL, &error), &error);
    json_t *const record = json_pack("{s:s}", "preprocess", "p");
    ck_fails(ampi_model_make(&model, graph, &sections, record, &error), AMP_E_ARGUMENT, &error);
    ck_assert_uint_eq(sections.count, 1);
    sections.context = NULL;
    ck_fails(ampi_model_make(&model, graph, &sections, record, &error), AMP_E_ARGUMENT, &error);
    sections.context = graph->context;
    ampi_blobs_clear(&sections);
    graph->tensors[0].data[0] = NAN;
    ck_fails(ampi_model_make(&model, graph, NULL, record, &error), AMP_E_FORMAT, &error);
    graph->tensors[0].data[0] = 0;
    graph->arch[0] = '\0';
    ck_fails(ampi_model_make(&model, graph, NULL, record, &error), AMP_E_ARGUMENT, &error);
    json_decref(record);
    ampi_graph_free(graph);
}
END_TEST

/* ---- class names ---- */

static char **numbered_names(uint32_t n)
{
    char **const names = calloc(n, sizeof *names);

    for (uint32_t i = 0; i < n; i++) {
        names[i] = malloc(24);
        snprintf(names[i], 24, "class %u", i);
    }
    return names;
}

static void names_come_back(uint32_t n)
{
    char **const names = numbered_names(n);
    json_t *const record = json_pack("{s:s}", "preprocess", "p");
    ampi_graph *graph = NULL;
    ampi_blobs sections;
    amp_model *model = NULL;
    amp_error error = { 0 };
    char arch[100];

    snprintf(arch, sizeof arch, "wrn:depth=10,width=1,size=8,classes=%u", n);
    ck_ok(ampi_graph_build(&graph, NULL, arch, &error), &error);
    ampi_blobs_init(&sections, graph->context);
    /* Set twice: the second time replaces the first. */
    for (int round = 0; round < 2; round++)
        ck_ok(ampi_record_set_classes(record, &sections, n, (const char *const *)names, &error),
              &error);
    ck_assert_uint_eq(sections.count, n > 1000 ? 1 : 0);
    ck_ok(ampi_model_make(&model, graph, &sections, record, &error), &error);
    const bytes file = save_model(model);
    amp_model *const back = open_model(file);
    ck_assert(same_models(model, back));
    for (uint32_t i = 0; i < n; i++) {
        ck_assert_str_eq(amp_model_class_name(back, i), names[i]);
        free(names[i]);
    }
    ck_assert_ptr_null(amp_model_class_name(back, n));
    free(names);
    json_decref(record);
    amp_model_unref(model);
    amp_model_unref(back);
    free(file.data);
}

START_TEST(class_names_come_back)
{
    static const uint32_t counts[] = { 2, 1000, 1001, 4000 };

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        names_come_back(counts[i]);
}
END_TEST

START_TEST(class_names_are_checked)
{
    json_t *const record = json_object();
    ampi_blobs sections;
    amp_error error = { 0 };
    char name[300];
    const char *names[2] = { "a", "" };
    static const char *const not_utf8[] = {
        "\xff\xfe",         "x\x80",        "\xc1\xbf",         "\xc3",
        "\xe0\x9f\xbf",     "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xe2\x82",     "\xe2\x82x"
    };
    static const char *const utf8[] = {
        "\x7f",         "\xc2\x80",         "\xe0\xa0\x80",    "\xed\x9f\xbf",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"
    };

    ampi_blobs_init(&sections, NULL);
    ck_fails(ampi_record_set_classes(record, &sections, 2, names, &error), AMP_E_ARGUMENT, &error);
    names[1] = NULL;
    ck_fails(ampi_record_set_classes(record, &sections, 2, names, &error), AMP_E_ARGUMENT, &error);
    for (size_t i = 0; i < sizeof not_utf8 / sizeof not_utf8[0]; i++) {
        names[1] = not_utf8[i];
        ck_fails(ampi_record_set_classes(record, &sections, 2, names, &error), AMP_E_ARGUMENT,
                 &error);
    }
    for (size_t i = 0; i < sizeof utf8 / sizeof utf8[0]; i++) {
        names[1] = utf8[i];
        ck_ok(ampi_record_set_classes(record, &sections, 2, names, &error), &error);
    }
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    names[1] = name;
    ck_fails(ampi_record_set_classes(record, &sections, 2, names, &error), AMP_E_LIMIT, &error);
    name[255] = '\0';
    ck_ok(ampi_record_set_classes(record, &sections, 2, names, &error), &error);
    json_decref(record);
}
END_TEST

/* ---- typed reads ---- */

START_TEST(record_reads_are_typed)
{
    json_t *const o = json_pack("{s:s,s:f,s:i,s:{},s:[]}", "t", "x", "f", 1.5, "i", 3, "o", "a");
    const char *text = NULL;
    const json_t *value = NULL;
    double number = 0;
    int64_t whole = 0;
    amp_error e = { 0 };

    ck_ok(ampi_record_text(o, "t", &text, &e), &e);
    ck_assert_str_eq(text, "x");
    ck_fails(ampi_record_text(o, "i", &text, &e), AMP_E_FORMAT, &e);
    ck_assert_ptr_nonnull(strstr(e.message, "'i' is not text"));
    ck_fails(ampi_record_text(o, "none", &text, &e), AMP_E_FORMAT, &e);
    ck_assert_ptr_nonnull(strstr(e.message, "no 'none'"));
    ck_ok(ampi_record_number(o, "f", 0, 2, &number, &e), &e);
    ck_assert_double_eq(number, 1.5);
    ck_ok(ampi_record_number(o, "i", 0, 3, &number, &e), &e);
    ck_assert_double_eq(number, 3);
    ck_fails(ampi_record_number(o, "i", 0, 2, &number, &e), AMP_E_FORMAT, &e);
    ck_fails(ampi_record_number(o, "t", 0, 2, &number, &e), AMP_E_FORMAT, &e);
    ck_ok(ampi_record_integer(o, "i", 3, 3, &whole, &e), &e);
    ck_assert_int_eq(whole, 3);
    ck_fails(ampi_record_integer(o, "i", 4, 9, &whole, &e), AMP_E_FORMAT, &e);
    ck_fails(ampi_record_integer(o, "f", 0, 9, &whole, &e), AMP_E_FORMAT, &e);
    ck_ok(ampi_record_object(o, "o", &value, &e), &e);
    ck_assert_ptr_nonnull(value);
    ck_fails(ampi_record_object(o, "a", &value, &e), AMP_E_FORMAT, &e);
    ck_ok(ampi_record_object(o, "none", &value, &e), &e);
    ck_assert_ptr_null(value);
    ck_ok(ampi_record_array(o, "a", &value, &e), &e);
    ck_fails(ampi_record_array(o, "o", &value, &e), AMP_E_FORMAT, &e);
    json_decref(o);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { info_of_a_new_model,
                                   info_of_an_old_caller,
                                   null_is_answered,
                                   create_says_what_is_wrong,
                                   seeds_make_weights,
                                   references_are_counted,
                                   a_file_comes_back,
                                   every_network_comes_back,
                                   a_record_is_stamped,
                                   ranges_of_int8,
                                   make_refuses,
                                   class_names_come_back,
                                   class_names_are_checked,
                                   record_reads_are_typed,
                                   NULL };
    return test_suite("format.model", tests);
}

TEST_MAIN(suite)
