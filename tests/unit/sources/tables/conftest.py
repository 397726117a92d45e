"""A place for small event files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.event_files import Write, write_events


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Function of (name, columns) that writes a file as its suffix says."""

    def written(name: str, columns: Mapping[str, Any]) -> Path:
        return write_events(tmp_path / name, columns)

    return written
