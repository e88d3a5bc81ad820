/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/reader.c - a ring of files: added behind, decoded by any thread in between, taken in batches
 * at the front.
 *
 * While a batch is in the network the threads decode the next ones.  The caller decodes too when
 * it has to wait: with one thread nothing runs beside it.
 */
#define _POSIX_C_SOURCE 200809L
#include "reader.h"

#include "cli.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define RING ((size_t)3 * READER_BATCH)
#define MOST_THREADS 8
/* Decoded pixels that wait for the network, a thread that decodes. */
#define MOST_WAITING ((size_t)64 << 20)

struct reader {
    amp_context *context;
    int threads; /* wanted, the caller among them */
    int started; /* threads of its own            */
    pthread_t helpers[MOST_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* something to read, or the end; something was read */
    /* Of what is below, the caller alone changes `added` and `released`; all under the lock. */
    reader_item ring[RING];           /* item number i at i % RING                   */
    size_t released, taken, added;    /* numbers of the first that is not yet ...     */
    size_t waiting, largest, in_hand; /* bytes decoded; of one image; images in work */
    bool stop;
};

reader *reader_create(amp_context *context, int threads)
{
    reader *const r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->context = context;
    r->threads = threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->work, NULL);
    (void)pthread_cond_init(&r->done, NULL);
    return r;
}

static reader_item *item_at(reader *r, size_t number)
{
    return &r->ring[number % RING];
}

static size_t limit(const reader *r)
{
    return MOST_WAITING * (size_t)r->threads;
}

/* ---- reading: under the lock, which read_one() lets go meanwhile ---- */

/* What is in hand will be as large as the largest so far, as far as one can tell. */
static bool may_read(const reader *r)
{
    return r->taken < r->added && r->waiting + r->in_hand * r->largest < limit(r);
}

static size_t pixel_bytes(const amp_image *image)
{
    return (size_t)3 * amp_image_width(image) * amp_image_height(image);
}

static void read_one(reader *r)
{
    reader_item *const item = item_at(r, r->taken++);
    size_t bytes;

    r->in_hand++;
    (void)pthread_mutex_unlock(&r->lock);
    if (!item->bad)
        item->bad =
            amp_image_open(&item->image, r->context, item->path, NULL, &item->error) != AMP_OK;
    bytes = pixel_bytes(item->image);
    (void)pthread_mutex_lock(&r->lock);
    r->in_hand--;
    r->waiting += bytes;
    r->largest = bytes > r->largest ? bytes : r->largest;
    item->ready = true;
    (void)pthread_cond_signal(&r->done);
    (void)pthread_cond_broadcast(&r->work);
}

static void *help(void *argument)
{
    reader *const r = argument;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        if (may_read(r))
            read_one(r);
        else
            (void)pthread_cond_wait(&r->work, &r->lock);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Signals are for the caller, whose poll() must end.  Fewer threads than wanted will do. */
static void start(reader *r)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (r->started < r->threads - 1 &&
           pthread_create(&r->helpers[r->started], NULL, help, r) == 0)
        r->started++;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_mutex_lock(&r->lock);
    r->threads = r->started + 1;
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- the caller's side ---- */

bool reader_has_room(const reader *r)
{
    return r->added - r->released < RING;
}

bool reader_is_empty(const reader *r)
{
    return r->added == r->released;
}

static void fill(reader_item *item, char *path, const char *why)
{
    memset(item, 0, sizeof *item);
    item->path = path;
    item->bad = why != NULL;
    if (why)
        (void)snprintf(item->error.message, sizeof item->error.message, "%s", why);
}

bool reader_add(reader *r, const char *path, const char *why)
{
    char *const copy = strdup(path);
    bool second;

    if (!copy)
        return false;
    (void)pthread_mutex_lock(&r->lock);
    fill(item_at(r, r->added), copy, why);
    r->added++;
    second = r->added - r->released == 2;
    (void)pthread_cond_signal(&r->work);
    (void)pthread_mutex_unlock(&r->lock);
    if (second && r->started < r->threads - 1)
        start(r);
    return true;
}

/* False when the memory for what waits is used up before number `i`, or after an interrupt. */
static bool wait_for(reader *r, size_t i)
{
    while (!item_at(r, i)->ready) {
        if (cli_interrupted())
            return false;
        if (may_read(r))
            read_one(r);
        else if (i >= r->taken)
            return false;
        else
            (void)pthread_cond_wait(&r->done, &r->lock);
    }
    return true;
}

void reader_next(reader *r, reader_batch *out)
{
    /* Half waits in the network while the other half is read. */
    const size_t most = r->threads > 1 ? limit(r) / 2 : limit(r);
    size_t bytes = 0;

    out->n = 0;
    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = r->released; i < r->added && out->n < READER_BATCH && bytes < most; i++) {
        if (!wait_for(r, i))
            break;
        out->items[out->n] = item_at(r, i);
        bytes += pixel_bytes(out->items[out->n++]->image);
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (cli_interrupted())
        out->n = 0;
}

static size_t drop(reader_item *item)
{
    const size_t bytes = pixel_bytes(item->image);

    amp_image_free(item->image);
    free(item->path);
    return bytes;
}

void reader_give_back(reader *r, const reader_batch *batch)
{
    size_t bytes = 0;

    for (int i = 0; i < batch->n; i++)
        bytes += drop(batch->items[i]);
    (void)pthread_mutex_lock(&r->lock);
    r->released += (size_t)batch->n;
    r->waiting -= bytes;
    (void)pthread_cond_broadcast(&r->work);
    (void)pthread_mutex_unlock(&r->lock);
}

void reader_free(reader *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->stop = true;
    (void)pthread_cond_broadcast(&r->work);
    (void)pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->started; i++)
        (void)pthread_join(r->helpers[i], NULL);
    for (size_t i = r->released; i < r->added; i++)
        (void)drop(item_at(r, i));
    (void)pthread_cond_destroy(&r->done);
    (void)pthread_cond_destroy(&r->work);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}
