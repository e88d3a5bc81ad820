/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_recipe.c - which tensor moves how, averages of weights, whitened first layers.
 */
#include "train_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET "airbench:width=8"
#define SMALL "epochs=2,batch=16,held_out=16,workers=0,threads=1,seed=3,"

static amp_context *new_context(void)
{
    amp_context *context = NULL;
    amp_error error;

    ck_ok(amp_context_create(&context, NULL, &error), &error);
    return context;
}

static size_t index_of(const amp_trainer *trainer, const char *name)
{
    for (size_t i = 0; i < trainer->graph->n_tensors; i++)
        if (strcmp(trainer->graph->tensors[i].name, name) == 0)
            return i;
    ck_abort_msg("%s is missing", name);
}

typedef struct rule_row {
    const char *options, *tensor;
    double factor, decay;
} rule_row;

static const rule_row rules[] = {
    { "weight_decay=0.01", "layer1.bn1.bias", 1, 0.01 },
    { "weight_decay=0.01", "whiten.bias", 1, 0.01 },
    { "weight_decay=0.01,decay_vectors=0", "whiten.bias", 1, 0 },
    { "weight_decay=0.01,decay_vectors=0", "layer2.bn1.weight", 1, 0 },
    { "weight_decay=0.01,decay_vectors=0", "layer2.conv1.weight", 1, 0.01 },
    { "weight_decay=0.01,decay_vectors=0", "linear.weight", 1, 0.01 },
    { "weight_decay=0.01,bias_lr=64", "layer3.bn2.bias", 64, 0.01 / 64 },
    { "weight_decay=0.01,bias_lr=64", "linear.bias", 1, 0.01 },
    { "weight_decay=0.01,gain_lr=0", "layer3.bn2.weight", 0, 0 },
    { "weight_decay=0.01,gain_lr=0", "layer3.bn2.bias", 1, 0.01 },
    { "weight_decay=0.01,head_lr=0.25", "linear.weight", 0.25, 0.04 },
    { "weight_decay=0.01,head_lr=0.25", "linear.bias", 0.25, 0.04 },
    { "weight_decay=0.01,head_lr=0.25", "layer1.conv2.weight", 1, 0.01 },
    { "whiten=fixed,weight_decay=0.01", "whiten.weight", 0, 0 },
    { "whiten=fixed,weight_decay=0.01", "whiten.bias", 1, 0.01 },
    { "whiten=start,weight_decay=0.01", "whiten.weight", 1, 0.01 },
};

START_TEST(each_part_has_its_rule)
{
    const rule_row *const row = &rules[_i];
    amp_context *const context = new_context();
    ampi_train_options options;
    ampi_graph *graph = NULL;
    ampi_sgd sgd;
    amp_error error;

    ck_ok(ampi_train_options_parse(&options, row->options, &error), &error);
    ck_ok(ampi_graph_build(&graph, context, NET, &error), &error);
    ck_ok(ampi_sgd_create(&sgd, graph, &options, &error), &error);
    for (size_t i = 0; i < graph->n_tensors; i++) {
        if (strcmp(graph->tensors[i].name, row->tensor) != 0)
            continue;
        ck_assert_double_eq_tol(sgd.rules[i].factor, row->factor, 1e-15);
        ck_assert_double_eq_tol(sgd.rules[i].decay, row->decay, 1e-15);
    }
    ampi_sgd_clear(&sgd);
    ampi_graph_free(graph);
    amp_context_unref(context);
}
END_TEST

static bool same_tensor(const ampi_graph *a, const ampi_graph *b, size_t index)
{
    const ampi_tensor *const x = &a->tensors[index], *const y = &b->tensors[index];

    return memcmp(x->data, y->data, x->count * sizeof(float)) == 0;
}

START_TEST(what_is_fixed_stays)
{
    amp_context *const context = new_context();
    amp_trainer *const trainer =
        support_trainer(context, NET, SMALL "whiten=fixed,gain_lr=0,weight_decay=0.1");
    ampi_graph *before = NULL;
    amp_error error;

    ck_ok(ampi_graph_clone(&before, trainer->graph, &error), &error);
    support_steps(trainer, 3);
    ck_assert(same_tensor(before, trainer->graph, index_of(trainer, "whiten.weight")));
    ck_assert(same_tensor(before, trainer->graph, index_of(trainer, "layer1.bn1.weight")));
    ck_assert(!same_tensor(before, trainer->graph, index_of(trainer, "whiten.bias")));
    ck_assert(!same_tensor(before, trainer->graph, index_of(trainer, "layer1.bn1.bias")));
    ck_assert(!same_tensor(before, trainer->graph, index_of(trainer, "linear.weight")));
    ampi_graph_free(before);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

/* The mean, recomputed from copies of the weights of each step. */
START_TEST(a_mean_follows_the_weights)
{
    amp_context *const context = new_context();
    amp_trainer *const trainer = support_trainer(context, NET, SMALL "ema=0.4");
    const size_t at = index_of(trainer, "layer2.bn1.running_var");
    const ampi_tensor *const fast = &trainer->graph->tensors[at];
    const ampi_tensor *const slow = &trainer->average->tensors[at];
    double mean[64];

    ck_assert_uint_le(fast->count, 64);
    for (size_t i = 0; i < fast->count; i++)
        mean[i] = (double)fast->data[i];
    for (int step = 1; step <= 6; step++) {
        const double young = (1.0 + step) / (10.0 + step), keep = young < 0.4 ? young : 0.4;
        support_steps(trainer, 1);
        for (size_t i = 0; i < fast->count; i++) {
            mean[i] = keep * mean[i] + (1 - keep) * (double)fast->data[i];
            ck_assert_double_eq_tol((double)slow->data[i], mean[i], 1e-6 * mean[i]);
        }
    }
    ck_assert(!same_tensor(trainer->average, trainer->graph, at));
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

/* Between its steps the slow weights rest; at them training goes on from the slow weights. */
START_TEST(lookahead_steps_back)
{
    amp_context *const context = new_context();
    amp_trainer *const trainer = support_trainer(context, NET, SMALL "lookahead=3");
    const size_t at = index_of(trainer, "layer2.conv1.weight");
    ampi_graph *start = NULL;
    double keep;
    amp_error error;

    ck_ok(ampi_graph_clone(&start, trainer->graph, &error), &error);
    support_steps(trainer, 2);
    ck_assert(same_tensor(start, trainer->average, at));
    ck_assert(!same_tensor(start, trainer->graph, at));
    support_steps(trainer, 1);
    ck_assert(same_tensor(trainer->graph, trainer->average, at));
    ck_assert(!same_tensor(start, trainer->average, at));
    keep = ampi_average_keep(&trainer->options, 3, 8);
    ck_assert_double_eq_tol(keep, pow(0.95, 5) * pow(3.0 / 8, 3), 1e-12);
    ck_assert(ampi_average_keep(&trainer->options, 4, 8) >= 1.0);
    ck_assert(ampi_average_keep(&trainer->options, 8, 8) < 1.0);
    ampi_graph_free(start);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

START_TEST(the_average_is_exported)
{
    static const char *const options[] = { SMALL "ema=0.9", SMALL "lookahead=3" };
    amp_context *const context = new_context();
    amp_trainer *const trainer = support_trainer(context, NET, options[_i]);
    amp_model *model = NULL;
    amp_error error;

    support_steps(trainer, 5);
    ck_ok(amp_trainer_model(trainer, &model, &error), &error);
    for (size_t i = 0; i < trainer->graph->n_tensors; i++)
        if (trainer->graph->tensors[i].data)
            ck_assert_msg(same_tensor(model->graph, trainer->average, i), "%s",
                          model->graph->tensors[i].name);
    ck_assert(!same_tensor(model->graph, trainer->graph, index_of(trainer, "linear.weight")));
    ck_assert_int_eq(
        model->graph->tensors[index_of(trainer, "layer1.bn1.num_batches_tracked")].counter,
        _i == 0 ? 5 : 3);
    amp_model_unref(model);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

/* ---- whitening ------------------------------------------------------------------------------ */

/* Second moments of the filters' answers over all windows of `n` inputs. */
static void answer_moments(const amp_trainer *trainer, const float *inputs, size_t n, double *out)
{
    const ampi_tensor *const weight = &trainer->graph->tensors[index_of(trainer, "whiten.weight")];
    const size_t filters = weight->dims[0], inner = weight->dims[1];
    double answers[64];
    size_t windows = 0;

    memset(out, 0, filters * filters * sizeof *out);
    for (size_t i = 0; i < n * 31 * 31; i++) {
        const size_t y = i / 31 % 31, x = i % 31;
        const float *const input = inputs + i / (31 * 31) * inner * 1024;
        for (size_t f = 0; f < filters; f++) {
            answers[f] = 0;
            for (size_t k = 0; k < inner * 4; k++)
                answers[f] += (double)weight->data[f * inner * 4 + k] *
                              (double)input[k / 4 * 1024 + (y + k / 2 % 2) * 32 + x + k % 2];
        }
        for (size_t f = 0; f < filters; f++)
            for (size_t g = 0; g < filters; g++)
                out[f * filters + g] += answers[f] * answers[g];
        windows++;
    }
    for (size_t i = 0; i < filters * filters; i++)
        out[i] /= (double)windows;
}

/* Answers to training input, other patches of it than the filters come from, have about the length
   1 (the pixels of the discs' noise keep all eigenvalues far from 5e-4), and no two that are not
   each other's negative go together. */
START_TEST(a_whitened_layer_gives_even_answers)
{
    static const char *const archs[] = { NET, NET ",anchored=0" };
    amp_context *const context = new_context();
    amp_trainer *const trainer =
        support_trainer(context, archs[_i], SMALL "whiten=start,corrupt_every=0,crop=0,flip=0");
    const size_t filters = _i == 0 ? 48 : 24, half = filters / 2;
    double *const moments = calloc(filters * filters, sizeof *moments);
    const ampi_batch *batch = NULL;
    amp_error error;

    ck_assert_ptr_nonnull(moments);
    ck_ok(ampi_trainer_start(trainer, &error), &error);
    ck_ok(ampi_loader_next(trainer->loader, &batch, &error), &error);
    answer_moments(trainer, batch->input, trainer->batch, moments);
    for (size_t f = 0; f < half; f++) {
        ck_assert_double_eq_tol(moments[f * filters + f], 1, 0.4);
        ck_assert_double_eq_tol(moments[f * filters + half + f], -moments[f * filters + f], 1e-3);
        for (size_t g = 0; g < half; g++)
            ck_assert(f == g || fabs(moments[f * filters + g]) < 0.25);
    }
    free(moments);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

/* Any first convolution can be: fewer filters than two a value get the largest eigenvectors. */
START_TEST(other_first_layers_are_whitened)
{
    amp_context *const context = new_context();
    amp_trainer *const trainer =
        support_trainer(context, "wrn:depth=10,width=1", SMALL "whiten=start,held_out=8");
    const ampi_tensor *const weight = &trainer->graph->tensors[index_of(trainer, "conv1.weight")];
    const size_t filter = weight->count / 16;

    for (size_t f = 0; f < 8; f++) {
        double length = 0, last = 0;
        for (size_t k = 0; k < filter; k++) {
            const double value = (double)weight->data[f * filter + k];
            ck_assert_double_eq_tol((double)weight->data[(8 + f) * filter + k], -value, 1e-12);
            length += value * value;
            last += f > 0 ? value * (double)weight->data[(f - 1) * filter + k] : 0;
        }
        /* Falling eigenvalues: rising lengths; at right angles to each other. */
        ck_assert_double_gt(length, 0);
        ck_assert_double_le(fabs(last), 1e-4 * length);
    }
    support_steps(trainer, 1);
    amp_trainer_free(trainer);
    amp_context_unref(context);
}
END_TEST

static amp_status whiten_once(amp_context *context, void *user, amp_error *error)
{
    const char *const spec = user;
    amp_dataset *dataset = NULL;
    ampi_prepare prepare;
    ampi_source source = { .context = context };
    ampi_graph *graph = NULL;
    amp_status status = amp_dataset_open(&dataset, context, spec, NULL, error);

    if (status == AMP_OK)
        status = ampi_prepare_parse(&prepare, "height=32,width=32,channels=3", error);
    if (status == AMP_OK)
        status = ampi_source_create(&source, dataset, &prepare, 10, UINT64_MAX, error);
    if (status == AMP_OK)
        status = ampi_graph_build(&graph, context, "airbench:width=4,anchored=0", error);
    if (status == AMP_OK)
        status = ampi_whiten(graph, &source, 1, error);
    ampi_graph_free(graph);
    ampi_source_clear(&source);
    amp_dataset_free(dataset);
    return status;
}

START_TEST(whitening_may_run_out_of_memory)
{
    char spec[512];

    (void)snprintf(spec, sizeof spec, "%s", support_data("memory.bin", 8));
    test_out_of_memory(whiten_once, spec);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("train.recipe");
    TCase *const one = tcase_create("recipe");

    tcase_add_loop_test(one, each_part_has_its_rule, 0, (int)(sizeof rules / sizeof rules[0]));
    tcase_add_test(one, what_is_fixed_stays);
    tcase_add_test(one, a_mean_follows_the_weights);
    tcase_add_test(one, lookahead_steps_back);
    tcase_add_loop_test(one, the_average_is_exported, 0, 2);
    tcase_add_loop_test(one, a_whitened_layer_gives_even_answers, 0, 2);
    tcase_add_test(one, other_first_layers_are_whitened);
    tcase_add_test(one, whitening_may_run_out_of_memory);
    suite_add_tcase(all, one);
    return all;
}

TEST_MAIN(suite)
