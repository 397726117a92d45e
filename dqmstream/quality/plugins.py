"""Algorithms that other packages bring: found by entry point, and always run apart.

A package names them in the group `dqmstream.quality_tests`: each entry point is an `Algorithm`, or
a sequence of them. Importing the module, `refusal`, `refusal_with`, `lookback` and `partner` run in
the process that judges; `measure` runs in one of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final

from dqmstream.errors import ConfigurationError
from dqmstream.quality.algorithm import Algorithm, Parameters
from dqmstream.quality.registry import ALGORITHMS

__all__ = ["GROUP", "Plugins", "algorithm_at", "load_plugins"]

GROUP: Final = "dqmstream.quality_tests"
"""Group of entry points: any name, and where the Algorithm, or a sequence of them, is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugins:
    """All algorithms there are.

    Parameters
    ----------
    algorithms
        Those of this release and those of plug-ins, by name.
    sources
        By name of a plug-in's algorithm where it is, as `module:attribute`.
    """

    algorithms: Mapping[str, Algorithm[Any]]
    sources: Mapping[str, str]


def load_plugins(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """The algorithms of this release and those of plug-ins.

    Parameters
    ----------
    found
        Entry points to choose from; None: those of all installed distributions.

    Raises
    ------
    ConfigurationError
        If one cannot be loaded, is no algorithm, or has the name of another: naming the
        distribution, the entry point and the reason.
    """
    algorithms, sources = dict(ALGORITHMS), dict[str, str]()
    points = entry_points(group=GROUP) if found is None else found
    for point in sorted(
        {(one.value, one.name): one for one in points}.values(), key=lambda p: p.value
    ):
        for algorithm in _load(point):
            if algorithm.name in algorithms:
                other = sources.get(algorithm.name, "dqmstream itself")
                reason = f"its algorithm {algorithm.name!r} has the name of one of {other}"
                raise _refused(point, reason)
            algorithms[algorithm.name] = algorithm
            sources[algorithm.name] = point.value
    return Plugins(algorithms=MappingProxyType(algorithms), sources=MappingProxyType(sources))


def algorithm_at(source: str, name: str) -> Algorithm[Any]:
    """The algorithm of a name at `module:attribute`.

    Raises
    ------
    ConfigurationError
        If it cannot be loaded, or there is no such algorithm.
    """
    point = EntryPoint(name=name, value=source, group=GROUP)
    for algorithm in _load(point):
        if algorithm.name == name:
            return algorithm
    raise _refused(point, f"it has no algorithm {name!r}")


def _load(point: EntryPoint) -> tuple[Algorithm[Any], ...]:
    # A plug-in may raise anything while it is imported; whatever it is, the start must say whose.
    try:
        loaded = point.load()
    except Exception as error:
        raise _refused(point, f"{type(error).__name__}: {error}") from error
    brought = (loaded,) if isinstance(loaded, Algorithm) else loaded
    if not isinstance(brought, tuple | list) or not all(
        isinstance(one, Algorithm) for one in brought
    ):
        raise _refused(point, f"expected an Algorithm or several, got {loaded!r:.80}")
    for one in brought:
        if flaw := _flaw(one):
            raise _refused(point, f"its algorithm {one.name!r:.80}: {flaw}")
    return tuple(brought)


def _flaw(algorithm: Algorithm[Any]) -> str:
    """What of a declaration would fail only when it is used; empty if there is nothing."""
    told: Any = algorithm  # its author may have given anything
    if not isinstance(told.name, str) or not told.name.isidentifier():
        return "expected a name of letters, digits and _"
    if not isinstance(told.parameters, type) or not issubclass(told.parameters, Parameters):
        return f"parameters is {told.parameters!r:.80}, expected a subclass of Parameters"
    warning, error = told.warning, told.error
    numbers = isinstance(warning, int | float) and isinstance(error, int | float)
    if not numbers or not 0 <= error <= warning <= 1:
        return f"error {error!r}, warning {warning!r}, expected 0 <= error <= warning <= 1"
    if not isinstance(told.min_entries, int) or told.min_entries < 0:
        return f"min_entries is {told.min_entries!r}, expected an integer, 0 or more"
    names = ("measure", "refusal", "refusal_with", "lookback", "counts", "partner")
    uncalled = [name for name in names if not callable(getattr(told, name))]
    return f"{uncalled[0]} cannot be called" if uncalled else ""


def _refused(point: EntryPoint, reason: str) -> ConfigurationError:
    dist = "" if point.dist is None else f"distribution {point.dist.name} {point.dist.version}, "
    return ConfigurationError(
        f"quality tests of plug-in {point.name!r} ({dist}entry point {point.value!r}): {reason}"
    )
