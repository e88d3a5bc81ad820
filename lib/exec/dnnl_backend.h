/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_backend.h - oneDNN's functions for the table of dnnl_backend.c; see backend.h.
 */
#ifndef AMPI_EXEC_DNNL_BACKEND_H
#define AMPI_EXEC_DNNL_BACKEND_H

#include "exec/backend.h"
#include <dnnl.h>

/* dnnl_program.c */
size_t ampi_dnnl_chunk(const ampi_graph *graph);
bool ampi_dnnl_precision_here(ampi_precision precision);
amp_status ampi_dnnl_program_create(void **out, const ampi_program_setup *setup, amp_error *error);
void ampi_dnnl_program_free(void *state);

/* dnnl_runner.c */
amp_status ampi_dnnl_runner_create(void **out, void *program, amp_error *error);
void ampi_dnnl_runner_free(void *state);
amp_status ampi_dnnl_runner_forward(void *state, int32_t threads, size_t n, const ampi_rows *rows,
                                    float *output, amp_error *error);
void ampi_dnnl_runner_watch(void *state, ampi_watch *watch);

/* dnnl_tape.c */
amp_status ampi_dnnl_tape_create(void **out, const ampi_tape_setup *setup, amp_error *error);
void ampi_dnnl_tape_free(void *state);
size_t ampi_dnnl_tape_bytes(const void *state);
amp_status ampi_dnnl_tape_forward(void *state, const float *input, uint64_t seed, uint64_t step,
                                  float *logits, amp_error *error);
amp_status ampi_dnnl_tape_backward(void *state, const float *d_logits, float *d_input,
                                   amp_error *error);

#endif
