/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/profile.c - a scorer run with a watch on its network, and the medians of what was seen.
 *
 * The runs are those of amp_scorer_run_rgb8(), so a profile explains what a user waits for.
 */
#include "score/scorer_internal.h"

#include <amp/profile.h>
#include <stdlib.h>

#define MOST_IMAGES 4096u
#define MOST_REPEATS 10000u
#define WARM_UP 2

_Static_assert(sizeof(amp_profile_step) == 64, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, name) == 8, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, what) == 16, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, kernel) == 24, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, shape) == 32, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, seconds) == 40, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, multiply_adds) == 48, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, rows) == 56, "amp_profile_step layout");
_Static_assert(offsetof(amp_profile_step, calls) == 60, "amp_profile_step layout");

struct amp_profile {
    amp_context *context;
    ampi_watch watch; /* seconds of a row: its median */
    double run, steps;
};

/* The runs of one profile. */
typedef struct session {
    amp_scorer *scorer;
    size_t n, repeats, rows;
    uint8_t *pixels;
    double *scores;  /* [methods,n] */
    double *samples; /* [rows + 2,repeats]: of each row, then of the steps together, of the run */
} session;

/* ---- one run ---- */

static void fill_noise(uint8_t *pixels, size_t bytes)
{
    ampi_rng rng = ampi_rng_make(0, AMPI_RNG_TEST, 0, 0);

    for (size_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)ampi_rng_u32(&rng);
}

static amp_status make_inputs(session *s, amp_error *error)
{
    const ampi_prepare *const prepare = &s->scorer->prepare;
    const size_t bytes = 3 * (size_t)prepare->width * prepare->height;
    const size_t methods = s->scorer->uses.count;

    s->pixels = ampi_alloc_raw(s->scorer->context, s->n, bytes);
    s->scores = ampi_alloc_raw(s->scorer->context, s->n, methods * sizeof *s->scores);
    if (!s->pixels || !s->scores)
        return ampi_fail_nomem(error, "score", s->n * bytes);
    fill_noise(s->pixels, s->n * bytes);
    return AMP_OK;
}

static amp_status run_once(const session *s, amp_error *error)
{
    const amp_scores out = { .struct_size = sizeof out, .score = s->scores };
    const ampi_prepare *const prepare = &s->scorer->prepare;

    return amp_scorer_run_rgb8(s->scorer, s->n, s->pixels, prepare->height, prepare->width, &out,
                               error);
}

/* ---- all runs ---- */

static amp_status warm_up(session *s, const ampi_watch *watch, amp_error *error)
{
    for (int i = 0; i < WARM_UP; i++)
        AMPI_TRY(run_once(s, error));
    s->rows = watch->count;
    s->samples = ampi_alloc(s->scorer->context, s->rows + 2, s->repeats * sizeof *s->samples);
    if (!s->samples)
        return ampi_fail_nomem(error, "score", (s->rows + 2) * s->repeats * sizeof *s->samples);
    return AMP_OK;
}

static amp_status sample(session *s, ampi_watch *watch, size_t repeat, amp_error *error)
{
    double *const sums = s->samples + s->rows * s->repeats, *const runs = sums + s->repeats;
    double began;

    ampi_watch_restart(watch);
    began = ampi_watch_now();
    AMPI_TRY(run_once(s, error));
    runs[repeat] = ampi_watch_now() - began;
    for (size_t i = 0; i < s->rows; i++) {
        s->samples[i * s->repeats + repeat] = watch->rows[i].seconds;
        sums[repeat] += watch->rows[i].seconds;
    }
    return AMP_OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The lower one of two in the middle. */
static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[(n - 1) / 2];
}

/* Rows that the last run did not come by go: plans of other threads. */
static void summarise(amp_profile *profile, const session *s)
{
    ampi_watch *const watch = &profile->watch;
    size_t kept = 0;

    for (size_t i = 0; i < s->rows; i++) {
        watch->rows[i].seconds = median(s->samples + i * s->repeats, s->repeats);
        if (watch->rows[i].calls > 0)
            watch->rows[kept++] = watch->rows[i];
    }
    watch->count = kept;
    profile->steps = median(s->samples + s->rows * s->repeats, s->repeats);
    profile->run = median(s->samples + (s->rows + 1) * s->repeats, s->repeats);
}

static amp_status run_all(session *s, amp_profile *profile, amp_error *error)
{
    AMPI_TRY(make_inputs(s, error));
    AMPI_TRY(warm_up(s, &profile->watch, error));
    for (size_t i = 0; i < s->repeats; i++)
        AMPI_TRY(sample(s, &profile->watch, i, error));
    summarise(profile, s);
    return AMP_OK;
}

static amp_status watch_runs(session *s, amp_profile *profile, amp_error *error)
{
    amp_status status = ampi_pass_watch(s->scorer->pass, &profile->watch, error);

    if (!status)
        status = run_all(s, profile, error);
    (void)ampi_pass_watch(s->scorer->pass, NULL, NULL);
    return status;
}

/* ---- the public calls ---- */

amp_status amp_scorer_profile(amp_profile **out, amp_scorer *scorer, size_t n, uint32_t repeats,
                              amp_error *error)
{
    session s = { .scorer = scorer, .n = n, .repeats = repeats };
    amp_profile *profile;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "out is NULL");
    *out = NULL;
    if (!scorer)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "scorer is NULL");
    if (n < 1 || n > MOST_IMAGES || repeats < 1 || repeats > MOST_REPEATS)
        return ampi_fail(error, AMP_E_ARGUMENT, "score",
                         "a profile of %zu images and %u runs, allowed are 1..%u and 1..%u", n,
                         repeats, MOST_IMAGES, MOST_REPEATS);
    profile = ampi_alloc(scorer->context, 1, sizeof *profile);
    if (!profile)
        return ampi_fail_nomem(error, "score", sizeof *profile);
    profile->context = amp_context_ref(scorer->context);
    profile->watch.context = scorer->context;
    status = watch_runs(&s, profile, error);
    ampi_free(scorer->context, s.pixels);
    ampi_free(scorer->context, s.scores);
    ampi_free(scorer->context, s.samples);
    if (!status)
        *out = profile;
    else
        amp_profile_free(profile);
    return status;
}

uint32_t amp_profile_count(const amp_profile *profile)
{
    return profile ? (uint32_t)profile->watch.count : 0;
}

amp_status amp_profile_get_step(const amp_profile *profile, uint32_t index, amp_profile_step *step,
                                amp_error *error)
{
    amp_profile_step known = { 0 };
    const ampi_watch_row *row;

    if (!profile)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "profile is NULL");
    if (index >= profile->watch.count)
        return ampi_fail(error, AMP_E_ARGUMENT, "score", "step %u, the profile has %zu", index,
                         profile->watch.count);
    row = &profile->watch.rows[index];
    known.name = row->name;
    known.what = row->what;
    known.kernel = row->kernel;
    known.shape = row->shape;
    known.seconds = row->seconds;
    known.multiply_adds = row->multiply_adds * row->calls;
    known.rows = row->rows;
    known.calls = row->calls;
    return ampi_struct_write(step, &known, sizeof known, "score", error);
}

double amp_profile_run_seconds(const amp_profile *profile)
{
    return profile ? profile->run : 0.0;
}

double amp_profile_steps_seconds(const amp_profile *profile)
{
    return profile ? profile->steps : 0.0;
}

void amp_profile_free(amp_profile *profile)
{
    amp_context *context;

    if (!profile)
        return;
    context = profile->context;
    ampi_watch_clear(&profile->watch);
    ampi_free(context, profile);
    amp_context_unref(context);
}
