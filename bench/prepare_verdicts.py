# SPDX-License-Identifier: Apache-2.0
"""Makes what verdicts.py measures: a trained model for the peers, and real images.  Run by a Python
with PyTorch, LIBAMP_LIBRARY naming the library:

    prepare_verdicts.py FOLDER MODEL IMAGES STAMP

FOLDER receives state.npz, raw.onnx, pairs.npy, wanted.npy and made.json as prepare_models.py says
(pairs of one made-up image), and images.rgb8: half of IMAGES from the in-distribution test set, half
from the other sets, each spread evenly, cropped to squares and scaled to the model's size.
"""
import json
import pathlib
import random
import struct
import sys

import networks
import numpy as np
import prepare_models
import sets
import torch
from PIL import Image, ImageOps

sys.path.insert(0, str(prepare_models.HERE.parent / "bindings" / "python"))
import libamp  # noqa: E402
from prepare_models import nets  # noqa: E402

DTYPES = {"F32": "<f4", "I64": "<i8"}


def trained(path):
    """The network of a model file, with its weights (docs/format.md)."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    module = nets.build(json.loads(header.pop("__metadata__")["amp"])["arch"])
    state = {}
    for name, entry in header.items():
        if not name.startswith("amp."):
            begin, end = (8 + size + at for at in entry["data_offsets"])
            values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
            state[name] = torch.from_numpy(values.reshape(entry["shape"]).copy())
    module.load_state_dict(state)
    return module.eval()


def taken(spec, count, side):
    """uint8 [count or fewer, side, side, 3], spread evenly over a set."""
    found = libamp.Dataset(spec)
    at = np.unique(np.linspace(0, len(found) - 1, count).astype(int))
    return [np.asarray(ImageOps.fit(Image.fromarray(np.asarray(found.image(int(index)))),
                                    (side, side), Image.Resampling.BILINEAR)) for index in at]


def pictures(count, side):
    """The images, mixed, and how many of each set."""
    here = {name: spec for name, spec in sets.SPECS.items()
            if pathlib.Path(spec.partition(":")[2]).exists()}
    if sets.IN not in here or len(here) < 2:
        raise SystemExit(f"{sets.DATA} has no {sets.IN} with another set: AMP_DATA names the data")
    parts = {name: taken(spec, count // 2 if name == sets.IN else count // 2 // (len(here) - 1),
                         side) for name, spec in here.items()}
    mixed = [image for part in parts.values() for image in part]
    random.Random(networks.SEED).shuffle(mixed)
    return np.asarray(mixed, np.uint8), {name: len(part) for name, part in parts.items()}


def main():
    folder, model, count, stamp = sys.argv[1:]
    folder, side = pathlib.Path(folder), networks.TRAINED["side"]
    images, found = pictures(int(count), side)
    images.tofile(folder / "images.rgb8")
    generator = np.random.default_rng(networks.SEED)
    x = prepare_models.pairs(prepare_models.pictures(generator, 1, side),
                             prepare_models.pictures(generator, networks.ANCHORS, side))
    cost = prepare_models.write_network(folder, trained(pathlib.Path(model)), x)
    made = {"stamp": stamp, "multiply_adds": cost, "sets": found, "images": len(images)}
    with open(folder / "made.json", "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)


if __name__ == "__main__":
    main()
