/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory.c - every allocation of the room failing in turn.
 *
 * The linker sends aligned_alloc here; what was allocated before a failure must be freed, which the
 * leak checkers of the sanitised run see.
 */
#include "support.h"

#include <amp/eval.h>
#include <stdlib.h>

static size_t calls, fail_at;

void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return ++calls == fail_at ? NULL : __real_aligned_alloc(align, size);
}

static const double scores[] = { 3, 1, 2 };

static amp_status evaluate(amp_error *error)
{
    amp_ood_metrics metrics = { .struct_size = sizeof metrics };

    return amp_ood_evaluate(scores, 3, scores, 2, NULL, &metrics, error);
}

static amp_status threshold(amp_error *error)
{
    double value;

    return amp_threshold_at_tpr(scores, 3, 0.95, &value, error);
}

static amp_status calibration(amp_error *error)
{
    const float z[] = { 1, 2 };
    const int32_t label = 1;
    amp_calibration_metrics metrics = { .struct_size = sizeof metrics };

    return amp_calibration_evaluate(z, &label, 1, 2, NULL, &metrics, error);
}

static void fail_each(amp_status (*call)(amp_error *), size_t allocations)
{
    amp_error error = { 0 };

    for (fail_at = 1; fail_at <= allocations; fail_at++) {
        calls = 0;
        ck_fails(call(&error), AMP_E_NOMEM, &error);
    }
    calls = 0;
    ck_ok(call(&error), &error);
    ck_assert_uint_eq(calls, allocations);
}

START_TEST(each_allocation)
{
    fail_each(evaluate, 3);
    fail_each(threshold, 2);
    fail_each(calibration, 1);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { each_allocation, NULL };
    return test_suite("eval.memory", tests);
}

TEST_MAIN(suite)
