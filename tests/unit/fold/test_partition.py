"""The fold with its contents: what fills, what is refused, what a checkpoint stands on."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dqmstream.fold.partition import PartitionFold
from dqmstream.fold.state import ControlState
from dqmstream.fold.testing.owner import Entry
from dqmstream.fold.testing.toy import LAYOUTS, POISON, toy_body, toy_columns, toy_fillers
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import LumisectionClose
from dqmstream.messages.operations import Conditions
from dqmstream.messages.wire import CODEC, Wired

Line = Any


def counts(line: Line, lumisection: int, segment: int = 0) -> list[int]:
    """Plain counts of the toy histogram, flow included."""
    contents = line.segment(lumisection, segment).contents[0]
    return [] if contents is None else contents.cells[:10].tolist()


def test_chunks_fill_every_workspace_of_their_segment(line: Line) -> None:
    line.chunk(1, 0, events=[1, 1, 7])
    line.chunk(1, 1, events=[-3, 12])
    assert counts(line, 1) == [1, 0, 2, 0, 0, 0, 0, 0, 1, 1]
    assert line.segment(1).contents[1].cells[:10].tolist() == counts(line, 1)


def test_a_chunk_that_comes_again_is_counted_and_dropped(line: Line) -> None:
    line.chunk(1, 0)
    applied = line.chunk(1, 0)
    assert applied.duplicate
    assert line.fold.duplicates == 1
    assert line.segment(1).ledger.account().duplicates == 1
    assert sum(counts(line, 1)) == 1


def test_a_broken_body_is_refused_and_its_good_copy_fills(line: Line) -> None:
    batch = line.batch(1, 0, events=[4])
    broken = msgspec.structs.replace(batch, body=batch.body + b"!")
    assert line.put(broken).refused.reason == "checksum"
    (refusal,) = line.segment(1).ledger.account().refused
    assert (refusal.reason, refusal.offset, refusal.number) == ("checksum", 0, 0)
    assert line.put(batch).refused is None
    assert sum(counts(line, 1)) == 1


@pytest.mark.parametrize(
    ("body", "expected"), [(b"odd", "bad_columns"), (toy_body([1, 2]), "event_count")]
)
def test_a_body_that_makes_no_columns_is_refused(line: Line, body: bytes, expected: str) -> None:
    applied = line.chunk(1, 0, body=body, selected=1, seen=1)
    assert applied.refused.reason == expected
    assert counts(line, 1) == []


def test_a_refused_body_of_a_closed_lumisection_opens_no_segment(line: Line) -> None:
    line.chunk(1)
    line.put(LumisectionClose(run=1, lumisection=1, segment=0))
    applied = line.chunk(1, 1, body=b"odd")
    assert applied.refused.reason == "bad_columns"
    assert applied.effects == []


def test_a_tombstone_is_refused(line: Line) -> None:
    wired = CODEC.encode(line.batch(1))
    entry = Entry(0, wired.headers, None, None, honest=False)
    applied = line.fold.apply(entry)
    assert applied.refused is not None
    assert applied.refused.reason == "no_body"


def test_a_message_of_another_topic_is_refused(line: Line) -> None:
    assert line.put(Conditions(run=1, lumisection=1)).refused.reason == "unexpected_type"


def test_a_chunk_of_a_newer_version_is_refused_whatever_its_headers_say(line: Line) -> None:
    wired = CODEC.encode(line.batch(1))
    newer = Wired((("type", b"EventBatch"), ("schema", b"2"), *wired.headers[2:]), wired.value)
    assert line.put(newer).refused.reason == "unknown_version"


@pytest.mark.parametrize("name", ["number", "seen", "checksum", "run"])
def test_numbers_wider_than_int64_are_refused_before_they_can_be_counted(
    line: Line, name: str
) -> None:
    line.chunk(1, 0)
    batch = line.batch(1, 1)
    huge = msgspec.structs.replace(
        batch, chunk=msgspec.structs.replace(batch.chunk, **{name: 10**30})
    )
    assert line.put(huge).refused.reason == "bad_headers"
    assert all(CODEC.encode(histograms) for histograms in line.sets(1))


def test_a_workspace_that_throws_makes_only_its_own_elements_invalid(line: Line) -> None:
    line.chunk(1, 0, events=[1])
    line.chunk(1, 1, events=[POISON])
    line.chunk(1, 2, events=[2])
    toy, fragile = line.segment(1).contents
    assert toy.invalid == {}
    assert toy.cells[:10].sum() == 3
    assert set(fragile.invalid) == {0}
    assert "ArithmeticError: poisonous event" in fragile.invalid[0]
    assert fragile.cells.sum() == 0
    line.chunk(2, 3, events=[1])
    assert line.segment(2).contents[1].invalid == {}


def test_an_open_segment_is_a_view_as_of_the_position(line: Line) -> None:
    line.chunk(1)
    line.chunk(2)
    (toy, fragile) = line.sets(1)
    assert (toy.workspace, fragile.workspace) == ("Toy", "Fragile")
    assert (toy.closed, toy.through) == (False, 2)


def test_a_closed_segment_stands_as_of_its_closing_record(line: Line) -> None:
    line.start()
    line.marker(1)
    line.chunk(2)
    assert [(each.closed, each.through) for each in line.sets(1)] == [(True, 2)] * 2


def test_the_checkpoint_is_the_start_of_the_oldest_unacknowledged_segment(line: Line) -> None:
    line.start()
    before = line.state.encode()
    line.chunk(1, 0)
    line.chunk(2, 0)
    line.marker(1, 1)
    assert line.fold.checkpoint() == (1, before)
    line.fold.acknowledge(line.segment(1).id)
    offset, state = line.fold.checkpoint()
    assert offset == 2
    assert ControlState.decode(state).runs[1].open == [1]
    line.marker(2, 1)
    line.fold.acknowledge(line.segment(2).id)
    assert line.fold.checkpoint() == (5, line.state.encode())


def test_only_a_closed_segment_can_be_acknowledged(line: Line) -> None:
    line.chunk(1)
    with pytest.raises(ValueError, match="only a closed one"):
        line.fold.acknowledge(line.segment(1).id)


def test_segments_open_in_the_checkpoint_are_followed_and_not_published(
    line: Line, new_line: Callable[..., Line]
) -> None:
    """They were published before it was written."""
    line.start("a")
    line.chunk(1, 0)
    fold = PartitionFold(
        0,
        line.settings,
        toy_fillers(),
        toy_columns,
        position=line.fold.position,
        state=ControlState.decode(line.state.encode()),
    )
    restarted = new_line(fold)
    restarted.chunk(1, 1)
    restarted.chunk(2, 0)
    restarted.marker(1, 2)
    assert [segment.id.lumisection for segment in fold.open()] == [2]
    assert list(fold.closed()) == []
    assert restarted.run.open == [2]


def test_offsets_may_have_gaps_and_never_go_back(line: Line) -> None:
    wired = CODEC.encode(line.batch(1))
    line.fold.apply(Entry(7, wired.headers, wired.value, None, honest=True))
    assert line.fold.position == 8
    with pytest.raises(ValueError, match="offset 3 after 8"):
        line.fold.apply(Entry(3, wired.headers, wired.value, None, honest=True))


def test_the_account_names_every_chunk(line: Line) -> None:
    line.chunk(1, 0, "b", events=[1, 2])
    line.chunk(1, 9, "a", events=[3], seen=4)
    line.marker(1, 10, "a", notes={"truncated": 2})
    a, b = line.segment(1).ledger.account().sources
    assert (a.source, a.chunks, a.marker, a.notes) == ("a", b"\x00\x02", 10, {"truncated": 2})
    assert (a.seen, a.selected, a.dropped) == (4, 1, 0)
    assert (b.source, b.chunks, b.marker, b.selected) == ("b", b"\x01", None, 2)


def test_refusals_beyond_a_thousand_keep_the_account_small(line: Line) -> None:
    line.chunk(1)
    for _ in range(1005):
        line.put(line.batch(1, 0, events=[9]))
    assert len(line.segment(1).ledger.account().refused) == 1000
    assert line.fold.refused == {"same_id_other_body": 1005}


def test_bodies_are_judged_after_headers(line: Line) -> None:
    """A duplicate is dropped unread: its body may be anything."""
    line.chunk(1, 0)
    batch = line.batch(1, 0)
    assert line.put(msgspec.structs.replace(batch, body=b"")).duplicate
    assert body_checksum(b"") != batch.chunk.checksum


def test_both_toy_workspaces_have_a_layout_of_their_own() -> None:
    assert len({layout.hash for layout in LAYOUTS}) == 2
