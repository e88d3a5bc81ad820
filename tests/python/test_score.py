# SPDX-License-Identifier: Apache-2.0
"""Scores of arrays, images, files and data sets: what is in them, and that all ways agree."""
import numpy as np
import pytest
from conftest import K, METHODS, NAMES, pixels, same

import libamp


@pytest.fixture(scope="module", name="scorer")
def many_methods(model):
    return libamp.Scorer(model, METHODS)


def test_shapes_and_types(scorer):
    got = scorer.score(pixels(5), anchor_logits=True)
    assert len(got) == 5 and got.methods == ("amp", "msp", "energy") and got.errors == {}
    for name, dtype, shape in (("score", np.float64, (3, 5)), ("verdict", np.int8, (3, 5)),
                               ("tau", np.float64, (5,)), ("tau_mean", np.float64, (5,)),
                               ("label", np.int32, (5,)), ("confidence", np.float64, (5,)),
                               ("logits", np.float32, (5, 10)),
                               ("anchor_logits", np.float32, (5, K, 10))):
        array = getattr(got, name)
        assert array.dtype == dtype and array.shape == shape, name


def test_numbers_fit_together(scorer, model):
    """What follows from the logits of each anchor, by the formulas of the header."""
    got = scorer.score(pixels(6), anchor_logits=True)
    mean = got.anchor_logits.astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(got.logits, mean, rtol=1e-6, atol=1e-6)
    assert (got.label == got.logits.argmax(axis=1)).all()
    scaled = mean / model.info.temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    np.testing.assert_allclose(got.confidence, (scaled / scaled.sum(axis=1, keepdims=True)).max(1),
                               rtol=1e-6)
    np.testing.assert_allclose(got.tau, 10 * got.tau_mean, rtol=1e-12)
    msp = mean.max(axis=1) - np.log(np.exp(mean - mean.max(1, keepdims=True)).sum(1)) - mean.max(1)
    np.testing.assert_allclose(got.score[1], msp, rtol=1e-6)
    for row, threshold in enumerate(scorer.thresholds):
        assert (got.verdict[row] == (got.score[row] >= threshold)).all()


def test_one_method_has_no_row(model):
    one = libamp.Scorer(model, "msp").score(pixels(4))
    listed = libamp.Scorer(model, ["msp"]).score(pixels(4))
    assert one.score.shape == one.verdict.shape == (4,)
    assert listed.score.shape == listed.verdict.shape == (1, 4)
    assert one.score.tobytes() == listed.score.tobytes()
    assert libamp.Scorer(model).score(pixels(4)).score.shape == (4,)
    assert libamp.Scorer(model, "msp;amp").score(pixels(4)).score.shape == (2, 4)


def test_arrays_images_and_files_agree(scorer, pictures, cifar):
    import PIL.Image
    arrays = [np.asarray(PIL.Image.open(path)) for path in pictures]
    files = scorer.score_paths(pictures, anchor_logits=True)
    same(files, scorer.score_images(arrays, anchor_logits=True))
    same(files, scorer.score_images([libamp.Image(path) for path in pictures], anchor_logits=True))
    same(files, scorer.score_paths([str(path) for path in pictures], anchor_logits=True))
    for i, array in enumerate(arrays):
        one = scorer.score(array)
        assert one.score.tobytes() == files.score[:, i].tobytes()


def test_dataset_agrees(scorer, cifar):
    dataset = libamp.Dataset(f"cifar10:{cifar}")
    whole = scorer.score_dataset(dataset, anchor_logits=True)
    same(whole, scorer.score(np.stack([image for image, _ in dataset]), anchor_logits=True))
    part = scorer.score_dataset(dataset, first=7, count=5)
    assert part.score.tobytes() == np.ascontiguousarray(whole.score[:, 7:12]).tobytes()
    assert len(scorer.score_dataset(dataset, first=40)) == 0
    for first, count in ((41, None), (-1, None), (0, 41), (39, 2)):
        with pytest.raises(libamp.AmpArgumentError):
            scorer.score_dataset(dataset, first, count)


def test_slices_change_no_bit(model):
    """More images than go into one call, and chunks that do not divide them."""
    images = pixels(600)
    want = libamp.Scorer(model, METHODS).score(images, anchor_logits=True)
    same(want, libamp.Scorer(model, METHODS, chunk=7, threads=1).score(images, anchor_logits=True))
    alone = libamp.Scorer(model, METHODS).score(images[599:], anchor_logits=True)
    assert alone.score[:, 0].tobytes() == np.ascontiguousarray(want.score[:, 599]).tobytes()


def test_results_on_request(scorer):
    got = scorer.score(pixels(2), logits=False)
    assert got.logits is None and got.anchor_logits is None


def test_nothing_to_score(scorer):
    for got in (scorer.score(np.zeros((0, 8, 8, 3), np.uint8)), scorer.score_images([]),
                scorer.score_paths([])):
        assert len(got) == 0 and got.score.shape == (3, 0) and got.logits.shape == (0, 10)


def test_precision(model):
    """Close to fp32 in all precisions that this processor has; thresholds are of fp32."""
    exact = libamp.Scorer(model)
    assert exact.precision == "fp32"
    assert libamp.Scorer(model, precision="auto").precision == "fp32"
    wanted = exact.score(pixels(5), logits=True).logits
    for name, distance in (("fast", 1e-4), ("bf16", 0.1)):
        try:
            scorer = libamp.Scorer(model, precision=name)
        except libamp.AmpUnsupportedError:
            assert name == "bf16"
            continue
        assert scorer.precision == scorer.clone().precision == name
        assert (scorer.thresholds == (None,)) == (name == "bf16")
        got = scorer.score(pixels(5), logits=True).logits
        assert np.abs(got - wanted).max() <= distance * np.abs(wanted).max()
    with pytest.raises(libamp.AmpArgumentError, match="fp16.*known: auto"):
        libamp.Scorer(model, precision="fp16")


def test_int8(model, cifar):
    """A model calibrated for it, where this processor has it."""
    assert model.int8_share == 0
    with pytest.raises(libamp.AmpUnsupportedError, match="int8"):
        libamp.Scorer(model, precision="int8")
    builder = libamp.Builder(model)
    try:
        builder.calibrate(libamp.Dataset(f"cifar10:{cifar}"), "amp", precision="int8")
    except libamp.AmpUnsupportedError as refused:
        assert "this processor has no int8" in str(refused)
        return
    calibrated = builder.finish()
    assert 0.9 < calibrated.int8_share < 1
    assert calibrated.record["int8"]["images"] == 40
    scorer = libamp.Scorer(calibrated, "amp", precision="auto")
    assert scorer.precision == "int8" and scorer.thresholds != (None,)
    got, wanted = (s.score(pixels(5), logits=True).logits
                   for s in (scorer, libamp.Scorer(calibrated, "amp")))
    apart = np.abs(got - wanted).max() / np.abs(wanted).max()
    assert 0 < apart < 0.1


def test_adaptive(model, cifar):
    """Stops early with the verdict of all anchors' rule; needs a rule."""
    with pytest.raises(libamp.AmpUnsupportedError, match="no stopping rule for entropy"):
        libamp.Scorer(model, "entropy", adaptive=True)
    builder = libamp.Builder(model)
    builder.calibrate(libamp.Dataset(f"cifar10:{cifar}"), "amp", stop_error=0.4)
    calibrated = builder.finish()
    full = libamp.Scorer(calibrated, "amp").score(pixels(20), anchor_logits=True)
    got = libamp.Scorer(calibrated, "amp", adaptive=True).score(pixels(20), anchor_logits=True)
    assert (full.anchors == K).all() and (got.anchors <= K).all() and (got.anchors >= 1).all()
    for i, used in enumerate(got.anchors):
        assert got.anchor_logits[i, :used].tobytes() == full.anchor_logits[i, :used].tobytes()
        assert np.isnan(got.anchor_logits[i, used:]).all()
        assert np.isnan(got.tau[i]) == (used == 1)


def test_fewer_anchors(model):
    scorer = libamp.Scorer(model, anchors=2)
    assert scorer.anchors == 2 and scorer.thresholds == (None,)
    got = scorer.score(pixels(3), anchor_logits=True)
    assert got.anchor_logits.shape == (3, 2, 10)
    assert (got.verdict == libamp.Verdict.UNKNOWN).all()
    one = libamp.Scorer(model, anchors=1)
    assert "K" in one.note and np.isnan(one.score(pixels(3)).tau).all()
    assert libamp.Scorer(model).note is None


def test_other_bank(model):
    bank = libamp.Bank.from_images(model, pixels(2, seed=9))
    got = libamp.Scorer(model, bank=bank).score(pixels(3), anchor_logits=True)
    assert got.anchor_logits.shape == (3, 2, 10)


def test_plain_network():
    plain = libamp.Model.create("wrn:depth=10,width=1,classes=4,size=16,anchored=0")
    scorer = libamp.Scorer(plain)
    got = scorer.score(pixels(3), anchor_logits=True)
    assert scorer.methods == ("msp",) and scorer.anchors == 0
    assert got.anchor_logits.shape == got.logits.shape == (3, 4)
    assert plain.classes == () and not plain.info.anchored


def test_method_options(model):
    scorer = libamp.Scorer(model, [libamp.method("energy", temperature=2.0), libamp.method("amp")])
    assert scorer.methods == ("energy:temperature=2", "amp")
    with pytest.raises(libamp.AmpArgumentError, match="','"):
        libamp.method("amp", score="a,b")


def test_progress(scorer, pictures, cifar):
    told = []
    scorer.score(pixels(600), progress=told.append)
    assert told[-1] == libamp.Progress("score", 600, 600) and len(told) > 1
    told.clear()
    scorer.score_paths(pictures, progress=told.append)
    assert told == [("score", 7, 7)]
    told.clear()
    scorer.score_dataset(libamp.Dataset(f"cifar10:{cifar}"), progress=told.append)
    assert told[-1] == ("score", 40, 40)


def test_class_names(model):
    assert list(model.classes) == NAMES


def test_profile(scorer):
    if "oneDNN" not in libamp.build_info():
        with pytest.raises(libamp.AmpUnsupportedError):
            scorer.profile()
        return
    before = scorer.score(pixels(3), anchor_logits=True)
    got = scorer.profile(2, repeats=3)
    assert 0 < got.steps_seconds <= got.run_seconds and len(got.steps) > 10
    for step in got.steps:
        assert step.name and step.what and step.kernel and step.shape
        assert step.seconds >= 0 and step.rows * step.calls <= 2 * K
        assert (step.multiply_adds > 0) == step.what.startswith("convolution")
    assert sum(step.calls * step.rows for step in got.steps if step.what == "join") == 2 * K
    same(before, scorer.score(pixels(3), anchor_logits=True))
    for bad in ((0, 1), (4097, 1), (1, 0), (1, 10001)):
        with pytest.raises(libamp.AmpArgumentError):
            scorer.profile(*bad)
