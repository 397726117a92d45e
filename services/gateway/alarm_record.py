"""The record of alarms, read backwards, by alarm, and folded to how they stood at a moment."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

from dqmstream.alarms.stood import Stood, stood_at
from dqmstream.alarms.stood_index import StoodIndex
from dqmstream.errors import MessageError
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.topics import ALARMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log, Record
from services.gateway.alarm_steps import step_fields, step_row
from services.gateway.patience import log_within

__all__ = ["AlarmRecord", "StepFilter"]

_PATIENCE: Final = 10.0
_READ_SECONDS: Final = 1.0
_BACK: Final = 1_000
"""Records that are read at once, going back."""
_MOST_BACK: Final = 20
"""So often for one answer: a filter that means little is asked on for."""


class StepFilter(NamedTuple):
    """Which steps are meant; empty parts mean all."""

    workspace: str = ""
    severity: str = ""
    text: str = ""
    """In its name, workspace, path, test, event, state, or in what was said, by whom; any case."""

    def means(self, step: AlarmTransition) -> bool:
        """Whether a step is meant."""
        if self.workspace not in {"", step.workspace} or self.severity not in {"", step.severity}:
            return False
        said = (step.alarm, step.workspace, step.event, step.after, step.who, step.why)
        return self.text.casefold() in "\n".join(said).casefold()


class AlarmRecord:
    """All steps of alarms there are.

    Parameters
    ----------
    log
        Where they are.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._folding = asyncio.Lock()
        self._index: StoodIndex | None = None

    async def newest(
        self, before: int | None, limit: int, meant: StepFilter
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Steps below the sequence `before`, the newest first, and where to ask on.

        The second is None at the beginning of the record. ProblemError 503 if the log is away.
        """
        start, end = await self._bounds()
        upto = end if before is None else min(before, end)
        found: list[dict[str, Any]] = []
        for _ in range(_MOST_BACK):
            if upto <= start:
                break
            since = max(start, upto - _BACK)
            part = [step async for _, steps in self._read(since, upto) for step in steps]
            for sequence, step in reversed(part):
                if not meant.means(step):
                    continue
                found.append(step_row(sequence, step))
                if len(found) == limit:
                    return found, sequence if sequence > start else None
            upto = since
        return found, upto if upto > start else None

    async def of_alarm(self, alarm: str) -> list[AlarmTransition]:
        """All steps of an alarm, the oldest first; ProblemError 503 if the log is away."""
        # A step that was told twice is one step; each record of version 1, without number, is one.
        found: dict[tuple[int, int], AlarmTransition] = {}
        async for _, steps in self._read(*await self._bounds(), alarm):
            for sequence, step in steps:
                found.setdefault((step.number, 0 if step.number else sequence), step)
        return list(found.values())

    async def stood(self, moment: int) -> list[dict[str, Any]]:
        """Alarms that were not normal at a moment, by name: the last step of each until then.

        Parameters
        ----------
        moment
            Nanoseconds since 1970.
        """
        # What is new is read by one, however many ask.
        async with self._folding:
            index = await self._indexed()
            found, ranges = index.stood_from(moment)
            for start, end in ranges:
                async for _, steps in self._read(start, end):
                    found = stood_at((step for _, step in steps), moment, found)
        return [_row(found[name]) for name in sorted(found) if not found[name].is_normal]

    async def _indexed(self) -> StoodIndex:
        """The index of all steps that are in the log now; what it has is not read again."""
        start, end = await self._bounds()
        index = self._index
        if index is None or index.start != start or index.end > end:
            # The first time; or somebody has cut the record, which is all there is now.
            index = self._index = StoodIndex(start)
        async for upto, steps in self._read(index.end, end):
            index.take(upto, [step for _, step in steps])
        return index

    async def _bounds(self) -> tuple[int, int]:
        async with log_within(_PATIENCE):
            return await self._log.bounds(ALARMS, 0)

    async def _read(
        self, start: int, end: int, alarm: str | None = None
    ) -> AsyncIterator[tuple[int, list[tuple[int, AlarmTransition]]]]:
        """Steps within offsets, each with its own, some at a time, and where those after them
        begin; of one alarm if it is named."""
        key = None if alarm is None else alarm.encode()
        if start >= end:
            return
        async with self._log.reader({(ALARMS, 0): start}) as reader:
            while (at := reader.position(ALARMS, 0)) < end:
                async with log_within(_PATIENCE):
                    records = await reader.read(
                        max_records=min(_BACK, end - at), timeout=_READ_SECONDS
                    )
                named = (one for one in records if key in {None, one.key} and one.offset < end)
                upto = min(end, reader.position(ALARMS, 0))
                yield upto, [found for record in named if (found := _step(record))]


def _step(record: Record) -> tuple[int, AlarmTransition] | None:
    try:
        message = CODEC.decode(record.headers, record.value)
    except MessageError:
        return None  # it is counted where alarms are followed
    return (record.offset, message) if isinstance(message, AlarmTransition) else None


def _row(stood: Stood) -> dict[str, Any]:
    row = step_fields(stood.step)
    return row | {
        "state": stood.step.after,
        "since": stood.since,
        "unacknowledged": stood.unacknowledged,
    }
