# SPDX-License-Identifier: Apache-2.0
"""amp score: what it prints, what it does with bad files, its exit codes."""
import os
import shutil

import pytest
from conftest import CLASSES, K, amp

KEYS = ["file", "label", "class", "confidence", "calibrated", "method", "score", "tau", "anchors",
        "threshold", "verdict"]


def test_json_lines(model, world):
    paths = [world / "fresh/ant/00.png", world / "fresh/cat/01.jpg", world / "noise/00.png"]
    rows = amp("score", "-m", model, "--json", *paths).rows()
    assert [row["file"] for row in rows] == list(map(str, paths))
    for row in rows:
        assert list(row) == KEYS
        assert row["class"] == CLASSES[row["label"]] and row["calibrated"] is True
        assert 1 / 3 <= row["confidence"] <= 1 and row["tau"] >= 0 and row["method"] == "amp"
        assert row["verdict"] == ("in" if row["score"] >= row["threshold"] else "out")
    assert [row["class"] for row in rows[:2]] == ["ant", "cat"]
    assert [row["verdict"] for row in rows] == ["in", "in", "out"]


def test_table(model, world):
    paths = [world / "fresh/bee/00.png", world / "noise/00.png"]
    done = amp("score", "-m", model, *paths)
    rows = amp("score", "-m", model, "-j", *paths).rows()
    lines = done.out.splitlines()
    assert lines[0].split() == ["verdict", "class", "confidence", "score", "tau", "file"]
    for line, row in zip(lines[1:], rows):
        verdict, label, confidence, percent, score, tau, path = line.split()
        assert (verdict, label, percent, path) == (row["verdict"], row["class"], "%", row["file"])
        assert confidence == f"{100 * row['confidence']:.2f}"
        assert score == f"{row['score']:.4f}" and tau == f"{row['tau']:.4f}"
    assert "1 in, 1 out, 0 unknown, 0 unreadable" in done.err


def test_alone_and_together(model, world):
    """More images than a batch holds: each row as if the image were alone."""
    paths = sorted((world / "photos/ant").iterdir()) + sorted((world / "noise").iterdir())
    assert len(paths) > 33
    rows = amp("score", "-m", model, "-j", *paths).rows()
    assert [row["file"] for row in rows] == list(map(str, paths))
    for i in (0, 31, 32, len(paths) - 1):
        assert amp("score", "-m", model, "-j", paths[i]).rows() == [rows[i]]


def test_precision(model, world, tmp_path):
    """A precision has thresholds of its own, and auto goes by them."""
    path = world / "fresh/ant/00.png"
    done = amp("score", "-m", model, "--precision", "auto", path)
    assert "precision: fp32" in done.err and done.out.split()[6] == "in"
    assert amp("score", "-m", model, "--precision", "fast", path).out.split()[6] == "in"
    wrong = amp("score", "-m", model, "--precision", "fp16", path, code=2)
    assert "known: auto, fp32, fast, bf16, int8" in wrong.err
    copy = shutil.copy(model, tmp_path / "copy.st")
    without = amp("score", "-m", copy, "--precision", "bf16", path, code=None)
    if without.code == 2:
        assert "this processor has no bf16" in without.err
        return
    assert without.out.split()[6] == "unknown"
    amp("calibrate", "-m", copy, "--held-out", f"folder:{world / 'fresh'}", "--precision", "bf16")
    done = amp("score", "-m", copy, "--precision", "auto", path)
    assert "precision: bf16" in done.err and done.out.split()[6] == "in"


def test_adaptive(model, world, tmp_path):
    """Verdicts of all anchors from fewer; advice where there is no stopping rule."""
    paths = sorted((world / "fresh/ant").iterdir()) + sorted((world / "noise").iterdir())
    copy = shutil.copy(model, tmp_path / "copy.st")
    amp("calibrate", "-m", copy, "--held-out", f"folder:{world / 'fresh'}")
    full = amp("score", "-m", copy, "-j", *paths).rows()
    got = amp("score", "-m", copy, "-j", "--adaptive", *paths).rows()
    assert [row["verdict"] for row in got] == [row["verdict"] for row in full]
    assert all(row["anchors"] == K for row in full)
    assert all(1 <= row["anchors"] <= K for row in got)
    assert all((row["tau"] is None) == (row["anchors"] == 1) for row in got)
    fewer = amp("score", "-m", copy, "--adaptive", "-k", K - 1, paths[0], code=None)
    if K > 2:
        assert fewer.code == 4 and "no stopping rule" in fewer.err and "amp calibrate" in fewer.err


@pytest.mark.parametrize("anchors", [1, K])
def test_threads_do_not_matter(model, world, anchors):
    """Batches that do not divide evenly among threads, a batch smaller than the threads."""
    run = ["score", "-m", model, "-j", "-k", anchors, world / "photos/ant", world / "photos/bee"]
    wanted = amp(*run, "-t", 1).out
    assert wanted.count("\n") == 61
    for threads in (2, 3, 8):
        assert amp(*run, "-t", threads).out == wanted
    one = ["score", "-m", model, "-j", "-k", anchors, world / "noise/00.png"]
    assert amp(*one, "-t", 8).out == amp(*one, "-t", 1).out


@pytest.mark.parametrize("method", ["msp", "maxlogit", "energy", "entropy", "amp:score=energy",
                                    "energy:temperature=2"])
def test_methods(model, world, method):
    row, = amp("score", "-m", model, "-j", "--method", method, world / "noise/00.png").rows()
    assert row["method"] == method
    known = ":" not in method
    assert (row["threshold"] is not None) == known and (row["verdict"] is not None) == known


def test_one_method_at_a_time(model, world):
    path = world / "noise/00.png"
    assert "one method" in amp("score", "-m", model, "--method", "msp;energy", path, code=2).err
    assert "known: amp msp" in amp("score", "-m", model, "--method", "xyz", path, code=2).err
    done = amp("score", "-m", model, "--method", "energy:tmperature=2", path, code=2)
    assert "nearest is 'temperature'" in done.err


def test_thresholds_belong_to_their_key(model, world):
    path = world / "noise/00.png"
    low, = amp("score", "-m", model, "-j", "--tpr", "0.9", path).rows()
    high, = amp("score", "-m", model, "-j", path).rows()
    assert low["threshold"] >= high["threshold"] and low["score"] == high["score"]
    other, = amp("score", "-m", model, "-j", "--anchors", K - 1, path).rows()
    assert other["threshold"] is None and other["verdict"] is None
    assert amp("score", "-m", model, "-k", K - 1, path).out.splitlines()[1].startswith("unknown ")
    for text in ("0", "1.01", "nan", "x"):
        assert "--tpr" in amp("score", "-m", model, "--tpr", text, path, code=2).err
    assert "anchors" in amp("score", "-m", model, "-k", K + 1, path, code=2).err


def test_one_anchor_says_so(model, world):
    done = amp("score", "-m", model, "-j", "-k", 1, world / "noise/00.png")
    assert done.rows()[0]["tau"] is None and "K = 1: calibration needs K >= 2" in done.err
    table = amp("score", "-m", model, "-k", 1, world / "noise/00.png")
    assert table.out.splitlines()[1].split()[5] == "-"


def test_plain_model(plain, world):
    row, = amp("score", "-m", plain, "-j", world / "noise/00.png").rows()
    assert row["method"] == "msp" and row["tau"] is None and row["verdict"] is None
    assert row["calibrated"] is False
    assert "conf.(raw)" in amp("score", "-m", plain, world / "noise/00.png").out
    assert amp("score", "-m", plain, "--method", "amp", world / "noise/00.png", code=4).err


def test_folders_are_walked(model, world, tmp_path):
    root = tmp_path / "set"
    (root / "deep/deeper").mkdir(parents=True)
    for name in ("b.png", "a.PNG", "deep/c.jpg", "deep/deeper/d.Jpeg", ".hidden.png", "z.txt"):
        source = world / ("noise/00.png" if name.lower().endswith("png") else "fresh/ant/01.jpg")
        shutil.copy(source, root / name)
    wanted = [str(root / name) for name in ("a.PNG", "b.png", "deep/c.jpg", "deep/deeper/d.Jpeg")]
    assert [row["file"] for row in amp("score", "-m", model, "-j", root).rows()] == wanted
    rows = amp("score", "-m", model, "-j", f"{root}/", f"{root}/b.png").rows()
    assert [row["file"] for row in rows] == wanted + [str(root / "b.png")]


def test_links_in_circles(model, world, tmp_path):
    """Followed once; a circle is no endless walk."""
    root = tmp_path / "set"
    (root / "one/two").mkdir(parents=True)
    shutil.copy(world / "noise/00.png", root / "one/a.png")
    (root / "one/two/back").symlink_to(root)
    (root / "one/self").symlink_to(".")
    (root / "same").symlink_to("one")
    rows = amp("score", "-m", model, "-j", root).rows()
    assert [row["file"] for row in rows] == [f"{root}/one/a.png", f"{root}/same/a.png"]


def test_empty_folder(model, tmp_path):
    done = amp("score", "-m", model, "-j", tmp_path)
    assert done.out == "" and "no images" in done.err


@pytest.fixture(name="bad_files")
def unreadable_files(world, tmp_path):
    good = (world / "noise/00.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(good[:len(good) // 2])
    (tmp_path / "text.png").write_bytes(b"not an image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.png")
    names = ["cut.png", "text.png", "empty.jpg", "pipe.png", "absent.png"]
    return [tmp_path / name for name in names]


def test_bad_files_do_not_stop_the_rest(model, world, bad_files):
    good = [world / f"noise/{i:02}.png" for i in range(6)]
    paths = [path for pair in zip(good, bad_files + [good[0]]) for path in pair]
    done = amp("score", "-m", model, "-j", *paths, code=3)
    rows = done.rows()
    assert [row["file"] for row in rows] == list(map(str, paths))
    alone = amp("score", "-m", model, "-j", *good).rows()
    assert [row for row in rows if "error" not in row] == alone + [alone[0]]
    for path, row in zip(paths, rows):
        if path in bad_files:
            assert list(row) == ["file", "error"] and path.name not in row["error"]
            assert done.err.count(f"amp: error: {path}: {row['error']}\n") == 1
    assert rows[-3]["error"] == "cannot open: No such file or directory"
    table = amp("score", "-m", model, *paths, code=3)
    assert "5 unreadable" in table.err and len(table.out.splitlines()) == 8


def test_a_bad_file_is_named_once(model, world, tmp_path):
    """However it is spelt: bytes that are no text, a path too long to show, a path like a word."""
    cut = (world / "noise/00.png").read_bytes()[:60]
    folder = os.fsencode(tmp_path / ("long" * 40))
    os.mkdir(folder)
    for name in (b"latin\xe9 and \xc3\xa9.png", b"cannot", b"a: b.png"):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(cut)
        row, = amp("score", "-m", model, "-j", path, code=3).rows()
        assert row["error"].startswith("PNG") and "long" not in row["error"]
        shown = os.fsdecode(path).replace("\udce9", "?")
        assert row["file"] == shown
        for more in ([], ["-j"]):
            done = amp("score", "-m", model, path, *more, code=3)
            assert done.err.splitlines()[0] == f"amp: error: {shown}: {row['error']}"
    done = amp("score", "-m", model, "-j", "cannot", "", cwd=tmp_path, code=3)
    assert [row["error"] for row in done.rows()] == ["cannot open: No such file or directory",
                                                     "the path is empty"]
    assert "amp: error: '': the path is empty\n" in done.err
    assert "cannot open ''" in amp("score", "-m", "", "x.png", code=4).err


def test_no_image_is_not_in_distribution(model, world, tmp_path):
    """A guard that saw nothing lets nothing pass."""
    done = amp("score", "-m", model, "--fail-on-ood", tmp_path, code=3)
    assert "given no image" in done.err
    assert amp("score", "-m", model, "--fail-on-ood", "-", input=b"", code=3)
    assert amp("score", "-m", model, tmp_path, code=0)
    assert amp("score", "-m", model, "--fail-on-ood", tmp_path, world / "fresh/ant/00.png", code=0)


def test_unreadable_folder(model, world, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root reads every folder")
    (tmp_path / "locked").mkdir(mode=0)
    done = amp("score", "-m", model, "-j", tmp_path, world / "noise/00.png", code=3)
    assert done.rows()[0]["error"] == "Permission denied" and len(done.rows()) == 2


def test_exit_codes_in_their_order(model, bare, world, bad_files, tmp_path):
    inside, outside, bad = world / "fresh/ant/00.png", world / "noise/00.png", bad_files[0]
    (tmp_path / "text.st").write_text("no model")
    score = ["score", "--fail-on-ood", "-m"]
    assert amp(*score, model, inside, code=0)
    assert amp(*score, model, inside, outside, code=1)
    assert amp("score", "-m", model, inside, outside, code=0)
    assert amp(*score, model, outside, bad, code=3)
    assert "no threshold" in amp(*score, model, "--anchors", 2, inside, bad, code=4).err
    assert "no threshold" in amp(*score, model, "--method", "msp:logits=calibrated", inside,
                                 code=4).err
    assert "no anchors yet" in amp(*score, bare, inside, code=4).err
    assert "absent.st" in amp(*score, tmp_path / "absent.st", inside, code=4).err
    assert "text.st" in amp(*score, tmp_path / "text.st", bad, code=4).err
    assert amp(*score, tmp_path / "absent.st", "--tpr", "7", bad, code=4)
    with open("/dev/full", "wb") as full:
        assert "standard output" in amp(*score, model, outside, bad, code=5, stdout=full).err


def test_names_of_any_bytes(model, world, tmp_path):
    names = [b"caf\xe9.png", "caf\xe9.png".encode(), b"new\nline.png", b"esc\x1b[31m.png",
             b"c1\xc2\x9b.png", b"-dash.png", b"quote\".png"]
    folder = os.fsencode(tmp_path / "odd")
    os.mkdir(folder)
    for name in names:
        shutil.copy(world / "noise/00.png", os.path.join(folder, name))
    rows = amp("score", "-m", model, "-j", folder).rows()
    assert len(rows) == len(names)
    for row, name in zip(rows, sorted(names)):
        path = os.path.join(folder, name)
        if name == names[0]:
            assert bytes.fromhex(row["file_hex"]) == path and row["file"].endswith("caf?.png")
        else:
            assert row["file"] == path.decode() and "file_hex" not in row
    table = amp("score", "-m", model, folder)
    assert len(table.out.splitlines()) == len(names) + 1
    assert "\x1b" not in table.out and os.fsdecode(b"\xc2\x9b") not in table.out
    gone = amp("score", "-m", model, b"gone\x1b[2J\xe9.png", code=3)
    assert gone.err.startswith("amp: error: gone?[2J?.png: cannot open: No such file")
    assert amp("score", "-m", model, "-j", "--", os.path.join(folder, b"-dash.png")).rows()
