"""Time-outs as decisions: what the owner of a partition appends to the log, and when.

The wall clock enters here and nowhere else in the fold; what it causes is a record that every
filler folds alike. A decision acts only once it is read back.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dqmstream.fold.run_state import RunState
from dqmstream.fold.state import ControlState
from dqmstream.messages.events import LumisectionClose, LumisectionOpen, RunClose

__all__ = ["Closer", "Decision"]


class Decision(NamedTuple):
    """What to append: first `elsewhere` to all other partitions, then `here` to the own one."""

    elsewhere: Sequence[LumisectionOpen]
    here: Sequence[LumisectionClose | RunClose]


class Closer:
    """Watches one partition for silence.

    A decision that does not show in the state is taken again after as long a silence: a second
    one is void, a lost one would leave an LS open for ever.

    Parameters
    ----------
    lumisection_timeout
        Seconds without a record for an open LS after which it is closed.
    run_timeout
        Seconds without a record for a run with nothing open after which it is closed, whether its
        sources have ended it or not: only then do all partitions know the same LSs of it.
    """

    def __init__(self, lumisection_timeout: float, run_timeout: float) -> None:
        self._lumisection_timeout = lumisection_timeout
        self._run_timeout = run_timeout
        self._heard: dict[tuple[int, int], float] = {}
        self._runs: dict[int, float] = {}

    def note(self, run: int, lumisection: int | None, now: float) -> None:
        """A record of this run (and LS) was folded at `now` (monotonic seconds)."""
        self._runs[run] = now
        if lumisection is not None:
            self._heard[run, lumisection] = now

    def decide(self, state: ControlState, now: float) -> Decision:
        """Decisions due at `now`; only to be asked when caught up with the log."""
        opened: list[LumisectionOpen] = []
        here: list[LumisectionClose | RunClose] = []
        for number, span in state.unclosed():
            due = self._due(number, state.runs.get(number), now)
            if due and span is not None:
                opened.append(LumisectionOpen(run=number, lowest=span[0], highest=span[1]))
            here += due
        self._forget(state)
        return Decision(opened, here)

    def _due(
        self, number: int, run: RunState | None, now: float
    ) -> Sequence[LumisectionClose | RunClose]:
        """What to close of a run; one that is put away has nothing open."""
        closing = []
        for lumisection, segment in run.open_segments() if run is not None else ():
            if (
                now - self._heard.setdefault((number, lumisection), now)
                >= self._lumisection_timeout
            ):
                self._heard[number, lumisection] = now
                closing.append(
                    LumisectionClose(run=number, lumisection=lumisection, segment=segment)
                )
        if run is not None and run.open:
            return closing
        if now - self._runs.setdefault(number, now) < self._run_timeout:
            return ()
        self._runs[number] = now
        return (RunClose(run=number),)

    def _forget(self, state: ControlState) -> None:
        """Only open segments and runs that are not closed are watched."""
        going_on = {(run, lumisection) for run, lumisection, _ in state.open_segments()}
        unclosed = {number for number, _ in state.unclosed()}
        self._heard = {key: at for key, at in self._heard.items() if key in going_on}
        self._runs = {run: at for run, at in self._runs.items() if run in unclosed}
