/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score/open.c - models opened with their bank, or made new: the first step of everything.
 *
 * lib/format reads the file; what its record says of preprocessing and methods is checked here,
 * where both are known.
 */
#include "core/file.h"
#include "score/scorer_internal.h"

/* Whether the preprocessing fits the network is asked by those who use it. */
static amp_status check_preprocess(const amp_model *model, ampi_prepare *prepare, amp_error *error)
{
    return ampi_prepare_parse(prepare, amp_model_preprocess(model), error);
}

static amp_status check_default_method(const amp_model *model, amp_error *error)
{
    ampi_uses uses = { .context = model->context };
    const char *text = NULL;
    amp_status status;

    if (!json_object_get(model->record, "default_method"))
        return AMP_OK;
    AMPI_TRY(ampi_record_text(model->record, "default_method", &text, error));
    status = ampi_uses_parse(&uses, text, error);
    ampi_free(uses.context, uses.items);
    return status ? ampi_fail_in_file(error, status, "the record's 'default_method'") : AMP_OK;
}

static amp_status attach_bank(amp_model *model, const ampi_prepare *prepare, amp_error *error)
{
    if (!ampi_bank_in_blobs(&model->sections))
        return AMP_OK;
    AMPI_TRY(ampi_bank_from_blobs(&model->bank, &model->sections, prepare, model->graph, error));
    model->bank_unref = amp_bank_unref;
    return AMP_OK;
}

/* What lib/format leaves open: it does not know what these mean. */
static amp_status complete(amp_model *model, amp_error *error)
{
    ampi_prepare prepare;
    const amp_status status = check_preprocess(model, &prepare, error);

    if (status)
        return ampi_fail_in_file(error, status, "the record's 'preprocess'");
    AMPI_TRY(check_default_method(model, error));
    return attach_bank(model, &prepare, error);
}

static amp_status open_source(amp_model **out, amp_context *context,
                              const ampi_model_source *source, amp_error *error)
{
    amp_model *model = NULL;
    amp_status status = ampi_model_parse(&model, context, source, error);

    if (status)
        return status;
    status = complete(model, error);
    if (status) {
        amp_model_unref(model);
        return ampi_fail_in_file(error, status, source->name);
    }
    *out = model;
    return AMP_OK;
}

amp_status amp_model_open_memory(amp_model **out, amp_context *context, const void *bytes,
                                 size_t size, amp_error *error)
{
    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out is NULL");
    *out = NULL;
    if (!bytes)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "bytes is NULL");
    return open_source(out, context,
                       &(ampi_model_source){ .bytes = bytes, .size = size, .name = "memory" },
                       error);
}

amp_status amp_model_open(amp_model **out, amp_context *context, const char *path, amp_error *error)
{
    amp_context *own = NULL;
    ampi_file *file = NULL;
    amp_status status;

    if (!out)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "out is NULL");
    *out = NULL;
    if (!path)
        return ampi_fail(error, AMP_E_ARGUMENT, "model", "path is NULL");
    status = ampi_context_get(&own, context, error);
    if (status)
        return status;
    status = ampi_file_open(&file, own, path, AMPI_MODEL_MAX_BYTES, "model", error);
    if (!status)
        status = open_source(out, own, &(ampi_model_source){ .name = path, .file = file }, error);
    ampi_file_unref(file);
    amp_context_unref(own);
    return status;
}

amp_status amp_model_create(amp_model **out, amp_context *context, const char *arch,
                            const char *preprocess, uint64_t seed, amp_error *error)
{
    ampi_prepare prepare;
    amp_status status = ampi_model_create(out, context, arch, preprocess, seed, error);

    if (status)
        return status;
    status = check_preprocess(*out, &prepare, error);
    if (status) {
        amp_model_unref(*out);
        *out = NULL;
    }
    return status;
}

amp_bank *amp_model_bank(const amp_model *model)
{
    return model ? model->bank : NULL;
}
