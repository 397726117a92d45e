"""An import on the log: sent once, replaced by epoch, and never hiding what others have."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from dqmstream.booking_set import BookingSet
from dqmstream.clock import SettableClock
from dqmstream.errors import BookingError, ConfigurationError, LogUnavailableError, SourceError
from dqmstream.fold.merge import Merger
from dqmstream.fold.sets import split
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.identity import stable_hash
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import BOOKINGS, CONDITIONS, EVENTS, HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.sources.histograms.describe import Description
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Outgoing, TopicSpec
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.filler.announcing import announce
from services.gateway.catalogue import Catalogue
from services.gateway.testing import bookings
from services.importing.collecting import Collected, collect
from services.importing.publishing import RunReport, publish

T = TypeVar("T", bound=Message)
L = TypeVar("L", bound=MemoryLog)


@pytest.fixture
def clock() -> SettableClock:
    clock = SettableClock()
    clock.advance(1_000_000)
    return clock


@pytest_asyncio.fixture
async def log(clock: SettableClock) -> MemoryLog:
    return await made(MemoryLog(clock))


async def made(log: L) -> L:
    """With all topics."""
    specs = [
        TopicSpec(name=topic.name, partitions=2 if topic.wide else 1, compacted=topic.compacted)
        for topic in TOPICS.values()
    ]
    await log.ensure_topics(specs)
    return log


def table(folder: Path, rows: Sequence[tuple[int, int, list[int]]], path: str = "a/b") -> Path:
    """A file with these histograms: run, LS, bins with flow."""
    lines = ["run,lumi,hname,histo,xbins,xmin,xmax"]
    lines += [
        f'{run},{ls},{path},"{json.dumps(bins)}",{len(bins) - 2},0,{len(bins) - 2}'
        for run, ls, bins in rows
    ]
    file = folder / "table.csv"
    file.write_text("\n".join(lines))
    return file


def read(file: Path, workspace: str = "imported", **said: object) -> Collected:
    """The file, ready to be published."""
    description = Description(**said)  # type: ignore[arg-type]
    return collect([file], description, workspace=workspace, writer="me")


async def later(file: Path, **said: object) -> Collected:
    """As `read`, off the event loop."""
    return await asyncio.to_thread(read, file, **said)


async def messages(log: MemoryLog, topic: str, kind: type[T]) -> list[T]:
    """All messages of a kind in a topic."""
    found = []
    async for record in read_to_end(log, topic):
        message = CODEC.decode(record.headers, record.value)
        if isinstance(message, kind):
            found.append(message)
    return found


async def shown(log: MemoryLog, run: int, lumisection: int) -> list[int]:
    """Bins that a reader shows who has just come."""
    catalogue, sets = Catalogue(), list[str]()
    for message in await messages(log, BOOKINGS, Booking):
        catalogue.book(message)
    for activation in await messages(log, BOOKINGS, Activation):
        catalogue.activate(activation)
    merger = Merger(catalogue.layout)
    for piece in await messages(log, HISTOGRAMS, HistogramSet):
        merger.apply(piece)
        sets += [piece.set] * (piece.run == run and piece.set not in sets)
    ((chosen, *_),) = catalogue.sets_shown(run, {"imported": sets}).values()
    (key,) = [k for k in list(merger.keys()) if k[:3] == (chosen, run, lumisection)]
    return MonitorElement.at(merger.merged(key).contents, "a/b").counts(flow=True).tolist()


def counts(report: RunReport) -> tuple[int, int, int]:
    return report.sent, report.replaced, report.unchanged


async def test_an_import_is_announced_shown_begun_and_ended(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    file = table(tmp_path, [(7, 2, [0, 1, 2, 0]), (7, 1, [0, 3, 4, 0])])
    (report,) = await publish(log, await later(file, marks=("altered",)), clock=clock, who="w")
    assert counts(report) == (2, 0, 0)
    assert await shown(log, 7, 1) == [0, 3, 4, 0]
    (start,) = await messages(log, CONDITIONS, RunStart)
    (end,) = await messages(log, CONDITIONS, RunEnd)
    assert (start.source, start.marks) == ("table.csv", ("altered", "imported"))
    assert (start.first_lumisection, end.last_lumisection) == (1, 2)
    assert await messages(log, EVENTS, Message) == []
    pieces = await messages(log, HISTOGRAMS, HistogramSet)
    assert [piece.lumisection for piece in pieces] == [1, 2]


async def test_the_same_import_again_sends_nothing(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    file = table(tmp_path, [(7, 1, [0, 1, 2, 0]), (8, 1, [0, 1, 2, 0])])
    await publish(log, await later(file), clock=clock, who="w")
    before = [await messages(log, topic, Message) for topic in TOPICS]
    clock.advance(1000)
    reports = await publish(log, await later(file), clock=clock, who="w")
    assert [counts(report) for report in reports] == [(0, 0, 1), (0, 0, 1)]
    assert [await messages(log, topic, Message) for topic in TOPICS] == before


class DyingLog(MemoryLog):
    """Whoever sends the message of this number, or a later one, dies of it."""

    sent = 0
    last = 1 << 30

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        for message in messages:
            if self.sent >= self.last:
                raise LogUnavailableError("killed")
            await super().send([message])
            self.sent += 1
        return []


@pytest.mark.parametrize("last", range(9))
async def test_an_import_that_died_is_completed_by_the_same_one_again(
    clock: SettableClock, tmp_path: Path, last: int
) -> None:
    """Wherever it died: its sources begin and end, and its LSs are there once."""
    log = await made(DyingLog(clock))
    log.last = last
    file = table(tmp_path, [(7, 1, [0, 1, 2, 0]), (7, 2, [0, 1, 2, 0]), (8, 1, [0, 3, 4, 0])])
    collected = await later(file)
    with pytest.raises(LogUnavailableError):
        await publish(log, collected, clock=clock, who="w")
    log.last = 1 << 30
    await publish(log, collected, clock=clock, who="w")
    ends = await messages(log, CONDITIONS, RunEnd)
    assert {(end.run, end.last_lumisection) for end in ends} == {(7, 2), (8, 1)}
    pieces = await messages(log, HISTOGRAMS, HistogramSet)
    places = [(piece.run, piece.lumisection) for piece in pieces]
    assert sorted(places) == [(7, 1), (7, 2), (8, 1)]
    assert await shown(log, 8, 1) == [0, 3, 4, 0]
    before = log.sent
    reports = await publish(log, collected, clock=clock, who="w")
    assert [counts(report) for report in reports] == [(0, 0, 2), (0, 0, 1)]
    assert log.sent == before, "once it is complete, nothing is sent any more"


async def test_another_content_of_a_lumisection_replaces_the_one_before(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    """Also within one second, and although it is of another incarnation of the file."""
    await publish(log, await later(table(tmp_path, [(7, 1, [0, 1, 2, 0])])), clock=clock, who="w")
    rows = [(7, 1, [0, 9, 2, 0]), (7, 2, [0, 1, 1, 0])]
    (report,) = await publish(log, await later(table(tmp_path, rows)), clock=clock, who="w")
    assert counts(report) == (2, 1, 0)
    assert await shown(log, 7, 1) == [0, 9, 2, 0]
    epochs = [piece.epoch for piece in await messages(log, HISTOGRAMS, HistogramSet)]
    assert epochs[0] < epochs[1]


async def test_lumisections_of_a_run_may_come_from_several_files(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    """One after another, under one set: the later file adds its own."""
    first = await later(table(tmp_path, [(7, 1, [0, 1, 2, 0])]))
    (tmp_path / "more").mkdir()
    second = await later(
        table(tmp_path / "more", [(7, 2, [0, 3, 4, 0])]).rename(tmp_path / "second.csv")
    )
    for collected in (first, second):
        await publish(log, collected, clock=clock, who="w")
    assert await shown(log, 7, 1) == [0, 1, 2, 0]
    assert await shown(log, 7, 2) == [0, 3, 4, 0]
    assert len(await messages(log, BOOKINGS, Activation)) == 1


async def test_other_histograms_of_a_run_need_a_word_to_take_the_place_of_an_import(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    await publish(
        log,
        await later(table(tmp_path, [(6, 1, [0, 1, 0]), (7, 1, [0, 1, 0])])),
        clock=clock,
        who="w",
    )
    other = await later(table(tmp_path, [(5, 1, [0, 1, 2, 0]), (7, 1, [0, 5, 5, 0])]))
    with pytest.raises(ConfigurationError, match="in run 7: name another workspace"):
        await publish(log, other, clock=clock, who="w")
    clock.advance(1000)
    await publish(log, other, clock=clock, who="w", replace=True)
    assert await shown(log, 7, 1) == [0, 5, 5, 0]
    assert await shown(log, 6, 1) == [0, 1, 0]


async def test_what_was_filled_here_is_never_hidden(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    own = HistogramSet(
        set="own",
        run=7,
        lumisection=1,
        segment=0,
        workspace="imported",
        partition=0,
        partitions=1,
        booking="b",
        through=1,
        epoch=0,
        closed=True,
        whole=True,
        writer="filler",
        account=Account(closed_by="markers"),
        cells=b"",
    )
    partition = stable_hash("imported") % 2
    await log.send([outgoing(HISTOGRAMS, partition, own, b"imported")])
    collected = await later(table(tmp_path, [(7, 1, [0, 1, 0])]))
    with pytest.raises(ConfigurationError, match="was filled here in run 7"):
        await publish(log, collected, clock=clock, who="w", replace=True)
    assert await messages(log, BOOKINGS, Booking) == []


async def test_a_large_lumisection_goes_in_parts_and_is_known_again(
    log: MemoryLog,
    clock: SettableClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "services.importing.publishing.split", lambda piece, _: split(piece, max_block=4)
    )
    file = table(tmp_path, [(7, 1, list(range(40)))])
    await publish(log, await later(file), clock=clock, who="w")
    assert len(await messages(log, HISTOGRAMS, HistogramSet)) > 1
    (report,) = await publish(log, await later(file), clock=clock, who="w")
    assert counts(report) == (0, 0, 1)
    assert await shown(log, 7, 1) == list(range(40))


async def test_an_import_does_not_put_off_our_own_set(
    log: MemoryLog, clock: SettableClock, tmp_path: Path
) -> None:
    """It has a high run, and an activation; the first set of our own is shown from run 1 on."""
    file = table(tmp_path, [(367_094, 1, [0, 1, 0])])
    await publish(log, await later(file), clock=clock, who="w")
    await announce(log, BookingSet(bookings(), FoldSettings(partitions=1)), clock=clock, who="f")
    own = [one for one in await messages(log, BOOKINGS, Activation) if one.who == "f"]
    assert [one.from_run for one in own] == [1]


def test_a_binning_that_changes_between_runs_makes_two_sets(tmp_path: Path) -> None:
    rows = [(7, 1, [0, 1, 0]), (8, 1, [0, 1, 2, 0]), (9, 1, [0, 1, 0])]
    collected = read(table(tmp_path, rows))
    assert [run.set == collected.runs[0].set for run in collected.runs] == [True, False, True]
    layouts = [Layout(run.booking).cells for run in collected.runs]
    assert layouts == [5, 6, 5]


def test_reports_say_what_was_taken_and_what_not(tmp_path: Path) -> None:
    rows = [(7, 1, [0, 1, 0]), (7, 2, [0, 1, 2, 0]), (7, 3, [0, -1, 0])]
    collected = read(table(tmp_path, rows))
    (report,) = collected.reports
    assert report.taken == 1
    assert report.rejected == {"negative_count": 1, "other_binning": 1}
    assert any("run 7 LS 3 a/b" in example for example in report.examples)
    (run,) = collected.runs
    assert [piece.lumisection for piece in run.pieces] == [1, 2, 3]


def test_a_file_without_any_histogram_that_can_be_taken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="negative_count"):
        read(table(tmp_path, [(7, 1, [0, -1, 0])]))


def test_a_workspace_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BookingError, match="none of them a slash"):
        read(table(tmp_path, [(7, 1, [0, 1, 0])]), workspace="a/b")
