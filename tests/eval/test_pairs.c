/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pairs.c - metrics against brute force over all pairs and all thresholds, on tied data, and
 * the symmetries that hold to the last bit.
 */
#include "eval/eval_internal.h"
#include "support.h"

enum { MOST = 300, TRIALS = 400 };

typedef struct sample {
    double in[MOST], out[MOST];
    size_t n_in, n_out;
} sample;

/* From two values to nearly no ties, of unequal sizes, with a shift. */
static void draw(sample *data, uint32_t trial)
{
    ampi_rng rng = ampi_rng_make(5, AMPI_RNG_TEST, trial, 0);
    const uint32_t levels = 1 + ampi_rng_below(&rng, trial % 2 ? 8 : 100000);
    const double shift = (double)ampi_rng_below(&rng, 3) * (double)levels / 4;

    data->n_in = 1 + ampi_rng_below(&rng, MOST);
    data->n_out = 1 + ampi_rng_below(&rng, MOST);
    for (size_t i = 0; i < data->n_in; i++)
        data->in[i] = (double)ampi_rng_below(&rng, levels) + shift;
    for (size_t i = 0; i < data->n_out; i++)
        data->out[i] = (double)ampi_rng_below(&rng, levels);
}

static amp_ood_metrics evaluate(const double *in, size_t n_in, const double *out, size_t n_out,
                                int32_t area)
{
    amp_ood_metrics metrics = { .struct_size = sizeof metrics };
    amp_ood_options options;
    amp_error error;

    amp_ood_options_init(&options, sizeof options);
    options.area = area;
    ck_ok(amp_ood_evaluate(in, n_in, out, n_out, &options, &metrics, &error), &error);
    return metrics;
}

START_TEST(auroc_is_brute_force)
{
    sample data;

    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        uint64_t more = 0, equal = 0;
        double pairs;
        draw(&data, trial);
        for (size_t i = 0; i < data.n_in; i++) {
            for (size_t j = 0; j < data.n_out; j++) {
                more += data.in[i] > data.out[j];
                equal += data.in[i] == data.out[j];
            }
        }
        pairs = (double)data.n_in * (double)data.n_out;
        ck_assert_double_eq_tol(evaluate(data.in, data.n_in, data.out, data.n_out, 0).auroc,
                                ((double)more + 0.5 * (double)equal) / pairs, 2e-16);
        ck_assert_double_eq_tol(
            evaluate(data.in, data.n_in, data.out, data.n_out, AMP_OOD_AREA_AMP).auroc,
            (double)more / pairs, 2e-16);
    }
}
END_TEST

START_TEST(auroc_of_exchanged_sets)
{
    sample data;

    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        double forth, back;
        draw(&data, trial);
        forth = evaluate(data.in, data.n_in, data.out, data.n_out, 0).auroc;
        back = evaluate(data.out, data.n_out, data.in, data.n_in, 0).auroc;
        ck_assert(forth + back == 1);
    }
}
END_TEST

/* Negating the scores and exchanging the sets exchanges AUPR-in and AUPR-out and keeps the rest. */
START_TEST(negated_and_exchanged)
{
    sample data;

    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        for (int32_t area = 0; amp_ood_area_name(area); area++) {
            amp_ood_metrics forth, back;
            draw(&data, trial);
            forth = evaluate(data.in, data.n_in, data.out, data.n_out, area);
            for (size_t i = 0; i < data.n_in; i++)
                data.in[i] = -data.in[i];
            for (size_t i = 0; i < data.n_out; i++)
                data.out[i] = -data.out[i];
            back = evaluate(data.out, data.n_out, data.in, data.n_in, area);
            ck_assert(forth.aupr_in == back.aupr_out && forth.aupr_out == back.aupr_in);
            ck_assert(forth.auroc == back.auroc);
            ck_assert(forth.dtacc == back.dtacc);
        }
    }
}
END_TEST

static double share_from(const double *scores, size_t n, double threshold)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += scores[i] >= threshold;
    return (double)count / (double)n;
}

/* Every score of either set as the threshold. */
START_TEST(dtacc_is_brute_force)
{
    sample data;

    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        double best = 0.5;
        draw(&data, trial);
        for (size_t i = 0; i < data.n_in + data.n_out; i++) {
            const double t = i < data.n_in ? data.in[i] : data.out[i - data.n_in];
            best = fmax(best, 0.5 * (share_from(data.in, data.n_in, t) + 1 -
                                     share_from(data.out, data.n_out, t)));
        }
        ck_assert_double_eq_tol(evaluate(data.in, data.n_in, data.out, data.n_out, 0).dtacc, best,
                                3e-16);
    }
}
END_TEST

/* The largest ID score whose TPR reaches the level. */
START_TEST(fpr_is_brute_force)
{
    sample data;

    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        double best = -HUGE_VAL;
        amp_ood_metrics metrics;
        draw(&data, trial);
        for (size_t i = 0; i < data.n_in; i++) {
            if (share_from(data.in, data.n_in, data.in[i]) >= 0.95)
                best = fmax(best, data.in[i]);
        }
        metrics = evaluate(data.in, data.n_in, data.out, data.n_out, 0);
        ck_assert(metrics.threshold == best);
        ck_assert(metrics.tpr == share_from(data.in, data.n_in, best));
        ck_assert(metrics.fpr == share_from(data.out, data.n_out, best));
    }
}
END_TEST

/* The order of the input is not seen, and -0 ties with +0. */
START_TEST(order_and_zeros)
{
    const double in[] = { 0.0, -0.0, 1, 2 }, out[] = { -0.0, 0.0, -1 };
    const double in_again[] = { 2, 0.0, 1, 0.0 }, out_again[] = { -1, -0.0, -0.0 };
    const amp_ood_metrics a = evaluate(in, 4, out, 3, 0);
    const amp_ood_metrics b = evaluate(in_again, 4, out_again, 3, 0);

    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert_double_eq_tol(a.auroc, (8 + 0.5 * 4) / 12, 1e-15);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { auroc_is_brute_force,
                                   auroc_of_exchanged_sets,
                                   negated_and_exchanged,
                                   dtacc_is_brute_force,
                                   fpr_is_brute_force,
                                   order_and_zeros,
                                   NULL };
    return test_suite("eval.pairs", tests);
}

TEST_MAIN(suite)
