/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_tool.c - runs and trains a network on given arrays, for tests against PyTorch.
 *
 * usage: exec_tool forward BACKEND THREADS ARCH STATE INPUT OUTPUT
 *        exec_tool train BACKEND THREADS ARCH STATE BATCHES OUTPUT STEPS LR MOMENTUM DECAY EXACT
 * BACKEND is onednn or reference.  STATE, INPUT, BATCHES and OUTPUT are raw files of nets.py:
 * INPUT holds x [n,c,h,w], OUTPUT then y [n,classes].  BATCHES holds x and labels [n] of all
 * steps; OUTPUT then holds losses [steps], the first step's logits, d_input and
 * "gradient.<tensor>", and "state.<tensor>" after the last step.
 */
#include "exec/exec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARRAYS 1024u

typedef struct array {
    char name[AMPI_NAME + 16];
    uint32_t rank;
    uint64_t dims[4];
    size_t count;
    void *data; /* float, or one int64_t for rank 0 */
} array;

typedef struct arrays {
    array items[MAX_ARRAYS];
    uint32_t count;
} arrays;

static void fail(const char *what)
{
    fprintf(stderr, "exec_tool: %s\n", what);
    exit(1);
}

static void need(amp_status status, const amp_error *error)
{
    if (status != AMP_OK)
        fail(error->message);
}

static void *allocate(size_t bytes)
{
    void *const memory = calloc(1, bytes ? bytes : 1);

    if (!memory)
        fail("out of memory");
    return memory;
}

/* ---- raw files ------------------------------------------------------------------------------- */

static void get(FILE *file, void *out, size_t bytes)
{
    if (fread(out, 1, bytes, file) != bytes)
        fail("a raw file ends early");
}

static void read_array(FILE *file, array *out)
{
    uint32_t length;

    get(file, &length, sizeof length);
    if (length >= sizeof out->name)
        fail("a name is too long");
    get(file, out->name, length);
    get(file, &out->rank, sizeof out->rank);
    if (out->rank > 4)
        fail("too many dimensions");
    get(file, out->dims, out->rank * sizeof *out->dims);
    out->count = 1;
    for (uint32_t i = 0; i < out->rank; i++)
        out->count *= out->dims[i];
    out->data = allocate(out->count * 8);
    get(file, out->data, out->rank ? out->count * sizeof(float) : sizeof(int64_t));
}

static arrays *read_raw(const char *path)
{
    FILE *const file = fopen(path, "rb");
    arrays *const all = allocate(sizeof *all);
    char magic[8];

    if (!file)
        fail("a raw file cannot be opened");
    get(file, magic, sizeof magic);
    get(file, &all->count, sizeof all->count);
    if (memcmp(magic, "AMPRAW1\n", 8) != 0 || all->count > MAX_ARRAYS)
        fail("not a raw file");
    for (uint32_t i = 0; i < all->count; i++)
        read_array(file, &all->items[i]);
    fclose(file);
    return all;
}

static void write_raw(const char *path, const arrays *all)
{
    FILE *const file = fopen(path, "wb");

    if (!file)
        fail("the output cannot be opened");
    fwrite("AMPRAW1\n", 1, 8, file);
    fwrite(&all->count, sizeof all->count, 1, file);
    for (uint32_t i = 0; i < all->count; i++) {
        const array *const item = &all->items[i];
        const uint32_t length = (uint32_t)strlen(item->name);
        fwrite(&length, sizeof length, 1, file);
        fwrite(item->name, 1, length, file);
        fwrite(&item->rank, sizeof item->rank, 1, file);
        fwrite(item->dims, sizeof *item->dims, item->rank, file);
        fwrite(item->data, item->rank ? sizeof(float) : sizeof(int64_t), item->count, file);
    }
    if (fclose(file) != 0)
        fail("the output cannot be written");
}

static const array *find(const arrays *all, const char *name)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (strcmp(all->items[i].name, name) == 0)
            return &all->items[i];
    fail(name);
    return NULL;
}

/* A copy of `data` as one more array. */
static array *add(arrays *all, const char *prefix, const char *name, size_t count, const void *data)
{
    array *const item = &all->items[all->count++];

    if (all->count > MAX_ARRAYS)
        fail("too many arrays");
    snprintf(item->name, sizeof item->name, "%s%s", prefix, name);
    item->rank = 1;
    item->dims[0] = count;
    item->count = count;
    item->data = allocate(count * sizeof(float));
    if (data)
        memcpy(item->data, data, count * sizeof(float));
    return item;
}

/* ---- networks -------------------------------------------------------------------------------- */

static ampi_graph *make_graph(const char *arch, int32_t threads, const char *state_path)
{
    const arrays *const state = read_raw(state_path);
    amp_context_options options;
    amp_context *context = NULL;
    ampi_graph *graph = NULL;
    amp_error error = { 0 };

    amp_context_options_init(&options, sizeof options);
    options.threads = threads;
    need(amp_context_create(&context, &options, &error), &error);
    need(ampi_graph_build(&graph, context, arch, &error), &error);
    amp_context_unref(context);
    for (size_t i = 0; i < graph->n_tensors; i++) {
        ampi_tensor *const tensor = &graph->tensors[i];
        const array *const from = find(state, tensor->name);
        if (tensor->rank == 0)
            memcpy(&tensor->counter, from->data, sizeof tensor->counter);
        else if (from->count != tensor->count)
            fail(tensor->name);
        else
            memcpy(tensor->data, from->data, tensor->count * sizeof(float));
    }
    return graph;
}

static ampi_backend backend_of(const char *name)
{
    return strcmp(name, "reference") == 0 ? AMPI_BACKEND_REFERENCE : AMPI_BACKEND_ONEDNN;
}

static int forward(char **argv)
{
    const int32_t threads = atoi(argv[3]);
    ampi_graph *const graph = make_graph(argv[4], threads, argv[5]);
    const array *const x = find(read_raw(argv[6]), "x");
    arrays *const out = allocate(sizeof *out);
    ampi_program *program = NULL;
    ampi_runner *runner = NULL;
    amp_error error = { 0 };
    array *y;

    need(ampi_program_create(&program, graph, backend_of(argv[2]), &error), &error);
    need(ampi_runner_create(&runner, program, &error), &error);
    y = add(out, "", "y", (size_t)x->dims[0] * ampi_program_output(program).c, NULL);
    need(ampi_runner_forward(runner, threads, x->dims[0], x->data, y->data, &error), &error);
    write_raw(argv[7], out);
    ampi_runner_free(runner);
    ampi_program_unref(program);
    ampi_graph_free(graph);
    return 0;
}

/* ---- training -------------------------------------------------------------------------------- */

typedef struct training {
    ampi_graph *graph;
    ampi_tape *tape;
    size_t batch, classes, image; /* image: values */
    float lr, momentum, decay;
    float *logits, *d_logits, *d_input;
    float **velocity;
    arrays *out;
} training;

/* Mean cross entropy; its gradient in d_logits. */
static double loss_of(const training *job, const float *labels)
{
    double total = 0;

    for (size_t i = 0; i < job->batch; i++) {
        const float *const row = job->logits + i * job->classes;
        const size_t label = (size_t)labels[i];
        double largest = (double)row[0], sum = 0;
        for (size_t k = 1; k < job->classes; k++)
            largest = fmax(largest, (double)row[k]);
        for (size_t k = 0; k < job->classes; k++)
            sum += exp((double)row[k] - largest);
        total += log(sum) + largest - (double)row[label];
        for (size_t k = 0; k < job->classes; k++)
            job->d_logits[i * job->classes + k] =
                (float)((exp((double)row[k] - largest) / sum - (k == label ? 1 : 0)) /
                        (double)job->batch);
    }
    return total / (double)job->batch;
}

static void update(const training *job, size_t index)
{
    const ampi_tensor *const tensor = &job->graph->tensors[index];
    const float *const gradient = ampi_tape_gradient(job->tape, index);

    for (size_t i = 0; gradient && i < tensor->count; i++) {
        float *const v = &job->velocity[index][i];
        *v = job->momentum * *v + gradient[i] + job->decay * tensor->data[i];
        tensor->data[i] -= job->lr * *v;
    }
}

static void keep_first(const training *job)
{
    add(job->out, "", "logits", job->batch * job->classes, job->logits);
    add(job->out, "", "d_input", job->batch * job->image, job->d_input);
    for (size_t i = 0; i < job->graph->n_tensors; i++)
        if (ampi_tape_gradient(job->tape, i))
            add(job->out, "gradient.", job->graph->tensors[i].name, job->graph->tensors[i].count,
                ampi_tape_gradient(job->tape, i));
}

static float run_step(const training *job, uint64_t step, const float *x, const float *labels)
{
    amp_error error = { 0 };
    double loss;

    need(ampi_tape_forward(job->tape, x, 1, step, job->logits, &error), &error);
    loss = loss_of(job, labels);
    need(ampi_tape_backward(job->tape, job->d_logits, step == 0 ? job->d_input : NULL, &error),
         &error);
    if (step == 0)
        keep_first(job);
    for (size_t i = 0; i < job->graph->n_tensors; i++)
        update(job, i);
    return (float)loss;
}

static void make_job(training *job, char **argv, const array *x, size_t steps)
{
    const ampi_tape_options options = { .threads = atoi(argv[3]),
                                        .backend = backend_of(argv[2]),
                                        .exact = atoi(argv[12]) != 0 };
    amp_error error = { 0 };

    job->graph = make_graph(argv[4], options.threads, argv[5]);
    job->batch = x->dims[0] / steps;
    job->image = x->count / x->dims[0];
    job->classes = ampi_graph_classes(job->graph);
    job->lr = (float)atof(argv[9]);
    job->momentum = (float)atof(argv[10]);
    job->decay = (float)atof(argv[11]);
    need(ampi_tape_create_with(&job->tape, job->graph, job->batch, &options, &error), &error);
    job->logits = allocate(job->batch * job->classes * sizeof(float));
    job->d_logits = allocate(job->batch * job->classes * sizeof(float));
    job->d_input = allocate(job->batch * job->image * sizeof(float));
    job->velocity = allocate(job->graph->n_tensors * sizeof *job->velocity);
    for (size_t i = 0; i < job->graph->n_tensors; i++)
        job->velocity[i] = allocate(job->graph->tensors[i].count * sizeof(float));
}

static int train(char **argv)
{
    const size_t steps = (size_t)atoi(argv[8]);
    const arrays *const batches = read_raw(argv[6]);
    const array *const x = find(batches, "x"), *const labels = find(batches, "labels");
    training job = { .out = allocate(sizeof *job.out) };
    array *losses;

    make_job(&job, argv, x, steps);
    losses = add(job.out, "", "losses", steps, NULL);
    for (size_t i = 0; i < steps; i++)
        ((float *)losses->data)[i] =
            run_step(&job, i, (const float *)x->data + i * job.batch * job.image,
                     (const float *)labels->data + i * job.batch);
    for (size_t i = 0; i < job.graph->n_tensors; i++)
        if (job.graph->tensors[i].rank)
            add(job.out, "state.", job.graph->tensors[i].name, job.graph->tensors[i].count,
                job.graph->tensors[i].data);
    write_raw(argv[7], job.out);
    ampi_tape_free(job.tape);
    ampi_graph_free(job.graph);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 8 && strcmp(argv[1], "forward") == 0)
        return forward(argv);
    if (argc == 13 && strcmp(argv[1], "train") == 0)
        return train(argv);
    fail("usage: exec_tool forward|train ..., see exec_tool.c");
    return 1;
}
