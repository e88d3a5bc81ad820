# SPDX-License-Identifier: Apache-2.0
"""8-bit RGB images from files, bytes or arrays; Pillow-exact resizing."""
from __future__ import annotations

import enum
from ctypes import byref, c_size_t, c_void_p, cast, sizeof
from typing import Any, Dict, Tuple

import numpy as np
import numpy.typing as npt

from . import _structs as s
from ._arrays import buffer, pointer, rgb8
from ._core import UINT32, UINT64, Handle, PathLike, call, path_bytes, whole
from ._errors import AmpArgumentError, AmpShapeError
from ._ffi import IMAGE, lib
from .context import Context, context_or_default


class Filter(enum.IntEnum):
    """Resampling filters, those of Pillow."""

    NEAREST = 0
    BOX = 1
    BILINEAR = 2
    HAMMING = 3
    BICUBIC = 4
    LANCZOS = 5


def _filter(given: Filter | str) -> int:
    if isinstance(given, Filter):
        return int(given)
    try:
        return int(Filter[given.upper()])
    except (KeyError, AttributeError):
        raise AmpArgumentError(
            f"filter is {given!r}, allowed {', '.join(f.name.lower() for f in Filter)}") from None


def image_options(max_pixels: int | None = None, max_bytes: int | None = None,
                  max_scans: int | None = None,
                  background: Tuple[int, int, int] | None = None) -> s.amp_image_options:
    """What a decoder may take.

    max_pixels  width * height; default 2**26
    max_bytes   of decoded pixels and what the decoder needs beside them; default 256 MiB
    max_scans   of a progressive JPEG; default 100
    background  (r, g, b) to blend transparent pixels over; None = ignore transparency
    """
    options = s.amp_image_options()
    lib.amp_image_options_init(byref(options), sizeof(options))
    if max_pixels is not None:
        options.max_pixels = whole("max_pixels", max_pixels, 1, UINT64)
    if max_bytes is not None:
        options.max_bytes = whole("max_bytes", max_bytes, 1, 2**48)
    if max_scans is not None:
        options.max_scans = whole("max_scans", max_scans, 1, UINT32)
    if background is not None:
        if len(background) != 3:
            raise AmpArgumentError(f"background is {background!r}, (r, g, b) is needed")
        options.alpha = 1
        for i, value in enumerate(background):
            options.background[i] = whole("background", value, 0, 255)
    return options


class Image(Handle):
    """A picture; it never changes.  numpy.asarray(image) is its pixels, uint8 [h,w,3], not copied
    and read-only; they keep the image alive.

    Image(path) reads a JPEG or PNG file; `limits` are the keywords of image_options().
    """

    _free = "amp_image_free"

    def __init__(self, path: PathLike, *, context: Context | None = None, **limits: Any) -> None:
        context = context_or_default(context)
        options = image_options(**limits)
        out = IMAGE()
        call(lib.amp_image_open, byref(out), context._ptr, path_bytes(path), byref(options))
        self._attach(out, context)

    @classmethod
    def decode(cls, data: Any, *, context: Context | None = None, **limits: Any) -> Image:
        """A JPEG or PNG file that is in memory: bytes, bytearray, mmap, ..."""
        context = context_or_default(context)
        options = image_options(**limits)
        address, size, _keep = buffer(data)
        out = IMAGE()
        call(lib.amp_image_decode, byref(out), context._ptr, address, size, byref(options))
        return cls._wrap(out, context)

    @classmethod
    def from_array(cls, pixels: npt.ArrayLike, *, context: Context | None = None) -> Image:
        """uint8 [h,w,3]; copied."""
        context = context_or_default(context)
        if np.ndim(pixels) != 3:
            raise AmpShapeError(f"pixels have the shape {np.shape(pixels)}, [h,w,3] is needed")
        array = rgb8(pixels, "pixels")
        out = IMAGE()
        call(lib.amp_image_from_rgb8, byref(out), context._ptr, pointer(array), array.shape[2],
             array.shape[1], 3 * array.shape[2])
        return cls._wrap(out, context)

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(lib.amp_image_width(self._ptr))

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(lib.amp_image_height(self._ptr))

    @property
    def __array_interface__(self) -> Dict[str, Any]:
        row_bytes = c_size_t()
        pixels = lib.amp_image_rgb8(self._ptr, byref(row_bytes))
        return {"version": 3, "typestr": "|u1", "shape": (self.height, self.width, 3),
                "strides": (row_bytes.value, 3, 1), "data": (cast(pixels, c_void_p).value, True)}

    def resize(self, width: int, height: int, filter: Filter | str = "bilinear") -> Image:
        """A copy of another size, bit for bit Pillow 9.4's Image.resize."""
        out = IMAGE()
        call(lib.amp_image_resize, byref(out), self._ptr, whole("width", width, 1, UINT32),
             whole("height", height, 1, UINT32), _filter(filter))
        return self._wrap(out, self._kept)

    def crop_center(self, width: int, height: int) -> Image:
        """The middle, as torchvision's CenterCrop."""
        out = IMAGE()
        call(lib.amp_image_crop_center, byref(out), self._ptr, whole("width", width, 1, UINT32),
             whole("height", height, 1, UINT32))
        return self._wrap(out, self._kept)

    def __repr__(self) -> str:
        return f"Image({self.width}x{self.height})"
