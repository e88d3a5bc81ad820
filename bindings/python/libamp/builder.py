# SPDX-License-Identifier: Apache-2.0
"""A new model from an old one: other anchors, class names, temperature and thresholds."""
from __future__ import annotations

import json
from ctypes import byref, c_char_p
from typing import Any, Sequence

from ._core import UINT32, Owner, call, options_text, text_bytes, whole
from ._errors import AmpArgumentError, AmpFormatError
from ._ffi import BUILDER, MODEL, lib
from ._progress import ProgressFn, watch
from .bank import Bank
from .data import Dataset
from .model import Model
from .scorer import Methods, methods_bytes


class Builder(Owner):
    """Takes a base model and replaces parts; the base stays as it is."""

    _free = "amp_model_builder_free"

    def __init__(self, base: Model) -> None:
        out = BUILDER()
        call(lib.amp_model_builder_create, byref(out), base._ptr)
        self._attach(out, base.context)

    def set_bank(self, bank: Bank | None) -> None:
        """Other anchors, or none.  Temperature and thresholds go with the old ones."""
        with self._using() as ptr:
            call(lib.amp_model_builder_set_bank, ptr, None if bank is None else bank._ptr)

    def set_class_names(self, names: Sequence[str]) -> None:
        """One a class."""
        texts = [text_bytes(name) for name in names]
        with self._using() as ptr:
            call(lib.amp_model_builder_set_class_names, ptr,
                 whole("the number of names", len(texts), 0, UINT32),
                 (c_char_p * len(texts))(*texts))

    def set_card(self, key: str, value: Any) -> None:
        """record["card"][key], anything that JSON can hold."""
        try:
            encoded = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as failure:
            raise AmpFormatError(f"the card's {key!r} is not JSON: {failure}") from None
        with self._using() as ptr:
            call(lib.amp_model_builder_set_card, ptr, text_bytes(key), text_bytes(encoded))

    def calibrate(self, held_out: Dataset, methods: Methods = None, *,
                  tpr: float | Sequence[float] | None = None, anchors: int | None = None,
                  precision: str | None = None, stop_error: float | None = None,
                  progress: ProgressFn | None = None) -> None:
        """Fit the temperature and a threshold for each method and TPR.

        held_out  in-distribution images that were neither trained on nor anchors
        methods   as for Scorer
        tpr       share of them to accept, or several; default 0.95
        anchors   K; default: all of the bank
        stop_error  of adaptive scorers: share of images near the threshold that they may get wrong
        precision "fp32" (default; holds for "fast" too), "bf16" or "int8": thresholds are for it
                  alone; "int8" also gives the model its quantised form, see Model.int8_share
        """
        if tpr is not None and not isinstance(tpr, (int, float)):
            tpr = [float(level) for level in tpr]
            if not tpr:
                raise AmpArgumentError("tpr is empty")
        options = options_text({"tpr": tpr, "anchors": anchors, "precision": precision,
                                "stop_error": stop_error})
        with self._using() as ptr, held_out._using() as data, watch(progress) as watched:
            call(lib.amp_model_builder_calibrate, ptr, data, methods_bytes(methods), options,
                 watched.callback, None)

    def finish(self) -> Model:
        """The new model; the builder stays usable."""
        out = MODEL()
        with self._using() as ptr:
            call(lib.amp_model_builder_finish, ptr, byref(out))
        return Model._wrap(out, self._kept)
