# SPDX-License-Identifier: Apache-2.0
"""The Python package: types that mypy accepts."""
import os
import subprocess
import sys

import house
import pytest


def test_package_is_typed():
    """Strictly, as its users will see it (py.typed)."""
    assert (house.ROOT / "bindings/python/libamp/py.typed").exists()
    run = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports",
                          f"--cache-dir={os.devnull}", "bindings/python/libamp"],
                         check=False, capture_output=True, text=True, cwd=house.ROOT)
    if "No module named mypy" in run.stderr and os.environ.get("AMP_REQUIRE_ALL") != "1":
        pytest.skip("mypy is not installed")
    assert run.returncode == 0, run.stdout + run.stderr
