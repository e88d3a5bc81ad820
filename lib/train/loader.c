/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/loader.c - makes the next batch on a thread of its own while the network trains on this
 * one.
 *
 * Two slots: the consumer holds one, the worker fills the other.  Without a thread the batch is
 * made in place; the bits are the same.
 */
#include "train/batch.h"

#include <pthread.h>
#include <string.h>

struct ampi_loader {
    amp_context *context;
    ampi_batcher *batcher; /* used by the worker alone once it runs */
    uint32_t per_epoch;
    uint64_t next; /* number of the batch to make, counted over epochs */
    ampi_batch slots[2];
    int filled; /* slot that is ready, or -1                        */
    int held;   /* slot that the consumer reads, or -1              */
    bool threaded, running, stop;
    amp_status status; /* of the worker's last batch                */
    amp_error error;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static amp_status make_next(ampi_loader *loader, int slot, amp_error *error)
{
    const uint64_t at = loader->next++;

    return ampi_batcher_make(loader->batcher, (uint32_t)(at / loader->per_epoch),
                             (uint32_t)(at % loader->per_epoch), &loader->slots[slot], error);
}

/* Waits for a free slot; -1 when asked to stop. */
static int wait_for_room(ampi_loader *loader)
{
    int slot = -1;

    (void)pthread_mutex_lock(&loader->mutex);
    while (!loader->stop && loader->filled >= 0)
        (void)pthread_cond_wait(&loader->changed, &loader->mutex);
    if (!loader->stop)
        slot = loader->held == 0 ? 1 : 0;
    (void)pthread_mutex_unlock(&loader->mutex);
    return slot;
}

static void *work(void *argument)
{
    ampi_loader *const loader = argument;
    amp_status status = AMP_OK;
    int slot;

    while (status == AMP_OK && (slot = wait_for_room(loader)) >= 0) {
        amp_error error;
        memset(&error, 0, sizeof error);
        status = make_next(loader, slot, &error);
        (void)pthread_mutex_lock(&loader->mutex);
        loader->status = status;
        loader->error = error;
        loader->filled = slot;
        (void)pthread_cond_broadcast(&loader->changed);
        (void)pthread_mutex_unlock(&loader->mutex);
    }
    return NULL;
}

static amp_status make_slots(ampi_loader *loader, size_t inputs, uint32_t batch, amp_error *error)
{
    for (int i = 0; i < 2; i++) {
        loader->slots[i].input = ampi_alloc(loader->context, inputs, sizeof(float));
        loader->slots[i].labels = ampi_alloc(loader->context, batch, sizeof(int32_t));
        loader->slots[i].others = ampi_alloc(loader->context, batch, sizeof(int32_t));
        if (!loader->slots[i].input || !loader->slots[i].labels || !loader->slots[i].others)
            return ampi_fail_nomem(error, "train", inputs * sizeof(float));
    }
    return AMP_OK;
}

static amp_status start_thread(ampi_loader *loader, amp_error *error)
{
    const int code = pthread_create(&loader->thread, NULL, work, loader);

    if (code != 0)
        return ampi_fail_errno(error, AMP_E_NOMEM, "train", code, "cannot start the loader");
    loader->running = true;
    return AMP_OK;
}

amp_status ampi_loader_create(ampi_loader **out, ampi_batcher *batcher, bool threaded,
                              uint32_t epoch, uint32_t index, uint32_t per_epoch, amp_error *error)
{
    amp_context *const context = batcher->source->context;
    const size_t halves = batcher->anchored ? 2 : 1;
    ampi_loader *const loader = ampi_alloc(context, 1, sizeof *loader);
    amp_status status;

    *out = NULL;
    if (!loader)
        return ampi_fail_nomem(error, "train", sizeof *loader);
    loader->context = context;
    loader->batcher = batcher;
    loader->per_epoch = per_epoch;
    loader->next = (uint64_t)epoch * per_epoch + index;
    loader->filled = loader->held = -1;
    loader->threaded = threaded;
    (void)pthread_mutex_init(&loader->mutex, NULL);
    (void)pthread_cond_init(&loader->changed, NULL);
    status = make_slots(loader, batcher->values * halves * batcher->batch, batcher->batch, error);
    if (status == AMP_OK && threaded)
        status = start_thread(loader, error);
    if (status != AMP_OK) {
        ampi_loader_free(loader);
        return status;
    }
    *out = loader;
    return AMP_OK;
}

static amp_status take_filled(ampi_loader *loader, amp_error *error)
{
    amp_status status;

    (void)pthread_mutex_lock(&loader->mutex);
    while (loader->filled < 0)
        (void)pthread_cond_wait(&loader->changed, &loader->mutex);
    status = loader->status;
    if (status == AMP_OK) {
        loader->held = loader->filled;
        loader->filled = -1;
        (void)pthread_cond_broadcast(&loader->changed);
    } else if (error) {
        *error = loader->error;
    }
    (void)pthread_mutex_unlock(&loader->mutex);
    return status;
}

amp_status ampi_loader_next(ampi_loader *loader, const ampi_batch **out, amp_error *error)
{
    if (loader->threaded) {
        AMPI_TRY(take_filled(loader, error));
    } else {
        AMPI_TRY(make_next(loader, 0, error));
        loader->held = 0;
    }
    *out = &loader->slots[loader->held];
    return AMP_OK;
}

void ampi_loader_free(ampi_loader *loader)
{
    if (!loader)
        return;
    if (loader->running) {
        (void)pthread_mutex_lock(&loader->mutex);
        loader->stop = true;
        (void)pthread_cond_broadcast(&loader->changed);
        (void)pthread_mutex_unlock(&loader->mutex);
        (void)pthread_join(loader->thread, NULL);
    }
    for (int i = 0; i < 2; i++) {
        ampi_free(loader->context, loader->slots[i].input);
        ampi_free(loader->context, loader->slots[i].labels);
        ampi_free(loader->context, loader->slots[i].others);
    }
    (void)pthread_mutex_destroy(&loader->mutex);
    (void)pthread_cond_destroy(&loader->changed);
    ampi_free(loader->context, loader);
}
