# SPDX-License-Identifier: Apache-2.0
"""The package and the program give the same numbers to the last bit."""
import json
import os
import subprocess

import pytest
from conftest import METHODS

import libamp


def score(model_file, *arguments):
    """The lines of amp score --json."""
    done = subprocess.run([os.environ["AMP_EXE"], "score", "--model", model_file, "--json",
                           *map(str, arguments)], check=False, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("anchors", [0, 2, 1])
@pytest.mark.parametrize("method", METHODS + ["amp:score=msp", "entropy:logits=calibrated"])
def test_same_numbers(model, model_file, pictures, method, anchors):
    scorer = libamp.Scorer(model, method, anchors=anchors)
    got = scorer.score_paths(pictures)
    rows = score(model_file, "--method", method, "--anchors", anchors, *pictures)
    assert len(rows) == len(pictures)
    for i, row in enumerate(rows):
        assert row["file"] == str(pictures[i]) and row["method"] == got.methods[0]
        assert row["score"] == got.score[i] and row["confidence"] == got.confidence[i]
        assert row["label"] == got.label[i] and row["class"] == model.classes[got.label[i]]
        assert row["tau"] == (got.tau[i] if scorer.anchors > 1 else None)
        assert row["threshold"] == scorer.thresholds[0] and row["calibrated"]
        verdict = libamp.Verdict(got.verdict[i])
        assert row["verdict"] == (None if verdict == libamp.Verdict.UNKNOWN
                                  else verdict.name.lower())


def test_same_verdict_of_bad_files(model, model_file, pictures, folder):
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    paths = [pictures[0], folder / "bad.png", folder / "absent.png", pictures[1]]
    got = libamp.Scorer(model).score_paths(paths, on_error="skip")
    rows = score(model_file, *paths)
    assert len(rows) == 4 and sorted(got.errors) == [1, 2]
    for i, row in enumerate(rows):
        if i in got.errors:
            assert set(row["error"].split(": ")) <= set(
                got.errors[i].message.replace(f" {row['file']}", "").split(": "))
            assert row["file"] in got.errors[i].message and row["file"] not in row["error"]
        else:
            assert row["score"] == got.score[i]
