# SPDX-License-Identifier: Apache-2.0
"""Networks and their training against PyTorch, from the same weights and batches."""

import os
import subprocess
import sys

import numpy as np
import pytest

sys.path.insert(0, os.path.join(os.environ["AMP_SOURCE"], "tests", "support"))
if os.environ.get("AMP_REQUIRE_ALL") != "1":
    pytest.importorskip("torch")
import nets  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

TOOL = os.path.join(os.environ["AMP_TOOLS"], "exec_tool")
FREE, SMALL = "ALL", "AVX2"

torch.set_num_threads(2)


def run(folder, isa, *arguments):
    environment = dict(os.environ, ONEDNN_MAX_CPU_ISA=isa)
    subprocess.run([TOOL, *map(str, arguments)], check=True, cwd=folder, env=environment)
    return nets.load_raw(folder / "out.raw")


def distance(got, wanted):
    """Largest difference over the largest wanted value."""
    wanted = np.asarray(wanted, np.float64)
    return np.abs(got.reshape(wanted.shape) - wanted).max() / max(np.abs(wanted).max(), 1e-30)


# Batches 1, 3 and 64; 1 and 3 channels; odd sizes; 7, 10 and 1000 classes; anchored and plain.
FORWARD = [
    ("wrn:depth=40,width=2,classes=10,anchored=1", 3),
    ("wrn:depth=40,width=2,classes=7,channels=1,size=17,anchored=0", 64),
    ("wrn:depth=40,width=2,classes=1000,height_px=33,width_px=19,anchored=1", 1),
    ("resnet9:width=20,classes=10,anchored=1", 3),
    ("resnet9:width=16,classes=7,height_px=17,width_px=41,channels=1,anchored=0", 2),
    ("airbench:width=48,classes=10,anchored=1", 3),
    ("airbench:width=8,classes=7,size=21,channels=1,anchored=0", 64),
    ("resnet18:classes=10,size=16,anchored=1", 64),
    ("resnet18:classes=1000,size=27,channels=1,anchored=0", 1),
    ("resnet34:classes=7,size=21,anchored=1", 3),
    ("resnet34:classes=10,size=8,channels=1,anchored=0", 64),
    ("resnet50-imagenet:classes=1000,size=64,anchored=1", 3),
    ("resnet50-imagenet:classes=7,size=61,channels=1,anchored=1", 1),
    ("resnet50-imagenet:classes=10,size=32,anchored=0", 64),
    ("resnet50-imagenet:classes=1000,size=224,anchored=0", 1),
]


@pytest.mark.parametrize("arch,n", FORWARD)
def test_logits(tmp_path, arch, n):
    module = nets.randomise(nets.build(arch), 1).eval()
    x = np.random.default_rng(2).normal(0, 1, (n, *nets.input_shape(arch))).astype(np.float32)
    nets.save_raw(tmp_path / "state.raw", module)
    nets.save_raw(tmp_path / "x.raw", {"x": x})
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    results = []
    for isa, threads in ((FREE, 2), (FREE, 1), (SMALL, 2)):
        y = run(tmp_path, isa, "forward", "onednn", threads, arch, "state.raw", "x.raw",
                "out.raw")["y"]
        assert distance(y, wanted) < 1e-4, (isa, threads)
        results.append(y)
    assert np.array_equal(results[0], results[1])


# ---- gradients ------------------------------------------------------------------------------

# A ReLU whose input is within rounding of 0 passes a gradient or not by chance.  Batch norms are
# shifted so that few inputs are near 0, and for gradients a batch with none is looked for: then
# every difference is an error.
MARGIN = 1e-5


def shifted(arch):
    module = nets.randomise(nets.build(arch), 1).train()
    rng = np.random.default_rng(3)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                sign = rng.choice([-2.0, 2.0], part.num_features).astype(np.float32)
                part.bias.copy_(part.weight * torch.from_numpy(sign))
    return module


class Margin:
    """While open, remembers the smallest size of a ReLU's input."""

    def __enter__(self):
        self.least, self.relu = np.inf, F.relu
        F.relu = self.watch
        return self

    def watch(self, x, *rest):
        self.least = min(self.least, x.detach().abs().min().item())
        return self.relu(x, *rest)

    def __exit__(self, *_):
        F.relu = self.relu


def torch_gradients(module, x, labels):
    """Logits, gradient of x, gradients of the parameters; in double precision."""
    x = torch.from_numpy(x).double().requires_grad_(True)
    with Margin() as margin:
        logits = module(x)
    F.cross_entropy(logits, torch.from_numpy(labels)).backward()
    found = {name: p.grad.numpy().copy() for name, p in module.named_parameters()}
    module.zero_grad()
    return margin.least, logits.detach().numpy(), x.grad.numpy(), found


def smooth_batch(arch, n):
    module = shifted(arch).double()
    classes = nets.parse(arch)[1]["classes"]
    best = None
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 1, (n, *nets.input_shape(arch))).astype(np.float32)
        labels = rng.integers(0, classes, n)
        result = torch_gradients(module, x, labels)
        if best is None or result[0] > best[0][0]:
            best = result, x, labels
        if best[0][0] > MARGIN:
            break
    return best


GRADIENTS = [
    ("wrn:depth=16,width=2,classes=10,size=12,anchored=1", 2),
    ("wrn:depth=40,width=2,classes=7,size=11,channels=1,anchored=0", 2),
    ("resnet9:width=8,classes=10,size=24,anchored=1", 2),
    ("airbench:width=8,classes=10,size=24,anchored=1", 2),
    ("resnet18:classes=10,size=9,anchored=1", 2),
    ("resnet34:classes=7,size=9,channels=1,anchored=0", 2),
    ("resnet50-imagenet:classes=10,size=35,anchored=1", 2),
]


@pytest.mark.parametrize("arch,n", GRADIENTS)
def test_gradients(tmp_path, arch, n):
    (margin, logits, d_input, gradients), x, labels = smooth_batch(arch, n)
    nets.save_raw(tmp_path / "state.raw", shifted(arch))
    nets.save_raw(tmp_path / "batch.raw", {"x": x, "labels": labels.astype(np.float32)})
    for isa, exact in ((FREE, 0), (FREE, 1), (SMALL, 0)):
        out = run(tmp_path, isa, "train", "onednn", 2, arch, "state.raw", "batch.raw", "out.raw",
                  1, 0.1, 0.9, 0, exact)
        assert distance(out["logits"], logits) < 1e-4, (isa, exact)
        assert distance(out["d_input"], d_input) < 1e-3, (isa, exact, margin)
        for name, wanted in gradients.items():
            assert distance(out[f"gradient.{name}"], wanted) < 1e-3, (isa, exact, margin, name)


# Rates at which PyTorch in single and in double precision stay together themselves.
STEPS = [
    ("wrn:depth=16,width=2,classes=10,size=16,anchored=1", 16, 0.01),
    ("wrn:depth=40,width=2,classes=10,size=16,anchored=0", 8, 0.002),
    ("resnet18:classes=7,size=16,channels=1,anchored=1", 12, 0.001),
    ("resnet34:classes=10,size=16,anchored=0", 8, 0.001),
    ("resnet50-imagenet:classes=10,size=64,anchored=1", 8, 0.0002),
]


def torch_steps(module, x, labels, n, rate):
    optimiser = torch.optim.SGD(module.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    losses = []
    for at in range(0, len(x), n):
        loss = F.cross_entropy(module(torch.from_numpy(x[at:at + n])),
                               torch.from_numpy(labels[at:at + n]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("arch,n,rate", STEPS)
def test_five_steps(tmp_path, arch, n, rate):
    module = shifted(arch)
    before = {name: value.numpy().copy() for name, value in module.state_dict().items()}
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (5 * n, *nets.input_shape(arch))).astype(np.float32)
    labels = rng.integers(0, nets.parse(arch)[1]["classes"], 5 * n)
    nets.save_raw(tmp_path / "state.raw", module)
    nets.save_raw(tmp_path / "batch.raw", {"x": x, "labels": labels.astype(np.float32)})
    losses = torch_steps(module, x, labels, n, rate)
    for isa in (FREE, SMALL):
        out = run(tmp_path, isa, "train", "onednn", 2, arch, "state.raw", "batch.raw", "out.raw",
                  5, rate, 0.9, 5e-4, 0)
        assert np.abs(out["losses"] - losses).max() < 1e-3, isa
        for name, value in module.state_dict().items():
            if value.ndim:
                got = out[f"state.{name}"].reshape(value.shape) - before[name]
                wanted = value.numpy() - before[name]
                assert np.linalg.norm(got - wanted) < 0.05 * np.linalg.norm(wanted), (isa, name)
