# SPDX-License-Identifier: Apache-2.0
"""What models, data sets and scorers that work together share: a budget of threads, a log."""
from __future__ import annotations

import os
from ctypes import byref, sizeof
from typing import Any, Callable, Dict

from . import _structs as s
from ._core import Handle, call, whole
from ._errors import AmpArgumentError
from ._ffi import CONTEXT, lib

LogFn = Callable[[int, str], object]
_LEVELS = {"none": 0, "error": 1, "warning": 2, "info": 3, "debug": 4}


def cores() -> int:
    """Processors that this process may use, at most the library's 1024."""
    return min(len(os.sched_getaffinity(0)), 1024)


class Context(Handle):
    """Settings that several objects share.  Objects used together must have the same one.

    threads  budget of all runs together, 1..1024; None = all cores
    log      called with (level 1..4, text); an exception in it is printed and ignored
    level    "error", "warning", "info" or "debug": the most that log is told
    """

    _free = "amp_context_unref"

    def __init__(self, threads: int | None = None, *, log: LogFn | None = None,
                 level: str = "warning") -> None:
        if level not in _LEVELS:
            raise AmpArgumentError(f"level is {level!r}, allowed {', '.join(_LEVELS)}")
        options = s.amp_context_options()
        lib.amp_context_options_init(byref(options), sizeof(options))
        options.threads = whole("threads", cores() if threads is None else threads, 1, 1024)
        kept: Any = None
        if log is not None:
            kept = _log_callback(log)
            options.log = kept
            options.log_level = _LEVELS[level]
        out = CONTEXT()
        call(lib.amp_context_create, byref(out), byref(options))
        self._attach(out, kept)

    @property
    def threads(self) -> int:
        """The budget."""
        return int(lib.amp_context_threads(self._ptr))

    def __repr__(self) -> str:
        return f"Context(threads={self.threads})"


def _log_callback(log: LogFn) -> Any:
    def called(_user: object, level: int, line: bytes) -> None:
        log(level, line.decode("utf-8", "replace"))

    return s.amp_log_fn(called)


_default: Dict[str, Context] = {}


def default_context() -> Context:
    """The context of objects that were given none: all cores, no log.

    Made when first asked for and kept until the process ends, so that a Model and a Dataset made
    without a word fit together.  A forked child goes on with it, and runs on one thread (the
    OpenMP runtime does not survive a fork)."""
    made = _default.get("context")
    return made if made is not None else _default.setdefault("context", Context())


def context_or_default(given: Context | None) -> Context:
    """The one given, else default_context()."""
    return default_context() if given is None else given
