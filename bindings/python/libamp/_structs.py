# SPDX-License-Identifier: Apache-2.0
"""The structs, handles and callbacks of include/amp/*.h as ctypes sees them.

Names are those of the headers.  A test compiles the headers and compares every size and offset.
"""
from __future__ import annotations

from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int8,
                    c_int32, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p)

# Handles are opaque; each has a type of its own, so that ctypes refuses the wrong one.


class amp_context(Structure):
    pass


class amp_image(Structure):
    pass


class amp_dataset(Structure):
    pass


class amp_bank(Structure):
    pass


class amp_model(Structure):
    pass


class amp_model_builder(Structure):
    pass


class amp_scorer(Structure):
    pass


class amp_trainer(Structure):
    pass


class amp_profile(Structure):
    pass


class amp_error(Structure):
    _fields_ = [
        ("status", c_int32),
        ("detail", c_int32),
        ("where", c_char * 24),
        ("message", c_char * 224),
    ]


amp_log_fn = CFUNCTYPE(None, c_void_p, c_int32, c_char_p)
amp_alloc_fn = CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)
amp_free_fn = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)


class amp_context_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("threads", c_int32),
        ("log_level", c_int32),
        ("log", amp_log_fn),
        ("log_user", c_void_p),
        ("alloc", amp_alloc_fn),
        ("free", amp_free_fn),
        ("memory_user", c_void_p),
    ]


class amp_progress(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("stage", c_char_p),
        ("done", c_uint64),
        ("total", c_uint64),
    ]


amp_progress_fn = CFUNCTYPE(c_int32, c_void_p, POINTER(amp_progress))


class amp_image_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("max_pixels", c_uint64),
        ("max_bytes", c_uint64),
        ("max_scans", c_uint32),
        ("alpha", c_int32),
        ("background", c_uint8 * 4),
        ("reserved", c_uint8 * 4),
    ]


class amp_dataset_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("max_memory", c_uint64),
        ("image", POINTER(amp_image_options)),
        ("progress", amp_progress_fn),
        ("progress_user", c_void_p),
    ]


class amp_model_info(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("parameters", c_uint64),
        ("multiply_adds", c_uint64),
        ("classes", c_uint32),
        ("channels", c_uint32),
        ("height", c_uint32),
        ("width", c_uint32),
        ("input_channels", c_uint32),
        ("anchored", c_int32),
        ("anchors", c_uint32),
        ("thresholds", c_uint32),
        ("temperature", c_double),
    ]


class amp_scorer_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("anchors", c_uint32),
        ("threads", c_int32),
        ("tpr", c_double),
        ("chunk", c_uint32),
        ("precision", c_int32),
        ("adaptive", c_int32),
        ("reserved", c_uint32),
    ]


class amp_scores(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("score", POINTER(c_double)),
        ("verdict", POINTER(c_int8)),
        ("tau", POINTER(c_double)),
        ("tau_mean", POINTER(c_double)),
        ("label", POINTER(c_int32)),
        ("confidence", POINTER(c_double)),
        ("logits", POINTER(c_float)),
        ("anchor_logits", POINTER(c_float)),
        ("anchors", POINTER(c_int32)),
    ]


class amp_profile_step(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("what", c_char_p),
        ("kernel", c_char_p),
        ("shape", c_char_p),
        ("seconds", c_double),
        ("multiply_adds", c_uint64),
        ("rows", c_uint32),
        ("calls", c_uint32),
    ]


class amp_ood_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("tpr_level", c_double),
        ("rule", c_int32),
        ("area", c_int32),
        ("grid_low", c_double),
        ("grid_high", c_double),
        ("grid_steps", c_uint64),
    ]


class amp_ood_metrics(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("n_in", c_uint64),
        ("n_out", c_uint64),
        ("threshold", c_double),
        ("tpr", c_double),
        ("fpr", c_double),
        ("auroc", c_double),
        ("aupr_in", c_double),
        ("aupr_out", c_double),
        ("dtacc", c_double),
    ]


class amp_temperature_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("min_temperature", c_double),
        ("max_temperature", c_double),
        ("tolerance", c_double),
    ]


class amp_calibration_options(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("temperature", c_double),
        ("bins", c_uint64),
    ]


class amp_calibration_metrics(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("n", c_uint64),
        ("accuracy", c_double),
        ("confidence", c_double),
        ("nll", c_double),
        ("brier", c_double),
        ("ece", c_double),
    ]


class amp_train_progress(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("kind", c_int32),
        ("epoch", c_uint32),
        ("epochs", c_uint32),
        ("reserved", c_uint32),
        ("step", c_uint64),
        ("steps", c_uint64),
        ("learning_rate", c_double),
        ("loss", c_double),
        ("accuracy", c_double),
        ("held_out_accuracy", c_double),
        ("images_per_second", c_double),
        ("seconds", c_double),
        ("eta_seconds", c_double),
    ]


amp_train_fn = CFUNCTYPE(c_int32, c_void_p, POINTER(amp_train_progress))
