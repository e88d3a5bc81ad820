# SPDX-License-Identifier: Apache-2.0
"""Every file of decoder_corpus.tar is decoded as its manifest says or refused with a message."""
import csv
import hashlib
import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps

from toolbox import Refused, members

FORMAT, LIMIT, UNSUPPORTED = -4, -5, -7

# Files that Pillow 9.4 takes and libamp refuses, and why.
STRICTER = {
    "libjpeg_turbo/testorig.ppm": (UNSUPPORTED, "not JPEG or PNG"),
    "libpng_testpngs/crashers/badcrc.png": (FORMAT, "wrong CRC on IDAT"),
    "libpng_testpngs/crashers/huge_IDAT.png": (FORMAT, "IDAT is longer than the file"),
    "made/png_bad_crc_idat.png": (FORMAT, "wrong CRC on IDAT"),
    "made/png_bomb_12000x12000_gray.png": (LIMIT, "144 Mpixel"),
    "made/png_ihdr_twice.png": (FORMAT, "two headers"),
    "made/png_no_palette.png": (FORMAT, "palette picture without palette"),
    "made/png_short_idat_data.png": (FORMAT, "rows are missing"),
    "made/truncated_png_small_00143.png": (FORMAT, "truncated"),
    "made/truncated_png_small_00144.png": (FORMAT, "truncated"),
    "made/mutated_png_small_04.png": (FORMAT, "wrong CRC on IDAT"),
    "pillow/hopper_bad_exif.jpg": (FORMAT, "its pixel data have a bad Huffman code"),
    "pngsuite/xcsn0g01.png": (FORMAT, "wrong checksum of IDAT"),
}
# Files that Pillow 9.4 refuses and libamp takes, and why.
MILDER = {
    "libpng_testpngs/crashers/empty_ancillary_chunks.png": "only chunks that are skipped are odd",
    "pillow/png_decompression_dos.png": "the bomb is in a text chunk, which is skipped",
}
# Files whose fate is libpng's: 1.6.39 refuses, 1.6.48 takes.
EITHER = {"made/mutated_png_small_32.png": (FORMAT, "wrong CRC on IEND")}
# Files with other pixels than Pillow's, and why.
OTHER_PIXELS = {
    "made/png_palette_index_out_of_range.png": "no palette entry: black here, a grey there",
    "pillow/xmp_tags_orientation_exiftool.png": "Pillow takes an orientation from XMP text",
}
# 16-bit grey: Pillow has 32-bit integers, libamp the high byte.
GREY16 = {"I", "I;16", "I;16B"}


def is_other_format(row):
    return row["signature"] not in ("jpeg", "png")


@pytest.fixture(scope="module")
def corpus():
    files = {name.split("/", 1)[1]: data for name, data in members("decoder_corpus.tar")}
    rows = list(csv.DictReader(io.StringIO(files["MANIFEST.tsv"].decode()), delimiter="\t"))
    assert len(rows) == 618
    return rows, files


@pytest.fixture(scope="module")
def results(tool, corpus):
    """Of each path: the pixels or the refusal."""
    rows, files = corpus
    found = {}
    for row in rows:
        try:
            found[row["path"]] = tool.decode(files[row["path"]])
        except Refused as refused:
            found[row["path"]] = refused
    return found


def is_damaged_jpeg(row):
    """Files with random bytes overwritten: entropy-coded data have no checksum."""
    return row["path"].startswith("made/mutated_jpeg")


def pillow_pixels(data, mode):
    """What Pillow shows upright as RGB; None when this Pillow refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
            if mode in GREY16:
                high = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
                return np.repeat(high[:, :, None], 3, axis=2)
            return np.asarray(image.convert("RGB"))
        except Exception:  # any refusal of another Pillow
            return None


def test_what_is_taken_and_what_is_refused(corpus, results):
    for row in corpus[0]:
        path, result = row["path"], results[row["path"]]
        refused = isinstance(result, Refused)
        if refused:
            assert result.message and result.status in (FORMAT, LIMIT, UNSUPPORTED), path
        if path in STRICTER:
            assert refused and result.status == STRICTER[path][0], (path, result)
        elif path in EITHER:
            assert not refused or result.status == EITHER[path][0], (path, result)
        elif path in MILDER:
            assert row["pillow"] == "error" and not refused, (path, result)
        elif row["pillow"] == "error":
            assert refused, path
        elif not is_damaged_jpeg(row):
            assert not refused, (path, result)


def test_exceptions_are_in_the_corpus(corpus):
    known = {row["path"] for row in corpus[0]}
    assert known >= set(STRICTER) | set(MILDER) | set(EITHER) | set(OTHER_PIXELS)


def test_sizes_are_the_manifests(corpus, results):
    compared = 0
    for row in corpus[0]:
        result = results[row["path"]]
        if row["pillow"] != "ok" or isinstance(result, Refused):
            continue
        height, width = result.shape[:2]
        stored = (int(row["width"]), int(row["height"]))
        turned = any(f"orient{o}" in row["jpeg_header"] for o in "5678")
        assert (width, height) == (stored[::-1] if turned else stored), row["path"]
        compared += 1
    assert compared > 350


def test_pixels_are_pillows(corpus, results):
    rows, files = corpus
    compared = 0
    for row in rows:
        path, result = row["path"], results[row["path"]]
        if row["pillow"] != "ok" or isinstance(result, Refused) or path in OTHER_PIXELS:
            continue
        want = pillow_pixels(files[path], row["pillow_mode"])
        if want is None:
            continue
        assert np.array_equal(result, want), (path, result.shape, want.shape)
        compared += 1
    assert compared > 350


def test_png_checksums_are_the_manifests(corpus, results):
    """Independent of the Pillow at hand, for opaque pictures: alpha is not in libamp's output."""
    rows, files = corpus
    compared = 0
    for row in rows:
        path, result = row["path"], results[row["path"]]
        if row["md5_rgba"] == "-" or isinstance(result, Refused) or path in OTHER_PIXELS:
            continue
        if row["pillow_mode"] in ("LA", "RGBA", "PA") or b"tRNS" in files[path]:
            continue
        opaque = np.concatenate([result, np.full_like(result[:, :, :1], 255)], axis=2)
        assert hashlib.md5(opaque.tobytes()).hexdigest() == row["md5_rgba"], path
        compared += 1
    assert compared > 120


def test_alpha_is_composited_as_pillow_pastes(tool, corpus):
    rows, files = corpus
    background = (200, 100, 7)
    compared = 0
    for row in rows:
        if row["pillow_mode"] not in ("LA", "RGBA") or row["pillow"] != "ok":
            continue
        if row["path"] in OTHER_PIXELS or row["path"] in STRICTER or row["path"] in EITHER:
            continue
        front = Image.open(io.BytesIO(files[row["path"]])).convert("RGBA")
        want = Image.new("RGB", front.size, background)
        want.paste(front, mask=front.getchannel("A"))
        got = tool.decode(files[row["path"]], composite=background)
        assert np.array_equal(got, np.asarray(want)), row["path"]
        compared += 1
    assert compared > 25


def test_damaged_jpegs_are_mostly_noticed(corpus, results):
    damaged = [results[row["path"]] for row in corpus[0] if is_damaged_jpeg(row)]
    assert len(damaged) == 80
    assert sum(isinstance(result, Refused) for result in damaged) > 30


@pytest.mark.parametrize("name, step", [
    ("imagenet_250.tar", 10), ("dtd_10classes.tar", 20), ("sun_8scenes.tar", 20),
    ("intel_scenes.tar", 10), ("tiny_imagenet_val.tar", 20), ("omniglot_small1.tar", 20)])
def test_natural_files_are_pillows(tool, name, step):
    images = [item for item in members(name) if item[0].lower().endswith((".jpg", ".jpeg", ".png"))]
    assert len(images) >= 250
    for path, data in images[::step]:
        want = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
        assert np.array_equal(tool.decode(data), want), path
