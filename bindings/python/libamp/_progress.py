# SPDX-License-Identifier: Apache-2.0
"""Progress of long calls, and how Ctrl-C and exceptions get through C.

An exception cannot cross C.  One that a callback raises is kept, the call is cancelled, and the
exception goes on from there.  A Python signal handler (Ctrl-C's raises KeyboardInterrupt) runs
whenever Python code does, so also at the first instruction of a callback, before any `try`, where
ctypes would print the exception and drop it.  So, while the call lasts, handlers are wrapped: what
they raise outside the user's own code is kept in the same way.
"""
from __future__ import annotations

import signal
import threading
from types import TracebackType
from typing import Any, Callable, Dict, Generic, List, NamedTuple, Type, TypeVar

from . import _structs as s

R = TypeVar("R")


class Progress(NamedTuple):
    """Where a long call stands."""

    stage: str  # "score", "bank", "unpack", ...
    done: int
    total: int  # 0 = not known


# Returns False to stop (AmpCancelledError); may raise.
ProgressFn = Callable[[Progress], object]


def _read_progress(record: Any) -> Progress:
    stage = record.stage
    return Progress(stage.decode() if stage else "", record.done, record.total)


class Watch(Generic[R]):
    """`with Watch(...) as watch:` around one call that takes watch.callback."""

    def __init__(self, prototype: Any, read: Callable[[Any], R],
                 report: Callable[[R], object] | None) -> None:
        self._read = read
        self._report = report
        self._caught: List[BaseException] = []
        self._handlers: Dict[int, Any] = {}
        self._open = False  # the user's code is running: it may be interrupted
        self.callback: Any = prototype(self._called)

    def _called(self, _user: object, record: Any) -> int:
        try:
            self._open = True
            again = None if self._report is None else self._report(self._read(record.contents))
            self._open = False
            return 1 if again is False or self._caught else 0
        except BaseException as caught:
            self._open = False
            self._caught.append(caught)
            return 1

    def _signalled(self, number: int, frame: Any) -> None:
        try:
            self._handlers[number](number, frame)
        except BaseException as caught:
            if self._open:
                raise
            self._caught.append(caught)

    def __enter__(self) -> Watch[R]:
        if threading.current_thread() is not threading.main_thread():
            return self  # Python runs signal handlers on its main thread only
        try:
            for number in signal.valid_signals():
                handler = signal.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._signalled)
        except BaseException:
            self._restore()
            raise
        return self

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            try:
                signal.signal(number, handler)
            except BaseException as caught:  # a signal that came meanwhile
                self._caught.append(caught)
                signal.signal(number, handler)

    def __exit__(self, kind: Type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._restore()
        self.callback = None
        if not self._caught:
            return
        first = self._caught[0]
        self._caught = []
        context = first.__context__
        try:
            raise first
        finally:
            first.__context__ = context  # not the cancelled call that it caused


def watch(report: ProgressFn | None) -> Watch[Progress]:
    """Around a call that takes an amp_progress_fn."""
    return Watch(s.amp_progress_fn, _read_progress, report)


def tell(report: ProgressFn | None, stage: str, done: int, total: int) -> bool:
    """Progress of a loop in Python; False = stop."""
    return report is None or report(Progress(stage, done, total)) is not False
