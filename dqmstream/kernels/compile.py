"""Compiling kernels: released GIL, no fast-math, kept on disk where something can be written."""

import contextlib
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numba
from numba.core.caching import NullCache

__all__ = ["CacheReport", "kernel", "use_cache"]

_config: Final[Any] = numba.config
_KERNELS: Final[list[Any]] = []
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheReport:
    """Where compiled kernels are kept; `folder` is None, and `problem` says why, if nowhere."""

    folder: Path | None
    problem: str = ""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` at its first call, cached beside it or in the user's cache folder.

    A read-only installation without a home must still start: it then compiles at each start.
    """
    dispatcher = numba.njit(nogil=True)(function)
    _KERNELS.append(dispatcher)
    with contextlib.suppress(RuntimeError, OSError):
        # Without a folder to write to Numba refuses here; `use_cache` reports it.
        dispatcher.enable_caching()
    return dispatcher


def use_cache(folder: Path | None) -> CacheReport:
    """Keep compiled kernels in `folder` from here on; call it before they first run.

    Each version of the kernels' sources gets a folder of its own: Numba notices a change of the
    file of a kernel, but not of another file it takes functions from.

    Parameters
    ----------
    folder
        None leaves it to Numba: beside the sources, else the user's cache.
    """
    if folder is not None:
        _config.CACHE_DIR = str(folder / f"kernels-{_source_hash()}")
    for dispatcher in _KERNELS:
        try:
            dispatcher.enable_caching()
        except (RuntimeError, OSError) as error:
            return _without_cache(str(error))
    path = _KERNELS[0].stats.cache_path if _KERNELS else None
    return CacheReport(folder=Path(path) if path else None)


def _without_cache(problem: str) -> CacheReport:
    for dispatcher in _KERNELS:
        dispatcher._cache = NullCache()
    _log.warning("kernels are compiled at each start: %s", problem)
    return CacheReport(folder=None, problem=problem)


def _source_hash() -> str:
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
