# SPDX-License-Identifier: Apache-2.0
"""The networks of lib/graph in PyTorch, for comparing results.

build("wrn:depth=16,width=2,classes=7,size=17") takes the texts that ampi_graph_build takes and
gives a module whose state_dict has the same names and shapes.  randomise() gives random weights
and random batch norm statistics; save_state() and load_state() keep a state_dict in an .npz file,
save_raw() in one that C reads with a few lines.
"""

import math
import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

RAW_MAGIC = b"AMPRAW1\n"

DEFAULTS = {
    "depth": 40,
    "width": 2,
    "dropout": 0.0,
    "classes": None,
    "channels": 3,
    "size": None,
    "height_px": 0,
    "width_px": 0,
    "anchored": True,
}


def conv(inputs, outputs, kernel, stride):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class WideUnit(nn.Module):
    """bn1 - relu - conv1 - bn2 - relu - dropout - conv2, plus the shortcut."""

    def __init__(self, inputs, outputs, stride, dropout):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, outputs, 3, stride)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = conv(outputs, outputs, 3, 1)
        self.dropout = dropout
        if inputs != outputs:
            self.convShortcut = conv(inputs, outputs, 1, stride)

    def forward(self, x):
        a = F.relu(self.bn1(x))
        side = self.convShortcut(a) if hasattr(self, "convShortcut") else x
        y = F.relu(self.bn2(self.conv1(a)))
        y = F.dropout(y, self.dropout, self.training)
        return side + self.conv2(y)


class WideBlock(nn.Module):
    def __init__(self, units, inputs, outputs, stride, dropout):
        super().__init__()
        self.layer = nn.Sequential(*[
            WideUnit(outputs if i else inputs, outputs, 1 if i else stride, dropout)
            for i in range(units)
        ])

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, depth, width, dropout, inputs, classes):
        super().__init__()
        units = (depth - 4) // 6
        sizes = [16 * width, 32 * width, 64 * width]
        self.conv1 = conv(inputs, 16, 3, 1)
        self.block1 = WideBlock(units, 16, sizes[0], 1, dropout)
        self.block2 = WideBlock(units, sizes[0], sizes[1], 2, dropout)
        self.block3 = WideBlock(units, sizes[1], sizes[2], 2, dropout)
        self.bn1 = nn.BatchNorm2d(sizes[2])
        self.fc = nn.Linear(sizes[2], classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = conv(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, 1)
        self.bn2 = nn.BatchNorm2d(width)

    def path(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))

    def forward(self, x):
        side = getattr(self, "shortcut", None) or getattr(self, "downsample", None)
        return F.relu(self.path(x) + (side(x) if side else x))


class Bottleneck(Basic):
    expansion = 4

    def __init__(self, inputs, width, stride):
        nn.Module.__init__(self)
        self.conv1 = conv(inputs, width, 1, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv(width, 4 * width, 1, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)

    def path(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))


class ResNet(nn.Module):
    def __init__(self, unit, blocks, imagenet, inputs, classes):
        super().__init__()
        self.imagenet = imagenet
        self.conv1 = conv(inputs, 64, 7, 2) if imagenet else conv(inputs, 64, 3, 1)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for stage, count in enumerate(blocks):
            units = []
            for i in range(count):
                stride = 2 if stage and not i else 1
                units.append(unit(channels, 64 << stage, stride))
                outputs = (64 << stage) * unit.expansion
                if stride != 1 or channels != outputs:
                    side = nn.Sequential(conv(channels, outputs, 1, stride),
                                         nn.BatchNorm2d(outputs))
                    units[-1].add_module("downsample" if imagenet else "shortcut", side)
                channels = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*units))
        self.add_module("fc" if imagenet else "linear", nn.Linear(channels, classes))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.imagenet:
            x = F.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))
        return self.fc(x) if self.imagenet else self.linear(x)


class Layer(nn.Module):
    """conv - bn - relu."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = conv(inputs, outputs, 3, 1)
        self.bn = nn.BatchNorm2d(outputs)

    def path(self, x):
        return F.relu(self.bn(self.conv(x)))

    def forward(self, x):
        return self.path(x)


class Halved(Layer):
    """Layer and a pool of 2, then x + two layers where there is a residual."""

    def __init__(self, inputs, outputs, residual):
        super().__init__(inputs, outputs)
        if residual:
            self.res1 = Layer(outputs, outputs)
            self.res2 = Layer(outputs, outputs)

    def forward(self, x):
        x = F.max_pool2d(self.path(x), 2)
        return x + self.res2(self.res1(x)) if hasattr(self, "res1") else x


def last_pool(x, side):
    return F.max_pool2d(x, min(side, x.shape[2], x.shape[3])).mean((2, 3))


class ResNet9(nn.Module):
    def __init__(self, width, inputs, classes):
        super().__init__()
        self.prep = Layer(inputs, width)
        self.layer1 = Halved(width, 2 * width, True)
        self.layer2 = Halved(2 * width, 4 * width, False)
        self.layer3 = Halved(4 * width, 8 * width, True)
        self.linear = nn.Linear(8 * width, classes)

    def forward(self, x):
        return self.linear(last_pool(self.layer3(self.layer2(self.layer1(self.prep(x)))), 4))


class Group(nn.Module):
    """conv - pool of 2 - bn - relu - conv - bn - relu."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = conv(inputs, outputs, 3, 1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = conv(outputs, outputs, 3, 1)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = F.relu(self.bn1(F.max_pool2d(self.conv1(x), 2)))
        return F.relu(self.bn2(self.conv2(x)))


class Airbench(nn.Module):
    def __init__(self, width, inputs, classes):
        super().__init__()
        self.whiten = nn.Conv2d(inputs, 8 * inputs, 2)
        self.layer1 = Group(8 * inputs, width)
        self.layer2 = Group(width, 4 * width)
        self.layer3 = Group(4 * width, 4 * width)
        self.linear = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.whiten(x)))))
        return self.linear(last_pool(x, 3))


RESNETS = {
    "resnet18": (Basic, [2, 2, 2, 2], False),
    "resnet34": (Basic, [3, 4, 6, 3], False),
    "resnet18-imagenet": (Basic, [2, 2, 2, 2], True),
    "resnet34-imagenet": (Basic, [3, 4, 6, 3], True),
    "resnet50-imagenet": (Bottleneck, [3, 4, 6, 3], True),
}


SMALL = {"resnet9": ResNet9, "airbench": Airbench}


def parse(arch):
    """(family, values) of "family:key=value,..."; the defaults are those of lib/graph/arch.c."""
    family, _, text = arch.partition(":")
    values = dict(DEFAULTS)
    for item in filter(None, text.split(",")):
        key, _, value = item.partition("=")
        if key not in DEFAULTS:
            raise ValueError(f"{arch}: unknown key {key}")
        values[key] = float(value) if key == "dropout" else int(value)
    imagenet = family.endswith("-imagenet")
    if family in SMALL and "width=" not in text:
        values["width"] = 64
    values["classes"] = values["classes"] or (1000 if imagenet else 10)
    values["size"] = values["size"] or (224 if imagenet else 32)
    return family, values


def input_shape(arch):
    """[c, h, w] of the network's input."""
    values = parse(arch)[1]
    return (values["channels"] * (2 if values["anchored"] else 1),
            values["height_px"] or values["size"], values["width_px"] or values["size"])


def build(arch):
    family, values = parse(arch)
    inputs, classes = input_shape(arch)[0], values["classes"]
    if family == "wrn":
        return WideResNet(values["depth"], values["width"], values["dropout"], inputs, classes)
    if family in SMALL:
        return SMALL[family](values["width"], inputs, classes)
    return ResNet(*RESNETS[family], inputs, classes)


def randomise(module, seed):
    """Random weights, and batch norm statistics as unlike 0 and 1 as keeps the values moderate."""
    rng = np.random.default_rng(seed)

    def put(tensor, values):
        tensor.copy_(torch.from_numpy(np.asarray(values, np.float32).reshape(tensor.shape)))

    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                deviation = math.sqrt(1.2 / part.weight[0].numel())
                put(part.weight, rng.normal(0, deviation, part.weight.numel()))
            if isinstance(part, (nn.Conv2d, nn.Linear)) and part.bias is not None:
                put(part.bias, rng.normal(0, 0.5, part.bias.numel()))
            if isinstance(part, nn.BatchNorm2d):
                count = part.num_features
                put(part.weight, rng.uniform(0.5, 1.5, count) * rng.choice([1, 1, 1, -1], count))
                put(part.bias, rng.normal(0, 0.3, count))
                put(part.running_mean, rng.normal(0, 0.5, count))
                put(part.running_var, rng.uniform(0.5, 2.0, count))
                part.num_batches_tracked.fill_(int(rng.integers(1, 1000)))
    return module


def save_state(path, module):
    np.savez(path, **{k: v.detach().numpy() for k, v in module.state_dict().items()})


def load_state(path, module):
    with np.load(path) as file:
        module.load_state_dict({k: torch.from_numpy(file[k]) for k in file.files})
    return module


def save_raw(path, arrays):
    """A dict of arrays, or a module's state, as: magic; u32 count; then for each array u32 name
    length, name, u32 rank, u64 dims[rank], and float32 values, or int64 ones for rank 0.  All
    little-endian."""
    if isinstance(arrays, nn.Module):
        arrays = {k: v.detach().numpy() for k, v in arrays.state_dict().items()}
    with open(path, "wb") as file:
        file.write(RAW_MAGIC + struct.pack("<I", len(arrays)))
        for name, array in arrays.items():
            raw = name.encode()
            file.write(struct.pack("<I", len(raw)) + raw + struct.pack("<I", array.ndim))
            file.write(struct.pack(f"<{array.ndim}Q", *array.shape))
            file.write(np.ascontiguousarray(array, "<f4" if array.ndim else "<i8").tobytes())


def load_raw(path):
    """What save_raw wrote, as a dict of arrays."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != RAW_MAGIC:
        raise ValueError(f"{path}: not a raw file")
    count, at, arrays = struct.unpack_from("<I", data, 8)[0], 12, {}
    for _ in range(count):
        length = struct.unpack_from("<I", data, at)[0]
        name = data[at + 4:at + 4 + length].decode()
        rank = struct.unpack_from("<I", data, at + 4 + length)[0]
        at += 8 + length
        shape = struct.unpack_from(f"<{rank}Q", data, at)
        at += 8 * rank
        kind = np.dtype("<f4" if rank else "<i8")
        values = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(data, kind, values, at).reshape(shape).copy()
        at += kind.itemsize * values
    return arrays
