# SPDX-License-Identifier: Apache-2.0
"""The anchors that a network compares an image with."""
from __future__ import annotations

import operator
from ctypes import byref
from typing import TYPE_CHECKING, Any, Iterable, List, Tuple, Union

import numpy.typing as npt

from ._core import Handle, call, options_text
from ._ffi import BANK, IMAGE, lib
from ._progress import ProgressFn, watch
from .data import Dataset
from .image import Image

if TYPE_CHECKING:
    from .context import Context
    from .model import Model

Picture = Union[Image, npt.ArrayLike]


def picture_handles(pictures: Iterable[Picture], context: Context) -> Tuple[Any, List[Image]]:
    """Pictures as the library's [n] of handles, and what keeps them."""
    images = [picture if isinstance(picture, Image) else Image.from_array(picture, context=context)
              for picture in pictures]
    return (IMAGE * len(images))(*(image._ptr for image in images)), images


class Bank(Handle):
    """Anchors of one model; never changes.  len() anchors; bank[i] is one as an Image, where the
    pixels were kept."""

    _free = "amp_bank_unref"

    def __init__(self, model: Model, dataset: Dataset, *, progress: ProgressFn | None = None,
                 **options: Any) -> None:
        """Choose anchors from in-distribution images, best the training set.

        options  count=5, method="random" | "balanced" | "kcentre", seed=0, pool=5000,
                 store="pixels" | "stem": include/amp/bank.h
        """
        out = BANK()
        with dataset._using() as data, watch(progress) as watched:
            call(lib.amp_bank_build, byref(out), model._ptr, data, options_text(options),
                 watched.callback, None)
            self._attach(out, model.context)

    @classmethod
    def from_images(cls, model: Model, images: Iterable[Picture], **options: Any) -> Bank:
        """Images (or uint8 [h,w,3] arrays) as anchors, in order.  options: store=."""
        handles, keep = picture_handles(images, model.context)
        out = BANK()
        call(lib.amp_bank_from_images, byref(out), model._ptr, len(keep), handles,
             options_text(options))
        return cls._wrap(out, model.context)

    def __len__(self) -> int:
        return int(lib.amp_bank_count(self._ptr))

    @property
    def has_pixels(self) -> bool:
        """False when only the anchors' halves of the first layer are kept."""
        return bool(lib.amp_bank_has_pixels(self._ptr))

    def __getitem__(self, index: int) -> Image:
        size = len(self)
        number = operator.index(index)
        if not -size <= number < size:
            raise IndexError(f"anchor {number} of {size}")
        out = IMAGE()
        call(lib.amp_bank_image, self._ptr, number % size, byref(out))
        return Image._wrap(out, self._kept)

    def __repr__(self) -> str:
        return f"Bank({len(self)} anchors)"
