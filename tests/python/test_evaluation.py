# SPDX-License-Identifier: Apache-2.0
"""Metrics against scikit-learn, NumPy and the definitions."""
import numpy as np
import pytest
from sklearn import metrics

import libamp


def scores(n_in=300, n_out=200, seed=0, decimals=1):
    rng = np.random.default_rng(seed)
    return (np.round(rng.normal(1, 1, n_in), decimals), np.round(rng.normal(0, 1, n_out), decimals))


def test_ood_metrics():
    inside, outside = scores()
    truth = np.r_[np.ones(300), np.zeros(200)]
    both = np.r_[inside, outside]
    got = libamp.ood_metrics(inside, outside)
    assert (got.n_in, got.n_out) == (300, 200)
    assert got.auroc == pytest.approx(metrics.roc_auc_score(truth, both), abs=1e-12)
    assert got.aupr_in == pytest.approx(metrics.average_precision_score(truth, both), abs=1e-12)
    assert got.aupr_out == pytest.approx(metrics.average_precision_score(1 - truth, -both),
                                         abs=1e-12)
    assert got.tpr == (inside >= got.threshold).mean() >= 0.95
    assert got.fpr == (outside >= got.threshold).mean()
    assert got.threshold == libamp.threshold_at_tpr(inside)


def test_rules_and_areas():
    inside, outside = scores()
    got = libamp.ood_metrics(inside, outside, rule="ood_positive", area="trapezoid", tpr_level=0.9)
    assert got.tpr == (outside <= got.threshold).mean() >= 0.9
    precision, recall, _ = metrics.precision_recall_curve(np.r_[np.ones(300), np.zeros(200)],
                                                          np.r_[inside, outside])
    assert got.aupr_in == pytest.approx(metrics.auc(recall, precision), abs=1e-12)
    grid = libamp.ood_metrics(inside, outside, rule="odin", tpr_level=0.5, grid=(-5, 5, 1000))
    wide = libamp.ood_metrics(inside, outside, rule="odin", tpr_level=0.5, grid=(-50, 50, 1000))
    assert grid != wide
    for bad in ({"rule": "none"}, {"area": "none"}, {"tpr_level": 0}, {"tpr_level": 1.5},
                {"rule": "odin", "grid": (0, 1, -1)}):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.ood_metrics(inside, outside, **bad)


def test_any_numbers():
    inside, outside = scores(decimals=0)
    want = libamp.ood_metrics(inside, outside)
    assert libamp.ood_metrics(inside.astype(np.int8), list(outside)) == want
    assert libamp.ood_metrics(np.repeat(inside, 2)[::2], outside.astype(np.float32)) == want


def test_refusals():
    for bad in ([], [np.nan], [np.inf], [[1.0]], ["1"], [True]):
        for call in (lambda bad=bad: libamp.ood_metrics(bad, [1.0]),
                     lambda bad=bad: libamp.ood_metrics([1.0], bad),
                     lambda bad=bad: libamp.threshold_at_tpr(bad)):
            with pytest.raises(ValueError):
                call()


def predictions(n=400, classes=6, seed=1):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(0, 2, (n, classes))
    logits[np.arange(n), labels] += 1.5
    return logits.astype(np.float32), labels


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_temperature():
    logits, labels = predictions()
    best = libamp.temperature_fit(logits, labels)

    def loss(t):
        return metrics.log_loss(labels, softmax(logits.astype(np.float64) / t))

    assert loss(best) < min(loss(best * 1.001), loss(best / 1.001))
    assert libamp.temperature_fit(logits, labels.astype(np.uint8)) == best
    assert libamp.temperature_fit(logits, labels, low=best + 1) == best + 1
    assert libamp.temperature_fit(logits, labels, high=best / 2) == best / 2
    for bad in ({"low": 0}, {"high": 1e9}, {"tolerance": 1}):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.temperature_fit(logits, labels, **bad)


def test_calibration():
    logits, labels = predictions()
    for t in (1.0, 2.5):
        p = softmax(logits.astype(np.float64) / t)
        got = libamp.calibration_metrics(logits, labels, temperature=t)
        assert got.n == 400
        assert got.accuracy == metrics.accuracy_score(labels, p.argmax(1))
        assert got.confidence == pytest.approx(p.max(1).mean(), abs=1e-12)
        assert got.nll == pytest.approx(metrics.log_loss(labels, p), abs=1e-12)
        assert got.brier == pytest.approx(((p - np.eye(6)[labels]) ** 2).sum(1).mean(), abs=1e-12)
        bins = np.ceil(p.max(1) * 15) - 1
        hits = p.argmax(1) == labels
        ece = sum(abs(hits[bins == b].sum() - p.max(1)[bins == b].sum()) for b in range(15)) / 400
        assert got.ece == pytest.approx(ece, abs=1e-12)
        again = libamp.calibration_metrics_of_probabilities(p, labels)
        for name in ("n", "accuracy", "confidence", "nll", "brier", "ece"):
            assert getattr(again, name) == pytest.approx(getattr(got, name), abs=1e-12)
    assert libamp.calibration_metrics(logits, labels, bins=1).ece != got.ece


def test_labels_are_checked():
    logits, labels = predictions()
    for bad in (labels[:-1], labels.astype(float), labels - 1, labels + 1, labels[:, np.newaxis],
                labels + 2**32):
        for call in (libamp.temperature_fit, libamp.calibration_metrics):
            with pytest.raises(ValueError):
                call(logits, bad)
    for bins in (0, -1, 65537):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.calibration_metrics(logits, labels, bins=bins)
