# SPDX-License-Identifier: Apache-2.0
"""Where the time of a scorer goes: Scorer.profile()."""
from __future__ import annotations

import dataclasses
from ctypes import byref, sizeof
from typing import Any, Tuple

from . import _structs as s
from ._core import call, text
from ._ffi import PROFILE, lib


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of the network.  All numbers but rows are of one run."""

    name: str  # module path of the layer
    what: str  # "convolution", "scale", "reorder", "add", "join", ...
    kernel: str  # what runs it, in oneDNN's words
    shape: str  # of one row; of a reorder, bytes
    seconds: float  # median
    multiply_adds: int  # 0 where nothing is multiplied
    rows: int  # of one call: pairs of image and anchor, or images
    calls: int


@dataclasses.dataclass(frozen=True)
class Profile:
    """Medians over the runs."""

    run_seconds: float  # of a run, from pixels to verdicts
    steps_seconds: float  # of it, what the steps explain
    steps: Tuple[Step, ...]  # in the order of their first run


def _step(profile: Any, index: int) -> Step:
    out = s.amp_profile_step()
    out.struct_size = sizeof(out)
    call(lib.amp_profile_get_step, profile, index, byref(out))
    return Step(text(out.name) or "", text(out.what) or "", text(out.kernel) or "",
                text(out.shape) or "", out.seconds, out.multiply_adds, out.rows, out.calls)


def profile_of(scorer: Any, n: int, repeats: int) -> Profile:
    """Of a scorer's handle, which nobody else uses meanwhile."""
    profile = PROFILE()
    call(lib.amp_scorer_profile, byref(profile), scorer, n, repeats)
    try:
        steps = tuple(_step(profile, i) for i in range(lib.amp_profile_count(profile)))
        return Profile(lib.amp_profile_run_seconds(profile),
                       lib.amp_profile_steps_seconds(profile), steps)
    finally:
        lib.amp_profile_free(profile)
