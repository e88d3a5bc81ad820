# SPDX-License-Identifier: Apache-2.0
"""Data sets as sequences."""
import gzip
import pathlib

import numpy as np
import pytest
from conftest import NAMES, pixels, write_cifar
from PIL import Image

import libamp


@pytest.fixture(scope="module", name="made")
def records(folder):
    path = folder / "batch.bin"
    images, labels = write_cifar(path, 25, seed=3)
    return path, images, labels


def test_sequence(made):
    path, images, labels = made
    dataset = libamp.Dataset(f"cifar10:{path}")
    assert len(dataset) == 25 and dataset.classes == tuple(NAMES)
    assert dataset.labels.dtype == np.int32 and (dataset.labels == labels).all()
    for i, (image, label) in enumerate(dataset):
        assert image.dtype == np.uint8 and (image == images[i]).all() and label == labels[i]
        assert type(label) is int and dataset.label(i) == label
        assert dataset.name(i) == f"{path}[{i}]"
    assert (dataset[-1][0] == images[24]).all() and dataset[np.int64(3)][1] == 3
    for bad in (25, -26):
        for call in (dataset.__getitem__, dataset.label, dataset.name, dataset.image):
            with pytest.raises(IndexError):
                call(bad)
    with pytest.raises(TypeError):
        dataset["0"]
    assert "25" in repr(dataset)


def test_slices_and_subsets(made):
    path, images, labels = made
    dataset = libamp.Dataset(f"cifar10:{path}")
    for cut in (slice(3, 9), slice(None, None, -1), slice(-5, None), slice(20, 0, -7)):
        part = dataset[cut]
        assert (part.labels == labels[cut]).all() and (part[0][0] == images[cut][0]).all()
        assert part.classes == tuple(NAMES)
    chosen = dataset.subset([4, 4, -1, 0])
    assert [chosen.name(i) for i in range(4)] == [f"{path}[{i}]" for i in (4, 4, 24, 0)]
    del dataset
    assert (chosen[2][0] == images[24]).all()
    assert (libamp.Dataset(f"cifar10:{path}[3:9]").labels == labels[3:9]).all()
    for bad in ([], [25], [-26], [[1]], [0.5], ["1"]):
        with pytest.raises(libamp.AmpError):
            chosen.subset(bad)
    with pytest.raises(libamp.AmpArgumentError):
        chosen[5:2]


def test_split(made):
    dataset = libamp.Dataset(f"cifar10:{made[0]}")
    rest, part = dataset.split(10, seed=1)
    assert len(rest) == 15 and len(part) == 10 and sorted(part.labels) == list(range(10))
    names = [d.name(i) for d in (rest, part) for i in range(len(d))]
    assert sorted(names) == sorted(dataset.name(i) for i in range(25))
    assert [part.name(i) for i in range(10)] == [
        dataset.split(10, seed=1)[1].name(i) for i in range(10)]
    for bad in (0, 25, -1):
        with pytest.raises(libamp.AmpArgumentError):
            dataset.split(bad)


def test_folder_of_images(tmp_path):
    for label, name in enumerate(["cat", "dög"]):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels(1, 5 + label, 6, seed=label)[0]).save(tmp_path / name / "0.png")
    dataset = libamp.Dataset(tmp_path)
    assert dataset.classes == ("cat", "dög") and list(dataset.labels) == [0, 1]
    assert pathlib.Path(dataset.name(1)).samefile(tmp_path / "dög" / "0.png")
    assert dataset[1][0].shape == (6, 6, 3)
    assert dataset.image(0).width == 6


def test_unlabelled(tmp_path):
    Image.fromarray(pixels(1)[0]).save(tmp_path / "0.png")
    dataset = libamp.Dataset(f"folder:{tmp_path}")
    assert dataset.classes == () and list(dataset.labels) == [-1] and dataset[0][1] == -1


def test_packed(made, tmp_path):
    """Unpacking tells where it stands, may go to a file, and may be stopped."""
    packed = tmp_path / "batch.bin.gz"
    packed.write_bytes(gzip.compress(made[0].read_bytes()))
    told = []
    dataset = libamp.Dataset(f"cifar10:{packed}", max_memory=0, progress=told.append)
    assert (dataset[7][0] == made[1][7]).all()
    assert "unpack" in {stage for stage, _, _ in told}
    with pytest.raises(libamp.AmpCancelledError):
        libamp.Dataset(f"cifar10:{packed}", progress=lambda _: False)
    with pytest.raises(ZeroDivisionError):
        libamp.Dataset(f"cifar10:{packed}", progress=lambda _: 1 // 0)


def test_limits(tmp_path):
    Image.fromarray(pixels(1)[0]).save(tmp_path / "0.png")
    dataset = libamp.Dataset(tmp_path, max_pixels=100)
    with pytest.raises(libamp.AmpLimitError):
        dataset[0]
    with pytest.raises(TypeError):
        libamp.Dataset(tmp_path, max_pixel=100)
    with pytest.raises(libamp.AmpArgumentError):
        libamp.Dataset(tmp_path, max_pixels=-1)


def test_bad_specs(tmp_path):
    for spec, kind in ((f"folder:{tmp_path}/none", OSError), (f"folder:{tmp_path}", ValueError),
                       (f"nothing:{tmp_path}", OSError)):
        with pytest.raises((kind, libamp.AmpArgumentError)):
            libamp.Dataset(spec)
