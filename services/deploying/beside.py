"""A candidate side by side with production, element by element, as their two gateways tell."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.client import Client, Element
from dqmstream.messages.struct import Value

__all__ = ["AT_ONCE", "DIFFERING", "Pair", "compared", "counted", "is_good", "pair", "rank"]

AT_ONCE: Final = 50
"""Elements that one question asks for."""
DIFFERING: Final = ("different", "re-binned", "of another kind")
"""What is said of an element of both that is not the same, the worst first."""


class Pair(Value, frozen=True, kw_only=True):
    """An element, and what there is to say: `same`, `different`, `re-binned`, `of another kind`,
    `only in ...`.

    `entries` are those of production and of the candidate, `cells` how many cells differ.
    """

    path: str
    says: str
    entries: tuple[int | None, int | None] = (None, None)
    cells: int = 0


def compared(
    production: Client, candidate: Client, *, run: int, lumisections: str | None = None
) -> list[Pair]:
    """Each element of a run in both, by path.

    Parameters
    ----------
    lumisections
        As `5-10`; by default the whole run.

    Raises
    ------
    GatewayError
        If one of them does not know the run, or these LSs.
    """
    sides = [_elements(client, run, lumisections) for client in (production, candidate)]
    ours, theirs = sides
    return [pair(path, ours.get(path), theirs.get(path)) for path in sorted({*ours, *theirs})]


def counted(pairs: Iterable[Pair]) -> dict[str, int]:
    """How many there are of which each thing is said."""
    return dict(Counter(one.says for one in pairs))


def is_good(counts: Mapping[str, int]) -> bool:
    """Whether something is the same, and no element of both is another."""
    return bool(counts.get("same")) and not any(counts.get(says) for says in DIFFERING)


def rank(one: Pair) -> int:
    """Place among others: what differs first, then what is in one of them only, the same last."""
    if one.says in DIFFERING:
        return DIFFERING.index(one.says)
    return len(DIFFERING) + one.says.startswith("same")


def _elements(client: Client, run: int, lumisections: str | None) -> Mapping[str, Element]:
    paths = [str(one["path"]) for one in client.booked(run=run)]
    found: dict[str, Element] = {}
    for first in range(0, len(paths), AT_ONCE):
        some = paths[first : first + AT_ONCE]
        for one in client.elements(*some, run=run, lumisections=lumisections):
            found[one.path] = one
    return found


def pair(path: str, ours: Element | None, theirs: Element | None) -> Pair:
    """What there is to say of an element of production and of the candidate; None has none."""
    if ours is None or theirs is None:
        return Pair(path=path, says=f"only in {'the candidate' if ours is None else 'production'}")
    entries = ours.entries, theirs.entries
    if (ours.kind, ours.storage) != (theirs.kind, theirs.storage):
        return Pair(path=path, says="of another kind", entries=entries)
    if _axes(ours) != _axes(theirs):
        return Pair(path=path, says="re-binned", entries=entries)
    cells = sum(_differing(ours.cells[name], theirs.cells[name]) for name in ours.cells)
    totals = [(one.nan, one.outside, one.value, one.invalid) for one in (ours, theirs)]
    if cells or totals[0] != totals[1]:
        return Pair(path=path, says="different", entries=entries, cells=cells)
    covered = [(one.first, one.last, one.lumisections) for one in (ours, theirs)]
    is_same = covered[0] == covered[1]
    return Pair(path=path, says="same" if is_same else "same, of other LSs", entries=entries)


def _axes(one: Element) -> list[tuple[Any, ...]]:
    return [(axis.type, axis.edges.tolist(), axis.codes) for axis in one.axes]


def _differing(one: NDArray[Any], other: NDArray[Any]) -> int:
    same = (one == other) | ((one != one) & (other != other))  # noqa: PLR0124 NaN is no number
    return int(np.count_nonzero(~same))
