# SPDX-License-Identifier: Apache-2.0
"""amp forward: arrays in, logits out, against the same numbers by another way."""
import os
import resource
import signal

import numpy as np
import pytest
from conftest import K, SANITIZED, amp, leftovers
from PIL import Image

SIDE = 24


def forward(model, folder, x, *more, code=0):
    """The array that comes out for x."""
    np.save(folder / "x.npy", x)
    (folder / "y.npy").unlink(missing_ok=True)
    done = amp("forward", "-m", model, "-i", folder / "x.npy", "-o", folder / "y.npy", *more,
               code=code)
    return np.load(folder / "y.npy") if code == 0 else done.err


@pytest.fixture(name="x")
def some_images():
    return np.random.default_rng(3).random((5, 3, SIDE, SIDE), np.float32)


@pytest.fixture(scope="session", name="anchored")
def model_of_known_anchors(world):
    """The model with three anchors whose pixels are at hand: values in 0..1, [K,3,side,side]."""
    pixels = np.random.default_rng(5).integers(0, 256, (K, SIDE, SIDE, 3)).astype(np.uint8)
    files = [world / f"anchor{i}.png" for i in range(K)]
    for file, array in zip(files, pixels):
        Image.fromarray(array).save(file)
    amp("bank", "-m", world / "model.st", "-o", world / "known.st", *files)
    return world / "known.st", (pixels / np.float32(255)).astype(np.float32).transpose(0, 3, 1, 2)


def test_plain(plain, x, tmp_path):
    y = forward(plain, tmp_path, x)
    assert y.shape == (5, 3) and y.dtype == np.float32 and np.isfinite(y).all()
    for i in range(5):
        assert np.array_equal(forward(plain, tmp_path, x[i:i + 1]), y[i:i + 1])


def test_bank_pairs_with_each_anchor(anchored, x, tmp_path):
    model, anchors = anchored
    y = forward(model, tmp_path, x, "--bank")
    assert y.shape == (5, K, 3)
    for k in range(K):
        pair = np.concatenate([np.broadcast_to(anchors[k], x.shape), x - anchors[k]], axis=1)
        direct = forward(model, tmp_path, pair)
        assert np.allclose(direct, y[:, k], rtol=1e-4, atol=1e-4)


def test_score_sees_the_same_logits(anchored, tmp_path):
    """Label and tau of amp score from the logits of amp forward."""
    model, _ = anchored
    pixels = np.random.default_rng(8).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    x = (pixels / np.float32(255)).astype(np.float32).transpose(2, 0, 1)[np.newaxis]
    logits = forward(model, tmp_path, x, "--bank").astype(float)[0]
    row, = amp("score", "-m", model, "-j", tmp_path / "image.png").rows()
    sigmoid = 1 / (1 + np.exp(-logits))
    assert row["label"] == logits.mean(axis=0).argmax()
    assert row["tau"] == pytest.approx(sigmoid.std(axis=0, ddof=1).sum(), abs=1e-5)


def test_python_gives_the_same_bits(anchored, x, tmp_path):
    if SANITIZED:
        pytest.skip("Python cannot load a sanitised library")
    import libamp
    model, _ = anchored
    opened = libamp.Model(model)
    assert np.array_equal(opened.forward(x, bank=True), forward(model, tmp_path, x, "--bank"))
    pair = np.concatenate([x, x], axis=1)
    assert np.array_equal(opened.forward(pair), forward(model, tmp_path, pair))


@pytest.mark.parametrize("change, says", [
    (lambda x: x.astype(np.float64), "'<f4'"),
    (lambda x: np.asfortranarray(x), "C order"),
    (lambda x: x[:0], "must be [n >= 1, 3, 24, 24]"),
    (lambda x: x[:, :2], "must be [n >= 1, 3, 24, 24]"),
    (lambda x: x[:, :, :, :-1], "must be [n >= 1, 3, 24, 24]"),
    (lambda x: x[0], "must be [n >= 1, 3, 24, 24]"),
    (lambda x: x[:, 1:], "the input is [5, 2, 24, 24], it must be [n >= 1, 3, 24, 24]"),
    (lambda x: x[0, 0, 0, 0], "a single value"),
    (lambda x: x[None], "more than 4 sides"),
    (lambda x: np.where(x == x[0, 0, 0, 2], np.float32(1e30), x),
     "value 2 of the input is 1e+30, allowed -1e+12..1e+12"),
    (lambda x: np.where(x == x[1, 0, 0, 0], np.float32(np.nan), x), "value 1728 of the input is nan"),
    (lambda x: np.where(x == x[0, 0, 0, 1], np.float32(np.inf), x), "value 1 of the input is inf"),
])
def test_bad_arrays(plain, x, tmp_path, change, says):
    said = forward(plain, tmp_path, change(x), code=3)
    assert says in said and "x.npy: " in said
    assert not (tmp_path / "y.npy").exists()


def test_bad_files(plain, x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    whole = (tmp_path / "x.npy").read_bytes()
    bad = tmp_path / "bad.npy"
    for data in (b"", whole[:9], whole[:60], whole[:-1], whole + b"x", b"PK" + whole,
                 whole.replace(b"(5, 3,", b"(5000000, 3,")):
        bad.write_bytes(data)
        assert "bad.npy" in amp("forward", "-m", plain, "-i", bad, "-o", tmp_path / "y.npy", code=3).err
    assert amp("forward", "-m", plain, "-i", tmp_path / "none", "-o", tmp_path / "y.npy", code=3)
    assert not (tmp_path / "y.npy").exists()


def raw_npy(path, header, x, version=1):
    text = header.encode()
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + length + text + x.tobytes())
    return path


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("header", [
    "{'descr':'<f4','fortran_order':False,'shape':(5,3,24,24)}",
    '{"shape": (5, 3, 24, 24,), "descr": "<f4", "fortran_order": False,}\n',
    "  {\t'shape' : ( 5 , 3,24 ,24 ) ,'fortran_order' : False , \"descr\": '<f4' }   \n",
])
def test_headers_of_other_writers(plain, x, tmp_path, header, version):
    wanted = forward(plain, tmp_path, x)
    raw = raw_npy(tmp_path / "raw.npy", header, x, version)
    amp("forward", "-m", plain, "-i", raw, "-o", tmp_path / "z.npy")
    assert np.array_equal(np.load(tmp_path / "z.npy"), wanted)


@pytest.mark.parametrize("header, says", [
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 3, 24, 24)}", "'<f4'"),
    ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (5, 3, 24, 24)}", "'<f4'"),
    ("{'descr': '<f4', 'fortran_order': True, 'shape': (5, 3, 24, 24)}", "C order"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 24, -1)}", "negative side"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 24, 4294967297)}", "4294967296"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "4294967296"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65537)}", "4294967296"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 24, 24, 1)}", "more than 4 sides"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5 3)}", "no tuple"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': 5}", "no tuple"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5", "no tuple"),
    ("{'descr': '<f4', 'fortran_order': False}", "lacks"),
    ("{'descr': '<f4', 'colour': 1}", "'colour'"),
    ("{'descr' '<f4'}", "no dictionary"),
    ("{'descr': '<f4'", "no dictionary"),
    ("5", "no dictionary"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 24, 24)} x", "more than a dict"),
])
def test_headers_of_no_use(plain, x, tmp_path, header, says):
    raw = raw_npy(tmp_path / "raw.npy", header, x)
    done = amp("forward", "-m", plain, "-i", raw, "-o", tmp_path / "z.npy", code=3)
    assert f"{raw}: " in done.err and says in done.err


def test_a_folder_is_no_array(plain, tmp_path):
    done = amp("forward", "-m", plain, "-i", tmp_path, "-o", tmp_path / "z.npy", code=3)
    assert "Is a directory" in done.err


def test_what_a_model_lacks(plain, bare, model, x, tmp_path):
    assert "takes no anchors" in forward(plain, tmp_path, x, "--bank", code=4)
    assert "no anchors yet" in forward(bare, tmp_path, x, "--bank", code=4)
    assert "with --bank" in forward(model, tmp_path, x, code=3)
    assert forward(bare, tmp_path, np.concatenate([x, x], axis=1)).shape == (5, 3)


def test_where_output_goes(plain, x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    run = ["forward", "-m", plain, "-i", tmp_path / "x.npy", "-o"]
    assert "No such file" in amp(*run, tmp_path / "none/y.npy", code=5).err
    (tmp_path / "y.npy").write_bytes(b"before")
    os.chmod(tmp_path / "y.npy", 0o600)
    amp(*run, tmp_path / "y.npy")
    assert np.load(tmp_path / "y.npy").shape == (5, 3)
    assert (tmp_path / "y.npy").stat().st_mode & 0o777 == 0o600


def test_output_through_links(plain, model, x, tmp_path):
    """A link stays one, also where what it leads to is not there yet."""
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "deep").mkdir()
    for name, command in (("y.npy", ["forward", "-m", plain, "-i", tmp_path / "x.npy"]),
                          ("m.st", ["bank", "-m", model, "-k", 2])):
        (tmp_path / name).symlink_to(f"deep/second.{name}")
        (tmp_path / f"deep/second.{name}").symlink_to(f"../third.{name}")
        for _ in range(2):
            amp(*command, "-o", tmp_path / name)
            assert (tmp_path / name).is_symlink()
            assert (tmp_path / f"deep/second.{name}").is_symlink()
            assert (tmp_path / f"third.{name}").lstat().st_size > 100
        (tmp_path / f"circle.{name}").symlink_to(f"circle.{name}")
        done = amp(*command, "-o", tmp_path / f"circle.{name}", code=5)
        assert "levels of symbolic links" in done.err
        (tmp_path / f"lost.{name}").symlink_to("none/at/all")
        assert "No such file" in amp(*command, "-o", tmp_path / f"lost.{name}", code=5).err
    assert leftovers(tmp_path) == leftovers(tmp_path / "deep") == []


def test_full_disk_leaves_what_was_there(plain, x, tmp_path):
    """RLIMIT_FSIZE stands for a disk without room."""
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "y.npy").write_bytes(b"before")

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    done = amp("forward", "-m", plain, "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npy", code=5,
               preexec_fn=small)
    assert "File too large" in done.err
    assert (tmp_path / "y.npy").read_bytes() == b"before" and leftovers(tmp_path) == []
