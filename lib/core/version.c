/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/version.c - which library this is.
 */
#include <amp/version.h>

const char *amp_version(void)
{
    return AMP_VERSION_STRING;
}

int32_t amp_abi_version(void)
{
    return AMP_ABI_VERSION;
}
