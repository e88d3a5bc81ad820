/* SPDX-License-Identifier: Apache-2.0 */
/* test_alloc.c - sizes, alignment, zeros, the caller's functions, growing arrays. */
#include "core/core.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

#define MOST 64

/* An allocator that remembers each block's size and checks what comes back. */
typedef struct ledger {
    void *block[MOST];
    size_t size[MOST];
    int live, wrong;
} ledger;

static void *ledger_alloc(void *user, size_t size, size_t align)
{
    ledger *const l = user;

    l->wrong += align != AMPI_ALIGN || size % align != 0;
    for (int i = 0; i < MOST; i++) {
        if (l->block[i])
            continue;
        l->block[i] = aligned_alloc(align, size);
        if (l->block[i])
            memset(l->block[i], 0xee, size);
        l->size[i] = size;
        l->live++;
        return l->block[i];
    }
    return NULL;
}

static void ledger_free(void *user, void *pointer, size_t size)
{
    ledger *const l = user;

    for (int i = 0; i < MOST; i++) {
        if (l->block[i] != pointer)
            continue;
        l->wrong += l->size[i] != size;
        l->block[i] = NULL;
        l->live--;
        free(pointer);
        return;
    }
    l->wrong++;
}

static amp_context *ledger_context(ledger *l)
{
    amp_context_options options;
    amp_context *context = NULL;
    amp_error error;

    memset(l, 0, sizeof *l);
    amp_context_options_init(&options, sizeof options);
    options.alloc = ledger_alloc;
    options.free = ledger_free;
    options.memory_user = l;
    ck_ok(amp_context_create(&context, &options, &error), &error);
    return context;
}

static void check_block(amp_context *context, size_t count, size_t size)
{
    unsigned char *const block = ampi_alloc(context, count, size);

    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % AMPI_ALIGN, 0);
    for (size_t i = 0; i < count * size; i++)
        ck_assert_uint_eq(block[i], 0);
    memset(block, 0xff, count * size);
    ampi_free(context, block);
}

START_TEST(blocks_are_zeroed_and_aligned)
{
    ledger l;
    amp_context *const context = ledger_context(&l);

    for (size_t size = 1; size < 300; size++) {
        check_block(context, 1, size);
        check_block(NULL, size, 3);
    }
    check_block(NULL, 1 << 20, 1);
    check_block(context, 1 << 20, 1);
    ck_assert_int_eq(l.live, 1);
    amp_context_unref(context);
    ck_assert_int_eq(l.live, 0);
    ck_assert_int_eq(l.wrong, 0);
}
END_TEST

START_TEST(a_block_lives_as_long_as_one_of_its_owners)
{
    ledger l;
    amp_context *const context = ledger_context(&l);
    unsigned char *const block = ampi_alloc(context, 100, 1);

    block[99] = 7;
    ck_assert_ptr_eq(ampi_hold(block), block);
    ck_assert_ptr_eq(ampi_hold(block), block);
    ck_assert_ptr_null(ampi_hold(NULL));
    for (int owners = 3; owners > 0; owners--) {
        ck_assert_int_eq(l.live, 2);
        ck_assert_uint_eq(block[99], 7);
        ampi_free(context, block);
    }
    ck_assert_int_eq(l.live, 1);
    amp_context_unref(context);
    ck_assert_int_eq(l.wrong, 0);
}
END_TEST

START_TEST(free_tells_the_size_of_alloc)
{
    ledger l;
    amp_context *const context = ledger_context(&l);
    void *blocks[32];

    for (size_t i = 0; i < 32; i++)
        blocks[i] = ampi_alloc_raw(context, i + 1, 37);
    for (size_t i = 32; i-- > 0;)
        ampi_free(context, blocks[i]);
    ampi_free(context, NULL);
    amp_context_unref(context);
    ck_assert_int_eq(l.live, 0);
    ck_assert_int_eq(l.wrong, 0);
}
END_TEST

START_TEST(absurd_sizes_give_nothing)
{
    ledger l;
    amp_context *const context = ledger_context(&l);
    const size_t wild[][2] = {
        { 0, 8 },
        { 8, 0 },
        { SIZE_MAX, 1 },
        { 1, SIZE_MAX },
        { SIZE_MAX, 2 },
        { SIZE_MAX / 2, 3 },
        { SIZE_MAX - 100, 1 },
        { (size_t)1 << 33, (size_t)1 << 33 },
    };

    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        ck_assert_ptr_null(ampi_alloc(context, wild[i][0], wild[i][1]));
        ck_assert_ptr_null(ampi_alloc_raw(NULL, wild[i][0], wild[i][1]));
    }
    ck_assert_int_eq(l.live, 1);
    amp_context_unref(context);
}
END_TEST

START_TEST(sizes_that_overflow)
{
    size_t out;

    ck_assert(ampi_mul(3, 4, &out) && out == 12);
    ck_assert(ampi_mul(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    ck_assert(!ampi_mul(SIZE_MAX, 2, &out));
    ck_assert(ampi_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    ck_assert(!ampi_add(SIZE_MAX, 1, &out));
    ck_assert_uint_eq(ampi_min_size(2, 3), 2);
    ck_assert_uint_eq(ampi_min_size(3, 2), 2);
}
END_TEST

START_TEST(arrays_grow)
{
    uint32_t *array = NULL;
    size_t capacity = 0;
    amp_error error;

    for (uint32_t i = 0; i < 1000; i++) {
        ck_ok(ampi_grow(NULL, &array, &capacity, i + 1, sizeof *array, &error), &error);
        ck_assert_uint_gt(capacity, i);
        ck_assert_uint_eq(array[i], 0);
        array[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(array[i], i);
    ck_assert_uint_eq(capacity, 1024);
    ampi_free(NULL, array);
}
END_TEST

START_TEST(growth_that_fails_keeps_the_array)
{
    test_memory memory = { 0 };
    amp_context *const context = test_context(&memory);
    uint64_t *array = NULL;
    size_t capacity = 0;
    amp_error error;

    ck_ok(ampi_grow(context, &array, &capacity, 5, sizeof *array, &error), &error);
    array[4] = 44;
    const uint64_t *const before = array;
    ck_fails(ampi_grow(context, &array, &capacity, SIZE_MAX, sizeof *array, &error), AMP_E_LIMIT,
             &error);
    ck_fails(ampi_grow(context, &array, &capacity, SIZE_MAX / 4, sizeof *array, &error),
             AMP_E_NOMEM, &error);
    memory.fail_at = memory.calls + 1;
    ck_fails(ampi_grow(context, &array, &capacity, 9, sizeof *array, &error), AMP_E_NOMEM, &error);
    ck_assert_ptr_eq(array, before);
    ck_assert_uint_eq(capacity, 8);
    ck_assert_uint_eq(array[4], 44);
    ampi_free(context, array);
    amp_context_unref(context);
    ck_assert_uint_eq(memory.live, 0);
}
END_TEST

START_TEST(copies_of_texts)
{
    char *const whole = ampi_strdup(NULL, "anchor"), *const part = ampi_strndup(NULL, "anchor", 3);
    char *const empty = ampi_strdup(NULL, "");

    ck_assert_str_eq(whole, "anchor");
    ck_assert_str_eq(part, "anc");
    ck_assert_str_eq(empty, "");
    ck_assert_ptr_null(ampi_strndup(NULL, "a", SIZE_MAX));
    ampi_free(NULL, whole);
    ampi_free(NULL, part);
    ampi_free(NULL, empty);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { blocks_are_zeroed_and_aligned,
                                   a_block_lives_as_long_as_one_of_its_owners,
                                   free_tells_the_size_of_alloc,
                                   absurd_sizes_give_nothing,
                                   sizes_that_overflow,
                                   arrays_grow,
                                   growth_that_fails_keeps_the_array,
                                   copies_of_texts,
                                   NULL };
    return test_suite("core.alloc", tests);
}

TEST_MAIN(suite)
