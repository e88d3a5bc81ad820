# SPDX-License-Identifier: Apache-2.0
"""Thresholds, out-of-distribution metrics, temperature scaling, calibration metrics: arrays in,
numbers out.  No network, no context, any thread."""
from __future__ import annotations

import dataclasses
from ctypes import byref, c_double, c_int32, sizeof
from typing import Any, Tuple, Type, TypeVar

import numpy as np
import numpy.typing as npt

from . import _structs as s
from ._arrays import floats, labels as label_array, pointer
from ._core import UINT64, call, real, text_bytes, whole
from ._errors import AmpArgumentError
from ._ffi import lib

@dataclasses.dataclass(frozen=True)
class OodMetrics:
    """Rates are fractions 0..1."""

    n_in: int
    n_out: int
    threshold: float  # at the operating point; infinity when it accepts nothing
    tpr: float
    fpr: float
    auroc: float
    aupr_in: float
    aupr_out: float
    dtacc: float


@dataclasses.dataclass(frozen=True)
class CalibrationMetrics:
    """Of n rows."""

    n: int
    accuracy: float
    confidence: float  # mean of the largest probability
    nll: float
    brier: float  # sum over classes, 0..2
    ece: float


D = TypeVar("D", OodMetrics, CalibrationMetrics)


def _result(kind: Type[D], struct: Any) -> D:
    names = [field.name for field in dataclasses.fields(kind)]
    return kind(*(getattr(struct, name) for name in names))


def _key(parse: Any, kind: str, name: str) -> int:
    number = c_int32()
    call(parse, byref(number), text_bytes(name, kind))
    return number.value


def ood_metrics(id_scores: npt.ArrayLike, ood_scores: npt.ArrayLike, *, tpr_level: float = 0.95,
                rule: str = "recommended", area: str = "average_precision",
                grid: Tuple[float, float, int] | None = None) -> OodMetrics:
    """FPR at a TPR, AUROC, AUPR and detection accuracy; higher scores = more in-distribution.

    rule  "recommended", "amp", "energy", "scood", "openood", "odin", "ood_positive"
    area  "average_precision", "trapezoid", "amp"
    grid  of "odin": (low, high, steps)
    """
    inside = floats(id_scores, "id_scores", 1, np.float64)
    outside = floats(ood_scores, "ood_scores", 1, np.float64)
    options = s.amp_ood_options()
    lib.amp_ood_options_init(byref(options), sizeof(options))
    options.tpr_level = real("tpr_level", tpr_level)
    options.rule = _key(lib.amp_ood_rule_parse, "rule", rule)
    options.area = _key(lib.amp_ood_area_parse, "area", area)
    if grid is not None:
        if not isinstance(grid, (tuple, list)) or len(grid) != 3:
            raise AmpArgumentError(f"grid is {grid!r}, (low, high, steps) is needed")
        options.grid_low = real("the low end of the grid", grid[0])
        options.grid_high = real("the high end of the grid", grid[1])
        options.grid_steps = whole("the steps of the grid", grid[2], 1, UINT64)
    out = s.amp_ood_metrics()
    out.struct_size = sizeof(out)
    call(lib.amp_ood_evaluate, pointer(inside), inside.size, pointer(outside), outside.size,
         byref(options), byref(out))
    return _result(OodMetrics, out)


def threshold_at_tpr(scores: npt.ArrayLike, tpr: float = 0.95) -> float:
    """The largest threshold that accepts (score >= it) a share `tpr` of these ID scores."""
    array = floats(scores, "scores", 1, np.float64)
    out = c_double()
    call(lib.amp_threshold_at_tpr, pointer(array), array.size, real("tpr", tpr), byref(out))
    return out.value


def temperature_fit(logits: npt.ArrayLike, labels: npt.ArrayLike, *, low: float = 0.01,
                    high: float = 100.0, tolerance: float = 1e-12) -> float:
    """The T in low..high that minimises the NLL of softmax(logits / T).  logits [n,classes] are
    taken as float32, labels [n] as integers."""
    array = floats(logits, "logits", 2, np.float32)
    classes = label_array(labels, len(array))
    options = s.amp_temperature_options()
    lib.amp_temperature_options_init(byref(options), sizeof(options))
    options.min_temperature, options.max_temperature = real("low", low), real("high", high)
    options.tolerance = real("tolerance", tolerance)
    out = c_double()
    call(lib.amp_temperature_fit, pointer(array), pointer(classes), array.shape[0], array.shape[1],
         byref(options), byref(out))
    return out.value


def _calibration(function: Any, values: npt.NDArray[Any], labels: npt.ArrayLike,
                 temperature: float, bins: int) -> CalibrationMetrics:
    classes = label_array(labels, len(values))
    options = s.amp_calibration_options()
    lib.amp_calibration_options_init(byref(options), sizeof(options))
    options.temperature = real("temperature", temperature)
    options.bins = whole("bins", bins, 0, UINT64)
    out = s.amp_calibration_metrics()
    out.struct_size = sizeof(out)
    call(function, pointer(values), pointer(classes), values.shape[0], values.shape[1],
         byref(options), byref(out))
    return _result(CalibrationMetrics, out)


def calibration_metrics(logits: npt.ArrayLike, labels: npt.ArrayLike, *, temperature: float = 1.0,
                        bins: int = 15) -> CalibrationMetrics:
    """Accuracy, NLL, Brier score and ECE of softmax(logits / temperature); logits [n,classes]."""
    return _calibration(lib.amp_calibration_evaluate, floats(logits, "logits", 2, np.float32),
                        labels, temperature, bins)


def calibration_metrics_of_probabilities(probabilities: npt.ArrayLike, labels: npt.ArrayLike, *,
                                         bins: int = 15) -> CalibrationMetrics:
    """The same from probabilities [n,classes], each row summing to 1."""
    return _calibration(lib.amp_calibration_evaluate_probabilities,
                        floats(probabilities, "probabilities", 2, np.float64), labels, 1.0, bins)
