/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schedule.c - learning rates at the points where their formulas are known.
 */
#include "support.h"
#include "train/step.h"

#include <math.h>

static ampi_train_options parse(const char *text)
{
    ampi_train_options options;
    amp_error error;

    ck_ok(ampi_train_options_parse(&options, text, &error), &error);
    return options;
}

static void near(double value, double wanted)
{
    ck_assert_msg(fabs(value - wanted) <= 1e-12 * fabs(wanted), "%.17g, wanted %.17g", value,
                  wanted);
}

START_TEST(constant_never_moves)
{
    const ampi_train_options o = parse("schedule=constant,lr=0.3");

    for (uint64_t step = 0; step < 40; step++)
        near(ampi_schedule_rate(&o, step, 40, 10), 0.3);
}
END_TEST

START_TEST(multistep_drops_after_each_milestone)
{
    const ampi_train_options o = parse("schedule=multistep,lr=0.1,gamma=0.2,milestones=2:3");

    near(ampi_schedule_rate(&o, 0, 40, 10), 0.1);
    near(ampi_schedule_rate(&o, 19, 40, 10), 0.1);
    near(ampi_schedule_rate(&o, 20, 40, 10), 0.1 * 0.2);
    near(ampi_schedule_rate(&o, 30, 40, 10), 0.1 * 0.2 * 0.2);
    near(ampi_schedule_rate(&o, 39, 40, 10), 0.1 * 0.2 * 0.2);
}
END_TEST

START_TEST(cosine_starts_at_lr_and_halves_midway)
{
    const ampi_train_options o = parse("schedule=cosine,lr=0.1,lr_end=0");

    near(ampi_schedule_rate(&o, 0, 100, 10), 0.1);
    near(ampi_schedule_rate(&o, 50, 100, 10), 0.05);
    near(ampi_schedule_rate(&o, 25, 100, 10), 0.05 * (1 + sqrt(0.5)));
}
END_TEST

START_TEST(a_triangle_has_straight_sides)
{
    const ampi_train_options o =
        parse("schedule=linear,lr=0.4,warmup=0.25,lr_start=0.1,lr_end=0.05");
    const ampi_train_options falls = parse("schedule=linear,lr=2,warmup=0,lr_end=0");

    near(ampi_schedule_rate(&o, 0, 400, 10), 0.04);
    near(ampi_schedule_rate(&o, 25, 400, 10), 0.13);
    near(ampi_schedule_rate(&o, 50, 400, 10), 0.22);
    near(ampi_schedule_rate(&o, 100, 400, 10), 0.4);
    near(ampi_schedule_rate(&o, 250, 400, 10), 0.21);
    near(ampi_schedule_rate(&o, 400, 400, 10), 0.02);
    near(ampi_schedule_rate(&falls, 0, 50, 10), 2);
    near(ampi_schedule_rate(&falls, 20, 50, 10), 1.2);
}
END_TEST

START_TEST(one_cycle_rises_then_falls)
{
    const ampi_train_options o =
        parse("schedule=onecycle,lr=0.4,warmup=0.25,lr_start=0.1,lr_end=0");
    double last = 0;

    near(ampi_schedule_rate(&o, 0, 400, 10), 0.04);
    near(ampi_schedule_rate(&o, 50, 400, 10), (0.4 + 0.04) / 2);
    near(ampi_schedule_rate(&o, 100, 400, 10), 0.4);
    near(ampi_schedule_rate(&o, 250, 400, 10), 0.2);
    for (uint64_t step = 0; step <= 100; step++) {
        ck_assert(ampi_schedule_rate(&o, step, 400, 10) > last);
        last = ampi_schedule_rate(&o, step, 400, 10);
    }
    for (uint64_t step = 101; step < 400; step++) {
        ck_assert(ampi_schedule_rate(&o, step, 400, 10) < last);
        last = ampi_schedule_rate(&o, step, 400, 10);
    }
}
END_TEST

START_TEST(no_warm_up_starts_at_the_top)
{
    const ampi_train_options o = parse("schedule=onecycle,lr=0.4,warmup=0");

    near(ampi_schedule_rate(&o, 0, 400, 10), 0.4);
}
END_TEST

START_TEST(milestones_must_rise)
{
    static const char *const bad[] = { "milestones=3:2", "milestones=0", "milestones=a",
                                       "milestones=1:1", "milestones=-1" };
    ampi_train_options options;
    amp_error error;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_fails(ampi_train_options_parse(&options, bad[i], &error), AMP_E_ARGUMENT, &error);
    ck_fails(ampi_train_options_parse(&options, "epoch=3", &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "'epochs'"));
    ck_fails(ampi_train_options_parse(&options, "epochs=0", &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "1.."));
}
END_TEST

START_TEST(options_read_back_what_they_print)
{
    const ampi_train_options o =
        parse("epochs=3,lr=0.123456789,transform=released,nesterov=0,milestones=1:5,seed=77");
    char text[2048];
    ampi_train_options back;
    amp_error error;

    ck_assert_uint_lt(ampi_train_options_format(&o, false, text, sizeof text), sizeof text);
    ck_ok(ampi_train_options_parse(&back, text, &error), &error);
    ck_assert_mem_eq(&o, &back, sizeof o);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { constant_never_moves,
                                   multistep_drops_after_each_milestone,
                                   cosine_starts_at_lr_and_halves_midway,
                                   a_triangle_has_straight_sides,
                                   one_cycle_rises_then_falls,
                                   no_warm_up_starts_at_the_top,
                                   milestones_must_rise,
                                   options_read_back_what_they_print,
                                   NULL };

    return test_suite("train.schedule", tests);
}

TEST_MAIN(suite)
