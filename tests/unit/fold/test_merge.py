"""Readers: replace by key, sum over partitions, say what is missing, refuse what cannot be."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.fold.sets import PartJoiner, split
from dqmstream.fold.testing.toy import LAYOUTS
from dqmstream.histograms.contents import Contents
from dqmstream.messages.histograms import Account, HistogramSet, SourceAccount

TOY = LAYOUTS[0]
KEY = SetKey("set", 1, 1, "Toy")


def source(name: str = "a", chunks: int = 0, marker: int | None = None, **more: Any) -> Any:
    mask = chunks.to_bytes((chunks.bit_length() + 7) // 8, "little")
    values = {"incarnation": "i", "rereadable": False} | more
    return SourceAccount(source=name, chunks=mask, marker=marker, **values)


def piece(
    partition: int = 0, *sources: SourceAccount, entries: int = 1, **changes: Any
) -> HistogramSet:
    """A closed set of one of two partitions, with `entries` in its first bin."""
    contents = Contents.empty(TOY)
    contents.cells[1] = entries
    missing = changes.pop("missing", ())
    values = {
        "set": "set",
        "run": 1,
        "lumisection": 1,
        "segment": 0,
        "workspace": "Toy",
        "partition": partition,
        "partitions": 2,
        "booking": TOY.hash,
        "through": 10,
        "epoch": 0,
        "closed": True,
        "whole": True,
        "writer": "w",
        "account": Account(sources=sources, missing=missing),
        "cells": contents.encode(),
    }
    return HistogramSet(**values | changes)


@pytest.fixture
def merger() -> Merger:
    return Merger({TOY.hash: TOY}.get)


def merged(merger: Merger, *pieces: HistogramSet) -> Merged:
    for each in pieces:
        merger.apply(each)
    return merger.merged(KEY)


def first_bin(contents: Contents) -> int:
    return int(contents.cells[1])


def test_the_sum_over_all_partitions_is_closed_and_complete(merger: Merger) -> None:
    found = merged(
        merger,
        piece(0, source(chunks=0b01, marker=2), entries=2),
        piece(1, source(chunks=0b10, marker=2), entries=3),
    )
    assert first_bin(found.contents) == 5
    assert (found.closed, found.complete, found.whole) == (True, True, True)
    assert (found.versions, found.late) == ((10, 10), None)


def test_an_ls_is_not_closed_while_a_partition_is_not_here(merger: Merger) -> None:
    found = merged(merger, piece(1, source(chunks=0, marker=0)))
    assert (found.closed, found.complete, found.versions) == (False, False, (-1, 10))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"through": 9}, {"through": 10}),
        ({"epoch": 0, "through": 10}, {"epoch": 1, "through": 3}),
        ({"whole": False, "epoch": 1}, {"whole": True, "epoch": 0}),
        ({"closed": False, "through": 12, "epoch": 1}, {"closed": True}),
    ],
)
def test_the_newer_set_replaces_the_older_in_any_order(
    older: dict[str, Any], newer: dict[str, Any]
) -> None:
    for first, second in ((older, newer), (newer, older)):
        merger = Merger({TOY.hash: TOY}.get)
        merger.apply(piece(entries=7 if first is newer else 1, **first))
        merger.apply(piece(entries=7 if second is newer else 1, **second))
        assert first_bin(merger.merged(KEY).contents) == 7


def test_what_changes_nothing_is_told_from_what_does(merger: Merger) -> None:
    assert merger.apply(piece()) == KEY
    assert merger.apply(piece(writer="zombie")) is None
    assert merger.apply(piece(through=9)) is None
    assert merger.apply(piece(through=11)) == KEY


def test_late_segments_are_summed_beside(merger: Merger) -> None:
    found = merged(
        merger,
        piece(0, source(chunks=0b01, marker=3), entries=1),
        piece(1, entries=1),
        piece(0, source(chunks=0b10), segment=1, entries=10),
        piece(0, source(chunks=0b100), segment=2, entries=100),
    )
    assert first_bin(found.contents) == 2
    assert found.late is not None
    assert first_bin(found.late) == 110
    assert (found.complete, found.late_segments) == (True, 2)


@pytest.mark.parametrize(
    ("accounts", "lacking"),
    [
        ([source(chunks=1)], "a: no LumisectionEnd"),
        ([source(chunks=0b101, marker=3)], "a: 2 of 3 chunks"),
        ([source(chunks=0b111, marker=2)], "a: 2 of 2 chunks, 1 beyond them"),
        ([source()], "a: no LumisectionEnd"),
    ],
)
def test_what_is_missing_is_named(
    merger: Merger, accounts: list[SourceAccount], lacking: str
) -> None:
    found = merged(merger, piece(0, *accounts), piece(1))
    assert found.account.lacking == (lacking,)
    assert not found.complete


def test_markers_that_contradict_each_other_make_nothing_complete(merger: Merger) -> None:
    found = merged(merger, piece(0, source(chunks=1, marker=1)), piece(1, source(marker=2)))
    assert found.account.lacking == ("a: its LumisectionEnds say 1 and 2 chunks",)


def test_a_missing_source_that_speaks_late_is_not_missing_any_more(merger: Merger) -> None:
    on_time = piece(0, source("b", marker=0), missing=("a",)), piece(1, source("b", marker=0))
    assert merged(merger, *on_time).account.lacking == ("a: never spoke",)
    assert merged(merger, piece(0, source(marker=0), segment=1)).complete


def test_a_segment_that_is_not_here_keeps_an_ls_from_being_complete(merger: Merger) -> None:
    """A reader that joined late knows by the numbers that it lacks one."""
    found = merged(merger, piece(0), piece(1), piece(1, segment=2), piece(1, segment=3))
    assert found.account.lacking == ("partition 1: segments 1 are not here",)


def test_a_hole_in_the_input_keeps_an_ls_from_being_complete(merger: Merger) -> None:
    """The hole may have swallowed a source that nobody ever heard of."""
    found = merged(merger, piece(0), piece(1, whole=False))
    assert (found.closed, found.whole, found.complete) == (True, False, False)


def test_a_marker_and_its_notes_are_counted_once(merger: Merger) -> None:
    noted = {"marker": 0, "notes": {"truncated": 3}}
    found = merged(
        merger,
        piece(0, source(**noted)),
        piece(1, source("b", marker=0)),
        piece(1, source(**noted), segment=1),
    )
    assert found.account.notes == {"truncated": 3}
    assert found.late_account.notes == {}


def test_two_incarnations_of_a_rereadable_source_are_never_summed(merger: Merger) -> None:
    pieces = (
        piece(0, source(chunks=1, marker=2, rereadable=True)),
        piece(1, source(chunks=2, marker=2, rereadable=True, incarnation="j")),
    )
    with pytest.raises(WindowError, match="can be read again"):
        merged(merger, *pieces)


@pytest.mark.parametrize("changes", [{"booking": "other"}, {"partitions": 3}])
def test_contradicting_sets_are_never_summed(merger: Merger, changes: dict[str, Any]) -> None:
    merger.apply(piece(0))
    with pytest.raises(WindowError):
        merger.apply(piece(1, **changes))
    assert len(merger.pieces(KEY)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"partition": 2},
        {"partition": -1},
        {"partitions": 0},
        {"partitions": 1 << 40},
        {"segment": -1},
        {"parts": 0},
        {"parts": 2, "part": 2},
        {"parts": 1 << 40, "part": 0},
        {"account": Account(sources=(source(marker=1 << 62),))},
        {"account": Account(sources=(source(marker=-1),))},
    ],
)
def test_a_set_that_cannot_be_is_refused(merger: Merger, changes: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="bad_set"):
        merger.apply(piece(**changes))
    assert not list(merger.keys())


def test_an_unknown_booking_is_said(merger: Merger) -> None:
    merger.apply(piece(booking="other"))
    with pytest.raises(WindowError, match="booking other is not known"):
        merger.merged(KEY)


def test_an_unknown_key_is_an_error(merger: Merger) -> None:
    with pytest.raises(KeyError):
        merger.merged(KEY)


def test_a_forgotten_key_is_gone(merger: Merger) -> None:
    merger.apply(piece())
    merger.forget(KEY)
    assert not list(merger.keys())


# -------------------------------------------------------------------- parts


@pytest.fixture
def parts() -> Callable[..., list[HistogramSet]]:
    """A set in several parts."""

    def make(**changes: Any) -> list[HistogramSet]:
        found = split(piece(**changes), 8)
        assert len(found) > 2
        return found

    return make


def test_parts_count_when_all_are_there(parts: Callable[..., list[HistogramSet]]) -> None:
    joiner = PartJoiner()
    *first, last = reversed(parts())
    assert [joiner.join(part) for part in first] == [None] * len(first)
    assert joiner.join(last) == piece()


def test_a_part_that_comes_twice_counts_once(parts: Callable[..., list[HistogramSet]]) -> None:
    joiner = PartJoiner()
    first, *rest = parts()
    assert joiner.join(first) is None
    assert joiner.join(first) is None
    assert [joiner.join(part) for part in rest][-1] == piece()


def test_parts_of_two_writers_in_turns_both_count(
    parts: Callable[..., list[HistogramSet]],
) -> None:
    """A zombie publishes an older version while the owner publishes the closing one."""
    joiner = PartJoiner()
    joined = []
    for ours, theirs in zip(parts(), parts(writer="z", through=5, closed=False), strict=True):
        joined += [joiner.join(ours), joiner.join(theirs)]
    assert [each.writer for each in joined if each is not None] == ["w", "z"]


def test_an_unfinished_version_is_thrown_away_for_the_next(
    parts: Callable[..., list[HistogramSet]],
) -> None:
    joiner = PartJoiner()
    joiner.join(parts(through=8)[0])
    newer = parts(through=9)
    assert [joiner.join(part) for part in newer][-1] == piece(through=9)


def test_unfinished_parts_of_many_writers_take_bounded_room(
    parts: Callable[..., list[HistogramSet]],
) -> None:
    joiner = PartJoiner()
    for number in range(100):
        joiner.join(msgspec.structs.replace(parts()[0], writer=f"w{number}"))
    assert sum(len(writers) for writers in joiner._parts.values()) <= 9
