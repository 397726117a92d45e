"""What a filler counts: late, dropped, refused and missed data; what is open, and for whom."""

from typing import Any

import pytest

from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.state import FoldSettings
from dqmstream.fold.testing.owner import Entry
from dqmstream.fold.testing.toy import LAYOUTS, toy_body, toy_columns, toy_fillers
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import (
    Chunk,
    EventBatch,
    LumisectionClose,
    LumisectionEnd,
    RunEnd,
    RunStart,
)
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.record import Record
from services.filler.progress import FillerProgress, Tally

SECOND = 1_000_000_000


class Partition:
    """A partition whose record number n is taken by the log at n seconds."""

    def __init__(self) -> None:
        self.fold = PartitionFold(0, FoldSettings(partitions=1), toy_fillers(), toy_columns)
        self.tally = Tally()
        self.progress = FillerProgress()

    def put(self, kind: type[Message], source: str = "a", **fields: Any) -> None:
        speaker = {"run": 1, "source": source, "incarnation": "i", "rereadable": False}
        self.send(kind(**speaker, partitions=1, **fields))

    def chunk(self, lumisection: int, number: int, source: str = "a", **changes: Any) -> None:
        body = toy_body([1, 2])
        fields = {"seen": 5, "selected": 2, "dropped": 3, "checksum": body_checksum(body)}
        chunk = Chunk(
            run=1,
            lumisection=lumisection,
            source=source,
            incarnation="i",
            rereadable=False,
            number=number,
            partitions=1,
            **fields | changes,
        )
        self.send(EventBatch(chunk=chunk, body=body))

    def marker(self, lumisection: int, chunks: int, source: str = "a") -> None:
        zeros = {"seen": 0, "selected": 0, "dropped": 0}
        self.put(LumisectionEnd, source, lumisection=lumisection, chunks=chunks, **zeros)

    def send(self, message: Message) -> None:
        headers, value = CODEC.encode(message)
        offset = self.fold.position
        entry = Entry(offset, headers, value, message, honest=True, timestamp=offset * SECOND)
        record = Record(EVENTS, 0, offset, entry.timestamp, None, value, headers)
        self.tally.take(record, self.fold.apply(entry))

    def close_all(self) -> None:
        for segment in list(self.fold.closed()):
            self.progress.note_closed(segment, seconds=0.2, now=100 * SECOND)
            self.fold.acknowledge(segment.id)

    def look(self) -> FillerProgress:
        self.progress.add(self.tally)
        self.tally = Tally()
        self.progress.note_folds([self.fold])
        return self.progress


@pytest.fixture
def partition() -> Partition:
    made = Partition()
    made.put(RunStart, first_lumisection=1)
    return made


def test_events_and_what_sources_dropped_are_counted_once(partition: Partition) -> None:
    partition.chunk(1, 0)
    partition.chunk(1, 1)
    partition.chunk(1, 1)
    progress = partition.look()
    assert (progress.records, progress.events, progress.dropped) == (4, 4, 6)
    assert (progress.duplicates, progress.late_chunks) == (1, 0)
    assert (progress.run, progress.lumisection) == (1, 1)


def test_refusals_are_counted_by_reason(partition: Partition) -> None:
    partition.chunk(1, 0, checksum=1)
    partition.chunk(1, 1, seen=9, selected=7)
    assert partition.look().refused == {"checksum": 1, "event_count": 1}


def test_late_chunks_and_their_segments_are_counted(partition: Partition) -> None:
    partition.chunk(1, 0)
    partition.send(LumisectionClose(run=1, lumisection=1, segment=0))
    partition.chunk(1, 1)
    partition.chunk(1, 2)
    progress = partition.look()
    assert (progress.late_chunks, progress.late_segments) == (2, 1)
    assert [(each.lumisection, each.segment) for each in progress.open] == [(1, 1)]
    assert progress.open[0].awaiting == ("a",)


def test_an_open_lumisection_says_since_when_and_for_whom_it_waits(partition: Partition) -> None:
    partition.put(RunStart, "b", first_lumisection=1)
    partition.chunk(1, 0)
    partition.marker(1, 1)
    progress = partition.look()
    (held,) = progress.open
    assert (held.run, held.lumisection, held.segment, held.partition) == (1, 1, 0, 0)
    assert held.since == 2 * SECOND
    assert held.awaiting == ("b",)
    assert (progress.open_segments, progress.awaited_sources) == (1, 1)


def test_expected_sources_that_have_not_spoken_are_waited_for(partition: Partition) -> None:
    partition.put(RunStart, "b", first_lumisection=1, expected=("a", "b", "c"))
    partition.chunk(1, 0)
    assert partition.look().open[0].awaiting == ("a", "b", "c")


def test_a_missed_source_is_named_until_it_speaks_again(partition: Partition) -> None:
    partition.put(RunStart, "b", first_lumisection=1)
    partition.chunk(1, 0)
    partition.marker(1, 1)
    partition.send(LumisectionClose(run=1, lumisection=1, segment=0))
    partition.close_all()
    progress = partition.look()
    assert progress.missing == ("b",)
    assert progress.missed == 1
    assert progress.closed == {"timeout": 1}
    partition.marker(2, 0, "b")
    assert partition.look().missing == ()


def test_a_source_that_ended_is_not_missing(partition: Partition) -> None:
    partition.marker(1, 0)
    partition.put(RunEnd, last_lumisection=1)
    assert partition.look().missing == ()


def test_closing_is_timed_from_the_newest_chunk(partition: Partition) -> None:
    partition.chunk(1, 0)  # at 1 s
    partition.chunk(1, 1)  # at 2 s
    partition.marker(1, 2)
    partition.close_all()  # at 100 s
    progress = partition.look()
    assert (progress.event_to_closed.count, progress.event_to_closed.seconds) == (1, 98.0)
    assert (progress.closing.count, progress.closing.seconds) == (1, 0.2)


def test_buffers_are_those_of_contents_held_by_workspace(partition: Partition) -> None:
    partition.chunk(1, 0)
    partition.chunk(2, 0)
    cells = {layout.workspace: layout.cells for layout in LAYOUTS}
    assert partition.look().buffers == {name: 2 * 8 * count for name, count in cells.items()}
    partition.marker(1, 1)
    partition.close_all()
    assert partition.look().buffers == {name: 8 * count for name, count in cells.items()}


def test_lag_of_a_partition_that_was_given_up_is_forgotten(partition: Partition) -> None:
    progress = partition.look()
    progress.lag = {(EVENTS, 0): 3, (EVENTS, 1): 5}
    assert partition.look().lag == {(EVENTS, 0): 3}
    progress.note_folds([])
    assert (progress.lag, progress.positions, progress.buffers) == ({}, {}, {})
