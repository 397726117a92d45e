"""What each message changes: newer replaces older, late stays beside, nonsense is refused."""

from typing import Any

import msgspec
import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation, Booking, Histogram, Regular
from dqmstream.messages.events import LumisectionEnd
from dqmstream.messages.histograms import Account, HistogramSet, ScalarValue, SourceAccount
from dqmstream.messages.operations import Conditions
from dqmstream.messages.struct import Message
from dqmstream.store.recording import Recorded
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, partition_sets, random_contents
from dqmstream.store.writer import Refused, StoreWriter

RNG = np.random.default_rng(7)


def write(writer: StoreWriter, *messages: Message) -> Recorded:
    """Write what is expected to be taken."""
    recorded = writer.write(messages, {})
    assert isinstance(recorded, Recorded), recorded
    return recorded


def refusal(writer: StoreWriter, message: Message) -> Refused:
    """Write what is expected to be refused."""
    refused = writer.write([message], {})
    assert not isinstance(refused, Recorded)
    return refused[0]


def merged(sets: list[HistogramSet], layout: Layout) -> Contents:
    """Sum over partitions, in their order."""
    total = Contents.empty(layout)
    for one in sorted(sets, key=lambda one: one.partition):
        part = Contents.decode(layout, one.cells, one.scalars, one.invalid)
        total.add(part, same_lumisection=True)
    return total


def replaced(piece: HistogramSet, **fields: Any) -> HistogramSet:
    return msgspec.structs.replace(piece, **fields)


class TestClosing:
    def test_an_open_lumisection_is_not_stored(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        piece = closed_set(random_contents(layout, RNG), run=1, lumisection=1, closed=False)
        assert write(writer, piece).closed == ()
        assert store.runs().items == ()

    def test_a_lumisection_is_stored_when_all_partitions_have_closed_it(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        sets = list(partition_sets(layout, RNG, run=1, lumisection=1, partitions=3))
        assert write(writer, sets[2]).closed == ()
        assert write(writer, sets[0]).closed == ()
        assert store.contents("set", 1, "every").lumisections == ()
        (key,) = write(writer, sets[1]).closed
        assert (key.run, key.lumisection, key.workspace) == (1, 1, "every")
        assert store.contents("set", 1, "every").contents.equals(merged(sets, layout))

    def test_a_set_in_parts_counts_when_all_are_there(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        whole = closed_set(contents, run=1, lumisection=1)
        cut = len(whole.cells) // 2
        one = replaced(whole, cells=whole.cells[:cut], part=0, parts=2)
        two = replaced(whole, cells=whole.cells[cut:], part=1, parts=2)
        assert write(writer, two, two).closed == ()
        assert len(write(writer, one).closed) == 1
        assert store.contents("set", 1, "every").contents.equals(contents)

    def test_parts_of_a_writer_that_died_do_not_keep_another_from_finishing(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        whole = closed_set(contents, run=1, lumisection=1)
        cut = len(whole.cells) // 2
        dead = replaced(whole, cells=whole.cells[:cut], part=0, parts=2, writer="dead")
        write(writer, dead)
        assert len(write(writer, whole).closed) == 1
        assert store.contents("set", 1, "every").contents.equals(contents)


class TestReplacing:
    def test_the_same_set_again_changes_nothing(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        piece = closed_set(random_contents(layout, RNG), run=1, lumisection=1)
        write(writer, piece)
        assert write(writer, piece, piece).closed == ()
        assert store.contents("set", 1, "every").lumisections == (1,)

    def test_a_newer_epoch_replaces_and_an_older_one_does_not(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        old, new = random_contents(layout, RNG), random_contents(layout, RNG)
        zombie = closed_set(old, run=1, lumisection=1, epoch=0, through=999)
        write(writer, zombie)
        assert store.contents("set", 1, "every").contents.equals(old)
        write(writer, closed_set(new, run=1, lumisection=1, epoch=1))
        assert write(writer, zombie).closed == ()
        assert store.contents("set", 1, "every").contents.equals(new)

    def test_a_whole_set_outweighs_one_with_a_hole_of_a_later_epoch(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        whole, holed = random_contents(layout, RNG), random_contents(layout, RNG)
        write(writer, closed_set(whole, run=1, lumisection=1))
        write(writer, closed_set(holed, run=1, lumisection=1, epoch=3, whole=False))
        assert store.contents("set", 1, "every").contents.equals(whole)

    def test_whole_contents_beside_a_hole_of_a_later_epoch_are_no_longer_called_complete(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        piece = closed_set(random_contents(layout, RNG), run=1, lumisection=1)
        account = msgspec.structs.replace(piece.account, expired=((40, 90),))
        write(writer, piece)
        assert store.lumisections(1).items[0].complete
        for _ in range(2):
            write(writer, replaced(piece, epoch=1, whole=False, account=account))
            (stored,) = store.lumisections(1).items
            assert (stored.complete, stored.whole) == (False, False)
            assert stored.account.lacking == ("partition 0: records 40-89 expired unread",)
        assert store.contents("set", 1, "every").contents.equals(
            Contents.decode(layout, piece.cells, piece.scalars, piece.invalid)
        )

    def test_one_partition_of_a_recent_lumisection_can_be_replaced_alone(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        sets = list(partition_sets(layout, RNG, run=1, lumisection=1, partitions=2))
        write(writer, *sets)
        newer = replaced(
            closed_set(random_contents(layout, RNG), run=1, lumisection=1, partition=1),
            partitions=2,
            epoch=1,
            account=sets[1].account,
        )
        assert len(write(writer, newer).closed) == 1
        expected = merged([sets[0], newer], layout)
        assert store.contents("set", 1, "every").contents.equals(expected)

    def test_one_partition_of_an_old_lumisection_waits_for_the_others(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        """Once it lies in a chunk the other partitions are known only as part of the sum."""
        for lumisection in range(1, 12):
            sets = partition_sets(layout, RNG, run=1, lumisection=lumisection, partitions=2)
            write(writer, *sets)
        assert writer.compact() > 0
        before = store.contents("set", 1, "every", [1]).contents
        newer = list(partition_sets(layout, RNG, run=1, lumisection=1, partitions=2, epoch=1))
        recorded = write(writer, newer[0])
        assert [key.lumisection for key in recorded.waiting] == [1]
        assert store.contents("set", 1, "every", [1]).contents.equals(before)
        writer.compact()
        assert len(write(writer, newer[1]).closed) == 1
        writer.compact()
        after = store.contents("set", 1, "every", [1]).contents
        assert after.equals(merged(newer, layout))

    def test_a_newer_epoch_may_reach_the_partitions_with_a_compaction_in_between(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        for lumisection in range(1, 6):
            sets = partition_sets(layout, RNG, run=1, lumisection=lumisection, partitions=2)
            write(writer, *sets)
        newer = list(partition_sets(layout, RNG, run=1, lumisection=1, partitions=2, epoch=1))
        write(writer, newer[0])
        write(writer, *partition_sets(layout, RNG, run=1, lumisection=6, partitions=2))
        assert writer.compact() == 1
        assert len(write(writer, newer[1]).closed) == 1
        assert store.contents("set", 1, "every", [1]).contents.equals(merged(newer, layout))


class TestLate:
    def test_what_comes_late_is_kept_beside_and_never_added(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        on_time = list(partition_sets(layout, RNG, run=1, lumisection=1, partitions=2))
        late = [
            closed_set(random_contents(layout, RNG), run=1, lumisection=1, partitions=2, **where)
            for where in ({"segment": 1}, {"segment": 2}, {"segment": 1, "partition": 1})
        ]
        write(writer, late[0], *on_time, late[1])
        write(writer, late[2])
        assert store.contents("set", 1, "every").contents.equals(merged(on_time, layout))
        window = store.late("set", 1, "every")
        assert window.lumisections == (1,)
        expected = sum(Contents.decode(layout, one.cells).cells for one in late)
        assert np.array_equal(window.contents.cells, expected)
        (account,) = store.lumisections(1).items
        assert account.late_segments == 3
        assert (account.account.seen, account.late_account.seen) == (20, 30)

    def test_late_contents_survive_compaction(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        late = random_contents(layout, RNG)
        for lumisection in range(1, 12):
            write(writer, closed_set(random_contents(layout, RNG), run=1, lumisection=lumisection))
        write(writer, closed_set(late, run=1, lumisection=2, segment=1))
        writer.compact()
        assert np.array_equal(store.late("set", 1, "every").contents.cells, late.cells)
        assert store.late("set", 1, "every", [3, 4]).lumisections == ()

    def test_a_part_of_a_late_set_is_nothing_yet(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        late = closed_set(random_contents(layout, RNG), run=1, lumisection=1, segment=1)
        write(writer, replaced(late, cells=late.cells[:10], part=0, parts=2))
        assert store.late("set", 1, "every").lumisections == ()
        write(writer, replaced(late, cells=late.cells[10:], part=1, parts=2))
        assert store.late("set", 1, "every").lumisections == (1,)

    def test_a_late_set_is_replaced_by_key_too(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        old, new = random_contents(layout, RNG), random_contents(layout, RNG)
        write(writer, closed_set(old, run=1, lumisection=1, segment=1))
        write(writer, closed_set(new, run=1, lumisection=1, segment=1, epoch=1))
        write(writer, closed_set(old, run=1, lumisection=1, segment=1))
        assert np.array_equal(store.late("set", 1, "every").contents.cells, new.cells)


class TestAccounts:
    def test_an_account_is_summed_over_partitions_and_complete_when_all_chunks_are_in(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        sets = list(partition_sets(layout, RNG, run=1, lumisection=1, partitions=2))
        write(writer, sets[0])
        (half,) = store.lumisections(1).items
        assert (half.closed, half.complete) == (False, False)
        write(writer, sets[1])
        (whole,) = store.lumisections(1).items
        assert (whole.closed, whole.complete, whole.whole) == (True, True, True)
        account = whole.account
        assert (account.seen, account.selected, account.dropped, account.chunks) == (20, 16, 4, 2)

    def test_a_chunk_that_comes_late_completes_the_account_of_a_compacted_lumisection(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        def account(mask: bytes) -> Account:
            source = SourceAccount(
                source="s", incarnation="a", rereadable=True, chunks=mask, marker=2
            )
            return Account(sources=(source,))

        for lumisection in range(1, 12):
            contents = random_contents(layout, RNG)
            write(
                writer,
                closed_set(contents, run=1, lumisection=lumisection, account=account(b"\x01")),
            )
        writer.compact()
        (lacking,) = store.lumisections(1, limit=1).items
        assert not lacking.complete
        assert lacking.account.lacking == ("s: 1 of 2 chunks",)
        late = closed_set(Contents.empty(layout), run=1, lumisection=1, account=account(b"\x02"))
        write(writer, replaced(late, segment=1))
        (complete,) = store.lumisections(1, limit=1).items
        assert complete.complete


def booking_of(path: str) -> Booking:
    axis = Regular(bins=2, lower=0.0, upper=1.0)
    return Booking(workspace="other", elements=(Histogram(path=path, axes=(axis,), fill=("x",)),))


class TestRefusing:
    @pytest.mark.parametrize(
        "wrong",
        [
            ({"run": 2**63}, "out_of_range"),
            ({"run": -1}, "out_of_range"),
            ({"lumisection": 2**31}, "out_of_range"),
            ({"partition": 1}, "out_of_range"),
            ({"partitions": 0}, "out_of_range"),
            ({"segment": -1}, "out_of_range"),
            ({"part": 1}, "out_of_range"),
            ({"through": 2**64 - 1}, "out_of_range"),
            ({"published": 2**64 - 1}, "out_of_range"),
            ({"set": "x" * 300}, "bad_name"),
            ({"set": "nul\0"}, "bad_name"),
            ({"booking": "0123456789abcdef"}, "unknown_booking"),
            ({"booking": "nul\0"}, "unknown_booking"),
            ({"workspace": "another"}, "differing_booking"),
            ({"cells": b"no zstd"}, "bad_cells"),
            ({"cells": Contents.empty(Layout(booking_of("p"))).encode()}, "bad_cells"),
            ({"invalid": {99: "?"}}, "bad_cells"),
            ({"scalars": {99: ScalarValue(value=1)}}, "bad_scalars"),
            ({"scalars": {0: ScalarValue(value=1)}}, "bad_scalars"),
            ({"scalars": {4: ScalarValue(value="text")}}, "bad_scalars"),
            ({"scalars": {4: ScalarValue(value=2**63)}}, "bad_scalars"),
            ({"scalars": {8: ScalarValue(value=1.0)}}, "bad_scalars"),
            (
                {
                    "account": Account(
                        sources=(
                            SourceAccount(
                                source="s", incarnation="a", rereadable=True, marker=2**60
                            ),
                        )
                    )
                },
                "out_of_range",
            ),
        ],
    )
    @pytest.mark.parametrize("segment", [0, 1])
    @pytest.mark.usefixtures("layout")
    def test_a_set_the_store_cannot_hold_is_refused_by_name_and_the_next_works(
        self,
        writer: StoreWriter,
        store: Store,
        wrong: tuple[dict[str, Any], str],
        segment: int,
    ) -> None:
        fields, reason = wrong
        contents = random_contents(Layout(EVERY_KIND), RNG)
        good = closed_set(contents, run=1, lumisection=1, segment=segment)
        assert refusal(writer, replaced(good, **fields)).reason == reason
        assert store.runs().items == ()
        write(writer, good)
        assert store.runs().items[0].last_lumisection == 1

    def test_another_booking_or_number_of_partitions_in_a_run_is_refused(
        self, writer: StoreWriter, layout: Layout
    ) -> None:
        one, two = booking_of("one"), booking_of("two")
        first, second = (Contents.empty(Layout(booking)) for booking in (one, two))
        write(writer, one, two, closed_set(first, run=1, lumisection=1))
        refused = refusal(writer, closed_set(second, run=1, lumisection=2))
        assert refused.reason == "differing_booking"
        assert "run 1 LS 2" in refused.detail
        refused = refusal(writer, closed_set(first, run=1, lumisection=2, partitions=2))
        assert refused.reason == "differing_booking"
        elsewhere = closed_set(random_contents(layout, RNG), run=1, lumisection=1, partitions=2)
        assert refusal(writer, elsewhere).reason == "differing_partitions"
        write(writer, closed_set(second, run=2, lumisection=1))

    def test_entries_beyond_what_sums_have_room_for_are_refused(
        self, writer: StoreWriter, layout: Layout
    ) -> None:
        contents = Contents.empty(layout)
        contents.cells[layout["one/profile"].offset] = 2**33 + 1
        piece = closed_set(contents, run=1, lumisection=1)
        assert refusal(writer, piece).reason == "too_many_entries"

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            (Booking(workspace="w", elements=(booking_of("p").elements[0],) * 2), "bad_booking"),
            (Conditions(run=1, lumisection=-1), "out_of_range"),
            (Conditions(run=1, lumisection=1, run_type="\n"), "bad_name"),
            (Conditions(run=1, lumisection=1, fill=2**64), "out_of_range"),
            (Activation(set="s", workspaces=(), from_run=-1, who="me", when=0), "out_of_range"),
            (
                LumisectionEnd(
                    run=1,
                    source="s",
                    incarnation="a",
                    rereadable=True,
                    partitions=1,
                    lumisection=1,
                    chunks=0,
                    seen=0,
                    selected=0,
                    dropped=0,
                ),
                "unexpected_type",
            ),
        ],
    )
    def test_other_messages_it_cannot_hold_are_refused_too(
        self, writer: StoreWriter, message: Message, reason: str
    ) -> None:
        assert refusal(writer, message).reason == reason
