"""Compiling kernels: released GIL, no fast-math, kept on disk where something can be written."""

import contextlib
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numba
from numba.core import types
from numba.core.caching import NullCache

__all__ = ["CacheReport", "compile_with", "inlined", "kernel", "lean_kernel", "spliced"]

_config: Final[Any] = numba.config
_KERNELS: Final[list[Any]] = []
_WITHOUT_REFERENCES: Final[dict[str, Any]] = {"_nrt": False}
"""An option of Numba's that its annotations do not name."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheReport:
    """Where compiled kernels are kept, None if nowhere; and what is not as it was asked for."""

    folder: Path | None
    problem: str = ""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` at its first call, cached beside it or in the user's cache folder.

    A read-only installation without a home must still start: it then compiles at each start.
    """
    return _kept(numba.njit(nogil=True)(function))


def lean_kernel(function: Callable[..., Any]) -> Any:
    """As `kernel`, for functions that only read and write the arrays they are given.

    Numba counts a reference to an array wherever it is passed on, even to a spliced function: in
    code of many small steps that takes several times as long as the steps. Who makes an array in a
    lean kernel is told so when it is compiled.
    """
    return _kept(numba.njit(nogil=True, **_WITHOUT_REFERENCES)(function))


def inlined(function: Callable[..., Any]) -> Any:
    """Put the machine code of `function` into each lean kernel that calls it.

    It is compiled once, and a spliced function at each call: for what is called from many places or
    calls many others, that takes several times as long.
    """
    return _compiled_once(numba.njit(nogil=True, forceinline=True, **_WITHOUT_REFERENCES)(function))


def _kept(dispatcher: Any) -> Any:
    _KERNELS.append(dispatcher)
    with contextlib.suppress(RuntimeError, OSError):
        # Without a folder to write to Numba refuses here; `compile_with` reports it.
        _cache(dispatcher)
    return _compiled_once(dispatcher)


def _compiled_once(dispatcher: Any) -> Any:
    """Let kernels call a function with constants: Numba would compile it anew for each of them."""
    ask = dispatcher.get_call_template
    dispatcher.get_call_template = lambda types_, names: ask(
        tuple(map(types.unliteral, types_)), names
    )
    return dispatcher


def _cache(dispatcher: Any) -> None:
    dispatcher.enable_caching()
    # Numba notices a change of a kernel's own file, but not of one it takes functions from.
    file = dispatcher._cache._cache_file
    file._source_stamp = (file._source_stamp, _source_hash())


def spliced(function: Callable[..., Any]) -> Any:
    """Put `function` into each kernel that calls it: a call for each element would show."""
    return numba.njit(nogil=True, inline="always")(function)


def compile_with(run: Callable[[], object], folder: Path | None) -> CacheReport:
    """Let `run` call all kernels once, so that they are compiled or read from the cache.

    A cache that cannot be written, or holds something broken, is left aside and reported: it
    costs seconds at each start and nothing else.

    Parameters
    ----------
    run
        Calls every kernel with the types it is used with.
    folder
        Where to keep them; None leaves it to Numba (beside the sources, else the user's cache).
    """
    report = _use_cache(folder)
    try:
        run()
    except Exception as error:
        # What a broken cache raises is whatever unpickling it does: try again without it.
        report = _without_cache(f"{type(error).__name__}: {error}")
        run()
    if report.problem:
        _log.warning("cache of compiled kernels: %s", report.problem)
    return report


def _use_cache(folder: Path | None) -> CacheReport:
    if folder is not None:
        folder = folder / f"kernels-{_source_hash()}"
        _config.CACHE_DIR = str(folder)
    try:
        for dispatcher in _KERNELS:
            _cache(dispatcher)
    except (RuntimeError, OSError) as error:
        return _without_cache(str(error))
    kept = Path(_KERNELS[0].stats.cache_path)
    if folder is not None and not kept.is_relative_to(folder):
        return CacheReport(folder=kept, problem=f"cannot write to {folder}, using {kept}")
    return CacheReport(folder=kept)


def _without_cache(problem: str) -> CacheReport:
    for dispatcher in _KERNELS:
        dispatcher._cache = NullCache()
    return CacheReport(folder=None, problem=problem)


@cache
def _source_hash() -> str:
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
