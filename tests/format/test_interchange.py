# SPDX-License-Identifier: Apache-2.0
"""Model files against a reader and a writer of their own, written from docs/format.md alone, against
PyTorch's names and shapes, and against the safetensors package where it is installed."""
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import nets  # noqa: E402  (found by the line above)

TOOL = pathlib.Path(os.environ["AMP_TOOLS"]) / "format_tool"
ARCH = "wrn:depth=10,width=1,size=8,classes=3"
TYPES = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I8": "i1", "I32": "<i4", "I64": "<i8",
         "U64": "<u8"}


# ---- the format, once more ----

def read(data):
    """(metadata, {name: array}) of the bytes of a file."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    body = data[8 + length:]
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end
        array = np.frombuffer(body[first:last], TYPES[entry["dtype"]])
        tensors[name], end = array.reshape(entry["shape"]), last
    assert end == len(body)
    return metadata, tensors


def checksum(record, tensors):
    names = {np.dtype(code): name for name, code in TYPES.items()}
    crc = zlib.crc32(record.encode())
    for name in sorted(tensors):
        array = tensors[name]
        line = f"\n{name} {names[array.dtype]} {','.join(map(str, array.shape))}\n"
        crc = zlib.crc32(array.tobytes(), zlib.crc32(line.encode(), crc))
    return f"{crc:08x}"


def write(metadata, tensors):
    """The bytes of a file, tensors in the given order."""
    names = {np.dtype(code): name for name, code in TYPES.items()}
    header, body = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        data = array.tobytes()
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


# ---- the library ----

def tool(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, check=False)


def create(folder, arch=ARCH, seed=1):
    path = folder / "model.safetensors"
    done = tool("create", arch, seed, path)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


def copy(folder, data):
    """The file as the library opens and saves it."""
    (folder / "in").write_bytes(data)
    done = tool("copy", folder / "in", folder / "out")
    assert done.returncode == 0, done.stderr
    return (folder / "out").read_bytes()


def refusal(folder, data):
    (folder / "in").write_bytes(data)
    done = tool("copy", folder / "in", folder / "out")
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("arch", [
    "wrn:depth=16,width=2,classes=7,size=16",
    "resnet18:classes=5,size=16,channels=1,anchored=0",
    "resnet18-imagenet:classes=11,size=64",
])
def test_names_and_shapes_are_pytorchs(tmp_path, arch):
    metadata, tensors = read(create(tmp_path, arch))
    state = nets.build(arch).state_dict()
    assert set(tensors) == set(state)
    for name, value in state.items():
        assert tensors[name].shape == tuple(value.shape), name
        assert tensors[name].dtype == value.numpy().dtype, name
    record = json.loads(metadata["amp"])
    assert record["format"] == 1
    assert record["arch"].startswith(arch.split(",", maxsplit=1)[0])


def test_checksum(tmp_path):
    metadata, tensors = read(create(tmp_path))
    assert metadata["amp.crc32"] == checksum(metadata["amp"], tensors)


def test_saved_again_is_the_same_file(tmp_path):
    data = create(tmp_path)
    assert copy(tmp_path, data) == data


@pytest.mark.parametrize("seed", range(5))
def test_any_order_is_read(tmp_path, seed):
    data = create(tmp_path)
    metadata, tensors = read(data)
    names = list(tensors)
    random.Random(seed).shuffle(names)
    mixed = write(metadata, {name: tensors[name] for name in names})
    assert mixed != data
    assert copy(tmp_path, mixed) == data


def test_a_model_made_in_python(tmp_path):
    """Record and weights by hand, no checksum; what the library does not know is kept."""
    generator = np.random.default_rng(1)
    tensors = {}
    for name, value in nets.build(ARCH).state_dict().items():
        noise = generator.random(tuple(value.shape), np.float32)
        tensors["module.net." + name] = noise if value.shape else np.array(12, "<i8")
    tensors["amp.later.part"] = generator.integers(0, 9, (2, 3), np.int32)
    record = {"format": 1, "arch": ARCH, "preprocess": "height=8", "classes": ["ä", "b", "\t\"\\"],
              "later": {"x": [1, 2.5, None]}}
    text = json.dumps(record, indent=1)
    metadata, back = read(copy(tmp_path, write({"amp": text, "format": "pt"}, tensors)))
    assert metadata["amp"] == text
    assert metadata["amp.crc32"] == checksum(text, back)
    assert set(back) == {name.replace("module.net.", "") for name in tensors}
    for name, array in tensors.items():
        assert np.array_equal(back[name.replace("module.net.", "")], array)
    (tmp_path / "in").write_bytes(write({"amp": text}, tensors))
    assert json.loads(tool("record", tmp_path / "in").stdout) == record


def test_weights_alone_are_refused(tmp_path):
    _, tensors = read(create(tmp_path))
    assert "no \"amp\" record" in refusal(tmp_path, write({"format": "pt"}, tensors))


def test_a_changed_weight_is_refused(tmp_path):
    metadata, tensors = read(create(tmp_path))
    tensors["fc.bias"] = tensors["fc.bias"] + np.float32(1)
    assert "damaged: the checksum" in refusal(tmp_path, write(metadata, tensors))
    del metadata["amp.crc32"]
    _, back = read(copy(tmp_path, write(metadata, tensors)))
    assert np.array_equal(back["fc.bias"], tensors["fc.bias"])


def test_another_format_is_refused(tmp_path):
    metadata, tensors = read(create(tmp_path))
    record = json.loads(metadata["amp"])
    record["format"] = 2
    message = refusal(tmp_path, write({"amp": json.dumps(record)}, tensors))
    assert "model format 2, this library reads up to 1" in message
    assert message.startswith("AMP_E_UNSUPPORTED")


def test_the_safetensors_package(tmp_path):
    """Its reader takes our files; its writer gives our bytes."""
    numpy = pytest.importorskip("safetensors.numpy")
    data = create(tmp_path)
    metadata, tensors = read(data)
    theirs = numpy.load(data)
    assert set(theirs) == set(tensors)
    for name, array in tensors.items():
        assert np.array_equal(theirs[name], array)
    saved = numpy.save(theirs, metadata={"amp": metadata["amp"]})
    assert copy(tmp_path, saved) == data
    assert read(saved)[1].keys() == read(data)[1].keys()
