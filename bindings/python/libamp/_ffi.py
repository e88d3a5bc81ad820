# SPDX-License-Identifier: Apache-2.0
"""libamp.so.1: found, opened, and every function of include/amp/*.h declared, once.

ctypes.CDLL releases the GIL while C runs.  tests/python/test_ffi.py compares each prototype with
the header text.
"""
from __future__ import annotations

import os
import pathlib
from ctypes import (CDLL, POINTER, c_char, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint8,
                    c_uint32, c_uint64, c_void_p)
from typing import Any, Dict, List, Tuple

from . import _structs as s

ABI = 1  # AMP_ABI_VERSION that this package was written for: the oldest library it takes
SONAME = "libamp.so.1"

STATUS = c_int32
TEXT = c_char_p
BUFFER = POINTER(c_char)
ERROR = POINTER(s.amp_error)
DOUBLES = POINTER(c_double)
FLOATS = POINTER(c_float)
INT32S = POINTER(c_int32)
CONTEXT = POINTER(s.amp_context)
IMAGE = POINTER(s.amp_image)
DATASET = POINTER(s.amp_dataset)
BANK = POINTER(s.amp_bank)
MODEL = POINTER(s.amp_model)
BUILDER = POINTER(s.amp_model_builder)
SCORER = POINTER(s.amp_scorer)
TRAINER = POINTER(s.amp_trainer)
PROFILE = POINTER(s.amp_profile)
SCORES = POINTER(s.amp_scores)
PROGRESS = (s.amp_progress_fn, c_void_p)

Prototype = Tuple[Any, Tuple[Any, ...]]  # result, arguments

# Absent from a library that was built without training.
TRAINING: Dict[str, Prototype] = {
    "amp_trainer_create": (STATUS, (POINTER(TRAINER), MODEL, DATASET, TEXT, ERROR)),
    "amp_trainer_resume": (STATUS, (POINTER(TRAINER), CONTEXT, TEXT, TEXT,
                                    POINTER(s.amp_dataset_options), ERROR)),
    "amp_trainer_run": (STATUS, (TRAINER, s.amp_train_fn, c_void_p, ERROR)),
    "amp_trainer_step": (STATUS, (TRAINER, INT32S, ERROR)),
    "amp_trainer_save_checkpoint": (STATUS, (TRAINER, TEXT, ERROR)),
    "amp_trainer_model": (STATUS, (TRAINER, POINTER(MODEL), ERROR)),
    "amp_trainer_held_out": (STATUS, (TRAINER, POINTER(DATASET), ERROR)),
    "amp_trainer_free": (None, (TRAINER,)),
    "amp_train_option_count": (c_uint32, ()),
    "amp_train_option_key": (TEXT, (c_uint32,)),
    "amp_train_option_help": (TEXT, (c_uint32,)),
    "amp_train_option_range": (c_size_t, (c_uint32, BUFFER, c_size_t)),
}

PROTOTYPES: Dict[str, Prototype] = {
    # base.h, version.h
    "amp_status_name": (TEXT, (STATUS,)),
    "amp_status_text": (TEXT, (STATUS,)),
    "amp_version": (TEXT, ()),
    "amp_abi_version": (c_int32, ()),
    "amp_build_info": (c_size_t, (BUFFER, c_size_t)),
    # context.h
    "amp_context_options_init": (None, (POINTER(s.amp_context_options), c_size_t)),
    "amp_context_create": (STATUS, (POINTER(CONTEXT), POINTER(s.amp_context_options), ERROR)),
    "amp_context_ref": (CONTEXT, (CONTEXT,)),
    "amp_context_unref": (None, (CONTEXT,)),
    "amp_context_threads": (c_int32, (CONTEXT,)),
    # image.h
    "amp_image_options_init": (None, (POINTER(s.amp_image_options), c_size_t)),
    "amp_image_open": (STATUS, (POINTER(IMAGE), CONTEXT, TEXT, POINTER(s.amp_image_options),
                                ERROR)),
    "amp_image_decode": (STATUS, (POINTER(IMAGE), CONTEXT, c_void_p, c_size_t,
                                  POINTER(s.amp_image_options), ERROR)),
    "amp_image_from_rgb8": (STATUS, (POINTER(IMAGE), CONTEXT, POINTER(c_uint8), c_uint32, c_uint32,
                                     c_size_t, ERROR)),
    "amp_image_width": (c_uint32, (IMAGE,)),
    "amp_image_height": (c_uint32, (IMAGE,)),
    "amp_image_rgb8": (POINTER(c_uint8), (IMAGE, POINTER(c_size_t))),
    "amp_image_resize": (STATUS, (POINTER(IMAGE), IMAGE, c_uint32, c_uint32, c_int32, ERROR)),
    "amp_image_crop_center": (STATUS, (POINTER(IMAGE), IMAGE, c_uint32, c_uint32, ERROR)),
    "amp_image_free": (None, (IMAGE,)),
    # data.h
    "amp_dataset_options_init": (None, (POINTER(s.amp_dataset_options), c_size_t)),
    "amp_dataset_open": (STATUS, (POINTER(DATASET), CONTEXT, TEXT, POINTER(s.amp_dataset_options),
                                  ERROR)),
    "amp_dataset_size": (c_uint64, (DATASET,)),
    "amp_dataset_classes": (c_uint32, (DATASET,)),
    "amp_dataset_class_name": (TEXT, (DATASET, c_uint32)),
    "amp_dataset_label": (c_int32, (DATASET, c_uint64)),
    "amp_dataset_name": (c_size_t, (DATASET, c_uint64, BUFFER, c_size_t)),
    "amp_dataset_get": (STATUS, (DATASET, c_uint64, POINTER(IMAGE), ERROR)),
    "amp_dataset_subset": (STATUS, (POINTER(DATASET), DATASET, c_uint64, POINTER(c_uint64),
                                    ERROR)),
    "amp_dataset_split": (STATUS, (POINTER(DATASET), POINTER(DATASET), DATASET, c_uint64, c_uint64,
                                   ERROR)),
    "amp_dataset_free": (None, (DATASET,)),
    # bank.h
    "amp_bank_build": (STATUS, (POINTER(BANK), MODEL, DATASET, TEXT, *PROGRESS, ERROR)),
    "amp_bank_from_images": (STATUS, (POINTER(BANK), MODEL, c_size_t, POINTER(IMAGE), TEXT,
                                      ERROR)),
    "amp_bank_count": (c_uint32, (BANK,)),
    "amp_bank_has_pixels": (c_int32, (BANK,)),
    "amp_bank_image": (STATUS, (BANK, c_uint32, POINTER(IMAGE), ERROR)),
    "amp_bank_ref": (BANK, (BANK,)),
    "amp_bank_unref": (None, (BANK,)),
    # model.h
    "amp_model_open": (STATUS, (POINTER(MODEL), CONTEXT, TEXT, ERROR)),
    "amp_model_open_memory": (STATUS, (POINTER(MODEL), CONTEXT, c_void_p, c_size_t, ERROR)),
    "amp_model_create": (STATUS, (POINTER(MODEL), CONTEXT, TEXT, TEXT, c_uint64, ERROR)),
    "amp_model_save": (STATUS, (MODEL, TEXT, ERROR)),
    "amp_model_get_info": (STATUS, (MODEL, POINTER(s.amp_model_info), ERROR)),
    "amp_model_int8_share": (c_double, (MODEL,)),
    "amp_model_arch": (TEXT, (MODEL,)),
    "amp_model_preprocess": (TEXT, (MODEL,)),
    "amp_model_class_name": (TEXT, (MODEL, c_uint32)),
    "amp_model_record": (TEXT, (MODEL,)),
    "amp_model_context": (CONTEXT, (MODEL,)),
    "amp_model_bank": (BANK, (MODEL,)),
    "amp_model_ref": (MODEL, (MODEL,)),
    "amp_model_unref": (None, (MODEL,)),
    "amp_model_forward": (STATUS, (MODEL, BANK, c_size_t, FLOATS, FLOATS, ERROR)),
    "amp_model_builder_create": (STATUS, (POINTER(BUILDER), MODEL, ERROR)),
    "amp_model_builder_set_bank": (STATUS, (BUILDER, BANK, ERROR)),
    "amp_model_builder_set_class_names": (STATUS, (BUILDER, c_uint32, POINTER(TEXT), ERROR)),
    "amp_model_builder_set_card": (STATUS, (BUILDER, TEXT, TEXT, ERROR)),
    "amp_model_builder_calibrate": (STATUS, (BUILDER, DATASET, TEXT, TEXT, *PROGRESS, ERROR)),
    "amp_model_builder_finish": (STATUS, (BUILDER, POINTER(MODEL), ERROR)),
    "amp_model_builder_free": (None, (BUILDER,)),
    # scorer.h
    "amp_scorer_options_init": (None, (POINTER(s.amp_scorer_options), c_size_t)),
    "amp_scorer_create": (STATUS, (POINTER(SCORER), MODEL, BANK, TEXT,
                                   POINTER(s.amp_scorer_options), ERROR)),
    "amp_scorer_clone": (STATUS, (POINTER(SCORER), SCORER, ERROR)),
    "amp_scorer_methods": (c_uint32, (SCORER,)),
    "amp_scorer_method": (TEXT, (SCORER, c_uint32)),
    "amp_scorer_threshold": (c_int32, (SCORER, c_uint32, DOUBLES)),
    "amp_scorer_anchors": (c_uint32, (SCORER,)),
    "amp_scorer_precision": (c_int32, (SCORER,)),
    "amp_scorer_note": (TEXT, (SCORER,)),
    "amp_scorer_run": (STATUS, (SCORER, c_size_t, POINTER(IMAGE), SCORES, ERROR)),
    "amp_scorer_run_rgb8": (STATUS, (SCORER, c_size_t, POINTER(c_uint8), c_uint32, c_uint32,
                                     SCORES, ERROR)),
    "amp_scorer_run_dataset": (STATUS, (SCORER, DATASET, c_uint64, c_size_t, SCORES, *PROGRESS,
                                        ERROR)),
    "amp_scorer_free": (None, (SCORER,)),
    "amp_method_count": (c_uint32, ()),
    "amp_method_name": (TEXT, (c_uint32,)),
    "amp_method_help": (TEXT, (c_uint32,)),
    # profile.h
    "amp_scorer_profile": (STATUS, (POINTER(PROFILE), SCORER, c_size_t, c_uint32, ERROR)),
    "amp_profile_count": (c_uint32, (PROFILE,)),
    "amp_profile_get_step": (STATUS, (PROFILE, c_uint32, POINTER(s.amp_profile_step), ERROR)),
    "amp_profile_run_seconds": (c_double, (PROFILE,)),
    "amp_profile_steps_seconds": (c_double, (PROFILE,)),
    "amp_profile_free": (None, (PROFILE,)),
    # precision.h
    "amp_precision_name": (TEXT, (c_int32,)),
    "amp_precision_parse": (STATUS, (INT32S, TEXT, ERROR)),
    "amp_precision_available": (c_int32, (c_int32,)),
    # eval.h
    "amp_ood_options_init": (None, (POINTER(s.amp_ood_options), c_size_t)),
    "amp_ood_rule_name": (TEXT, (c_int32,)),
    "amp_ood_area_name": (TEXT, (c_int32,)),
    "amp_ood_rule_parse": (STATUS, (INT32S, TEXT, ERROR)),
    "amp_ood_area_parse": (STATUS, (INT32S, TEXT, ERROR)),
    "amp_ood_evaluate": (STATUS, (DOUBLES, c_size_t, DOUBLES, c_size_t, POINTER(s.amp_ood_options),
                                  POINTER(s.amp_ood_metrics), ERROR)),
    "amp_threshold_at_tpr": (STATUS, (DOUBLES, c_size_t, c_double, DOUBLES, ERROR)),
    "amp_temperature_options_init": (None, (POINTER(s.amp_temperature_options), c_size_t)),
    "amp_temperature_fit": (STATUS, (FLOATS, INT32S, c_size_t, c_size_t,
                                     POINTER(s.amp_temperature_options), DOUBLES, ERROR)),
    "amp_calibration_options_init": (None, (POINTER(s.amp_calibration_options), c_size_t)),
    "amp_calibration_evaluate": (STATUS, (FLOATS, INT32S, c_size_t, c_size_t,
                                          POINTER(s.amp_calibration_options),
                                          POINTER(s.amp_calibration_metrics), ERROR)),
    "amp_calibration_evaluate_probabilities": (
        STATUS, (DOUBLES, INT32S, c_size_t, c_size_t, POINTER(s.amp_calibration_options),
                 POINTER(s.amp_calibration_metrics), ERROR)),
    # train.h
    **TRAINING,
}


def places() -> List[str]:
    """What to open, the first that there is: $LIBAMP_LIBRARY alone; beside this package; what the
    dynamic loader finds."""
    named = os.environ.get("LIBAMP_LIBRARY")
    if named:
        return [named]
    beside = pathlib.Path(__file__).resolve().parent / SONAME
    return ([str(beside)] if beside.exists() else []) + [SONAME]


def _open() -> CDLL:
    failures = []
    for place in places():
        try:
            return CDLL(place)
        except OSError as failure:
            failures.append(str(failure))
    raise ImportError("libamp cannot be loaded (LIBAMP_LIBRARY may name it): "
                      + "; ".join(failures))


def _declare(library: CDLL, name: str, prototype: Prototype) -> None:
    try:
        function = getattr(library, name)
    except AttributeError:
        if name in TRAINING:
            return
        raise ImportError(f"{library._name} has no {name}: it is older than this package") from None
    function.restype = prototype[0]
    function.argtypes = list(prototype[1])


def load() -> CDLL:
    """The library with every prototype set; ImportError says what is wrong."""
    library = _open()
    for name, prototype in PROTOTYPES.items():
        _declare(library, name, prototype)
    version = library.amp_abi_version()
    if version < ABI:
        raise ImportError(f"{library._name} has ABI {version}, this package needs {ABI}")
    return library


lib = load()


def has_training() -> bool:
    """Whether the library was built with training."""
    return hasattr(lib, "amp_trainer_create")
