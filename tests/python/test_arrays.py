# SPDX-License-Identifier: Apache-2.0
"""Arrays as callers have them: read-only, cut out, transposed, of the wrong type or shape."""
import numpy as np
import pytest
from conftest import pixels, same

import libamp
from libamp import _arrays


@pytest.fixture(scope="module", name="scorer")
def default_scorer(model):
    return libamp.Scorer(model)


def layouts(images):
    """The same values otherwise in memory."""
    wide = np.zeros((len(images), 20, 40, 3), np.uint8)
    wide[:, 2:18, 4:36:2] = images
    aligned = np.zeros(images.nbytes + 1, np.uint8)[1:]
    aligned[:] = images.reshape(-1)
    read_only = images.copy()
    read_only.flags.writeable = False
    return {
        "cut out": wide[:, 2:18, 4:36:2],
        "reversed": images[::-1].copy()[::-1],
        "channels first": np.ascontiguousarray(images.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
        "fortran": np.asfortranarray(images),
        "bgr": images[..., ::-1].copy()[..., ::-1],
        "odd address": aligned.reshape(images.shape),
        "read-only": read_only,
        "list": [np.array(image) for image in images],
        "broadcast": np.broadcast_to(images, images.shape),
    }


def test_layouts(scorer):
    images = pixels(6)
    want = scorer.score(images)
    for array in layouts(images).values():
        same(want, scorer.score(array))


def test_no_copy_where_none_is_needed():
    images = pixels(3)
    assert _arrays.rgb8(images).ctypes.data == images.ctypes.data
    images.flags.writeable = False
    assert _arrays.rgb8(images[1:]).ctypes.data == images[1:].ctypes.data
    assert _arrays.rgb8(images[0]).ctypes.data == images.ctypes.data
    assert not np.shares_memory(_arrays.rgb8(images[:, ::2]), images)
    values = np.zeros((2, 3), np.float32)
    assert _arrays.floats(values, "x", 2, np.float32) is values


def test_input_is_not_changed(scorer):
    images = pixels(4)
    before = images.copy()
    scorer.score(images)
    assert (images == before).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float32, np.float64, bool,
                                   object, "U3"])
def test_wrong_type(scorer, dtype):
    with pytest.raises(libamp.AmpArgumentError, match="uint8"):
        scorer.score(np.zeros((1, 16, 16, 3), dtype))


@pytest.mark.parametrize("shape", [(), (3,), (16, 16), (1, 16, 16, 1), (1, 16, 16, 4),
                                   (1, 3, 16, 16), (1, 1, 16, 16, 3), (1, 0, 16, 3),
                                   (1, 16, 0, 3)])
def test_wrong_shape(scorer, shape):
    with pytest.raises(libamp.AmpShapeError):
        scorer.score(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError):
        scorer.score(np.zeros(shape, np.uint8))


def test_other_objects(scorer):
    for thing in ("text", None, 5, [1, 2]):
        with pytest.raises(libamp.AmpArgumentError):
            scorer.score(thing)


def test_image_is_a_view(pictures):
    image = libamp.Image(pictures[0])
    view = np.asarray(image)
    assert view.shape == (image.height, image.width, 3) and not view.flags.writeable
    assert view.__array_interface__["data"][0] == image.__array_interface__["data"][0]
    want = view.copy()
    del image
    junk = [libamp.Image.from_array(pixels(1, 14, 30, seed=i)[0]) for i in range(20)]
    assert (view == want).all() and junk


def test_image_equals_pillow(pictures):
    import PIL.Image
    for path in pictures:
        want = PIL.Image.open(path)
        got = libamp.Image(path)
        assert (np.asarray(got) == np.asarray(want)).all()
        assert (np.asarray(libamp.Image.decode(path.read_bytes())) == np.asarray(want)).all()
        small = want.resize((9, 11), PIL.Image.BICUBIC)
        assert (np.asarray(got.resize(9, 11, "bicubic")) == np.asarray(small)).all()
        assert (np.asarray(got.resize(9, 11, libamp.Filter.BICUBIC)) == np.asarray(small)).all()
        middle = np.asarray(got.crop_center(4, 4))
        assert middle.shape == (4, 4, 3)


def test_image_from_array():
    array = pixels(1, 9, 7)[0]
    image = libamp.Image.from_array(array[:, ::-1])
    assert (np.asarray(image) == array[:, ::-1]).all()
    with pytest.raises(libamp.AmpShapeError):
        libamp.Image.from_array(pixels(1))


def test_bytes_of_all_kinds(pictures, model_file):
    data = pictures[0].read_bytes()
    want = np.asarray(libamp.Image.decode(data))
    for other in (bytearray(data), memoryview(data), np.frombuffer(data, np.uint8),
                  memoryview(b"".join(bytes([b, 0]) for b in data))[::2]):
        assert (np.asarray(libamp.Image.decode(other)) == want).all()
    for nothing in (b"", bytearray()):
        with pytest.raises(libamp.AmpFormatError):
            libamp.Image.decode(nothing)
    with pytest.raises(libamp.AmpArgumentError, match="bytes-like"):
        libamp.Image.decode("text")
    assert libamp.Model.from_bytes(bytearray(model_file.read_bytes())).info.classes == 10


def test_transparency(folder):
    import PIL.Image
    path = folder / "alpha.png"
    PIL.Image.fromarray(np.full((2, 2, 4), (10, 20, 30, 0), np.uint8)).save(path)
    assert (np.asarray(libamp.Image(path)) == (10, 20, 30)).all()
    assert (np.asarray(libamp.Image(path, background=(1, 2, 3))) == (1, 2, 3)).all()
    for background in ((1, 2), (1, 2, 256), (1, 2, -1)):
        with pytest.raises(libamp.AmpArgumentError):
            libamp.Image(path, background=background)
