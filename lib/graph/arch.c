/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph/arch.c - "wrn:depth=28,width=2" -> a network: the table of families and their options.
 *
 * The layers of a family are in arch_wrn.c, arch_resnet.c and arch_small.c.
 */
#include "graph/graph_internal.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define INT_ROW(field, least, most, value, text)                                                   \
    {                                                                                              \
        .key = #field, .type = AMPI_OPTION_INT, .offset = offsetof(ampi_arch, field),              \
        .low = (least), .high = (most), .standard = (value), .help = (text)                        \
    }

#define COMMON_ROWS(class_count, side)                                                             \
    INT_ROW(classes, 2, AMPI_MAX_CHANNELS, class_count, "classes"),                                \
        INT_ROW(channels, 1, 3, "3", "channels of an image, 1 or 3"),                              \
        INT_ROW(size, 1, AMPI_MAX_SIDE, side, "height and width of the input, pixels"),            \
        INT_ROW(height_px, 0, AMPI_MAX_SIDE, "0", "height, 0 = size"),                             \
        INT_ROW(width_px, 0, AMPI_MAX_SIDE, "0", "width, 0 = size"),                               \
    {                                                                                              \
        .key = "anchored", .type = AMPI_OPTION_BOOL, .offset = offsetof(ampi_arch, anchored),      \
        .low = 0, .high = 1, .standard = "1", .help = "input is [anchor, image - anchor]"          \
    }

static const ampi_option wrn_options[] = {
    INT_ROW(depth, 10, 1000, "40", "layers, 6n + 4"),
    INT_ROW(width, 1, 64, "2", "widening factor"),
    { .key = "dropout",
      .type = AMPI_OPTION_FLOAT,
      .offset = offsetof(ampi_arch, dropout),
      .low = 0.0,
      .high = 0.95,
      .standard = "0",
      .help = "share dropped inside a unit while training" },
    COMMON_ROWS("10", "32"),
};

static const ampi_option small_options[] = {
    INT_ROW(width, 4, 512, "64", "channels of the first stage"),
    COMMON_ROWS("10", "32"),
};

static const ampi_option cifar_options[] = { COMMON_ROWS("10", "32") };
static const ampi_option imagenet_options[] = { COMMON_ROWS("1000", "224") };

static const uint32_t blocks_18[4] = { 2, 2, 2, 2 };
static const uint32_t blocks_34[4] = { 3, 4, 6, 3 };

typedef struct family {
    const char *name;
    const ampi_option *options;
    size_t rows;
    const ampi_resnet *resnet; /* NULL: `append` */
    amp_status (*append)(ampi_graph *graph, const ampi_arch *arch, amp_error *error);
} family;

static const ampi_resnet resnet18 = { blocks_18, false, false };
static const ampi_resnet resnet34 = { blocks_34, false, false };
static const ampi_resnet resnet18_imagenet = { blocks_18, false, true };
static const ampi_resnet resnet34_imagenet = { blocks_34, false, true };
static const ampi_resnet resnet50_imagenet = { blocks_34, true, true };

#define ROWS(table) table, COUNT_OF(table)

static const family families[] = {
    { "wrn", ROWS(wrn_options), NULL, ampi_arch_wrn },
    { "resnet9", ROWS(small_options), NULL, ampi_arch_resnet9 },
    { "airbench", ROWS(small_options), NULL, ampi_arch_airbench },
    { "resnet18", ROWS(cifar_options), &resnet18, NULL },
    { "resnet34", ROWS(cifar_options), &resnet34, NULL },
    { "resnet18-imagenet", ROWS(imagenet_options), &resnet18_imagenet, NULL },
    { "resnet34-imagenet", ROWS(imagenet_options), &resnet34_imagenet, NULL },
    { "resnet50-imagenet", ROWS(imagenet_options), &resnet50_imagenet, NULL },
};

static const family *find_family(const char *name, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (strlen(families[i].name) == length && memcmp(families[i].name, name, length) == 0)
            return &families[i];
    return NULL;
}

const ampi_option *ampi_arch_options(const char *name, size_t *rows)
{
    const family *const found = find_family(name, strcspn(name, ":"));

    *rows = found == NULL ? 0 : found->rows;
    return found == NULL ? NULL : found->options;
}

/* What the ranges of the table cannot say. */
static amp_status check_arch(const family *kind, const ampi_arch *arch, amp_error *error)
{
    if (arch->channels == 2)
        return ampi_fail(error, AMP_E_ARGUMENT, "network", "channels=2, not 1 or 3");
    if (kind->append == ampi_arch_wrn && arch->depth % 6 != 4)
        return ampi_fail(error, AMP_E_ARGUMENT, "network", "wrn: depth=%lld, not 6n + 4",
                         (long long)arch->depth);
    return AMP_OK;
}

static ampi_shape input_shape(const ampi_arch *arch)
{
    return (ampi_shape){
        .c = (uint32_t)(arch->anchored ? 2 * arch->channels : arch->channels),
        .h = (uint32_t)(arch->height_px != 0 ? arch->height_px : arch->size),
        .w = (uint32_t)(arch->width_px != 0 ? arch->width_px : arch->size),
    };
}

/* graph->arch: every key written out, so that a later change of a default changes no file. */
static amp_status record(ampi_graph *graph, const family *kind, const ampi_arch *arch,
                         amp_error *error)
{
    const int head = snprintf(graph->arch, sizeof graph->arch, "%s:", kind->name);
    const size_t room = sizeof graph->arch - (size_t)head;
    const size_t length =
        ampi_options_format(kind->options, kind->rows, arch, false, graph->arch + head, room);

    if (length >= room)
        return ampi_fail(error, AMP_E_INTERNAL, "network", "%s: text of %zu characters", kind->name,
                         length);
    graph->anchored = arch->anchored;
    return AMP_OK;
}

static amp_status build(ampi_graph **out, amp_context *context, const family *kind,
                        const ampi_arch *arch, const size_t *within, amp_error *error)
{
    ampi_graph *graph = NULL;
    amp_status status = ampi_graph_create(&graph, context, input_shape(arch), error);

    if (status != AMP_OK)
        goto done;
    graph->hollow = within != NULL;
    if (within != NULL)
        graph->value_limit = ampi_min_size(*within, AMPI_MAX_VALUES);
    status = record(graph, kind, arch, error);
    if (status != AMP_OK)
        goto done;
    if (kind->resnet == NULL)
        status = kind->append(graph, arch, error);
    else
        status = ampi_arch_resnet(graph, arch, kind->resnet, error);
    if (status != AMP_OK)
        goto done;
    *out = graph;
    graph = NULL;
done:
    ampi_graph_free(graph);
    return status;
}

/* `within`: hollow, and at most that many values. */
static amp_status build_text(ampi_graph **out, amp_context *context, const char *arch,
                             const size_t *within, amp_error *error)
{
    const size_t length = strcspn(arch, ":");
    const family *const kind = find_family(arch, length);
    ampi_arch values;

    *out = NULL;
    if (kind == NULL)
        return ampi_fail(error, AMP_E_ARGUMENT, "network",
                         "%.40s: not one of wrn, resnet9, airbench, resnet18, resnet34, "
                         "resnet18-imagenet, resnet34-imagenet, resnet50-imagenet",
                         arch);
    memset(&values, 0, sizeof values);
    ampi_options_default(kind->options, kind->rows, &values);
    AMPI_TRY(ampi_options_parse(kind->options, kind->rows, &values,
                                arch[length] == ':' ? arch + length + 1 : NULL, ',', "network",
                                error));
    AMPI_TRY(check_arch(kind, &values, error));
    return build(out, context, kind, &values, within, error);
}

amp_status ampi_graph_build_hollow(ampi_graph **out, amp_context *context, const char *arch,
                                   size_t value_limit, amp_error *error)
{
    return build_text(out, context, arch, &value_limit, error);
}

amp_status ampi_graph_build(ampi_graph **out, amp_context *context, const char *arch,
                            amp_error *error)
{
    return build_text(out, context, arch, NULL, error);
}
