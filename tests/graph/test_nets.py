# SPDX-License-Identifier: Apache-2.0
"""Every network's tensors have the names and shapes of PyTorch's state_dict."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.environ["AMP_SOURCE"], "tests", "support"))
if os.environ.get("AMP_REQUIRE_ALL") != "1":
    pytest.importorskip("torch")
import nets  # noqa: E402

ARCHS = [
    "wrn:depth=40,width=2",
    "wrn:depth=10,width=1,classes=7,channels=1",
    "wrn:depth=16,width=4,anchored=0,classes=1000",
    "resnet9",
    "resnet9:width=20,classes=7,channels=1,anchored=0",
    "airbench",
    "airbench:width=48,classes=7,anchored=0",
    "resnet18",
    "resnet34:channels=1,classes=7,anchored=0",
    "resnet18-imagenet:anchored=0",
    "resnet34-imagenet:classes=10",
    "resnet50-imagenet:channels=1",
]


@pytest.mark.parametrize("arch", ARCHS)
def test_state_dict(arch):
    tool = os.path.join(os.environ["AMP_TOOLS"], "tool_graph")
    out = subprocess.run([tool, arch], check=True, capture_output=True, text=True).stdout
    lines = out.split("=\n")[0].splitlines()
    ours = {line.split()[0]: tuple(map(int, line.split()[1:])) for line in lines}
    state = nets.build(arch).state_dict()
    theirs = {name: tuple(value.shape) for name, value in state.items()}
    assert ours == theirs


def test_raw_files_read_back(tmp_path):
    module = nets.randomise(nets.build("wrn:depth=10,width=1"), 3)
    nets.save_raw(tmp_path / "state.raw", module)
    back = nets.load_raw(tmp_path / "state.raw")
    for name, value in module.state_dict().items():
        assert (back[name] == value.numpy()).all(), name
