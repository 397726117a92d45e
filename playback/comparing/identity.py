"""What a release is, asked from within it: `python -m playback.comparing.identity`.

Its hash is over the sources of the library, of what runs it here, of all packages that bring
workspaces, analyses or quality tests, and of those that are named as arguments, as a configuration
names `my_detector.dqm:workspace`: whatever changes a result changes it.
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
    """Version and hash of a release, and where its library, its runner and all that is hashed are.

    A release from before `places` says none.
    """

    version: str
    hash: str
    library: str
    runner: str
    places: tuple[str, ...] = ()


def identity(named: Iterable[str] = ()) -> Identity:
    """That of the release this is called in; `named` packages are hashed too."""
    packages = {*_OURS, *_plugged_in(), *named}
    places = [place for name in sorted(packages) for place in _places(name)]
    runner = importlib.util.find_spec("playback.comparing.runner")
    return Identity(
        version=dqmstream.__version__,
        hash=source_hash(places),
        library=str(Path(dqmstream.__file__).resolve()),
        runner="" if runner is None else str(Path(runner.origin or "").resolve()),
        places=tuple(map(str, places)),
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
    sys.stdout.write(msgspec.json.encode(identity(sys.argv[1:])).decode())
