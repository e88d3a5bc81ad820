# SPDX-License-Identifier: Apache-2.0
"""Exceptions and signals get through C, wherever they strike, and leave all usable."""
import os
import signal
import sys
import threading

import pytest
from conftest import pixels, same

import libamp
from libamp import _structs
from libamp._progress import Progress, Watch, watch


class Stop(Exception):
    pass


@pytest.fixture(name="dropped", autouse=True)
def nothing_is_dropped(monkeypatch):
    """ctypes prints an exception that it cannot pass on; there must be none."""
    found = []
    monkeypatch.setattr(sys, "unraisablehook", found.append)
    yield found
    assert found == []


@pytest.fixture(name="dataset")
def small_dataset(cifar):
    return libamp.Dataset(f"cifar10:{cifar}")


def calls(model, dataset, cifar):
    """Every long call with a progress callback."""
    scorer = libamp.Scorer(model)
    return {
        "score": lambda p: scorer.score(pixels(4), progress=p),
        "score_paths": lambda p: scorer.score_paths([], progress=p) or scorer.score(
            pixels(1), progress=p),
        "score_dataset": lambda p: scorer.score_dataset(dataset, progress=p),
        "bank": lambda p: libamp.Bank(model, dataset, count=2, progress=p),
        "calibrate": lambda p: libamp.Builder(model).calibrate(dataset, progress=p),
    }


NAMES = ["score", "score_paths", "score_dataset", "bank", "calibrate"]


@pytest.mark.parametrize("name", NAMES)
def test_exception_in_a_callback(model, dataset, cifar, name):
    call = calls(model, dataset, cifar)[name]
    reason = KeyError("why")

    def fails(_):
        raise Stop("here") from reason

    with pytest.raises(Stop, match="here") as caught:
        call(fails)
    assert caught.value.__cause__ is reason
    assert not isinstance(caught.value.__context__, libamp.AmpCancelledError)
    call(None)


@pytest.mark.parametrize("name", NAMES)
def test_false_stops(model, dataset, cifar, name):
    call = calls(model, dataset, cifar)[name]
    with pytest.raises(libamp.AmpCancelledError):
        call(lambda _: False)
    for go_on in (None, True, 0):
        call(lambda _, go_on=go_on: go_on)


def test_scorer_is_as_before(model, dataset):
    scorer = libamp.Scorer(model)
    want = scorer.score_dataset(dataset)
    with pytest.raises(Stop):
        scorer.score_dataset(dataset, progress=raise_stop)
    same(want, scorer.score_dataset(dataset))


def raise_stop(_):
    raise Stop


def test_ctrl_c_in_a_callback(model, dataset):
    with pytest.raises(KeyboardInterrupt):
        libamp.Scorer(model).score_dataset(
            dataset, progress=lambda _: signal.raise_signal(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_during_c(model, dataset):
    """From another thread, while this one is inside C most of the time.  Only the interrupt ends
    the loop, unless it is lost, which the count notices."""
    scorer = libamp.Scorer(model, chunk=1)
    for _ in range(5):
        go, sent, rounds = threading.Event(), threading.Event(), [0]

        def killer(go=go, sent=sent):
            go.wait()
            os.kill(os.getpid(), signal.SIGINT)
            sent.set()

        thread = threading.Thread(target=killer)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            while rounds[0] < 20:
                scorer.score_dataset(dataset, progress=lambda _, go=go: go.set())
                rounds[0] += sent.is_set()
        thread.join()


def raised_before_the_first_instruction(report, handler):
    """As if a signal struck just when C calls back: what the wrapped handler does then."""
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with Watch(_structs.amp_progress_fn, lambda record: Progress("x", 0, 0), report) as watched:
            signal.raise_signal(signal.SIGUSR1)
            record = _structs.amp_progress()
            stopped = watched.callback(None, record)
            assert stopped == 1
    finally:
        assert signal.getsignal(signal.SIGUSR1) is handler
        signal.signal(signal.SIGUSR1, before)


def test_any_handler_that_raises():
    told = []

    def handler(_number, _frame):
        raise Stop("signal")

    with pytest.raises(Stop, match="signal"):
        raised_before_the_first_instruction(told.append, handler)


def test_handler_that_does_not_raise(model, dataset):
    """It runs, and the call goes on."""
    struck = []
    before = signal.signal(signal.SIGUSR1, lambda *_: struck.append(1))
    try:
        libamp.Scorer(model).score_dataset(
            dataset, progress=lambda _: signal.raise_signal(signal.SIGUSR1))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert struck


def test_the_first_exception_wins():
    with pytest.raises(Stop, match="1"):
        with watch(raise_numbered(iter("123"))) as watched:
            record = _structs.amp_progress()
            assert watched.callback(None, record) == 1
            assert watched.callback(None, record) == 1


def raise_numbered(numbers):
    def fails(_):
        raise Stop(next(numbers))

    return fails


def test_nested_calls(model, cifar):
    """An interrupt in the inner call ends both."""
    inner = libamp.Scorer(model)
    one, two = (libamp.Dataset(f"cifar10:{cifar}") for _ in range(2))

    def outer(_):
        inner.score_dataset(two, progress=lambda _: signal.raise_signal(signal.SIGINT))

    with pytest.raises(KeyboardInterrupt):
        libamp.Scorer(model).score_dataset(one, progress=outer)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_callbacks_in_another_thread(model, dataset):
    """No signal handlers there: only the main thread has them."""
    found = []

    def run():
        try:
            libamp.Scorer(model).score_dataset(dataset, progress=raise_stop)
        except Stop as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(found) == 1
