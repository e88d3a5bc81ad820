# SPDX-License-Identifier: Apache-2.0
"""Data sets by a short spec, "cifar10:PATH#test", "folder:PATH", "idx:IMAGES,LABELS[0:1000]":
images and labels in a fixed order.  include/amp/data.h describes the specs."""
from __future__ import annotations

import operator
from ctypes import byref, create_string_buffer, pointer as pointer_to, sizeof
from typing import Any, Iterator, Tuple, overload

import numpy as np
import numpy.typing as npt

from . import _structs as s
from ._arrays import pointer
from ._core import UINT64, Owner, PathLike, call, path_bytes, text, whole
from ._errors import AmpArgumentError, AmpShapeError
from ._ffi import DATASET, IMAGE, lib
from ._progress import ProgressFn, watch
from .context import Context, context_or_default
from .image import Image, image_options

Item = Tuple[npt.NDArray[np.uint8], int]


class Dataset(Owner):
    """Images and labels.

    dataset[i] is (pixels uint8 [h,w,3], label), the label -1 when it is not known; dataset[a:b] a
    Dataset that shares the source.  len(), iteration and negative indices work as on a list.

    spec        what and where; see include/amp/data.h
    context     None = default_context()
    max_memory  unpacked bytes kept in memory, more go to a temporary file; default 512 MiB
    progress    called with stages "check", "unpack" (packed bytes read) and "walk" (images found)
    limits      max_pixels=, max_bytes=, ... of each image: image_options()
    """

    _free = "amp_dataset_free"

    def __init__(self, spec: PathLike, *, context: Context | None = None,
                 max_memory: int | None = None, progress: ProgressFn | None = None,
                 **limits: Any) -> None:
        context = context_or_default(context)
        image = image_options(**limits)
        options = s.amp_dataset_options()
        lib.amp_dataset_options_init(byref(options), sizeof(options))
        options.image = pointer_to(image)
        if max_memory is not None:
            options.max_memory = whole("max_memory", max_memory, 0, UINT64)
        out = DATASET()
        with watch(progress) as watched:
            options.progress = watched.callback
            call(lib.amp_dataset_open, byref(out), context._ptr, path_bytes(spec), byref(options))
            self._attach(out, context)

    def __len__(self) -> int:
        with self._using(nested=True) as ptr:
            return int(lib.amp_dataset_size(ptr))

    def _index(self, index: Any) -> int:
        size = len(self)
        number = operator.index(index)
        if not -size <= number < size:
            raise IndexError(f"image {number} of {size}")
        return number % size

    @overload
    def __getitem__(self, index: int) -> Item:
        ...

    @overload
    def __getitem__(self, index: slice) -> Dataset:
        ...

    def __getitem__(self, index: int | slice) -> Item | Dataset:
        if isinstance(index, slice):
            return self.subset(np.arange(*index.indices(len(self)), dtype=np.int64))
        return np.asarray(self.image(index)), self.label(index)

    def __iter__(self) -> Iterator[Item]:
        for i in range(len(self)):
            yield self[i]

    def image(self, index: int) -> Image:
        """Read and decode one image."""
        out = IMAGE()
        number = self._index(index)
        with self._using() as ptr:
            call(lib.amp_dataset_get, ptr, number, byref(out))
        return Image._wrap(out, self._kept)

    def label(self, index: int) -> int:
        """0.. or -1 when it is not known."""
        number = self._index(index)
        with self._using(nested=True) as ptr:
            return int(lib.amp_dataset_label(ptr, number))

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """int32 [n]; -1 where it is not known."""
        size = len(self)
        with self._using(nested=True) as ptr:
            label = lib.amp_dataset_label
            return np.fromiter((label(ptr, i) for i in range(size)), np.int32, size)

    @property
    def classes(self) -> Tuple[str, ...]:
        """Names of the classes of the source; empty when no label is known.  A class without a
        name has its number."""
        with self._using(nested=True) as ptr:
            count = lib.amp_dataset_classes(ptr)
            names = [text(lib.amp_dataset_class_name(ptr, i)) for i in range(count)]
        return tuple(str(i) if name is None else name for i, name in enumerate(names))

    def name(self, index: int) -> str:
        """The file's path, the archive member, or "PATH[i]" for record i of a file."""
        number = self._index(index)
        with self._using(nested=True) as ptr:
            size = lib.amp_dataset_name(ptr, number, None, 0) + 1
            out = create_string_buffer(size)
            lib.amp_dataset_name(ptr, number, out, size)
        return text(out.value) or ""

    def subset(self, indices: npt.ArrayLike) -> Dataset:
        """The images at `indices`, in that order, repeats allowed; negative ones from the end."""
        array = np.asarray(indices)
        if array.ndim != 1:
            raise AmpShapeError(f"indices have {array.ndim} dimensions, 1 is needed")
        if array.size == 0:
            raise AmpArgumentError("a data set holds at least one image")
        if array.dtype.kind not in "iu":
            raise AmpArgumentError(f"indices are {array.dtype}, integers are needed")
        size = len(self)
        whole("the least index", array.min(), -size, size - 1)
        whole("the largest index", array.max(), -size, size - 1)
        numbers = np.where(array < 0, array + size, array).astype(np.uint64)
        out = DATASET()
        with self._using() as ptr:
            call(lib.amp_dataset_subset, byref(out), ptr, numbers.size, pointer(numbers))
        return self._wrap(out, self._kept)

    def split(self, held_out: int, seed: int = 0) -> Tuple[Dataset, Dataset]:
        """(rest, held out): `held_out` images drawn by the seed, as even over the classes as they
        allow."""
        rest, part = DATASET(), DATASET()
        with self._using() as ptr:
            call(lib.amp_dataset_split, byref(rest), byref(part), ptr,
                 whole("held_out", held_out, 0, UINT64), whole("seed", seed, 0, UINT64))
        return self._wrap(rest, self._kept), self._wrap(part, self._kept)

    def __repr__(self) -> str:
        return self._repr(lambda: f"{len(self)} images, {len(self.classes)} classes")
