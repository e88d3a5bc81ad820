/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/omp.c - the one file that touches OpenMP.
 *
 * It calls libgomp's own entry points, without a pragma: then gcc and clang give the same code on
 * the same runtime as Debian's oneDNN, and two runtimes never meet in a process.  (clang would
 * turn pragmas into calls of libomp, or into nothing with -fopenmp=libgomp.)  The prototypes are
 * those of libgomp's documentation, "The libgomp ABI" and "OpenMP Runtime Library Routines".
 */
#include "exec/omp.h"

extern void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);
extern int omp_in_parallel(void);
extern int omp_get_dynamic(void);
extern int omp_get_thread_limit(void);
extern int omp_get_max_active_levels(void);

typedef struct parallel_job {
    ampi_parallel_fn function;
    void *argument;
    size_t n, pieces;
} parallel_job;

static void run_piece(const parallel_job *job, size_t piece)
{
    const size_t size = job->n / job->pieces, rest = job->n % job->pieces;
    const size_t begin = piece * size + (piece < rest ? piece : rest);
    const size_t end = begin + size + (piece < rest ? 1 : 0);

    if (end > begin)
        job->function(job->argument, begin, end);
}

/* The pieces of one thread of the team: first, first + step, ... */
typedef struct thread_share {
    const parallel_job *job;
    size_t first, step;
} thread_share;

static void run_share(void *data)
{
    const thread_share *const share = data;

    for (size_t piece = share->first; piece < share->job->pieces; piece += share->step)
        run_piece(share->job, piece);
}

/* A team may be smaller than asked for; the pieces stay the same.  Each thread works in a team of
   its own: a barrier inside a oneDNN primitive binds to the innermost team, and in the outer one
   it would wait for threads that have fewer primitives to run, for ever. */
static void run_thread(void *data)
{
    thread_share share = { data, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads() };

    GOMP_parallel(run_share, &share, 1, 0);
}

void ampi_parallel(int32_t threads, size_t n, ampi_parallel_fn fn, void *argument)
{
    parallel_job job = { fn, argument, n, threads > 1 ? (size_t)threads : 1 };

    if (job.pieces == 1)
        run_piece(&job, 0);
    else
        GOMP_parallel(run_thread, &job, (unsigned)threads, 0);
}

int32_t ampi_omp_set(int32_t threads)
{
    const int before = omp_get_max_threads();

    omp_set_num_threads(threads);
    return before;
}

void ampi_omp_restore(int32_t threads)
{
    omp_set_num_threads(threads);
}

bool ampi_omp_team(int32_t threads)
{
    return !omp_in_parallel() && !omp_get_dynamic() && omp_get_thread_limit() >= threads &&
           omp_get_max_active_levels() >= 1;
}
