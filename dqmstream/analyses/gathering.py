"""Columns of a closed LS for one analysis: gathered chunk by chunk, thinned if there are too many.

What is thinned is chosen by event numbers alone: in which order chunks come, how they are cut and
on which partitions they are makes no difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.analyses.analysis import Sample
from dqmstream.booking.columns import Collection, Columns
from dqmstream.booking.evaluate import ElsewhereError
from dqmstream.booking.fill import EVENT_NUMBER
from dqmstream.identity import stable_hash
from dqmstream.messages.booking import Booking
from dqmstream.messages.events import Chunk
from dqmstream.mixing import mixed

__all__ = ["MOST_BYTES", "Gathered", "columns_read", "sample_of"]

Array = NDArray[Any]

MOST_BYTES: Final = 16 << 20
"""Of the columns of one LS and analysis: a quarter of a million tracks of sixteen numbers."""
_EVENT_BYTES: Final = 24
"""Of an event besides its columns: its number, its hash and where its objects begin."""
_MOST_HALVINGS: Final = 60
_MASK: Final = 2**64 - 1


class _Part(NamedTuple):
    """Some events of one chunk. `counts` are objects per event of each collection."""

    order: tuple[str, str, int]
    rows: NDArray[np.int64]
    numbers: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    values: Mapping[str, Array]
    counts: Mapping[str, NDArray[np.int64]]

    def thinned(self, halvings: int) -> "_Part":
        """Those events whose hash is small enough; copies, so that nothing else is kept alive."""
        chosen = self.hashes <= np.uint64(_MASK >> halvings)
        objects = {name: np.repeat(chosen, counts) for name, counts in self.counts.items()}
        return _Part(
            self.order,
            self.rows[chosen],
            self.numbers[chosen],
            self.hashes[chosen],
            {
                name: array[objects[name.partition(".")[0]] if "." in name else chosen]
                for name, array in self.values.items()
            },
            {name: counts[chosen] for name, counts in self.counts.items()},
        )

    @property
    def nbytes(self) -> int:
        """Of its columns, and of its events."""
        return _EVENT_BYTES * len(self.rows) + sum(a.nbytes for a in self.values.values())


class Gathered:
    """What an analysis is given of a segment, as far as it has come on a partition.

    Parameters
    ----------
    columns
        Those that its booking names.
    most
        Bytes beyond which half of the events are left out, again and again.

    Attributes
    ----------
    problem
        Why these events cannot be analysed; empty if they can.
    """

    def __init__(self, columns: Sequence[str], most: int = MOST_BYTES) -> None:
        self.columns = tuple(columns)
        self.most = most
        self.halvings = 0
        self.problem = ""
        self.parts: list[_Part] = []
        self.nbytes = 0

    def add(self, chunk: Chunk, columns: Columns) -> None:
        """Take the events of a chunk in; none of a source that leaves them to others of its run."""
        missing = [name for name in self.columns if not _has(columns, name)]
        source = repr(chunk.source)
        errors = [
            columns.absence.error(name, f"source {source} sends no column {name}")
            for name in missing
        ]
        if any(isinstance(error, ElsewhereError) for error in errors):
            return
        if errors:
            problem = str(errors[0])
            # Of several the first by spelling, so that the order of chunks never matters.
            self.problem = min(self.problem or problem, problem)
            self.parts, self.nbytes = [], 0
        if self.problem:
            return
        part = _part(self.columns, chunk, columns).thinned(self.halvings)
        self.parts.append(part)
        self.nbytes += part.nbytes
        self.thin()

    def thin(self, halvings: int = 0) -> None:
        """Leave out events until at least so many `halvings` are done, and they fit."""
        while self.halvings < halvings or (
            self.nbytes > self.most and self.halvings < _MOST_HALVINGS
        ):
            self.halvings = max(self.halvings + 1, halvings)
            self.parts = [part.thinned(self.halvings) for part in self.parts]
            self.nbytes = sum(part.nbytes for part in self.parts)


def columns_read(booking: Booking) -> Sequence[str]:
    """Columns that the analysis of a booking names; none without one."""
    return booking.analysis.columns if booking.analysis else ()


def sample_of(run: int, lumisection: int, gathered: Iterable[Gathered]) -> tuple[Sample, str]:
    """The events of all partitions, by rising number; and what keeps them from being analysed.

    Events of one number keep the order of their source, incarnation, chunk and row. With a problem
    the sample is empty.
    """
    pieces = list(gathered)
    whole = Gathered(pieces[0].columns, pieces[0].most)
    whole.problem = min((one.problem for one in pieces if one.problem), default="")
    if not whole.problem:
        whole.parts = [part for one in pieces for part in one.parts]
        whole.nbytes = sum(one.nbytes for one in pieces)
        whole.thin(max(one.halvings for one in pieces))
    return _sample(run, lumisection, whole), whole.problem


def _sample(run: int, lumisection: int, whole: Gathered) -> Sample:
    parts = sorted(whole.parts, key=lambda part: part.order)
    numbers = _joined([part.numbers for part in parts], np.uint64)
    order = np.argsort(numbers, kind="stable")
    columns: dict[str, Array] = {}
    offsets: dict[str, NDArray[np.int64]] = {}
    places: dict[str, Array] = {}
    for name in dict.fromkeys(column.partition(".")[0] for column in _jagged(whole, parts)):
        counts = _joined([part.counts[name] for part in parts], np.int64)
        offsets[name], places[name] = _reordered(counts, order)
    for column in whole.columns:
        collection, dot, _ = column.partition(".")
        if column in offsets:
            continue
        array = _joined([part.values[column] for part in parts], np.float64)
        columns[column] = array[places[collection] if dot else order]
    fraction = 2.0**-whole.halvings
    return Sample(run, lumisection, len(order), fraction, columns, offsets)


def _jagged(whole: Gathered, parts: Sequence[_Part]) -> Iterable[str]:
    """Columns of collections; of no events at all those that are written as such."""
    counted = parts[0].counts if parts else {}
    return (name for name in whole.columns if "." in name or name in counted)


def _reordered(counts: Array, order: Array) -> tuple[NDArray[np.int64], Array]:
    """Offsets of the events in their new order, and which object comes where."""
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sizes = counts[order]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    places = np.arange(offsets[-1]) + np.repeat(starts[:-1][order] - offsets[:-1], sizes)
    return offsets, places


def _joined(arrays: Sequence[Array], otherwise: type[np.generic]) -> Array:
    return np.concatenate(arrays) if arrays else np.empty(0, otherwise)


def _has(columns: Columns, name: str) -> bool:
    collection, dot, member = name.partition(".")
    if dot:
        found = columns.collections.get(collection)
        return found is not None and member in found.members
    return name in columns.values or name in columns.collections


def _part(names: Sequence[str], chunk: Chunk, columns: Columns) -> _Part:
    """All events of a chunk; still views."""
    rows = np.arange(columns.events, dtype=np.int64)
    numbers = columns.values.get(EVENT_NUMBER)
    if numbers is None:
        # Without numbers chunks and rows are all there is to choose by.
        keys = rows.astype(np.uint64) + np.uint64(stable_hash(f"{chunk.source}/{chunk.number}"))
        numbers = np.zeros(columns.events, np.uint64)
    else:
        keys = numbers = numbers.astype(np.int64, copy=False).view(np.uint64)
    used: dict[str, Collection] = {}
    values: dict[str, Array] = {}
    for name in names:
        collection, dot, member = name.partition(".")
        if dot or name not in columns.values:
            used[collection] = columns.collections[collection]
        if dot:
            values[name] = used[collection].members[member]
        elif name in columns.values:
            values[name] = columns.values[name]
    counts = {name: np.diff(collection.offsets) for name, collection in used.items()}
    order = (chunk.source, chunk.incarnation, chunk.number)
    return _Part(order, rows, numbers, mixed(keys), values, counts)
