# SPDX-License-Identifier: Apache-2.0
"""Resizing equals Pillow's Image.resize bit for bit: natural images, six filters, many sizes."""
import io
import itertools

import numpy as np
import PIL
import pytest
from PIL import Image

from toolbox import members

FILTERS = {
    0: Image.NEAREST,
    1: Image.BOX,
    2: Image.BILINEAR,
    3: Image.HAMMING,
    4: Image.BICUBIC,
    5: Image.LANCZOS,
}

# (source width, height, new width, new height); None: the picture's own.
WHOLE = [(None, None, w, h) for w, h in [
    (32, 32), (224, 224), (256, 256), (64, 64), (28, 28), (1, 1), (1, 32), (32, 1), (2, 3), (7, 500),
    (500, 7), (31, 33), (100, 99), (640, 480), (333, 333), (299, 299), (96, 64), (17, 400)]]
CUT = [
    (32, 32, 32, 32), (32, 32, 64, 64), (32, 32, 224, 224), (32, 32, 31, 33), (32, 32, 28, 28),
    (32, 32, 1, 1), (64, 64, 32, 32), (64, 64, 63, 65), (33, 65, 32, 32), (1, 1, 1, 1),
    (1, 1, 32, 32), (1, 1, 7, 3), (1, 90, 32, 32), (90, 1, 32, 32), (1, 90, 1, 3), (90, 1, 3, 1),
    (2, 2, 1, 1), (2, 2, 3, 3), (2, 1, 1, 2), (3, 2, 2, 3), (97, 89, 89, 97), (97, 89, 97, 32),
    (97, 89, 32, 89), (97, 89, 97, 200), (97, 89, 200, 89), (90, 2, 4, 60), (2, 90, 60, 4),
    (64, 48, 640, 480), (96, 96, 95, 95), (96, 96, 97, 97), (96, 96, 48, 48), (96, 96, 13, 192),
    (5, 7, 97, 3), (50, 40, 1, 2000), (50, 40, 2000, 1), (90, 80, 90, 1), (90, 80, 1, 80)]
# Sides of a synthetic strip: extreme ratios that no photograph has.
STRIPS = [(4000, 2, 3, 7), (2, 190, 9, 2), (1, 100, 50, 1), (3000, 1, 32, 32), (3000, 1, 1, 1),
          (7, 700, 5, 3)]


def natural():
    """Photographs and textures of several sets, one grey among them, as RGB arrays."""
    names = {"imagenet_250.tar": 3, "dtd_10classes.tar": 2, "tiny_imagenet_val.tar": 1,
             "sun_8scenes.tar": 1}
    for name, count in names.items():
        images = (data for path, data in members(name) if path.lower().endswith((".jpg", ".jpeg")))
        for data in itertools.islice(images, 0, 40 * count, 40):
            image = Image.open(io.BytesIO(data)).convert("RGB")
            image.thumbnail((500, 500))
            yield np.asarray(image)


@pytest.fixture(scope="module")
def pictures():
    found = list(natural())
    assert len(found) == 7
    return found


def check(tool, pixels, width, height):
    mode = pixels if pixels.shape[2] == 3 else pixels[:, :, 0]
    for kind, pillow in FILTERS.items():
        want = np.asarray(Image.fromarray(mode).resize((width, height), pillow))
        got = tool.resize(pixels, width, height, kind)
        assert np.array_equal(got, want.reshape(got.shape)), (pixels.shape, width, height, kind)


def test_at_least_fifty_size_pairs():
    assert len(set(WHOLE)) + len(set(CUT)) + len(set(STRIPS)) >= 50


@pytest.mark.parametrize("size", WHOLE)
def test_whole_pictures(tool, pictures, size):
    for pixels in pictures[::3]:
        check(tool, pixels, *size[2:])


@pytest.mark.parametrize("size", CUT)
def test_cut_pictures(tool, pictures, size):
    """A part of each picture: the channels together, and one alone as grey."""
    width, height, new_width, new_height = size
    for i, pixels in enumerate(pictures):
        if pixels.shape[0] < height or pixels.shape[1] < width:
            continue
        part = pixels[-height:, :width]
        check(tool, part, new_width, new_height)
        if i < 2:
            check(tool, part[:, :, :1], new_width, new_height)


@pytest.mark.parametrize("size", STRIPS)
def test_strips(tool, pictures, size):
    width, height, new_width, new_height = size
    # Later Pillow shrinks rows first when a picture is over 100 times as tall as wide.
    if height > 100 * width and not PIL.__version__.startswith("9.4"):
        pytest.skip("this Pillow has another pass order")
    flat = pictures[0].reshape(-1, 3)[:width * height]
    check(tool, flat.reshape(height, width, 3), new_width, new_height)


def test_all_small_sizes(tool):
    """Every size 1..6 to every size 1..6 on noise with the extreme values."""
    generator = np.random.default_rng(1)
    for in_w, in_h, out_w, out_h in itertools.product((1, 2, 3, 6), (1, 4, 5), (1, 2, 5, 6), (1, 3, 4)):
        noise = generator.choice(np.array([0, 255, 1, 254], np.uint8), (in_h, in_w, 3))
        check(tool, noise, out_w, out_h)
