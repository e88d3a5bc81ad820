# SPDX-License-Identifier: Apache-2.0
"""Trained networks: open, look at, run, put together, save."""
from __future__ import annotations

import dataclasses
import json
from ctypes import byref, sizeof
from typing import Any, Dict, Tuple

import numpy as np
import numpy.typing as npt

from . import _structs as s
from ._arrays import buffer, floats, pointer
from ._core import UINT64, Handle, PathLike, call, instance, path_bytes, text, text_bytes, whole
from ._errors import AmpArgumentError, AmpShapeError
from ._ffi import MODEL, lib
from .bank import Bank
from .context import Context, context_or_default


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """Sizes and numbers of a model."""

    parameters: int  # trainable values
    multiply_adds: int  # of one pass (one image, one anchor)
    classes: int
    channels: int  # of an image
    height: int
    width: int
    input_channels: int  # channels, doubled when anchored
    anchored: bool
    anchors: int  # of the bank in the model, 0 = no bank
    thresholds: int  # stored ones
    temperature: float  # fitted on held-out data; 0 = none


class Model(Handle):
    """A network with all that deployment needs.  Never changes; any number of scorers and threads
    share it.

    Model(path) opens a model file.  context: None = default_context().
    """

    _free = "amp_model_unref"

    def __init__(self, path: PathLike, *, context: Context | None = None) -> None:
        context = context_or_default(context)
        out = MODEL()
        call(lib.amp_model_open, byref(out), context._ptr, path_bytes(path))
        self._attach(out, context)

    @classmethod
    def from_bytes(cls, data: Any, *, context: Context | None = None) -> Model:
        """A model file that is in memory: bytes, bytearray, mmap, ..."""
        context = context_or_default(context)
        address, size, _keep = buffer(data)
        out = MODEL()
        call(lib.amp_model_open_memory, byref(out), context._ptr, address, size)
        return cls._wrap(out, context)

    @classmethod
    def create(cls, arch: str, preprocess: str | None = None, *, seed: int = 0,
               context: Context | None = None) -> Model:
        """An untrained network with random weights: "wrn:depth=40,width=2,classes=10"."""
        context = context_or_default(context)
        out = MODEL()
        call(lib.amp_model_create, byref(out), context._ptr, text_bytes(arch),
             None if preprocess is None else text_bytes(preprocess),
             whole("seed", seed, 0, UINT64))
        return cls._wrap(out, context)

    def save(self, path: PathLike) -> None:
        """Write the model file; after a failure what was there is still there."""
        call(lib.amp_model_save, self._ptr, path_bytes(path))

    @property
    def context(self) -> Context:
        """What it shares with its data sets and scorers."""
        context: Context = self._kept
        return context

    @property
    def info(self) -> ModelInfo:
        """Sizes and numbers."""
        info = s.amp_model_info()
        info.struct_size = sizeof(info)
        call(lib.amp_model_get_info, self._ptr, byref(info))
        values = {field.name: getattr(info, field.name) for field in dataclasses.fields(ModelInfo)}
        return ModelInfo(**{**values, "anchored": bool(info.anchored)})

    @property
    def classes(self) -> Tuple[str, ...]:
        """Names of the classes; empty when the model has none."""
        names = [text(lib.amp_model_class_name(self._ptr, i)) for i in range(self.info.classes)]
        return tuple(name for name in names if name is not None)

    @property
    def int8_share(self) -> float:
        """Share of a pass's multiply-adds that run on bytes with precision="int8"; 0 where the
        model was not calibrated for it."""
        share: float = lib.amp_model_int8_share(self._ptr)
        return share

    @property
    def arch(self) -> str:
        """The architecture with every key written out."""
        return text(lib.amp_model_arch(self._ptr)) or ""

    @property
    def preprocess(self) -> str:
        """How pixels become the network's input."""
        return text(lib.amp_model_preprocess(self._ptr)) or ""

    @property
    def record(self) -> Dict[str, Any]:
        """The whole record: architecture, preprocessing, classes, bank, calibration, quantised
        form, training, card."""
        record: Dict[str, Any] = json.loads(lib.amp_model_record(self._ptr))
        return record

    @property
    def bank(self) -> Bank | None:
        """The bank stored in the model."""
        ptr = lib.amp_model_bank(self._ptr)
        return Bank._wrap(lib.amp_bank_ref(ptr), self._kept) if ptr else None

    def _bank(self, bank: bool | Bank | None) -> Bank | None:
        if bank is None or bank is False:
            return None
        if bank is not True:
            return instance("bank", bank, Bank)
        stored = self.bank
        if stored is None:
            raise AmpArgumentError("the model has no bank")
        return stored

    def forward(self, x: npt.ArrayLike, bank: bool | Bank = False) -> npt.NDArray[np.float32]:
        """Run the network on its own input, already preprocessed.

        bank=False  x [n, input_channels, height, width] -> logits float32 [n, classes]
        bank=True   (the model's) or a Bank of K anchors: x [n, channels, height, width] ->
                    [n, K, classes]
        """
        info = self.info
        array = floats(x, "x", 4, np.float32)
        used = self._bank(bank)
        wanted = (info.channels if used else info.input_channels, info.height, info.width)
        if array.shape[1:] != wanted:
            raise AmpShapeError(f"x has the shape {list(array.shape)}, "
                                f"[n, {', '.join(map(str, wanted))}] is needed")
        shape = (len(array), len(used), info.classes) if used else (len(array), info.classes)
        out = np.empty(shape, np.float32)
        if len(array) > 0:
            call(lib.amp_model_forward, self._ptr, used._ptr if used else None, len(array),
                 pointer(array), pointer(out))
        return out

    def __repr__(self) -> str:
        return f"Model({self.arch!r})"
