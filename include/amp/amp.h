/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/amp.h - everything: include this one.
 */
#ifndef AMP_AMP_H
#define AMP_AMP_H

#include <amp/bank.h>
#include <amp/base.h>
#include <amp/context.h>
#include <amp/data.h>
#include <amp/eval.h>
#include <amp/image.h>
#include <amp/model.h>
#include <amp/precision.h>
#include <amp/profile.h>
#include <amp/scorer.h>
#include <amp/train.h>
#include <amp/version.h>

#endif
