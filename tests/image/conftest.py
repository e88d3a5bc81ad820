# SPDX-License-Identifier: Apache-2.0
"""The fixture `tool`: one image_tool a test file, whose exit status is checked."""
import pytest

from toolbox import Tool


@pytest.fixture(scope="module")
def tool():
    running = Tool()
    yield running
    running.close()
