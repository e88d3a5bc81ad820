/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/alloc.c - all memory of the library: checked sizes, 64-byte alignment, the caller's
 * functions.
 *
 * A block is preceded by one aligned header that keeps its size, so that a caller's
 * free function gets the size without the rooms having to remember it.
 */
#include "core/context_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct header {
    size_t total; /* bytes asked of the allocator, header included */
} header;

_Static_assert(sizeof(header) <= AMPI_ALIGN, "the header fits in front of an aligned block");

void *ampi_alloc_raw(amp_context *context, size_t count, size_t size)
{
    size_t total;
    void *block;
    header head;

    if (count == 0 || size == 0 || !ampi_mul(count, size, &total) ||
        !ampi_add(total, 2 * (size_t)AMPI_ALIGN, &total))
        return NULL;
    total = total / AMPI_ALIGN * AMPI_ALIGN;
    if (context && context->options.alloc)
        block = context->options.alloc(context->options.memory_user, total, AMPI_ALIGN);
    else
        block = aligned_alloc(AMPI_ALIGN, total);
    if (!block)
        return NULL;
    head.total = total;
    memcpy(block, &head, sizeof head);
    return (unsigned char *)block + AMPI_ALIGN;
}

void *ampi_alloc(amp_context *context, size_t count, size_t size)
{
    void *const block = ampi_alloc_raw(context, count, size);

    if (block)
        memset(block, 0, count * size);
    return block;
}

void ampi_free(amp_context *context, void *pointer)
{
    header head;
    void *block;

    if (!pointer)
        return;
    block = (unsigned char *)pointer - AMPI_ALIGN;
    memcpy(&head, block, sizeof head);
    if (context && context->options.alloc)
        context->options.free(context->options.memory_user, block, head.total);
    else
        free(block);
}

amp_status ampi_grow(amp_context *context, void *array_pointer, size_t *capacity, size_t need,
                     size_t size, amp_error *error)
{
    size_t wanted, bytes;
    void *old, *made;

    if (need <= *capacity)
        return AMP_OK;
    wanted = *capacity ? *capacity : 8;
    while (wanted < need) {
        if (!ampi_mul(wanted, 2, &wanted))
            return ampi_fail(error, AMP_E_LIMIT, "memory", "%zu items are too many", need);
    }
    made = ampi_alloc(context, wanted, size);
    if (!made)
        return ampi_fail_nomem(error, "memory", ampi_mul(wanted, size, &bytes) ? bytes : SIZE_MAX);
    /* The array's pointer is read and written as bytes: its type is the caller's. */
    memcpy(&old, array_pointer, sizeof old);
    if (old)
        memcpy(made, old, *capacity * size);
    ampi_free(context, old);
    memcpy(array_pointer, &made, sizeof made);
    *capacity = wanted;
    return AMP_OK;
}

char *ampi_strndup(amp_context *context, const char *text, size_t length)
{
    size_t total;
    char *copy;

    if (!ampi_add(length, 1, &total))
        return NULL;
    copy = ampi_alloc_raw(context, total, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *ampi_strdup(amp_context *context, const char *text)
{
    return ampi_strndup(context, text, strlen(text));
}
