/* SPDX-License-Identifier: Apache-2.0 */
/* test_temperature.c - the optimum by the sign of the slope, known optima, bounds, the door. */
#include "eval/eval_internal.h"
#include "support.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { MOST_ROWS = 500, MOST_CLASSES = 20 };

typedef struct sample {
    float z[MOST_ROWS * MOST_CLASSES];
    int32_t labels[MOST_ROWS];
    size_t n, classes;
} sample;

static double fit(const float *z, const int32_t *labels, size_t n, size_t classes)
{
    double temperature = 0;
    amp_error error;

    ck_ok(amp_temperature_fit(z, labels, n, classes, NULL, &temperature, &error), &error);
    return temperature;
}

/* Logits of a given scale; the label is the largest one with a given probability. */
static void draw(sample *data, uint32_t trial)
{
    ampi_rng rng = ampi_rng_make(9, AMPI_RNG_TEST, trial, 0);
    const double scale = exp(3 * ampi_rng_normal(&rng));
    const double right = 0.3 + 0.6 * ampi_rng_double(&rng);

    data->n = 20 + ampi_rng_below(&rng, MOST_ROWS - 19);
    data->classes = 2 + ampi_rng_below(&rng, MOST_CLASSES - 1);
    for (size_t i = 0; i < data->n; i++) {
        float *const row = data->z + i * data->classes;
        size_t best = 0;
        for (size_t j = 0; j < data->classes; j++) {
            row[j] = (float)(scale * ampi_rng_normal(&rng));
            best = row[j] > row[best] ? j : best;
        }
        data->labels[i] = (int32_t)(ampi_rng_double(&rng) < right
                                        ? best
                                        : ampi_rng_below(&rng, (uint32_t)data->classes));
    }
}

/* d NLL / d (1/T) = mean(E_p[z] - z_y), written out longhand. */
static double slope(const sample *data, double temperature)
{
    double total = 0;

    for (size_t i = 0; i < data->n; i++) {
        const float *const row = data->z + i * data->classes;
        double most = (double)row[0], sum = 0, mean = 0;
        for (size_t j = 1; j < data->classes; j++)
            most = fmax(most, (double)row[j]);
        for (size_t j = 0; j < data->classes; j++)
            sum += exp(((double)row[j] - most) / temperature);
        for (size_t j = 0; j < data->classes; j++)
            mean += exp(((double)row[j] - most) / temperature) / sum * (double)row[j];
        total += mean - (double)row[data->labels[i]];
    }
    return total / (double)data->n;
}

/* The slope in 1/T rises: above 0 at a smaller T, below 0 at a larger one. */
START_TEST(slope_changes_sign)
{
    static sample data;
    size_t inside = 0;

    for (uint32_t trial = 0; trial < 100; trial++) {
        double t;
        draw(&data, trial);
        t = fit(data.z, data.labels, data.n, data.classes);
        if (t <= 0.01) {
            ck_assert(t == 0.01 && slope(&data, t) <= 0);
        } else if (t >= 100) {
            ck_assert(t == 100 && slope(&data, t) >= 0);
        } else {
            inside++;
            ck_assert(slope(&data, t * (1 - 1e-9)) > 0);
            ck_assert(slope(&data, t * (1 + 1e-9)) < 0);
        }
    }
    ck_assert_uint_ge(inside, 60);
}
END_TEST

/* Two classes, one margin m, right r times of n: softmax(m / T) = r / n at the optimum. */
START_TEST(closed_form)
{
    enum { ROWS = 10 };
    float z[2 * ROWS];
    int32_t labels[ROWS];

    for (int32_t right = 6; right < ROWS; right++) {
        const double share = (double)right / ROWS;
        for (int32_t i = 0; i < ROWS; i++) {
            z[2 * i] = 3;
            z[2 * i + 1] = -1;
            labels[i] = i >= right;
        }
        ck_assert_double_eq_tol(fit(z, labels, ROWS, 2) * log(share / (1 - share)) / 4, 1, 1e-12);
    }
}
END_TEST

START_TEST(worked_example)
{
    const double p[] = {
        .7, .2, .1, .5, .3, .2, .1, .8, .1, .35, .33, .32, .05, .05, .9, .6, .3, .1
    };
    const int32_t labels[] = { 0, 1, 1, 2, 2, 0 };
    float z[LENGTH(p)];

    for (size_t i = 0; i < LENGTH(p); i++)
        z[i] = (float)log(p[i]);
    ck_assert_double_eq_tol(fit(z, labels, 6, 3), 0.479314, 5e-7);
}
END_TEST

/* Scaling the logits scales T. */
START_TEST(equivariant)
{
    static sample data;
    double t;

    draw(&data, 3);
    t = fit(data.z, data.labels, data.n, data.classes);
    ck_assert(t > 0.04 && t < 25);
    for (size_t i = 0; i < data.n * data.classes; i++)
        data.z[i] *= 4;
    ck_assert_double_eq_tol(fit(data.z, data.labels, data.n, data.classes) / t, 4, 1e-10);
}
END_TEST

START_TEST(bounds)
{
    const float z[] = { 50, 0, 0, 0, 90, 1, 1e30F, 0, 0 },
                flat[] = { 2, 2, 2, -7, -7, -7, 0, 0, 0 };
    const float small[] = { 1e-3F, 0, 1e-3F, 0 };
    const int32_t right[] = { 0, 1, 0 }, wrong[] = { 1, 0, 1 }, mixed[] = { 0, 1 };
    amp_temperature_options options;
    amp_error error;
    double t;

    ck_assert(fit(z, right, 3, 3) == 0.01); /* separable; the exponentials underflow */
    ck_assert(fit(z, wrong, 3, 3) == 100);
    ck_assert(fit(flat, right, 3, 3) == 1);
    ck_assert(fit(z, (const int32_t[]){ 0, 0, 0 }, 3, 1) == 1);
    ck_assert(fit(small, mixed, 2, 2) == 100); /* right half of the time: T = infinity */
    amp_temperature_options_init(&options, sizeof options);
    options.min_temperature = 2.5;
    ck_ok(amp_temperature_fit(z, right, 3, 3, &options, &t, &error), &error);
    ck_assert(t == 2.5);
    ck_ok(amp_temperature_fit(flat, right, 3, 3, &options, &t, &error), &error);
    ck_assert(t == 2.5);
}
END_TEST

START_TEST(bad_input)
{
    const float z[] = { 1, 2, 3, 4 }, bad[] = { 1, 2, 3, -HUGE_VALF };
    const int32_t labels[] = { 0, 1 }, high[] = { 0, 2 }, low[] = { -1, 0 };
    amp_error error = { 0 };
    double t = 7;

    ck_fails(amp_temperature_fit(z, high, 2, 2, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "labels[1] is 2, allowed 0..1"));
    ck_fails(amp_temperature_fit(z, low, 2, 2, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "labels[0] is -1"));
    ck_fails(amp_temperature_fit(bad, labels, 2, 2, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_assert_ptr_nonnull(strstr(error.message, "logits[1][1] is -inf"));
    ck_fails(amp_temperature_fit(NULL, labels, 2, 2, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_temperature_fit(z, NULL, 2, 2, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_temperature_fit(z, labels, 0, 2, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_temperature_fit(z, labels, 2, 0, NULL, &t, &error), AMP_E_ARGUMENT, &error);
    ck_fails(amp_temperature_fit(z, labels, SIZE_MAX, 2, NULL, &t, &error), AMP_E_LIMIT, &error);
    ck_fails(amp_temperature_fit(z, labels, 2, 2, NULL, NULL, &error), AMP_E_ARGUMENT, &error);
    ck_assert(t == 7);
}
END_TEST

static void refuse(double low, double high, double tolerance)
{
    const float z[] = { 1, 2 };
    const int32_t label = 0;
    amp_temperature_options options;
    amp_error error = { 0 };
    double t;

    amp_temperature_options_init(&options, sizeof options);
    options.min_temperature = low;
    options.max_temperature = high;
    options.tolerance = tolerance;
    ck_fails(amp_temperature_fit(z, &label, 1, 2, &options, &t, &error), AMP_E_ARGUMENT, &error);
}

START_TEST(bad_options)
{
    refuse(0, 1, 1e-6);
    refuse(-1, 1, 1e-6);
    refuse(0.1, 1e7, 1e-6);
    refuse(2, 1, 1e-6);
    refuse(1, 1, 1e-6);
    refuse((double)NAN, 1, 1e-6);
    refuse(0.1, (double)NAN, 1e-6);
    refuse(0.1, 10, 0);
    refuse(0.1, 10, 0.2);
    refuse(0.1, 10, (double)NAN);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { slope_changes_sign, closed_form, worked_example,
                                   equivariant,        bounds,      bad_input,
                                   bad_options,        NULL };
    return test_suite("eval.temperature", tests);
}

TEST_MAIN(suite)
