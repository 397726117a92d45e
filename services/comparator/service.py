"""The comparator: closed LSs on `dqm.histograms` into reports on `dqm.quality`.

What to judge is decided by `dqmstream.quality.comparison`; here bytes are moved. The group's
committed offset is where the oldest run held begins, so a restart reads these runs again to have
their totals, and publishes only what is not yet on `dqm.quality`. What tests depend on besides
is read from `dqm.conditions` and `dqm.references`; tests that were activated are on
`dqm.configuration`, and go before those it was started with.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import LogError
from dqmstream.fold.merge import Merger
from dqmstream.histograms.layout import Layout
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.published import Published
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.transport.log import GroupReader, Log, Record, TopicPartition
from services.comparator.compiled_tests import CompiledShelf
from services.comparator.judging import ComparatorProgress, Judging
from services.comparator.known_conditions import KnownConditions
from services.comparator.known_references import KnownReferences
from services.comparator.published_before import read_published
from services.configuration.tests_in_force import TestsInForce
from services.plugins.workers import Workers

__all__ = ["ComparatorProgress", "ComparatorSettings", "run_comparator"]

_READ_RECORDS: Final = 64
_READ_BYTES: Final = 16 << 20
_PATIENCE: Final = 1.0
_LOOK_INTERVAL: Final = 1.0
"""Seconds between two looks at how far the log has got: each asks the broker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparatorSettings:
    """Settings of a comparator.

    Parameters
    ----------
    group
        Consumer group its position is kept under: one for each file of tests that runs at once.
    comparison
        How much it holds of the past.
    """

    group: str = "comparator"
    comparison: ComparisonSettings = field(default_factory=ComparisonSettings)


async def run_comparator(
    log: Log,
    tests: Sequence[QualityTest],
    *,
    clock: Clock,
    ready: Callable[[], None],
    member: str = "comparator",
    settings: ComparatorSettings | None = None,
    progress: ComparatorProgress | None = None,
    algorithms: Mapping[str, Algorithm[Any]] = ALGORITHMS,
    workers: Workers | None = None,
    merger: Callable[[Callable[[str], Layout | None]], Merger] = Merger,
) -> None:
    """Judge what comes on `dqm.histograms`, until cancelled.

    Parameters
    ----------
    tests
        As read with the same `algorithms`; in force unless others were activated.
    ready
        Called once the group is joined.
    member
        Name of this member, unique in the group; members share out the workspaces.
    progress
        Counts to keep up to date.
    workers
        Run the algorithms of plug-ins; the caller closes them.
    merger
        Makes what puts the pieces of an LS together.
    """
    algorithms = algorithms if workers is None else workers.around(algorithms)
    configuration = TestsInForce(log, tests, algorithms, "comparator")
    shelf = CompiledShelf(log, tests, algorithms, clock)
    settings = settings or ComparatorSettings()
    progress = progress or ComparatorProgress()
    known, references = KnownConditions(log), KnownReferences(log)
    comparison = partial(
        Comparison,
        shelf,
        settings.comparison,
        merger=merger,
        conditions=known,
        references=references,
    )
    news = _News(configuration=configuration, conditions=known, references=references)
    service = _Comparator(log, shelf, clock, progress, news=news, comparison=comparison)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(configuration.reading())
        await shelf.change(configuration.tests)
        # Whatever the tests are now: others may be activated while it runs.
        await stack.enter_async_context(known.reading())
        await stack.enter_async_context(references.reading())
        reader = await stack.enter_async_context(
            log.group(
                settings.group,
                [HISTOGRAMS],
                member=member,
                on_assigned=service.assigned,
                on_revoked=service.revoked,
            )
        )
        ready()
        await service.loop(reader)


@dataclass(frozen=True, kw_only=True, slots=True)
class _News:
    """What comes besides histograms, and is looked at before each batch of these."""

    configuration: TestsInForce
    conditions: KnownConditions
    references: KnownReferences


@dataclass(slots=True)
class _Owned:
    """A partition this member owns: what is known of it, and where it ended when taken over."""

    comparison: Comparison
    end: int
    committed: int | None


class _Comparator:
    """Moves records through the comparisons of one group member."""

    def __init__(
        self,
        log: Log,
        shelf: CompiledShelf,
        clock: Clock,
        progress: ComparatorProgress,
        *,
        news: _News,
        comparison: Callable[..., Comparison],
    ) -> None:
        self._log = log
        self._shelf = shelf
        self._comparison = comparison
        self._judging = Judging(shelf, clock, progress)
        self._progress = progress
        self._news = news
        self._renewed_all = False
        self._owned: dict[int, _Owned] = {}
        self._published: Published | None = None
        self._next_look = clock.monotonic()
        self._clock = clock
        self._logger = structlog.get_logger().bind(service="comparator")

    # --------------------------------------------------------------- rebalance

    async def assigned(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Take partitions over, from where the oldest run to be held begins."""
        taken: dict[TopicPartition, tuple[int | None, int, int]] = {}
        for place in sorted(places):
            start, end = await self._log.bounds(*place)
            committed = await reader.committed(*place)
            taken[place] = committed, max(committed or 0, start), end
        unread = {place: at for place, (_, at, end) in taken.items() if at < end}
        holes = any(position > (committed or 0) for committed, position, _ in taken.values())
        self._published = await read_published(self._log, None if holes else unread)
        for (topic, partition), (committed, position, end) in taken.items():
            hole = position > (committed or 0)
            comparison = self._comparison(published=self._published, hole=hole)
            self._owned[partition] = _Owned(comparison, end, committed)
            reader.seek(topic, partition, position)
            self._logger.info(
                "partition taken over", partition=partition, position=position, end=end, hole=hole
            )

    async def revoked(self, _: GroupReader, places: frozenset[TopicPartition]) -> None:
        """Give partitions up."""
        for _topic, partition in places:
            self._owned.pop(partition, None)

    # -------------------------------------------------------------------- loop

    async def loop(self, reader: GroupReader) -> None:
        """Read, judge, publish, commit; for ever."""
        while True:
            records = await reader.read(
                max_records=_READ_RECORDS, max_bytes=_READ_BYTES, timeout=_PATIENCE
            )
            await self._renew()
            by_partition: dict[int, list[Record]] = {}
            for record in records:
                by_partition.setdefault(record.partition, []).append(record)
            for partition, batch in by_partition.items():
                owned = self._owned.get(partition)
                if owned is None:
                    continue
                await self._compare(owned, batch)
                await self._commit(reader, partition, owned)
            self._forget_published(reader)
            if self._clock.monotonic() >= self._next_look:
                self._next_look = self._clock.monotonic() + _LOOK_INTERVAL
                await self._note_progress(reader)

    async def _compare(self, owned: _Owned, batch: Sequence[Record]) -> None:
        """Judge a batch; a booking that is not known is looked up once before it is refused."""
        position = 0
        while position < len(batch):
            judged = await asyncio.to_thread(
                self._judging.judge, owned.comparison, batch[position:]
            )
            if judged.outgoing:
                await self._log.send(judged.outgoing)
            position += judged.records
            if judged.unknown:
                await self._shelf.look_up(judged.unknown)

    async def _renew(self) -> None:
        """Judge again what other conditions have come of, once all is judged that was published."""
        # From the next LS on, as references.
        if await self._news.configuration.news():
            await self._shelf.change(self._news.configuration.tests)
        # A new reference is used from the next LS on: what was judged with another one stands.
        await self._news.references.news()
        changed = await self._news.conditions.news()
        if self._published is not None:
            self._renewed_all = False
            for owned in self._owned.values():
                owned.comparison.note_conditions(changed)
        elif changed or not self._renewed_all:
            places = changed if self._renewed_all else None
            self._renewed_all = True
            for owned in list(self._owned.values()):
                judged = await asyncio.to_thread(self._judging.renew, owned.comparison, places)
                if judged:
                    await self._log.send(judged)

    async def _commit(self, reader: GroupReader, partition: int, owned: _Owned) -> None:
        rebuild_from = owned.comparison.rebuild_from
        if rebuild_from is None or rebuild_from == owned.committed:
            return
        try:
            await reader.commit({(HISTOGRAMS, partition): rebuild_from})
        except LogError as error:
            # Only a shorter way back: the next commit, or the next owner, makes up for it.
            self._logger.warning("commit refused", partition=partition, error=str(error))
        else:
            owned.committed = rebuild_from

    async def _note_progress(self, reader: GroupReader) -> None:
        """How far this member is in the partitions it owns."""
        counts = (owned.comparison.ignored for owned in self._owned.values())
        self._progress.ignored = sum(counts, Counter())
        positions, lag = {}, {}
        for partition in list(self._owned):
            place = (HISTOGRAMS, partition)
            positions[place] = reader.position(*place)
            lag[place] = max(0, (await self._log.bounds(*place)).end - positions[place])
        self._progress.positions, self._progress.lag = positions, lag

    def _forget_published(self, reader: GroupReader) -> None:
        """Once all is judged that was there at the start, nothing that comes is published yet."""
        if self._published is None or not self._owned:
            return
        if all(
            reader.position(HISTOGRAMS, partition) >= owned.end
            for partition, owned in self._owned.items()
        ):
            self._published.forget()
            self._published = None
