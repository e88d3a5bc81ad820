# SPDX-License-Identifier: Apache-2.0
"""Arrays at the border: checked, C-contiguous (a copy only where they are not), as pointers."""
from __future__ import annotations

from ctypes import POINTER, c_double, c_float, c_int8, c_int32, c_uint8, c_uint64, cast
from typing import Any, Dict, Tuple

import numpy as np
import numpy.typing as npt

from ._core import whole
from ._errors import AmpArgumentError, AmpShapeError

_TYPES: Dict[Any, Any] = {
    np.dtype(np.uint8): POINTER(c_uint8),
    np.dtype(np.float64): POINTER(c_double),
    np.dtype(np.float32): POINTER(c_float),
    np.dtype(np.int32): POINTER(c_int32),
    np.dtype(np.uint64): POINTER(c_uint64),
    np.dtype(np.int8): POINTER(c_int8),
}


def pointer(array: npt.NDArray[Any]) -> Any:
    """To the first value; the caller keeps the array."""
    return cast(array.ctypes.data, _TYPES[array.dtype])


def _plain(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    """Values that all count: what a mask hides would be taken as it lies."""
    if isinstance(values, np.ma.MaskedArray) and np.any(values.mask):
        raise AmpArgumentError(f"{name} are masked, values without a mask are needed")
    return np.asarray(values)


def rgb8(images: npt.ArrayLike, name: str = "images") -> npt.NDArray[np.uint8]:
    """uint8 [n,h,w,3]; [h,w,3] is one image."""
    array = _plain(images, name)
    if array.dtype != np.uint8:
        raise AmpArgumentError(f"{name} are {array.dtype}, uint8 is needed")
    if array.ndim == 3:
        array = array[np.newaxis]
    if array.ndim != 4 or array.shape[3] != 3:
        raise AmpShapeError(f"{name} have the shape {np.shape(images)}, [n,h,w,3] is needed")
    if array.shape[1] == 0 or array.shape[2] == 0:
        raise AmpShapeError(f"{name} of height {array.shape[1]} and width {array.shape[2]}")
    whole("height", array.shape[1], 1, 2**32 - 1)
    whole("width", array.shape[2], 1, 2**32 - 1)
    return np.ascontiguousarray(array)


def floats(values: npt.ArrayLike, name: str, dims: int, dtype: Any) -> npt.NDArray[Any]:
    """Real numbers of `dims` dimensions as dtype; float16, float32, float64 and integers are
    taken."""
    array = _plain(values, name)
    if array.dtype.kind not in "fiu":
        raise AmpArgumentError(f"{name} are {array.dtype}, numbers are needed")
    if array.ndim != dims:
        raise AmpShapeError(f"{name} have {array.ndim} dimensions, {dims} are needed")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=dtype)


def labels(values: npt.ArrayLike, n: int) -> npt.NDArray[np.int32]:
    """Integers [n] as int32, none of them changed by that."""
    array = _plain(values, "labels")
    if array.dtype.kind not in "iu":
        raise AmpArgumentError(f"labels are {array.dtype}, integers are needed")
    if array.shape != (n,):
        raise AmpShapeError(f"labels have the shape {array.shape}, ({n},) is needed")
    if n > 0:
        whole("the least label", array.min(), -2**31, 2**31 - 1)
        whole("the largest label", array.max(), -2**31, 2**31 - 1)
    return np.ascontiguousarray(array, dtype=np.int32)


def buffer(data: Any) -> Tuple[Any, int, npt.NDArray[np.uint8]]:
    """Address and size of any bytes-like object, and what keeps it there."""
    try:
        view = memoryview(data)
    except TypeError:
        raise AmpArgumentError(f"{type(data).__name__} is not bytes-like") from None
    if not view.contiguous:
        view = memoryview(view.tobytes())
    array: npt.NDArray[np.uint8] = np.zeros(1, np.uint8)
    if view.nbytes == 0:
        return array.ctypes.data, 0, array
    array = np.frombuffer(view, np.uint8)
    return array.ctypes.data, array.size, array
