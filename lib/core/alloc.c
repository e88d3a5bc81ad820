/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/alloc.c - all memory of the library: checked sizes, 64-byte alignment, the caller's
 * functions.
 *
 * A block is preceded by one aligned header that keeps its size, so that a caller's
 * free function gets the size without the rooms having to remember it, and counts its owners.
 */
#include "core/context_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BIG ((size_t)1 << 18) /* bytes from which fresh memory comes zeroed, and untouched */

typedef struct header {
    size_t total; /* bytes asked of the allocator, header included          */
    void *start;  /* what it gave, at or before the header                  */
    atomic_size_t owners;
} header;

_Static_assert(sizeof(header) <= AMPI_ALIGN, "the header fits in front of an aligned block");

/* Zeroed by calloc, which knows what the system has zeroed already: memory that is never written
   is never taken. */
static void *take_zeroed(size_t total, void **start)
{
    *start = calloc(1, total + AMPI_ALIGN);
    if (!*start)
        return NULL;
    return (unsigned char *)*start + (AMPI_ALIGN - (uintptr_t)*start % AMPI_ALIGN) % AMPI_ALIGN;
}

static void *take(const amp_context *context, size_t total, bool zeroed, void **start)
{
    if (context && context->options.alloc)
        *start = context->options.alloc(context->options.memory_user, total, AMPI_ALIGN);
    else if (zeroed && total >= BIG)
        return take_zeroed(total, start);
    else
        *start = aligned_alloc(AMPI_ALIGN, total);
    if (zeroed && *start)
        memset(*start, 0, total);
    return *start;
}

static void *alloc_block(const amp_context *context, size_t count, size_t size, bool zeroed)
{
    void *start = NULL;
    header *block;
    size_t total;

    if (count == 0 || size == 0 || !ampi_mul(count, size, &total) ||
        !ampi_add(total, 3 * (size_t)AMPI_ALIGN, &total))
        return NULL;
    total = (total - AMPI_ALIGN) / AMPI_ALIGN * AMPI_ALIGN;
    block = take(context, total, zeroed, &start);
    if (!block)
        return NULL;
    block->total = total;
    block->start = start;
    atomic_init(&block->owners, 1);
    return (unsigned char *)block + AMPI_ALIGN;
}

void *ampi_alloc_raw(amp_context *context, size_t count, size_t size)
{
    return alloc_block(context, count, size, false);
}

void *ampi_alloc(amp_context *context, size_t count, size_t size)
{
    return alloc_block(context, count, size, true);
}

static header *header_of(void *pointer)
{
    return (void *)((unsigned char *)pointer - AMPI_ALIGN);
}

void *ampi_hold(void *pointer)
{
    if (pointer)
        (void)atomic_fetch_add_explicit(&header_of(pointer)->owners, 1, memory_order_relaxed);
    return pointer;
}

void ampi_free(amp_context *context, void *pointer)
{
    header *head;

    if (!pointer)
        return;
    head = header_of(pointer);
    if (atomic_fetch_sub_explicit(&head->owners, 1, memory_order_acq_rel) != 1)
        return;
    if (context && context->options.alloc)
        context->options.free(context->options.memory_user, head->start, head->total);
    else
        free(head->start);
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
