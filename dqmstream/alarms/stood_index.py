"""Where to begin reading for how alarms stood at a moment: what they came to at some offsets.

Steps are in the log about in the order of their times, and not quite: two services may have told
them, on machines whose clocks differ. So each block of offsets has the times that are in it, and
what is said of a moment is what reading everything says, to the step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dqmstream.alarms.stood import Stood, stood_at
from dqmstream.messages.alarms import AlarmTransition

__all__ = ["StoodFrom", "StoodIndex"]

_NEVER: Final = -(1 << 63)
_ALWAYS: Final = (1 << 63) - 1
_STEPS: Final = 1_000
_MOST_BLOCKS: Final = 128
_MOST_HELD: Final = 20_000
"""Of alarms, as all blocks hold them: 2 kB each at worst, as texts of one step take."""


class StoodFrom(NamedTuple):
    """How to find out how alarms stood at a moment: fold what is read onto what is known."""

    known: Mapping[str, Stood]
    ranges: Sequence[tuple[int, int]]
    """Offsets to read, each from one to below the other, in order."""


@dataclass(slots=True)
class _Block:
    """Steps from one offset to below another, and how alarms stood before the first of them."""

    start: int
    end: int
    before: Mapping[str, Stood]
    latest_before: int
    """Of all steps before this block, whichever way their times go."""
    earliest: int = _ALWAYS
    steps: int = 0

    def with_next(self, following: "_Block") -> "_Block":
        return _Block(
            start=self.start,
            end=following.end,
            before=self.before,
            latest_before=self.latest_before,
            earliest=min(self.earliest, following.earliest),
            steps=self.steps + following.steps,
        )


class StoodIndex:
    """How alarms stood at some offsets of the record, fed with its steps in the order of the log.

    Parameters
    ----------
    start
        Offset of the first record there is.
    steps
        Of a block, at least; twice as many whenever there are too many blocks.
    most_blocks, most_held
        Blocks, and alarms that they hold together: what bounds the memory.
    """

    def __init__(
        self,
        start: int,
        *,
        steps: int = _STEPS,
        most_blocks: int = _MOST_BLOCKS,
        most_held: int = _MOST_HELD,
    ) -> None:
        self._steps = steps
        self._most_blocks = most_blocks
        self._most_held = most_held
        self._blocks = [_Block(start, start, {}, _NEVER)]
        self._now: Mapping[str, Stood] = {}
        self._latest = _NEVER

    @property
    def start(self) -> int:
        """Offset of the first record."""
        return self._blocks[0].start

    @property
    def end(self) -> int:
        """Offset of the record that it wants next."""
        return self._blocks[-1].end

    @property
    def blocks(self) -> int:
        """How many there are."""
        return len(self._blocks)

    @property
    def held(self) -> int:
        """Alarms that all blocks hold, each as often as it is held."""
        return sum(len(block.before) for block in self._blocks)

    def take(self, end: int, steps: Sequence[AlarmTransition]) -> None:
        """Add all steps from `end` before to below the `end` that is given."""
        block = self._blocks[-1]
        if block.steps >= self._steps:
            block = _Block(self.end, self.end, self._now, self._latest)
            self._blocks.append(block)
        self._now = stood_at(steps, _ALWAYS, self._now)
        times = [step.when for step in steps]
        block.earliest = min([block.earliest, *times])
        self._latest = max([self._latest, *times])
        block.steps += len(steps)
        block.end = end
        while self.blocks > max(1, self._most_blocks) or self.held > self._most_held:
            self._halve()

    def stood_from(self, moment: int) -> StoodFrom:
        """What gives how alarms stood at a moment.

        Parameters
        ----------
        moment
            Nanoseconds since 1970.
        """
        if self._latest <= moment:
            return StoodFrom(self._now, ())
        first = max(at for at, block in enumerate(self._blocks) if block.latest_before <= moment)
        asked = [block for block in self._blocks[first:] if block.earliest <= moment]
        return StoodFrom(self._blocks[first].before, [(block.start, block.end) for block in asked])

    def _halve(self) -> None:
        pairs = range(0, self.blocks, 2)
        self._blocks = [
            self._blocks[at].with_next(self._blocks[at + 1])
            if at + 1 < self.blocks
            else self._blocks[at]
            for at in pairs
        ]
        self._steps *= 2
