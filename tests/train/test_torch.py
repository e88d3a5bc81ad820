# SPDX-License-Identifier: Apache-2.0
"""Loss, gradient and SGD against PyTorch in double precision."""
import os
import subprocess

import numpy as np
import pytest
import torch

TOOL = os.path.join(os.environ["AMP_TOOLS"], "tool_step")


def run(arguments, *arrays):
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
    return subprocess.run([TOOL, *map(str, arguments)], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


@pytest.mark.parametrize("n,classes", [(1, 2), (7, 10), (64, 1000)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_cross_entropy(n, classes, smoothing, scale):
    rng = np.random.default_rng(n + classes)
    logits = (scale * rng.standard_normal((n, classes))).astype(np.float32)
    labels = rng.integers(0, classes, n).astype(np.int32)
    out = run(["loss", n, classes, smoothing], logits, labels)
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(z, torch.tensor(labels, dtype=torch.int64),
                                             label_smoothing=smoothing)
    loss.backward()
    assert np.frombuffer(out[:8], np.float64)[0] == pytest.approx(loss.item(), rel=1e-12)
    gradient = np.frombuffer(out[8:], np.float32).reshape(n, classes)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=0,
                               atol=1e-15 + 1e-7 * np.abs(z.grad.numpy()).max())


@pytest.mark.parametrize("momentum,decay,nesterov",
                         [(0, 0, 0), (0.9, 0, 0), (0.9, 5e-4, 0), (0.9, 5e-4, 1), (0.5, 0.1, 1)])
def test_sgd(momentum, decay, nesterov):
    rng = np.random.default_rng(3)
    n, steps, rate = 257, 6, 0.1
    start = rng.standard_normal(n).astype(np.float32)
    gradients = rng.standard_normal((steps, n)).astype(np.float32)
    out = run(["sgd", n, steps, rate, momentum, decay, nesterov], start, gradients)
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=rate, momentum=momentum, weight_decay=decay,
                                nesterov=bool(nesterov))
    for g in gradients:
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
    wanted = w.detach().numpy()
    np.testing.assert_allclose(np.frombuffer(out, np.float32), wanted, rtol=0,
                               atol=1e-6 * np.abs(wanted).max())
