"""What the trigger menu decided: one object for each path of an event."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.sources.cms.products.collection import (
    INT16,
    UINT8,
    UINT16,
    Array,
    Collection,
    Objects,
    member,
)
from dqmstream.sources.cms.products.rows import numbers_within

__all__ = ["TRIGGER_RESULTS"]

_PATHS: Final = "paths_"
_STATE_BITS: Final = 2
_MOST: Final = 2**15 - 1


class PathResults(Objects):
    """Results of all paths of all events."""

    always = (_PATHS,)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many paths each event has results of."""
        objects, paths = self.given.product.counts, self.ragged(_PATHS).counts
        ends = np.concatenate([[0], np.cumsum(paths)])
        last = np.cumsum(objects)
        counts: NDArray[np.int64] = ends[last] - ends[last - objects]
        return counts

    @property
    def path(self) -> Array:
        """int64[paths of all events]: number of the path in its event, at most 32767."""
        counts = self.counts
        numbers: Array = numbers_within(counts)
        return numbers.clip(max=_MOST)

    @property
    def words(self) -> Array:
        """uint16[paths of all events]."""
        return self.ragged(_PATHS).values


TRIGGER_RESULTS = Collection(
    name="trigger_results",
    class_name="edm::TriggerResults",
    meaning="results of all paths of the menu",
    objects=PathResults,
    other="trigger_results",
    members=(
        member(
            "path", INT16, "number of the path in the menu", _PATHS, values=lambda found: found.path
        ),
        member(
            "state",
            UINT8,
            "0 ready, 1 pass, 2 fail, 3 exception",
            _PATHS,
            values=lambda found: found.words & ((1 << _STATE_BITS) - 1),
        ),
        member(
            "module",
            UINT16,
            "number in the path of the module that decided",
            _PATHS,
            values=lambda found: found.words >> _STATE_BITS,
        ),
    ),
)
