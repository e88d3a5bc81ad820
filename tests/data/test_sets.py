# SPDX-License-Identifier: Apache-2.0
"""The real data sets: counts, labels and pixels equal to what Python reads by itself."""
import collections
import functools
import gzip
import io
import lzma
import tarfile

import numpy as np
import pytest
from datasets import DATA, Set, data, fails
from PIL import Image

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()


@functools.lru_cache(maxsize=2)
def records(path, label_bytes):
    """labels [n,label_bytes], images [n,32,32,3] of a packed CIFAR file."""
    unpack = lzma.decompress if path.suffix == ".xz" else gzip.decompress
    raw = np.frombuffer(unpack(path.read_bytes()), np.uint8).reshape(-1, label_bytes + 3072)
    images = raw[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return raw[:, :label_bytes].astype(int), images


def test_cifar10_test():
    labels, images = records(data("cifar10_test_batch.bin.xz"), 1)
    got = Set(f"cifar10:{DATA / 'cifar10_test_batch.bin.xz'}#test")
    assert got.class_names == CIFAR10
    assert got.labels == labels[:, 0].tolist()
    assert collections.Counter(got.labels) == {c: 1000 for c in range(10)}
    assert np.array_equal(got.array(), images)
    assert got.names[17] == f"{DATA}/cifar10_test_batch.bin.xz[17]"


def test_cifar10_train_and_held_out():
    """The images held out of all five batches: where they come from, and even over the classes."""
    parts = [records(data(f"cifar10_data_batch_{i}.bin.xz"), 1) for i in range(1, 6)]
    got = Set(f"cifar10:{DATA}#train", "--split", 2000, 1)
    labels = np.concatenate([part[0] for part in parts])[:, 0]
    images = np.concatenate([part[1] for part in parts])
    assert labels.shape == (50000,)
    assert got.indices == sorted(set(got.indices))
    assert collections.Counter(i // 10000 for i in got.indices).keys() == set(range(5))
    assert got.labels == labels[got.indices].tolist()
    assert np.array_equal(got.array(), images[got.indices])
    assert collections.Counter(got.labels) == {c: 200 for c in range(10)}


@pytest.mark.parametrize("kind, column, classes", [("fine", 1, 100), ("coarse", 0, 20)])
def test_cifar100(kind, column, classes):
    labels, images = records(data("cifar100_test.bin.xz"), 2)
    got = Set(f"cifar100:{DATA}#test?labels={kind}")
    assert got.labels == labels[:, column].tolist()
    assert collections.Counter(got.labels) == {c: 10000 // classes for c in range(classes)}
    assert np.array_equal(got.array(), images)
    names = {"coarse": [], "fine": []}
    for line in data("cifar100_labels.txt").read_text(encoding="ascii").splitlines():
        if line.startswith("# "):
            section = line[2:].split()[0].rstrip(":")
        elif line:
            names[section].append(line.split()[1])
    assert got.class_names == names[kind]


def test_cifar100_scenes():
    labels, images = records(data("cifar100_scenes_train.bin.xz"), 2)
    got = Set(f"cifar100:{DATA / 'cifar100_scenes_train.bin.xz'}")
    assert got.labels == labels[:, 1].tolist()
    assert sorted(collections.Counter(got.labels).values()) == [300] * 10
    assert {got.class_names[label] for label in got.labels} == set(
        "bridge castle house road skyscraper cloud forest mountain plain sea".split())
    assert np.array_equal(got.array(), images)


def test_svhn_has_no_labels():
    _, images = records(data("svhn_train_first.bin.gz"), 1)
    got = Set(f"cifar10:{DATA / 'svhn_train_first.bin.gz'}")
    assert got.labels == [-1] * 720 and got.classes == 0
    assert np.array_equal(got.array(), images)


def test_cifar100_file_is_no_cifar10():
    fails(f"cifar10:{data('cifar100_test.bin.xz')}", "AMP_E_FORMAT", "30740000", "3073")


@pytest.mark.parametrize("name", ["mnist", "notmnist"])
def test_idx(name):
    images = data(f"{name}_t10k-images-idx3-ubyte.gz")
    labels = data(f"{name}_t10k-labels-idx1-ubyte.gz")
    got = Set(f"idx:{images},{labels}")
    grey = np.frombuffer(gzip.decompress(images.read_bytes()), np.uint8, offset=16)
    truth = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=8)
    assert got.labels == truth.tolist() and got.classes == 10
    assert np.array_equal(got.array(), np.repeat(grey.reshape(-1, 28, 28, 1), 3, axis=3))


def members(path):
    """(name, bytes) of the files in a tar, sorted folder by folder."""
    with tarfile.open(path) as archive:
        files = [(info.name, archive.extractfile(info).read()) for info in archive
                 if info.isfile()]
    return sorted(files, key=lambda item: item[0].encode().split(b"/"))


@pytest.mark.parametrize("name, count, classes", [
    ("dtd_10classes.tar", 511, 10), ("sun_8scenes.tar", 981, 8), ("intel_scenes.tar", 600, 6),
    ("imagenet_250.tar", 250, 0), ("tiny_imagenet_val.tar", 3000, 200),
    ("omniglot_small1.tar", 2720, 5)])
def test_tar(name, count, classes):
    files = [(member, content) for member, content in members(data(name))
             if not member.endswith(".tsv")]
    step = max(1, count // 60)
    got = Set(f"tar:{DATA / name}")
    assert got.faults == {} and len(got.names) == count and got.classes == classes
    assert got.names == [member for member, _ in files]
    for i in range(0, count, step):
        truth = np.asarray(Image.open(io.BytesIO(files[i][1])).convert("RGB"))
        assert np.array_equal(got.images[i], truth), got.names[i]
    if classes:
        folders = [member.split("/")[1] for member, _ in files]
        assert got.class_names == sorted(set(folders))
        assert [got.class_names[label] for label in got.labels] == folders


def test_tar_equals_folder(tmp_path):
    with tarfile.open(data("tiny_imagenet_val.tar")) as archive:
        archive.extractall(tmp_path)
    packed = Set(f"tar:{DATA / 'tiny_imagenet_val.tar'}")
    loose = Set(f"folder:{tmp_path}/tiny_imagenet")
    assert [f"{tmp_path}/{name}" for name in packed.names] == loose.names
    assert packed.labels == loose.labels and packed.class_names == loose.class_names
    assert np.array_equal(packed.array(), loose.array())


def test_one_bad_file_does_not_end_the_set():
    """Every image of the decoder corpus is read or refused with its name and a reason."""
    got = Set(f"tar:{data('decoder_corpus.tar')}")
    manifest = [name for name, _ in members(DATA / "decoder_corpus.tar")]
    assert set(got.names) <= set(manifest) and len(got.names) > 600
    assert len(got.faults) > 20 and len(got.labels) > 400
    for name, (status, message) in got.faults.items():
        assert status in ("AMP_E_FORMAT", "AMP_E_LIMIT", "AMP_E_UNSUPPORTED"), name
        assert name[-20:] in message and len(message) > len(name[-60:]) + 3


def test_bare_paths():
    assert Set(data("dtd_10classes.tar")).classes == 10
    assert len(Set(data("mnist_t10k-images-idx3-ubyte.gz")).labels) == 10000
    fails(data("cifar10_test_batch.bin.xz"), "AMP_E_ARGUMENT", "cifar10_test_batch.bin.xz")
