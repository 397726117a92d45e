"""How unlike the events before it an event is: by trigger paths it passed, and by how many objects.

Each event has features: the paths it passed, and for each collection in which power of two the
number of its objects falls. An event is as rare as its rarest feature, so that a sentence can say
why. What is kept is one count for each feature of a run, and of a bounded number of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

__all__ = ["MOST_FEATURES", "RARE", "Feature", "Rarity", "Surprise"]

RARE: Final = 0.02
"""An event with a feature that at most this part of the run's events has is rare."""
MOST_FEATURES: Final = 4_096
_ENOUGH: Final = 50
"""Before so many events were seen nobody knows what is rare."""

Feature: TypeAlias = tuple[str, int]
"""`("", number of a path)`, or (collection, bits in the number of its objects)."""


class Surprise(NamedTuple):
    """The rarest feature of an event: `having` of `events` so far have it."""

    feature: Feature
    having: int
    events: int

    @property
    def share(self) -> float:
        """Part of the events that have it."""
        return self.having / self.events


class Rarity:
    """What is common in one run."""

    def __init__(self) -> None:
        self._counts: Counter[Feature] = Counter()
        self._events = 0

    def learn(self, events: Iterable[Sequence[Feature]]) -> None:
        """Count these events in; features beyond the bound are not known, and so never rare."""
        for features in events:
            self._events += 1
            for feature in features:
                if feature in self._counts or len(self._counts) < MOST_FEATURES:
                    self._counts[feature] += 1

    def surprise(self, features: Iterable[Feature]) -> Surprise | None:
        """The rarest of these features if it is rare; of equals the smallest."""
        if self._events < _ENOUGH:
            return None
        known = [(self._counts[each], each) for each in features if each in self._counts]
        if not known:
            return None
        count, feature = min(known)
        found = Surprise(feature, count, self._events)
        return found if found.share <= RARE else None
