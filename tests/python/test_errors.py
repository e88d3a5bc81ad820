# SPDX-License-Identifier: Apache-2.0
"""Failures as exceptions, each of its kind, with what the library said."""
import copy
import errno
import pickle

import numpy as np
import pytest
from conftest import pixels, same

import libamp


def test_missing_file(folder):
    path = folder / "nowhere.safetensors"
    with pytest.raises(libamp.AmpNotFoundError) as caught:
        libamp.Model(path)
    error = caught.value
    assert isinstance(error, FileNotFoundError) and isinstance(error, libamp.AmpIOError)
    assert error.status == -3 and error.name == "AMP_E_IO" and error.where == "model"
    assert error.errno == error.detail == errno.ENOENT
    assert "nowhere.safetensors" in error.message and str(error) == error.message


def test_unreadable_file(folder):
    with pytest.raises(OSError) as caught:
        libamp.Image(folder)
    assert type(caught.value) is libamp.AmpIOError and caught.value.where == "image"


def test_damaged_files(folder, model_file, pictures):
    broken = folder / "broken.safetensors"
    broken.write_bytes(model_file.read_bytes()[:-5])
    with pytest.raises(libamp.AmpFormatError) as caught:
        libamp.Model(broken)
    assert isinstance(caught.value, ValueError) and caught.value.name == "AMP_E_FORMAT"
    cut = folder / "cut.png"
    cut.write_bytes(pictures[0].read_bytes()[:100])
    with pytest.raises(libamp.AmpFormatError):
        libamp.Image(cut)
    other = folder / "text.png"
    other.write_text("no picture", encoding="ascii")
    with pytest.raises(libamp.AmpUnsupportedError) as caught:
        libamp.Image(other)
    assert isinstance(caught.value, NotImplementedError)


def test_limits(pictures):
    with pytest.raises(libamp.AmpLimitError):
        libamp.Image(pictures[0], max_pixels=10)
    with pytest.raises(libamp.AmpLimitError):
        libamp.Image(pictures[0], max_bytes=10)


def test_arguments(model):
    with pytest.raises(libamp.AmpArgumentError) as caught:
        libamp.Scorer(model, "nonsense")
    assert isinstance(caught.value, ValueError) and "nonsense" in caught.value.message
    for bad in ({"anchors": 99}, {"anchors": -1}, {"anchors": 2**32}, {"anchors": 1.5},
                {"threads": 1025}, {"threads": -1}, {"tpr": 0.0}, {"tpr": 2.0}, {"chunk": 4097}):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.Scorer(model, **bad)
    with pytest.raises(libamp.AmpArgumentError):
        libamp.Model.create("wrn:depth=11,classes=2")
    with pytest.raises(libamp.AmpArgumentError):
        libamp.Model.create("wrn:depth=10,width=1,classes=2", seed=-1)
    with pytest.raises(libamp.AmpShapeError):
        libamp.Scorer(libamp.Model.create("wrn:depth=10,width=1,classes=2,anchored=0",
                                          "height=9,width=9"))


@pytest.mark.parametrize("call, name", [
    (lambda m: libamp.Scorer(m, tpr="x"), "tpr is 'x'"),
    (lambda m: libamp.Scorer(m, tpr=None), "tpr is None"),
    (lambda m: libamp.Scorer(m, 5), "methods is 5"),
    (lambda m: libamp.Scorer(m, ["amp", 5]), "methods is"),
    (lambda m: libamp.Scorer("m"), "model is 'm'"),
    (lambda m: libamp.Scorer(m, bank=m), "bank is Model"),
    (lambda m: libamp.Scorer(m).score_dataset("folder:x"), "dataset is 'folder:x'"),
    (lambda m: libamp.Model(5), "path is 5"),
    (lambda m: libamp.threshold_at_tpr([1.0], None), "tpr is None"),
    (lambda m: libamp.threshold_at_tpr([1.0], "0.5"), "tpr is '0.5'"),
    (lambda m: libamp.ood_metrics([1.0], [0.0], rule=None), "rule is None"),
    (lambda m: libamp.ood_metrics([1.0], [0.0], area=3), "area is 3"),
    (lambda m: libamp.ood_metrics([1.0], [0.0], tpr_level="x"), "tpr_level is 'x'"),
    (lambda m: libamp.ood_metrics([1.0], [0.0], rule="odin", grid=(0, 1)), "grid is"),
    (lambda m: libamp.ood_metrics([1.0], [0.0], rule="odin", grid=5), "grid is 5"),
    (lambda m: libamp.ood_metrics([1.0], [0.0], rule="odin", grid=("a", 1, 5)), "low end"),
    (lambda m: libamp.temperature_fit([[1.0, 2.0]], [0], high=[]), "high is"),
    (lambda m: m.forward(np.zeros((1, 6, 16, 16), np.float32), bank="typo"), "bank is 'typo'"),
    (lambda m: m.forward(np.zeros((1, 6, 16, 16), np.float32), bank=5), "bank is 5"),
])
def test_a_wrong_type_is_named(model, call, name):
    with pytest.raises(libamp.AmpArgumentError, match=name):
        call(model)


def test_masks_are_not_passed_over(model):
    scorer = libamp.Scorer(model)
    masked = np.ma.masked_array(pixels(1), mask=False)
    same(scorer.score(masked), scorer.score(pixels(1)))
    masked[0, 0, 0, 0] = np.ma.masked
    with pytest.raises(libamp.AmpArgumentError, match="masked"):
        scorer.score(masked)
    with pytest.raises(libamp.AmpArgumentError, match="masked"):
        libamp.threshold_at_tpr(np.ma.masked_array([1.0, 2.0], mask=[False, True]))


def test_what_is_closed_can_be_shown(model, cifar):
    with libamp.Scorer(model) as scorer, libamp.Dataset(f"cifar10:{cifar}") as dataset:
        assert repr(scorer).startswith("Scorer('amp'") and repr(dataset).startswith("Dataset(")
    assert repr(scorer) == "<Scorer closed>" and repr(dataset) == "<Dataset closed>"


def test_contexts_do_not_mix(model, cifar):
    other = libamp.Context(threads=1)
    image = libamp.Image.from_array(pixels(1)[0], context=other)
    scorer = libamp.Scorer(model)
    with pytest.raises(libamp.AmpArgumentError, match="context"):
        scorer.score_images([image])
    with pytest.raises(libamp.AmpArgumentError, match="context"):
        scorer.score_dataset(libamp.Dataset(f"cifar10:{cifar}", context=other))


def test_threads_of_a_context():
    assert libamp.Context(threads=3).threads == 3
    assert libamp.default_context() is libamp.default_context()
    for bad in (0, 1025, "2"):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.Context(threads=bad)
    with pytest.raises(libamp.AmpArgumentError, match="level"):
        libamp.Context(level="loud", log=print)


def test_a_nul_byte_ends_no_path(model):
    for call in (lambda: libamp.Model("a\0b"), lambda: libamp.Dataset("folder:a\0b"),
                 lambda: model.save(b"a\0b"), lambda: libamp.Scorer(model, "amp\0")):
        with pytest.raises(libamp.AmpArgumentError, match="NUL"):
            call()


def test_the_first_bad_file_raises(model, pictures, folder):
    with pytest.raises(FileNotFoundError, match="gone.png"):
        libamp.Scorer(model).score_paths([pictures[0], folder / "gone.png", pictures[1]])


def test_bad_files_are_skipped(model, pictures, folder):
    (folder / "no.jpg").write_bytes(b"\xff\xd8\xff")
    scorer = libamp.Scorer(model, ["amp", "msp"])
    good = scorer.score_paths(pictures, anchor_logits=True)
    paths = [folder / "gone.png", *pictures[:3], folder / "no.jpg", *pictures[3:], "nul\0"]
    got = scorer.score_paths(paths, on_error="skip", anchor_logits=True)
    assert {i: type(error) for i, error in got.errors.items()} == {
        0: libamp.AmpNotFoundError, 4: libamp.AmpFormatError, 9: libamp.AmpArgumentError}
    bad = [0, 4, 9]
    assert np.isnan(got.score[:, bad]).all() and (got.verdict[:, bad] == -1).all()
    assert (got.label[bad] == -1).all() and np.isnan(got.logits[bad]).all()
    keep = [i for i in range(10) if i not in bad]
    assert np.ascontiguousarray(got.score[:, keep]).tobytes() == good.score.tobytes()
    assert got.anchor_logits[keep].tobytes() == good.anchor_logits.tobytes()
    only_bad = scorer.score_paths([folder / "gone.png"], on_error="skip")
    assert list(only_bad.errors) == [0] and only_bad.score.shape == (2, 1)
    with pytest.raises(libamp.AmpArgumentError, match="on_error"):
        scorer.score_paths(pictures, on_error="ignore")


def test_a_single_path_is_one_file(model, pictures):
    scorer = libamp.Scorer(model)
    same(scorer.score_paths(str(pictures[0])), scorer.score_paths([pictures[0]]))


def test_a_scorer_survives_a_failure(model, pictures, folder):
    scorer = libamp.Scorer(model)
    want = scorer.score_paths(pictures)
    with pytest.raises(OSError):
        scorer.score_paths([*pictures, folder / "gone.png"])
    same(want, scorer.score_paths(pictures))


def test_errors_are_pickled(folder):
    """They come back from worker processes."""
    for make in (lambda: libamp.Model(folder / "nowhere"), lambda: libamp.Model("a\0b")):
        with pytest.raises(libamp.AmpError) as caught:
            make()
        for other in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
            assert type(other) is type(caught.value)
            assert vars(other) == vars(caught.value) and str(other) == str(caught.value)
            assert getattr(other, "errno", None) == getattr(caught.value, "errno", None)


def test_kinds_of_errors():
    """Every status has its class, with Python's own kind where it has one."""
    kinds = {kind.default_status: kind for kind in libamp.AmpError.__subclasses__()}
    assert sorted(kinds) == list(range(-10, 0))
    assert issubclass(kinds[-2], MemoryError) and issubclass(kinds[-3], OSError)
    assert issubclass(kinds[-1], ValueError) and kinds[-9] is libamp.AmpCancelledError
    for status, kind in kinds.items():
        assert kind("x").status == status and kind("x").name.startswith("AMP_E_")
