/* SPDX-License-Identifier: Apache-2.0 */
/* test_calibration.c - accuracy, NLL, Brier, ECE: the worked example, bin edges, extremes, the
 * door. */
#include "eval/eval_internal.h"
#include "support.h"

#include <float.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define ck_six(value, wanted) ck_assert_double_eq_tol(value, wanted, 5e-7)
#define ck_near(value, wanted) ck_assert_double_eq_tol(value, wanted, 1e-14)

static const double m5[] = { .7,  .2,  .1,  .5,  .3,  .2, .1, .8, .1,
                             .35, .33, .32, .05, .05, .9, .6, .3, .1 };
static const int32_t m5_labels[] = { 0, 1, 1, 2, 2, 0 };

static amp_calibration_options with(double temperature, uint64_t bins)
{
    amp_calibration_options options;

    amp_calibration_options_init(&options, sizeof options);
    options.temperature = temperature;
    options.bins = bins;
    return options;
}

static amp_calibration_metrics from_p(const double *p, const int32_t *labels, size_t n,
                                      size_t classes, uint64_t bins)
{
    const amp_calibration_options options = with(1, bins);
    amp_calibration_metrics metrics = { .struct_size = sizeof metrics };
    amp_error error;

    ck_ok(amp_calibration_evaluate_probabilities(p, labels, n, classes, &options, &metrics, &error),
          &error);
    ck_assert_uint_eq(metrics.n, n);
    return metrics;
}

static amp_calibration_metrics from_z(const float *z, const int32_t *labels, size_t n,
                                      size_t classes, double temperature)
{
    const amp_calibration_options options = with(temperature, 15);
    amp_calibration_metrics metrics = { .struct_size = sizeof metrics };
    amp_error error;

    ck_ok(amp_calibration_evaluate(z, labels, n, classes, &options, &metrics, &error), &error);
    ck_assert_uint_eq(metrics.n, n);
    return metrics;
}

START_TEST(worked_example)
{
    const amp_calibration_metrics metrics = from_p(m5, m5_labels, 6, 3, 15);

    ck_near(metrics.accuracy, 4.0 / 6);
    ck_near(metrics.confidence, 3.85 / 6);
    ck_six(metrics.nll, 0.589902);
    ck_six(metrics.brier, 0.324800);
    ck_six(metrics.ece, 0.308333);
    ck_six(from_p(m5, m5_labels, 6, 3, 10).ece, 0.308333);
    ck_six(from_p(m5, m5_labels, 6, 3, 5).ece, 0.175000);
}
END_TEST

START_TEST(logits_of_the_example)
{
    float z[LENGTH(m5)], shifted[LENGTH(m5)];
    amp_calibration_metrics plain, moved;

    for (size_t i = 0; i < LENGTH(m5); i++) {
        z[i] = (float)log(m5[i]);
        shifted[i] = z[i] + 64 * (float)(i / 3); /* a constant a row */
    }
    plain = from_z(z, m5_labels, 6, 3, 1);
    moved = from_z(shifted, m5_labels, 6, 3, 1);
    ck_six(plain.nll, 0.589902);
    ck_six(plain.brier, 0.324800);
    ck_near(plain.accuracy, 4.0 / 6);
    ck_assert_double_eq_tol(moved.nll, plain.nll, 1e-5);
    ck_assert_double_eq_tol(moved.brier, plain.brier, 1e-5);
    ck_six(from_z(z, m5_labels, 6, 3, 0.479314).nll, 0.499867);
}
END_TEST

/* k / bins belongs to the bin below it, the next double to the bin above, at any number of bins.
   Two classes: an edge above 1/2 is the confidence.  The row is right, so a row alone in its bin
   adds 1 - confidence; a wrong row at the middle of the lower bin shows whether they share it. */
START_TEST(bin_edges)
{
    for (uint64_t bins = 4; bins <= 200; bins++) {
        for (uint64_t k = bins / 2 + 2; k < bins; k++) {
            const double edge = (double)k / (double)bins;
            const double above = nextafter(edge, 2), middle = edge - 0.5 / (double)bins;
            const double on[] = { edge, 1 - edge, middle, 1 - middle };
            const double off[] = { above, 1 - above, middle, 1 - middle };
            const int32_t labels[] = { 0, 1 };
            ck_near(from_p(on, labels, 2, 2, bins).ece, fabs(edge + middle - 1) / 2);
            ck_near(from_p(off, labels, 2, 2, bins).ece, (1 - above + middle) / 2);
        }
    }
}
END_TEST

START_TEST(certain_rows)
{
    const double right[] = { 0, 1, 0 }, both[] = { 0, 1, 0, 0, 1, 0 };
    const int32_t labels[] = { 1, 0 };
    const amp_calibration_metrics good = from_p(right, labels, 1, 3, 15);
    const amp_calibration_metrics half = from_p(both, labels, 2, 3, 15);

    ck_assert(good.nll == 0 && good.brier == 0 && good.ece == 0 && good.accuracy == 1);
    ck_assert_double_infinite(half.nll);
    ck_near(half.brier, 1);
    ck_near(half.ece, 0.5);
}
END_TEST

START_TEST(extreme_logits)
{
    const float z[] = { FLT_MAX, -FLT_MAX, 0, 40, 0, 0 };
    const int32_t right[] = { 0, 0 }, wrong[] = { 1, 1 };
    amp_calibration_metrics metrics = from_z(z, right, 2, 3, 1);

    /* 2 exp(-40) is far below the rounding of 1, and still the NLL. */
    ck_assert_double_eq_tol(metrics.nll / exp(-40), 1, 1e-12);
    ck_assert_double_eq_tol(metrics.brier / exp(-80), 3, 1e-12);
    ck_near(metrics.accuracy, 1);
    metrics = from_z(z, wrong, 2, 3, 1);
    ck_assert_double_finite(metrics.nll);
    ck_near(metrics.brier, 2);
    ck_near(metrics.ece, 1);
    metrics = from_z(z, wrong, 2, 3, 1e-6);
    ck_assert_double_finite(metrics.nll);
}
END_TEST

START_TEST(ties_and_one_class)
{
    const float equal[] = { 2, 2, 2, 2 }, single[] = { -3, 7 };
    const int32_t first[] = { 0 }, second[] = { 1 }, zeros[] = { 0, 0 };
    amp_calibration_metrics metrics = from_z(equal, first, 1, 4, 3);

    ck_near(metrics.accuracy, 1);
    ck_near(metrics.nll, log(4));
    ck_near(metrics.brier, 0.75);
    ck_near(metrics.confidence, 0.25);
    ck_near(metrics.ece, 0.75);
    ck_near(from_z(equal, second, 1, 4, 3).accuracy, 0);
    metrics = from_z(single, zeros, 2, 1, 1);
    ck_assert(metrics.nll == 0 && metrics.brier == 0 && metrics.accuracy == 1);
}
END_TEST

/* ---- the door ---------------------------------------------------------------------------------
 */

static void refuse(const float *z, const int32_t *labels, size_t n, size_t classes,
                   amp_status status, const char *named)
{
    amp_calibration_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };

    ck_fails(amp_calibration_evaluate(z, labels, n, classes, NULL, &out, &error), status, &error);
    ck_assert_msg(strstr(error.message, named) != NULL, "\"%s\" lacks %s", error.message, named);
    ck_assert_uint_eq(out.n, 0);
}

START_TEST(bad_labels)
{
    const float z[] = { 1, 2, 3, 4, 5, 6 };
    const int32_t fine[] = { 0, 2 }, high[] = { 0, 3 }, low[] = { 0, -1 };

    refuse(z, high, 2, 3, AMP_E_ARGUMENT, "labels[1] is 3, allowed 0..2");
    refuse(z, low, 2, 3, AMP_E_ARGUMENT, "labels[1] is -1");
    refuse(z, NULL, 2, 3, AMP_E_ARGUMENT, "labels");
    refuse(NULL, fine, 2, 3, AMP_E_ARGUMENT, "logits");
    refuse(z, fine, 0, 3, AMP_E_ARGUMENT, "0 rows");
    refuse(z, fine, 2, 0, AMP_E_ARGUMENT, "0 classes");
    refuse(z, fine, 2, (size_t)INT32_MAX + 1, AMP_E_LIMIT, "classes");
    refuse(z, fine, SIZE_MAX / 2, 3, AMP_E_LIMIT, "rows");
}
END_TEST

START_TEST(bad_values)
{
    const float nan_z[] = { 1, 2, 3, 4, (float)NAN, 6 }, inf_z[] = { 1, 2, 3, 4, 5, HUGE_VALF };
    const double rows[][3] = {
        { .5, .6, -.1 }, { .5, 1.5, 0 }, { .5, .2, .2 }, { .5, (double)NAN, 0 }
    };
    const int32_t labels[] = { 0, 0 };
    amp_calibration_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };

    refuse(nan_z, labels, 2, 3, AMP_E_ARGUMENT, "logits[1][1] is nan");
    refuse(inf_z, labels, 2, 3, AMP_E_ARGUMENT, "logits[1][2] is inf");
    for (size_t i = 0; i < LENGTH(rows); i++)
        ck_fails(amp_calibration_evaluate_probabilities(rows[i], labels, 1, 3, NULL, &out, &error),
                 AMP_E_ARGUMENT, &error);
    ck_fails(amp_calibration_evaluate_probabilities(NULL, labels, 1, 3, NULL, &out, &error),
             AMP_E_ARGUMENT, &error);
    ck_fails(amp_calibration_evaluate_probabilities(m5, m5_labels, 6, 3, NULL, NULL, &error),
             AMP_E_ARGUMENT, &error);
}
END_TEST

START_TEST(bad_options)
{
    const double temperatures[] = { 0, -1, 1e-7, 1e7, (double)NAN, HUGE_VAL };
    const float z[] = { 1, 2 };
    const int32_t label = 0;
    amp_calibration_metrics out = { .struct_size = sizeof out };
    amp_error error = { 0 };
    amp_calibration_options options;

    for (size_t i = 0; i < LENGTH(temperatures); i++) {
        options = with(temperatures[i], 15);
        ck_fails(amp_calibration_evaluate(z, &label, 1, 2, &options, &out, &error), AMP_E_ARGUMENT,
                 &error);
    }
    options = with(1, 0);
    ck_fails(amp_calibration_evaluate(z, &label, 1, 2, &options, &out, &error), AMP_E_ARGUMENT,
             &error);
    options = with(1, 65537);
    ck_fails(amp_calibration_evaluate(z, &label, 1, 2, &options, &out, &error), AMP_E_ARGUMENT,
             &error);
    options = with(2, 15);
    ck_fails(amp_calibration_evaluate_probabilities(m5, m5_labels, 6, 3, &options, &out, &error),
             AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "temperature"));
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { worked_example, logits_of_the_example,
                                   bin_edges,      certain_rows,
                                   extreme_logits, ties_and_one_class,
                                   bad_labels,     bad_values,
                                   bad_options,    NULL };
    return test_suite("eval.calibration", tests);
}

TEST_MAIN(suite)
