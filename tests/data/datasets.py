# SPDX-License-Identifier: Apache-2.0
"""Runs data_tool and gives what it shows; small images made on the spot."""
import io
import os
import pathlib
import struct
import subprocess
import tarfile
import tempfile

import numpy as np
import pytest
from PIL import Image

TOOL = pathlib.Path(os.environ["AMP_TOOLS"]) / "data_tool"
DATA = pathlib.Path(os.environ["AMP_DATA"])


class Set:
    """The data set of a spec, all images read."""

    def __init__(self, spec, *options, env=None):
        with tempfile.NamedTemporaryFile() as pixels:
            run = subprocess.run(
                [TOOL, str(spec), "--pixels", pixels.name, *map(str, options)], check=False,
                capture_output=True, env={**os.environ, **(env or {})})
            raw = np.frombuffer(pathlib.Path(pixels.name).read_bytes(), np.uint8)
        out = run.stdout.decode("utf-8", "surrogateescape").splitlines()
        assert run.stderr == b"", run.stderr.decode()
        assert run.returncode in (0, 1), run.returncode
        self.error = None
        if run.returncode == 1:
            _, status, message = out[0].split("\t")
            self.error = (status, message)
            return
        head = out[0].split("\t")
        self.classes = int(head[1])
        self.class_names = head[2:]
        rows = [line.split("\t") for line in out[1:]]
        assert len(rows) == int(head[0])
        self.faults = {row[4]: (row[1], row[2]) for row in rows if row[0] == "error"}
        self.names = [row[4] for row in rows]
        self.indices = [int(row[3]) for row in rows]
        rows = [row for row in rows if row[0] != "error"]
        self.labels = [int(row[0]) for row in rows]
        self.sizes = [(int(row[1]), int(row[2])) for row in rows]
        ends = np.cumsum([3 * w * h for w, h in self.sizes])
        assert raw.size == (ends[-1] if len(ends) else 0)
        self.images = [part.reshape(h, w, 3)
                       for part, (w, h) in zip(np.split(raw, ends[:-1]), self.sizes)]

    def array(self):
        """All images as [n,h,w,3]; they have one size."""
        return np.stack(self.images)


def fails(spec, status, *words):
    """The set does not open, with this status and a message that has the words."""
    error = Set(spec).error
    assert error is not None, f"{spec} opened"
    assert error[0] == status, error
    for word in words:
        assert word in error[1], error
    return error[1]


def data(name):
    """A file of AMP_DATA; skips, or fails under AMP_REQUIRE_ALL=1, when it is missing."""
    path = DATA / name
    if not path.exists():
        assert os.environ.get("AMP_REQUIRE_ALL") != "1", f"{path} is missing"
        pytest.skip(f"{path} is missing")
    return path


def picture(seed, width=7, height=5):
    """A random RGB image [h,w,3]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, pixels):
    """Writes a PNG, making its folder; returns the pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "png")
    return pixels


PACK = {"": None, ".gz": ["gzip", "-c"], ".zst": ["zstd", "-qc"], ".xz": ["xz", "-c"],
        # The filters of the shared data sets.
        ".delta.xz": ["xz", "-c", "--delta=dist=1", "--delta=dist=32", "--lzma2=preset=6"]}


def pack(path, content, suffix=""):
    """Writes content beside path + suffix, packed as the suffix says; the file's path."""
    path = path.with_name(path.name + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    if PACK[suffix]:
        content = subprocess.run(PACK[suffix], input=content, check=True,
                                 capture_output=True).stdout
    path.write_bytes(content)
    return path


def cifar(n, label_bytes=1, seed=0, classes=10):
    """labels [n,label_bytes], images [n,32,32,3] and the file's bytes."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 256, (n, label_bytes + 3072), dtype=np.uint8)
    raw[:, :label_bytes] = rng.integers(0, classes, (n, label_bytes))
    images = raw[:, label_bytes:].reshape(n, 3, 32, 32).transpose(0, 2, 3, 1)
    return raw[:, :label_bytes].astype(int), images, raw.tobytes()


def idx(array, magic=None):
    """An idx file of bytes."""
    head = struct.pack(">I", 0x800 + array.ndim if magic is None else magic)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def tar(files, form=tarfile.USTAR_FORMAT):
    """A tar of (name, bytes), or (name, (type, link target))."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content
                archive.addfile(info)
    return out.getvalue()


def png(seed, width=7, height=5):
    """Bytes of a PNG and its pixels."""
    pixels = picture(seed, width, height)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue(), pixels
