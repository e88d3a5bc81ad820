# SPDX-License-Identifier: Apache-2.0
"""amp bench: its JSON and its tables agree with themselves; nothing here depends on a speed."""
import json
import re

import pytest
from conftest import K, amp

SMALL = ["--arch", "wrn:depth=10,width=1,size=16", "--threads", "1"]


def report(*arguments):
    return json.loads(amp("bench", "--json", *arguments).out)


@pytest.fixture(scope="session", name="onednn")
def with_onednn():
    """Plain loops have no steps."""
    if "oneDNN" not in amp("--version").out:
        pytest.skip("a build on plain loops")


def test_layout():
    got = report(*SMALL, "--repeats", 3, "--batch", "1,6", "--precision", "fp32")
    assert list(got) == ["model", "arch", "parameters", "multiply_adds", "anchors",
                         "noise_anchors", "threads", "build", "results"]
    assert got["model"] is None and got["arch"].startswith("wrn:depth=10,width=1,")
    assert (got["anchors"], got["noise_anchors"], got["threads"]) == (5, True, 1)
    assert [(r["precision"], r["batch"], r["runs"]) for r in got["results"]] == [
        ("fp32", 1, 3), ("fp32", 6, 3)]
    for row in got["results"]:
        assert 0 < row["p10_ms"] <= row["median_ms"] <= row["p90_ms"]
        assert row["images_per_second"] == pytest.approx(1e3 * row["batch"] / row["median_ms"])
        assert "profile" not in row


def test_all_precisions_are_the_default():
    names = [row["precision"] for row in report(*SMALL, "--repeats", 1, "--batch", 1)["results"]]
    assert names[0] == "fp32" and "fast" in names
    assert names == sorted(set(names), key=names.index)


def test_as_long_as_asked():
    row, = report(*SMALL, "--seconds", "0.05", "--batch", 1, "--precision", "fp32")["results"]
    assert row["runs"] >= 5


def test_profile_is_part_of_the_run(onednn):
    for row in report(*SMALL, "--repeats", 3, "--batch", "1,9", "--profile")["results"]:
        profile = row["profile"]
        steps = profile["steps"]
        assert 0 < profile["steps_ms"] <= profile["run_ms"]
        assert profile["count"] == len(steps) > 10
        work = {"convolution": 0}
        for step in steps:
            assert all(step[key] for key in ("layer", "step", "kernel", "shape", "rows", "calls"))
            assert step["ms"] >= 0
            assert (step["multiply_adds"] > 0) == step["step"].startswith("convolution")
            work[step["step"]] = work.get(step["step"], 0) + step["rows"] * step["calls"]
        assert steps[0]["layer"] == "conv1" and steps[-1]["layer"] == "fc"
        assert work["join"] == 5 * row["batch"]


def test_top_is_slowest_first(onednn):
    row, = report(*SMALL, "--repeats", 3, "--batch", 2, "--precision", "fp32", "--top",
                  4)["results"]
    times = [step["ms"] for step in row["profile"]["steps"]]
    assert len(times) == 4 < row["profile"]["count"]
    assert times == sorted(times, reverse=True)


def test_tables(onednn):
    text = amp("bench", *SMALL, "--repeats", 2, "--batch", "1,3", "--profile").out
    assert text.startswith("wrn:depth=10,width=1,") and "random weights" in text
    rows = re.findall(r"^(fp32|fast|bf16|int8) +(\d+)(?: +[\d.]+){4} +2$", text, re.M)
    assert [batch for _, batch in rows] == ["1", "3"] * (len(rows) // 2) != []
    assert [(a, b) for a, b in re.findall(r"^profile: (\w+), batch (\d+)$", text, re.M)] == rows
    assert text.count("a run, from pixels to verdicts") == len(rows)
    short = amp("bench", *SMALL, "--repeats", 2, "--batch", 1, "--precision", "fp32", "--top",
                3).out
    assert re.search(r"3 of \d+ steps shown", short)


def test_a_model_and_its_anchors(model):
    flags = ["--model", model, "--repeats", 1, "--batch", 2, "--precision", "fp32,auto"]
    own, fewer = report(*flags), report(*flags, "--anchors", 2)
    assert own["model"] == str(model)
    assert (own["anchors"], own["noise_anchors"]) == (K, False)
    assert (fewer["anchors"], fewer["noise_anchors"]) == (2, False)
    more = report(*flags[:-1], "fp32", "--anchors", K + 4)
    assert (more["anchors"], more["noise_anchors"]) == (K + 4, True)
    assert [row["precision"] for row in own["results"]][0] == "fp32"


def test_networks_without_anchors(bare, plain):
    flags = ["--repeats", 1, "--batch", 1, "--precision", "fp32"]
    got = report("-m", bare, *flags)
    assert (got["anchors"], got["noise_anchors"]) == (5, True)
    got = report("-m", plain, *flags)
    assert (got["anchors"], got["noise_anchors"]) == (0, False)
    assert "anchors is 3" in amp("bench", "-m", plain, *flags, "-k", 3, code=2).err


@pytest.mark.parametrize("arguments, says", [
    (["--batch", "0"], "a list of 1..4096"),
    (["--batch", "1,,2"], "a list of 1 to 16 numbers"),
    (["--batch", "1x"], "a list of 1..4096"),
    (["--batch", ",".join(["1"] * 17)], "a list of 1 to 16 numbers"),
    (["--precision", "fp31"], "'fp31' is unknown"),
    (["--precision", ""], "a list of names"),
    (["--seconds", "-1"], "a number above 0"),
    (["--seconds", "1", "--repeats", "2"], "give one"),
    (["--repeats", "0"], "a whole number 1..10000"),
    (["--top", "0"], "a whole number 1.."),
    (["--anchors", "1001"], "a whole number 0..1000"),
    (["-m", "x"], "give one"),
    (["stray"], "'stray' is not expected"),
])
def test_mistakes(arguments, says):
    done = amp("bench", *SMALL, *arguments, code=2)
    assert says in done.err and done.out == ""


def test_networks_that_are_none(tmp_path):
    assert "not one of" in amp("bench", "--arch", "nope", code=2).err
    assert "cannot open" in amp("bench", "-m", tmp_path / "none", code=4).err
