# SPDX-License-Identifier: Apache-2.0
"""Runs that are stopped and taken up again: Ctrl-C, checkpoints, the same bits at the end."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from conftest import AMP, NETWORK, amp, leftovers, read_model

BATCHES = 82 // 8  # of an epoch: 91 images, 9 held out


def command(world, output, *more):
    return ["train", "-d", f"folder:{world}/photos", *NETWORK, "--set", "batch=8", "-o", output, *more]


def start(arguments):
    return subprocess.Popen([AMP, *map(str, arguments)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(run, path):
    """Until the file is there, or the run is over."""
    while run.poll() is None and not path.exists():
        time.sleep(0.002)


def position(checkpoint):
    return read_model(checkpoint)[0]["checkpoint"]["step"]


def interrupted(world, folder, epochs, at=lambda step: True):
    """A checkpoint of a run stopped by Ctrl-C at a batch that `at` accepts."""
    for attempt in range(20):
        output = folder / f"try{attempt}.st"
        with start(command(world, output, "-e", epochs, "--every", 1)) as run:
            wait_for(run, folder / f"try{attempt}.st.ckpt")
            run.send_signal(signal.SIGINT)
            _, said = run.communicate(timeout=240)
        if run.returncode == 0:
            continue
        assert run.returncode == 130, said
        assert b"interrupted; the run is saved in" in said and not output.exists()
        if at(position(f"{output}.ckpt")):
            return output
    pytest.fail("twenty runs were over before a signal reached them")


@pytest.fixture(scope="session", name="whole")
def never_stopped(world):
    """Three epochs in one go."""
    output = world / "whole.st"
    amp(*command(world, output, "-e", 3, "-l", world / "whole.log", "-q"))
    return output


def same_model(a, b):
    """Weights byte for byte, the record but for the seconds it took."""
    (first, header, weights), (second, other_header, other_weights) = read_model(a), read_model(b)
    assert header == other_header
    assert weights == other_weights
    first["training"].pop("seconds")
    second["training"].pop("seconds")
    assert first == second


def test_stopped_in_the_middle_of_an_epoch(world, whole, tmp_path):
    output = interrupted(world, tmp_path, 3,
                         at=lambda step: step % BATCHES != 0 and step < 3 * BATCHES)
    amp(*command(world, output, "-e", 3, "--resume"))
    same_model(whole, output)


def test_stopped_many_times(world, whole, tmp_path):
    """Killed after each checkpoint, without a word: each goes on from the last."""
    output, checkpoint = tmp_path / "m.st", tmp_path / "m.st.ckpt"
    more = ["-e", 3, "--every", 7, "--resume", "-l", tmp_path / "log"]
    for _ in range(40):
        before = checkpoint.stat().st_ino if checkpoint.exists() else None
        with start(command(world, output, *more)) as run:
            while run.poll() is None and (not checkpoint.exists()
                                          or checkpoint.stat().st_ino == before):
                time.sleep(0.002)
            run.kill()
            run.communicate(timeout=240)
        if output.exists():
            break
        for name in leftovers(tmp_path):
            (tmp_path / name).unlink()
    same_model(whole, output)


def test_stopped_between_epochs(world, whole, tmp_path):
    """The checkpoint of an epoch's end, taken from a longer run's folder."""
    output = tmp_path / "m.st"
    with start(command(world, output, "-e", 3)) as run:
        wait_for(run, tmp_path / "m.st.ckpt")
        run.kill()
        run.communicate(timeout=240)
    assert position(f"{output}.ckpt") % BATCHES == 0
    output.unlink(missing_ok=True)
    amp(*command(world, output, "-e", 3, "-r", "-q"))
    same_model(whole, output)


def test_resumed_after_the_end(world, whole, tmp_path):
    """Nothing is left to do: the model is written again."""
    output = tmp_path / "m.st"
    shutil.copy(f"{whole}.ckpt", f"{output}.ckpt")
    done = amp(*command(world, output, "-e", 3, "--resume"))
    assert "epoch" not in done.err
    same_model(whole, output)


def test_resume_without_a_checkpoint_begins(world, tmp_path):
    done = amp(*command(world, tmp_path / "m.st", "-e", 1, "--resume"))
    assert "epoch 1/1" in done.err


def test_resume_with_moved_images(world, whole, tmp_path):
    output = tmp_path / "m.st"
    shutil.copytree(world / "photos", tmp_path / "elsewhere")
    shutil.copy(f"{whole}.ckpt", f"{output}.ckpt")
    amp("train", "-d", f"folder:{tmp_path}/elsewhere", "-o", output, "--resume", "-t", 1)
    assert read_model(whole)[2] == read_model(output)[2]
    (tmp_path / "elsewhere/ant/00.png").unlink()
    done = amp("train", "-d", f"folder:{tmp_path}/elsewhere", "-o", output, "-r", "-t", 1, code=3)
    assert "training images" in done.err


@pytest.mark.parametrize("more, says", [
    (["--set", "lr=0.2"], "lr=0.2 is asked for, the run was begun with lr=0.1"),
    (["-e", "4"], "epochs=4 is asked for, the run was begun with epochs=3"),
    (["--seed", "1"], "seed=1"), (["--set", "nesterov=no"], "nesterov=no"),
    (["--set", "lrr=1"], "unknown option 'lrr'"), (["-a", "resnet18"], "resnet18 is asked for"),
    (["-a", "wrn:depth=16"], "depth=16"), (["-s", "32"], "size=32"), (["--plain"], "anchored=0"),
])
def test_resume_refuses_other_options(world, whole, tmp_path, more, says):
    """Passed over in silence they would not be what the user asked for."""
    shutil.copy(f"{whole}.ckpt", tmp_path / "m.st.ckpt")
    done = amp("train", "-d", f"folder:{world}/photos", "-o", tmp_path / "m.st", "-r", *more, code=2)
    assert says in done.err and not (tmp_path / "m.st").exists()


@pytest.mark.parametrize("more", [["--set", "lr=0.10"], ["--set", "nesterov=yes"],
                                  ["--set", "flip", "-e", "3"], ["-a", "wrn:width=1"]])
def test_resume_takes_the_same_options(world, whole, tmp_path, more):
    shutil.copy(f"{whole}.ckpt", tmp_path / "m.st.ckpt")
    amp("train", "-d", f"folder:{world}/photos", "-o", tmp_path / "m.st", "-r", "-t", 1, *more)
    same_model(whole, tmp_path / "m.st")


def test_what_is_no_checkpoint(world, whole, model, tmp_path):
    def resume(checkpoint):
        return amp("train", "-d", f"folder:{world}/photos", "-o", tmp_path / "m.st", "-c",
                   checkpoint, "--resume", code=4).err

    assert "no checkpoint" in resume(model)
    (tmp_path / "text").write_text("hello")
    assert "text" in resume(tmp_path / "text")
    data = (world / "whole.st.ckpt").read_bytes()
    (tmp_path / "cut").write_bytes(data[:-100])
    assert "cut" in resume(tmp_path / "cut")
    assert whole.exists()


def test_checkpoint_is_a_model_to_look_at(whole):
    text = amp("info", f"{whole}.ckpt").out
    assert f"after batch {3 * BATCHES}; amp train --resume" in text
    assert json.loads(amp("info", "--json", f"{whole}.ckpt").out)["checkpoint"]["threads"] == 1


def test_an_earlier_run_is_replaced_with_a_word(world, whole, tmp_path):
    shutil.copy(f"{whole}.ckpt", tmp_path / "m.st.ckpt")
    done = amp(*command(world, tmp_path / "m.st", "-e", 1))
    assert "of an earlier run, will be replaced" in done.err


def test_second_signal_ends_at_once(world, tmp_path):
    """No batch is finished, no checkpoint written."""
    output, checkpoint = tmp_path / "m.st", tmp_path / "m.st.ckpt"
    with start(command(world, output, "-e", 1000, "--every", 1)) as run:
        wait_for(run, checkpoint)
        run.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, run.pid, os.WSTOPPED | os.WNOWAIT)
        checkpoint.unlink()
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGTERM)
        run.send_signal(signal.SIGCONT)
        _, said = run.communicate(timeout=240)
    assert run.returncode == 130 and b"interrupted" not in said
    assert not checkpoint.exists() and not output.exists()


def test_termination_is_an_interrupt(world, tmp_path):
    """What a scheduler sends before it kills."""
    with start(command(world, tmp_path / "m.st", "-e", 1000, "--every", 1)) as run:
        wait_for(run, tmp_path / "m.st.ckpt")
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=240)
    assert run.returncode == 130 and b"go on with the same command and --resume" in said
    assert leftovers(tmp_path) == []
