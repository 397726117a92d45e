from pathlib import Path

import pytest

from tests.real_products import FILES, Read, RealFile, read_products


@pytest.fixture(scope="session")
def read(real_data: Path) -> Read:
    """All columns of a file, each file decoded once."""
    known: dict[str, RealFile] = {}

    def open_file(name: str) -> RealFile:
        if name not in known:
            known[name] = read_products(real_data / "cms-streamer" / FILES[name])
        return known[name]

    return open_file
