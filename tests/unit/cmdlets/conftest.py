"""What the tests of the cmdlets share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cmdlets.scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A session whose service knows nothing yet, in an empty folder."""
    return Scene(tmp_path)
