"""The comparator on a log: reports come out, poison does not stop it, a restart repeats nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from dqmstream.clock import SettableClock
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer
from dqmstream.messages.histograms import Account, HistogramSet, SourceAccount
from dqmstream.messages.operations import Conditions, Dead
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    BOOKINGS,
    CONDITIONS,
    HISTOGRAMS,
    QUALITY,
    TOPICS,
    dead_topic,
)
from dqmstream.messages.wire import CODEC
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.declaration import read_tests
from dqmstream.transport.log import Log, Outgoing, TopicSpec
from dqmstream.transport.memory import MemoryLog
from services.comparator.judging import ComparatorProgress
from services.comparator.service import ComparatorSettings, run_comparator

TESTS = read_tests(
    '[[quality_test]]\nname = "dead"\nalgorithm = "DeadChannel"\npath = "me"\nscope = "both"\n'
    "error = 1.0\n",
    "tests.toml",
)


def layout_of(workspace: str) -> Layout:
    axis = Integer(lower=0, upper=9, label="bin")
    me = Histogram(path="me", axes=(axis,), fill=("x",))
    return Layout(Booking(workspace=workspace, elements=(me,)))


LAYOUTS = {workspace: layout_of(workspace) for workspace in ("pixel", "ecal")}


def piece(
    lumisection: int, workspace: str = "pixel", *, counts: Sequence[int] = (500,) * 9, **changes
) -> HistogramSet:
    layout = LAYOUTS[workspace]
    contents = Contents.empty(layout)
    contents.cells[1:10] = counts
    source = SourceAccount(source="s", incarnation="i", rereadable=True, chunks=b"\x01", marker=1)
    fields = {
        "set": "s",
        "run": 1,
        "lumisection": lumisection,
        "segment": 0,
        "workspace": workspace,
        "partition": 0,
        "partitions": 1,
        "booking": layout.hash,
        "through": 10 * lumisection,
        "epoch": 0,
        "closed": True,
        "whole": True,
        "writer": "filler",
        "account": Account(sources=(source,)),
        "cells": contents.encode(),
    }
    return HistogramSet(**fields | changes)


def wired(topic: str, message: Message, key: str, partition: int = 0) -> Outgoing:
    headers, value = CODEC.encode(message)
    return Outgoing(
        topic=topic, partition=partition, key=key.encode(), headers=headers, value=value
    )


def sets(*pieces: HistogramSet) -> list[Outgoing]:
    partitions = {"pixel": 0, "ecal": 1}
    return [wired(HISTOGRAMS, one, one.workspace, partitions[one.workspace]) for one in pieces]


@pytest.fixture
async def log() -> MemoryLog:
    """A log with all topics, and the bookings of two workspaces."""
    return await log_of(SettableClock())


async def log_of(clock: SettableClock) -> MemoryLog:
    """The same by a clock that can be set."""
    log = MemoryLog(clock, stride=3)
    await log.ensure_topics(
        [
            TopicSpec(
                name=topic.name,
                partitions=2 if topic.name == HISTOGRAMS else 1,
                compacted=topic.compacted,
            )
            for topic in TOPICS.values()
        ]
    )
    await log.send(
        [wired(BOOKINGS, one.booking, f"booking/{one.hash}") for one in LAYOUTS.values()]
    )
    return log


@asynccontextmanager
async def comparator(
    log: Log,
    progress: ComparatorProgress | None = None,
    *,
    member: str = "comparator",
    runs: int = 4,
    tests=TESTS,
) -> AsyncIterator[None]:
    """A comparator that is ready, for the length of the block."""
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            run_comparator(
                log,
                tests,
                clock=SettableClock(),
                ready=ready.set,
                member=member,
                settings=ComparatorSettings(comparison=ComparisonSettings(runs=runs)),
                progress=progress,
            )
        )
        await ready.wait()
        yield
        running.cancel()


async def read_all(log: Log, topic: str, count: int, patience: float = 120.0) -> list[Message]:
    """The first `count` messages of a topic, and whatever else is there with them."""
    start, _ = await log.bounds(topic, 0)
    messages: list[Message] = []
    async with log.reader({(topic, 0): start}) as reader, asyncio.timeout(patience):
        while len(messages) < count:
            records = await reader.read(timeout=1.0)
            messages += [CODEC.decode(record.headers, record.value) for record in records]
    return messages


def places(messages: Sequence[Message]) -> list[tuple[str, int, int]]:
    return sorted(
        (one.scope, one.run, one.lumisection) for one in messages if isinstance(one, QualityReports)
    )


async def test_closed_lumisections_are_judged_alone_and_in_the_run(log: MemoryLog) -> None:
    async with comparator(log):
        await log.send(sets(piece(1), piece(2, counts=(500, 0, *[500] * 7)), piece(2, "ecal")))
        reports = await read_all(log, QUALITY, 6)
    outcomes = {
        (one.workspace, one.scope, one.lumisection): one.reports[0].outcome for one in reports
    }
    assert outcomes == {
        ("pixel", "lumisection", 1): Outcome.GOOD,
        ("pixel", "run", 1): Outcome.GOOD,
        ("pixel", "lumisection", 2): Outcome.BAD,
        ("pixel", "run", 2): Outcome.GOOD,
        ("ecal", "lumisection", 2): Outcome.GOOD,
        ("ecal", "run", 2): Outcome.GOOD,
    }


async def test_an_open_lumisection_is_not_judged(log: MemoryLog) -> None:
    progress = ComparatorProgress()
    async with comparator(log, progress):
        await log.send(sets(piece(1, closed=False), piece(1), piece(2, closed=False)))
        reports = await read_all(log, QUALITY, 2)
    assert places(reports) == [("lumisection", 1, 1), ("run", 1, 1)]


async def test_a_restart_publishes_what_is_missing_and_nothing_twice(log: MemoryLog) -> None:
    async with comparator(log):
        await log.send(sets(*(piece(number) for number in (1, 2, 3))))
        await read_all(log, QUALITY, 6)
    await log.send(sets(piece(4)))
    async with comparator(log):
        reports = await read_all(log, QUALITY, 8)
    expected = [(scope, 1, number) for scope in ("lumisection", "run") for number in (1, 2, 3, 4)]
    assert places(reports) == sorted(expected)
    whole_run = next(one for one in reports if (one.scope, one.lumisection) == ("run", 4))
    assert whole_run.reports[0].entries == 4 * 4500
    assert whole_run.complete


async def test_a_restart_reads_again_from_the_oldest_run_it_holds(log: MemoryLog) -> None:
    async with comparator(log, runs=2):
        await log.send(sets(*(piece(number, run=run) for run in (1, 2, 3) for number in (1, 2))))
        await read_all(log, QUALITY, 12)
        await log.send(sets(piece(3, run=3)))
        await read_all(log, QUALITY, 14)  # so the position of the first six is committed
    progress = ComparatorProgress()
    async with comparator(log, progress, runs=2):
        await log.send(sets(piece(4, run=3)))
        reports = await read_all(log, QUALITY, 16)
    assert progress.records == 6
    assert reports[-1].reports[0].entries == 4 * 4500
    assert len(reports) == 16


async def test_a_restart_after_a_long_time_repeats_nothing() -> None:
    """Only the newest of many reports are read again, and among them all that matter."""
    clock = SettableClock()
    log = await log_of(clock)
    runs, told = 80, 0
    async with comparator(log, runs=40):
        for run in range(1, runs + 1):
            for number in (1, 2, 3):
                clock.advance(60.0)
                await log.send(sets(piece(number, run=run)))
            told += 6
            await read_all(log, QUALITY, told)
    for last in (4, 5):
        async with comparator(log, runs=40):
            clock.advance(60.0)
            await log.send(sets(piece(last, run=runs)))
            told += 2
            reports = await read_all(log, QUALITY, told)
        assert len(reports) == told
        assert len(set(places(reports))) == told
        assert reports[-1].reports[0].entries == last * 4500


async def test_other_tests_after_a_restart_do_not_rewrite_history(log: MemoryLog) -> None:
    async with comparator(log):
        await log.send(sets(piece(1)))
        await read_all(log, QUALITY, 2)
    async with comparator(log, tests=()):
        await log.send(sets(piece(2)))
        reports = await read_all(log, QUALITY, 3)
    assert [(one.scope, one.lumisection, len(one.reports)) for one in reports] == [
        ("lumisection", 1, 1),
        ("run", 1, 1),
        ("lumisection", 2, 0),
    ]


async def test_two_members_share_the_workspaces(log: MemoryLog) -> None:
    async with comparator(log, member="a"):
        await log.send(sets(piece(1), piece(1, "ecal")))
        await read_all(log, QUALITY, 4)
        async with comparator(log, member="b"):
            await log.send(sets(piece(2), piece(2, "ecal")))
            reports = await read_all(log, QUALITY, 8)
    assert len(reports) == 8
    runs = {one.workspace: one for one in reports if (one.scope, one.lumisection) == ("run", 2)}
    assert {one.reports[0].entries for one in runs.values()} == {9000}
    assert set(runs) == {"pixel", "ecal"}


async def test_a_booking_announced_after_the_start_is_looked_up(log: MemoryLog) -> None:
    late = layout_of("bril")
    contents = Contents.empty(late)
    contents.cells[1:10] = 500
    async with comparator(log):
        await log.send([wired(BOOKINGS, late.booking, f"booking/{late.hash}")])
        one = piece(1, workspace="pixel", booking=late.hash, cells=contents.encode())
        await log.send(sets(one))
        reports = await read_all(log, QUALITY, 2)
    assert {report.workspace for report in reports} == {"bril"}


def hostile() -> dict[str, list[Outgoing]]:
    """Records nobody can use, by the reason they are refused for."""
    good = piece(1)
    headers, value = CODEC.encode(good)

    def raw(**changes) -> Outgoing:
        fields = {"topic": HISTOGRAMS, "partition": 0, "key": b"k", "value": value}
        return Outgoing(**fields | {"headers": headers} | changes)

    return {
        "no_type": [raw(headers=())],
        "unknown_type": [raw(headers=(("type", b"Nonsense"), ("schema", b"1")))],
        "unknown_version": [raw(headers=(("type", b"HistogramSet"), ("schema", b"99")))],
        "no_body": [raw(value=None)],
        "bad_body": [raw(value=b""), raw(value=value[:-1]), raw(value=b"\xff" * 50)],
        "unexpected_type": [wired(HISTOGRAMS, LAYOUTS["pixel"].booking, "k")],
        "unknown_booking": sets(piece(1, booking="f" * 16), piece(2, booking="f" * 16)),
        "bad_cells": sets(
            piece(1, cells=b"rubbish"),
            piece(1, cells=Contents.empty(LAYOUTS["ecal"]).encode()[:-3]),
            piece(1, invalid={99: "no such element"}),
        ),
        "bad_set": sets(piece(1, parts=0), piece(1, partitions=-1), piece(1, partition=7)),
        "contradiction": sets(
            piece(5, run=8, partitions=2), piece(5, run=8, partition=1, partitions=3)
        ),
    }


@pytest.mark.parametrize("reason", hostile())
async def test_after_any_hostile_record_the_next_good_one_is_judged(
    log: MemoryLog, reason: str
) -> None:
    progress = ComparatorProgress()
    async with comparator(log, progress):
        await log.send(hostile()[reason])
        await log.send(sets(piece(9, run=9)))
        reports = await read_all(log, QUALITY, 2)
        dead = await read_all(log, dead_topic(HISTOGRAMS), sum(progress.refused.values()))
    assert ("lumisection", 9, 9) in places(reports)
    assert set(progress.refused) == {reason}
    assert {one.reason for one in dead if isinstance(one, Dead)} == {reason}


async def test_a_record_that_meets_an_error_of_ours_costs_no_more_than_itself(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Comparison.apply

    def failing(self: Comparison, piece: HistogramSet, offset: int, made: int = 0):
        if piece.lumisection == 1:
            msg = "a bug"
            raise ZeroDivisionError(msg)
        return apply(self, piece, offset, made)

    monkeypatch.setattr(Comparison, "apply", failing)
    progress = ComparatorProgress()
    async with comparator(log, progress):
        await log.send(sets(piece(1), piece(2)))
        reports = await read_all(log, QUALITY, 2)
    assert places(reports) == [("lumisection", 1, 2), ("run", 1, 2)]
    assert progress.refused == {"unusable": 1}


async def test_reports_too_long_for_a_message_lose_details_and_no_verdict(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = (5000, *[0] * 8)
    async with comparator(log):
        await log.send(sets(piece(1, counts=counts)))
        (full, *_) = await read_all(log, QUALITY, 2)
    monkeypatch.setattr("services.comparator.judging._LARGEST", len(CODEC.encode(full).value) - 1)
    async with comparator(log):
        await log.send(sets(piece(2, counts=counts)))
        reports = await read_all(log, QUALITY, 4)
    short = next(one for one in reports if (one.scope, one.lumisection) == ("lumisection", 2))
    assert (len(short.reports[0].bad_channels), len(full.reports[0].bad_channels)) == (3, 8)
    assert short.reports[0].outcome is full.reports[0].outcome is Outcome.BAD
    assert short.reports[0].bad_count == 8


async def test_reports_that_do_not_fit_at_all_are_counted(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.comparator.judging._LARGEST", 250)
    progress = ComparatorProgress()
    async with comparator(log, progress):
        await log.send(sets(piece(1, counts=(5000, *[0] * 8))))
        await log.send([Outgoing(topic=HISTOGRAMS, partition=0, key=b"", value=b"", headers=())])
        await read_all(log, dead_topic(HISTOGRAMS), 1)
    assert progress.refused == {"reports_too_large": 2, "no_type": 1}


GATED = read_tests(
    '[[quality_test]]\nname = "dead"\nalgorithm = "DeadChannel"\npath = "me"\n'
    'require = "pileup > 5"\n',
    "tests.toml",
)


def conditions(lumisection: int, pileup: float) -> Outgoing:
    row = Conditions(run=1, lumisection=lumisection, pileup=pileup)
    return wired(CONDITIONS, row, "1")


def outcomes(messages: Sequence[Message]) -> list[tuple[int, Outcome, str]]:
    return [
        (one.lumisection, one.reports[0].outcome, one.conditions)
        for one in messages
        if isinstance(one, QualityReports)
    ]


async def test_conditions_that_come_late_lead_to_another_judgement(log: MemoryLog) -> None:
    """Early ones are known before the first LS is judged; broken ones are left where they are."""
    broken = msgspec.structs.replace(
        wired(CONDITIONS, Conditions(run=1, lumisection=1), "1"), value=b"?"
    )
    await log.send([conditions(1, 43.1), broken])
    async with comparator(log, tests=GATED):
        await log.send(sets(piece(1), piece(2)))
        first = await read_all(log, QUALITY, 2)
        assert outcomes(first) == [
            (1, Outcome.GOOD, "pileup=43.1"),
            (2, Outcome.NOT_RUN, "pileup=?"),
        ]
        await log.send([conditions(2, 44), conditions(1, 43.1)])
        assert outcomes(await read_all(log, QUALITY, 3))[2:] == [(2, Outcome.GOOD, "pileup=44")]


async def test_a_restart_judges_again_what_was_told_meanwhile_and_nothing_else(
    log: MemoryLog,
) -> None:
    await log.send([conditions(1, 43.1)])
    await log.send(sets(piece(1), piece(2)))
    async with comparator(log, tests=GATED):
        await read_all(log, QUALITY, 2)
    await log.send([conditions(2, 2.5)])
    async with comparator(log, tests=GATED):
        assert outcomes(await read_all(log, QUALITY, 3))[2:] == [
            (2, Outcome.DISABLED, "pileup=2.5")
        ]
