/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/trainer_create.c - a trainer from a model, a data set and options; and its end.
 */
#include "train/train_internal.h"

#include <string.h>

#define MIB ((uint64_t)1 << 20)

static amp_status read_model(amp_trainer *trainer, amp_error *error)
{
    const ampi_shape input = ampi_graph_input(trainer->initial->graph);

    AMPI_TRY(ampi_prepare_parse(&trainer->prepare, amp_model_preprocess(trainer->initial), error));
    if (trainer->prepare.height != input.h || trainer->prepare.width != input.w ||
        trainer->prepare.channels != ampi_graph_image_channels(trainer->initial->graph))
        return ampi_fail(error, AMP_E_SHAPE, "train",
                         "preprocessing gives %ux%ux%u, the network takes %ux%ux%u",
                         trainer->prepare.channels, trainer->prepare.height, trainer->prepare.width,
                         ampi_graph_image_channels(trainer->initial->graph), input.h, input.w);
    trainer->classes = ampi_graph_classes(trainer->initial->graph);
    return ampi_graph_clone(&trainer->graph, trainer->initial->graph, error);
}

static uint64_t held_out_count(const ampi_train_options *options, uint64_t n)
{
    if (options->held_out >= 0)
        return (uint64_t)options->held_out;
    return n / 10 < 2000 ? n / 10 : 2000;
}

/* Another handle on all images of a set. */
static amp_status whole(amp_dataset **out, amp_context *context, amp_dataset *dataset,
                        amp_error *error)
{
    const uint64_t n = amp_dataset_size(dataset);
    uint64_t *const all = ampi_alloc(context, (size_t)n, sizeof *all);
    amp_status status;

    *out = NULL;
    if (!all)
        return ampi_fail_nomem(error, "train", (size_t)n * sizeof *all);
    for (uint64_t i = 0; i < n; i++)
        all[i] = i;
    status = amp_dataset_subset(out, dataset, n, all, error);
    ampi_free(context, all);
    return status;
}

static amp_status split_data(amp_trainer *trainer, amp_dataset *dataset, amp_error *error)
{
    const uint64_t n = amp_dataset_size(dataset);
    const uint64_t held_out = held_out_count(&trainer->options, n);

    if (amp_dataset_classes(dataset) > trainer->classes)
        return ampi_fail(error, AMP_E_SHAPE, "train", "%u classes of images, the network has %u",
                         amp_dataset_classes(dataset), trainer->classes);
    if (held_out >= n)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "held_out is %llu of %llu images",
                         (unsigned long long)held_out, (unsigned long long)n);
    trainer->data_spec = ampi_strdup(trainer->context, ampi_dataset_spec(dataset));
    if (!trainer->data_spec)
        return ampi_fail_nomem(error, "train", strlen(ampi_dataset_spec(dataset)));
    if (held_out == 0)
        AMPI_TRY(whole(&trainer->rest, trainer->context, dataset, error));
    else
        AMPI_TRY(amp_dataset_split(&trainer->rest, &trainer->held_out, dataset, held_out,
                                   (uint64_t)trainer->options.seed, error));
    trainer->source.context = trainer->context;
    return ampi_source_create(&trainer->source, trainer->rest, &trainer->prepare, trainer->classes,
                              (uint64_t)trainer->options.cache_mib * MIB, error);
}

/* Anchors for the accuracy of each epoch: the same few training images throughout. */
static amp_status choose_anchors(amp_trainer *trainer, amp_error *error)
{
    const size_t values = trainer->source.image_bytes;
    const size_t k = ampi_min_size((size_t)trainer->options.held_out_anchors, trainer->source.n);
    ampi_rng rng = ampi_rng_make((uint64_t)trainer->options.seed, AMPI_RNG_BANK, 0, 1);
    uint8_t *scratch;
    amp_status status = AMP_OK;

    if (!trainer->graph->anchored)
        return AMP_OK;
    trainer->accuracy.k = k;
    trainer->accuracy.anchors = ampi_alloc(trainer->context, k * values, sizeof(float));
    if (!trainer->accuracy.anchors)
        return ampi_fail_nomem(error, "train", k * values * sizeof(float));
    scratch = ampi_alloc(trainer->context, values, 1);
    if (!scratch)
        return ampi_fail_nomem(error, "train", values);
    for (size_t i = 0; status == AMP_OK && i < k; i++) {
        const uint8_t *pixels = NULL;
        status = ampi_source_pixels(&trainer->source, ampi_rng_below(&rng, trainer->source.n),
                                    scratch, &pixels, error);
        if (status == AMP_OK)
            ampi_prepare_normalise(&trainer->prepare, pixels,
                                   trainer->accuracy.anchors + i * values);
    }
    ampi_free(trainer->context, scratch);
    return status;
}

static amp_status prepare_accuracy(amp_trainer *trainer, amp_error *error)
{
    if (!trainer->held_out)
        return AMP_OK;
    trainer->accuracy.held_out = trainer->held_out;
    trainer->accuracy.images.context = trainer->context;
    AMPI_TRY(ampi_source_create(&trainer->accuracy.images, trainer->held_out, &trainer->prepare,
                                trainer->classes, (uint64_t)trainer->options.cache_mib * MIB,
                                error));
    return choose_anchors(trainer, error);
}

static amp_status size_batches(amp_trainer *trainer, amp_error *error)
{
    const uint32_t n = trainer->source.n;
    const uint32_t asked = (uint32_t)trainer->options.batch;
    uint64_t steps;

    /* The rest of an epoch that fills no batch is left out; another epoch draws it. */
    trainer->batch = asked < n ? asked : n;
    trainer->per_epoch = n / trainer->batch;
    if (__builtin_mul_overflow((uint64_t)trainer->options.epochs, (uint64_t)trainer->per_epoch,
                               &steps))
        return ampi_fail(error, AMP_E_LIMIT, "train", "too many batches");
    trainer->steps = steps;
    return AMP_OK;
}

static amp_status check_sizes(const amp_trainer *trainer, amp_error *error)
{
    const uint32_t height = trainer->prepare.height, width = trainer->prepare.width;
    const int64_t side = height < width ? height : width;
    const int64_t crop = trainer->options.crop, cutout = trainer->options.cutout;

    /* A mirrored border is as long as the image without its edge. */
    if (crop > side - (trainer->options.border != 0 && crop > 0))
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "crop=%lld is more than the %ux%u image",
                         (long long)crop, width, height);
    if (cutout > side)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "cutout=%lld is more than the %ux%u image",
                         (long long)cutout, width, height);
    return AMP_OK;
}

static amp_status make_tape(amp_trainer *trainer, amp_error *error)
{
    const ampi_tape_options options = {
        .threads = trainer->threads,
        .backend = (ampi_backend)trainer->options.backend,
        .precision = trainer->options.precision == AMPI_TRAIN_BF16 ? AMPI_PRECISION_BF16
                                                                   : AMPI_PRECISION_FP32,
    };

    AMPI_TRY(
        ampi_tape_create_with(&trainer->tape, trainer->graph, trainer->batch, &options, error));
    ampi_log(trainer->context, AMP_LOG_INFO, "train: %s, %d threads, %.1f MiB a batch of %u",
             ampi_precision_name(options.precision), (int)options.threads,
             (double)ampi_tape_bytes(trainer->tape) / (double)MIB, trainer->batch);
    return AMP_OK;
}

static amp_status make_engine(amp_trainer *trainer, amp_error *error)
{
    const size_t logits = (size_t)trainer->batch * trainer->classes;

    trainer->threads = trainer->options.threads ? (int32_t)trainer->options.threads
                                                : amp_context_threads(trainer->context);
    AMPI_TRY(ampi_batcher_create(&trainer->batcher, &trainer->source, &trainer->options,
                                 trainer->graph->anchored, trainer->batch, error));
    AMPI_TRY(make_tape(trainer, error));
    AMPI_TRY(ampi_sgd_create(&trainer->sgd, trainer->graph, &trainer->options, error));
    trainer->sgd.threads = trainer->threads;
    AMPI_TRY(ampi_average_create(&trainer->average, &trainer->options, trainer->graph, error));
    trainer->logits = ampi_alloc(trainer->context, logits, sizeof(float));
    trainer->d_logits = ampi_alloc(trainer->context, logits, sizeof(float));
    trainer->history = json_array();
    if (!trainer->logits || !trainer->d_logits || !trainer->history)
        return ampi_fail_nomem(error, "train", logits * sizeof(float));
    return AMP_OK;
}

/* What was chosen goes into checkpoints, so that a run goes on as it began. */
static void choose_precision(ampi_train_options *options)
{
    const ampi_backend backend = (ampi_backend)options->backend;

    if (options->precision == AMPI_TRAIN_AUTO)
        options->precision =
            ampi_precision_here(backend, AMPI_PRECISION_BF16) ? AMPI_TRAIN_BF16 : AMPI_TRAIN_FP32;
}

static amp_status fill(amp_trainer *trainer, amp_dataset *dataset, const char *options,
                       amp_error *error)
{
    AMPI_TRY(ampi_train_options_parse(&trainer->options, options, error));
    choose_precision(&trainer->options);
    AMPI_TRY(read_model(trainer, error));
    AMPI_TRY(split_data(trainer, dataset, error));
    AMPI_TRY(size_batches(trainer, error));
    AMPI_TRY(check_sizes(trainer, error));
    AMPI_TRY(prepare_accuracy(trainer, error));
    return make_engine(trainer, error);
}

amp_status ampi_trainer_build(amp_trainer **out, amp_model *initial, amp_dataset *dataset,
                              const char *options, amp_error *error)
{
    amp_context *const context = amp_model_context(initial);
    amp_trainer *const trainer = ampi_alloc(context, 1, sizeof *trainer);
    amp_status status;

    *out = NULL;
    if (!trainer)
        return ampi_fail_nomem(error, "train", sizeof *trainer);
    trainer->context = amp_context_ref(context);
    trainer->initial = amp_model_ref(initial);
    status = fill(trainer, dataset, options, error);
    if (status != AMP_OK) {
        amp_trainer_free(trainer);
        return status;
    }
    *out = trainer;
    return AMP_OK;
}

/* Before the first batch alone: a resumed run has its weights. */
static amp_status whiten(amp_trainer *trainer, amp_error *error)
{
    const uint64_t seed = (uint64_t)trainer->options.seed;

    if (trainer->options.whiten == AMPI_WHITEN_NONE)
        return AMP_OK;
    AMPI_TRY(ampi_whiten(trainer->graph, &trainer->source, seed, error));
    return trainer->average ? ampi_whiten(trainer->average, &trainer->source, seed, error) : AMP_OK;
}

amp_status amp_trainer_create(amp_trainer **out, amp_model *initial, amp_dataset *dataset,
                              const char *options, amp_error *error)
{
    amp_status status;

    if (!out || !initial || !dataset)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "out, initial and dataset must be given");
    *out = NULL;
    if (ampi_dataset_context(dataset) != amp_model_context(initial))
        return ampi_fail(error, AMP_E_ARGUMENT, "train",
                         "data set and model have different contexts");
    AMPI_TRY(ampi_trainer_build(out, initial, dataset, options, error));
    status = whiten(*out, error);
    if (status != AMP_OK) {
        amp_trainer_free(*out);
        *out = NULL;
    }
    return status;
}

amp_status ampi_trainer_start(amp_trainer *trainer, amp_error *error)
{
    return ampi_loader_create(&trainer->loader, &trainer->batcher, trainer->options.workers > 0,
                              (uint32_t)(trainer->step / trainer->per_epoch),
                              (uint32_t)(trainer->step % trainer->per_epoch), trainer->per_epoch,
                              error);
}

amp_status amp_trainer_held_out(amp_trainer *trainer, amp_dataset **out, amp_error *error)
{
    if (!trainer || !out)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "trainer and out must be given");
    *out = NULL;
    if (!trainer->held_out)
        return ampi_fail(error, AMP_E_ARGUMENT, "train", "no images are held out (held_out=0)");
    return whole(out, trainer->context, trainer->held_out, error);
}

void amp_trainer_free(amp_trainer *trainer)
{
    amp_context *context;

    if (!trainer)
        return;
    context = trainer->context;
    ampi_loader_free(trainer->loader);
    ampi_batcher_clear(&trainer->batcher);
    ampi_tape_free(trainer->tape);
    ampi_sgd_clear(&trainer->sgd);
    ampi_free(context, trainer->logits);
    ampi_free(context, trainer->d_logits);
    ampi_free(context, trainer->accuracy.anchors);
    ampi_source_clear(&trainer->accuracy.images);
    ampi_source_clear(&trainer->source);
    json_decref(trainer->history);
    ampi_free(context, trainer->data_spec);
    amp_dataset_free(trainer->rest);
    amp_dataset_free(trainer->held_out);
    ampi_graph_free(trainer->graph);
    ampi_graph_free(trainer->average);
    amp_model_unref(trainer->initial);
    ampi_free(context, trainer);
    amp_context_unref(context);
}
