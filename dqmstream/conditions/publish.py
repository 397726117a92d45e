"""Conditions onto `dqm.conditions`: all at once, or each LS at its event time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from dqmstream.clock import Clock
from dqmstream.conditions.units import LUMISECTION_SECONDS
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS
from dqmstream.producing.pace import Pace
from dqmstream.transport.log import Log
from dqmstream.transport.outgoing import outgoing

__all__ = ["ConditionsProgress", "publish_conditions"]

_AT_ONCE: Final = 500


@dataclass(slots=True)
class ConditionsProgress:
    """Counts since start: LSs published, rows rejected and fields contradicted in the files."""

    run: int | None = None
    lumisection: int | None = None
    published: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    contradictions: dict[str, int] = field(default_factory=dict)


async def publish_conditions(
    log: Log,
    rows: Sequence[Conditions],
    *,
    clock: Clock,
    speed: float | None = None,
    seconds: float = LUMISECTION_SECONDS,
    progress: ConditionsProgress | None = None,
) -> ConditionsProgress:
    """Publish conditions; it is done when the log has all of them.

    Publishing them twice is harmless: readers keep the newest of each LS.

    Parameters
    ----------
    log
        One that waits while it is away (`PatientLog`).
    rows
        By run, then LS, as a `ConditionsTable` gives them.
    speed
        1 publishes an LS when it ends in real time, k plays k times as fast, None all at once.
    seconds
        Length of an LS.
    progress
        Kept up to date, and returned.
    """
    progress = progress or ConditionsProgress()
    if speed is None:
        for first in range(0, len(rows), _AT_ONCE):
            await _send(log, rows[first : first + _AT_ONCE], progress)
        return progress
    pace = Pace(clock, speed)
    for _, of_run in groupby(rows, key=lambda row: row.run):
        before: int | None = None
        for row in of_run:
            length = seconds * (1 if before is None else row.lumisection - before)
            before = row.lumisection
            await pace.wait(length)
            pace.next_lumisection(length)
            await _send(log, [row], progress)
    return progress


async def _send(log: Log, rows: Sequence[Conditions], progress: ConditionsProgress) -> None:
    await log.send([outgoing(CONDITIONS, 0, row, str(row.run).encode()) for row in rows])
    progress.published += len(rows)
    progress.run, progress.lumisection = rows[-1].run, rows[-1].lumisection
