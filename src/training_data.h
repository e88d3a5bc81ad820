/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/training_data.h - the images a model was trained on, apart from those it never saw.
 */
#ifndef TRAINING_DATA_H
#define TRAINING_DATA_H

#include "cli.h"

/* Opens the training set that the model's record names (or `spec`, where it lies now) and splits
   it again as the training did.  *held_out stays NULL when nothing was held out. */
int cli_training_data(const amp_model *model, const char *spec, amp_dataset **rest,
                      amp_dataset **held_out);

/* CLI_RESOURCES when a changed model could not be written: to be asked before the work begins. */
int cli_check_output(const cli_arguments *arguments);
/* Where a changed model goes: --output, or over --model. */
int cli_write_model(const cli_arguments *arguments, amp_model_builder *builder);

#endif
