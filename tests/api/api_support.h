/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_support.h - small objects made through the public calls alone.
 */
#ifndef AMP_API_SUPPORT_H
#define AMP_API_SUPPORT_H

#include "made.h"

#include <amp/model.h>
#include <amp/scorer.h>

#define SIDE 8u
#define SMALL "wrn:depth=10,width=1,size=8"
#define SMALL_PLAIN SMALL ",anchored=0"
#define IMAGE_BYTES (SIDE * SIDE * 3)

amp_context *api_context(void);
amp_model *api_model(amp_context *context, const char *arch);
amp_image *api_image(amp_context *context, uint32_t seed);
amp_bank *api_bank(amp_model *model, uint32_t k);
/* With a bank of two anchors in it. */
amp_model *api_anchored(amp_context *context);
amp_scorer *api_scorer(amp_model *model, amp_bank *bank);

#endif
