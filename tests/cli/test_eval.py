# SPDX-License-Identifier: Apache-2.0
"""amp eval: the numbers of its JSON against scikit-learn on its own CSV; table, names, faults."""
import csv
import json
import math
import os
import shutil
import subprocess

import numpy as np
import pytest
from conftest import CLASSES, K, amp, leftovers, make_noise
from sklearn.metrics import average_precision_score, roc_auc_score

METRICS = ["fpr95", "auroc", "aupr_in", "aupr_out", "dtacc"]
METHODS = ["amp", "msp", "maxlogit", "energy", "entropy"]


@pytest.fixture(scope="session", name="sets")
def set_flags(world):
    make_noise(world / "more", n=13, seed=21)
    return ["--id", f"folder:{world}/fresh", "--ood", f"noise=folder:{world}/noise", "--ood",
            f"near=folder:{world}/photos", "--ood", f"more=folder:{world}/more"]


@pytest.fixture(scope="session", name="result")
def measured(world, sets):
    """The JSON and the rows of the CSV of one run."""
    done = amp("eval", "-m", world / "model.st", *sets, "--json", "--scores", world / "scores.csv")
    with open(world / "scores.csv", encoding="utf-8", newline="") as file:
        return json.loads(done.out), list(csv.DictReader(file))


def scores(rows, name, method):
    return np.array([float(row[method]) for row in rows if row["set"] == name])


def expected(inside, outside):
    """The metrics as methods.md defines them, by other means than the program's."""
    truth = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    score = np.r_[inside, outside]
    levels = np.unique(score)
    accepted_in = np.array([np.mean(inside >= level) for level in levels])
    accepted_out = np.array([np.mean(outside >= level) for level in levels])
    threshold = levels[accepted_in >= 0.95].max()
    return {"fpr95": np.mean(outside >= threshold), "auroc": roc_auc_score(truth, score),
            "aupr_in": average_precision_score(truth, score),
            "aupr_out": average_precision_score(1 - truth, -score),
            "dtacc": max(0.5, np.max(0.5 * (accepted_in + 1 - accepted_out)))}


def test_layout(result):
    report, _ = result
    assert list(report) == ["accuracy", "n_in", "anchors", "precision", "tpr", "rule", "area",
                            "methods"]
    assert list(report["methods"]) == METHODS
    assert report["n_in"] == 25 and report["anchors"] == K and report["tpr"] == 0.95
    assert (report["rule"], report["area"]) == ("recommended", "average_precision")
    for method in METHODS:
        part = report["methods"][method]
        assert list(part) == ["sets", "mean"]
        assert list(part["sets"]) == ["noise", "near", "more"]
        for name, n_out in (("noise", 24), ("near", 91), ("more", 13)):
            row = part["sets"][name]
            assert list(row) == METRICS + ["threshold", "n_in", "n_out"]
            assert (row["n_in"], row["n_out"]) == (25, n_out)
            assert all(0 <= row[key] <= 1 for key in METRICS)
        assert list(part["mean"]) == METRICS + ["n_in", "n_out"]
        assert (part["mean"]["n_in"], part["mean"]["n_out"]) == (25, 128)


@pytest.mark.parametrize("method", METHODS)
def test_numbers(result, method):
    report, rows = result
    part = report["methods"][method]
    inside = scores(rows, "id", method)
    for name in ("noise", "near", "more"):
        wanted = expected(inside, scores(rows, name, method))
        for key in METRICS:
            assert part["sets"][name][key] == pytest.approx(wanted[key], abs=1e-9), (name, key)
    for key in METRICS:
        mean = np.mean([part["sets"][name][key] for name in part["sets"]])
        assert part["mean"][key] == pytest.approx(mean, abs=1e-12)


def test_accuracy(result):
    report, rows = result
    inside = [row for row in rows if row["set"] == "id"]
    assert [int(row["index"]) for row in inside] == list(range(25))
    assert [int(row["label"]) for row in inside] == [0] * 9 + [1] * 8 + [2] * 8
    right = np.mean([row["label"] == row["predicted"] for row in inside])
    assert report["accuracy"] == pytest.approx(right, abs=1e-12)
    assert {row["label"] for row in rows if row["set"] == "noise"} == {"-1"}


def test_scores_are_those_of_score(result, world):
    _, rows = result
    scored = amp("score", "-m", world / "model.st", "-j", world / "noise").rows()
    assert [row["score"] for row in scored] == list(scores(rows, "noise", "amp"))
    assert [row["tau"] for row in scored] == [float(row["tau"]) for row in rows
                                              if row["set"] == "noise"]


def test_table(result, world, sets):
    report, _ = result
    lines = amp("eval", "-m", world / "model.st", *sets, "--method", "amp;msp").out.splitlines()
    assert lines[0].startswith(f"accuracy {100 * report['accuracy']:.2f} % of 25 ")
    assert lines[2].split()[:7] == ["method", "set", "FPR", "AUROC", "AUPR-in", "AUPR-out", "DTACC"]
    rows = [line.split() for line in lines[3:]]
    assert [row[:2] for row in rows] == [[method, name] for method in ("amp", "msp")
                                         for name in ("noise", "near", "more", "mean")]
    for row in rows:
        part = report["methods"][row[0]]
        wanted = part["mean"] if row[1] == "mean" else part["sets"][row[1]]
        assert row[2:7] == [f"{100 * wanted[key]:.2f}" for key in METRICS]
        assert row[1] == "mean" or row[7:] == ["25", ":", str(wanted["n_out"])]


def test_one_set_has_no_mean_row(world, model):
    done = amp("eval", "-m", model, "-i", f"folder:{world}/fresh", "-o",
               f"noise=folder:{world}/noise", "--method", "msp")
    assert "mean" not in done.out


def test_plain_model(plain, world):
    done = amp("eval", "-m", plain, "-i", f"folder:{world}/fresh", "-o",
               f"noise=folder:{world}/noise", "-j", "--scores", world / "plain.csv")
    report = json.loads(done.out)
    assert list(report["methods"]) == METHODS[1:] and report["anchors"] == 0
    with open(world / "plain.csv", encoding="utf-8", newline="") as file:
        assert {row["tau"] for row in csv.DictReader(file)} == {"nan"}


def test_methods_with_options(world, model):
    done = amp("eval", "-m", model, "-i", f"folder:{world}/fresh", "-o",
               f"noise=folder:{world}/noise", "-j", "--method",
               "amp:calibration=p-small,score=energy;energy:temperature=2", "--scores",
               world / "options.csv", "--anchors", 2)
    names = ["amp:calibration=p-small,score=energy", "energy:temperature=2"]
    report = json.loads(done.out)
    assert list(report["methods"]) == names and report["anchors"] == 2
    with open(world / "options.csv", encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["set", "index", "label", "predicted", "tau"] + names


def test_unlabelled_in_distribution(world, model):
    done = amp("eval", "-m", model, "-i", f"folder:{world}/noise", "-o",
               f"near=folder:{world}/fresh", "-j", "--method", "msp")
    assert json.loads(done.out)["accuracy"] is None


def test_classes_of_another_set(world, model, tmp_path):
    """Labels are numbers: a folder that lacks a class counts others."""
    fresh = shutil.copytree(world / "fresh", tmp_path / "fresh")
    run = ["eval", "-m", model, "-i", f"folder:{fresh}", "-o", f"x=folder:{world}/noise",
           "--method", "msp"]
    assert amp(*run).err == ""
    shutil.rmtree(fresh / "ant")
    said = amp(*run).err
    assert "has 2 classes, the network 3" in said
    assert "class 0 is bee in the set and ant in the model" in said


def test_other_rules(world, model):
    arguments = ["eval", "-m", model, "-i", f"folder:{world}/fresh", "-o",
                 f"near=folder:{world}/photos", "-j", "--method", "amp"]
    more = ["--rule", "energy", "--area", "trapezoid", "--tpr", "0.5"]
    report = json.loads(amp(*arguments, *more).out)
    assert (report["rule"], report["area"], report["tpr"]) == ("energy", "trapezoid", 0.5)
    said = amp(*arguments, "--rule", "xyz", code=2).err
    known = said[said.rindex(":") + 1:].split()
    assert len(known) == 7 and "odin" in known
    for name in known:
        assert name in amp("eval", "--help").out, name
        assert json.loads(amp(*arguments, "--rule", name).out)["rule"] == name
    assert "trapezoid" in amp(*arguments, "--area", "xyz", code=2).err
    assert "--tpr" in amp(*arguments, "--tpr", "0", code=2).err


@pytest.mark.parametrize("name, says", [
    ("noise", "name is taken"), ("id", "taken by the in-distribution set"),
    ("a,b", "no comma"), ("a\"b", "no comma"), ("a\nb", "no comma"), ("", "NAME=SPEC is needed"),
    ("n" * 64, "1..63 bytes"),
])
def test_names_of_sets(world, model, name, says):
    done = amp("eval", "-m", model, "-i", f"folder:{world}/fresh", "-o",
               f"noise=folder:{world}/noise", "-o", f"{name}=folder:{world}/noise", code=2)
    assert says in done.err and done.out == ""


def test_faults_of_the_sets(world, model, tmp_path):
    good = ["eval", "-m", model, "-i", f"folder:{world}/fresh", "-o"]
    assert "NAME=SPEC is needed" in amp(*good, f"folder:{world}/noise", code=2).err
    assert "unknown kind" in amp(*good, "x=foldr:y", code=2).err
    assert "No such file" in amp(*good, f"x=folder:{tmp_path}/none", code=3).err
    (tmp_path / "bad.png").write_bytes((world / "noise/00.png").read_bytes()[:60])
    done = amp(*good, f"x=folder:{tmp_path}", code=3)
    assert "bad.png" in done.err and done.out == ""


def test_unknown_method(world, model):
    done = amp("eval", "-m", model, "-i", f"folder:{world}/fresh", "-o",
               f"x=folder:{world}/noise", "--method", "amp;xyz", code=2)
    assert "unknown method 'xyz'" in done.err


def test_where_scores_go(world, model, tmp_path):
    run = ["eval", "-m", model, "-i", f"folder:{world}/fresh", "-o", f"x=folder:{world}/noise",
           "--method", "msp", "--scores"]
    assert "No such file" in amp(*run, tmp_path / "none/s.csv", code=5).err
    assert "Is a directory" in amp(*run, tmp_path, code=5).err
    done = amp(*run, "/dev/stdout")
    assert done.out.startswith("set,index,label,predicted,tau,") and "accuracy" in done.out
    with open(tmp_path / "both", "wb") as both:
        amp(*run, "/dev/stdout", stdout=both)
    assert (tmp_path / "both").read_text() == done.out
    target = tmp_path / "real.csv"
    target.touch()
    (tmp_path / "link.csv").symlink_to("real.csv")
    amp(*run, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink() and target.read_text().count("\n") == 25 + 24 + 1
    assert leftovers(tmp_path) == []


def test_scores_into_a_pipe(world, model, tmp_path):
    """Written as it comes; a pipe stays one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        amp("eval", "-m", model, "-i", f"folder:{world}/fresh", "-o", f"x=folder:{world}/noise",
            "--method", "msp", "--scores", pipe)
        assert reader.stdout.read().count(b"\n") == 25 + 24 + 1
    assert pipe.is_fifo()


def test_full_standard_output(world, model):
    run = ["eval", "-m", model, "-i", f"folder:{world}/fresh", "-o", f"x=folder:{world}/noise",
           "--method", "msp"]
    for more in ([], ["--json"]):
        with open("/dev/full", "wb") as full:
            assert "standard output" in amp(*run, *more, code=5, stdout=full).err


def test_classes_are_those_of_the_model(result):
    assert len(CLASSES) == 3
    assert all(0 <= int(row["predicted"]) < 3 and math.isfinite(float(row["amp"]))
               for row in result[1])
