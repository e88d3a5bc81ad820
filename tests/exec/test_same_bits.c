/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_same_bits.c - an image's result on oneDNN is the same bits alone, in any batch, on any
 * number of threads, from any runner, and in a forked child.
 */
#include "exec/exec.h"
#include "random_graph.h"
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLONES 8

typedef struct network {
    const char *arch;
    size_t images; /* more than a runner's piece */
} network;

static const network networks[] = {
    { "wrn:depth=10,width=2,classes=10,size=16", 66 },
    { "resnet18:classes=7,size=9,channels=1", 24 },
    { "resnet50-imagenet:classes=10,size=35,anchored=0", 20 },
};

#define N_NETWORKS ((int)(sizeof networks / sizeof networks[0]))

typedef struct bench {
    ampi_program *program;
    ampi_runner *runner;
    size_t images, in, out; /* the last two: values an image */
    float *input;           /* [images][in]  */
    float *wanted;          /* [images][out]: each image alone, 1 thread */
    float *got;             /* [images][out] */
} bench;

static void run(ampi_runner *runner, int32_t threads, size_t n, const float *input, float *output)
{
    amp_error error = { 0 };

    ck_ok(ampi_runner_forward(runner, threads, n, input, output, &error), &error);
}

static void bench_open(bench *b, const network *net)
{
    ampi_graph *const graph = random_network(net->arch, 5);
    amp_error error = { 0 };

    ck_ok(ampi_program_create(&b->program, graph, AMPI_BACKEND_ONEDNN, &error), &error);
    ampi_graph_free(graph);
    ck_ok(ampi_runner_create(&b->runner, b->program, &error), &error);
    b->images = net->images;
    b->in = shape_volume(ampi_program_input(b->program));
    b->out = shape_volume(ampi_program_output(b->program));
    b->input = random_values(b->images * b->in, 6);
    b->wanted = calloc(b->images * b->out, sizeof(float));
    b->got = calloc(b->images * b->out, sizeof(float));
    ck_assert(b->wanted && b->got);
    for (size_t i = 0; i < b->images; i++)
        run(b->runner, 1, 1, b->input + i * b->in, b->wanted + i * b->out);
}

static void bench_close(bench *b)
{
    ampi_runner_free(b->runner);
    ampi_program_unref(b->program);
    free(b->input);
    free(b->wanted);
    free(b->got);
}

static bool same(const bench *b, size_t first, size_t n, const float *got)
{
    return memcmp(b->wanted + first * b->out, got, n * b->out * sizeof(float)) == 0;
}

START_TEST(batches_and_threads)
{
    bench b;

    bench_open(&b, &networks[_i]);
    const size_t sizes[] = { 1, 2, 3, 17, b.images - 2, b.images };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int32_t threads = 1; threads <= 4; threads++) {
            const size_t first = b.images - sizes[s];
            memset(b.got, 0, b.images * b.out * sizeof(float));
            run(b.runner, threads, sizes[s], b.input + first * b.in, b.got);
            ck_assert_msg(same(&b, first, sizes[s], b.got), "%s: %zu images on %d threads",
                          networks[_i].arch, sizes[s], (int)threads);
        }
    }
    bench_close(&b);
}
END_TEST

typedef struct clone_job {
    const bench *b;
    size_t index;
    amp_status status;
    bool same;
} clone_job;

/* Each clone its own batch sizes, so that plans are made and dropped while others run. */
static void *run_clone(void *argument)
{
    clone_job *const job = argument;
    const bench *const b = job->b;
    float *const got = calloc(b->images * b->out, sizeof(float));
    ampi_runner *runner = NULL;

    job->status = ampi_runner_create(&runner, b->program, NULL);
    job->same = true;
    for (size_t n = 1; n < 7 && job->status == AMP_OK; n++) {
        const size_t size = (n * 3 + job->index) % 5 + 1, first = job->index * 2;
        job->status = ampi_runner_forward(runner, 1 + (int32_t)(job->index & 1), size,
                                          b->input + first * b->in, got, NULL);
        job->same = job->same && same(b, first, size, got);
    }
    ampi_runner_free(runner);
    free(got);
    return NULL;
}

START_TEST(clones_in_threads)
{
    pthread_t threads[CLONES];
    clone_job jobs[CLONES];
    bench b;

    bench_open(&b, &networks[_i]);
    for (size_t i = 0; i < CLONES; i++) {
        jobs[i] = (clone_job){ .b = &b, .index = i };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_clone, &jobs[i]), 0);
    }
    for (size_t i = 0; i < CLONES; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < CLONES; i++) {
        ck_assert_int_eq(jobs[i].status, AMP_OK);
        ck_assert_msg(jobs[i].same, "clone %zu", i);
    }
    bench_close(&b);
}
END_TEST

static void run_inside(void *argument, size_t begin, size_t end)
{
    clone_job *const jobs = argument;

    for (size_t i = begin; i < end; i++)
        (void)run_clone(&jobs[i]);
}

/* Where the caller's own parallel region leaves no threads for a team. */
START_TEST(inside_a_parallel_region)
{
    clone_job jobs[2];
    bench b;

    bench_open(&b, &networks[_i]);
    for (size_t i = 0; i < 2; i++)
        jobs[i] = (clone_job){ .b = &b, .index = i };
    ampi_parallel(2, 2, run_inside, jobs);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(jobs[i].status, AMP_OK);
        ck_assert_msg(jobs[i].same, "thread %zu", i);
    }
    bench_close(&b);
}
END_TEST

/* 0 = the child's results are the parent's. */
static int child(const bench *b)
{
    ampi_runner *fresh = NULL;
    int wrong = 0;

    alarm(60); /* a thread pool that stayed with the parent would be waited for without end */
    if (ampi_runner_forward(b->runner, 2, 5, b->input, b->got, NULL) != AMP_OK)
        return 1;
    wrong |= same(b, 0, 5, b->got) ? 0 : 2;
    if (ampi_runner_create(&fresh, b->program, NULL) != AMP_OK)
        return 4;
    if (ampi_runner_forward(fresh, 2, 18, b->input, b->got, NULL) != AMP_OK)
        return 8;
    wrong |= same(b, 0, 18, b->got) ? 0 : 16;
    ampi_runner_free(fresh);
    return wrong;
}

START_TEST(forked_child)
{
    bench b;
    int status = -1;
    pid_t process;

    bench_open(&b, &networks[_i]);
    run(b.runner, 2, 5, b.input, b.got);
    ck_assert(same(&b, 0, 5, b.got));
    process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0)
        _exit(child(&b));
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %x", (unsigned)status);
    run(b.runner, 2, 5, b.input, b.got);
    ck_assert(same(&b, 0, 5, b.got));
    bench_close(&b);
}
END_TEST

/* A tape repeats itself, and refuses to run with threads in a child that has none of them. */
START_TEST(tape_repeats)
{
    const char *const arch = "wrn:depth=10,width=2,classes=10,size=16,dropout=0.3";
    float *logits[2], *kept = NULL;
    amp_error error = { 0 };

    for (int round = 0; round < 2; round++) {
        ampi_graph *const graph = random_network(arch, 3);
        const size_t n = 6, in = shape_volume(ampi_graph_input(graph));
        float *const x = random_values(n * in, 8), *const d = random_values(n * 10, 9);
        ampi_tape *tape = NULL;
        logits[round] = calloc(n * 10, sizeof(float));
        ck_ok(ampi_tape_create(&tape, graph, n, 2, AMPI_BACKEND_ONEDNN, &error), &error);
        ck_ok(ampi_tape_forward(tape, x, 1, 2, logits[round], &error), &error);
        ck_ok(ampi_tape_backward(tape, d, NULL, &error), &error);
        ck_fails(ampi_tape_backward(tape, d, NULL, &error), AMP_E_ARGUMENT, &error);
        if (round == 0) {
            kept = malloc(graph->tensors[0].count * sizeof(float));
            memcpy(kept, ampi_tape_gradient(tape, 0), graph->tensors[0].count * sizeof(float));
        } else {
            ck_assert_mem_eq(logits[0], logits[1], n * 10 * sizeof(float));
            ck_assert_mem_eq(kept, ampi_tape_gradient(tape, 0),
                             graph->tensors[0].count * sizeof(float));
        }
        ampi_tape_free(tape);
        ampi_graph_free(graph);
        free(x);
        free(d);
    }
    free(logits[0]);
    free(logits[1]);
    free(kept);
}
END_TEST

static int tape_child(ampi_tape *parents, ampi_graph *graph, const float *x, float *logits)
{
    ampi_tape *own = NULL;

    alarm(60);
    if (ampi_tape_forward(parents, x, 1, 2, logits, NULL) != AMP_E_UNSUPPORTED)
        return 1;
    if (ampi_tape_create(&own, graph, 2, 2, AMPI_BACKEND_ONEDNN, NULL) != AMP_OK)
        return 2;
    return ampi_tape_forward(own, x, 1, 2, logits, NULL) == AMP_OK ? 0 : 3;
}

START_TEST(tape_in_child)
{
    ampi_graph *const graph = random_network("wrn:depth=10,width=1,classes=10,size=8", 3);
    float *const x = random_values(2 * shape_volume(ampi_graph_input(graph)), 8);
    ampi_tape *tape = NULL;
    amp_error error = { 0 };
    float logits[20];
    int status = -1;
    pid_t process;

    ck_ok(ampi_tape_create(&tape, graph, 2, 2, AMPI_BACKEND_ONEDNN, &error), &error);
    ck_ok(ampi_tape_forward(tape, x, 1, 2, logits, &error), &error);
    process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0)
        _exit(tape_child(tape, graph, x, logits));
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %x", (unsigned)status);
    ampi_tape_free(tape);
    ampi_graph_free(graph);
    free(x);
}
END_TEST

static Suite *suite(void)
{
    Suite *const all = suite_create("exec.same_bits");
    TCase *const each = tcase_create("each network"), *const tapes = tcase_create("tapes");

    tcase_add_loop_test(each, batches_and_threads, 0, N_NETWORKS);
    tcase_add_loop_test(each, clones_in_threads, 0, N_NETWORKS);
    tcase_add_loop_test(each, inside_a_parallel_region, 0, N_NETWORKS);
    tcase_add_loop_test(each, forked_child, 0, N_NETWORKS);
    tcase_add_test(tapes, tape_repeats);
    tcase_add_test(tapes, tape_in_child);
    suite_add_tcase(all, each);
    suite_add_tcase(all, tapes);
    return all;
}

TEST_MAIN(suite)
