/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/steps.h - what most commands begin with: context, model, data set.  Each says what is wrong
 * and gives the exit code.
 */
#ifndef STEPS_H
#define STEPS_H

#include "cli.h"

/* --model, else $AMP_MODEL; NULL when there is neither. */
const char *cli_model_path(const cli_arguments *arguments);
/* With --threads, else $AMP_NUM_THREADS, else all cores of the process's affinity mask; warnings of
   the library go to stderr. */
int cli_context(const cli_arguments *arguments, amp_context **out);
int cli_open_model(const cli_arguments *arguments, amp_context *context, amp_model **out);
/* CLI_MODEL when the network is anchored and the model has no bank. */
int cli_need_bank(const amp_model *model);
/* With progress, stopped by Ctrl-C.  A bad spec is CLI_USAGE, bad data CLI_INPUT. */
int cli_open_dataset(amp_context *context, const char *spec, amp_dataset **out);
/* What a fault of amp_dataset_open() amounts to. */
int cli_dataset_fault(const amp_error *error);
/* --precision, fp32 without it; a text that is none is a usage fault. */
int cli_get_precision(const cli_arguments *arguments, int32_t *out);
/* Every method that this network can run, "amp;msp;energy". */
void cli_all_methods(const amp_model *model, char *out, size_t size);

#endif
