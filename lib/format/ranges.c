/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/ranges.c - the quantised form of a network, as its record keeps it.
 *
 *   "int8": {"images": 256, "anchors": 5,
 *            "ranges": {"block1.layer.0.conv1": [low, high, low, high], ...}}
 *
 * Of each convolution what it reads and what it makes, fused parts included: the mean over the
 * calibration images of the lowest and of the highest value.  Weights follow from fp32 ones: an
 * output channel's largest is 127.
 */
#include "format/format_internal.h"

#include <float.h>
#include <string.h>

/* So near to 0 an end counts as 0: a 255th of it, or its inverse, must be an ordinary float. */
#define LEAST 1e-12

/* Numbers: low, 0 and high in order and finite. */
static amp_status read_range(const json_t *list, size_t at, ampi_range *out, const char *name,
                             amp_error *error)
{
    const json_t *const pair[2] = { json_array_get(list, at), json_array_get(list, at + 1) };
    const double low = json_number_value(pair[0]), high = json_number_value(pair[1]);

    if (!json_is_number(pair[0]) || !json_is_number(pair[1]))
        return ampi_fail(error, AMP_E_FORMAT, "model", "int8 range of '%.96s' is not of numbers",
                         name);
    if (!(low >= -(double)FLT_MAX && low <= 0.0 && high >= 0.0 && high <= (double)FLT_MAX))
        return ampi_fail(error, AMP_E_FORMAT, "model", "int8 range of '%.96s' is %g..%g", name, low,
                         high);
    *out = (ampi_range){ low > -LEAST ? 0.0F : (float)low, high < LEAST ? 0.0F : (float)high };
    return AMP_OK;
}

static amp_status read_conv(ampi_graph *graph, const char *name, const json_t *list,
                            amp_error *error)
{
    ampi_node *conv = NULL;

    for (size_t i = 0; i < graph->n_nodes && conv == NULL; i++)
        if (graph->nodes[i].op == AMPI_OP_CONV && strcmp(graph->nodes[i].name, name) == 0)
            conv = &graph->nodes[i];
    if (conv == NULL)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "int8 range of '%.96s', which is no convolution of the network", name);
    if (json_array_size(list) != 4)
        return ampi_fail(error, AMP_E_FORMAT, "model",
                         "int8 range of '%.96s': %zu numbers instead of 4", name,
                         json_array_size(list));
    AMPI_TRY(read_range(list, 0, &conv->reads, name, error));
    return read_range(list, 2, &conv->makes, name, error);
}

amp_status ampi_record_ranges(const json_t *record, ampi_graph *graph, amp_error *error)
{
    const json_t *form = NULL, *ranges = NULL, *list;
    const char *name;
    void *at;

    for (size_t i = 0; i < graph->n_nodes; i++)
        graph->nodes[i].reads = graph->nodes[i].makes = (ampi_range){ 0.0F, 0.0F };
    AMPI_TRY(ampi_record_object(record, "int8", &form, error));
    if (form == NULL)
        return AMP_OK;
    AMPI_TRY(ampi_record_object(form, "ranges", &ranges, error));
    /* The iterator writes nothing; jansson has no const one. */
    for (at = json_object_iter((json_t *)(uintptr_t)ranges); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)ranges, at)) {
        name = json_object_iter_key(at);
        list = json_object_iter_value(at);
        AMPI_TRY(read_conv(graph, name, list, error));
    }
    return AMP_OK;
}

amp_status ampi_record_add_range(json_t *form, const char *name, ampi_range reads, ampi_range makes,
                                 amp_error *error)
{
    json_t *ranges = json_object_get(form, "ranges");
    json_t *const list = json_pack("[f, f, f, f]", (double)reads.low, (double)reads.high,
                                   (double)makes.low, (double)makes.high);

    if (ranges == NULL && json_object_set_new(form, "ranges", json_object()) == 0)
        ranges = json_object_get(form, "ranges");
    if (json_object_set_new(ranges, name, list) != 0)
        return ampi_fail_nomem(error, "model", sizeof *list);
    return AMP_OK;
}
