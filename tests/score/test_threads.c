/* SPDX-License-Identifier: Apache-2.0 */
/* test_threads.c - clones in many threads, models shared by threads, a forked child. */
#include "score_support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8u
#define IMAGES 6u

typedef struct job {
    amp_model *model;
    amp_scorer *scorer; /* NULL: makes its own */
    const uint8_t *pixels;
    results got;
} job;

static void *work(void *argument)
{
    job *const mine = argument;
    amp_scorer *scorer = mine->scorer;
    amp_error error = { 0 };

    if (!scorer && amp_scorer_create(&scorer, mine->model, NULL, "amp;msp", NULL, &error) != AMP_OK)
        return NULL;
    mine->got = results_make(scorer, IMAGES, 10);
    if (amp_scorer_run_rgb8(scorer, IMAGES, mine->pixels, SIDE, SIDE, &mine->got.arrays, &error) !=
        AMP_OK)
        return NULL;
    if (!mine->scorer)
        amp_scorer_free(scorer);
    return mine;
}

/* All jobs at once; each must give what `expected` has. */
static void run_jobs(job jobs[THREADS], const results *expected)
{
    pthread_t threads[THREADS];

    for (size_t t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&threads[t], NULL, work, &jobs[t]), 0);
    for (size_t t = 0; t < THREADS; t++) {
        void *done = NULL;
        ck_assert_int_eq(pthread_join(threads[t], &done), 0);
        ck_assert_msg(done == &jobs[t], "thread %zu failed", t);
        results_same(&jobs[t].got, 0, expected);
        results_free(&jobs[t].got);
    }
}

static amp_scorer *make(amp_model *model)
{
    amp_scorer *scorer = NULL;
    amp_error error = { 0 };

    ck_ok(amp_scorer_create(&scorer, model, NULL, "amp;msp", NULL, &error), &error);
    return scorer;
}

START_TEST(clones_in_threads)
{
    amp_context *const context = score_context(4);
    amp_model *const model = score_anchored(context, 5);
    uint8_t *const pixels = score_pixels(IMAGES);
    amp_scorer *const first = make(model);
    results expected = results_of(first, IMAGES, pixels);
    job jobs[THREADS];
    amp_error error = { 0 };

    for (size_t t = 0; t < THREADS; t++) {
        jobs[t] = (job){ .model = model, .pixels = pixels };
        ck_ok(amp_scorer_clone(&jobs[t].scorer, first, &error), &error);
        ck_assert_ptr_eq(jobs[t].scorer->network, first->network);
        ck_assert_str_eq(amp_scorer_method(jobs[t].scorer, 1), "msp");
    }
    amp_scorer_free(first);
    run_jobs(jobs, &expected);
    for (size_t t = 0; t < THREADS; t++)
        amp_scorer_free(jobs[t].scorer);
    results_free(&expected);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

/* Nothing has run the model yet: the threads race to make its programs. */
START_TEST(scorers_made_in_threads)
{
    amp_context *const context = score_context(2);
    uint8_t *const pixels = score_pixels(IMAGES);
    amp_model *const other = score_anchored(context, 5), *const model = score_anchored(context, 5);
    amp_scorer *const first = make(other);
    results expected = results_of(first, IMAGES, pixels);
    job jobs[THREADS];

    for (size_t t = 0; t < THREADS; t++)
        jobs[t] = (job){ .model = model, .pixels = pixels };
    run_jobs(jobs, &expected);
    amp_scorer_free(first);
    results_free(&expected);
    free(pixels);
    amp_model_unref(other);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

static void child_scores(amp_scorer *scorer, const uint8_t *pixels, const results *expected)
{
    results got = results_of(scorer, IMAGES, pixels);

    results_same(&got, 0, expected);
    results_free(&got);
}

/* After the parent ran in parallel, a child scores with an old scorer, a clone and a new one. */
START_TEST(forked_child)
{
    amp_context *const context = score_context(2);
    amp_model *const model = score_anchored(context, 5);
    uint8_t *const pixels = score_pixels(IMAGES);
    amp_scorer *const scorer = make(model);
    results expected = results_of(scorer, IMAGES, pixels);
    int status = 0;
    amp_error error = { 0 };

    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        amp_scorer *clone = NULL, *const fresh = make(model);
        if (amp_scorer_clone(&clone, scorer, &error) != AMP_OK)
            _exit(2);
        child_scores(scorer, pixels, &expected);
        child_scores(clone, pixels, &expected);
        child_scores(fresh, pixels, &expected);
        amp_scorer_free(clone);
        amp_scorer_free(fresh);
        amp_scorer_free(scorer);
        results_free(&expected);
        free(pixels);
        amp_model_unref(model);
        amp_context_unref(context);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
    results again = results_of(scorer, IMAGES, pixels);
    results_same(&again, 0, &expected);
    results_free(&again);
    results_free(&expected);
    amp_scorer_free(scorer);
    free(pixels);
    amp_model_unref(model);
    amp_context_unref(context);
}
END_TEST

START_TEST(back_ends_agree)
{
    amp_context *const context = score_context(1);
    uint8_t *const pixels = score_pixels(IMAGES);
    amp_model *const fast = score_anchored(context, 3), *const slow = score_anchored(context, 3);

    score_use_reference(slow);
    amp_scorer *const a = make(fast), *const b = make(slow);
    results one = results_of(a, IMAGES, pixels), two = results_of(b, IMAGES, pixels);
    for (size_t i = 0; i < IMAGES; i++) {
        ck_assert_double_eq_tol(one.arrays.score[i], two.arrays.score[i], 1e-3);
        ck_assert_double_eq_tol(one.arrays.tau[i], two.arrays.tau[i], 1e-3);
        ck_assert_int_eq(one.arrays.label[i], two.arrays.label[i]);
    }
    results_free(&one);
    results_free(&two);
    amp_scorer_free(a);
    amp_scorer_free(b);
    free(pixels);
    amp_model_unref(fast);
    amp_model_unref(slow);
    amp_context_unref(context);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { clones_in_threads, scorers_made_in_threads, forked_child,
                                   back_ends_agree, NULL };
    return test_suite("score.threads", tests);
}

TEST_MAIN(suite)
