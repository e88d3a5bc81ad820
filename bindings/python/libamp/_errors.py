# SPDX-License-Identifier: Apache-2.0
"""Status codes as exceptions.

Each is an AmpError and, where Python has a word for it, that built-in too: `except OSError` and
`except libamp.AmpError` both catch a file that cannot be read.
"""
from __future__ import annotations

import errno
from typing import Dict, Tuple, Type

from . import _structs as s
from ._ffi import lib


class AmpError(Exception):
    """A call of libamp failed.

    status   the amp_status, for example -4; `name` is its name, "AMP_E_FORMAT"
    where    the subject: "image", "dataset", "model", "score", ...
    message  one line: the file, the fault, the offending value and the limit
    detail   errno, a oneDNN status or 0
    """

    default_status = -10

    def __init__(self, message: str, status: int | None = None, where: str = "python",
                 detail: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.default_status if status is None else status
        self.where = where
        self.detail = detail

    @property
    def name(self) -> str:
        """Name of the status, "AMP_E_FORMAT"."""
        text: bytes = lib.amp_status_name(self.status)
        return text.decode()

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Tuple[Type[AmpError], Tuple[str, int, str, int]]:
        return type(self), (self.message, self.status, self.where, self.detail)


class AmpArgumentError(AmpError, ValueError):
    """An argument is wrong."""

    default_status = -1


class AmpMemoryError(AmpError, MemoryError):
    """No memory."""

    default_status = -2


class AmpIOError(AmpError, OSError):
    """A file cannot be read or written; errno says why."""

    default_status = -3

    def __init__(self, message: str, status: int | None = None, where: str = "python",
                 detail: int = 0) -> None:
        super().__init__(message, status, where, detail)
        if detail:
            self.errno = detail


class AmpNotFoundError(AmpIOError, FileNotFoundError):
    """There is no such file."""


class AmpFormatError(AmpError, ValueError):
    """A file or buffer is damaged or not what it should be."""

    default_status = -4


class AmpLimitError(AmpError, ValueError):
    """A limit was exceeded."""

    default_status = -5


class AmpShapeError(AmpError, ValueError):
    """Shapes do not fit."""

    default_status = -6


class AmpUnsupportedError(AmpError, NotImplementedError):
    """Not supported by this library, model or file."""

    default_status = -7


class AmpBackendError(AmpError, RuntimeError):
    """The compute back end failed."""

    default_status = -8


class AmpCancelledError(AmpError):
    """A progress callback returned False."""

    default_status = -9


class AmpInternalError(AmpError, RuntimeError):
    """A fault in libamp."""

    default_status = -10


_KINDS: Dict[int, Type[AmpError]] = {
    kind.default_status: kind
    for kind in (AmpArgumentError, AmpMemoryError, AmpIOError, AmpFormatError, AmpLimitError,
                 AmpShapeError, AmpUnsupportedError, AmpBackendError, AmpCancelledError,
                 AmpInternalError)
}


def from_record(status: int, record: s.amp_error) -> AmpError:
    """The exception for a call that returned `status` and filled `record`."""
    kind = _KINDS.get(status, AmpInternalError)
    if kind is AmpIOError and record.detail == errno.ENOENT:
        kind = AmpNotFoundError
    return kind(record.message.decode("utf-8", "backslashreplace"), status,
                record.where.decode("utf-8", "backslashreplace"), record.detail)
