# SPDX-License-Identifier: Apache-2.0
"""A small model with bank, names, temperature and thresholds; images and data sets to score."""
import os

import numpy as np
import pytest
from PIL import Image

import libamp

ARCH = "wrn:depth=10,width=1,classes=10,size=16"
PREPROCESS = "height=16,width=16,mean=0.5:0.4:0.3,std=0.2:0.25:0.3"
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
METHODS = ["amp", "msp", "energy"]
K = 3


def pixels(n, height=16, width=16, seed=0):
    """Random uint8 [n,h,w,3]."""
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), np.uint8)


def write_cifar(path, n, seed=0):
    """A file of n random records whose labels are 0, 1, .. 9, 0, ..; gives pixels and labels."""
    images = pixels(n, 32, 32, seed)
    labels = np.arange(n) % 10
    records = np.concatenate([labels[:, np.newaxis].astype(np.uint8),
                              images.transpose(0, 3, 1, 2).reshape(n, -1)], axis=1)
    path.write_bytes(records.tobytes())
    return images, labels


@pytest.fixture(scope="session", name="folder")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("libamp")


@pytest.fixture(scope="session", name="cifar")
def cifar_file(folder):
    """A file in CIFAR-10's layout: 40 images."""
    path = folder / "records.bin"
    write_cifar(path, 40)
    return path


@pytest.fixture(scope="session", name="model")
def small_model(cifar):
    """Untrained, but complete."""
    base = libamp.Model.create(ARCH, PREPROCESS, seed=7)
    with libamp.Builder(base) as builder:
        builder.set_class_names(NAMES)
        builder.set_bank(libamp.Bank.from_images(base, pixels(K, 20, 24, seed=1)))
        builder.calibrate(libamp.Dataset(f"cifar10:{cifar}"), METHODS)
        return builder.finish()


@pytest.fixture(scope="session", name="model_file")
def saved_model(model, folder):
    path = folder / "model.safetensors"
    model.save(path)
    return path


@pytest.fixture(scope="session", name="pictures")
def picture_files(folder):
    """Seven PNG files of several sizes."""
    paths = []
    for i in range(7):
        path = folder / f"picture{i}.png"
        Image.fromarray(pixels(1, 14 + 3 * i, 30 - 2 * i, seed=10 + i)[0]).save(path)
        paths.append(path)
    return paths


@pytest.fixture(name="need")
def require():
    """need(condition, reason) skips, or fails where nothing may be skipped."""

    def check(condition, reason):
        if not condition:
            assert os.environ.get("AMP_REQUIRE_ALL") != "1", reason
            pytest.skip(reason)

    return check


def same(one, two):
    """Equal to the last bit, NaN included."""
    for name in ("score", "verdict", "tau", "tau_mean", "label", "confidence", "logits",
                 "anchor_logits"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype == b.dtype and a.shape == b.shape, name
            assert a.tobytes() == b.tobytes(), name
