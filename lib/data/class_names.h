/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/class_names.h - the published class names of CIFAR-10 and CIFAR-100, in label order.
 */
#ifndef AMPI_CLASS_NAMES_H
#define AMPI_CLASS_NAMES_H

extern const char *const ampi_cifar10_names[10];
extern const char *const ampi_cifar100_coarse_names[20];
extern const char *const ampi_cifar100_fine_names[100];

#endif
