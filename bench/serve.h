/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/serve.h - how bench/compare talks to a contender, for those written in C.
 *
 * One line in, one JSON line out:
 *   (at start)     {"ready": true, "version": "...", "settings": "...", "multiply_adds": 0}
 *                  or {"refused": "why"} and the end
 *   run R          {"times": [ns, ...], "cpu": ns}   R repetitions by the monotonic clock; the
 *                  processor time of all of them together
 *   logits FILE    {"values": n}   float32 [n] of the last run, written to FILE
 *   quit           (the end)
 * worker_loop.py says the same in Python.
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <stddef.h>

typedef struct bench_work {
    const char *version;              /**< of the library, without quotes                    */
    const char *settings;             /**< how it was set up, without quotes                 */
    unsigned long multiply_adds;      /**< of one repetition; 0 = not known                  */
    int (*run)(void *user);           /**< one repetition; 0, or the worker ends             */
    const char *(*fault)(void *user); /**< why the last run failed                       */
    const float *logits;              /**< of the last run; NULL = none                      */
    size_t n_logits;
    void *user;
} bench_work;

/** Answer lines of standard input until "quit" or its end.  Returns the exit code. */
int bench_serve(const bench_work *work);

/** Say why there is nothing to serve.  Returns the exit code. */
int bench_refuse(const char *why);

#endif
