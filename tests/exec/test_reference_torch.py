# SPDX-License-Identifier: Apache-2.0
"""The plain-loop back end against PyTorch in double precision: logits, gradients, statistics."""

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

FORWARD = [
    ("wrn:depth=16,width=2,size=17,classes=7", 3),
    ("wrn:depth=10,width=1,height_px=8,width_px=11,channels=1,anchored=0", 2),
    ("resnet18:size=9,channels=1", 2),
    ("resnet34:anchored=0,size=5", 1),
    ("resnet18-imagenet:size=31,classes=1000", 1),
    ("resnet50-imagenet:size=17,classes=10", 2),
]

# The last has batch norm over very few values, where rounding weighs more.
TRAIN = [
    ("wrn:depth=10,width=1,size=9,classes=7", 4, 1e-5),
    ("resnet18:size=4,channels=1", 4, 1e-3),
    ("resnet50-imagenet:size=33,classes=10,anchored=0", 3, 1e-3),
]


def tool(folder, command, arch, module, inputs, *more):
    nets.save_raw(folder / "state.raw", module)
    nets.save_raw(folder / "in.raw", inputs)
    path = os.path.join(os.environ["AMP_TOOLS"], "exec_tool")
    files = [str(folder / name) for name in ("state.raw", "in.raw", "out.raw")]
    subprocess.run([path, command, "reference", "1", arch, *files, *more], check=True)
    return nets.load_raw(files[2])


def apart(ours, theirs):
    """Largest difference over the largest value."""
    theirs = theirs.detach().numpy().ravel()
    return np.abs(ours.ravel() - theirs).max() / np.abs(theirs).max()


@pytest.mark.parametrize("arch, images", FORWARD)
def test_logits(tmp_path, arch, images):
    module = nets.randomise(nets.build(arch), 5).eval()
    x = np.random.default_rng(1).normal(size=(images,) + nets.input_shape(arch)).astype(np.float32)
    out = tool(tmp_path, "forward", arch, module, {"x": x})
    with torch.no_grad():
        assert apart(out["y"], module.double()(torch.from_numpy(x).double())) < 1e-5


@pytest.mark.parametrize("arch, images, close", TRAIN)
def test_gradients(tmp_path, arch, images, close):
    module = nets.randomise(nets.build(arch), 5).train()
    rng = np.random.default_rng(2)
    x = rng.normal(size=(images,) + nets.input_shape(arch)).astype(np.float32)
    labels = rng.integers(0, 7, images)
    out = tool(tmp_path, "train", arch, module, {"x": x, "labels": labels.astype(np.float32)},
               "1", "0.01", "0.9", "0.0005", "1")

    module.double()
    inputs = torch.from_numpy(x).double().requires_grad_()
    logits = module(inputs)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    loss.backward()
    assert apart(out["logits"], logits) < close
    assert abs(float(out["losses"][0]) - float(loss)) < close * float(loss)
    assert apart(out["d_input"], inputs.grad) < close
    for name, value in module.named_parameters():
        assert apart(out["gradient." + name], value.grad) < close, name
    for name, value in module.state_dict().items():
        if "running" in name:
            assert apart(out["state." + name], value) < 1e-5, name
