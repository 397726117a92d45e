"""A fold of some runs is the fold of their records alone, wherever it begins."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.fold.of_runs import FoldOfRuns, run_of
from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.fold.testing.toy import toy_body, toy_columns, toy_fillers
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import (
    Chunk,
    EventBatch,
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
    RunEnd,
    RunStart,
)
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC

SETTINGS = FoldSettings(partitions=1, max_open=3)
RUNS = (1, 2, 3)


class Record(NamedTuple):
    offset: int
    headers: Any
    value: bytes | None
    timestamp: int = 1


def record(offset: int, message: Message) -> Record:
    wired = CODEC.encode(message)
    return Record(offset, wired.headers, wired.value)


def said(run: int) -> dict[str, Any]:
    return {"run": run, "source": "a", "incarnation": "i", "rereadable": True, "partitions": 1}


def chunk(run: int, lumisection: int, number: int) -> EventBatch:
    body = toy_body([run, lumisection, number])
    counts: dict[str, Any] = {"seen": 3, "selected": 3, "dropped": 0}
    counts["checksum"] = body_checksum(body)
    return EventBatch(
        chunk=Chunk(**said(run), **counts, lumisection=lumisection, number=number), body=body
    )


def marker(run: int, lumisection: int) -> LumisectionEnd:
    counts: dict[str, Any] = {"seen": 9, "selected": 9, "dropped": 0}
    return LumisectionEnd(**said(run), **counts, lumisection=lumisection, chunks=3)


Runs = st.sampled_from(RUNS)
Lumisections = st.integers(1, 4)
Messages = st.lists(
    st.one_of(
        st.builds(lambda run: RunStart(first_lumisection=1, **said(run)), Runs),
        st.builds(chunk, Runs, Lumisections, st.integers(0, 2)),
        st.builds(marker, Runs, Lumisections),
        st.builds(lambda run: LumisectionOpen(run=run, lowest=1, highest=3), Runs),
        st.builds(
            lambda run, number: LumisectionClose(run=run, lumisection=number, segment=0),
            Runs,
            Lumisections,
        ),
        st.builds(lambda run: RunEnd(last_lumisection=4, **said(run)), Runs),
        st.builds(lambda run: RunClose(run=run), Runs),
    ),
    max_size=40,
)


def plain(**begin: Any) -> PartitionFold[Any]:
    return PartitionFold(0, SETTINGS, toy_fillers(), toy_columns, **begin)


def seen(fold: PartitionFold[Any]) -> list[Any]:
    """All that a fold holds, as it would be published."""
    return [
        (
            segment.id,
            segment.closed,
            segment.ledger.account(),
            [None if one is None else one.cells.tolist() for one in segment.contents],
        )
        for segment in fold.segments.values()
    ]


@given(Messages, st.frozensets(Runs), st.data())
def test_records_of_other_runs_are_as_if_they_were_not_there(
    messages: Sequence[Message], mine: frozenset[int], data: st.DataObject
) -> None:
    records = [record(offset, message) for offset, message in enumerate(messages)]
    of_runs = FoldOfRuns(0, SETTINGS, toy_fillers(), toy_columns, holds=mine.__contains__)
    alone = plain()
    for one in records:
        of_runs.apply(one)
        assert of_runs.position == one.offset + 1
        if run_of(one) in mine:
            alone.apply(one)
    assert seen(of_runs) == seen(alone)
    assert of_runs.control.state.encode() == alone.control.state.encode()
    # From any checkpoint on it comes to the same, as after a kill -9.
    stop = data.draw(st.integers(0, len(records)))
    first = FoldOfRuns(0, SETTINGS, toy_fillers(), toy_columns, holds=mine.__contains__)
    for one in records[:stop]:
        first.apply(one)
    offset, state = first.checkpoint()
    again = FoldOfRuns(
        0,
        SETTINGS,
        toy_fillers(),
        toy_columns,
        holds=mine.__contains__,
        position=offset,
        state=ControlState.decode(state),
    )
    for one in records[offset:]:
        again.apply(one)
    assert again.control.state.encode() == of_runs.control.state.encode()


def test_what_cannot_be_read_is_passed_over() -> None:
    """Fillers of the release refuse it, and say so."""
    fold = FoldOfRuns(0, SETTINGS, toy_fillers(), toy_columns, holds=lambda _: True)
    applied = fold.apply(Record(4, (("type", b"nonsense"),), b"?"))
    assert (applied.refused, fold.position, run_of(Record(4, (), None))) == (None, 5, None)


def test_all_messages_of_events_tell_their_run() -> None:
    messages = [
        chunk(7, 1, 0),
        marker(7, 1),
        RunClose(run=7),
        RunStart(first_lumisection=1, **said(7)),
    ]
    assert {run_of(record(0, message)) for message in messages} == {7}
