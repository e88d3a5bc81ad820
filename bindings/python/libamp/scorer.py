# SPDX-License-Identifier: Apache-2.0
"""Out-of-distribution scores for images.  Higher = more in-distribution, for every method."""
from __future__ import annotations

import dataclasses
import enum
import os
from ctypes import byref, c_double, c_int32, sizeof
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from . import _structs as s
from ._arrays import pointer, rgb8
from ._core import (UINT32, Owner, PathLike, call, instance, real, text, text_bytes,
                    whole)
from ._errors import (AmpArgumentError, AmpCancelledError, AmpError, AmpFormatError, AmpIOError,
                      AmpLimitError, AmpUnsupportedError)
from ._ffi import SCORER, lib
from ._progress import ProgressFn, tell, watch
from .bank import Bank, Picture, picture_handles
from .data import Dataset
from .image import Image
from .model import Model
from .profile import Profile, profile_of

Methods = Union[str, Sequence[str], None]
SLICE = 256  # images of an array between two looks at Ctrl-C
FILES = 32  # files decoded at a time
_BAD_FILE = (AmpArgumentError, AmpIOError, AmpFormatError, AmpLimitError, AmpUnsupportedError)


def methods_bytes(methods: Methods) -> bytes | None:
    """The library's list."""
    if methods is None:
        return None
    if isinstance(methods, str):
        return text_bytes(methods)
    if not isinstance(methods, (list, tuple)) or not all(isinstance(m, str) for m in methods):
        raise AmpArgumentError(f"methods is {methods!r}, a text or a list of texts is needed")
    return text_bytes(";".join(methods))


class Verdict(enum.IntEnum):
    """score >= the stored threshold is IN."""

    UNKNOWN = -1  # the model has no threshold for this method, K and TPR
    OUT = 0
    IN = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Results of n images.  score and verdict are [n] when one method was asked for, [m,n] when
    it was a list.  C classes, K anchors."""

    methods: Tuple[str, ...]  # canonical names
    score: npt.NDArray[np.float64]  # higher = more in-distribution
    verdict: npt.NDArray[np.int8]  # a Verdict each
    tau: npt.NDArray[np.float64]  # [n] disagreement of the anchors, >= 0; NaN with fewer than 2
    tau_mean: npt.NDArray[np.float64]  # [n] the same as a mean over classes
    label: npt.NDArray[np.int32]  # [n] predicted class; -1 for an unreadable file
    confidence: npt.NDArray[np.float64]  # [n] largest softmax at the fitted temperature
    anchors: npt.NDArray[np.int32]  # [n] used: K, or fewer by an adaptive scorer
    logits: npt.NDArray[np.float32] | None = None  # [n,C] mean over the anchors
    anchor_logits: npt.NDArray[np.float32] | None = None  # [n,K,C]; of a plain network [n,C]
    errors: Dict[int, AmpError] = dataclasses.field(default_factory=dict)  # by image

    def __len__(self) -> int:
        return len(self.label)


class _Arrays:
    """Results [m,n] and the C struct that points at them."""

    def __init__(self, m: int, n: int, classes: int, anchors: int, wanted: Tuple[bool, bool]):
        per_anchor = (n, anchors, classes) if anchors else (n, classes)
        self.fields: Dict[str, npt.NDArray[Any]] = {
            "score": np.full((m, n), np.nan),
            "verdict": np.full((m, n), int(Verdict.UNKNOWN), np.int8),
            "tau": np.full(n, np.nan),
            "tau_mean": np.full(n, np.nan),
            "label": np.full(n, -1, np.int32),
            "confidence": np.full(n, np.nan),
            "anchors": np.zeros(n, np.int32),
        }
        if wanted[0]:
            self.fields["logits"] = np.full((n, classes), np.nan, np.float32)
        if wanted[1]:
            self.fields["anchor_logits"] = np.full(per_anchor, np.nan, np.float32)

    def struct(self) -> s.amp_scores:
        out = s.amp_scores()
        out.struct_size = sizeof(out)
        for name, array in self.fields.items():
            setattr(out, name, pointer(array))
        return out

    def put(self, rows: Any, part: _Arrays) -> None:
        """The part's images into these rows."""
        for name, array in self.fields.items():
            if name in ("score", "verdict"):
                array[:, rows] = part.fields[name]
            else:
                array[rows] = part.fields[name]


# (pointer, a, b) -> which of the images a..b-1 have results, and those
_Run = Callable[[Any, int, int], Tuple[List[int], _Arrays]]


class Scorer(Owner):
    """A model, its anchors and a list of methods, ready to run.

    One thread at a time uses it, others wait; clone() gives each thread its own.

    methods  "amp", "energy:temperature=2", ... or a list of them; None = the model's default
    bank     None = the model's
    anchors  K: the first K of the bank; 0 = all
    threads  most threads of one run; 0 = the context's
    tpr      which stored threshold gives the verdict
    chunk    images in one pass of the network; 0 = chosen
    adaptive   True: no more anchors than each verdict needs; scores are then of those used
    precision  "fp32"; "fast" (Winograd), "bf16", "int8" of a model calibrated for it, or "auto":
               the fastest that has thresholds
    """

    _free = "amp_scorer_free"

    def __init__(self, model: Model, methods: Methods = None, *, bank: Bank | None = None,
                 anchors: int = 0, threads: int = 0, tpr: float = 0.95, chunk: int = 0,
                 precision: str = "fp32", adaptive: bool = False) -> None:
        options = s.amp_scorer_options()
        lib.amp_scorer_options_init(byref(options), sizeof(options))
        options.anchors = whole("anchors", anchors, 0, UINT32)
        options.threads = whole("threads", threads, 0, 1024)
        options.tpr = real("tpr", tpr)
        options.chunk = whole("chunk", chunk, 0, 4096)
        number = c_int32()
        call(lib.amp_precision_parse, byref(number), text_bytes(precision, "precision"))
        options.precision = number
        options.adaptive = bool(adaptive)
        out = SCORER()
        ptr = None if bank is None else instance("bank", bank, Bank)._ptr
        call(lib.amp_scorer_create, byref(out), instance("model", model, Model)._ptr, ptr,
             methods_bytes(methods), byref(options))
        self._attach(out, model.context)
        self._classes = model.info.classes
        self._one = methods is None or isinstance(methods, str)
        self._slice = max(SLICE // chunk, 1) * chunk if chunk else SLICE

    def clone(self) -> Scorer:
        """Another that does the same, for another thread; weights are shared."""
        out = SCORER()
        with self._using() as ptr:
            call(lib.amp_scorer_clone, byref(out), ptr)
        made = self._wrap(out, self._kept)
        made._classes, made._one, made._slice = self._classes, self._one, self._slice
        return made

    @property
    def methods(self) -> Tuple[str, ...]:
        """Canonical names, in the order asked for."""
        with self._using(nested=True) as ptr:
            return tuple(text(lib.amp_scorer_method(ptr, i)) or ""
                         for i in range(lib.amp_scorer_methods(ptr)))

    @property
    def thresholds(self) -> Tuple[float | None, ...]:
        """A method's stored threshold at this K and TPR, None where the model has none."""
        value = c_double()
        with self._using(nested=True) as ptr:
            return tuple(value.value if lib.amp_scorer_threshold(ptr, i, byref(value)) else None
                         for i in range(lib.amp_scorer_methods(ptr)))

    @property
    def anchors(self) -> int:
        """K in use; 0 for a plain network."""
        with self._using(nested=True) as ptr:
            return int(lib.amp_scorer_anchors(ptr))

    @property
    def precision(self) -> str:
        """What it runs in; never "auto"."""
        with self._using(nested=True) as ptr:
            return text(lib.amp_precision_name(lib.amp_scorer_precision(ptr))) or ""

    @property
    def note(self) -> str | None:
        """Why scores are not as asked ("K = 1: ..."), or None."""
        with self._using(nested=True) as ptr:
            return text(lib.amp_scorer_note(ptr))

    def _arrays(self, ptr: Any, n: int, wanted: Tuple[bool, bool]) -> _Arrays:
        return _Arrays(lib.amp_scorer_methods(ptr), n, self._classes, lib.amp_scorer_anchors(ptr),
                       wanted)

    def _scores(self, arrays: _Arrays, errors: Dict[int, AmpError] | None = None) -> Scores:
        fields = dict(arrays.fields)
        if self._one and len(fields["score"]) == 1:
            fields["score"], fields["verdict"] = fields["score"][0], fields["verdict"][0]
        return Scores(methods=self.methods, errors=errors or {}, **fields)

    def _in_slices(self, n: int, most: int, run: _Run, wanted: Tuple[bool, bool],
                   progress: ProgressFn | None) -> _Arrays:
        """A few images at a time, so that Ctrl-C comes through; the bits do not depend on it."""
        with self._using() as ptr:
            arrays = self._arrays(ptr, n, wanted)
            for a in range(0, n, most):
                b = min(a + most, n)
                arrays.put(*run(ptr, a, b))
                if not tell(progress, "score", b, n):
                    raise AmpCancelledError(f"stopped after {b} of {n} images", where="score")
        return arrays

    def score(self, images: npt.ArrayLike, *, logits: bool = True, anchor_logits: bool = False,
              progress: ProgressFn | None = None) -> Scores:
        """Score uint8 [n,h,w,3]; [h,w,3] is one image.  A C-contiguous array is read in place.

        logits, anchor_logits  whether to return them
        progress               called after each few images, stage "score"
        """
        array = rgb8(images)
        n, height, width = array.shape[:3]
        wanted = (logits, anchor_logits)

        def run(ptr: Any, a: int, b: int) -> Tuple[List[int], _Arrays]:
            part = self._arrays(ptr, b - a, wanted)
            call(lib.amp_scorer_run_rgb8, ptr, b - a, pointer(array[a:b]), height, width,
                 byref(part.struct()))
            return list(range(a, b)), part

        return self._scores(self._in_slices(n, self._slice, run, wanted, progress))

    def _run_images(self, ptr: Any, pictures: Sequence[Picture],
                    wanted: Tuple[bool, bool]) -> _Arrays:
        handles, keep = picture_handles(pictures, self._kept)
        part = self._arrays(ptr, len(keep), wanted)
        call(lib.amp_scorer_run, ptr, len(keep), handles, byref(part.struct()))
        return part

    def score_images(self, images: Iterable[Picture], *, logits: bool = True,
                     anchor_logits: bool = False, progress: ProgressFn | None = None) -> Scores:
        """Score Images, or uint8 [h,w,3] arrays, each of any size."""
        pictures = list(images)
        wanted = (logits, anchor_logits)

        def run(ptr: Any, a: int, b: int) -> Tuple[List[int], _Arrays]:
            return list(range(a, b)), self._run_images(ptr, pictures[a:b], wanted)

        return self._scores(self._in_slices(len(pictures), FILES, run, wanted, progress))

    def score_paths(self, paths: PathLike | Iterable[PathLike], *, on_error: str = "raise",
                    logits: bool = True, anchor_logits: bool = False,
                    progress: ProgressFn | None = None, **limits: Any) -> Scores:
        """Score JPEG and PNG files.

        on_error  "raise": the first bad file ends the call with its exception; "skip": it is in
                  .errors under its position, its results are NaN, -1 and UNKNOWN, and the other
                  files are scored
        limits    max_pixels=, max_bytes=, ... of each image: image_options()
        """
        if on_error not in ("raise", "skip"):
            raise AmpArgumentError(f"on_error is {on_error!r}, allowed 'raise', 'skip'")
        files = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else list(paths)
        wanted = (logits, anchor_logits)
        errors: Dict[int, AmpError] = {}

        def run(ptr: Any, a: int, b: int) -> Tuple[List[int], _Arrays]:
            images: Dict[int, Image] = {}
            for i in range(a, b):
                try:
                    images[i] = Image(files[i], context=self._kept, **limits)
                except _BAD_FILE as error:
                    if on_error == "raise":
                        raise
                    errors[i] = error
            return list(images), self._run_images(ptr, list(images.values()), wanted)

        return self._scores(self._in_slices(len(files), FILES, run, wanted, progress), errors)

    def score_dataset(self, dataset: Dataset, first: int = 0, count: int | None = None, *,
                      logits: bool = True, anchor_logits: bool = False,
                      progress: ProgressFn | None = None) -> Scores:
        """Score images first .. first + count - 1 of a data set; count: None = all that follow."""
        size = len(instance("dataset", dataset, Dataset))
        first = whole("first", first, 0, size)
        n = whole("count", size - first if count is None else count, 0, size - first)
        with self._using() as ptr, dataset._using() as data, watch(progress) as watched:
            arrays = self._arrays(ptr, n, (logits, anchor_logits))
            call(lib.amp_scorer_run_dataset, ptr, data, first, n, byref(arrays.struct()),
                 watched.callback, None)
        return self._scores(arrays)

    def profile(self, n: int = 1, repeats: int = 20) -> Profile:
        """Where the time goes: `repeats` runs of n images of noise, step by step."""
        n = whole("n", n, 1, 4096)
        repeats = whole("repeats", repeats, 1, 10000)
        with self._using() as ptr:
            return profile_of(ptr, n, repeats)

    def __repr__(self) -> str:
        return self._repr(lambda: f"{';'.join(self.methods)!r}, anchors={self.anchors}")


@dataclasses.dataclass(frozen=True)
class Method:
    """A detector that there is."""

    name: str
    help: str


def methods() -> Tuple[Method, ...]:
    """All detectors of the library."""
    return tuple(Method(text(lib.amp_method_name(i)) or "", text(lib.amp_method_help(i)) or "")
                 for i in range(lib.amp_method_count()))
