/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/reader.h - image files read and decoded ahead of the network, in the order of their paths.
 */
#ifndef READER_H
#define READER_H

#include <amp/amp.h>
#include <stdbool.h>
#include <stddef.h>

#define READER_BATCH 32

typedef struct reader_item {
    char *path;
    amp_image *image; /* NULL: of no use, the reason in error */
    amp_error error;
    bool bad, ready;
} reader_item;

/* The oldest items, all ready. */
typedef struct reader_batch {
    int n;
    reader_item *items[READER_BATCH];
} reader_batch;

typedef struct reader reader;

/* `threads` read at once: the caller, while it waits in reader_next(), and threads - 1 of its own,
   which are started for the second path.  The context outlives the reader.  NULL = no memory. */
reader *reader_create(amp_context *context, int threads);

/* Appends a path, which is copied, or with `why` one that is known to be of no use.  The reader
   must have room.  False = no memory. */
bool reader_add(reader *r, const char *path, const char *why);

/* Room for one more path?  Nothing left? */
bool reader_has_room(const reader *r);
bool reader_is_empty(const reader *r);

/* Waits for the next batch, and reads meanwhile; fewer than READER_BATCH where no more were added,
   or where they are large: of decoded pixels it holds 64 MiB a thread, and one image a thread.
   n = 0 when none is left, or after an interrupt.  Each batch goes back before the next. */
void reader_next(reader *r, reader_batch *out);
void reader_give_back(reader *r, const reader_batch *batch);

/* Ends the threads; NULL is ignored. */
void reader_free(reader *r);

#endif
