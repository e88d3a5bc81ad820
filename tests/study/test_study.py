# SPDX-License-Identifier: Apache-2.0
"""scripts/study --quick: every kind of cell is trained and measured once, and the tables say what was measured."""
import gzip
import importlib.machinery
import importlib.util
import json
import lzma
import os
import pathlib
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest

HOUSE = pathlib.Path(os.environ["AMP_SOURCE"])


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, str(HOUSE / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


study, minutes = load("study"), load("minutes")


def records(n, head, seed):
    """n images of discs in colours that go with their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    images = rng.integers(0, 90, (n, 3, 32, 32))
    y, x = np.mgrid[:32, :32]
    for image, label in zip(images, labels):
        inside = (x - rng.integers(8, 24)) ** 2 + (y - rng.integers(8, 24)) ** 2 < 50
        image[:, inside] += np.array([label * 53 % 160, label * 97 % 160, label * 31 % 160])[:, None]
    heads = np.repeat(labels[:, None], head, axis=1)
    return np.concatenate([heads, images.reshape(n, -1)], axis=1).astype(np.uint8).tobytes()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    data = root / "data"
    data.mkdir()
    for part in range(1, 6):
        (data / f"cifar10_data_batch_{part}.bin.xz").write_bytes(lzma.compress(records(120, 1, part)))
    (data / "cifar10_test_batch.bin.xz").write_bytes(lzma.compress(records(120, 1, 9)))
    (data / "cifar100_test.bin.xz").write_bytes(lzma.compress(records(60, 2, 10)))
    (data / "svhn_train_first.bin.gz").write_bytes(gzip.compress(records(60, 1, 11)))
    return root


def run(world, *words, code=0, script="study"):
    environment = dict(os.environ, AMP_DATA=str(world / "data"), AMP_RUNS=str(world / "runs"),
                       AMP=os.environ["AMP_EXE"],
                       AMP_SETS="cifar100 svhn")
    done = subprocess.run([HOUSE / "scripts" / script, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def studied(world):
    run(world, "--quick", "--also", "plain@2")
    return world


def results(world):
    folder = world / "runs/study-quick"
    return {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("*.json")}


def test_every_cell_is_there(studied):
    found = results(studied)
    once = {f"{cell}@1.json" for cell in ("plain", "none", "mask-uniform")}
    more = {f"{cell}@2.json" for cell in ("plain", "none", "mask-uniform")}
    assert once | more <= set(found)
    counts = [name for name in found if name.startswith("test-time/") and "-k" in name and "kcentre" not in name]
    assert len(counts) == 3 and len([name for name in found if name.startswith("test-time/")]) == 6
    for name, result in found.items():
        sets = result["eval"]["methods"]["energy"]["sets"]
        assert set(sets) == {"cifar100", "svhn"} and sets["svhn"]["n_out"] == 40
        assert result["eval"]["n_in"] == 100
    assert "mask_target=uniform" in found["mask-uniform@1.json"]["options"]
    assert "mask_alpha=0.25" in found["mask-uniform@1.json"]["options"]
    assert "corrupt_every=0" in found["none@1.json"]["options"]
    assert "seed=2" in found["none@2.json"]["options"]
    assert found["plain@1.json"]["eval"]["anchors"] == 0 and found["none@1.json"]["eval"]["anchors"] == 5


def test_what_is_there_is_passed_over(studied):
    before = {path: path.stat().st_mtime_ns for path in (studied / "runs").rglob("*.json")}
    done = run(studied, "--quick", "--also", "plain@2")
    assert done.stderr == ""
    assert before == {path: path.stat().st_mtime_ns for path in (studied / "runs").rglob("*.json")}


def test_what_is_missing_is_measured_again(studied):
    """Of a cell without its result the model is kept: no training, the same numbers."""
    path = studied / "runs/study-quick/none@1.json"
    before = json.loads(path.read_text())
    path.unlink()
    done = run(studied, "--quick")
    assert "scripts/eval-models" in done.stderr and "amp train" not in done.stderr
    assert json.loads(path.read_text()) == before


def test_tables(studied):
    path = studied / "page.md"
    path.write_text(f"before\n\n{study.BEGIN}\nold\n{study.END}\n\nafter\n")
    run(studied, "--quick", "--table", str(path))
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    found = results(studied)["none@2.json"]["eval"]
    near = found["methods"]["amp"]["sets"]["cifar100"]
    line = next(line for line in text.splitlines() if line.startswith("| anchored, no T | 2 |"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2] == f"{100 * found['accuracy']:.2f}"
    assert cells[3] == f"{100 * near['fpr95']:.2f} / {100 * near['auroc']:.2f}"
    plain = next(line for line in text.splitlines() if line.startswith("| plain network | 1 |"))
    assert plain.count("| - ") == 4
    assert text.count("| c-small |") == 4 and text.count("| kcentre |") == 1
    assert "nan" not in text
    run(studied, "--quick", "--table", str(path))
    assert path.read_text() == text


def test_no_marks_no_table(studied):
    path = studied / "other.md"
    path.write_text("nothing\n")
    assert "no <!-- study: begin -->" in run(studied, "--quick", "--table", str(path), code=1).stderr
    assert path.read_text() == "nothing\n"


def test_unknown_cells_are_refused(world):
    assert "unknown cells: nobody" in run(world, "--quick", "--only", "nobody", code=2).stderr
    assert "unknown cells: who" in run(world, "--quick", "--also", "who@2", code=2).stderr


def test_near_and_far_weigh_the_same():
    def sets(**aurocs):
        return {"eval": {"methods": {"amp": {"sets": {
            name.replace("_", "-"): {"fpr95": 1 - value, "auroc": value} for name, value in aurocs.items()}}}}}

    result = sets(cifar100=0.8, tiny_imagenet=0.9, svhn=0.9, mnist=1.0, textures=0.95)
    near, far = study.split_means(result["eval"], "amp")
    assert near == pytest.approx((0.15, 0.85)) and far == pytest.approx((0.05, 0.95))
    assert study.worth(result) == pytest.approx(0.9)
    assert study.split_means(result["eval"], "msp") is None


def test_variants_are_named_as_results_name_them(studied):
    evaluation = next(result["eval"] for name, result in results(studied).items() if "-k5" in name)
    for calibration in study.CALIBRATIONS:
        for score in study.SCORES:
            assert study.name_of(calibration, score) in evaluation["methods"]


def test_the_recipe_refuses_other_words(world):
    done = subprocess.run([HOUSE / "scripts/train-fast", "fast"], capture_output=True, text=True)
    assert done.returncode == 2 and "'fast' is no model" in done.stderr


def test_minutes_of_kept_models(world):
    """A table row and a corner of each line for each kept model; measured once."""
    stem = world / "kept/run"
    run(world, f"{stem}.safetensors", "epochs=4", "keep=2", "arch=airbench:width=8", "batch=64", "held_out=100",
        script="train-fast")
    page, drawing = world / "minutes.md", world / "minutes.svg"
    page.write_text(f"a\n{minutes.BEGIN}\n{minutes.END}\nb\n")
    run(world, f"small={stem}", "--page", str(page), "--drawing", str(drawing), script="minutes")
    rows = [line for line in page.read_text().splitlines() if line.startswith("| small |")]
    assert [row.split("|")[2].strip() for row in rows] == ["2", "4"]
    found = json.loads((world / "kept/run.epoch4.json").read_text())
    assert rows[1].split("|")[4].strip() == f"{100 * found['accuracy']:.2f}" and found["anchors"] == 5
    tree = ElementTree.parse(drawing)
    lines = [e for e in tree.iter() if e.tag.endswith("polyline")]
    assert len(lines) == 2 and all(len(line.get("points").split()) == 2 for line in lines)
    before = (world / "kept/run.epoch4.json").stat().st_mtime_ns
    run(world, f"small={stem}", "--page", str(page), "--drawing", str(drawing), script="minutes")
    assert (world / "kept/run.epoch4.json").stat().st_mtime_ns == before
    assert "no kept models of nobody" in run(world, "nobody=nowhere", code=1, script="minutes").stderr
