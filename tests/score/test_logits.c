/* SPDX-License-Identifier: Apache-2.0 */
/* test_logits.c - every score and calibration against the worked example, limits and invariances.
 */
#include "score/score.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CLASSES 4u

/* The worked example's H, and tau as sum and mean. */
static const double example[CLASSES] = { 4.0, 1.0, -3.5 / 3.0, 0.5 };
static const float predictions[3][CLASSES] = { { 4.0f, 1.0f, -1.0f, 0.5f },
                                               { 3.0f, 1.5f, -0.5f, 0.0f },
                                               { 5.0f, 0.5f, -2.0f, 1.0f } };

typedef struct variant {
    const char *name;
    double temperature, xent, msp, energy, entropy;
} variant;

static const variant variants[] = {
    { "none", 1.0, 2.998880555, 0.921074931, 4.082213888, -0.344278481 },
    { "c-small", 2.095298371, 1.805433549, 0.661379059, 2.322464130, -0.986045130 },
    { "p-small", 2.439228557, 1.696944679, 0.605796330, 2.141074168, -1.080322289 },
    { "p-large", 0.364107246, 8.010791961, 0.999668477, 10.986105817, -0.003159008 },
    { "c-large", 0.091026811, 32.041841533, 1.000000000, 43.943096959, -0.000000000 },
};

/* The score of one method on the example, through the table as a scorer calls it. */
static double score(const char *method, double tau_sum, double tau_mean, const double *mean,
                    size_t classes)
{
    ampi_uses uses = { .context = NULL };
    double work[1000];
    const ampi_evidence evidence = { classes, mean, tau_sum, tau_mean, work };
    amp_error error = { 0 };

    ck_ok(ampi_uses_parse(&uses, method, &error), &error);
    ck_assert_uint_eq(uses.count, 1);
    const double value = uses.items[0].method->score(uses.items[0].fields, &evidence);
    ampi_free(NULL, uses.items);
    return value;
}

static double score_example(const char *method)
{
    double mean[CLASSES], sum, average;

    ampi_consistency(&predictions[0][0], 3, CLASSES, mean, &sum, &average);
    return score(method, sum, average, mean, CLASSES);
}

static double amp_example(const char *calibration, const char *kind)
{
    char method[128];

    snprintf(method, sizeof method, "amp:calibration=%s,score=%s", calibration, kind);
    return score_example(method);
}

START_TEST(worked_example)
{
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        const variant *const v = &variants[i];
        ck_assert_double_eq_tol(amp_example(v->name, "xent"), v->xent, 1e-9);
        ck_assert_double_eq_tol(exp(amp_example(v->name, "msp")), v->msp, 1e-9);
        ck_assert_double_eq_tol(amp_example(v->name, "energy"), v->energy, 1e-9);
        ck_assert_double_eq_tol(amp_example(v->name, "entropy"), v->entropy, 1e-9);
    }
}
END_TEST

START_TEST(worked_temperatures)
{
    double mean[CLASSES], sum, average;

    ampi_consistency(&predictions[0][0], 3, CLASSES, mean, &sum, &average);
    const double got[] = { ampi_calibration_temperature(AMPI_CALIBRATION_NONE, sum, average),
                           ampi_calibration_temperature(AMPI_CALIBRATION_C_SMALL, sum, average),
                           ampi_calibration_temperature(AMPI_CALIBRATION_P_SMALL, sum, average),
                           ampi_calibration_temperature(AMPI_CALIBRATION_P_LARGE, sum, average),
                           ampi_calibration_temperature(AMPI_CALIBRATION_C_LARGE, sum, average) };
    for (size_t i = 0; i < 5; i++)
        ck_assert_double_eq_tol(got[i], variants[i].temperature, 1e-9);
}
END_TEST

/* The four plain methods on raw logits are the uncalibrated row, on calibrated ones amp's row. */
START_TEST(plain_methods)
{
    ck_assert_double_eq_tol(exp(score_example("msp")), variants[0].msp, 1e-9);
    ck_assert_double_eq_tol(score_example("energy"), variants[0].energy, 1e-9);
    ck_assert_double_eq_tol(score_example("entropy"), variants[0].entropy, 1e-9);
    ck_assert(score_example("maxlogit") == 4.0);
    ck_assert_double_eq_tol(exp(score_example("msp:logits=calibrated")), variants[1].msp, 1e-9);
    ck_assert_double_eq_tol(score_example("energy:logits=calibrated,calibration=p-small"),
                            variants[2].energy, 1e-9);
    ck_assert_double_eq_tol(score_example("entropy:logits=calibrated,calibration=p-large"),
                            variants[3].entropy, 1e-9);
    ck_assert_double_eq_tol(score_example("maxlogit:logits=calibrated"),
                            4.0 / variants[1].temperature, 1e-8);
    ck_assert(score_example("msp:logits=calibrated,calibration=none") == score_example("msp"));
}
END_TEST

START_TEST(energy_at_a_temperature)
{
    double z[CLASSES];

    for (size_t j = 0; j < CLASSES; j++)
        z[j] = example[j] / 100.0;
    ck_assert_double_eq_tol(score_example("energy:temperature=100"),
                            100.0 * log(exp(z[0]) + exp(z[1]) + exp(z[2]) + exp(z[3])), 1e-9);
}
END_TEST

START_TEST(the_default_is_c_small_xent)
{
    ck_assert_double_eq_tol(score_example("amp"), variants[1].xent, 1e-9);
}
END_TEST

START_TEST(shifted_logits)
{
    static const char *const unmoved[] = { "amp", "amp:score=entropy", "amp:score=msp", "msp",
                                           "entropy" };
    double moved[CLASSES];

    for (double by = -300.0; by <= 300.0; by += 75.0) {
        for (size_t j = 0; j < CLASSES; j++)
            moved[j] = example[j] + by;
        for (size_t i = 0; i < sizeof unmoved / sizeof unmoved[0]; i++)
            ck_assert_double_eq_tol(score(unmoved[i], 0.3, 0.075, moved, CLASSES),
                                    score(unmoved[i], 0.3, 0.075, example, CLASSES), 1e-12);
        ck_assert_double_eq_tol(score("maxlogit", 0.3, 0.075, moved, CLASSES), 4.0 + by, 1e-12);
        ck_assert_double_eq_tol(score("energy", 0.3, 0.075, moved, CLASSES),
                                variants[0].energy + by, 1e-9);
    }
}
END_TEST

/* S >= log N, falling as tau grows, log N exactly where exp(tau) is infinite. */
START_TEST(larger_disagreement_is_more_out)
{
    double before = INFINITY, z[1000];

    for (size_t j = 0; j < 1000; j++)
        z[j] = sin((double)j) * 8.0;
    for (double tau = 0.0; tau < 600.0; tau += 0.5) {
        const double s = score("amp:calibration=p-small", tau, tau / 1000.0, z, 1000);
        ck_assert(s <= before + 1e-12 && s >= log(1000.0) - 1e-12);
        before = s;
    }
    ck_assert(score("amp:calibration=p-small", 800.0, 0.8, z, 1000) - log(1000.0) == 0.0);
    ck_assert(score("amp:calibration=p-small,score=msp", 800.0, 0.8, z, 1000) + log(1000.0) == 0.0);
    ck_assert(score("amp:calibration=p-small,score=energy", 800.0, 0.8, z, 1000) - log(1000.0) ==
              0.0);
}
END_TEST

/* S ~ log N + var(H) / (2 T^2) for large T. */
START_TEST(large_temperatures)
{
    double mean = 0.0, square = 0.0, z[CLASSES];
    const double temperature = 1e4;

    for (size_t j = 0; j < CLASSES; j++) {
        mean += example[j] / CLASSES;
        square += example[j] * example[j] / CLASSES;
        z[j] = example[j] / temperature;
    }
    const double expected = (square - mean * mean) / (2.0 * temperature * temperature);
    ck_assert_double_eq_tol((ampi_logits_xent(z, CLASSES) - log((double)CLASSES)) / expected, 1.0,
                            1e-3);
}
END_TEST

/* Where the probability itself is 1.0 in double, its logarithm still tells images apart. */
START_TEST(saturated_probabilities_keep_their_order)
{
    double before = -INFINITY;

    for (double gap = 1.0; gap < 700.0; gap += 1.0) {
        const double z[3] = { gap, 0.0, -1.0 };
        const double now = ampi_logits_msp(z, 3);
        ck_assert(now > before && now < 0.0);
        before = now;
    }
    before = -INFINITY;
    for (double gap = 3.0; gap < 700.0; gap += 1.0) {
        const double z[3] = { gap, 0.0, -1.0 };
        const double now = ampi_logits_entropy(z, 3);
        ck_assert(now > before && now < 0.0);
        before = now;
    }
}
END_TEST

START_TEST(no_disagreement_does_not_divide_by_zero)
{
    static const char *const calibrations[] = { "p-large", "c-large", "p-small", "c-small" };
    char method[64];

    for (size_t i = 0; i < 4; i++) {
        snprintf(method, sizeof method, "amp:calibration=%s", calibrations[i]);
        ck_assert(isfinite(score(method, 0.0, 0.0, example, CLASSES)));
        ck_assert_double_eq_tol(score(method, NAN, NAN, example, CLASSES), variants[0].xent, 1e-9);
    }
    ck_assert_double_eq_tol(
        score("amp:calibration=c-small,score=energy", 0.0, 0.0, example, CLASSES),
        ampi_logits_energy((double[]){ 2.0, 0.5, -1.75 / 3.0, 0.25 }, CLASSES), 1e-12);
}
END_TEST

START_TEST(one_class_and_ties)
{
    const double one[1] = { 3.0 }, tied[3] = { 2.0, 5.0, 5.0 };

    ck_assert(ampi_logits_xent(one, 1) == 0.0 && ampi_logits_energy(one, 1) == 3.0);
    ck_assert(ampi_logits_entropy(one, 1) == 0.0);
    ck_assert_uint_eq(ampi_logits_argmax(tied, 3), 1);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { worked_example,
                                   worked_temperatures,
                                   plain_methods,
                                   energy_at_a_temperature,
                                   the_default_is_c_small_xent,
                                   shifted_logits,
                                   larger_disagreement_is_more_out,
                                   large_temperatures,
                                   saturated_probabilities_keep_their_order,
                                   no_disagreement_does_not_divide_by_zero,
                                   one_class_and_ties,
                                   NULL };
    return test_suite("score.logits", tests);
}

TEST_MAIN(suite)
