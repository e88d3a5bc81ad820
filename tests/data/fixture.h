/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h - small data sets on disk for the C tests.
 */
#ifndef AMP_TEST_DATA_FIXTURE_H
#define AMP_TEST_DATA_FIXTURE_H

#include "data/data_internal.h"
#include "support.h"

#define CIFAR_RECORD 3073u

/* Byte `at` of record `index` of the files made here. */
uint8_t fixture_byte(uint64_t index, size_t at);

/* A CIFAR-10 file of n records with labels index % 10; its path in static storage. */
const char *fixture_cifar(const char *name, uint64_t n);

/* The same packed by gzip. */
const char *fixture_cifar_gz(const char *name, uint64_t n);

/* A PNG of one grey pixel under each name (blanks between them) in the scratch folder. */
void fixture_write_pngs(const char *names);

/* Fails the test unless the image is record `index` of such a file. */
void fixture_check(const amp_image *image, uint64_t index);

/* Opens a spec that must open. */
amp_dataset *fixture_open(const char *spec);

#endif
