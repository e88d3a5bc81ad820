# SPDX-License-Identifier: Apache-2.0
"""amp bank, amp calibrate, amp info: what they put into a model and show of it."""
import json
import os
import re
import resource
import shutil
import signal

import pytest
from conftest import CLASSES, K, NETWORK, amp, change_record, leftovers, read_model


@pytest.fixture(name="copy")
def own_copy(model, tmp_path):
    """The model, to be written over."""
    return shutil.copy(model, tmp_path / "copy.st")


def bank_bytes(path):
    """The tensors of the bank by name."""
    _, header, data = read_model(path)
    return {name: data[slice(*entry["data_offsets"])] for name, entry in header.items()
            if name.startswith("amp.bank.")}


def test_bank_is_chosen_by_seed(copy, tmp_path):
    def choose(*more):
        amp("bank", "-m", copy, "-o", tmp_path / "out.st", *more)
        return bank_bytes(tmp_path / "out.st")

    first = choose("-k", 4)
    assert first == choose("-k", 4, "--method", "random", "--seed", 0)
    assert first != choose("-k", 4, "--seed", 1)
    for method in ("balanced", "kcentre"):
        assert choose("-k", 3, "--method", method)
        assert "3, stored as pixels" in amp("info", tmp_path / "out.st").out
    assert list(choose("-k", 2, "--store", "stem")) and "stem outputs" in amp(
        "info", tmp_path / "out.st").out


def test_new_bank_drops_thresholds(copy):
    amp("bank", "-m", copy, "-k", 2)
    record, _, _ = read_model(copy)
    assert "calibration" not in record
    text = amp("info", copy).out
    assert "threshold" not in text and "temperature" not in text and "2, stored as pixels" in text
    amp("calibrate", "-m", copy)
    assert "K = 2, fp32, TPR 0.95" in amp("info", copy).out


def test_stem_outputs_score_the_same(world, copy, tmp_path):
    """A bank without pixels gives the same numbers."""
    amp("bank", "-m", copy, "-k", 3, "-o", tmp_path / "pixels.st")
    amp("bank", "-m", copy, "-k", 3, "--store", "stem", "-o", tmp_path / "stem.st")
    rows = [amp("score", "-m", tmp_path / name, "-j", world / "noise").rows()
            for name in ("pixels.st", "stem.st")]
    assert rows[0] == rows[1]
    assert "amp.bank.pixels" in bank_bytes(tmp_path / "pixels.st")
    assert "amp.bank.pixels" not in bank_bytes(tmp_path / "stem.st")


def test_given_images_are_the_anchors(world, copy, tmp_path):
    files = [world / f"fresh/{name}/01.jpg" for name in CLASSES]
    amp("bank", "-m", copy, *files, "-o", tmp_path / "out.st")
    assert "3, stored as pixels" in amp("info", tmp_path / "out.st").out
    amp("bank", "-m", copy, *files[::-1], "-o", tmp_path / "back.st")
    assert bank_bytes(tmp_path / "out.st") != bank_bytes(tmp_path / "back.st")
    assert "absent" in amp("bank", "-m", copy, tmp_path / "absent.png", code=3).err


@pytest.mark.parametrize("arguments, code, says", [
    (["-k", "0"], 2, "count"), (["-k", "1001"], 2, "count"), (["-k", "x"], 2, "count='x'"),
    (["-k", "83"], 2, "82"), (["--method", "best"], 2, "random|balanced|kcentre"),
    (["--store", "all"], 2, "pixels|stem"), (["--seed", "-1"], 2, "seed"),
    (["--data", "folder:/nowhere"], 3, "No such file"),
    (["--images", "foldr:x"], 2, "unknown kind"),
])
def test_bank_faults(copy, arguments, code, says):
    before = copy.read_bytes()
    assert says in amp("bank", "-m", copy, *arguments, code=code).err
    assert copy.read_bytes() == before


def test_moved_training_images(world, tmp_path):
    shutil.copytree(world / "photos", tmp_path / "photos")
    amp("train", "-d", f"folder:{tmp_path}/photos", *NETWORK, "-e", 1, "-q", "-o", tmp_path / "m.st")
    os.rename(tmp_path / "photos", tmp_path / "moved")
    assert "name them with --data" in amp("bank", "-m", tmp_path / "m.st", code=3).err
    amp("bank", "-m", tmp_path / "m.st", "--data", f"folder:{tmp_path}/moved")
    assert "--data" in amp("calibrate", "-m", tmp_path / "m.st", code=3).err
    amp("calibrate", "-m", tmp_path / "m.st", "--data", f"folder:{tmp_path}/moved")
    (tmp_path / "moved/ant/00.png").unlink()
    done = amp("calibrate", "-m", tmp_path / "m.st", "-d", f"folder:{tmp_path}/moved", code=3)
    assert "90 images, the model was trained with 82 + 9" in done.err


def test_images_of_ones_own_choice(world, copy):
    amp("bank", "-m", copy, "--images", f"folder:{world}/fresh", "-k", 25)
    assert "25, stored as pixels" in amp("info", copy).out
    assert "26" in amp("bank", "-m", copy, "--images", f"folder:{world}/fresh", "-k", 26, code=2).err


def test_calibrate_on_a_set(world, copy):
    amp("calibrate", "-m", copy, "--held-out", f"folder:{world}/fresh", "--method", "amp;msp",
        "--tpr", "0.5:0.8")
    kept = [(row["method"], row["anchors"], row["tpr"])
            for row in read_model(copy)[0]["calibration"]["thresholds"]]
    for method in ("amp", "msp"):
        for tpr in (0.5, 0.8, 0.9, 0.95):
            assert (method, K, tpr) in kept
    rows = amp("score", "-m", copy, "-j", "--tpr", "0.8", world / "fresh").rows()
    assert sum(row["verdict"] == "in" for row in rows) >= 0.8 * len(rows)


def test_calibrate_with_fewer_anchors(world, copy):
    amp("calibrate", "-m", copy, "-k", 2)
    for anchors in (2, K):
        row, = amp("score", "-m", copy, "-j", "-k", anchors, world / "noise/00.png").rows()
        assert row["threshold"] is not None


def test_calibrate_int8(world, copy, tmp_path):
    """The model gets its quantised form, info shows it, auto goes by it; another bank ends it."""
    image, out = world / "fresh/ant/00.png", tmp_path / "out.st"
    without = amp("score", "-m", copy, "--precision", "int8", image, code=None)
    assert "int8" not in amp("info", copy).out
    if "this processor has no int8" in without.err:
        assert without.code == 2
        refused = amp("calibrate", "-m", copy, "--precision", "int8", "-o", out, code=2)
        assert "this processor has no int8" in refused.err and not out.exists()
        return
    assert without.code == 4 and "the model has no int8 form" in without.err
    assert "amp calibrate --precision int8 makes it" in without.err
    assert amp("eval", "-m", copy, "--id", f"folder:{world / 'fresh'}", "--ood",
               f"n=folder:{world}/noise", "--precision", "int8", code=None).code == 4
    assert "wrote" in amp("calibrate", "-m", copy, "--precision", "int8", "-o", out).err
    record, _, _ = read_model(out)
    assert record["int8"]["images"] == 9 and record["int8"]["anchors"] == K
    assert {row["precision"] for row in record["calibration"]["thresholds"]} == {"fp32", "int8"}
    text = amp("info", out).out
    share, rest = re.search(r"^int8 +([0-9.]+) % of the multiply-adds; (.*)$", text, re.M).groups()
    assert 90 < float(share) < 100 and rest == f"ranges from 9 images, {K} anchors"
    done = amp("score", "-m", out, "--precision", "auto", image)
    assert "precision: int8" in done.err and done.out.split()[6] in ("in", "out")
    assert amp("score", "-m", out, image).out == amp("score", "-m", copy, image).out
    amp("bank", "-m", out, "-k", 2)
    assert "int8" not in read_model(out)[0] and "int8" not in amp("info", out).out


def test_a_damaged_range_is_named(copy, tmp_path):
    path = tmp_path / "out.st"
    change_record(copy, path, int8={"ranges": {"conv9": [0, 1, 0, 1]}})
    assert "'conv9', which is no convolution" in amp("info", path, code=4).err


@pytest.mark.parametrize("arguments, says", [
    (["--precision", "auto"], "fp32|fast|bf16|int8"), (["--precision", "int4"], "known: auto, fp32"),
    (["--tpr", "0"], "tpr"), (["--tpr", "x"], "tpr"), (["-k", "4"], "anchors"),
    (["--method", "xyz"], "unknown method"), (["--held-out", "foldr:x"], "unknown kind"),
])
def test_calibrate_faults(copy, arguments, says):
    before = copy.read_bytes()
    assert says in amp("calibrate", "-m", copy, *arguments, code=2).err
    assert copy.read_bytes() == before


def test_plain_and_bare_models(plain, bare, tmp_path):
    done = amp("calibrate", "-m", plain, "-o", tmp_path / "p.st")
    assert "wrote" in done.err
    text = amp("info", tmp_path / "p.st").out
    assert "none: the network is plain" in text and "threshold" in text and "K = 0" in text
    assert "takes no anchors" in amp("bank", "-m", plain, code=4).err
    assert "amp bank" in amp("calibrate", "-m", bare, code=4).err
    assert "none yet: see amp bank" in amp("info", bare).out


def test_info(model, world):
    lines = dict(line.split(None, 1) for line in amp("info", model).out.splitlines()
                 if line[:1].strip())
    assert lines["network"].startswith("wrn:depth=10,width=1,")
    assert lines["image"] == "24 x 24, 3 channels, anchored"
    assert float(lines["temperature"]) > 0
    assert lines["trained"] == f"on      folder:{world}/photos"
    assert "82 images, 9 held out, 3 epochs" in amp("info", model).out
    record = json.loads(amp("info", "--json", model).out)
    assert record == read_model(model)[0]
    assert record["bank"] == {"anchors": K, "method": "balanced", "seed": 0, "stored": "pixels"}
    assert record["classes"] == CLASSES
    assert amp("info", "-m", model).out == amp("info", model).out


def test_info_of_other_files(tmp_path, world):
    (tmp_path / "text").write_text("hello")
    for path in (tmp_path / "text", tmp_path / "absent", tmp_path, world / "noise/00.png"):
        assert amp("info", path, code=4).err.startswith("amp: error: model: ")


def test_names_do_not_command_the_terminal(world, tmp_path):
    """A folder called like an escape sequence becomes a class name."""
    odd = tmp_path / "photos"
    shutil.copytree(world / "photos", odd)
    os.rename(odd / "ant", odd / "an\x1b[31mt")
    amp("train", "-d", f"folder:{odd}", *NETWORK, "-e", 1, "-q", "-o", tmp_path / "m.st")
    assert "an?[31mt" in amp("info", tmp_path / "m.st").out
    amp("bank", "-m", tmp_path / "m.st", "-k", 1)
    table = amp("score", "-m", tmp_path / "m.st", odd / "cat", odd / "an\x1b[31mt")
    assert "\x1b" not in table.out + table.err
    rows = amp("score", "-m", tmp_path / "m.st", "-j", odd).rows()
    assert {row["class"] for row in rows} <= {"an\x1b[31mt", "bee", "cat"}


def test_written_in_place_or_not_at_all(copy, tmp_path):
    before = copy.read_bytes()

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    done = amp("bank", "-m", copy, code=5, preexec_fn=small)
    assert "make room" in done.err and copy.read_bytes() == before and leftovers(tmp_path) == []
    assert amp("bank", "-m", copy, "-o", tmp_path / "none/x.st", code=5)
    (tmp_path / "link.st").symlink_to("copy.st")
    os.chmod(copy, 0o600)
    amp("bank", "-m", tmp_path / "link.st")
    assert (tmp_path / "link.st").is_symlink() and copy.read_bytes() != before
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("key, value", [
    ("default_method", "foo"), ("default_method", ""), ("default_method", 5),
    ("default_method", "energy:temperature=0"), ("default_method", "msp;msp"),
    ("preprocess", "foo=1"), ("preprocess", "height=24,width=24,std=0"),
    ("preprocess", "mean=1:2"), ("preprocess", 5), ("preprocess", None),
])
def test_a_record_that_says_nonsense(world, plain, model, tmp_path, key, value):
    """A fault of the file, told by whoever opens it."""
    for source in (plain, model):
        bad = change_record(source, tmp_path / "bad.st", **{key: value})
        for command in (["score", "-m", bad, world / "noise/00.png"], ["info", bad]):
            done = amp(*command, code=4)
            assert "bad.st" in done.err and "the record" in done.err and f"'{key}'" in done.err


def test_several_methods_by_default(world, model, tmp_path):
    """No fault of the command line."""
    several = change_record(model, tmp_path / "several.st", default_method="msp;energy")
    amp("score", "-m", several, world / "noise/00.png", code=4)
    amp("eval", "-m", several, "-i", f"folder:{world}/fresh", "-o", f"x=folder:{world}/noise")
