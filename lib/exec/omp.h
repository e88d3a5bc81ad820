/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/omp.h - threads of a team (omp.c, the only file that touches OpenMP).
 */
#ifndef AMPI_EXEC_OMP_H
#define AMPI_EXEC_OMP_H

#include "core/core.h"

typedef void (*ampi_parallel_fn)(void *argument, size_t begin, size_t end);
/* Splits 0..n-1 into `threads` contiguous pieces (piece bounds depend on n and threads only). */
void ampi_parallel(int32_t threads, size_t n, ampi_parallel_fn fn, void *argument);
/* Sets the OpenMP thread count of the calling thread; returns the one to restore. */
int32_t ampi_omp_set(int32_t threads);
void ampi_omp_restore(int32_t threads);
/* Whether a parallel region that starts now gets `threads`: not inside another one, nor where the
   environment asks for fewer. */
bool ampi_omp_team(int32_t threads);

#endif
