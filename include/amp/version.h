/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/version.h - compile-time and run-time versions.
 */
#ifndef AMP_VERSION_H
#define AMP_VERSION_H

#include <amp/base.h>

#define AMP_VERSION_MAJOR 0
#define AMP_VERSION_MINOR 1
#define AMP_VERSION_PATCH 0
#define AMP_VERSION_STRING "0.1.0"

/** Grows when a struct or a symbol is added; the soname grows when one changes. */
#define AMP_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the library in use, for example "0.1.0".  Static text. */
AMP_API const char *amp_version(void);

/** AMP_ABI_VERSION of the library in use. */
AMP_API int32_t amp_abi_version(void);

/**
 * One line for bug reports: libamp and oneDNN versions, instruction set in use.
 *
 * @param out   [size] receives the text, cut to fit; may be NULL when size is 0.
 * @return      bytes that the whole text needs, without the NUL.
 * Threads: any.
 */
AMP_API size_t amp_build_info(char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
