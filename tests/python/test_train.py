# SPDX-License-Identifier: Apache-2.0
"""Training from Python: options, progress, stopping, checkpoints, the model at the end."""
import math
import signal
import threading

import numpy as np
import pytest
from conftest import pixels, write_cifar

import libamp

OPTIONS = {"epochs": 3, "batch": 16, "held_out": 20, "seed": 5, "lr": 0.05, "threads": 1,
           "nesterov": True, "flip": False, "schedule": "multistep", "milestones": [1, 2]}
STEPS = 3 * (100 // 16)


@pytest.fixture(scope="module", name="spec")
def training_set(folder):
    path = folder / "train.bin"
    write_cifar(path, 120, seed=8)
    return f"cifar10:{path}"


@pytest.fixture(scope="module", name="start")
def untrained():
    return libamp.Model.create("wrn:depth=10,width=1,classes=10,size=16,dropout=0.1",
                               "height=16,width=16,mean=0.5,std=0.25", seed=2)


def trainer(start, spec, **more):
    return libamp.Trainer(start, libamp.Dataset(spec), **{**OPTIONS, **more})


def output(model):
    x = np.random.default_rng(0).standard_normal((2, 6, 16, 16)).astype(np.float32)
    return model.forward(x).tobytes()


@pytest.fixture(scope="module", name="trained")
def unbroken(start, spec):
    """What a run that nobody stops gives."""
    run = trainer(start, spec)
    run.run()
    return output(run.model())


def test_progress(start, spec, trained):
    told = []
    run = trainer(start, spec)
    run.run(told.append)
    steps = [p for p in told if not p.epoch_ended]
    epochs = [p for p in told if p.epoch_ended]
    assert [p.step for p in steps] == list(range(1, STEPS + 1))
    assert [p.epoch for p in epochs] == [1, 2, 3] and told[-1].epoch_ended
    assert all(p.steps == STEPS and p.epochs == 3 and p.loss > 0 for p in told)
    assert all(0 <= p.held_out_accuracy <= 1 for p in epochs)
    assert all(math.isnan(p.held_out_accuracy) for p in steps)
    rates = [p.learning_rate for p in epochs]
    assert rates[1] == pytest.approx(0.2 * rates[0]) and rates[2] == pytest.approx(0.2 * rates[1])
    assert output(run.model()) == trained != output(start)


def test_steps(start, spec, trained):
    run = trainer(start, spec)
    count = 1
    while not run.step():
        count += 1
    assert count == STEPS and run.step() is True
    assert output(run.model()) == trained


class Stop(Exception):
    pass


def stopper(at, how):
    def progress(p):
        if p.step == at and not p.epoch_ended:
            return how()
        return None

    return progress


def raise_stop():
    raise Stop


@pytest.mark.parametrize("how, kind", [
    (raise_stop, Stop), (lambda: False, libamp.AmpCancelledError),
    (lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt)])
def test_stopped_and_gone_on(start, spec, trained, tmp_path, how, kind):
    """In the same trainer, and from a checkpoint in another: the bits of an unbroken run."""
    run = trainer(start, spec)
    with pytest.raises(kind):
        run.run(stopper(STEPS // 2, how))
    run.save_checkpoint(tmp_path / "run.ckpt")
    run.run()
    assert output(run.model()) == trained
    told = []
    with libamp.Trainer.resume(tmp_path / "run.ckpt", spec) as again:
        again.run(told.append)
        assert told[0].step == STEPS // 2 + 1
        assert output(again.model()) == trained


def test_ctrl_c_at_any_time(start, spec, trained):
    """Struck from another thread over and over; each time the run goes on where it was."""
    run = trainer(start, spec)
    main = threading.main_thread().ident
    for _ in range(5):
        thread = threading.Thread(target=signal.pthread_kill, args=(main, signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run.run(lambda _, thread=thread: thread.ident or thread.start())
            thread.join()
        thread.join()
    run.run()
    assert output(run.model()) == trained


def test_inside_the_callback(start, spec, tmp_path):
    """Saving and looking are allowed there; running is not."""
    run = trainer(start, spec, epochs=1)
    seen = []

    def progress(p):
        if p.epoch_ended:
            run.save_checkpoint(tmp_path / "inside.ckpt")
            seen.append(output(run.model()))
            for use in (run.run, run.step, run.close):
                with pytest.raises(libamp.AmpArgumentError, match="at work"):
                    use()

    run.run(progress)
    assert seen == [output(run.model())] and (tmp_path / "inside.ckpt").exists()


def test_held_out(start, spec):
    run = trainer(start, spec)
    held_out = run.held_out()
    assert len(held_out) == 20 and sorted(held_out.labels) == sorted(list(range(10)) * 2)
    del run
    assert held_out[0][0].shape == (32, 32, 3)
    with pytest.raises(libamp.AmpArgumentError):
        trainer(start, spec, held_out=0).held_out()


def test_from_training_to_scores(start, spec):
    """The whole way: train, bank, calibrate, score."""
    dataset = libamp.Dataset(spec)
    run = trainer(start, spec, epochs=1)
    run.run()
    model = run.model()
    with libamp.Builder(model) as builder:
        builder.set_bank(libamp.Bank(model, dataset, count=3))
        builder.calibrate(run.held_out(), ["amp", "msp"])
        whole = builder.finish()
    got = libamp.Scorer(whole, ["amp", "msp"]).score(pixels(4))
    assert set(got.verdict.ravel()) <= {0, 1} and np.isfinite(got.score).all()


def test_bad_options(start, spec, tmp_path):
    for bad in ({"epoch": 3}, {"epochs": 0}, {"lr": -1}, {"schedule": "sometimes"},
                {"milestones": [2, 1]}, {"lr": "0.1,batch=2"}, {"held_out": 120}):
        with pytest.raises(libamp.AmpArgumentError):
            trainer(start, spec, **bad)
    with pytest.raises(libamp.AmpNotFoundError):
        libamp.Trainer.resume(tmp_path / "none", spec)
    (tmp_path / "bad").write_bytes(b"no checkpoint")
    with pytest.raises(libamp.AmpFormatError):
        libamp.Trainer.resume(tmp_path / "bad", spec)


def test_options_are_listed():
    rows = {row.key: row for row in libamp.train_options()}
    assert set(OPTIONS) <= set(rows) and all(row.help and row.range for row in rows.values())
    assert "onecycle" in rows["schedule"].range
