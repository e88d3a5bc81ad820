/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_support.h - small data sets and trainers for the tests of training.
 */
#ifndef AMP_TEST_TRAIN_SUPPORT_H
#define AMP_TEST_TRAIN_SUPPORT_H

#include "support.h"
#include "train/train_internal.h"

/* A CIFAR-10 file of n records: the class decides the colour of a disc, the rest is noise; so a
   small network can learn it.  "cifar10:<path>" in static storage. */
const char *support_data(const char *name, uint32_t n);

/* Records of class 0, 1 and 2 alone, the last one labelled `label`. */
const char *support_labels(const char *name, uint32_t n, uint8_t label);

/* With a budget of two threads. */
amp_context *support_context(void);

amp_dataset *support_open(amp_context *context, const char *spec);
amp_model *support_model(amp_context *context, const char *arch);

/* A trainer on support_data("train.bin", 80). */
amp_trainer *support_trainer(amp_context *context, const char *arch, const char *options);

/* n batches. */
void support_steps(amp_trainer *trainer, int n);

/* All weights, statistics and counters of two trainers, and of their averages, have the same bits.
 */
void support_same_weights(const amp_trainer *a, const amp_trainer *b);

#endif
