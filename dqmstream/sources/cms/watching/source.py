"""One stream of one run in a watched folder, as a source whose LSs are awaited."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

import structlog

from dqmstream.booking.absence import Absence
from dqmstream.booking.columns import encode_batch
from dqmstream.clock import Clock
from dqmstream.identity import content_hash
from dqmstream.sources.cms.file import empty_batch, product_readers
from dqmstream.sources.cms.glance import Glance, glance
from dqmstream.sources.cms.report import FileReport
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.source import (
    LUMISECTION_SECONDS,
    StreamerLumisection,
    StreamerSource,
    made_from,
)
from dqmstream.sources.cms.watching.order import End, GiveUp, StreamOrder, Take
from dqmstream.sources.cms.watching.sighting import Sighting
from dqmstream.sources.decisions import Decisions
from dqmstream.sources.source import SourceChunk, SourceLumisection

__all__ = ["WatchedSource", "late_source"]

_MOST_REPORTS: Final = 1000
"""Reports kept of the files of a run, the newest."""


class _AbsentLumisection:
    """An LS that was given up: what was announced for it is dropped, and said so."""

    seconds = LUMISECTION_SECONDS

    def __init__(
        self, lumisection: int, events: int, why: str, settings: ReadSettings, absence: Absence
    ) -> None:
        self.lumisection = lumisection
        self._events = events
        self._why = why
        self._settings = settings
        self._absence = absence

    def chunks(self) -> Iterator[SourceChunk]:
        if self._events:
            body = encode_batch(self._absence.written(empty_batch(self._settings)))
            yield SourceChunk(body=body, seen=self._events, selected=0, dropped=self._events)

    def notes(self) -> Mapping[str, int]:
        return {self._why: 1}


class _LostLumisection:
    """An LS of which an earlier life may have sent some: its file is no more."""

    seconds = LUMISECTION_SECONDS

    def __init__(self, lumisection: int, events: int) -> None:
        self.lumisection = lumisection
        self._events = events

    def chunks(self) -> Iterator[SourceChunk]:
        return iter(())

    def notes(self) -> Mapping[str, int]:
        return {"file_lost": 1, "lost_events": self._events} if self._events else {"file_lost": 1}


class _TakenLumisection(StreamerLumisection):
    """An LS read from its file; `lost` if that went before it was opened."""

    lost = False

    def chunks(self) -> Iterator[SourceChunk]:
        empty = True
        for chunk in super().chunks():
            empty = False
            yield chunk
        self.lost = empty and "file_missing" in self.notes()


class WatchedSource:
    """The files of one stream in one run, as they come.

    Its incarnation is the hash of stream, run, of how files are read and of the columns made from
    them, class tables included: which files there will be is not known. Of the columns of the
    settings it sends those that the first file has, which are those of all files of a stream; the
    others are left to other streams of the run, of which nobody knows which will come. What depends
    on files is decided LS by LS.

    Parameters
    ----------
    order
        Decides; the watch tells it what is seen, and sets `changed`.
    first_glance
        What the first file says of all.
    run_type
        From the run key.
    settings
        How to read.
    clock
        Its monotonic reading is the time of `order`.
    """

    rereadable = True

    def __init__(
        self,
        run: int,
        stream: str,
        order: StreamOrder,
        *,
        first_glance: Glance,
        run_type: str,
        settings: ReadSettings,
        clock: Clock,
    ) -> None:
        self.run = run
        self.stream = stream
        self.name = f"cms-{stream}"
        self.run_type = run_type
        self.marks = first_glance.marks
        self.labels = first_glance.labels
        self.first_lumisection = 0
        self.reports: list[FileReport] = []
        self.changed = asyncio.Event()
        """Something was seen, or the run has ended."""
        self.waits_for = ""
        """What it waits for, in words; empty when for nothing."""
        self.given_up = 0
        """LSs that this life has given up."""
        self.incarnation = content_hash([stream, run, *made_from(settings)])
        self._order = order
        self._absence = _left_to_others(first_glance, settings)
        self._settings = first_glance.narrowed(settings)
        self._products = product_readers(self._settings)
        self._clock = clock
        self._next = 0
        self._done = 0
        self._reading: _TakenLumisection | None = None
        self._logger = structlog.get_logger().bind(source=self.name, run=run)

    @property
    def decisions(self) -> Decisions:
        return self._order.decisions

    def resume(self, decisions: Decisions, after: int) -> None:
        self._order.resume(decisions, after)
        self.first_lumisection = self._order.decisions.first
        self._next = max(after + 1, self.first_lumisection)
        self._done = self._next - 1

    @property
    def decodes(self) -> bool:
        """Whether it takes columns out of payloads, by kernels of their own."""
        return bool(self._settings.product_columns)

    @property
    def behind(self) -> int:
        """LSs decided about that the log does not hold yet."""
        return self.decisions.last - self._done

    def acknowledged(self, lumisection: int) -> None:
        self._done = lumisection
        self._order.acknowledged(lumisection)

    def least_chunks(self, lumisection: int) -> int:
        decisions = self.decisions
        if self._reading is not None and self._reading.lost:
            self._order.lose(lumisection)
        elif not (decisions.is_absent(lumisection) and decisions.ending(lumisection) is not None):
            return 0
        # A chunk has an event, but for one that says what became of all others.
        return decisions.events(lumisection) + 1

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        """Those that are decided, without waiting for more."""
        for number in range(max(after + 1, self.first_lumisection), self.decisions.last + 1):
            yield self._decided(number)

    async def next_lumisection(self) -> SourceLumisection | None:
        number = self._next
        is_decided = number <= self.decisions.last
        one = self._decided(number) if is_decided else await self._await(number)
        self._next = number + 1
        self._reading = one if isinstance(one, _TakenLumisection) else None
        self.reports[:] = self.reports[-_MOST_REPORTS:]
        return one

    def _decided(self, number: int) -> SourceLumisection:
        """An LS that an earlier life decided about."""
        decisions, sighting = self.decisions, self._order.found(number)
        events = decisions.events(number)
        if decisions.ending(number) is None:
            why = decisions.reason(number) or "given_up"
            return self._given_up(number, events, why)
        if sighting is not None and not decisions.is_absent(number):
            return self._taken(number, sighting)
        self._logger.warning("file is lost, it was begun before a restart", lumisection=number)
        self._order.lose(number)
        return _LostLumisection(number, events)

    def _taken(self, number: int, sighting: Sighting) -> _TakenLumisection:
        paths = (sighting.path,)
        return _TakenLumisection(
            number,
            paths,
            self._settings,
            self.reports,
            products=self._products,
            absence=self._absence,
        )

    def _given_up(self, number: int, events: int, why: str) -> _AbsentLumisection:
        return _AbsentLumisection(number, events, why, self._settings, self._absence)

    async def _await(self, number: int) -> SourceLumisection | None:
        while True:
            self.changed.clear()
            step = self._order.step(self._clock.monotonic())
            match step:
                case Take(_, sighting):
                    self.waits_for = ""
                    return self._taken(number, sighting)
                case GiveUp(_, events, why):
                    self.waits_for = ""
                    self.given_up += 1
                    self._logger.warning(
                        "lumisection is given up", lumisection=number, reason=why, count=events
                    )
                    return self._given_up(number, events, why)
                case End():
                    self.waits_for = ""
                    return None
            self.waits_for = f"run {self.run} {self.name} LS {number}"
            await self._news(step.until)

    async def _news(self, until: float | None) -> None:
        """Until something is seen, or the time has come."""
        try:
            left = None if until is None else max(0.0, until - self._clock.monotonic())
            async with asyncio.timeout(left):
                await self.changed.wait()
        except TimeoutError:
            return


def late_source(sighting: Sighting, settings: ReadSettings) -> StreamerSource:
    """A file whose LS is decided, as a source of its own: what it holds is late. Blocks.

    Its incarnation is of the file, so it is sent once, however often it is found.
    """
    number = sighting.lumisection.lumisection
    ending = content_hash(sighting.ending)[:6]
    first = glance((sighting.path,), settings)
    return StreamerSource(
        sighting.lumisection.run,
        sighting.stream,
        {number: (sighting.path,)},
        first.narrowed(settings),
        name=f"cms-{sighting.stream}-late-ls{number:06d}-{ending}",
        first_glance=first,
        absence=_left_to_others(first, settings),
    )


def _left_to_others(first: Glance, settings: ReadSettings) -> Absence:
    """What is asked for and a stream does not have: another may."""
    return first.absence(settings.product_columns, settings.product_columns)
