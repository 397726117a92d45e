"""What a release is, asked from within it: `python -m playback.comparing.identity`.

Its hash is over the sources of the library, of what runs it here, and of all packages that bring
workspaces, analyses or quality tests: whatever changes a result changes it.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import msgspec

import dqmstream
from dqmstream.analyses.registry import GROUP as ANALYSES
from dqmstream.quality.plugins import GROUP as QUALITY_TESTS
from dqmstream.workspaces.registry import GROUP as WORKSPACES

__all__ = ["GROUPS", "Identity", "identity", "source_hash"]

GROUPS: Final = (WORKSPACES, ANALYSES, QUALITY_TESTS)
"""Of entry points: what a package may bring to be tried."""
_OURS: Final = ("dqmstream", "playback")
_LEFT_OUT: Final = frozenset({"__pycache__", ".git"})


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Version and hash of a release, and where its library and its runner are."""

    version: str
    hash: str
    library: str
    runner: str


def identity() -> Identity:
    """That of the release this is called in."""
    packages = {*_OURS, *_plugged_in()}
    runner = importlib.util.find_spec("playback.comparing.runner")
    return Identity(
        version=dqmstream.__version__,
        hash=source_hash(folder for name in sorted(packages) for folder in _places(name)),
        library=str(Path(dqmstream.__file__).resolve()),
        runner="" if runner is None else str(Path(runner.origin or "").resolve()),
    )


def source_hash(places: Iterable[Path]) -> str:
    """Hash of all files in some folders, by name and content: 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for place in places:
        root = place.parent
        for path in sorted([place] if place.is_file() else place.rglob("*")):
            if not path.is_file() or _LEFT_OUT & set(path.parts) or path.suffix == ".pyc":
                continue
            name = path.relative_to(root).as_posix().encode()
            body = path.read_bytes()
            digest.update(b"%d %s %d " % (len(name), name, len(body)))
            digest.update(body)
    return digest.hexdigest()


def _plugged_in() -> Iterator[str]:
    """Top-level packages of everything that entry points name."""
    for group in GROUPS:
        for point in entry_points(group=group):
            yield point.module.partition(".")[0]


def _places(package: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None:
        return
    if spec.submodule_search_locations is not None:
        yield from (Path(place).resolve() for place in spec.submodule_search_locations)
    elif spec.origin:
        yield Path(spec.origin).resolve()


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(identity()).decode())
