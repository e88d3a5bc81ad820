# SPDX-License-Identifier: Apache-2.0
"""Files of records made on the spot, in every compression; specs; files that lie."""
import collections
import gzip
import os
import struct
import tarfile

import numpy as np
import pytest
from datasets import PACK, Set, cifar, fails, idx, pack, picture, png, save, tar

# ---- CIFAR ----

@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("memory", ["", "?memory=0"])
def test_cifar10_file(tmp_path, suffix, memory):
    labels, images, content = cifar(700)
    got = Set(f"cifar10:{pack(tmp_path / 'x.bin', content, suffix)}{memory}")
    assert got.labels == labels[:, 0].tolist()
    assert np.array_equal(got.array(), images)


def published(n=20):
    """The six files of CIFAR-10; name -> (labels, images, bytes)."""
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    return {name: cifar(n, seed=i) for i, name in enumerate(names)}


def joined(files, names):
    return (np.concatenate([files[name][0] for name in names])[:, 0].tolist(),
            np.concatenate([files[name][1] for name in names]))


PARTS = [("", slice(None)), ("#all", slice(None)), ("#train", slice(5)), ("#test", slice(5, 6))]


@pytest.mark.parametrize("part, which", PARTS)
@pytest.mark.parametrize("folder, prefix", [("", ""), ("", "cifar10_"),
                                            ("cifar-10-batches-bin", "")])
def test_cifar10_folder(tmp_path, part, which, folder, prefix):
    files = published()
    for i, (name, (_, _, content)) in enumerate(files.items()):
        pack(tmp_path / folder / f"{prefix}{name}", content, ["", ".gz", ".xz", ".zst"][i % 4])
    labels, images = joined(files, list(files)[which])
    got = Set(f"cifar10:{tmp_path}{part}")
    assert got.labels == labels
    assert np.array_equal(got.array(), images)


@pytest.mark.parametrize("part, which", PARTS)
@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_cifar10_archive(tmp_path, part, which, suffix):
    files = published()
    order = sorted(files, reverse=True)
    members = [("cifar-10-batches-bin", (tarfile.DIRTYPE, ""))]
    members += [(f"cifar-10-batches-bin/{name}", files[name][2]) for name in order]
    members += [("cifar-10-batches-bin/readme.html", b"<a>"),
                ("cifar-10-batches-bin/batches.meta.txt", b"\n".join(b"kind%d" % i for i in range(10))
                 + b"\n\n")]
    path = pack(tmp_path / "cifar-10-binary.tar", tar(members), suffix)
    labels, images = joined(files, list(files)[which])
    got = Set(f"cifar10:{path}{part}")
    assert got.labels == labels
    assert got.class_names == [f"kind{i}" for i in range(10)]
    assert np.array_equal(got.array(), images)
    assert got.names[0].endswith("test_batch.bin[0]" if part == "#test" else "data_batch_1.bin[0]")


def test_cifar10_part_missing(tmp_path):
    files = published()
    for name in list(files)[:3]:
        pack(tmp_path / name, files[name][2])
    fails(f"cifar10:{tmp_path}#train", "AMP_E_IO", "data_batch_4.bin")
    fails(f"cifar10:{tmp_path}#test", "AMP_E_IO", "test_batch.bin")
    path = pack(tmp_path / "x.tar", tar([(name, files[name][2]) for name in list(files)[:5]]))
    assert len(Set(f"cifar10:{path}#train").labels) == 100
    fails(f"cifar10:{path}", "AMP_E_FORMAT", "test_batch.bin")
    twice = pack(tmp_path / "y.tar", tar([("test_batch.bin", files["test_batch.bin"][2])] * 2))
    fails(f"cifar10:{twice}#test", "AMP_E_FORMAT", "twice")


def test_cifar10_file_parts(tmp_path):
    _, _, content = cifar(3)
    one = pack(tmp_path / "test_batch.bin", content)
    assert len(Set(f"cifar10:{one}#test").labels) == 3
    fails(f"cifar10:{one}#train", "AMP_E_ARGUMENT", "#train")
    fails(f"cifar10:{one}#tset", "AMP_E_ARGUMENT", "#tset", "#test")


def test_cifar10_labels(tmp_path):
    _, _, content = cifar(4)
    raw = bytearray(content)
    raw[3073] = 255
    path = pack(tmp_path / "x.bin", bytes(raw))
    assert Set(f"cifar10:{path}").labels[1] == -1
    raw[2 * 3073] = 42
    path = pack(tmp_path / "x.bin", bytes(raw))
    fails(f"cifar10:{path}", "AMP_E_FORMAT", "image 2", "42", "10 classes")
    got = Set(f"cifar10:{path}?classes=43")
    assert got.labels[2] == 42 and got.class_names == ["-"] * 43
    pack(tmp_path / "batches.meta.txt", b"\n".join(b"sign%d" % i for i in range(43)))
    assert Set(f"cifar10:{path}").class_names[42] == "sign42"
    fails(f"cifar10:{path}?labels=coarse", "AMP_E_ARGUMENT", "coarse")


def test_cifar100(tmp_path):
    labels, images, content = cifar(30, 2, classes=20)
    members = [("cifar-100-binary/train.bin", content),
               ("cifar-100-binary/test.bin", cifar(3, 2, 1, 20)[2]),
               ("cifar-100-binary/fine_label_names.txt", b"\r\n".join(b"f%d" % i for i in range(100))),
               ("cifar-100-binary/coarse_label_names.txt", b"\n".join(b"c%d" % i for i in range(20)))]
    path = pack(tmp_path / "cifar-100-binary.tar", tar(members), ".gz")
    fine, coarse = Set(f"cifar100:{path}#train"), Set(f"cifar100:{path}#train?labels=coarse")
    assert fine.labels == labels[:, 1].tolist() and fine.class_names[99] == "f99"
    assert coarse.labels == labels[:, 0].tolist() and coarse.class_names[19] == "c19"
    assert np.array_equal(fine.array(), images)


def test_black_first_image_is_no_tar(tmp_path):
    """512 zero bytes also end a tar."""
    path = pack(tmp_path / "x.bin", bytes(3073 * 2))
    got = Set(f"cifar10:{path}")
    assert got.labels == [0, 0] and not got.array().any()


@pytest.mark.parametrize("size", [1, 3072, 3074, 3073 * 3 - 1])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_cifar10_size(tmp_path, size, suffix):
    path = pack(tmp_path / "x.bin", cifar(3)[2][:size] if size < 9000 else bytes(size), suffix)
    fails(f"cifar10:{path}", "AMP_E_FORMAT", "x.bin", str(size), "3073")


def test_empty_and_missing(tmp_path):
    for suffix in PACK:
        path = pack(tmp_path / "empty", b"", suffix)
        fails(f"cifar10:{path}", "AMP_E_FORMAT", "empty")
    fails(f"cifar10:{tmp_path}/nothing", "AMP_E_IO", "nothing", "No such file")
    os.mkfifo(tmp_path / "pipe")
    fails(f"cifar10:{tmp_path}/pipe", "AMP_E_IO", "pipe")
    fails(f"idx:{tmp_path}", "AMP_E_IO", "not a regular file")
    fails(f"tar:{tmp_path}", "AMP_E_IO", "not a regular file")


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz", ".delta.xz"])
def test_truncated_at_every_tenth(tmp_path, suffix):
    content = pack(tmp_path / "whole", cifar(30)[2], suffix).read_bytes()
    for cut in [*range(1, len(content), len(content) // 10), len(content) - 1]:
        path = tmp_path / "cut"
        path.write_bytes(content[:cut])
        message = fails(f"cifar10:{path}", "AMP_E_FORMAT", "cut")
        assert len(message) > 10


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_two_streams_in_one_file(tmp_path, suffix):
    labels, images, content = cifar(30)
    first = pack(tmp_path / "a", content[:3073 * 11], suffix).read_bytes()
    second = pack(tmp_path / "b", content[3073 * 11:], suffix).read_bytes()
    path = tmp_path / "both"
    path.write_bytes(first + second)
    got = Set(f"cifar10:{path}")
    assert got.labels == labels[:, 0].tolist() and np.array_equal(got.array(), images)


# ---- idx ----

@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("shape", [(9, 4, 6), (9, 4, 6, 1), (9, 4, 6, 3)])
def test_idx(tmp_path, shape, suffix):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = np.array([0, 1, 2, 3, 4, 5, 255, 2, 61], np.uint8)
    one = pack(tmp_path / "images", idx(images), suffix)
    two = pack(tmp_path / "labels", idx(labels), suffix)
    got = Set(f"idx:{one},{two}")
    assert got.labels == [0, 1, 2, 3, 4, 5, -1, 2, 61] and got.classes == 62
    truth = np.broadcast_to(images.reshape(9, 4, 6, -1), (9, 4, 6, 3))
    assert np.array_equal(got.array(), truth)
    assert Set(f"idx:{one}").labels == [-1] * 9
    assert got.names[3] == f"{one}[3]"


def test_idx_with_a_comma(tmp_path):
    path = pack(tmp_path / "a,b", idx(np.zeros((2, 3, 3), np.uint8)))
    labels = pack(tmp_path / "l", idx(np.array([1, 0], np.uint8)))
    assert Set(f"idx:{path}").labels == [-1, -1]
    assert Set(f"idx:{path},{labels}").labels == [1, 0]
    assert Set(f"idx:{path},{labels}[1:]").labels == [0]


def test_idx_without_a_path(tmp_path):
    path = pack(tmp_path / "images", idx(np.zeros((2, 3, 3), np.uint8)))
    for text, which in ((f"{path},", "labels"), (f",{path}", "images"), (",", "images")):
        fails(f"idx:{text}", "AMP_E_ARGUMENT", f"the path of the {which} is empty")


LIES = {
    "count": idx(np.zeros((2, 3, 3), np.uint8)).replace(b"\0\0\0\x02", b"\0\0\0\x03", 1),
    "short": idx(np.zeros((2, 3, 3), np.uint8))[:-1],
    "long": idx(np.zeros((2, 3, 3), np.uint8)) + b"\0",
    "huge": struct.pack(">IIII", 0x803, 0xffffffff, 0xffffffff, 0xffffffff) + bytes(18),
    "wraps": struct.pack(">IIIII", 0x804, 1 << 31, 1 << 31, 4, 1) + bytes(18),
    "none": struct.pack(">IIII", 0x803, 0, 3, 3),
    "flat": struct.pack(">IIII", 0x803, 5, 0, 3),
    "float": struct.pack(">IIII", 0xd03, 1, 1, 1) + bytes(4),
    "rank 0": struct.pack(">I", 0x800) + b"\0",
    "rank 5": struct.pack(">IIIIII", 0x805, 1, 1, 1, 1, 1) + b"\0",
    "rank 2": idx(np.zeros((2, 3), np.uint8)),
    "channels": idx(np.zeros((2, 3, 3, 2), np.uint8)),
    "head only": struct.pack(">II", 0x803, 1),
    "magic only": struct.pack(">I", 0x803),
    "little": struct.pack("<IIII", 0x803, 1, 1, 1) + b"\0",
    "two bytes": b"\0\0",
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_lies(tmp_path, lie, suffix):
    path = pack(tmp_path / "lie", LIES[lie], suffix)
    fails(f"idx:{path}", "AMP_E_FORMAT", "lie")


def test_idx_labels_lie(tmp_path):
    images = pack(tmp_path / "images", idx(np.zeros((4, 3, 3), np.uint8)))
    labels = pack(tmp_path / "labels", idx(np.zeros(5, np.uint8)))
    fails(f"idx:{images},{labels}", "AMP_E_FORMAT", "5 labels", "4 images")
    fails(f"idx:{images},{images}", "AMP_E_FORMAT", "rank 3")
    fails(f"idx:{images},{tmp_path}/none", "AMP_E_IO", "none")
    pack(tmp_path / "labels", idx(np.array([0, 1, 7, 2], np.uint8)))
    fails(f"idx:{images},{labels}?classes=7", "AMP_E_FORMAT", "label 7", "7 classes")
    fails(f"idx:{images}#test", "AMP_E_ARGUMENT", "#test")


# ---- specs ----

def test_ranges(tmp_path):
    labels = cifar(20)[0][:, 0].tolist()
    path = pack(tmp_path / "x.bin", cifar(20)[2])
    for text, which in [("[:]", slice(None)), ("[3:7]", slice(3, 7)), ("[15:]", slice(15, None)),
                        ("[:4]", slice(4)), ("[-3:]", slice(-3, None)), ("[:-18]", slice(-18)),
                        ("[2:-2]", slice(2, -2)), ("[0:1000]", slice(1000)),
                        ("[-100:2]", slice(-100, 2)), ("[5:99999999999999999999]", slice(5, None)),
                        (f"[-{'9' * 80}:{'9' * 80}]", slice(None))]:
        got = Set(f"cifar10:{path}{text}")
        assert got.labels == labels[which], text
        assert got.indices == list(range(20))[which]
    for text in ["[5:5]", "[7:3]", "[20:]", "[:-20]", "[99999999999999999999:]",
                 "[:-99999999999999999999]"]:
        fails(f"cifar10:{path}{text}", "AMP_E_ARGUMENT", "20 images")
    for text in ["[5]", "[]", "[a:b]", "[1:2:3]", "[1:2", "[+1:2]", "[ 1:2]",
                 "[-:2]", "[1:2]x"]:
        assert Set(f"cifar10:{path}{text}").error[0] in ("AMP_E_ARGUMENT", "AMP_E_IO")


def test_samples(tmp_path):
    path = pack(tmp_path / "x.bin", cifar(200)[2])
    drawn = {(n, seed): Set(f"cifar10:{path}?sample={n}&seed={seed}").indices
             for n in (1, 20, 60, 200) for seed in (0, 1, 2)}
    for (n, seed), indices in drawn.items():
        assert len(set(indices)) == n and indices == sorted(indices)
        assert set(drawn[20, seed]) <= set(drawn[60, seed])
        assert indices == Set(f"cifar10:{path}?seed={seed}&sample={n}").indices
    assert drawn[20, 0] != drawn[20, 1]
    assert drawn[20, 0] == Set(f"cifar10:{path}?sample=20").indices
    assert drawn[60, 1][10:-5] == Set(f"cifar10:{path}?sample=60&seed=1[10:-5]").indices
    seen = collections.Counter(i for seed in range(60)
                               for i in Set(f"cifar10:{path}?sample=40&seed={seed}").indices)
    assert len(seen) == 200 and max(seen.values()) < 30
    fails(f"cifar10:{path}?sample=201", "AMP_E_ARGUMENT", "201", "200")


def test_options_are_checked(tmp_path):
    path = pack(tmp_path / "x.bin", cifar(2)[2])
    fails(f"cifar10:{path}?sampel=3", "AMP_E_ARGUMENT", "sampel", "'sample'")
    for text in ["sample=0", "sample=x", "sample=1.5", "seed=-1", "labels=none", "classes=0",
                 "memory=-1", "memory=9999999999", "=3", "sample="]:
        fails(f"cifar10:{path}?{text}", "AMP_E_ARGUMENT")
    for text in ["sample", "sample&seed=1", "seed=1&sample"]:
        fails(f"cifar10:{path}?{text}", "AMP_E_ARGUMENT", "sample", "value")
    for text in ["sample=1&sample=2", "seed=0&sample=1&seed=0", "sample=1&sample"]:
        fails(f"cifar10:{path}?{text}", "AMP_E_ARGUMENT")
    fails(f"cifar10:{path}?sample=1&seed=2&sample=2", "AMP_E_ARGUMENT", "sample", "twice")


def test_paths_with_marks(tmp_path):
    """A path that exists as it stands is taken whole."""
    content = cifar(5)[2]
    for name in ["a#test", "b?sample=1", "c[0:2]", "d#x?y[1:2]", "e:f", "g,h", "cifar10:i"]:
        path = pack(tmp_path / name, content)
        assert len(Set(f"cifar10:{path}").labels) == 5, name
        assert len(Set(f"cifar10:{path}[1:3]").labels) == 2, name
        assert len(Set(f"cifar10:{path}?sample=3").labels) == 3, name
        assert len(Set(f"cifar10:{path}#all?sample=3[:1]").labels) == 1, name


def test_kinds(tmp_path):
    one = save(tmp_path / "x.png", picture(3))
    got = Set(tmp_path / "x.png")
    assert got.labels == [-1] and np.array_equal(got.images[0], one)
    assert got.names == [str(tmp_path / "x.png")]
    path = pack(tmp_path / "images", idx(np.zeros((2, 3, 3), np.uint8)), ".gz")
    assert len(Set(path).labels) == 2
    path = pack(tmp_path / "y", tar([("a.png", png(1)[0])]), ".zst")
    assert Set(path).names == ["a.png"]
    fails(pack(tmp_path / "z", b"words"), "AMP_E_ARGUMENT", "z", "cifar10")
    message = fails("cifr10:/x", "AMP_E_ARGUMENT", "'cifr10'")
    for kind in ["cifar10", "cifar100", "idx", "folder", "list", "tar"]:
        assert kind in message
        fails(f"{kind}:", "AMP_E_ARGUMENT", "no path")
    fails("", "AMP_E_ARGUMENT", "no path")
    fails("/nowhere", "AMP_E_IO", "/nowhere")


# ---- the held-out part ----

def test_split_is_balanced(tmp_path):
    labels = cifar(300)[0][:, 0].tolist()
    path = pack(tmp_path / "x.bin", cifar(300)[2])
    got = Set(f"cifar10:{path}", "--split", 57, 3)
    assert len(got.labels) == 57 and got.labels == [labels[i] for i in got.indices]
    assert sorted(collections.Counter(got.labels).values()) == [5] * 3 + [6] * 7
    assert got.indices == sorted(set(got.indices))
    assert got.indices == Set(f"cifar10:{path}", "--split", 57, 3).indices
    assert got.indices != Set(f"cifar10:{path}", "--split", 57, 4).indices


def test_split_of_a_rare_class(tmp_path):
    raw = bytearray(cifar(100)[2])
    for i in range(100):
        raw[i * 3073] = 1 if i < 3 else 7 if i < 60 else 255
    path = pack(tmp_path / "x.bin", bytes(raw))
    got = Set(f"cifar10:{path}", "--split", 30, 0)
    assert collections.Counter(got.labels) == {1: 3, 7: 14, -1: 13}


def test_gzip_of_the_python_module(tmp_path):
    """gzip writes the name and the time into its header; a header without both is the usual one."""
    labels, _, content = cifar(5)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(content, mtime=0))
    assert Set(f"cifar10:{path}").labels == labels[:, 0].tolist()
