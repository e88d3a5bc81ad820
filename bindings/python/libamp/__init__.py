# SPDX-License-Identifier: Apache-2.0
"""libamp: out-of-distribution detection for images by anchored networks.

    import libamp
    model = libamp.Model("model.safetensors")
    scores = libamp.Scorer(model).score_paths(["photo.jpg"])
    print(model.classes[scores.label[0]], scores.score[0], libamp.Verdict(scores.verdict[0]).name)

Handles free themselves, in any order.  C runs without the GIL.  Models, data sets and scorers that
work together share a context: default_context() unless another is given.  Fork is fine, but not
while another thread is inside a call.
"""
from ._core import options_text as _options_text
from ._errors import (AmpArgumentError, AmpBackendError, AmpCancelledError, AmpError,
                      AmpFormatError, AmpInternalError, AmpIOError, AmpLimitError, AmpMemoryError,
                      AmpNotFoundError, AmpShapeError, AmpUnsupportedError)
from ._ffi import has_training, lib as _lib
from ._progress import Progress
from .bank import Bank
from .builder import Builder
from .context import Context, default_context
from .data import Dataset
from .evaluation import (CalibrationMetrics, OodMetrics, calibration_metrics,
                         calibration_metrics_of_probabilities, ood_metrics, temperature_fit,
                         threshold_at_tpr)
from .image import Filter, Image
from .model import Model, ModelInfo
from .profile import Profile, Step
from .scorer import Method, Scorer, Scores, Verdict, methods
from .train import Trainer, TrainOption, TrainProgress, train_options

__version__ = "0.1.0"

__all__ = [
    "AmpArgumentError", "AmpBackendError", "AmpCancelledError", "AmpError", "AmpFormatError",
    "AmpIOError", "AmpInternalError", "AmpLimitError", "AmpMemoryError", "AmpNotFoundError",
    "AmpShapeError", "AmpUnsupportedError", "Bank", "Builder", "CalibrationMetrics", "Context",
    "Dataset", "Filter", "Image", "Method", "Model", "ModelInfo", "OodMetrics", "Profile",
    "Progress", "Scorer", "Scores", "Step", "TrainOption", "TrainProgress", "Trainer", "Verdict", "build_info",
    "calibration_metrics", "calibration_metrics_of_probabilities", "default_context",
    "has_training", "library_version", "method", "methods", "ood_metrics", "temperature_fit",
    "threshold_at_tpr", "train_options",
]


def library_version() -> str:
    """Of the libamp in use, "0.1.0"."""
    version: bytes = _lib.amp_version()
    return version.decode()


def build_info() -> str:
    """One line for bug reports: versions of libamp and its engine, instruction set in use."""
    import ctypes
    size = _lib.amp_build_info(None, 0) + 1
    out = ctypes.create_string_buffer(size)
    _lib.amp_build_info(out, size)
    return out.value.decode()


def method(name: str, **options: object) -> str:
    """A method with options, as Scorer takes it: method("amp", score="energy")."""
    pairs = _options_text(options)
    return f"{name}:{pairs.decode()}" if pairs else name
