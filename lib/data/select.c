/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/select.c - which images: the spec's sample, then its range; the held-out part.
 *
 * All choices are made by keyed random streams, so equal seeds choose equal images on any machine.
 */
#include "data/dataset.h"

#include <string.h>

/* ---- sample and range ---- */

/* chosen[n] marks `sample` of n images; a smaller sample of one seed is part of a larger one. */
static amp_status mark_sample(ampi_source *source, const ampi_spec *spec, uint8_t *chosen,
                              amp_error *error)
{
    const uint32_t n = (uint32_t)source->count;
    const uint64_t sample = (uint64_t)spec->options.sample;
    ampi_rng rng = ampi_rng_make((uint64_t)spec->options.seed, AMPI_RNG_SAMPLE, 0, 0);
    uint32_t *order;

    if (sample > n)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "sample=%llu of a set of %u images",
                         (unsigned long long)sample, (unsigned)n);
    if (sample == 0) {
        memset(chosen, 1, n);
        return AMP_OK;
    }
    order = ampi_alloc_raw(source->context, n, sizeof *order);
    if (!order)
        return ampi_fail_nomem(error, "dataset", n * sizeof *order);
    ampi_rng_permutation(&rng, order, n);
    for (uint64_t i = 0; i < sample; i++)
        chosen[order[i]] = 1;
    ampi_free(source->context, order);
    return AMP_OK;
}

/* As Python's slices: negative counts from the end, and bounds past an end stop there. */
static uint64_t slice_bound(bool given, int64_t bound, uint64_t n, uint64_t otherwise)
{
    if (!given)
        return otherwise;
    if (bound >= 0)
        return (uint64_t)bound < n ? (uint64_t)bound : n;
    return bound < -(int64_t)n ? 0 : n - (uint64_t)-bound;
}

static amp_status make_chosen(amp_dataset **out, ampi_source *source, const ampi_spec *spec,
                              const uint8_t *chosen, amp_error *error)
{
    const uint64_t n = spec->options.sample ? (uint64_t)spec->options.sample : source->count;
    const uint64_t begin = slice_bound(spec->has_begin, spec->begin, n, 0);
    const uint64_t end = slice_bound(spec->has_end, spec->end, n, n);
    uint64_t rank = 0;

    if (begin >= end)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset",
                         "the range holds none of the %llu images", (unsigned long long)n);
    AMPI_TRY(ampi_dataset_make(out, source, end - begin, error));
    for (uint32_t i = 0; rank < end; i++) {
        if (chosen[i] && rank >= begin)
            (*out)->indices[rank - begin] = i;
        rank += chosen[i];
    }
    return AMP_OK;
}

amp_status ampi_dataset_select(amp_dataset **out, ampi_source *source, const ampi_spec *spec,
                               amp_error *error)
{
    uint8_t *const chosen = ampi_alloc(source->context, source->count, 1);
    amp_status status;

    *out = NULL;
    if (!chosen)
        return ampi_fail_nomem(error, "dataset", source->count);
    status = mark_sample(source, spec, chosen, error);
    if (!status)
        status = make_chosen(out, source, spec, chosen, error);
    ampi_free(source->context, chosen);
    return status;
}

/* ---- the held-out part ---- */

/* Images by class: class c (the last one: label not known) is members[starts[c]..starts[c+1]). */
typedef struct groups {
    uint32_t count;
    uint32_t *members, *starts;
} groups;

static void free_groups(groups *by_class, amp_context *context)
{
    ampi_free(context, by_class->members);
    ampi_free(context, by_class->starts);
}

static uint32_t group_of(const amp_dataset *dataset, uint64_t index)
{
    const int32_t label = amp_dataset_label(dataset, index);

    return label < 0 ? dataset->source->classes : (uint32_t)label;
}

/* Counting sort, stable in the data set's order. */
static amp_status make_groups(groups *by_class, const amp_dataset *dataset, amp_error *error)
{
    amp_context *const context = dataset->source->context;
    const size_t n = dataset->count, classes = (size_t)dataset->source->classes + 1;

    by_class->count = (uint32_t)classes;
    by_class->members = ampi_alloc_raw(context, n, sizeof(uint32_t));
    by_class->starts = ampi_alloc(context, classes + 2, sizeof(uint32_t));
    if (!by_class->members || !by_class->starts)
        return ampi_fail_nomem(error, "dataset", n * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++)
        by_class->starts[group_of(dataset, i) + 2]++;
    for (size_t c = 2; c < classes + 2; c++)
        by_class->starts[c] += by_class->starts[c - 1];
    for (uint32_t i = 0; i < n; i++)
        by_class->members[by_class->starts[group_of(dataset, i) + 1]++] = i;
    return AMP_OK;
}

/* Each class in a random order of its own. */
static void shuffle_groups(groups *by_class, uint64_t seed)
{
    for (uint32_t c = 0; c < by_class->count; c++) {
        const uint32_t first = by_class->starts[c], n = by_class->starts[c + 1] - first;
        ampi_rng rng = ampi_rng_make(seed, AMPI_RNG_HELD_OUT, 0, c);
        for (uint32_t i = n; i > 1; i--) {
            uint32_t *const a = &by_class->members[first + i - 1];
            uint32_t *const b = &by_class->members[first + ampi_rng_below(&rng, i)];
            const uint32_t kept = *a;
            *a = *b;
            *b = kept;
        }
    }
}

/* One image of each class in turn until n are marked; classes that run out are passed over. */
static void mark_held_out(const groups *by_class, uint64_t n, uint8_t *held)
{
    uint64_t marked = 0;

    for (uint32_t turn = 0; marked < n; turn++) {
        for (uint32_t c = 0; c < by_class->count && marked < n; c++) {
            const uint32_t first = by_class->starts[c];
            if (turn >= by_class->starts[c + 1] - first)
                continue;
            held[by_class->members[first + turn]] = 1;
            marked++;
        }
    }
}

static amp_status choose_held_out(const amp_dataset *dataset, uint64_t n, uint64_t seed,
                                  uint8_t *held, amp_error *error)
{
    groups by_class = { 0, NULL, NULL };
    const amp_status status = make_groups(&by_class, dataset, error);

    if (!status) {
        shuffle_groups(&by_class, seed);
        mark_held_out(&by_class, n, held);
    }
    free_groups(&by_class, dataset->source->context);
    return status;
}

/* The images whose mark is `mark`, in order. */
static amp_status take_marked(amp_dataset **out, const amp_dataset *dataset, uint64_t n,
                              const uint8_t *marks, uint8_t mark, amp_error *error)
{
    uint64_t at = 0;

    AMPI_TRY(ampi_dataset_make(out, dataset->source, n, error));
    for (uint64_t i = 0; i < dataset->count; i++) {
        if (marks[i] == mark)
            (*out)->indices[at++] = (uint32_t)ampi_dataset_source_index(dataset, i);
    }
    return AMP_OK;
}

static amp_status check_split(amp_dataset *const *rest, amp_dataset *const *held_out,
                              const amp_dataset *dataset, uint64_t n_held_out, amp_error *error)
{
    if (!rest || !held_out || !dataset)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "rest, held_out and dataset are needed");
    if (rest == held_out)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "rest and held_out are one pointer");
    if (n_held_out == 0 || n_held_out >= dataset->count)
        return ampi_fail(error, AMP_E_ARGUMENT, "dataset", "%llu held out of %llu images",
                         (unsigned long long)n_held_out, (unsigned long long)dataset->count);
    return AMP_OK;
}

amp_status amp_dataset_split(amp_dataset **rest, amp_dataset **held_out, amp_dataset *dataset,
                             uint64_t n_held_out, uint64_t seed, amp_error *error)
{
    amp_status status;
    uint8_t *held;

    if (rest)
        *rest = NULL;
    if (held_out)
        *held_out = NULL;
    AMPI_TRY(check_split(rest, held_out, dataset, n_held_out, error));
    held = ampi_alloc(dataset->source->context, dataset->count, 1);
    if (!held)
        return ampi_fail_nomem(error, "dataset", dataset->count);
    status = choose_held_out(dataset, n_held_out, seed, held, error);
    if (!status)
        status = take_marked(held_out, dataset, n_held_out, held, 1, error);
    if (!status)
        status = take_marked(rest, dataset, dataset->count - n_held_out, held, 0, error);
    if (status) {
        amp_dataset_free(*held_out);
        *held_out = NULL;
    }
    ampi_free(dataset->source->context, held);
    return status;
}
