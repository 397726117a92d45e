"""`dqmstream bench fill`: entries per second of the filler, beside its peers and its limit.

The columns are ready; expressions, tables and the kernel are timed. Every element is a regular
histogram of 100 bins with an axis of its own, over one of 50 columns of Gaussian values. All paths
of a case run in turn in every round, and a ratio is the median of the ratios of the rounds: the
speed of a shared machine wanders, and that way it wanders for all of them together. Seconds are
processor time of the one thread they all run in, so that waiting for a core is not counted.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking import Workspace, category, histogram, profile, regular, variable
from dqmstream.booking.columns import Columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.kernels.warm import warm
from dqmstream.messages.booking import Element, Regular
from playback.bench.peers import BoostLoop, HandLoop, Increments, NumpyLoop
from playback.bench.row import Row

__all__ = ["measure"]

_COLUMNS: Final = 50
_BINS: Final = 100
_SEED: Final = 20260801
_BATCHES: Final = 4
"""Different batches in turn, so that no path fills from values it has just seen."""

_SHORTEST: Final = 0.004
"""Seconds that one timing should last at least."""

Batch = Sequence[NDArray[np.float64]]


class _Goals(NamedTuple):
    """Goals of one case; None where there is none."""

    boost: float | None = None
    limit: float | None = None
    hand: float | None = None


_GOALS: Final[Mapping[tuple[int, int], _Goals]] = {
    (2000, 100): _Goals(boost=20.0),
    (2000, 10_000): _Goals(limit=0.2, hand=0.8),
}


def measure(*, quick: bool = False) -> list[Row]:
    """All cases; a quick measurement makes fewer rounds, and its figures wander more.

    Raises
    ------
    ArithmeticError
        If the filler's counts are not those of its peers.
    """
    warm()
    rounds = 5 if quick else 25
    rows = []
    for elements in (50, 2000):
        for events in (100, 1000, 10_000):
            rows += _case(elements, events, rounds)
    return rows + _kinds(rounds)


def _case(elements: int, events: int, rounds: int) -> list[Row]:
    rng = np.random.default_rng(_SEED)
    axes = [regular(_BINS, -0.1 * share, 1 + 0.1 * share) for share in rng.random(elements)]
    columns = [int(column) for column in rng.integers(0, _COLUMNS, elements)]
    batches = _batches(rng, events)
    filler = _Filler([_element(*each) for each in enumerate(zip(axes, columns, strict=True))])
    boost, numpy = BoostLoop(axes, columns), NumpyLoop(axes, columns)
    hand, limit = HandLoop(axes[0]), Increments(rng)
    long = rng.normal(0.5, 0.2, Increments.entries)
    _check(filler, boost, numpy, batches[0])
    total = elements * events
    rates = _rates(
        rounds,
        {
            "filler": (total, _in_turn(filler.fill, [_columns(batch) for batch in batches])),
            "boost": (total, _in_turn(boost.fill, batches)),
            "numpy": (total, _in_turn(numpy.fill, batches)),
            "hand": (long.size, lambda: hand.fill(long)),
            "limit": (limit.entries, limit.run),
        },
    )
    return _rows(f"{elements} elements, batches of {events}", rates, _GOALS.get((elements, events)))


def _rows(case: str, rates: Mapping[str, Sequence[float]], goals: _Goals | None) -> list[Row]:
    goals = goals or _Goals()

    def against(peer: str) -> float:
        pairs = zip(rates["filler"], rates[peer], strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    return [
        Row(
            name=f"{case}: entries",
            value=statistics.median(rates["filler"]) / 1e6,
            unit="million/s",
        ),
        Row(
            name=f"{case}: against a loop over boost-histograms",
            value=against("boost"),
            unit="times",
            goal=goals.boost,
        ),
        Row(
            name=f"{case}: against a loop of numpy.histogram",
            value=against("numpy"),
            unit="times",
        ),
        Row(
            name=f"{case}: against one histogram by hand in Numba",
            value=against("hand"),
            unit="times",
            goal=goals.hand,
        ),
        Row(
            name=f"{case}: share of the limit of bare increments",
            value=against("limit"),
            unit="",
            goal=goals.limit,
        ),
    ]


_EDGES: Final = tuple(float(edge) for edge in np.linspace(0, 1, _BINS + 1) ** 2)
_KINDS: Final[Mapping[str, Callable[[str, str], Element]]] = {
    "selection of half": lambda path, x: histogram(
        path, regular(_BINS, 0, 1), fill=x, select="c7 > 0.5"
    ),
    "variable edges": lambda path, x: histogram(path, variable(_EDGES), fill=x),
    "category": lambda path, x: histogram(path, category([0, 1, 5]), fill=x),
    "2D 50 x 50": lambda path, x: histogram(
        path, regular(50, 0, 1), regular(50, 0, 1), fill=(x, "c7")
    ),
    "weighted": lambda path, x: histogram(
        path, regular(_BINS, 0, 1), fill=x, weight="c7", weight_range=(-2, 3)
    ),
    "profile": lambda path, x: profile(
        path, regular(_BINS, 0, 1), fill=x, value="c7", value_range=(-2, 3)
    ),
}


def _kinds(rounds: int) -> list[Row]:
    """Other kinds of elements, 500 of each, for orientation."""
    elements, events = 500, 10_000
    batches = [_columns(batch) for batch in _batches(np.random.default_rng(_SEED), events)]
    actions: dict[str, tuple[int, Callable[[], None]]] = {}
    for kind, book in _KINDS.items():
        filler = _Filler([book(f"e{i}", f"c{i % _COLUMNS}") for i in range(elements)])
        actions[kind] = (elements * events, _in_turn(filler.fill, batches))
    rates = _rates(rounds, actions)
    return [
        Row(
            name=f"{elements} elements, batches of {events}, {kind}: events seen by an element",
            value=statistics.median(rate) / 1e6,
            unit="million/s",
        )
        for kind, rate in rates.items()
    ]


class _Filler:
    """The filler of a workspace and the contents it fills."""

    def __init__(self, elements: Sequence[Element]) -> None:
        layout = Layout(Workspace("Bench", "", elements))
        self.contents = Contents.empty(layout)
        self._filler = WorkspaceFiller(layout)
        self._number = 0

    def fill(self, columns: Columns) -> None:
        self._filler.fill(self.contents, columns, source="bench", number=self._number)
        self._number += 1


def _element(number: int, booked: tuple[Regular, int]) -> Element:
    axis, column = booked
    return histogram(f"element{number}", axis, fill=f"c{column}")


def _batches(rng: np.random.Generator, events: int) -> list[Batch]:
    return [list(rng.normal(0.5, 0.2, (_COLUMNS, events))) for _ in range(_BATCHES)]


def _columns(batch: Batch) -> Columns:
    values = {f"c{number}": array for number, array in enumerate(batch)}
    return Columns(events=batch[0].size, values=values, collections={}, texts={})


def _in_turn(fill: Callable[[Any], None], batches: Sequence[Any]) -> Callable[[], None]:
    turn = 0

    def action() -> None:
        nonlocal turn
        fill(batches[turn % len(batches)])
        turn += 1

    return action


def _check(filler: _Filler, boost: BoostLoop, numpy: NumpyLoop, batch: Batch) -> None:
    """A quick answer must also be the right one."""
    filler.fill(_columns(batch))
    boost.fill(batch)
    numpy.fill(batch)
    contents = filler.contents
    for place, peer, counts in zip(contents.layout, boost.histograms, numpy.counts, strict=True):
        ours = contents.cells[place.offset : place.nan]
        theirs = np.asarray(peer.view(flow=True))
        # NumPy counts the upper edge in its last bin; no Gaussian value lies on an edge.
        if not (np.array_equal(ours, theirs) and np.array_equal(ours[1:-1], counts)):
            msg = f"{place.element.path}: filled {ours}, boost-histogram {theirs}, NumPy {counts}"
            raise ArithmeticError(msg)


def _rates(
    rounds: int, actions: Mapping[str, tuple[int, Callable[[], None]]]
) -> dict[str, list[float]]:
    """Entries per second of each action in each round, the actions one after the other."""
    repeats = {name: _repeats(action) for name, (_, action) in actions.items()}
    rates: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, (entries, action) in actions.items():
            start = time.thread_time()
            for _ in range(repeats[name]):
                action()
            rates[name].append(entries * repeats[name] / (time.thread_time() - start))
    return rates


def _repeats(action: Callable[[], None]) -> int:
    action()
    start = time.thread_time()
    action()
    return max(1, round(_SHORTEST / max(time.thread_time() - start, 1e-6)))
