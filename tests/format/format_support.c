/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format_support.c - see format_support.h.
 */
#include "format_support.h"
#include "core/file.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

bytes make_file(const char *header, const void *data, size_t data_size)
{
    const size_t length = strlen(header);
    bytes file = { NULL, 8 + length + data_size };

    file.data = calloc(1, file.size);
    ck_assert_ptr_nonnull(file.data);
    ampi_write_u64le(file.data, length);
    memcpy(file.data + 8, header, length);
    if (data != NULL)
        memcpy(file.data + 8 + length, data, data_size);
    return file;
}

bytes save_model(const amp_model *model)
{
    const char *const path = test_scratch_path("saved.safetensors");
    amp_error error = { 0 };
    bytes file;

    ck_ok(amp_model_save(model, path, &error), &error);
    file.data = test_read_file(path, &file.size);
    return file;
}

static json_t *sample_record(void)
{
    json_t *const record = json_pack(
        "{s:s, s:[s,s,s], s:{s:f, s:[{s:s,s:i,s:f,s:f}]}, s:{s:i,s:{s:[f,f,f,f]}}, s:{s:i}}",
        "preprocess", "height=8,width=8,channels=3", "classes", "cat", "dog", "caf\xc3\xa9",
        "calibration", "temperature", 1.25, "thresholds", "method", "amp", "anchors", 5, "tpr",
        0.95, "threshold", -0.125, "int8", "images", 9, "ranges", "block3.layer.0.conv2", 0.0, 2.5,
        -3.0, 4.0, "later", "kept", 1);

    ck_assert_ptr_nonnull(record);
    return record;
}

bytes make_model_file(amp_context *context)
{
    const size_t stems[] = { 5, 2, 2 }, codes[] = { 7 };
    ampi_graph *graph = NULL;
    ampi_blobs sections;
    ampi_blob *blob = NULL;
    amp_model *model = NULL;
    amp_error error = { 0 };
    json_t *const record = sample_record();

    ck_ok(ampi_graph_build(&graph, context, SMALL_ARCH, &error), &error);
    ampi_graph_init(graph, 1);
    ampi_blobs_init(&sections, graph->context);
    ck_ok(ampi_blobs_add(&sections, &blob, AMPI_BANK_STEMS, AMPI_DTYPE_F32, 3, stems, &error),
          &error);
    for (size_t i = 0; i < 20; i++)
        ((float *)blob->data)[i] = (float)i;
    ck_ok(ampi_blobs_add(&sections, &blob, "amp.later.codes", AMPI_DTYPE_I8, 1, codes, &error),
          &error);
    memcpy(blob->data, "\x80\xff\x00\x7f\x01\x02\x03", 7);
    ck_ok(ampi_model_make(&model, graph, &sections, record, &error), &error);
    json_decref(record);
    const bytes file = save_model(model);
    amp_model_unref(model);
    return file;
}

char *header_of(bytes file, size_t *data)
{
    ampi_cursor cursor = { file.data, file.data + file.size };
    uint64_t length = 0;

    ck_assert(ampi_read_u64le(&cursor, &length) && length <= file.size - 8);
    char *const text = malloc(length + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, cursor.at, length);
    text[length] = '\0';
    *data = 8 + (size_t)length;
    return text;
}

bytes with_header(bytes file, const char *header)
{
    size_t data = 0;

    free(header_of(file, &data));
    return make_file(header, file.data + data, file.size - data);
}

bytes edited(bytes file, void (*change)(json_t *header, void *user), void *user)
{
    size_t data = 0;
    char *text = header_of(file, &data);
    json_t *const header = json_loads(text, 0, NULL);

    ck_assert_ptr_nonnull(header);
    free(text);
    json_object_del(json_object_get(header, "__metadata__"), "amp.crc32");
    change(header, user);
    text = json_dumps(header, JSON_COMPACT);
    ck_assert_ptr_nonnull(text);
    const bytes made = make_file(text, file.data + data, file.size - data);
    free(text);
    json_decref(header);
    return made;
}

static bool same_values(const ampi_tensor *left, const ampi_tensor *right)
{
    float *a = NULL, *b = NULL;
    amp_error error = { 0 };
    bool same;

    if (left->count != right->count || left->counter != right->counter)
        return false;
    if (left->count == 0)
        return true;
    ck_ok(ampi_tensor_plain(left, NULL, &a, &error), &error);
    ck_ok(ampi_tensor_plain(right, NULL, &b, &error), &error);
    same = memcmp(a, b, left->count * sizeof(float)) == 0;
    ampi_free(NULL, a);
    ampi_free(NULL, b);
    return same;
}

static bool same_tensors(const ampi_graph *a, const ampi_graph *b)
{
    if (a->n_tensors != b->n_tensors || strcmp(a->arch, b->arch) != 0)
        return false;
    for (size_t i = 0; i < a->n_tensors; i++) {
        const ampi_tensor *const left = &a->tensors[i];
        const ampi_tensor *const right = ampi_graph_find(b, left->name);
        if (right == NULL || !same_values(left, right))
            return false;
    }
    return true;
}

static bool same_sections(const ampi_blobs *a, const ampi_blobs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const ampi_blob *const left = &a->items[i];
        const ampi_blob *const right = ampi_blobs_find(b, left->name);
        if (right == NULL || left->dtype != right->dtype || left->rank != right->rank ||
            memcmp(left->dims, right->dims, sizeof left->dims) != 0 ||
            memcmp(left->data, right->data, left->bytes) != 0)
            return false;
    }
    return true;
}

bool same_models(const amp_model *a, const amp_model *b)
{
    return same_tensors(a->graph, b->graph) && same_sections(&a->sections, &b->sections) &&
           strcmp(a->record_text, b->record_text) == 0;
}

amp_status parse_bytes(amp_model **out, amp_context *context, bytes file, amp_error *error)
{
    return ampi_model_parse(
        out, context,
        &(ampi_model_source){ .bytes = file.data, .size = file.size, .name = "some.safetensors" },
        error);
}

amp_status parse_path(amp_model **out, amp_context *context, const char *path, amp_error *error)
{
    ampi_file *file = NULL;
    amp_status status;

    *out = NULL;
    AMPI_TRY(ampi_file_open(&file, context, path, AMPI_MODEL_MAX_BYTES, "model", error));
    status = ampi_model_parse(
        out, context, &(ampi_model_source){ .name = "some.safetensors", .file = file }, error);
    ampi_file_unref(file);
    return status;
}

amp_status parse_file(amp_model **out, amp_context *context, bytes file, amp_error *error)
{
    const char *const path = test_scratch_path("given.safetensors");

    test_write_file(path, file.data, file.size);
    return parse_path(out, context, path, error);
}

static void refused_by(amp_status (*parse)(amp_model **, amp_context *, bytes, amp_error *),
                       bytes file, amp_status status, const char *part)
{
    amp_model *model = NULL;
    amp_error error = { 0 };

    ck_fails(parse(&model, NULL, file, &error), status, &error);
    ck_assert_ptr_null(model);
    ck_assert_msg(strstr(error.message, part) != NULL, "no '%s' in: %s", part, error.message);
    ck_assert_msg(strncmp(error.message, "some.safetensors: ", 18) == 0, "%s", error.message);
}

void refused(bytes file, amp_status status, const char *part)
{
    refused_by(parse_bytes, file, status, part);
    refused_by(parse_file, file, status, part);
}
