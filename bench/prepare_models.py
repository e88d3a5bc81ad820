# SPDX-License-Identifier: Apache-2.0
"""Makes one network with random weights for every contender.  Run by a Python with PyTorch:

    prepare_models.py NAME FOLDER AMP

FOLDER receives
    model.safetensors  libamp's, with a bank of the anchors (AMP is the amp program) and, where amp
                       has int8 here, calibrated for it on the images that the peers get as well
    state.npz          PyTorch's
    raw.onnx           float32 [rows, 6, h, w] to logits, the number of rows left open
    images.rgb8        uint8 [images, h, w, 3]
    pictures/NN.png    the same
    anchors.f32        float32 [anchors, 3, h, w]: c, normalised
    pairs.npy          float32 [images * anchors, 6, h, w]: [c, x - c], what peers are given
    wanted.npy         float32 [images * anchors, classes]: PyTorch's logits in fp32
    made.json          what was made; written last
"""
import json
import os
import pathlib
import struct
import subprocess
import sys

import networks
import numpy as np
import torch
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))
import nets  # noqa: E402

TYPES = {np.dtype("<f4"): "F32", np.dtype("<i8"): "I64"}


def pictures(generator, count, side):
    """Coarse coloured patches with noise: uint8 [count, side, side, 3]."""
    grid = generator.integers(0, 256, (count, 8, 8, 3))
    coarse = grid.repeat(side // 8, 1).repeat(side // 8, 2)
    noise = generator.integers(-40, 41, coarse.shape)
    return np.clip(coarse + noise, 0, 255).astype(np.uint8)


def normalised(pixels):
    """float32 [count, 3, h, w], as libamp prepares them."""
    mean = np.array(networks.PREPROCESS["mean"])
    std = np.array(networks.PREPROCESS["std"])
    return ((pixels / 255.0 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)


def pairs(images, anchors):
    """[c, x - c], an image's anchors side by side: float32 [images * anchors, 6, h, w]."""
    x = normalised(images)[:, None]
    c = normalised(anchors)[None]
    both = np.concatenate([np.broadcast_to(c, (len(images), *c.shape[1:])), x - c], 2)
    return np.ascontiguousarray(both.reshape(-1, *both.shape[2:]), np.float32)


def joined(values):
    return ":".join(str(value) for value in values)


def write_model(path, module, arch, side):
    """docs/format.md, without a bank and without a checksum."""
    tensors = {name: value.numpy().astype("<i8" if value.dtype == torch.int64 else "<f4", "C")
               for name, value in module.state_dict().items()}
    order = sorted(tensors, key=lambda name: (tensors[name].dtype.itemsize == 4, name))
    preprocess = (f"height={side},width={side},mean={joined(networks.PREPROCESS['mean'])},"
                  f"std={joined(networks.PREPROCESS['std'])}")
    record = {"format": 1, "arch": arch, "preprocess": preprocess}
    header, at = {"__metadata__": {"amp": json.dumps(record)}}, 0
    for name in order:
        tensor = tensors[name]
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(tensors[name].tobytes())


def store_bank(folder, amp, anchors):
    """The anchors, in order, into the model file."""
    files = []
    for index, anchor in enumerate(anchors):
        files.append(str(folder / f"anchor{index}.png"))
        Image.fromarray(anchor).save(files[-1])
    model = str(folder / "model.safetensors")
    subprocess.run([amp, "bank", "-m", model, "-o", model, "--", *files], check=True,
                   stdout=subprocess.DEVNULL)


def calibrate_int8(folder, amp):
    """libamp's ranges into the model file; without them libamp says that it has no int8."""
    model = str(folder / "model.safetensors")
    images = f"folder:{folder / 'pictures'}[0:{networks.SAMPLE_IMAGES}]"
    done = subprocess.run([amp, "calibrate", "-m", model, "-o", model, "--precision", "int8",
                           "--held-out", images], check=False)
    print(f"calibrated for int8: {'yes' if done.returncode == 0 else 'no'}")


def multiply_adds(module, sample):
    """Of one row: those of the convolutions and of the last layer."""
    total = [0]

    def count(part, _, result):
        total[0] += part.weight.numel() * result[0].numel() // result.shape[1]

    hooks = [part.register_forward_hook(count) for part in module.modules()
             if isinstance(part, (torch.nn.Conv2d, torch.nn.Linear))]
    with torch.no_grad():
        module(sample)
    for hook in hooks:
        hook.remove()
    return total[0]


def forward(module, x):
    """Logits, a few rows at a time."""
    with torch.no_grad():
        return np.concatenate([module(torch.from_numpy(x[at:at + 10])).numpy()
                               for at in range(0, len(x), 10)])


def write_network(folder, module, x):
    """What the peers take it from, and what its logits for x must be; multiply-adds of a row."""
    np.save(folder / "pairs.npy", x)
    np.save(folder / "wanted.npy", forward(module, x))
    nets.save_state(folder / "state.npz", module)
    torch.onnx.export(module, torch.from_numpy(x[:2]), str(folder / "raw.onnx"),
                      opset_version=13, input_names=["pairs"], output_names=["logits"],
                      dynamic_axes={"pairs": {0: "rows"}, "logits": {0: "rows"}})
    return multiply_adds(module, torch.from_numpy(x[:1]))


def make(name, folder, amp):
    """All files of one network."""
    network = networks.NETWORKS[name]
    generator = np.random.default_rng(networks.SEED)
    module = nets.randomise(nets.build(network["arch"]), networks.SEED).eval()
    images = pictures(generator, networks.IMAGES, network["side"])
    anchors = pictures(generator, networks.ANCHORS, network["side"])
    x = pairs(images, anchors)
    images.tofile(folder / "images.rgb8")
    Image.fromarray(images[0]).save(folder / "image0.png")
    (folder / "pictures").mkdir(exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / "pictures" / f"{index:02}.png")
    normalised(anchors).tofile(folder / "anchors.f32")
    cost = write_network(folder, module, x)
    write_model(folder / "model.safetensors", module, network["arch"], network["side"])
    store_bank(folder, amp, anchors)
    calibrate_int8(folder, amp)
    made = {"network": network, "seed": networks.SEED, "form": networks.FORM,
            "torch": torch.__version__, "multiply_adds": cost}
    with open(folder / "made.json", "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)


def main():
    name, folder, amp = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    make(name, pathlib.Path(folder), amp)


if __name__ == "__main__":
    main()
