"""The events of one chunk as candidates: which trigger paths each passed, and how rare it is."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.booking.columns import Columns
from dqmstream.displays.columns import LAYERS
from dqmstream.displays.menu import RunWords, passed_column
from dqmstream.displays.rarity import Feature, Rarity, Surprise
from dqmstream.messages.events import Chunk

__all__ = ["MOST_EVENTS", "Candidates"]

MOST_EVENTS: Final = 1_000
"""Events of a chunk that are looked at; the others are never shown."""


class Candidates:
    """What of a chunk can be shown.

    Parameters
    ----------
    chunk, columns
        Its headers, and its columns.
    heard
        When the log took it, nanoseconds since 1970.
    words
        What is known of runs.
    before
        Events that could have been shown before this chunk: what every n-th counts from.
    """

    def __init__(
        self, chunk: Chunk, columns: Columns, heard: int, words: RunWords, before: int
    ) -> None:
        self.chunk = chunk
        self.columns = columns
        self.heard = heard
        self.before = before
        self.events = min(columns.events, MOST_EVENTS)
        self.drawable = _drawable(columns, self.events)
        """Events with anything to draw, in the order of the chunk: only these are shown."""
        self._words = words
        self._label = passed_column(tuple(columns.collections))
        self._shown: set[int] = set()
        self._rarest: list[tuple[int, Surprise]] = []

    @property
    def marks(self) -> tuple[str, ...]:
        """What about the data is not as a detector took it."""
        return self._words.marks(self.chunk.run)

    def passed(self, index: int) -> tuple[int, ...]:
        """Numbers of the trigger paths that an event passed."""
        if not self._label:
            return ()
        name, _, member = self._label.partition(".")
        found = self.columns.collections[name]
        if member not in found.members or "state" in found.members:
            return ()
        first, last = int(found.offsets[index]), int(found.offsets[index + 1])
        numbers: NDArray[np.generic] = found.members[member][first:last]
        return tuple(int(number) for number in numbers)

    def path(self, number: int) -> str:
        """The name of a trigger path; `path N` where the source gave none."""
        # Asked anew each time: what a source says of a run may come after its first chunks.
        names = self._words.paths(self.chunk.run, self.chunk.source, self._label)
        return names[number] if 0 <= number < len(names) else f"path {number}"

    def paths(self, index: int) -> tuple[str, ...]:
        """Names of the trigger paths that an event passed."""
        return tuple(map(self.path, self.passed(index)))

    def learn(self, rarity: Rarity) -> None:
        """Tell what is common in the run of these events, and find those that are not."""
        features = [self._features(index) for index in range(self.events)]
        rarity.learn(features)
        found = ((index, rarity.surprise(each)) for index, each in enumerate(features))
        drawable = frozenset(self.drawable)
        rare = [(i, surprise) for i, surprise in found if surprise is not None and i in drawable]
        self._rarest = sorted(rare, key=lambda each: (each[1].share, each[0]))

    def left(self) -> Iterator[tuple[int, int]]:
        """Events not shown yet, each with its place among all that could have been."""
        places = enumerate(self.drawable, self.before)
        return ((index, place) for place, index in places if index not in self._shown)

    def rarest(self) -> tuple[int, Surprise] | None:
        """The rarest event that was not shown yet; None if none is rare."""
        return next((each for each in self._rarest if each[0] not in self._shown), None)

    def show(self, index: int) -> None:
        """An event is shown, and never again."""
        self._shown.add(index)

    def why_rare(self, surprise: Surprise) -> str:
        """A surprise in words."""
        (collection, number), count, events = surprise
        what = self.path(number) if not collection else _many(collection, number)
        return f"{what} in {count} of {events} events"

    def _features(self, index: int) -> list[Feature]:
        features: list[Feature] = [("", number) for number in dict.fromkeys(self.passed(index))]
        for layer in LAYERS:
            found = self.columns.collections.get(layer.collection)
            if found is not None:
                objects = int(found.offsets[index + 1] - found.offsets[index])
                features.append((layer.collection, objects.bit_length()))
        return features


def _drawable(columns: Columns, events: int) -> tuple[int, ...]:
    objects = np.zeros(events, np.int64)
    for layer in LAYERS:
        if layer.collection in columns.collections:
            offsets = columns.collections[layer.collection].offsets[: events + 1]
            objects += np.diff(offsets)
    return tuple(np.flatnonzero(objects).tolist())


def _many(collection: str, bits: int) -> str:
    """How many objects a feature stands for."""
    low, high = (1 << bits) >> 1, (1 << bits) - 1
    words = collection.replace("_", " ")
    return f"{low} {words}" if low == high else f"{low} to {high} {words}"
