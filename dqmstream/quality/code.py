"""Which code judged: the release, and a hash of what its algorithms are."""

import hashlib
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from dqmstream import __version__
from dqmstream.quality.algorithm import Algorithm

__all__ = ["code_of"]

_OURS: Final = "dqmstream.quality"


def code_of(algorithms: Iterable[Algorithm[Any]]) -> str:
    """Release and hash of the sources of `dqmstream.quality` and of the modules that algorithms of
    plug-ins are in: `0.3.0 8a9bacbdcedfe0f1`."""
    modules = {getattr(one.measure, "__module__", "") or "" for one in algorithms}
    foreign = sorted(name for name in modules if not name.startswith(_OURS))
    return _code(tuple(foreign))


@lru_cache(maxsize=100)
def _code(foreign: tuple[str, ...]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for source in _sources(resources.files(_OURS)):
        digest.update(source)
    for name in foreign:
        file = getattr(sys.modules.get(name), "__file__", None)
        digest.update(Path(file).read_bytes() if file and Path(file).is_file() else name.encode())
    return f"{__version__} {digest.hexdigest()}"


def _sources(folder: Traversable) -> Iterable[bytes]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry.name.encode() + b"\0" + entry.read_bytes()
