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


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 1.0])
def test_cross_entropy_of_two_labels(share, smoothing):
    rng = np.random.default_rng(5)
    n, classes = 9, 10
    logits = (3 * rng.standard_normal((n, classes))).astype(np.float32)
    labels, others = (rng.integers(0, classes, n).astype(np.int32) for _ in range(2))
    others[0] = labels[0]
    out = run(["mixed", n, classes, smoothing, share], logits, labels, others)
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    target = torch.zeros(n, classes, dtype=torch.float64)
    target[torch.arange(n), torch.tensor(labels, dtype=torch.int64)] += share
    target[torch.arange(n), torch.tensor(others, dtype=torch.int64)] += 1 - share
    loss = torch.nn.functional.cross_entropy(z, target, label_smoothing=smoothing)
    loss.backward()
    assert np.frombuffer(out[:8], np.float64)[0] == pytest.approx(loss.item(), rel=1e-12)
    gradient = np.frombuffer(out[8:], np.float32).reshape(n, classes)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=0,
                               atol=1e-7 * np.abs(z.grad.numpy()).max())


@pytest.mark.parametrize("momentum,decay,nesterov",
                         [(0, 0, 0), (0.9, 0, 0), (0.9, 5e-4, 0), (0.9, 5e-4, 1), (0.5, 0.1, 1)])
@pytest.mark.parametrize("clip", [0, 15.5])
def test_sgd(momentum, decay, nesterov, clip):
    rng = np.random.default_rng(3)
    n, steps, rate = 257, 6, 0.1
    start = rng.standard_normal(n).astype(np.float32)
    gradients = rng.standard_normal((steps, n)).astype(np.float32)
    out = run(["sgd", n, steps, rate, momentum, decay, nesterov, clip], start, gradients)
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=rate, momentum=momentum, weight_decay=decay,
                                nesterov=bool(nesterov))
    for g in gradients:
        w.grad = torch.tensor(g, dtype=torch.float64)
        if clip:
            torch.nn.utils.clip_grad_norm_([w], clip)
        optimiser.step()
    wanted = w.detach().numpy()
    np.testing.assert_allclose(np.frombuffer(out, np.float32), wanted, rtol=0,
                               atol=1e-6 * np.abs(wanted).max())


def test_clipping_shortens_some():
    """The gradients of test_sgd are on both sides of its limit."""
    rng = np.random.default_rng(3)
    rng.standard_normal(257)
    lengths = np.linalg.norm(rng.standard_normal((6, 257)).astype(np.float32), axis=1)
    assert lengths.min() < 15.5 < lengths.max()


def test_head_factor_is_an_output_scale():
    """Rate s^2 and decay / s^2 on s w move as w does when the output is multiplied by s."""
    rng = np.random.default_rng(4)
    n, steps, rate, s, decay = 65, 8, 0.3, 0.125, 0.01
    start = rng.standard_normal(n)
    gradients = rng.standard_normal((steps, n)).astype(np.float32)
    out = run(["sgd", n, steps, rate * s * s, 0.9, decay / s / s, 1, 0],
              (s * start).astype(np.float32), gradients)
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=rate, momentum=0.9, weight_decay=decay, nesterov=True)
    for g in gradients:
        w.grad = s * torch.tensor(g, dtype=torch.float64)
        optimiser.step()
    wanted = s * w.detach().numpy()
    np.testing.assert_allclose(np.frombuffer(out, np.float32), wanted, rtol=0,
                               atol=2e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_moving_mean(keep):
    rng = np.random.default_rng(6)
    values = rng.standard_normal((20, 33)).astype(np.float32)
    wanted = np.zeros(33)
    for row in values:
        wanted = keep * wanted + (1 - keep) * row
    out = np.frombuffer(run(["ema", 33, 20, keep], values), np.float32)
    np.testing.assert_allclose(out, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 24, 54, 147])
@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_eigenvectors(n, spread):
    rng = np.random.default_rng(n)
    rows = rng.standard_normal((2 * n, n)) * np.geomspace(1, spread, n)
    a = rows.T @ rows / len(rows)
    out = np.frombuffer(run(["eigen", n], a), np.float64)
    values, vectors = out[:n], out[n:].reshape(n, n)
    wanted = np.linalg.eigh(a)[0][::-1]
    np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-10 * wanted[0])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(n), rtol=0, atol=1e-10)
    np.testing.assert_allclose(vectors.T * values @ vectors, a, rtol=0, atol=1e-10 * wanted[0])
    assert (vectors[np.arange(n), np.abs(vectors).argmax(1)] > 0).all()


def test_eigenvectors_of_what_is_already_diagonal():
    a = np.diag([1.0, 3.0, 3.0, 0.0])
    out = np.frombuffer(run(["eigen", 4], a), np.float64)
    assert (out[:4] == [3, 3, 1, 0]).all()
    assert (out[4:].reshape(4, 4)[[2, 3]] == np.eye(4)[[0, 3]]).all()
