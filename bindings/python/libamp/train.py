# SPDX-License-Identifier: Apache-2.0
"""Training: from a model and a data set to a trained model, with checkpoints."""
from __future__ import annotations

import dataclasses
from ctypes import byref, c_int32, create_string_buffer, pointer as pointer_to, sizeof
from typing import Any, Callable, NamedTuple, Tuple

from . import _structs as s
from ._core import UINT64, Owner, PathLike, call, options_text, path_bytes, text, whole
from ._errors import AmpUnsupportedError
from ._ffi import DATASET, MODEL, TRAINER, has_training, lib
from ._progress import Watch
from .context import Context, context_or_default
from .data import Dataset
from .image import image_options
from .model import Model


class TrainProgress(NamedTuple):
    """After every batch, and again after every epoch."""

    epoch_ended: bool
    epoch: int  # in progress or just ended, 1..epochs
    epochs: int
    step: int  # batches done
    steps: int
    learning_rate: float
    loss: float  # of this batch; epoch_ended: mean of the epoch
    accuracy: float  # on the training images, same scope
    held_out_accuracy: float  # epoch_ended only, else NaN
    images_per_second: float
    seconds: float  # so far, over all resumed runs
    eta_seconds: float


# Returns False to stop after this batch (AmpCancelledError); may raise.
TrainFn = Callable[[TrainProgress], object]


def _read(record: Any) -> TrainProgress:
    return TrainProgress(record.kind == 1, record.epoch, record.epochs, record.step, record.steps,
                         record.learning_rate, record.loss, record.accuracy,
                         record.held_out_accuracy, record.images_per_second, record.seconds,
                         record.eta_seconds)


def _need_training() -> None:
    if not has_training():
        raise AmpUnsupportedError("this libamp was built without training", where="train")


class Trainer(Owner):
    """A training run.

    However run() ends - a KeyboardInterrupt, an exception of the callback, False from it - the
    batch in progress is finished first, so the trainer can be saved, and run() goes on.
    """

    _free = "amp_trainer_free"

    def __init__(self, initial: Model, dataset: Dataset, **options: Any) -> None:
        """From these weights.  options: epochs=20, batch=128, lr=0.1, ...: train_options()."""
        _need_training()
        out = TRAINER()
        with dataset._using() as data:
            call(lib.amp_trainer_create, byref(out), initial._ptr, data, options_text(options))
        self._attach(out, initial.context)

    @classmethod
    def resume(cls, path: PathLike, spec: PathLike, *, context: Context | None = None,
               max_memory: int | None = None, **limits: Any) -> Trainer:
        """Go on from a checkpoint with the bits that an unbroken run has.

        spec                of the training set, as it was
        max_memory, limits  as for Dataset
        """
        _need_training()
        context = context_or_default(context)
        image = image_options(**limits)
        options = s.amp_dataset_options()
        lib.amp_dataset_options_init(byref(options), sizeof(options))
        options.image = pointer_to(image)
        if max_memory is not None:
            options.max_memory = whole("max_memory", max_memory, 0, UINT64)
        out = TRAINER()
        call(lib.amp_trainer_resume, byref(out), context._ptr, path_bytes(path), path_bytes(spec),
             byref(options))
        return cls._wrap(out, context)

    def run(self, progress: TrainFn | None = None) -> None:
        """Train to the end."""
        with self._using() as ptr, Watch(s.amp_train_fn, _read, progress) as watched:
            call(lib.amp_trainer_run, ptr, watched.callback, None)

    def step(self) -> bool:
        """One batch; True when none is left."""
        done = c_int32(0)
        with self._using() as ptr:
            call(lib.amp_trainer_step, ptr, byref(done))
        return bool(done.value)

    def save_checkpoint(self, path: PathLike) -> None:
        """Also inside the progress callback."""
        with self._using(nested=True) as ptr:
            call(lib.amp_trainer_save_checkpoint, ptr, path_bytes(path))

    def model(self) -> Model:
        """The model as trained so far.  Also inside the progress callback."""
        out = MODEL()
        with self._using(nested=True) as ptr:
            call(lib.amp_trainer_model, ptr, byref(out))
        return Model._wrap(out, self._kept)

    def held_out(self) -> Dataset:
        """The images that are not trained on: for Builder.calibrate()."""
        out = DATASET()
        with self._using(nested=True) as ptr:
            call(lib.amp_trainer_held_out, ptr, byref(out))
        return Dataset._wrap(out, self._kept)


@dataclasses.dataclass(frozen=True)
class TrainOption:
    """A keyword of Trainer."""

    key: str
    range: str
    help: str


def train_options() -> Tuple[TrainOption, ...]:
    """All keywords of Trainer."""
    _need_training()
    found = []
    for i in range(lib.amp_train_option_count()):
        size = lib.amp_train_option_range(i, None, 0) + 1
        out = create_string_buffer(size)
        lib.amp_train_option_range(i, out, size)
        found.append(TrainOption(text(lib.amp_train_option_key(i)) or "", text(out.value) or "",
                                 text(lib.amp_train_option_help(i)) or ""))
    return tuple(found)
