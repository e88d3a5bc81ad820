/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/cmd_train_options.h - the options of a run: as flags give them, and as a checkpoint has them.
 */
#ifndef CMD_TRAIN_OPTIONS_H
#define CMD_TRAIN_OPTIONS_H

#include "cli.h"

/* "key=value,key=value" of all --set, --epochs and --seed. */
int train_options_gather(const cli_arguments *arguments, char *out, size_t size);
/* --arch with what the data and other flags add: "wrn:depth=16" ->
   "wrn:classes=10,anchored=1,depth=16", so that what the user wrote comes last and wins. */
int train_arch_complete(const cli_arguments *arguments, uint32_t classes, char *out, size_t size);
/* CLI_USAGE when a flag asks for something else than the checkpoint at `path` was begun with:
   --resume goes on with that, and must not pass over a wish in silence. */
int train_options_match(const cli_arguments *arguments, amp_context *context, const char *path);

#endif
