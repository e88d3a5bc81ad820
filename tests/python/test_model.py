# SPDX-License-Identifier: Apache-2.0
"""Models, banks and builders."""
import os
import subprocess

import numpy as np
import pytest
from conftest import ARCH, K, METHODS, NAMES, PREPROCESS, pixels, same

import libamp


def test_info(model):
    info = model.info
    assert (info.classes, info.channels, info.height, info.width) == (10, 3, 16, 16)
    assert info.anchored is True and info.input_channels == 6 and info.anchors == K
    assert info.thresholds == len(METHODS) and info.temperature > 0
    assert info.parameters > 70000 and info.multiply_adds > 10**6
    assert model.arch.startswith("wrn:depth=10,width=1") and "mean=0.5:0.4:0.3" in model.preprocess
    assert list(model.classes) == NAMES and "wrn" in repr(model)


def test_record(model):
    record = model.record
    assert isinstance(record, dict) and record["classes"] == NAMES
    assert model.context is libamp.default_context()


def test_saved_and_opened(model, model_file, folder):
    again = libamp.Model(model_file)
    assert again.record == model.record and again.info == model.info
    copy = folder / "copy.safetensors"
    again.save(str(copy))
    assert copy.read_bytes() == model_file.read_bytes()
    images = pixels(3)
    same(libamp.Scorer(model, METHODS).score(images), libamp.Scorer(again, METHODS).score(images))
    with pytest.raises(OSError):
        again.save(folder / "no folder" / "x.safetensors")


def test_seeds():
    x = np.ones((1, 6, 16, 16), np.float32)
    one, again, two = (libamp.Model.create(ARCH, PREPROCESS, seed=seed).forward(x)
                       for seed in (3, 3, 2**64 - 1))
    assert one.tobytes() == again.tobytes() != two.tobytes()


def program(*arguments):
    subprocess.run([os.environ["AMP_EXE"], *map(str, arguments)], check=True)


@pytest.mark.parametrize("bank", [False, True])
def test_forward_equals_the_program(model, model_file, tmp_path, need, bank):
    need(os.path.exists(os.environ.get("AMP_EXE", "")), "there is no amp program")
    x = np.random.default_rng(5).standard_normal((4, 3 if bank else 6, 16, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    program("forward", "--model", model_file, "--input", tmp_path / "x.npy", "--output",
            tmp_path / "y.npy", *(["--bank"] if bank else []))
    got = model.forward(x, bank=bank)
    want = np.load(tmp_path / "y.npy")
    assert got.dtype == np.float32 and got.shape == want.shape == ((4, K, 10) if bank else (4, 10))
    assert got.tobytes() == want.tobytes()


def test_forward_of_pairs(model):
    """[n,K,classes] is the whole network on [anchor, x - anchor]."""
    x = np.random.default_rng(6).standard_normal((2, 3, 16, 16)).astype(np.float32)
    mean = np.array([0.5, 0.4, 0.3]).reshape(1, 3, 1, 1)
    std = np.array([0.2, 0.25, 0.3]).reshape(1, 3, 1, 1)
    anchors = np.stack([np.asarray(anchor) for anchor in model.bank]).transpose(0, 3, 1, 2)
    anchors = (anchors / 255 - mean) / std
    got = model.forward(x, bank=True)
    for k in range(K):
        pair = np.concatenate([np.broadcast_to(anchors[k], x.shape), x - anchors[k]], axis=1)
        np.testing.assert_allclose(model.forward(pair), got[:, k], rtol=1e-4, atol=1e-4)
    same_bits = model.forward(x, bank=model.bank)
    assert same_bits.tobytes() == got.tobytes()


def test_forward_layouts(model):
    x = np.random.default_rng(7).standard_normal((3, 6, 16, 16)).astype(np.float32)
    want = model.forward(x).tobytes()
    assert model.forward(x.astype(np.float64)).tobytes() == want
    assert model.forward(np.asfortranarray(x)).tobytes() == want
    assert model.forward(x[:0]).shape == (0, 10)
    assert model.forward(x[:0], bank=False).dtype == np.float32


def test_forward_refuses(model):
    for x in (np.zeros((1, 3, 16, 16)), np.zeros((6, 16, 16)), np.zeros((1, 6, 16, 15))):
        with pytest.raises(libamp.AmpShapeError):
            model.forward(x)
    for x in (np.zeros((1, 6, 16, 16), complex), np.zeros((1, 6, 16, 16), bool), "x"):
        with pytest.raises(libamp.AmpArgumentError):
            model.forward(x)
    with pytest.raises(libamp.AmpArgumentError, match="bank"):
        libamp.Model.create(ARCH).forward(np.zeros((1, 3, 16, 16)), bank=True)


def test_bank_of_a_dataset(model, cifar):
    dataset = libamp.Dataset(f"cifar10:{cifar}")
    bank = libamp.Bank(model, dataset, count=10, method="balanced", seed=4)
    assert len(bank) == 10 and bank.has_pixels and "10" in repr(bank)
    again = libamp.Bank(model, dataset, count=10, method="balanced", seed=4)
    other = libamp.Bank(model, dataset, count=10, method="balanced", seed=5)
    assert (np.asarray(bank[0]) == np.asarray(again[0])).all()
    assert any((np.asarray(bank[i]) != np.asarray(other[i])).any() for i in range(10))
    assert (np.asarray(bank[-1]) == np.asarray(bank[9])).all()
    for index in (10, -11):
        with pytest.raises(IndexError):
            bank[index]
    for bad in ({"count": 0}, {"count": 41}, {"method": "best"}, {"sed": 1}, {"seed": "a,b"},
                {"seed": None, "store": "nothing"}, {"count": object()}):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.Bank(model, dataset, **bad)


def test_bank_of_stems(model):
    bank = libamp.Bank.from_images(model, [pixels(1)[0], libamp.Image.from_array(pixels(1)[0])],
                                   store="stem")
    assert not bank.has_pixels
    with pytest.raises(libamp.AmpUnsupportedError):
        bank[0]
    with pytest.raises(libamp.AmpArgumentError):
        libamp.Bank.from_images(model, [])


def test_builder_replaces_parts(model):
    with libamp.Builder(model) as builder:
        builder.set_class_names([name.upper() for name in NAMES])
        builder.set_card("note", {"who": ["me", 1, None], "text": "ü"})
        named = builder.finish()
        builder.set_bank(None)
        bare = builder.finish()
    assert named.classes[0] == "AIRPLANE" and named.info.temperature == model.info.temperature
    assert named.record["card"]["note"] == {"who": ["me", 1, None], "text": "ü"}
    assert bare.bank is None and bare.info.anchors == bare.info.thresholds == 0
    assert model.classes[0] == "airplane" and model.info.anchors == K


def test_builder_refuses(model):
    builder = libamp.Builder(model)
    with pytest.raises(libamp.AmpArgumentError):
        builder.set_class_names(NAMES[:-1])
    with pytest.raises(libamp.AmpArgumentError):
        builder.set_class_names([""] * 10)
    for value in (float("nan"), {1, 2}, b"x"):
        with pytest.raises(libamp.AmpFormatError):
            builder.set_card("x", value)
    other = libamp.Model.create("wrn:depth=10,width=2,classes=10,size=16", PREPROCESS)
    with pytest.raises(libamp.AmpShapeError):
        builder.set_bank(libamp.Bank.from_images(other, pixels(1)))
    assert builder.finish().record == model.record


def test_calibrate(model, cifar):
    dataset = libamp.Dataset(f"cifar10:{cifar}")
    told = []
    builder = libamp.Builder(model)
    builder.calibrate(dataset, ["msp", "maxlogit"], tpr=[0.5, 0.9], anchors=2,
                      progress=told.append)
    fitted = builder.finish()
    assert told[-1] == ("score", 40, 40)
    assert fitted.info.thresholds == len(METHODS) + 4
    scores = libamp.Scorer(model, "msp", anchors=2).score_dataset(dataset).score
    for tpr in (0.5, 0.9):
        scorer = libamp.Scorer(fitted, "msp", anchors=2, tpr=tpr)
        assert scorer.thresholds == (libamp.threshold_at_tpr(scores, tpr),)
    logits = libamp.Scorer(model, anchors=2).score_dataset(dataset).logits
    assert fitted.info.temperature == pytest.approx(
        libamp.temperature_fit(logits, dataset.labels), rel=1e-5)
    for bad in ({"tpr": []}, {"tpr": [0.9, 2]}, {"anchors": -1}, {"tpr": 0}):
        with pytest.raises(libamp.AmpArgumentError):
            builder.calibrate(dataset, **bad)
