# SPDX-License-Identifier: Apache-2.0
"""Image files made on the spot: folders, lists, tars and what may be wrong with them."""
import io
import os
import tarfile

import numpy as np
import pytest
from datasets import PACK, Set, cifar, fails, pack, picture, png, save, tar


# ---- folders ----

def pets(root):
    """A folder of two classes and things to pass over; name -> pixels in the order to expect."""
    seeds = ["b.png", "cat/1.PNG", "cat/2.jpeg", "cat/deep/er/0.png", "cat/deep-/z.png",
             "cat/noext", "cat-2/1.png", "dog/.. .png", "dog/\u00fc.png"]
    made = {name: save(root / name, picture(i)) for i, name in enumerate(seeds)
            if name != "dog/.. .png"}
    save(root / ".hidden.png", picture(1))
    save(root / "cat" / ".cache" / "x.png", picture(1))
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "empty").mkdir()
    (root / "texts").mkdir()
    (root / "texts" / "a.txt").write_text("\xff\xd8\xff is no JPEG in UTF-8")
    os.mkfifo(root / "dog" / "pipe.png")
    return made


ORDER = ["b.png", "cat/1.PNG", "cat/2.jpeg", "cat/deep/er/0.png", "cat/deep-/z.png", "cat/noext",
         "cat-2/1.png", "dog/\u00fc.png"]


def test_folder(tmp_path):
    made = pets(tmp_path / "pets")
    got = Set(f"folder:{tmp_path}/pets")
    assert got.names == [f"{tmp_path}/pets/{name}" for name in ORDER]
    assert got.class_names == ["cat", "cat-2", "dog"]
    assert got.labels == [-1, 0, 0, 0, 0, 0, 1, 2]
    for name, image in zip(ORDER, got.images):
        assert np.array_equal(image, made[name])
    assert Set(f"{tmp_path}/pets").names == got.names
    assert len(Set(f"folder:{tmp_path}/pets/").names) == 8


def test_folder_flat(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", picture(i))
    got = Set(f"folder:{tmp_path}")
    assert got.labels == [-1] * 3 and got.classes == 0


def test_folder_part(tmp_path):
    save(tmp_path / "train" / "a" / "1.png", picture(0))
    save(tmp_path / "val" / "a" / "2.png", picture(1))
    got = Set(f"folder:{tmp_path}#val")
    assert got.names == [f"{tmp_path}/val/a/2.png"] and got.class_names == ["a"]
    fails(f"folder:{tmp_path}#test", "AMP_E_IO", "test")


def test_folder_links(tmp_path):
    pixels = save(tmp_path / "away" / "1.png", picture(0))
    root = tmp_path / "set"
    (root / "a").mkdir(parents=True)
    (root / "b").symlink_to(tmp_path / "away")
    (root / "a" / "loop").symlink_to(root)
    (root / "a" / "self").symlink_to("self")
    (root / "a" / "one.png").symlink_to(tmp_path / "away" / "1.png")
    (root / "a" / "gone.png").symlink_to("nowhere")
    got = Set(f"folder:{root}")
    assert [name[len(str(root)) + 1:] for name in got.names] == [
        "a/gone.png", "a/one.png", "b/1.png"]
    assert list(got.faults) == [f"{root}/a/gone.png"]
    assert got.faults[f"{root}/a/gone.png"][0] == "AMP_E_IO"
    assert got.labels == [0, 1] and np.array_equal(got.images[1], pixels)


def test_folder_too_deep(tmp_path):
    deep = tmp_path
    for _ in range(70):
        deep = deep / "d"
    save(deep / "x.png", picture(0))
    fails(f"folder:{tmp_path}", "AMP_E_LIMIT", "64")


def test_folder_faults(tmp_path):
    fails(f"folder:{tmp_path}", "AMP_E_FORMAT", "no images")
    fails(f"folder:{tmp_path}/none", "AMP_E_IO", "No such file")
    save(tmp_path / "x.png", picture(0))
    fails(f"folder:{tmp_path}/x.png", "AMP_E_IO", "not a folder")


# ---- lists ----

def test_list(tmp_path):
    for i, name in enumerate(["a.png", "two words.png", "sub/c.png", "d"]):
        save(tmp_path / "set" / name, picture(i))
    text = tmp_path / "set" / "list.txt"
    text.write_bytes(("\ufeff# a comment\r\n\r\na.png 3\r\n  two words.png   0 \n"
                      f"{tmp_path}/set/sub/c.png\t1\r\nd\ntwo words.png\n").encode())
    got = Set(f"list:{text}")
    assert got.labels == [3, 0, 1, -1, -1] and got.class_names == ["-"] * 4
    assert [name[len(str(tmp_path)) + 5:] for name in got.names] == [
        "a.png", "two words.png", "sub/c.png", "d", "two words.png"]
    assert np.array_equal(got.images[4], picture(1))


def test_list_of_names(tmp_path):
    save(tmp_path / "a.png", picture(0))
    text = tmp_path / "list.txt"
    text.write_text("a.png dog\na.png\t10 cats\na.png\tbird\na.png\na.png dog", encoding="utf-8")
    got = Set(f"list:{text}")
    assert got.class_names == ["10 cats", "bird", "dog"]
    assert got.labels == [2, 0, 1, -1, 2]


def test_list_faults(tmp_path):
    text = tmp_path / "list.txt"
    text.write_text("# nothing\n\n")
    fails(f"list:{text}", "AMP_E_FORMAT", "list.txt")
    text.write_bytes(b"a.png\0 1\n")
    fails(f"list:{text}", "AMP_E_FORMAT", "zero byte")
    text.write_text("gone.png 1\nmissing photo.png\n")
    got = Set(f"list:{text}")
    assert list(got.faults) == [f"{tmp_path}/gone.png", f"{tmp_path}/missing photo.png"]
    fails(f"list:{text}?classes=1", "AMP_E_FORMAT", "label 1")
    fails(f"list:{tmp_path}/none", "AMP_E_IO", "none")


def test_list_of_numbers(tmp_path):
    """One word makes them all names; a number too large does not."""
    save(tmp_path / "a.png", picture(0))
    text = tmp_path / "list.txt"
    for label in ("1000000", "-2", "-3", "999999999", "99999999999999999999", "-" + "9" * 70):
        text.write_text(f"a.png 5\na.png {label}\na.png\n")
        fails(f"list:{text}", "AMP_E_FORMAT", "list.txt", label[:40], "-1..999999")
    text.write_text("a.png 70000\na.png -1\na.png 999999\n")
    assert Set(f"list:{text}").labels == [70000, -1, 999999]
    for word in ("-", "x", "1.0", "1e3", "+5"):
        text.write_text(f"a.png 5\na.png {word}\na.png 999999999\n")
        assert Set(f"list:{text}").class_names == sorted(["5", word, "999999999"])


# ---- tars ----

@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_tar_equals_folder(tmp_path, form, suffix, locale):
    pets(tmp_path / "pets")
    with tarfile.open(tmp_path / "pets.tar", "w", format=form) as archive:
        archive.add(tmp_path / "pets", "./pets")
    content = (tmp_path / "pets.tar").read_bytes()
    got = Set(f"tar:{pack(tmp_path / 'pets.tar', content, suffix)}", env={"LC_ALL": locale})
    loose = Set(f"folder:{tmp_path}/pets")
    assert [f"{tmp_path}/{name}" for name in got.names] == loose.names
    assert got.class_names == loose.class_names and got.labels == loose.labels
    assert np.array_equal(got.array(), loose.array())


def test_tar_names(tmp_path):
    one, pixels = png(1)
    files = [("r/z.png", one), ("/r//a/./x.png", png(2)[0]), ("r/.h/x.png", one),
             ("r/../up.png", one), ("r/a/dir.png", (tarfile.DIRTYPE, "")),
             ("r/a/soft.png", (tarfile.SYMTYPE, "x.png")), ("r/b/hard.png", (tarfile.LNKTYPE, "r/z.png")),
             ("r/pipe.png", (tarfile.FIFOTYPE, "")), ("r/b/" + "long" * 30 + ".png", one),
             ("r/MANIFEST.tsv", b"words"), ("r/b/plain", one), ("r/b/empty.png", b"")]
    path = pack(tmp_path / "x.tar", tar(files, tarfile.GNU_FORMAT))
    got = Set(f"tar:{path}")
    assert got.names == ["r/a/x.png", "r/b/empty.png", "r/b/hard.png",
                         "r/b/" + "long" * 30 + ".png", "r/b/plain", "r/z.png"]
    assert list(got.faults) == ["r/b/empty.png"]
    assert got.labels == [0, 1, 1, 1, -1]
    assert np.array_equal(got.images[0], png(2)[1]) and np.array_equal(got.images[1], pixels)


def test_tar_last_of_two_wins(tmp_path):
    path = pack(tmp_path / "x.tar", tar([("a.png", png(1)[0]), ("b.png", png(2)[0]),
                                         ("a.png", png(3)[0])]))
    got = Set(f"tar:{path}")
    assert got.names == ["a.png", "b.png"] and np.array_equal(got.images[0], png(3)[1])


def test_tar_part(tmp_path):
    path = pack(tmp_path / "x.tar", tar([("s/train/a/1.png", png(1)[0]),
                                         ("s/val/a/2.png", png(2)[0]),
                                         ("s/val/b/3.png", png(3)[0])]), ".gz")
    got = Set(f"tar:{path}#val")
    assert got.names == ["s/val/a/2.png", "s/val/b/3.png"] and got.class_names == ["a", "b"]
    fails(f"tar:{path}#test", "AMP_E_ARGUMENT", "test")


def test_tar_faults(tmp_path):
    fails(f"tar:{pack(tmp_path / 'a.tar', tar([('x.txt', b'x')]))}", "AMP_E_FORMAT", "no images")
    fails(f"tar:{pack(tmp_path / 'b.tar', bytes(10240))}", "AMP_E_FORMAT", "no images")
    fails(f"tar:{pack(tmp_path / 'c.tar', b'x' * 2000)}", "AMP_E_FORMAT", "c.tar")
    fails(f"tar:{pack(tmp_path / 'd', png(1)[0])}", "AMP_E_FORMAT", "not a tar")
    fails(f"tar:{pack(tmp_path / 'e.tar', tar([('x.png', (tarfile.LNKTYPE, 'y.png'))]))}",
          "AMP_E_FORMAT", "e.tar")
    links = [("x.png", (tarfile.LNKTYPE, "y.png")), ("z.png", png(1)[0])]
    fails(f"tar:{pack(tmp_path / 'f.tar', tar(links))}", "AMP_E_FORMAT", "link", "y.png")


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_tar_truncated(tmp_path, suffix):
    files = [(f"d/{i}.png", png(i, 40, 30)[0]) for i in range(6)]
    content = pack(tmp_path / "whole.tar", tar(files), suffix).read_bytes()
    end = len(content) if suffix else content.rindex(b"IEND") + 8
    for cut in range(300, end, max(1, end // 23)):
        path = tmp_path / f"cut.tar{suffix}"
        path.write_bytes(content[:cut])
        fails(f"tar:{path}", "AMP_E_FORMAT", "cut.tar")


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_cut_between_members(tmp_path, form, suffix):
    """What is left is a sound archive but for its end."""
    files = [(f"{'d' * 60}/{'n' * 60}{i}.png", png(i, 40, 30)[0]) for i in range(4)]
    content = tar(files, form)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        starts = [info.offset for info in archive]
    for cut in [*starts[1:], len(content.rstrip(b"\0")) // 512 * 512 + 512]:
        path = pack(tmp_path / "cut.tar", content[:cut], suffix)
        fails(f"tar:{path}", "AMP_E_FORMAT", "cut.tar", "end-of-archive")
        assert len(Set(f"tar:{pack(path, content[:cut] + bytes(1024))}").names) in (1, 2, 3, 4)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("kind", ["tar", "cifar10"])
def test_no_flipped_bit_is_missed(tmp_path, kind, suffix):
    """The checksums of the packers see what the unpackers let pass."""
    content = cifar(3)[2] if kind == "cifar10" else tar([("a.png", png(1, 60, 40)[0])])
    packed = pack(tmp_path / "whole", content, suffix).read_bytes()
    for at in range(20, len(packed) - 4, len(packed) // 40):
        damaged = bytearray(packed)
        damaged[at] ^= 1 << at % 8
        path = tmp_path / f"flip.{kind}{suffix}"
        path.write_bytes(damaged)
        fails(f"{kind}:{path}", "AMP_E_FORMAT", "flip")


def test_tar_header_lies(tmp_path):
    whole = bytearray(tar([("a.png", png(1)[0]), ("b.png", png(2)[0])]))
    for size in [b"77777777777\0", b"00000100000\0", b"\x80" + b"\xff" * 11,
                 b"\x80\0\0\0\x10" + bytes(7)]:
        lie = bytearray(whole)
        lie[124:136] = size
        lie[148:156] = b" " * 8
        lie[148:156] = b"%06o\0 " % sum(lie[:512])
        fails(f"tar:{pack(tmp_path / 'lie.tar', bytes(lie))}", "AMP_E_FORMAT", "lie.tar")
        got = Set(f"tar:{pack(tmp_path / 'lie.tar', bytes(lie), '.gz')}")
        assert got.error[0] in ("AMP_E_FORMAT", "AMP_E_LIMIT")
