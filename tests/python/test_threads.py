# SPDX-License-Identifier: Apache-2.0
"""Threads and forks: the GIL, shared scorers, clones, children."""
import multiprocessing
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import METHODS, pixels, same

import libamp
from libamp._arrays import pointer
from libamp._ffi import lib


def test_gil_is_released(model):
    """Another thread moves while C runs.

    With so long a switch interval it gets the GIL only when this thread lets go of it, which
    between the two looks at the counter only the call of C can do.  Whether the system runs it in
    that time is up to the system, so there are many chances."""
    scorer = libamp.Scorer(model)
    images, out = pixels(32), scorer._arrays(scorer._ptr, 32, (True, True))
    arguments = (scorer._ptr, 32, pointer(images), 16, 16, out.struct(), None)
    counter, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counter[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    moved = chances = 0
    try:
        thread.start()
        while not moved and chances < 500:
            time.sleep(0)
            chances += 1
            before = counter[0]
            status = lib.amp_scorer_run_rgb8(*arguments)
            moved = counter[0] - before
            assert status == 0
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        thread.join()
    assert moved


def test_other_threads_run_during_a_callback(model, cifar):
    """A callback may wait for another thread that uses the library itself."""
    answered, answers = threading.Event(), []

    def other():
        answers.append(libamp.Scorer(model).score(pixels(3)))
        answered.set()

    def progress(_):
        if not answers:
            threading.Thread(target=other).start()
            assert answered.wait(120)

    libamp.Scorer(model).score_dataset(libamp.Dataset(f"cifar10:{cifar}"), progress=progress)
    same(answers[0], libamp.Scorer(model).score(pixels(3)))


@pytest.mark.parametrize("cloned", [False, True])
def test_many_threads(model, cloned):
    """Eight threads on one scorer (they take turns) or on clones (at once): the same bits."""
    scorer = libamp.Scorer(model, METHODS)
    batches = [pixels(5, seed=seed) for seed in range(16)]
    want = [scorer.score(batch, anchor_logits=True) for batch in batches]

    def run(batch):
        return (scorer.clone() if cloned else scorer).score(batch, anchor_logits=True)

    with ThreadPoolExecutor(8) as pool:
        for one, two in zip(want, pool.map(run, batches)):
            same(one, two)


def test_threads_read_one_dataset(cifar):
    dataset = libamp.Dataset(f"cifar10:{cifar}")
    want = [dataset[i][0] for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for i, (image, label) in enumerate(pool.map(dataset.__getitem__, range(40))):
            assert (image == want[i]).all() and label == i % 10


def test_a_callback_may_not_use_what_is_at_work(model, cifar):
    scorer, dataset = libamp.Scorer(model), libamp.Dataset(f"cifar10:{cifar}")
    for use in (lambda: scorer.score(pixels(1)), scorer.close, lambda: dataset[0], dataset.close,
                scorer.clone):
        with pytest.raises(libamp.AmpArgumentError, match="at work"):
            scorer.score_dataset(dataset, progress=lambda _, use=use: use())
    scorer.score_dataset(dataset, progress=lambda _: scorer.methods and len(dataset) > 0)


def child(connection, scorer, images, model_file, cifar):
    """Scores with what the parent made, and with what it makes itself."""
    inherited = scorer.score(images, anchor_logits=True)
    own = libamp.Scorer(libamp.Model(model_file), METHODS)
    made = own.score(images, anchor_logits=True)
    whole = own.score_dataset(libamp.Dataset(f"cifar10:{cifar}"))
    connection.send([(s.score, s.logits, s.anchor_logits) for s in (inherited, made)]
                    + [(whole.score,)])
    connection.close()


def test_fork(model, model_file, cifar):
    """A child of a process that ran on several threads gives the same bits."""
    context = libamp.Context(threads=2)
    scorer = libamp.Scorer(libamp.Model(model_file, context=context), METHODS)
    images = pixels(9)
    want = scorer.score(images, anchor_logits=True)
    libamp.Scorer(model).score(images)  # the default context has run too
    whole = libamp.Scorer(model, METHODS).score_dataset(libamp.Dataset(f"cifar10:{cifar}"))
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=child, args=(sender, scorer, images, model_file, cifar))
    process.start()
    sender.close()
    try:
        assert receiver.poll(200), "the child hangs"
        inherited, made, dataset = receiver.recv()
    finally:
        process.kill()
        process.join()
    for got in (inherited, made):
        for array, wanted in zip(got, (want.score, want.logits, want.anchor_logits)):
            assert array.tobytes() == wanted.tobytes()
    assert dataset[0].tobytes() == whole.score.tobytes()
    same(want, scorer.score(images, anchor_logits=True))  # the parent goes on


def square(images):
    return libamp.Scorer(libamp.Model(square.path)).score(images).score


def test_pool(model, model_file):
    square.path = str(model_file)
    batches = [pixels(3, seed=seed) for seed in range(6)]
    scorer = libamp.Scorer(model)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        got = pool.map_async(square, batches).get(timeout=200)
    for batch, score in zip(batches, got):
        assert np.array_equal(score, scorer.score(batch).score)
