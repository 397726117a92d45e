"""What an analysis of closed lumisections is: its events, its state, and what it gives back.

An expression sees one event; a fit of the beam spot needs all vertices of an LS at once, and of the
LSs before. An analysis is called once for each LS of a run, in the order of their numbers, when the
LS has closed, and fills all elements of its workspace.

It is pure: the same samples and the same state give the same bits, in any process, for it may be
asked again after a crash. It reads no clock, no file and no random numbers but those of a seed
that follows from its samples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions

__all__ = ["AnalysisFactory", "Closed", "LumisectionAnalysis", "Sample"]

Array: TypeAlias = NDArray[Any]


class Sample(NamedTuple):
    """The events of one closed LS, by rising event number.

    `columns` are those that the booking names, per event (`x`, `events` values) or per object
    (`tracks.pt`, those of all events in a row), in the types they came in. `offsets` has for each
    collection int64[events + 1]: event i has its objects offsets[i] to offsets[i + 1]. A column
    that no event brought is float64 of no values, or NaN for each event.

    Of an LS with more than an analysis can be given, `fraction` (a power of 1/2, 1 for all) of the
    events is left, chosen by a hash of their numbers: `events` are those that are here.
    """

    run: int
    lumisection: int
    events: int
    fraction: float
    columns: Mapping[str, Array]
    offsets: Mapping[str, NDArray[np.int64]]


class Closed(NamedTuple):
    """What an analysis makes of an LS.

    `state` is handed to it with the next LS, `contents` are those of its workspace. Of `conditions`
    run and lumisection are those of the LS; None: it says nothing of them.
    """

    state: bytes
    contents: Contents
    conditions: Conditions | None = None


class LumisectionAnalysis(Protocol):
    """Fills the elements of one workspace, LS by LS."""

    @property
    def lookback(self) -> int:
        """How many LSs before the closed one it is shown again."""
        ...

    def begin(self, run: int) -> bytes:
        """State before the first LS of a run. It travels in a checkpoint: some kilobytes."""
        ...

    def close(self, state: bytes, window: Sequence[Sample]) -> Closed:
        """What comes of the LS that has closed.

        If it raises, the elements of this LS are invalid and say so, and the state stays.

        Parameters
        ----------
        state
            From the LS before; from `begin` if there is none.
        window
            Rising LSs without gaps, at most `lookback` before the closed one, which is the last.
        """
        ...


AnalysisFactory: TypeAlias = Callable[[Layout], LumisectionAnalysis]
"""Makes the analysis of a workspace; its parameters are `layout.booking.analysis.parameters`.

It raises a BookingError if they, the columns or the elements are not those it fills."""
