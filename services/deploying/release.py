"""Which release runs here: its version, and a hash of its sources."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from dqmstream import __version__

__all__ = ["release"]

_PACKAGES: Final = ("dqmstream", "services")


@cache
def release() -> str:
    """As `0.1.0 8a9bacbdcedfe0f1`: two checkouts of one version are two releases. Reads files."""
    digest = hashlib.blake2b(digest_size=8)
    for package in _PACKAGES:
        for path, entry in _sources(resources.files(package), package):
            digest.update(f"{path}\0".encode())
            digest.update(entry.read_bytes())
    return f"{__version__} {digest.hexdigest()}"


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _sources(entry, path)
        elif entry.name.endswith((".py", ".toml", ".js")):
            yield path, entry
