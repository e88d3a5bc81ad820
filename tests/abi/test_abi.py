# SPDX-License-Identifier: Apache-2.0
"""A program built against an earlier release of this soname runs on: types and symbols are kept."""
import os
import pathlib
import shutil

import abi
import pytest

BUILD = pathlib.Path(os.environ.get("AMP_BUILD", "."))


@pytest.fixture(autouse=True)
def libabigail():
    if shutil.which("abidiff") is None:
        if os.environ.get("AMP_REQUIRE_ALL") == "1":
            pytest.fail("abidiff is not installed")
        pytest.skip("abidiff is not installed")


def test_this_release_is_recorded():
    assert (abi.HERE / f"libamp-{abi.version()}.abi").exists()


def test_records_are_kept():
    assert abi.records()
    for path in abi.records():
        assert abi.differences(path, BUILD) == "", path.name


def test_a_moved_member_is_noticed(tmp_path):
    """The comparison can fail: a record in which one member lies elsewhere."""
    text = abi.records()[0].read_text(encoding="utf-8")
    start = text.index("<class-decl name='amp_image_options'")
    offset = text.index("layout-offset-in-bits='128'", start)
    moved = tmp_path / "moved.abi"
    moved.write_text(text[:offset] + text[offset:].replace("'128'", "'160'", 1), encoding="utf-8")
    assert "offset changed" in abi.differences(moved, BUILD)
