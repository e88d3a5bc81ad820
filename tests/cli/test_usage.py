# SPDX-License-Identifier: Apache-2.0
"""Help, mistakes on the command line, standard streams that are closed or full."""
import os
import re
import subprocess

import pytest
from conftest import AMP, amp

COMMANDS = ["score", "eval", "train", "bank", "calibrate", "forward", "info", "bench"]


def test_help_names_every_command():
    for arguments in (["--help"], ["-h"], ["help"]):
        text = amp(*arguments).out
        for command in COMMANDS:
            assert re.search(rf"^  {command} +\w", text, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    text = amp(command, "--help").out
    assert text == amp(command, "-h").out == amp("help", command).out
    assert text == amp(command, "stray", "--json" if command == "info" else "-t1", "-h").out
    assert text.startswith(f"amp {command} - ")
    examples = text[text.index("\nexamples:\n"):].splitlines()[2:]
    assert any(f"amp {command} " in line for line in examples)
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_use_flags_that_exist(command):
    text = amp(command, "--help").out
    options, examples = text.split("\nexamples:\n")
    flags = set(re.findall(r"(?:^|\s)(--?[a-z0-9][a-z-]*)", options))
    for line in examples.replace("\\\n", " ").splitlines():
        for part in re.findall(rf"amp {command} ([^|>]*)", line):
            part = part.split("||")[0].split(" -  ")[0]
            for flag in re.findall(r"(?:^|\s)(--?[a-zA-Z][a-z-]*)(?=\s|$)", part):
                assert flag in flags, f"{flag} in {line}"


def test_training_options_are_listed():
    text = amp("train", "--help").out
    for key in ("epochs", "lr", "schedule", "label_smoothing", "corrupt_every", "held_out"):
        assert re.search(rf"^  {key} ", text, re.M)
    assert "one of constant|multistep|cosine|onecycle|linear (default onecycle)" in text


def test_version():
    text = amp("--version").out
    assert re.match(r"libamp \d+\.\d+\.\d+", text), text


@pytest.mark.parametrize("arguments, says", [
    ([], "usage: amp COMMAND"),
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["help", "frobnicate"], "unknown command 'frobnicate'"),
    (["score"], "image files or folders are needed"),
    (["score", "--frobnicate", "x"], "unknown or ambiguous option --frobnicate"),
    (["score", "-Z", "x"], "unknown option -Z"),
    (["score", "x", "--model"], "--model needs a value"),
    (["score", "--json=yes", "x"], "--json takes no value"),
    (["score", "x"], "a model is needed"),
    (["score", "-m", "m", "-t", "0x2", "x"], "--threads 0x2: a whole number 0..1024"),
    (["score", "-m", "m", "-t", "1025", "x"], "--threads 1025"),
    (["eval", "-m", "m", "--id", "x"], "at least one --ood"),
    (["eval", "-m", "m", "--ood", "a=b"], "--id SPEC"),
    (["eval", "-m", "m", "--id", "x", "--ood", "a=b", "stray"], "nothing else"),
    (["train", "--data", "x"], "--output FILE"),
    (["train", "--output", "x"], "--data SPEC"),
    (["train", "-d", "x", "-o", "y", "stray"], "nothing else"),
    (["bank", "-m", "m", "--data", "a", "--images", "b"], "give one"),
    (["bank", "-m", "m", "--count", "3", "a.png"], "give one of both"),
    (["calibrate", "stray"], "'stray' is not expected"),
    (["calibrate", "--data", "a", "--held-out", "b"], "give one"),
    (["forward", "-m", "m", "-i", "x.npy"], "--output Y.npy"),
    (["info"], "one model file"),
    (["info", "a", "b"], "one model file"),
])
def test_mistakes(arguments, says):
    environment = {key: value for key, value in os.environ.items() if key != "AMP_MODEL"}
    done = amp(*arguments, code=2, env=environment)
    assert says in done.err
    assert done.out == ""


def test_threads_from_the_environment(model, world):
    def run(value, code):
        return amp("score", "-m", model, world / "noise/00.png", code=code,
                   env={**os.environ, "AMP_NUM_THREADS": value})

    assert run("1", 0).out == run("2", 0).out == run("", 0).out
    for value in ("0", "x", "2x", "-1", "1025"):
        assert f"AMP_NUM_THREADS is '{value}'" in run(value, 2).err


def test_model_from_the_environment(model, world):
    environment = {**os.environ, "AMP_MODEL": str(model)}
    assert amp("score", world / "noise/00.png", env=environment).out
    assert amp("info", env=environment).out == amp("info", model).out
    assert "a model is needed" in amp("score", "x", code=2, env={**environment, "AMP_MODEL": ""}).err


@pytest.mark.parametrize("arguments", [["--help"], ["score", "--help"], ["--version"]])
def test_full_disk_below_standard_output(arguments):
    with open("/dev/full", "wb") as full:
        assert "No space left on device" in amp(*arguments, code=5, stdout=full).err


def with_closed(numbers, *arguments):
    """Runs the program with these file descriptors closed."""
    closing = " ".join(f"{number}>&-" for number in numbers)
    return subprocess.run(["sh", "-c", f'exec "$0" "$@" {closing}', AMP, *map(str, arguments)],
                          check=False, capture_output=True, timeout=240)


def test_closed_output_is_noticed(model, world):
    done = with_closed([1], "score", "-m", model, world / "noise/00.png")
    assert done.returncode == 5 and b"cannot write to the standard output" in done.stderr


def test_closed_streams_do_not_reach_files(model, world, tmp_path):
    """A model written by a program without stdout and stderr holds no message."""
    target = tmp_path / "copy.st"
    done = with_closed([0, 1, 2], "calibrate", "-m", model, "-o", target, "--tpr", "0.9:0.95")
    assert done.returncode == 0
    assert target.read_bytes() == model.read_bytes()
    assert with_closed([0], "score", "-m", model, world / "noise/00.png").returncode == 0
    assert with_closed([0], "score", "-m", model, "-").returncode == 3
