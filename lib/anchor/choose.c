/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor/choose.c - which images of a data set become anchors: at random, balanced over classes, or
 * spread in feature space (kcentre.c).
 *
 * A choice depends on the data set, the method and the seed alone, and the first K of a larger
 * choice are the choice of K.
 */
#include "anchor/bank_internal.h"

static const char *const names[] = { "random", "balanced", "kcentre" };

const char *ampi_choice_name(int32_t method)
{
    return names[method];
}

amp_status ampi_prepare_from(const amp_dataset *dataset, uint64_t index,
                             const ampi_prepare *prepare, uint8_t *out, amp_error *error)
{
    amp_image *image = NULL;
    ampi_raster raster;
    amp_status status;

    AMPI_TRY(ampi_dataset_read(dataset, index, &image, error));
    raster = ampi_image_raster(image);
    status = ampi_prepare_pixels(image->context, prepare, &raster, out, error);
    amp_image_free(image);
    return status;
}

/* Fisher-Yates of 0..n-1, ampi_free it. */
static amp_status permute(amp_context *context, uint32_t **out, uint64_t n, uint64_t seed,
                          uint64_t stream, amp_error *error)
{
    ampi_rng rng = ampi_rng_make(seed, AMPI_RNG_BANK, 0, stream);

    if (n > UINT32_MAX)
        return ampi_fail(error, AMP_E_LIMIT, "bank", "%llu images, limit %u", (unsigned long long)n,
                         UINT32_MAX);
    *out = ampi_alloc_raw(context, (size_t)n, sizeof **out);
    if (!*out)
        return ampi_fail_nomem(error, "bank", (size_t)n * sizeof **out);
    ampi_rng_permutation(&rng, *out, (uint32_t)n);
    return AMP_OK;
}

/* Where the search for each class stands in the permuted images, and in which order they are
   asked. */
typedef struct class_turns {
    const amp_dataset *dataset;
    const uint32_t *order;
    uint32_t n, classes;
    uint32_t *next, *sequence; /* [classes] */
} class_turns;

/* The next unused image of a class, or n when there is none left. */
static uint32_t next_of_class(class_turns *turns, uint32_t class)
{
    uint32_t at = turns->next[class];

    while (at < turns->n && amp_dataset_label(turns->dataset, turns->order[at]) != (int32_t) class)
        at++;
    turns->next[class] = at < turns->n ? at + 1 : at;
    return at;
}

/* One image a class and round until there are enough. */
static amp_status take_turns(class_turns *turns, uint32_t count, uint64_t *indices,
                             amp_error *error)
{
    uint32_t taken = 0, before;

    do {
        before = taken;
        for (uint32_t c = 0; c < turns->classes && taken < count; c++) {
            const uint32_t at = next_of_class(turns, turns->sequence[c]);
            if (at < turns->n)
                indices[taken++] = turns->order[at];
        }
    } while (taken < count && taken > before);
    if (taken == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank",
                         "method=balanced needs labels, the data set has none");
    if (taken < count)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "count is %u, labelled images are %u",
                         count, taken);
    return AMP_OK;
}

static amp_status choose_balanced(amp_context *context, const ampi_choice *choice,
                                  const amp_dataset *dataset, const uint32_t *order,
                                  uint64_t *indices, amp_error *error)
{
    class_turns turns = {
        dataset, order, (uint32_t)amp_dataset_size(dataset), amp_dataset_classes(dataset),
        NULL,    NULL
    };
    amp_status status;

    if (turns.classes == 0)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank",
                         "method=balanced needs labels, the data set has none");
    turns.next = ampi_alloc(context, turns.classes, sizeof *turns.next);
    if (!turns.next)
        return ampi_fail_nomem(error, "bank", turns.classes * sizeof *turns.next);
    status = permute(context, &turns.sequence, turns.classes, (uint64_t)choice->seed, 1, error);
    if (!status)
        status = take_turns(&turns, (uint32_t)choice->count, indices, error);
    ampi_free(context, turns.next);
    ampi_free(context, turns.sequence);
    return status;
}

amp_status ampi_choose(const ampi_choice *choice, amp_dataset *dataset, const ampi_chooser *with,
                       uint64_t *indices, amp_error *error)
{
    amp_context *const context = with->graph->context;
    const uint64_t n = amp_dataset_size(dataset);
    uint32_t *order = NULL;
    amp_status status = AMP_OK;

    if (n < (uint64_t)choice->count)
        return ampi_fail(error, AMP_E_ARGUMENT, "bank", "count is %lld, the data set has %llu",
                         (long long)choice->count, (unsigned long long)n);
    AMPI_TRY(permute(context, &order, n, (uint64_t)choice->seed, 0, error));
    if (choice->method == AMPI_CHOOSE_KCENTRE)
        status = ampi_choose_kcentre(choice, dataset, with, order, indices, error);
    else if (choice->method == AMPI_CHOOSE_BALANCED)
        status = choose_balanced(context, choice, dataset, order, indices, error);
    else
        for (int64_t i = 0; i < choice->count; i++)
            indices[i] = order[i];
    ampi_free(context, order);
    return status;
}
