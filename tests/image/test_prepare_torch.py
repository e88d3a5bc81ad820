# SPDX-License-Identifier: Apache-2.0
"""Preparation and the anchor transform against PyTorch and Pillow.

The torch functions below are the tensor formulas of torchvision 0.14, which is not needed itself.
"""
import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from toolbox import members

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
NORMALISE = "mean=" + ":".join(map(str, MEAN)) + ",std=" + ":".join(map(str, STD))
FILTERS = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR,
           "hamming": Image.HAMMING, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


@pytest.fixture(scope="module")
def pictures():
    found = [data for name, data in members("sun_8scenes.tar") if name.endswith(".jpg")][::160]
    return [Image.open(io.BytesIO(data)).convert("RGB") for data in found]


def column(values):
    return torch.tensor(values).view(-1, 1, 1)


def to_tensor(pixels):
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float().div(255)


def normalise(planes, mean=MEAN, std=STD):
    return (planes - column(mean)) / column(std)


def resize_shorter(image, shorter, how):
    """torchvision's Resize(int) on a PIL image."""
    width, height = image.size
    least = min(width, height)
    if least == shorter:
        return image
    size = (shorter, int(shorter * height / width)) if width <= height else (
        int(shorter * width / height), shorter)
    return image.resize(size, how)


def centre_crop(image, height, width):
    """torchvision's CenterCrop on a PIL image at least that large."""
    top, left = int(round((image.height - height) / 2)), int(round((image.width - width) / 2))
    return image.crop((left, top, left + width, top + height))


@pytest.mark.parametrize("how", sorted(FILTERS))
@pytest.mark.parametrize("height, width, shorter", [(32, 32, 0), (224, 224, 256), (28, 20, 31),
                                                    (20, 28, 28), (97, 97, 0)])
def test_crop_is_torchvisions(tool, pictures, how, height, width, shorter):
    text = f"height={height},width={width},shorter={shorter},filter={how},{NORMALISE}"
    for picture in pictures:
        scaled = resize_shorter(picture, shorter or max(height, width), FILTERS[how])
        want = np.asarray(centre_crop(scaled, height, width))
        pixels, planes = tool.prepare(np.asarray(picture), text)
        assert np.array_equal(pixels, want)
        assert np.array_equal(planes, normalise(to_tensor(want)).numpy())


def test_stretch_and_grey(tool, pictures):
    text = "height=28,width=21,channels=1,fit=stretch,filter=bicubic,mean=0.1307,std=0.3081"
    for picture in pictures:
        want = np.asarray(picture.convert("L").resize((21, 28), Image.BICUBIC))[:, :, None]
        pixels, planes = tool.prepare(np.asarray(picture), text, channels=1)
        assert np.array_equal(pixels, want)
        assert np.array_equal(planes, normalise(to_tensor(want), (0.1307,), (0.3081,)).numpy())


# ---- the transform ---------------------------------------------------------------------------

def resized_crop(planes, top, left, height, width):
    part = planes[:, top:top + height, left:left + width]
    return F.interpolate(part[None], size=planes.shape[1:], mode="bilinear", align_corners=False)[0]


def brightness(planes, factor):
    return (planes * factor).clamp(0, 1)


def gaussian(size, sigma):
    at = torch.linspace(-(size - 1) / 2, (size - 1) / 2, size)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    return kernel / kernel.sum()


def blur(planes, sigma, columns=3, rows=9):
    kernel = torch.mm(gaussian(rows, sigma)[:, None], gaussian(columns, sigma)[None])
    kernel = kernel.expand(planes.shape[0], 1, rows, columns)
    padded = F.pad(planes[None], [columns // 2, columns // 2, rows // 2, rows // 2], mode="reflect")
    return F.conv2d(padded, kernel, groups=planes.shape[0])[0]


def grey(planes):
    return (0.2989 * planes[0] + 0.587 * planes[1] + 0.114 * planes[2]).expand(3, -1, -1)


def transformed(planes, draw):
    top, left, height, width, flip, jitter, factor, sigma, to_grey = draw
    planes = resized_crop(planes, top, left, height, width)
    if flip:
        planes = planes.flip(-1)
    if jitter:
        planes = blur(brightness(planes, factor), sigma)
    return grey(planes) if to_grey else planes


def draws(generator, size):
    for i in range(60):
        height, width = generator.integers(size * 2 // 3, size + 1, 2)
        yield (int(generator.integers(0, size - height + 1)),
               int(generator.integers(0, size - width + 1)), int(height), int(width), i % 2,
               int(i % 3 > 0), round(float(generator.uniform(0.5, 1.5)), 6),
               round(float(generator.uniform(0.1, 5.0)), 6), int(i % 5 == 0))


@pytest.mark.parametrize("size", [32, 17])
def test_transform_is_torchvisions(tool, pictures, size):
    generator = np.random.default_rng(3)
    text = f"height={size},width={size},fit=stretch,{NORMALISE}"
    for i, draw in enumerate(draws(generator, size)):
        _, planes = tool.prepare(np.asarray(pictures[i % len(pictures)]), text)
        normalised = torch.from_numpy(planes.copy())
        pixels = normalised * column(STD) + column(MEAN)
        got = tool.transform(draw, 0, planes, text)
        np.testing.assert_allclose(got, normalise(transformed(pixels, draw)).numpy(), atol=1e-5)
        got = tool.transform(draw, 1, planes, text)
        np.testing.assert_allclose(got, transformed(normalised, draw).numpy(), atol=1e-5)
