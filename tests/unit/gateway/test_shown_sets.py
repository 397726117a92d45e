"""Two sets that filled one run: none of its events count twice, and the second is shown only where
it is activated."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.fold.merged_account import MergedAccount, merge_accounts
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation, Booking, Histogram, Regular
from dqmstream.messages.histograms import Account, HistogramSet, Refusal, SourceAccount
from dqmstream.messages.struct import Message
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.archive import Archive
from services.gateway.live import LiveView
from services.gateway.records import LumisectionRecord
from services.gateway.shown_sets import sets_shown
from services.gateway.testing import SET, Detector, bookings
from services.gateway.together import together
from tests.unit.gateway.test_imported import imported

RUN = 400_001
OTHER = "fedcba9876543210"

TRACKS = Booking(
    workspace="tracks",
    elements=(
        Histogram(
            path="tracks/pt", axes=(Regular(bins=4, lower=0.0, upper=4.0),), fill=("tracks.pt",)
        ),
    ),
)


def filled(set_hash: str, booked: Sequence[Booking], from_run: int) -> Iterator[Message]:
    """What a set brings of two LSs of the run, the same chunks of the same source each time."""
    detector = Detector(run=RUN, layouts=tuple(map(Layout, booked)))
    names = tuple(one.workspace for one in booked)
    said = Activation(set=set_hash, workspaces=names, from_run=from_run, who="test", when=from_run)
    made = [*detector.announce(), *detector.fill(1, 100), *detector.close(1)]
    made += [*detector.fill(2, 50), *detector.close(2)]
    for message in made:
        match message:
            case Activation():
                yield said
            case HistogramSet():
                yield msgspec.structs.replace(message, set=set_hash)
            case _:
                yield message


def shown(
    where: str, log: Sequence[Message], folder: Path
) -> tuple[dict[str, str], dict[int, LumisectionRecord]]:
    """Set of each workspace, and the LSs of the run, in memory or in the store."""
    if where == "live":
        view = LiveView()
        for message in log:
            view.apply(message, 1)
        view.refresh()
        run = view.runs[RUN]
        sets = {name: part.set for name, part in run.shown_workspaces().items()}
        assert run.events == sum(one.account.seen for one in run.lumisections().values())
        return sets, dict(run.lumisections())
    url = f"sqlite:///{folder / 'store.sqlite'}"
    writer = StoreWriter(url, log="log")
    writer.write(log, {})
    writer.close()
    store = Store(url)
    shelf = Archive(store).shelf(RUN)
    store.close()
    assert shelf is not None
    return dict(shelf.sets), dict(shelf.records)


@pytest.mark.parametrize("where", ["live", "stored"])
def test_a_second_set_of_a_run_is_not_shown_before_the_run_that_it_is_activated_for(
    where: str, tmp_path: Path
) -> None:
    """Neither its version of what the first one has, nor what only it has."""
    first = filled(SET, bookings(), 1)
    second = filled(OTHER, [*bookings(), TRACKS], RUN + 1)
    sets, records = shown(where, [*first, *second], tmp_path)
    assert sets == {"pixel": SET, "trigger": SET}
    assert [records[n].account.seen for n in (1, 2)] == [100, 50]


@pytest.mark.parametrize("where", ["live", "stored"])
@pytest.mark.parametrize(
    ("booked", "sets"),
    [
        ([TRACKS], {"pixel": SET, "tracks": OTHER, "trigger": SET}),
        ([bookings()[0], TRACKS], {"pixel": OTHER, "tracks": OTHER, "trigger": SET}),
    ],
    ids=["other_workspaces", "some_the_same"],
)
def test_sets_that_are_shown_together_count_the_chunks_of_a_source_once(
    where: str, booked: list[Booking], sets: dict[str, str], tmp_path: Path
) -> None:
    log = [*filled(SET, bookings(), 1), *filled(OTHER, booked, 2)]
    found, records = shown(where, log, tmp_path)
    assert found == sets
    accounts = [records[n].account for n in (1, 2)]
    assert [(one.seen, one.selected, one.chunks) for one in accounts] == [
        (100, 100, 1),
        (50, 50, 1),
    ]
    assert [one.sources for one in accounts] == [("made-up",)] * 2


@pytest.mark.parametrize("where", ["live", "stored"])
def test_what_was_imported_adds_up_beside_two_sets_that_read_the_same(
    where: str, tmp_path: Path
) -> None:
    log = [*filled(SET, bookings(), 1), *filled(OTHER, [TRACKS], 1), *imported(RUN)]
    sets, records = shown(where, log, tmp_path)
    assert sorted(sets) == ["imported", "pixel", "tracks", "trigger"]
    alone = shown("live", imported(RUN), tmp_path)[1][1].account
    assert records[1].account.sources == ("file.root", "made-up")
    assert records[1].account.seen == 100 + alone.seen
    assert records[1].account.chunks == 1 + alone.chunks
    assert sorted(records) == [1, 2, 4, 9]


def test_a_set_of_later_runs_is_shown_where_no_active_one_has_brought_anything() -> None:
    said = [
        Activation(set="a", workspaces=("x",), from_run=1, who="", when=1),
        Activation(set="b", workspaces=("x", "y"), from_run=9, who="", when=2),
    ]
    beside = {"x": ("a", "b"), "y": ("b",)}
    assert sets_shown(8, beside, said) == {"x": ("a",)}
    assert sets_shown(9, beside, said) == {"x": ("b", "a"), "y": ("b",)}
    assert sets_shown(8, {"x": ("b",), "y": ("b",)}, said) == {"x": ("b",), "y": ("b",)}
    assert sets_shown(8, {"x": ("a", "c")}, said) == {"x": ("a",)}, "c is tried out beside it"
    assert sets_shown(8, {"x": ("c", "d")}, said) == {"x": ("d", "c")}, "the last that came"


# ------------------------------------------------------------------- together


def record(
    on_time: MergedAccount, late: MergedAccount | None = None, late_segments: int = 0
) -> LumisectionRecord:
    return LumisectionRecord(
        number=1,
        closed=True,
        complete=True,
        whole=True,
        versions=(1,),
        account=on_time,
        late_account=late or MergedAccount(),
        late_segments=late_segments,
        published=1,
    )


def account(*sources: tuple[str, str, int], refused: int = 0, duplicates: int = 0) -> MergedAccount:
    """Of sources, incarnations and numbers of chunks, with 10 events and one note in each."""
    made = tuple(
        SourceAccount(
            source=source,
            incarnation=incarnation,
            rereadable=True,
            chunks=((1 << chunks) - 1).to_bytes(4, "little"),
            marker=chunks,
            seen=10 * chunks,
            selected=9 * chunks,
            dropped=chunks,
            notes={"truncated": chunks},
        )
        for source, incarnation, chunks in sources
    )
    refusals = tuple(Refusal(reason="unreadable", offset=n) for n in range(refused))
    return merge_accounts([Account(sources=made, refused=refusals, duplicates=duplicates)])


def test_the_set_that_has_most_of_a_source_tells_of_it() -> None:
    """One set is behind in one source, the other in another; an incarnation is a source."""
    one = account(("a", "1", 4), ("b", "1", 1), refused=2, duplicates=1)
    other = account(("a", "1", 3), ("b", "1", 2), ("b", "2", 5), refused=2, duplicates=3)
    both = together([record(one), record(other)]).account
    assert both.by_source == account(("a", "1", 4), ("b", "1", 2), ("b", "2", 5)).by_source
    assert (both.chunks, both.seen, both.selected, both.dropped) == (11, 110, 99, 11)
    assert both.notes == {"truncated": 11}
    assert (both.refused, both.duplicates) == ({"unreadable": 2}, 3)


def test_a_chunk_that_is_late_in_one_set_only_counts_as_the_fuller_one_has_it() -> None:
    late = record(account(("a", "1", 3)), account(("a", "1", 1)), late_segments=1)
    found = together([late, record(account(("a", "1", 4)))])
    assert (found.account.chunks, found.late_account.chunks) == (4, 0)


def test_accounts_of_before_they_were_kept_by_source_count_sources_of_one_name_once() -> None:
    old = replace(account(("a", "1", 3), ("b", "1", 2)), by_source=())
    new = account(("a", "1", 3), ("b", "1", 2))
    beside = account(("file", "f", 1))
    found = together([record(old), record(new), record(beside)]).account
    assert (found.chunks, found.seen) == (6, 60)
    assert found.sources == ("a", "b", "file")


SOURCES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("12"), st.integers(0, 9)),
    unique_by=lambda one: one[:2],
    max_size=4,
)


@given(SOURCES, SOURCES, st.integers(0, 3))
def test_the_same_account_again_changes_no_figure_and_another_source_adds(
    sources: list[tuple[str, str, int]], others: list[tuple[str, str, int]], refused: int
) -> None:
    own = account(*sources, ("own", "1", 1), refused=refused, duplicates=refused)
    assert together([record(own)] * 3).account == own
    apart = account(*((f"other {name}", *rest) for name, *rest in others), ("other", "1", 1))
    both = together([record(own), record(apart), record(own)]).account
    for name in ("seen", "selected", "dropped", "chunks", "duplicates"):
        assert getattr(both, name) == getattr(own, name) + getattr(apart, name)
    sums = {(one.source, one.incarnation): one for one in (*own.by_source, *apart.by_source)}
    assert {(one.source, one.incarnation): one for one in both.by_source} == sums
