"""Time-outs as decisions: what the owner of a partition appends to the log, and when.

The wall clock enters here and nowhere else in the fold; what it causes is a record that every
filler folds alike. A decision acts only once it is read back.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dqmstream.fold.control import SegmentId
from dqmstream.fold.state import ControlState
from dqmstream.messages.events import LumisectionClose, LumisectionOpen, RunClose

__all__ = ["Closer", "Decision"]


class Decision(NamedTuple):
    """What to append: first `elsewhere` to all other partitions, then `here` to the own one."""

    elsewhere: Sequence[LumisectionOpen]
    here: Sequence[LumisectionClose | RunClose]


class Closer:
    """Watches one partition for silence.

    Parameters
    ----------
    lumisection_timeout
        Seconds without a record for an open LS after which it is closed.
    run_timeout
        Seconds without a record for a run with nothing open after which it is ended.
    """

    def __init__(self, lumisection_timeout: float, run_timeout: float) -> None:
        self._lumisection_timeout = lumisection_timeout
        self._run_timeout = run_timeout
        self._heard: dict[tuple[int, int], float] = {}
        self._runs: dict[int, float] = {}
        self._decided: set[SegmentId] = set()
        self._ending: set[int] = set()

    def note(self, run: int, lumisection: int | None, now: float) -> None:
        """A record of this run (and LS) was folded at `now` (monotonic seconds)."""
        self._runs[run] = now
        self._ending.discard(run)
        if lumisection is not None:
            self._heard[run, lumisection] = now

    def decide(self, state: ControlState, now: float) -> Decision:
        """Decisions due at `now`; only to be asked when caught up with the log."""
        opened: list[LumisectionOpen] = []
        here: list[LumisectionClose | RunClose] = []
        still: set[SegmentId] = set()
        for run_number, run in state.runs.items():
            silent = []
            for lumisection, number in run.open_segments():
                segment = SegmentId(run_number, lumisection, number)
                heard = self._heard.setdefault((run_number, lumisection), now)
                if segment in self._decided:
                    still.add(segment)
                elif now - heard >= self._lumisection_timeout:
                    silent.append(segment)
            span = run.span()
            if silent and span is not None:
                opened.append(LumisectionOpen(run=run_number, lowest=span[0], highest=span[1]))
                here += [
                    LumisectionClose(run=run_number, lumisection=s.lumisection, segment=s.segment)
                    for s in silent
                ]
                still.update(silent)
            if self._run_is_over(run_number, run.ended, run.open_segments(), now):
                here.append(RunClose(run=run_number))
                self._ending.add(run_number)
        self._decided = still
        self._forget(state)
        return Decision(opened, here)

    def _run_is_over(self, run: int, ended: bool, still_open: Sequence[object], now: float) -> bool:
        if ended or still_open or run in self._ending:
            return False
        return now - self._runs.setdefault(run, now) >= self._run_timeout

    def _forget(self, state: ControlState) -> None:
        """Only open segments and running runs are watched."""
        going_on = {(run, lumisection) for run, lumisection, _ in state.open_segments()}
        self._heard = {key: at for key, at in self._heard.items() if key in going_on}
        self._runs = {run: at for run, at in self._runs.items() if run in state.runs}
