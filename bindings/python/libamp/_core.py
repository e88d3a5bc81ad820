# SPDX-License-Identifier: Apache-2.0
"""What all wrappers share: calls that raise, texts, numbers, options, handles and their end."""
from __future__ import annotations

import contextlib
import operator
import os
import threading
import weakref
from ctypes import byref
from typing import Any, Callable, ClassVar, Iterator, Tuple, Type, TypeVar, Union

from . import _structs as s
from ._errors import AmpArgumentError, from_record
from ._ffi import lib

PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
T = TypeVar("T", bound="Handle")
H = TypeVar("H")

UINT32 = 2**32 - 1
UINT64 = 2**64 - 1
SIZE = 2**63 - 1


def call(function: Any, *arguments: Any) -> None:
    """function(*arguments, error); its status as an exception."""
    record = s.amp_error()
    status = function(*arguments, byref(record))
    if status != 0:
        raise from_record(status, record)


def path_bytes(path: PathLike) -> bytes:
    """A path or a spec as the bytes that file names have here."""
    try:
        data = os.fsencode(path)
    except TypeError:
        raise AmpArgumentError(f"the path is {path!r}, a text or an os.PathLike is "
                               "needed") from None
    return _without_nul(data)


def text_bytes(text: str, name: str = "the text") -> bytes:
    """UTF-8."""
    if not isinstance(text, str):
        raise AmpArgumentError(f"{name} is {text!r}, a text is needed")
    return _without_nul(text.encode("utf-8"))


def _without_nul(data: bytes) -> bytes:
    if b"\0" in data:
        raise AmpArgumentError(f"a NUL byte in {data[:80]!r}")
    return data


def text(data: bytes | None) -> str | None:
    """A borrowed text of the library; UTF-8 but for names that came from files."""
    return None if data is None else os.fsdecode(data)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """An integer that C can hold; ctypes would cut it."""
    try:
        number = operator.index(value)
    except TypeError:
        raise AmpArgumentError(f"{name} is {value!r}, an integer is needed") from None
    if not low <= number <= high:
        raise AmpArgumentError(f"{name} is {number}, allowed {low}..{high}")
    return number


def real(name: str, value: Any) -> float:
    """A number, not a text that reads like one."""
    try:
        if not isinstance(value, (str, bytes, bytearray)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise AmpArgumentError(f"{name} is {value!r}, a number is needed")


def instance(name: str, value: Any, kind: Type[H]) -> H:
    """An object of this package's own."""
    if not isinstance(value, kind):
        raise AmpArgumentError(f"{name} is {value!r}, a {kind.__name__} is needed")
    return value


def _option_value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return ":".join(_option_value(key, item) for item in value)
    if isinstance(value, str):
        if any(letter in value for letter in ",;= "):
            raise AmpArgumentError(f"{key} is {value!r}: no ',', ';', '=' or blank in an option")
        return value
    if hasattr(value, "__index__"):
        return str(operator.index(value))
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        raise AmpArgumentError(f"{key} is {value!r}, a number or a text is needed") from None


def options_text(options: dict[str, Any]) -> bytes | None:
    """Keywords as the library's "key=value,key=value"; None when there is none.  Lists become
    "a:b:c", True and False 1 and 0; a value of None leaves the default."""
    pairs = [f"{key}={_option_value(key, value)}" for key, value in options.items()
             if value is not None]
    return text_bytes(",".join(pairs)) if pairs else None


def _release(function: Any, pointer: Any, _kept: object) -> None:
    function(pointer)


class Handle:
    """One reference to an object of the library, dropped with the last one to this.

    The library counts references among its own objects, so any order is right.  What `kept` holds
    (the context, and with it a log callback) outlives the object.  At the end of the process
    nothing is freed: other threads may still be running."""

    _free: ClassVar[str]  # function that ends a reference
    _pointer: Any
    _kept: Any
    _finalizer: Any

    def _attach(self, pointer: Any, kept: object) -> None:
        self._pointer = pointer
        self._kept = kept
        self._finalizer = weakref.finalize(self, _release, getattr(lib, self._free), pointer, kept)
        self._finalizer.atexit = False

    @classmethod
    def _wrap(cls: Type[T], pointer: Any, kept: object) -> T:
        made = cls.__new__(cls)
        made._attach(pointer, kept)
        return made

    @property
    def _ptr(self) -> Any:
        if not self._finalizer.alive:
            raise AmpArgumentError(f"the {type(self).__name__} is closed")
        return self._pointer

    def _repr(self, inside: Callable[[], str]) -> str:
        """"Name(inside)", also of what is closed and cannot be asked."""
        name = type(self).__name__
        return f"{name}({inside()})" if self._finalizer.alive else f"<{name} closed>"

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled")


class Owner(Handle):
    """A handle that serves one thread at a time: other threads wait for their turn."""

    _lock: threading.Lock
    _user: int

    def _attach(self, pointer: Any, kept: object) -> None:
        super()._attach(pointer, kept)
        self._lock = threading.Lock()
        self._user = 0

    @contextlib.contextmanager
    def _using(self, nested: bool = False) -> Iterator[Any]:
        """The pointer, for this thread alone.  nested: also inside its own progress callback."""
        me = threading.get_ident()
        if self._user == me:
            if not nested:
                raise AmpArgumentError(f"the {type(self).__name__} is at work: its own progress "
                                       "callback may not use it")
            yield self._ptr
            return
        with self._lock:
            self._user = me
            try:
                yield self._ptr
            finally:
                self._user = 0

    def close(self) -> None:
        """Free it now instead of with the last reference.  Closing again does nothing."""
        if self._user == threading.get_ident():
            raise AmpArgumentError(f"the {type(self).__name__} is at work and cannot be closed")
        with self._lock:
            self._finalizer()

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
