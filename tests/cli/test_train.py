# SPDX-License-Identifier: Apache-2.0
"""amp train on a user's own folder of images: all the way, options, faults, full disks."""
import json
import os
import resource
import signal

import numpy as np
import pytest
from conftest import (CLASSES, K, NETWORK, amp, change_record, leftovers, make_folder, picture,
                      read_model)


def train(root, output, *more, code=0, **how):
    return amp("train", "-d", f"folder:{root}", *NETWORK, "--set", "batch=16", "-o", output, *more,
               code=code, **how)


def test_own_folder_all_the_way(world, model):
    """Three classes, mixed sizes and formats: trained, its own kind in, noise out."""
    record, header, _ = read_model(model)
    assert record["training"]["data"] == f"folder:{world}/photos"
    assert record["training"]["images"] + record["training"]["held_out"] == 91
    assert record["training"]["held_out"] == 9 and record["training"]["epochs"] == 3
    assert len(header) > 20
    text = amp("info", model).out
    assert "3: ant bee cat" in text and f"{K}, stored as pixels" in text and "24 x 24" in text
    rows = amp("score", "-m", model, "-j", world / "fresh").rows()
    right = [row["class"] == row["file"].split("/")[-2] for row in rows]
    assert np.mean(right) >= 0.9
    assert np.mean([row["verdict"] == "in" for row in rows]) >= 0.6
    noise = amp("score", "-m", model, "-j", world / "noise").rows()
    assert np.mean([row["verdict"] == "out" for row in noise]) >= 0.9
    report = json.loads(amp("eval", "-m", model, "-i", f"folder:{world}/fresh", "-o",
                            f"noise=folder:{world}/noise", "-j").out)
    assert report["accuracy"] >= 0.9
    assert report["methods"]["amp"]["mean"]["auroc"] >= 0.9


def test_epoch_lines_and_log(world, tmp_path):
    """A line an epoch on stderr, also where that is no terminal; nothing on stdout."""
    done = train(world / "photos", tmp_path / "m.st", "-e", 2, "-l", tmp_path / "log")
    lines = done.err.splitlines()
    assert done.out == "" and "\r" not in done.err and "\x1b" not in done.err
    assert [line.split()[:2] for line in lines[:2]] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert "images/s" in lines[0] and "left" in lines[0] and "held out" in lines[0]
    assert "next: amp bank, then amp calibrate" in lines[2]
    rows = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2] and [row["step"] for row in rows] == [5, 10]
    for row in rows:
        assert row["loss"] > 0 and 0 <= row["accuracy"] <= 1 and 0 <= row["held_out_accuracy"] <= 1
        assert f"loss {row['loss']:.4f}" in lines[row["epoch"] - 1]
    history = read_model(tmp_path / "m.st")[0]["training"]["history"]
    assert [row["loss"] for row in history] == pytest.approx([row["loss"] for row in rows], rel=1e-8)


def test_models_of_epochs_are_kept(world, tmp_path):
    """Every second one; the last of them is the output, up to the seconds."""
    output = tmp_path / "m.safetensors"
    train(world / "photos", output, "-e", 4, "--keep", 2, "-q", "--set", "ema=0.5")
    kept = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert kept == ["m.epoch2.safetensors", "m.epoch4.safetensors", "m.safetensors"]
    records, _, weights = zip(*(read_model(tmp_path / name) for name in kept))
    assert [record["training"]["epochs"] for record in records] == [2, 4, 4]
    assert weights[1] == weights[2] and weights[0] != weights[2]
    train(world / "photos", tmp_path / "n", "-e", 1, "--keep", 1, "-q")
    assert (tmp_path / "n.epoch1.safetensors").is_file() and (tmp_path / "n").is_file()


def test_quiet(world, tmp_path):
    done = train(world / "photos", tmp_path / "m.st", "-e", 1, "--quiet")
    assert done.out == "" and done.err == ""


def test_plain_says_what_comes_next(world, tmp_path):
    done = train(world / "photos", tmp_path / "m.st", "-e", 1, "--plain")
    assert "next: amp calibrate" in done.err
    record, header, _ = read_model(tmp_path / "m.st")
    assert "anchored=0" in record["arch"] and header["conv1.weight"]["shape"][1] == 3


def test_equal_runs_give_equal_weights(world, tmp_path):
    """The seed says which; the seconds alone differ."""
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        train(world / "photos", tmp_path / name, "-e", 1, "--seed", seed, "-q")
    (a, header, weights), (b, _, same), (_, _, other) = (read_model(tmp_path / name)
                                                         for name in "abc")
    assert weights == same and weights != other and len(header) > 20
    a["training"].pop("seconds")
    b["training"].pop("seconds")
    assert a == b


def test_from_a_model(world, model, tmp_path):
    """Weights are taken over; bank, thresholds and ranges of int8 belonged to the old ones."""
    start = change_record(model, tmp_path / "start.st", int8={
        "ranges": {"block1.layer.0.conv1": [0, 1, -1, 1]}})
    assert "int8" in amp("info", start).out
    amp("train", "-d", f"folder:{world}/photos", "--from", start, "-t", 1, "-e", 1, "--set",
        "batch=16", "--set", "lr=0.00000001", "-o", tmp_path / "m.st", "-q")
    old, _, _ = read_model(model)
    new, header, _ = read_model(tmp_path / "m.st")
    assert new["arch"] == old["arch"] and "bank" not in new and "calibration" not in new
    assert "int8" not in new and "int8" not in amp("info", tmp_path / "m.st").out
    assert not [name for name in header if name.startswith("amp.bank")]
    assert new["training"]["held_out_accuracy"] >= 0.8


def test_without_held_out_images(world, tmp_path):
    done = train(world / "photos", tmp_path / "m.st", "-e", 1, "--set", "held_out=0", "-l",
                 tmp_path / "log")
    assert "held out -" in done.err
    assert json.loads((tmp_path / "log").read_text())["held_out_accuracy"] is None
    assert "held out" not in amp("info", tmp_path / "m.st").out.split("trained on")[0]
    amp("bank", "-m", tmp_path / "m.st", "-k", 2)
    assert "--held-out" in amp("calibrate", "-m", tmp_path / "m.st", code=2).err
    amp("calibrate", "-m", tmp_path / "m.st", "--held-out", f"folder:{world}/fresh")
    assert "2, stored as pixels" in amp("info", tmp_path / "m.st").out


@pytest.mark.parametrize("arguments, says", [
    (["-a", "wrm:depth=10"], "wrm"),
    (["-a", "wrn:depth=11"], "depth"),
    (["-a", "wrn:dept=10"], "nearest is 'depth'"),
    (["-a", "wrn:depth=10", "--set", "lrr=1"], "nearest is 'lr'"),
    (["-a", "wrn:depth=10", "--set", "lr=-1"], "lr='-1' is not allowed"),
    (["-a", "wrn:depth=10", "-e", "0"], "epochs='0'"),
    (["-a", "wrn:depth=10", "--seed", "x"], "--seed x: a whole number"),
    (["-a", "wrn:depth=10", "--every", "-1"], "--every -1"),
    (["-a", "wrn:depth=10", "-s", "1"], "1x1 image"),
    (["-a", "wrn:depth=10", "-s", "0.5"], "size='0.5'"),
    (["-a", "wrn:depth=10", "--preprocess", "mea=0"], "nearest is 'mean'"),
    (["-a", "wrn:depth=10", "--from", "x"], "or else --from"),
    ([], "or else --from"),
])
def test_bad_options(world, tmp_path, arguments, says):
    done = amp("train", "-d", f"folder:{world}/photos", "-o", tmp_path / "m.st", *arguments, code=2)
    assert says in done.err and list(tmp_path.iterdir()) == []


def test_too_many_options(world, tmp_path):
    done = train(world / "photos", tmp_path / "m.st", "--set", "milestones=" + "1:" * 600, code=2)
    assert "longer than" in done.err


def test_folders_that_cannot_be_trained_on(world, tmp_path):
    generator = np.random.default_rng(2)
    (tmp_path / "one/only").mkdir(parents=True)
    for i in range(4):
        picture(generator, 1).save(tmp_path / f"one/only/{i}.png")
    (tmp_path / "none").mkdir()
    out = tmp_path / "m.st"
    assert "training needs 2 or more" in train(tmp_path / "one", out, code=2).err
    assert "each class is a folder" in train(world / "noise", out, code=2).err
    assert "none" in train(tmp_path / "none", out, code=3).err
    assert "No such file" in train(tmp_path / "absent", out, code=3).err
    assert "unknown kind" in amp("train", "-d", "fold:x", *NETWORK, "-o", out, code=2).err
    assert not out.exists()


def test_a_bad_image_is_named(tmp_path):
    root = make_folder(tmp_path / "photos", per_class=6)
    (root / "bee/03.png").write_bytes((root / "bee/03.png").read_bytes()[:80])
    done = train(root, tmp_path / "m.st", "-e", 1, code=3)
    assert "bee/03.png" in done.err
    assert not (tmp_path / "m.st").exists()


def test_a_rate_that_explodes(world, tmp_path):
    done = train(world / "photos", tmp_path / "m.st", "-e", 2, "--set", "lr=1000", "--set",
                 "lr_start=1", "--set", "weight_decay=1", code=2)
    assert "diverged: a lower rate may help" in done.err and not (tmp_path / "m.st").exists()


def test_places_are_checked_before_the_work(world, tmp_path):
    """Not after hours of training."""
    photos = world / "photos"
    assert "No such file" in train(photos, tmp_path / "none/m.st", code=5).err
    assert "Is a directory" in train(photos, tmp_path, code=5).err
    done = train(photos, tmp_path / "m.st", "-c", tmp_path / "none/run.ckpt", code=5)
    assert "run.ckpt" in done.err and "epoch" not in done.err
    assert "none/log" in train(photos, tmp_path / "m.st", "-l", tmp_path / "none/log", code=5).err
    assert list(tmp_path.iterdir()) == []


def test_full_disk(world, tmp_path):
    """No room for the checkpoint: the run ends with 5, what was there stays."""
    (tmp_path / "m.st.ckpt").write_bytes(b"before")

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    done = train(world / "photos", tmp_path / "m.st", "-e", 3, code=5, preexec_fn=small)
    assert "File too large" in done.err and "make room" in done.err
    assert done.err.count("epoch ") == 1
    assert (tmp_path / "m.st.ckpt").read_bytes() == b"before"
    assert not (tmp_path / "m.st").exists() and leftovers(tmp_path) == []


def test_full_disk_below_the_log(world, tmp_path):
    done = train(world / "photos", tmp_path / "m.st", "-e", 2, "-l", "/dev/full", code=5)
    assert "/dev/full: No space left on device" in done.err and done.err.count("epoch ") == 1
    assert (tmp_path / "m.st.ckpt").exists() and not (tmp_path / "m.st").exists()


def test_pipe_as_model(world, tmp_path):
    """A rename must not put a file in the place of what is none: of /dev/null, for root."""
    os.mkfifo(tmp_path / "pipe")
    done = train(world / "photos", tmp_path / "pipe", "-c", tmp_path / "c.ckpt", "-e", 1, code=5)
    assert "not a regular file" in done.err and "epoch" not in done.err
    assert (tmp_path / "pipe").is_fifo() and leftovers(tmp_path) == []
