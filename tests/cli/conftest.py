# SPDX-License-Identifier: Apache-2.0
"""A user's folder of images, a model made of it by the program, and how to run the program."""
import json
import os
import pathlib
import struct
import subprocess

import numpy as np
import pytest
from PIL import Image

AMP = os.environ["AMP_EXE"]
CLASSES = ["ant", "bee", "cat"]
NETWORK = ["--arch", "wrn:depth=10,width=1", "--size", "24", "--threads", "1"]
K = 3
SANITIZED = os.environ.get("AMP_SANITIZED") == "1"


class Done:
    """What a run left: code, out and err as text, rows as the JSON lines of out."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = os.fsdecode(done.stdout or b"")
        self.err = os.fsdecode(done.stderr or b"")

    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]


def amp(*arguments, code=0, **more):
    """Runs the program; fails unless it exits with `code` (None: any)."""
    if "input" not in more:
        more.setdefault("stdin", subprocess.DEVNULL)
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    done = Done(subprocess.run([AMP, *map(os.fsencode, map(str_or_bytes, arguments))], check=False,
                               timeout=240, **more))
    assert code is None or done.code == code, f"exit {done.code}, not {code}\n{done.err}"
    assert "Sanitizer" not in done.err and "runtime error" not in done.err, done.err
    return done


def str_or_bytes(value):
    return value if isinstance(value, bytes) else str(value)


def picture(generator, channel, sides=(20, 60)):
    """Noise in one colour: what a tiny network tells apart.  channel None: grey."""
    height, width = generator.integers(*sides, 2)
    if channel is None:
        grey = generator.integers(0, 256, (height, width, 1))
        return Image.fromarray(grey.repeat(3, 2).astype(np.uint8))
    pixels = generator.integers(0, 90, (height, width, 3))
    pixels[..., channel] += 150
    return Image.fromarray(pixels.astype(np.uint8))


def make_folder(root, per_class=30, seed=0):
    """A folder a class, PNG and JPEG, sizes mixed, one image of a single row."""
    generator = np.random.default_rng(seed)
    for channel, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(per_class):
            suffix = ["png", "jpg", "JPEG"][i % 3]
            picture(generator, channel).save(root / name / f"{i:02}.{suffix}")
    thin = picture(generator, 0, (30, 31)).resize((40, 1))
    thin.save(root / CLASSES[0] / "thin.png")
    return root


def make_noise(root, n=24, seed=9):
    generator = np.random.default_rng(seed)
    root.mkdir(parents=True)
    for i in range(n):
        picture(generator, None).save(root / f"{i:02}.png")
    return root


@pytest.fixture(scope="session", name="world")
def small_world(tmp_path_factory):
    """Folder with photos/ (three classes), fresh/ (the same, unseen), noise/ and model.st, trained,
    with bank and thresholds."""
    root = tmp_path_factory.mktemp("cli")
    make_folder(root / "photos")
    make_folder(root / "fresh", per_class=8, seed=1)
    make_noise(root / "noise")
    amp("train", "--data", f"folder:{root}/photos", *NETWORK, "--epochs", 3, "--set", "batch=16",
        "--output", root / "model.st", "--quiet")
    amp("bank", "--model", root / "model.st", "--count", K, "--method", "balanced")
    amp("calibrate", "--model", root / "model.st", "--tpr", "0.9:0.95")
    return root


@pytest.fixture(name="model")
def model_path(world):
    return world / "model.st"


@pytest.fixture(scope="session", name="plain")
def plain_model(world):
    """A plain network, not calibrated."""
    path = world / "plain.st"
    amp("train", "--data", f"folder:{world}/photos", *NETWORK, "--plain", "--epochs", 1, "--set",
        "batch=16", "--output", path, "--quiet")
    return path


@pytest.fixture(scope="session", name="bare")
def model_without_bank(world):
    path = world / "bare.st"
    amp("train", "--data", f"folder:{world}/photos", *NETWORK, "--epochs", 1, "--set", "batch=16",
        "--output", path, "--quiet")
    return path


def read_model(path):
    """Record, header and tensor bytes of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    record = json.loads(header.pop("__metadata__")["amp"])
    return record, header, data[8 + length:]


def change_record(source, path, **keys):
    """A copy of a model file whose record has these values (None: not the key)."""
    record, header, data = read_model(source)
    record = {key: value for key, value in {**record, **keys}.items() if value is not None}
    text = json.dumps({"__metadata__": {"amp": json.dumps(record)}, **header}).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def leftovers(folder):
    """Files that a write left half done."""
    return [path.name for path in pathlib.Path(folder).iterdir() if ".part-" in path.name]
