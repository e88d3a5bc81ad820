# SPDX-License-Identifier: Apache-2.0
"""The eval room against scikit-learn, SciPy and plain re-tellings of the other codes' rules.

tool_eval answers requests on a pipe, so the room is tested alone.  The rules are written here sample
by sample and grid point by grid point, as the codes that they are named after walk the scores; the
library reads the same points from sorted counts.
"""
import os
import subprocess

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn import metrics as skm

TOLERANCE = 1e-9
FIELDS = ("threshold", "tpr", "fpr", "auroc", "aupr_in", "aupr_out", "dtacc")


class Refused(Exception):
    pass


class Tool:
    def __init__(self):
        path = os.path.join(os.environ["AMP_TOOLS"], "tool_eval")
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line, *arrays):
        self.process.stdin.write(line.encode() + b"\n" + b"".join(a.tobytes() for a in arrays))
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().split(" ", 2)
        if answer[0].strip() == "fail":
            raise Refused(answer[2].strip())
        assert answer[0] == "ok", answer
        return [float(v) for v in " ".join(answer[1:]).split()]

    def ood(self, in_, out, rule="recommended", area="average_precision", level=0.95,
            grid=(0.0, 0.0, 100000)):
        in_, out = np.asarray(in_, np.float64), np.asarray(out, np.float64)
        line = f"ood {rule} {area} {level!r} {grid[0]!r} {grid[1]!r} {grid[2]} {in_.size} {out.size}"
        return dict(zip(FIELDS, self.ask(line, in_, out)))

    def temperature(self, z, y, low=0.01, high=100.0):
        z, y = np.asarray(z, np.float32), np.asarray(y, np.int32)
        return self.ask(f"temperature {low!r} {high!r} {z.shape[0]} {z.shape[1]}", z, y)[0]

    def calibration(self, z, y, temperature=1.0, bins=15):
        z, y = np.asarray(z, np.float32), np.asarray(y, np.int32)
        return self.ask(f"calibration {temperature!r} {bins} {z.shape[0]} {z.shape[1]}", z, y)

    def probabilities(self, p, y, bins=15):
        p, y = np.asarray(p, np.float64), np.asarray(y, np.int32)
        return self.ask(f"probabilities {bins} {p.shape[0]} {p.shape[1]}", p, y)


@pytest.fixture(scope="module")
def tool():
    made = Tool()
    yield made
    made.process.stdin.close()
    assert made.process.wait() == 0


# ---- data ----------------------------------------------------------------------------------------

def draw(seed):
    """Continuous, rounded, few-valued, saturated and degenerate scores, in turn."""
    rng = np.random.default_rng(seed)
    n_in, n_out = (int(n) for n in rng.integers(1, [500, 300]))
    in_, out = rng.normal(1, 1, n_in), rng.normal(0, 1, n_out)
    kind = seed % 8
    if kind in (1, 2):
        in_, out = np.round(in_, kind - 1), np.round(out, kind - 1)
    elif kind == 3:
        in_, out = np.minimum(in_, 1.0), np.minimum(out, 1.0)
    elif kind == 4:
        in_, out = in_ * 1e-300, out * 1e-300
    elif kind == 5:
        in_, out = np.zeros(n_in), np.zeros(n_out)
    elif kind == 6:
        in_, out = in_ + 100, out - 100
    elif kind == 7:
        in_, out = in_[:1], out[:1]
    return in_, out


SEEDS = range(240)


def labelled(in_, out):
    return np.r_[np.ones(len(in_)), np.zeros(len(out))], np.r_[in_, out]


def trapezoid(x, y):
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1])) / 2)


# ---- areas against scikit-learn ---------------------------------------------------------------------

@pytest.mark.parametrize("seed", SEEDS)
def test_average_precision_and_auroc(tool, seed):
    in_, out = draw(seed)
    y, s = labelled(in_, out)
    got = tool.ood(in_, out)
    assert got["auroc"] == pytest.approx(skm.roc_auc_score(y, s), abs=TOLERANCE)
    assert got["aupr_in"] == pytest.approx(skm.average_precision_score(y, s), abs=TOLERANCE)
    assert got["aupr_out"] == pytest.approx(skm.average_precision_score(1 - y, -s), abs=TOLERANCE)


@pytest.mark.parametrize("seed", SEEDS)
def test_trapezoid(tool, seed):
    in_, out = draw(seed)
    y, s = labelled(in_, out)
    got = tool.ood(in_, out, area="trapezoid")
    assert got["auroc"] == pytest.approx(skm.roc_auc_score(y, s), abs=TOLERANCE)
    for name, truth, score in (("aupr_in", y, s), ("aupr_out", 1 - y, -s)):
        precision, recall, _ = skm.precision_recall_curve(truth, score)
        assert got[name] == pytest.approx(skm.auc(recall, precision), abs=TOLERANCE)


@pytest.mark.parametrize("seed", SEEDS)
def test_dtacc(tool, seed):
    in_, out = draw(seed)
    fpr, tpr, _ = skm.roc_curve(*labelled(in_, out), drop_intermediate=False)
    assert tool.ood(in_, out)["dtacc"] == pytest.approx(np.max(0.5 * (tpr + 1 - fpr)), abs=TOLERANCE)


# ---- the paper's code, sample by sample ------------------------------------------------------------------

def sample_walk(in_, out):
    """Counts of ID and OOD still accepted after 0, 1, 2, ... samples left, lowest first."""
    is_in = np.r_[np.ones(len(in_), int), np.zeros(len(out), int)]
    order = np.lexsort((1 - is_in, np.r_[in_, out]))  # by score, then ID first
    left_in = np.r_[0, np.cumsum(is_in[order])]
    left_out = np.arange(len(order) + 1) - left_in
    return len(in_) - left_in, len(out) - left_out


def amp_code(in_, out, level):
    tp, fp = sample_walk(in_, out)
    n_in, n_out = tp[0], fp[0]
    tpr, fpr = tp / n_in, fp / n_out
    point = int(np.argmin(np.abs(tpr - level)))
    some = tp + fp > 0
    precision_in = np.r_[0.5, tp[some] / (tp + fp)[some], 0.0]
    recall_in = np.r_[1.0, tpr[some], 0.0]
    gone = (n_in - tp) + (n_out - fp)
    some = gone > 0
    precision_out = np.r_[0.0, (n_out - fp)[some] / gone[some], 0.5]
    recall_out = np.r_[0.0, 1 - fpr[some], 1.0]
    return {"tpr": tpr[point], "fpr": fpr[point],
            "auroc": -trapezoid(tpr, 1 - fpr),
            "aupr_in": -trapezoid(recall_in, precision_in),
            "aupr_out": trapezoid(recall_out, precision_out),
            "dtacc": np.max(0.5 * (tpr + 1 - fpr))}


LEVELS = (0.95, 0.95, 0.5, 0.8, 0.99, 1.0, 0.001)


@pytest.mark.parametrize("seed", SEEDS)
def test_amp(tool, seed):
    in_, out = draw(seed)
    level = LEVELS[seed % len(LEVELS)]
    got = tool.ood(in_, out, rule="amp", area="amp", level=level)
    for name, value in amp_code(in_, out, level).items():
        assert got[name] == pytest.approx(value, abs=TOLERANCE), name


# ---- the other rules ------------------------------------------------------------------------------------

def energy_code(in_, out, level):
    thresholds = np.unique(np.r_[in_, out])[::-1]
    recall = np.array([np.mean(in_ >= t) for t in thresholds])
    end = int(np.argmax(recall == 1))
    nearest = int(np.argmin(np.abs(recall[end::-1] - level)))
    threshold = thresholds[end::-1][nearest]
    return threshold, np.mean(in_ >= threshold), np.mean(out >= threshold)


def scood_code(in_, out, level):
    threshold = np.sort(in_)[-int(np.floor(level * len(in_)))]
    return threshold, np.mean(in_ >= threshold), np.mean(out > threshold)


def openood_code(in_, out, level):
    y, s = labelled(in_, out)
    fpr, tpr, thresholds = skm.roc_curve(1 - y, -s)
    first = int(np.argmax(tpr >= level))
    return -thresholds[first], tpr[first], fpr[first]


def ood_positive_code(in_, out, level):
    y, s = labelled(in_, out)
    fpr, tpr, thresholds = skm.roc_curve(1 - y, -s, drop_intermediate=False)
    first = int(np.searchsorted(tpr, level))
    return -thresholds[first], tpr[first], fpr[first]


def recommended_code(in_, out, level):
    fpr, tpr, thresholds = skm.roc_curve(*labelled(in_, out), drop_intermediate=False)
    first = int(np.searchsorted(tpr, level))
    return thresholds[first], tpr[first], fpr[first]


CODES = {"energy": energy_code, "scood": scood_code, "openood": openood_code,
         "ood_positive": ood_positive_code, "recommended": recommended_code}


@pytest.mark.parametrize("rule", CODES)
def test_rule(tool, rule):
    for seed in SEEDS:
        in_, out = draw(seed)
        level = LEVELS[seed % len(LEVELS)]
        got = tool.ood(in_, out, rule=rule, level=level)
        threshold, tpr, fpr = CODES[rule](in_, out, level)
        assert got["threshold"] == threshold, seed
        assert got["tpr"] == pytest.approx(tpr, abs=TOLERANCE), seed
        assert got["fpr"] == pytest.approx(fpr, abs=TOLERANCE), seed


def test_openood_drops_collinear_points(tool):
    """Equal steps of both kinds: the dropped points move the operating point of this rule alone."""
    in_ = out = np.arange(40.0)
    assert tool.ood(in_, out, rule="ood_positive", level=0.5)["fpr"] == 0.5
    assert tool.ood(in_, out, rule="openood", level=0.5)["fpr"] == 1.0
    assert openood_code(in_, out, 0.5)[2] == 1.0


def odin_code(in_, out, start, end, steps):
    """At level .95, with the code's own literals."""
    points = []
    for delta in np.arange(start, end, (end - start) / steps):
        tpr = np.sum(in_ >= delta) / float(len(in_))
        if 0.9495 <= tpr <= 0.9505:
            points.append((delta, tpr, np.sum(out > delta) / float(len(out))))
    return np.mean(points, axis=0) if points else np.full(3, np.nan)


@pytest.mark.parametrize("seed", range(40))
def test_odin(tool, seed):
    rng = np.random.default_rng(seed)
    in_ = rng.normal(0.11, 0.004, (2000, 10000, 20, 40)[seed % 4])
    out = rng.normal(0.105, 0.004, 300)
    if seed % 3 == 0:
        in_, out = np.round(in_, 3), np.round(out, 3)
    grid = (0.1, 0.12, 2000) if seed % 2 else (min(in_.min(), out.min()),
                                              max(in_.max(), out.max()), 1777)
    got = tool.ood(in_, out, rule="odin",
                   grid=(float(grid[0]), float(grid[1]), grid[2]) if seed % 2 else (0.0, 0.0, grid[2]))
    want = odin_code(in_, out, *grid)
    for name, value in zip(("threshold", "tpr", "fpr"), want):
        assert got[name] == pytest.approx(value, abs=TOLERANCE, nan_ok=True), name


def test_threshold(tool):
    for seed in SEEDS:
        in_, out = draw(seed)
        level = LEVELS[seed % len(LEVELS)]
        got = tool.ask(f"threshold {level!r} {len(in_)}", in_)[0]
        assert got == recommended_code(in_, out, level)[0], seed


def test_refused(tool):
    with pytest.raises(Refused, match=r"ID scores\[2\] is nan"):
        tool.ood([1, 2, np.nan], [1])
    with pytest.raises(Refused, match=r"OOD scores\[0\] is inf"):
        tool.ood([1, 2], [np.inf])
    with pytest.raises(Refused, match="empty"):
        tool.ood([], [1])
    with pytest.raises(Refused, match='"oodin"'):
        tool.ood([1], [1], rule="oodin")
    with pytest.raises(Refused, match=r"labels\[1\] is 3, allowed 0..2"):
        tool.temperature(np.zeros((2, 3)), [0, 3])


# ---- logits ------------------------------------------------------------------------------------------------

def logits(seed):
    rng = np.random.default_rng(seed)
    n, classes = int(rng.integers(30, 400)), int((2, 10, 100, 1000)[seed % 4])
    z = (rng.normal(0, 10 ** rng.uniform(-1, 1), (n, classes))).astype(np.float32)
    y = np.where(rng.random(n) < rng.uniform(0.4, 0.9), z.argmax(1), rng.integers(0, classes, n))
    return z, y


def ece_code(p, y, bins):
    confidence, hit = p.max(1), p.argmax(1) == y
    edges = np.arange(bins + 1) / bins
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - hit[inside].mean())
    return total


@pytest.mark.parametrize("seed", range(40))
def test_calibration(tool, seed):
    z, y = logits(seed)
    temperature, bins = (1.0, 0.4, 3.0)[seed % 3], (15, 10, 7, 100)[seed % 4]
    scaled = z.astype(np.float64) / temperature
    p = softmax(scaled, axis=1)
    one_hot = np.eye(z.shape[1])[y]
    want = (skm.accuracy_score(y, z.argmax(1)), p.max(1).mean(),
            -log_softmax(scaled, axis=1)[np.arange(len(y)), y].mean(),
            ((p - one_hot) ** 2).sum(1).mean(), ece_code(p, y, bins))
    assert tool.calibration(z, y, temperature, bins) == pytest.approx(want, abs=TOLERANCE)
    if np.all(p[np.arange(len(y)), y] > 1e-290):
        assert tool.probabilities(p, y, bins) == pytest.approx(want, abs=TOLERANCE)


def test_log_loss(tool):
    z, y = logits(1)
    p = softmax(z.astype(np.float64), axis=1)
    nll = tool.probabilities(p, y)[2]
    assert nll == pytest.approx(skm.log_loss(y, p, labels=np.arange(p.shape[1]), eps=1e-300),
                                abs=TOLERANCE)


@pytest.mark.parametrize("seed", range(40))
def test_temperature(tool, seed):
    z, y = logits(seed)
    wide = z.astype(np.float64)

    def nll(log_t):
        return -log_softmax(wide / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()

    best = minimize_scalar(nll, bounds=(np.log(0.01), np.log(100)), method="bounded",
                           options={"xatol": 1e-10})
    t = tool.temperature(z, y)
    # A minimum is flat: SciPy finds its place to the square root of the precision, its value to all.
    assert nll(np.log(t)) <= best.fun + 1e-13
    assert np.log(t) == pytest.approx(best.x, abs=1e-5)
