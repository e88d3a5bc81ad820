# SPDX-License-Identifier: Apache-2.0
"""Talks to image_tool, and finds the data: shared by the Python tests of this folder."""
import os
import subprocess
import tarfile

import numpy as np
import pytest

DATA = os.environ.get("AMP_DATA", os.path.join(os.path.dirname(__file__), "../../../shared/data"))


class Refused(Exception):
    """The library's answer was an error: status and message."""

    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Tool:
    """One running image_tool; its protocol is described in image_tool.c."""

    def __init__(self):
        path = os.path.join(os.environ["AMP_TOOLS"], "image_tool")
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, words, data):
        head = " ".join(str(word) for word in (*words, len(data))) + "\n"
        self.process.stdin.write(head.encode() + data)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode("utf-8", "replace").rstrip("\n").split(" ")
        if answer[0] == "error":
            raise Refused(int(answer[1]), " ".join(answer[2:]))
        assert answer[0] == "ok", f"image_tool died with {self.process.wait()}"
        width, height, size = map(int, answer[1:])
        body = self.process.stdout.read(size)
        assert len(body) == size
        return width, height, body

    def decode(self, data, composite=None, max_pixels=0):
        """RGB8 [h, w, 3]; composite: the background colour, None drops alpha."""
        background = composite or (0, 0, 0)
        width, height, body = self.ask(
            ("decode", int(composite is not None), *background, max_pixels), data)
        return np.frombuffer(body, np.uint8).reshape(height, width, 3)

    def resize(self, pixels, width, height, kind):
        rows, columns, channels = pixels.shape
        _, _, body = self.ask(("resize", columns, rows, width, height, channels, kind),
                              np.ascontiguousarray(pixels).tobytes())
        return np.frombuffer(body, np.uint8).reshape(height, width, channels)

    def prepare(self, pixels, text, channels=3):
        """uint8 [h, w, channels] and float32 [channels, h, w]."""
        rows, columns, _ = pixels.shape
        width, height, body = self.ask(("prepare", columns, rows, text),
                                       np.ascontiguousarray(pixels).tobytes())
        n = width * height * channels
        prepared = np.frombuffer(body[:n], np.uint8).reshape(height, width, channels)
        return prepared, np.frombuffer(body[n:], np.float32).reshape(channels, height, width)

    def transform(self, draw, kind, planes, text):
        width, height, body = self.ask(("transform", kind, *draw, text),
                                       np.ascontiguousarray(planes, np.float32).tobytes())
        return np.frombuffer(body, np.float32).reshape(planes.shape[0], height, width)

    def close(self):
        """Ends the tool; a sanitizer's finding makes its status non-zero."""
        self.process.stdin.close()
        assert self.process.wait() == 0


def data_file(name):
    """Path of a data file; skips the test without it, or fails it under AMP_REQUIRE_ALL=1."""
    path = os.path.join(DATA, name)
    if not os.path.exists(path):
        if os.environ.get("AMP_REQUIRE_ALL") == "1":
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is missing")
    return path


def members(name):
    """(name, bytes) of every regular file of a tar in the data folder."""
    with tarfile.open(data_file(name)) as archive:
        for member in archive:
            if member.isfile():
                yield member.name, archive.extractfile(member).read()
