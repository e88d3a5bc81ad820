# SPDX-License-Identifier: Apache-2.0
"""The installed library."""
import shutil

import pytest
from installed import BUILD, run


@pytest.fixture(scope="module", name="prefix")
def installed(tmp_path_factory):
    """Installed in one place, then moved to another: everything below runs from there."""
    first = tmp_path_factory.mktemp("first") / "amp"
    run("cmake", "--install", BUILD, "--prefix", first)
    second = tmp_path_factory.mktemp("second") / "elsewhere"
    shutil.move(first, second)
    return second
