# SPDX-License-Identifier: Apache-2.0
"""Handles end in any order, are used after their makers are gone, and cannot be misused after."""
import copy
import gc
import itertools
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest
from conftest import ARCH, METHODS, PREPROCESS, pixels, same

import libamp
from libamp import _ffi


def everything(model_file, cifar):
    """One of each handle, all hanging together, in a context of their own."""
    context = libamp.Context(threads=2)
    model = libamp.Model(model_file, context=context)
    dataset = libamp.Dataset(f"cifar10:{cifar}", context=context)
    bank = model.bank
    scorer = libamp.Scorer(model, METHODS, bank=bank)
    return {"context": context, "model": model, "dataset": dataset, "bank": bank,
            "scorer": scorer, "clone": scorer.clone(), "image": dataset.image(0),
            "builder": libamp.Builder(model), "part": dataset[3:9]}


def use(handles):
    """Something of each that is still there."""
    images = pixels(2)
    for name in ("scorer", "clone"):
        if name in handles:
            assert len(handles[name].score(images)) == 2
    if "model" in handles:
        assert handles["model"].info.classes == 10
    for name in ("dataset", "part"):
        if name in handles:
            assert handles[name][1][0].shape == (32, 32, 3)
    if "image" in handles:
        assert np.asarray(handles["image"]).shape == (32, 32, 3)
    if "bank" in handles:
        assert np.asarray(handles["bank"][0]).shape == (16, 16, 3)
    if "builder" in handles:
        assert handles["builder"].finish().info.classes == 10
    if "context" in handles:
        assert handles["context"].threads == 2


@pytest.mark.parametrize("seed", range(12))
def test_any_order(model_file, cifar, seed):
    handles = everything(model_file, cifar)
    context = weakref.ref(handles["context"])
    for name in np.random.default_rng(seed).permutation(list(handles)):
        ended = weakref.ref(handles.pop(name))
        assert ended() is None or name == "context"  # the others keep theirs
        use(handles)
    assert context() is None


def test_makers_may_go_first(model_file, cifar):
    """Each handle alone, all others gone."""
    for name in everything(model_file, cifar):
        kept = {name: everything(model_file, cifar)[name]}
        gc.collect()
        use(kept)


def test_handles_are_really_freed(monkeypatch, model_file, cifar):
    """Every function that ends a handle is called once a handle, and never at a wrong address."""
    freed = []

    class Counting:
        def __getattr__(self, name):
            function = getattr(_ffi.lib, name)

            def ended(pointer):
                freed.append(name)
                function(pointer)

            return ended

    monkeypatch.setattr("libamp._core.lib", Counting())
    handles = everything(model_file, cifar)
    handles["dataset"].close()
    handles["dataset"].close()
    del handles
    gc.collect()
    count = {name: freed.count(name) for name in set(freed)}
    assert count == {"amp_context_unref": 1, "amp_model_unref": 1, "amp_bank_unref": 1,
                     "amp_dataset_free": 2, "amp_scorer_free": 2, "amp_image_free": 1,
                     "amp_model_builder_free": 1}


def test_in_a_cycle(model_file, cifar):
    handles = everything(model_file, cifar)
    handles["scorer"].friend = handles
    ended = weakref.ref(handles["scorer"])
    del handles
    gc.collect()
    assert ended() is None


def test_close(model, cifar):
    with libamp.Scorer(model) as scorer, libamp.Dataset(f"cifar10:{cifar}") as dataset:
        part = dataset[:2]
        assert len(scorer.score(pixels(1))) == 1
    scorer.close()
    for use_it in (lambda: scorer.score(pixels(1)), lambda: scorer.methods, lambda: len(dataset),
                   lambda: dataset[0], scorer.clone):
        with pytest.raises(libamp.AmpArgumentError, match="closed"):
            use_it()
    assert len(part[0][0]) == 32


def test_no_copies(model):
    scorer = libamp.Scorer(model)
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        for handle in (model, scorer):
            with pytest.raises(TypeError, match="copied or pickled"):
                duplicate(handle)


def test_a_failed_open_leaves_nothing(folder):
    for _ in range(3):
        with pytest.raises(libamp.AmpError):
            libamp.Model(folder / "nowhere")
    gc.collect()


def test_wrong_handles_are_refused(model):
    """ctypes knows a type for each kind of handle."""
    import ctypes
    with pytest.raises(ctypes.ArgumentError):
        _ffi.lib.amp_scorer_methods(model._ptr)
    with pytest.raises(libamp.AmpArgumentError):
        libamp.Scorer("model")


def test_log_outlives_its_context():
    """The callback stays while anything of the context does."""
    lines = []
    context = libamp.Context(log=lambda level, line: lines.append((level, line)), level="debug")
    model = libamp.Model.create(ARCH, PREPROCESS, context=context)
    kept = weakref.ref(context)
    del context
    assert kept() is model.context
    assert model.forward(np.zeros((1, 6, 16, 16), np.float32)).shape == (1, 10)
    del model
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("order", list(itertools.permutations(["model", "scorer", "dataset"])))
def test_end_of_the_process(order, model_file, cifar):
    """Globals that are still there when Python ends, with a thread inside C."""
    lines = {"model": "model = libamp.Model(sys.argv[1])",
             "scorer": "scorer = libamp.Scorer(libamp.Model(sys.argv[1]))",
             "dataset": "dataset = libamp.Dataset('cifar10:' + sys.argv[2])"}
    code = "\n".join(["import sys, threading, numpy as np, libamp", *(lines[o] for o in order),
                      "images = np.zeros((20000, 16, 16, 3), np.uint8)",
                      "busy = threading.Event()",
                      "threading.Thread(target=lambda: scorer.score(images, "
                      "progress=lambda p: busy.set()), daemon=True).start()",
                      "assert busy.wait(60)"])
    done = subprocess.run([sys.executable, "-c", code, str(model_file), str(cifar)], check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_names_of_one_bank(model):
    one, two = model.bank, model.bank
    del one
    assert len(two) == 3
    same(libamp.Scorer(model, bank=two).score(pixels(2)), libamp.Scorer(model).score(pixels(2)))
