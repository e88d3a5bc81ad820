/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data/checksum.h - CRC-32 of gzip (RFC 1952), which libarchive reads past.
 */
#ifndef AMPI_CHECKSUM_H
#define AMPI_CHECKSUM_H

#include "core/core.h"

/* Goes on from `crc`, which starts at 0. */
uint32_t ampi_crc32(uint32_t crc, const uint8_t *bytes, size_t size);

#endif
