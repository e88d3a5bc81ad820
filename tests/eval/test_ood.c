/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ood.c - the worked examples of the metrics under every rule and area, and the door.
 *
 * The expected rationals were worked out by hand from the definitions; six-digit values were
 * computed with scikit-learn and with the codes that the rules are named after.
 */
#include "eval/eval_internal.h"
#include "support.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const double m1_in[] = { .99, .97, .95, .93, .91, .89, .87, .85, .83, .81,
                                .79, .77, .75, .73, .71, .69, .67, .60, .50, .30 };
static const double m1_out[] = { .92, .78, .70, .60, .55, .50, .50, .40, .30, .10 };
static const double m2_in[] = { 3, 2, 2, 1 };
static const double m2_out[] = { 2, 1, 0 };

/* Equal to the last digit that a rational of small integers leaves uncertain. */
#define ck_exact(value, wanted) ck_assert_double_eq_tol(value, wanted, 1e-15)
#define ck_six(value, wanted) ck_assert_double_eq_tol(value, wanted, 5e-7)

static amp_ood_metrics evaluate(const double *in, size_t n_in, const double *out, size_t n_out,
                                int32_t rule, int32_t area)
{
    amp_ood_metrics metrics = { .struct_size = sizeof metrics };
    amp_ood_options options;
    amp_error error;

    amp_ood_options_init(&options, sizeof options);
    options.rule = rule;
    options.area = area;
    ck_ok(amp_ood_evaluate(in, n_in, out, n_out, &options, &metrics, &error), &error);
    ck_assert_uint_eq(metrics.n_in, n_in);
    ck_assert_uint_eq(metrics.n_out, n_out);
    return metrics;
}

static amp_ood_metrics m1(int32_t rule, int32_t area)
{
    return evaluate(m1_in, LENGTH(m1_in), m1_out, LENGTH(m1_out), rule, area);
}

static amp_ood_metrics m2(int32_t rule, int32_t area)
{
    return evaluate(m2_in, LENGTH(m2_in), m2_out, LENGTH(m2_out), rule, area);
}

static void check_point(amp_ood_metrics metrics, double threshold, double tpr, double fpr)
{
    ck_exact(metrics.threshold, threshold);
    ck_exact(metrics.tpr, tpr);
    ck_exact(metrics.fpr, fpr);
}

START_TEST(m1_rules)
{
    check_point(m1(AMP_OOD_RULE_RECOMMENDED, 0), .50, .95, .7);
    check_point(m1(AMP_OOD_RULE_AMP, 0), .30, .95, .9);
    check_point(m1(AMP_OOD_RULE_ENERGY, 0), .40, .95, .8);
    check_point(m1(AMP_OOD_RULE_SCOOD, 0), .50, .95, .5);
    /* OOD positive: .92 must be caught, and all but .99 .97 .95 .93 of ID goes with it. */
    check_point(m1(AMP_OOD_RULE_OPENOOD, 0), .92, 1, .8);
    check_point(m1(AMP_OOD_RULE_OOD_POSITIVE, 0), .92, 1, .8);
}
END_TEST

START_TEST(m1_areas)
{
    const amp_ood_metrics precision = m1(0, AMP_OOD_AREA_AVERAGE_PRECISION);
    const amp_ood_metrics trapezoid = m1(0, AMP_OOD_AREA_TRAPEZOID);
    const amp_ood_metrics amp = m1(0, AMP_OOD_AREA_AMP);

    ck_exact(precision.auroc, 161.0 / 200);
    ck_exact(trapezoid.auroc, 161.0 / 200);
    ck_exact(amp.auroc, 159.0 / 200);
    ck_six(precision.aupr_in, 0.879600);
    ck_six(trapezoid.aupr_in, 0.877804);
    ck_six(amp.aupr_in, 0.849599);
    ck_six(precision.aupr_out, 0.679524);
    ck_six(trapezoid.aupr_out, 0.692006);
    ck_six(amp.aupr_out, 0.598791);
    ck_exact(precision.dtacc, 0.775);
    ck_exact(amp.dtacc, 0.775);
}
END_TEST

START_TEST(m2_rules)
{
    check_point(m2(AMP_OOD_RULE_RECOMMENDED, 0), 1, 1, 2.0 / 3);
    check_point(m2(AMP_OOD_RULE_AMP, 0), 0, 1, 1);
    check_point(m2(AMP_OOD_RULE_ENERGY, 0), 1, 1, 2.0 / 3);
    check_point(m2(AMP_OOD_RULE_SCOOD, 0), 2, .75, 0);
    check_point(m2(AMP_OOD_RULE_OPENOOD, 0), 2, 1, .75);
    check_point(m2(AMP_OOD_RULE_OOD_POSITIVE, 0), 2, 1, .75);
}
END_TEST

START_TEST(m2_areas)
{
    const amp_ood_metrics precision = m2(0, AMP_OOD_AREA_AVERAGE_PRECISION);
    const amp_ood_metrics trapezoid = m2(0, AMP_OOD_AREA_TRAPEZOID);
    const amp_ood_metrics amp = m2(0, AMP_OOD_AREA_AMP);

    ck_exact(precision.auroc, 19.0 / 24);
    ck_exact(amp.auroc, 16.0 / 24);
    ck_exact(precision.aupr_in, 19.0 / 24);
    ck_six(trapezoid.aupr_in, 0.864583);
    ck_exact(precision.aupr_out, 13.0 / 18);
    ck_six(trapezoid.aupr_out, 0.805556);
    ck_exact(precision.dtacc, 17.0 / 24);
    ck_exact(trapezoid.dtacc, 17.0 / 24);
}
END_TEST

START_TEST(m3_all_equal)
{
    double in[20], out[10];
    amp_ood_metrics metrics;

    for (size_t i = 0; i < 20; i++)
        in[i] = out[i / 2] = 0.25;
    for (int32_t rule = 0; amp_ood_rule_name(rule); rule++) {
        metrics = evaluate(in, 20, out, 10, rule, AMP_OOD_AREA_AVERAGE_PRECISION);
        ck_exact(metrics.auroc, .5);
        ck_exact(metrics.dtacc, .5);
        ck_exact(metrics.aupr_in, 2.0 / 3);
        ck_exact(metrics.aupr_out, 1.0 / 3);
        if (rule == AMP_OOD_RULE_ODIN)
            ck_assert_double_nan(metrics.fpr);
        else
            ck_exact(metrics.fpr, rule == AMP_OOD_RULE_SCOOD ? 0 : 1);
    }
    metrics = evaluate(in, 20, out, 10, 0, AMP_OOD_AREA_TRAPEZOID);
    ck_six(metrics.aupr_in, 0.833333);
    metrics = evaluate(in, 20, out, 10, 0, AMP_OOD_AREA_AMP);
    ck_exact(metrics.auroc, 0);
}
END_TEST

START_TEST(m4_separated)
{
    double in[20], out[10];
    amp_ood_metrics metrics;

    for (size_t i = 0; i < 20; i++)
        in[i] = 100 + (double)i;
    for (size_t i = 0; i < 10; i++)
        out[i] = -(double)i;
    for (int32_t rule = 0; amp_ood_rule_name(rule); rule++) {
        for (int32_t area = 0; amp_ood_area_name(area); area++) {
            const bool amp = area == AMP_OOD_AREA_AMP;
            metrics = evaluate(in, 20, out, 10, rule, area);
            ck_exact(metrics.fpr, 0);
            ck_exact(metrics.auroc, 1);
            ck_exact(metrics.dtacc, 1);
            ck_exact(metrics.aupr_in, amp ? 0.975 : 1);
            ck_exact(metrics.aupr_out, amp ? 0.950 : 1);
        }
    }
}
END_TEST

START_TEST(odin_grid)
{
    amp_ood_metrics metrics = { .struct_size = sizeof metrics };
    amp_ood_options options;
    amp_error error;

    /* Grid 0, .25, .5, .75 on ID 1 1 .. 1 0: TPR 1, .95, .95, .95; OOD above: 2/4, 1/4, 0/4. */
    const double out[] = { .25, .5, .75, .1 };
    double in[20];
    for (size_t i = 0; i < 20; i++)
        in[i] = i == 7 ? 0 : 1;
    amp_ood_options_init(&options, sizeof options);
    options.rule = AMP_OOD_RULE_ODIN;
    options.grid_steps = 4;
    ck_ok(amp_ood_evaluate(in, 20, out, 4, &options, &metrics, &error), &error);
    check_point(metrics, .5, .95, .25);
    options.grid_low = .25;
    options.grid_high = .75;
    options.grid_steps = 2;
    ck_ok(amp_ood_evaluate(in, 20, out, 4, &options, &metrics, &error), &error);
    check_point(metrics, .375, .95, .375);
    options.grid_low = 2;
    options.grid_high = 3;
    ck_ok(amp_ood_evaluate(in, 20, out, 4, &options, &metrics, &error), &error);
    ck_assert_double_nan(metrics.fpr);
    ck_assert_double_nan(metrics.tpr);
    ck_assert_double_nan(metrics.threshold);
}
END_TEST

START_TEST(one_element)
{
    const double high = 1, low = -1;

    for (int32_t rule = 0; amp_ood_rule_name(rule); rule++) {
        const amp_ood_metrics good = evaluate(&high, 1, &low, 1, rule, 0);
        const amp_ood_metrics bad = evaluate(&low, 1, &high, 1, rule, 0);
        ck_exact(good.auroc, 1);
        ck_exact(bad.auroc, 0);
        ck_exact(good.dtacc, 1);
        ck_exact(bad.dtacc, .5);
        if (rule == AMP_OOD_RULE_ODIN)
            continue; /* a TPR of 1 or 0 is outside its band */
        ck_exact(good.fpr, rule == AMP_OOD_RULE_AMP ? 1 : 0);
        ck_exact(bad.fpr, 1);
    }
}
END_TEST

START_TEST(nothing_accepted)
{
    const double in[] = { 5 }, out[] = { 1 };
    amp_ood_metrics metrics = { .struct_size = sizeof metrics };
    amp_ood_options options;
    amp_error error;

    /* At level .1 the nearest TPR is 0: the only ID sample leaves, after the OOD below it. */
    amp_ood_options_init(&options, sizeof options);
    options.rule = AMP_OOD_RULE_AMP;
    options.tpr_level = .1;
    ck_ok(amp_ood_evaluate(in, 1, out, 1, &options, &metrics, &error), &error);
    ck_assert_double_infinite(metrics.threshold);
    ck_exact(metrics.tpr, 0);
    ck_exact(metrics.fpr, 0);
}
END_TEST

START_TEST(threshold_agrees)
{
    const double levels[] = { 1e-9, .05, .5, .9, .95, .951, .999, 1 };
    amp_error error;

    for (size_t i = 0; i < LENGTH(levels); i++) {
        amp_ood_metrics metrics = { .struct_size = sizeof metrics };
        amp_ood_options options;
        double threshold;
        amp_ood_options_init(&options, sizeof options);
        options.tpr_level = levels[i];
        ck_ok(amp_ood_evaluate(m1_in, 20, m1_out, 10, &options, &metrics, &error), &error);
        ck_ok(amp_threshold_at_tpr(m1_in, 20, levels[i], &threshold, &error), &error);
        ck_assert(threshold == metrics.threshold);
        ck_assert(metrics.tpr >= levels[i]);
    }
}
END_TEST

START_TEST(rank_is_least)
{
    /* .07 * 100 and .55 * 100 round to above the whole number. */
    const double levels[] = { 1e-300, .07, .1, .28, .3, .55, .7, .9, .95, .99, 1 };

    for (size_t n = 1; n <= 3000; n++) {
        for (size_t i = 0; i < LENGTH(levels); i++) {
            const size_t k = ampi_eval_rank(n, levels[i]);
            ck_assert(k >= 1 && k <= n);
            ck_assert((double)k / (double)n >= levels[i]);
            ck_assert(k == 1 || (double)(k - 1) / (double)n < levels[i]);
        }
    }
    ck_assert_uint_eq(ampi_eval_rank(20, .95), 19);
    ck_assert_uint_eq(ampi_eval_rank(10000, .95), 9500);
    ck_assert_uint_eq(ampi_eval_rank(100, .07), 7);
}
END_TEST

/* ---- the door ---------------------------------------------------------------------------------
 */

START_TEST(bad_scores)
{
    const double bad[] = { (double)NAN, HUGE_VAL, -HUGE_VAL };
    const double fine[] = { 1, 2, 3 };
    amp_ood_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };
    double threshold = 42;

    for (size_t i = 0; i < LENGTH(bad); i++) {
        const double scores[] = { 1, 2, bad[i] };
        ck_fails(amp_ood_evaluate(scores, 3, fine, 3, NULL, &out, &error), AMP_E_ARGUMENT, &error);
        ck_assert_ptr_nonnull(strstr(error.message, "ID scores[2]"));
        ck_fails(amp_ood_evaluate(fine, 3, scores, 3, NULL, &out, &error), AMP_E_ARGUMENT, &error);
        ck_assert_ptr_nonnull(strstr(error.message, "OOD scores[2]"));
        ck_fails(amp_threshold_at_tpr(scores, 3, .95, &threshold, &error), AMP_E_ARGUMENT, &error);
        ck_assert_ptr_nonnull(strstr(error.message, i == 0 ? "nan" : "inf"));
    }
    ck_assert_uint_eq(out.n_in, 0);
    ck_assert(threshold == 42);
}
END_TEST

START_TEST(bad_arrays)
{
    const double fine[] = { 1, 2, 3 };
    const size_t many = (size_t)INT32_MAX + 1;
    amp_ood_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };
    double threshold;

    ck_fails(amp_ood_evaluate(NULL, 3, fine, 3, NULL, &out, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_ood_evaluate(fine, 3, NULL, 3, NULL, &out, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_ood_evaluate(fine, 0, fine, 3, NULL, &out, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_ood_evaluate(fine, 3, fine, 0, NULL, &out, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_ood_evaluate(fine, many, fine, 3, NULL, &out, &error), AMP_E_LIMIT, &error);
    ck_fails(amp_ood_evaluate(fine, 3, fine, SIZE_MAX, NULL, &out, &error), AMP_E_LIMIT, &error);
    ck_fails(amp_ood_evaluate(fine, 3, fine, 3, NULL, NULL, &error), AMP_E_ARGUMENT, &error);
    out.struct_size = 0;
    ck_fails(amp_ood_evaluate(fine, 3, fine, 3, NULL, &out, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_threshold_at_tpr(NULL, 3, .5, &threshold, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_threshold_at_tpr(fine, 0, .5, &threshold, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_threshold_at_tpr(fine, many, .5, &threshold, &error), AMP_E_LIMIT, &error);
    ck_fails(amp_threshold_at_tpr(fine, 3, .5, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_int_eq(amp_ood_evaluate(fine, 0, fine, 3, NULL, &out, NULL), AMP_E_ARGUMENT);
}
END_TEST

static void refuse(const amp_ood_options *options, const char *named)
{
    const double fine[] = { 1, 2, 3 };
    amp_ood_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };

    ck_fails(amp_ood_evaluate(fine, 3, fine, 3, options, &out, &error), AMP_E_ARGUMENT, &error);
    ck_assert_msg(strstr(error.message, named) != NULL, "\"%s\" does not name %s", error.message,
                  named);
}

static amp_ood_options fresh(void)
{
    amp_ood_options options;

    amp_ood_options_init(&options, sizeof options);
    return options;
}

START_TEST(bad_options)
{
    const double levels[] = { 0, -.5, 1.0000001, (double)NAN };
    amp_ood_options options = fresh();

    for (size_t i = 0; i < LENGTH(levels); i++) {
        double threshold;
        amp_error error = { 0 };
        options.tpr_level = levels[i];
        refuse(&options, "tpr_level");
        ck_fails(amp_threshold_at_tpr(m1_in, 20, levels[i], &threshold, &error), AMP_E_ARGUMENT,
                 &error);
    }
    options = fresh();
    options.rule = 7;
    refuse(&options, "rule");
    options.rule = -1;
    refuse(&options, "rule");
    options = fresh();
    options.area = 3;
    refuse(&options, "area");
    options = fresh();
    options.grid_steps = 0;
    refuse(&options, "grid_steps");
    options.grid_steps = 10000001;
    refuse(&options, "grid_steps");
    options = fresh();
    options.grid_low = 1;
    refuse(&options, "grid_low");
    options.grid_high = (double)NAN;
    refuse(&options, "grid_high");
    options = fresh();
    options.struct_size = 1;
    refuse(&options, "struct_size");
}
END_TEST

/* An older and a newer caller. */
START_TEST(struct_growth)
{
    struct {
        amp_ood_options known;
        uint64_t later;
    } newer = { .later = 0 };
    struct {
        size_t struct_size;
        uint64_t n_in;
    } older = { .struct_size = sizeof older };
    amp_ood_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };

    amp_ood_options_init(&newer.known, sizeof newer);
    ck_assert_uint_eq(newer.known.struct_size, sizeof newer);
    ck_ok(amp_ood_evaluate(m1_in, 20, m1_out, 10, &newer.known, &out, &error), &error);
    newer.later = 1;
    ck_fails(amp_ood_evaluate(m1_in, 20, m1_out, 10, &newer.known, &out, &error), AMP_E_UNSUPPORTED,
             &error);
    ck_ok(amp_ood_evaluate(m1_in, 20, m1_out, 10, NULL, (amp_ood_metrics *)(void *)&older, &error),
          &error);
    ck_assert_uint_eq(older.n_in, 20);
    ck_assert_uint_eq(older.struct_size, sizeof older);
    amp_ood_options_init(NULL, sizeof newer);
}
END_TEST

START_TEST(names)
{
    amp_error error = { 0 };
    int32_t value = 77;

    for (int32_t rule = 0; amp_ood_rule_name(rule); rule++) {
        ck_ok(amp_ood_rule_parse(&value, amp_ood_rule_name(rule), &error), &error);
        ck_assert_int_eq(value, rule);
    }
    for (int32_t area = 0; amp_ood_area_name(area); area++) {
        ck_ok(amp_ood_area_parse(&value, amp_ood_area_name(area), &error), &error);
        ck_assert_int_eq(value, area);
    }
    ck_assert_str_eq(amp_ood_rule_name(AMP_OOD_RULE_ODIN), "odin");
    ck_assert_str_eq(amp_ood_area_name(AMP_OOD_AREA_TRAPEZOID), "trapezoid");
    ck_assert_ptr_null(amp_ood_rule_name(-1));
    ck_assert_ptr_null(amp_ood_area_name(3));
    value = 77;
    ck_fails(amp_ood_rule_parse(&value, "sccod", &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "sccod"));
    ck_fails(amp_ood_area_parse(&value, "", &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_ood_rule_parse(NULL, "amp", &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_ood_rule_parse(&value, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert_int_eq(value, 77);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        m1_rules,      m1_areas,   m2_rules,    m2_areas,         m3_all_equal,
        m4_separated,  odin_grid,  one_element, nothing_accepted, threshold_agrees,
        rank_is_least, bad_scores, bad_arrays,  bad_options,      struct_growth,
        names,         NULL
    };
    return test_suite("eval.ood", tests);
}

TEST_MAIN(suite)
