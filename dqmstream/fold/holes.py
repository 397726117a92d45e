"""What a hole in the input leaves uncertain: records that expired before anybody read them.

An LS may have lost chunks if it was open at the hole, or lies no more than M LSs beyond, or before,
what its run had reached: sources of a run are less than half of M apart. A run that begins by its
RunStart long after a hole has lost nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from dqmstream.fold.effects import SegmentId
from dqmstream.fold.run_state import RunState
from dqmstream.fold.state import ControlState, FoldSettings, Hole

__all__ = ["after_hole", "meet_holes"]


class Uncertain(NamedTuple):
    """A segment that was open at a hole, if one was, and the next one of its LS."""

    open: SegmentId | None
    segment: SegmentId


def after_hole(encoded: bytes | None, first: int, following: int) -> bytes:
    """State to go on from at `following` after records [first, following) were lost.

    Parameters
    ----------
    encoded
        State before `first`; None at the beginning of the log.
    """
    state = ControlState() if encoded is None else ControlState.decode(encoded)
    state.holes.append(Hole(first, following))
    return state.encode()


def meet_holes(
    state: ControlState,
    number: int,
    lumisection: int,
    settings: FoldSettings,
    *,
    stamp: int,
    begins: bool,
) -> list[Uncertain]:
    """Let a run meet the holes before its next record; segments to close and to publish as holed.

    Parameters
    ----------
    number, lumisection
        Run of the record, which the state knows, and the LS it speaks of (0 for none).
    stamp
        Log time of the record, nanoseconds since 1970.
    begins
        Whether the record is a RunStart.
    """
    run = state.runs[number]
    span = run.span()
    for hole in state.holes[len(run.unsure) :]:
        if hole.stamp < 0:
            hole.stamp = stamp
        after = stamp - hole.stamp > settings.hole_seconds * 1e9
        if span is None and not run.sources and begins and after:
            run.unsure.append(0)
        else:
            reached = max(lumisection, span[1] if span is not None else 0)
            run.unsure.append(reached + settings.max_open)
    return list(_uncertain(run, number, span, settings.max_open))


def _uncertain(
    run: RunState, number: int, span: tuple[int, int] | None, margin: int
) -> Iterator[Uncertain]:
    if span is None:
        return
    recent = range(max(span[0], span[1] - margin + 1), span[1] + 1)
    for lumisection in sorted({*run.open, *recent}):
        state = run.lumisections[lumisection]
        before = None
        if run.is_open(lumisection):
            before = SegmentId(number, lumisection, state.segment)
            run.open.remove(lumisection)
        state.segment += 1
        state.spoke = []
        yield Uncertain(before, SegmentId(number, lumisection, state.segment))
