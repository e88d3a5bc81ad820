/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_in_file.c - models whose weights stay in their file: read when asked for, the same as from
 * memory, and an error when the file is not what it was.
 */
#include "format_support.h"
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A model file at a path of its own, and the model opened from there. */
typedef struct fixture {
    char path[4096];
    bytes file;
    amp_model *model;
} fixture;

static fixture set_up(void)
{
    fixture f = { .file = make_model_file(NULL) };
    amp_error error = { 0 };

    snprintf(f.path, sizeof f.path, "%s/in_file", test_scratch());
    test_write_file(f.path, f.file.data, f.file.size);
    ck_ok(parse_path(&f.model, NULL, f.path, &error), &error);
    return f;
}

static void tear_down(fixture *f)
{
    amp_model_unref(f->model);
    free(f->file.data);
}

START_TEST(only_vectors_are_in_memory)
{
    size_t in_file = 0, in_memory = 0;
    fixture f = set_up();

    for (size_t i = 0; i < f.model->graph->n_tensors; i++) {
        const ampi_tensor *const tensor = &f.model->graph->tensors[i];
        ck_assert_int_eq(tensor->file != NULL, tensor->rank >= 2);
        ck_assert_int_eq(tensor->data != NULL, tensor->rank == 1);
        in_file += tensor->file != NULL;
        in_memory += tensor->data != NULL;
    }
    ck_assert_uint_eq(in_file, 10); /* stem, 3 stages of 2 convolutions, 2 shortcuts, fc */
    ck_assert_uint_gt(in_memory, 20);
    tear_down(&f);
}
END_TEST

START_TEST(values_are_those_of_the_bytes)
{
    amp_model *from_bytes = NULL;
    amp_error error = { 0 };
    fixture f = set_up();

    ck_ok(parse_bytes(&from_bytes, NULL, f.file, &error), &error);
    ck_assert(same_models(from_bytes, f.model));
    amp_model_unref(from_bytes);
    tear_down(&f);
}
END_TEST

START_TEST(a_clone_is_in_memory)
{
    ampi_graph *clone = NULL;
    amp_error error = { 0 };
    fixture f = set_up();

    ck_ok(ampi_graph_clone(&clone, f.model->graph, &error), &error);
    ck_ok(ampi_graph_check(clone, &error), &error);
    for (size_t i = 0; i < clone->n_tensors; i++) {
        float *values = NULL;
        if (clone->tensors[i].count == 0)
            continue;
        ck_assert_ptr_nonnull(clone->tensors[i].data);
        ck_assert_ptr_null(clone->tensors[i].file);
        ck_ok(ampi_tensor_plain(&f.model->graph->tensors[i], NULL, &values, &error), &error);
        ck_assert_mem_eq(values, clone->tensors[i].data, clone->tensors[i].count * sizeof(float));
        ampi_free(NULL, values);
    }
    ampi_graph_free(clone);
    tear_down(&f);
}
END_TEST

/* Over the file that its weights lie in, too: the old one lives on until nobody reads it. */
START_TEST(saved_again_it_is_the_same_file)
{
    amp_error error = { 0 };
    fixture f = set_up();

    for (int i = 0; i < 2; i++) {
        bytes again;
        ck_ok(amp_model_save(f.model, f.path, &error), &error);
        again.data = test_read_file(f.path, &again.size);
        ck_assert_uint_eq(again.size, f.file.size);
        ck_assert_mem_eq(again.data, f.file.data, f.file.size);
        free(again.data);
    }
    tear_down(&f);
}
END_TEST

START_TEST(a_removed_file_is_still_read)
{
    amp_model *from_bytes = NULL;
    amp_error error = { 0 };
    fixture f = set_up();

    ck_assert_int_eq(unlink(f.path), 0);
    ck_ok(parse_bytes(&from_bytes, NULL, f.file, &error), &error);
    ck_assert(same_models(from_bytes, f.model));
    amp_model_unref(from_bytes);
    tear_down(&f);
}
END_TEST

static void cut(const char *path)
{
    ck_assert_int_eq(truncate(path, 4000), 0);
}

static void write_into(const char *path)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1 } };
    const int fd = open(path, O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, 5000), 1);
    /* What any later write does to the time, within the clock's tick. */
    ck_assert_int_eq(futimens(fd, times), 0);
    close(fd);
}

START_TEST(a_file_written_to_is_an_error)
{
    void (*const changes[])(const char *) = { cut, write_into };
    char other[4096];

    snprintf(other, sizeof other, "%s/other", test_scratch());
    for (size_t i = 0; i < 2; i++) {
        fixture f = set_up();
        ampi_graph *clone = NULL;
        amp_error error = { 0 };
        changes[i](f.path);
        ck_fails(ampi_graph_clone(&clone, f.model->graph, &error), AMP_E_IO, &error);
        ck_assert_ptr_null(clone);
        ck_assert_msg(strstr(error.message, "written to while it was in use") != NULL, "%s",
                      error.message);
        ck_fails(amp_model_save(f.model, other, &error), AMP_E_IO, &error);
        ck_assert_int_ne(access(other, F_OK), 0);
        ck_assert_int_eq(unlink(f.path), 0);
        tear_down(&f);
    }
}
END_TEST

static void nothing(json_t *header, void *user)
{
    (void)header;
    (void)user;
}

/* Without a checksum, as other writers leave it: first and last weight of each tensor. */
START_TEST(what_is_not_finite_is_named)
{
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    bytes sealed = make_model_file(NULL), file = edited(sealed, nothing, NULL);
    amp_model *model = NULL;
    amp_error error = { 0 };
    size_t seen = 0;

    ck_ok(parse_file(&model, NULL, file, &error), &error);
    for (size_t i = 0; i < model->graph->n_tensors; i++) {
        const ampi_tensor *const tensor = &model->graph->tensors[i];
        for (size_t k = 0; tensor->file != NULL && k < 2; k++) {
            const size_t at = k == 0 ? 0 : tensor->count - 1;
            unsigned char *const place = file.data + tensor->offset + at * sizeof(float);
            unsigned char kept[sizeof(float)];
            char says[200];
            memcpy(kept, place, sizeof kept);
            memcpy(place, &bad[seen % 3], sizeof kept);
            snprintf(says, sizeof says, "%s: value %zu is ", tensor->name, at);
            refused(file, AMP_E_FORMAT, says);
            memcpy(place, kept, sizeof kept);
            seen++;
        }
    }
    ck_assert_uint_eq(seen, 20);
    amp_model_unref(model);
    free(file.data);
    free(sealed.data);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = { only_vectors_are_in_memory,   values_are_those_of_the_bytes,
                                   a_clone_is_in_memory,         saved_again_it_is_the_same_file,
                                   a_removed_file_is_still_read, a_file_written_to_is_an_error,
                                   what_is_not_finite_is_named,  NULL };
    return test_suite("format.in_file", tests);
}

TEST_MAIN(suite)
