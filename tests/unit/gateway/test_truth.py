"""Whatever memory and store hold of a run, every answer is that of the store alone in the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqmstream.fold.merged_account import MergedAccount
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.quality import Outcome
from dqmstream.messages.struct import Message
from services.gateway.archive import Archive
from services.gateway.backfill import Backfill
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.moments import NOW
from services.gateway.place import Place
from services.gateway.readings import Readings
from services.gateway.records import LumisectionRecord
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import Detector
from services.gateway.truth import better, known, serves, suffices
from services.gateway.windows import Window
from tests.unit.gateway.test_stored import RUN, Recorded, charge, client_of, values

SELECTED: tuple[dict[str, Any], ...] = (
    {"window": "run"},
    {"window": "lumisection"},
    {"last": 3},
    {"lumisections": "1-2"},
    {"lumisections": "2-4"},
)


def record(number: int, *, closed: bool = True, **words: Any) -> LumisectionRecord:
    return LumisectionRecord(
        number=number,
        closed=closed,
        complete=closed,
        whole=True,
        versions=(1,),
        account=MergedAccount(),
        late_account=MergedAccount(),
        late_segments=0,
        published=0,
        **words,
    )


@pytest.mark.parametrize(
    ("memory", "stored", "first"),
    [
        (record(1), record(1), "memory"),
        (record(1, closed=False), record(1, closed=False), "memory"),
        (record(1), record(1, closed=False), "memory"),
        (record(1, closed=False), record(1), "stored"),
        (record(1, closed=False, rooted=False), record(1), "stored"),
        (record(1, closed=False, rooted=False), record(1, closed=False), "memory"),
        (record(1, rooted=False), record(1), "stored"),
        (record(1, adopted=True), record(1), "stored"),
    ],
)
def test_a_closed_record_goes_before_an_open_one_and_a_whole_one_before_a_part(
    memory, stored, first
):
    chosen = better(memory, stored)
    assert chosen is (memory if first == "memory" else stored)
    assert known({1: memory}, {1: stored}) == {1: chosen}
    assert serves(memory, chosen) == (memory.closed or not chosen.closed)
    assert not serves(None, chosen)


@pytest.mark.parametrize(
    ("memory", "word", "enough"),
    [
        ({}, "run", False),
        ({1, 2, 3}, "run", True),
        ({1, 3}, "run", False),
        ({2, 3}, "run", False),
        ({0}, "run", False),
        ({1, 3}, "3", True),
        ({1, 3, 4}, "3-4", True),
        ({1, 3, 4}, "2-4", False),
        ({1, 2, 3}, "0-2", False),
        ({1, 2}, "7-9", True),
        ({4, 5, 6}, "last-3", True),
        ({4, 5, 6}, "last-4", False),
        ({4, 6}, "last-2", False),
        ({1, 2}, "last-4", True),
        ({6}, "lumisection", True),
    ],
)
def test_memory_suffices_where_it_has_no_gap(memory, word, enough):
    newest = max(memory, default=0)
    records = {n: record(n, closed=n < newest) for n in memory}
    assert suffices(records, Window.parse(word)) == enough
    parts = {n: record(n, closed=False, rooted=False) for n in memory}
    assert not suffices(parts, Window.parse(word))


def test_without_an_open_lumisection_memory_may_have_missed_the_newest():
    """Old LSs that were published again after a restart are no news of the end of the run."""
    again = {3: record(3), 4: record(4)}
    for word in ("lumisection", "last-1", "4", "3-9"):
        assert not suffices(again, Window.parse(word))
    assert suffices(again, Window.parse("3"))


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    made = Recorded(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield made
    made.close()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk.open() as opened:
        yield opened


def history(partitions: int, late: list[tuple[int, int, int]]) -> tuple[Detector, list[Message]]:
    """LS 1 to 6 closed and LS 7 filled, in the order of the log; `late` are (after LS, LS,
    partition)."""
    detector = Detector(partitions=partitions)
    log: list[Message] = []
    segments: dict[tuple[int, int], int] = {}
    for number in range(1, 8):
        for partition in range(partitions):
            log += detector.fill(number, 20 + number, partition=partition)
        if number < 7:
            log += detector.close(number)
        for after, of, partition in late:
            if after == number and of <= min(after, 6) and partition < partitions:
                segment = segments[of, partition] = segments.get((of, partition), 0) + 1
                log += detector.sets(of, partition=partition, closed=True, segment=segment)
    return detector, log


def joined(detector: Detector, log: list[Message], offset: int, keep: int = 64) -> LiveView:
    """A live view that began to read at an offset."""
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=keep)))
    for message in detector.announce():
        view.apply(message, 1)
    for message in log[offset:]:
        view.apply(message, 2)
    return view


async def answers(client: httpx.AsyncClient) -> list[Any]:
    """All that is asked of a run: sums, what they cover, trends, LSs and where events are."""
    found: list[Any] = []
    for window in SELECTED:
        path = {"path": "pixel/charge", **window}
        answer = await client.get(f"{RUN}/contents", params=path)
        assert answer.status_code == 200, (window, answer.text)
        words = answer.json()["contents"][0]["window"]
        found.append((values(answer), words))
        trend = await client.get(f"{RUN}/trend", params=path | {"quantity": "entries"})
        assert trend.status_code == 200, (window, trend.text)
        found.append({name: trend.json()[name] for name in ("lumisections", "values", "closed")})
    rows = (await client.get(f"{RUN}/lumisections")).json()["lumisections"]
    # When memory saw an LS begin, and its delay, are of memory alone: no store has them.
    strip = [{name: row[name] for name in row if name not in {"began", "delay"}} for row in rows]
    return [*found, strip]


@asynccontextmanager
async def ended(recorded: Recorded, detector: Detector, log: list[Message]) -> AsyncIterator[None]:
    """The log, of which the store has everything, once the last LS has closed, too."""
    log += detector.close(7)
    sets = [one for one in log if isinstance(one, HistogramSet) and one.closed]
    announced = [one for one in detector.announce() if type(one).__name__ != "RunStart"]
    await asyncio.to_thread(recorded.record, [*announced, *sets])
    yield


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_every_answer_is_the_stores_whatever_memory_has_missed(tmp_path_factory, data):
    """Random partitions, late segments, offsets to join at, LSs kept, looks at the store."""
    partitions = data.draw(st.integers(1, 3), label="partitions")
    number = st.integers(1, 7)
    late = data.draw(
        st.lists(st.tuples(number, number, st.integers(0, 2)), max_size=4), label="late"
    )
    detector, log = history(partitions, late)
    offset = data.draw(st.integers(0, len(log)), label="join at")
    looks = data.draw(st.sets(st.integers(offset, len(log)), max_size=3), label="looks")
    keep = data.draw(st.integers(1, 8), label="LSs kept")

    made = Recorded(f"sqlite:///{tmp_path_factory.mktemp('truth') / 'store.sqlite'}")

    async def ask() -> None:
        async with Desk.open() as desk, ended(made, detector, log):
            view = joined(detector, [], 0, keep)
            backfill = Backfill(view, desk, made.archive)
            for at in range(offset, len(log)):
                if at in looks:
                    await backfill.look()
                await desk.ask(view.apply, log[at], 2)
            async with client_of(LiveView(), desk, made.archive) as alone:
                expected = await answers(alone)
            async with client_of(view, desk, made.archive) as client:
                assert await answers(client) == expected
                await backfill.look()
                assert await answers(client) == expected
            part = view.runs[detector.run].shown("pixel")
            if part is not None and part.records:
                contents, covered = part.window(Window("run"))
                assert charge(contents) == [int(value) for value in expected[0][0]]
                assert covered.late_events == expected[0][1]["late_events"]
                assert covered.numbers == tuple(range(1, 8))

    try:
        asyncio.run(ask())
    finally:
        made.close()


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("looked", [False, True])
async def test_late_data_of_a_stored_lumisection_take_nothing_of_it(recorded, desk, number, looked):
    """Before the sum over the run was taken from the store, and after."""
    detector, log = history(1, [])
    async with ended(recorded, detector, log):
        view = joined(detector, log, len(log) // 2)
        backfill = Backfill(view, desk, recorded.archive)
        if looked:
            await backfill.look()
        late = list(detector.sets(number, closed=True, segment=1))
        await asyncio.to_thread(recorded.record, late)
        for message in late:
            view.apply(message, 9)
        whole = recorded_sum(detector, range(1, 8))
        async with client_of(view, desk, recorded.archive) as client:
            asked = {"path": "pixel/charge"}
            assert values(await client.get(f"{RUN}/contents", params=asked)) == whole
            only = await client.get(
                f"{RUN}/contents", params={**asked, "lumisections": f"{number}"}
            )
            assert values(only) == recorded_sum(detector, [number])
            rows = (await client.get(f"{RUN}/lumisections")).json()["lumisections"]
            assert all(row["closed"] for row in rows)
            assert [row["lumisection"] for row in rows if row["late"]] == [number]
            await backfill.look()
            contents, covered = view.current.shown("pixel").window(Window("run"))
            assert charge(contents) == whole
            assert (covered.closed, covered.numbers) == (True, tuple(range(1, 8)))
            assert covered.late_events == 20 + number
            run = (await client.get(RUN)).json()
            assert run["accounting"]["late_events"] == 20 + number
            assert run["accounting"]["seen"] == sum(20 + n for n in range(1, 8))


def recorded_sum(detector: Detector, numbers: Any) -> list[int]:
    cells = sum(detector.contents("pixel", n).cells for n in numbers)
    place = detector.layouts[0]["pixel/charge"]
    return cells[place.offset : place.nan].tolist()


async def test_late_data_that_memory_hears_of_before_the_store_are_counted_in_the_end(
    recorded, desk
):
    detector, log = history(1, [])
    async with ended(recorded, detector, log):
        view = joined(detector, log, len(log) // 2)
        backfill = Backfill(view, desk, recorded.archive)
        late = list(detector.sets(2, closed=True, segment=1))
        for message in late:
            view.apply(message, 9)
        await backfill.look()
        part = view.current.shown("pixel")
        assert part.window(Window("run"))[1].closed
        await asyncio.to_thread(recorded.record, late)
        await backfill.look()
        assert part.window(Window("run"))[1].late_events == 22


async def test_a_sum_names_the_lumisections_that_are_in_it(recorded, desk):
    """A set comes between two looks at memory, while the store is asked."""
    detector, log = history(1, [])
    async with ended(recorded, detector, log):
        view = joined(detector, [one for one in log if one.lumisection < 7], len(log) // 2)

        class Slow(Archive):
            def shelf(self, number: int, set_hash: str | None = None) -> Any:
                found = super().shelf(number, set_hash)
                for message in Detector.sets(detector, 8):
                    view.apply(message, 3)
                return found

        readings = Readings(view, desk, Slow(recorded.store))
        element = detector.layouts[0]["pixel/charge"]
        (read,) = await readings.read(Place(detector.run, "pixel"), [element], Window("run"), NOW)
        assert read.about.lumisections == tuple(range(1, 9))
        assert charge(read.contents) == recorded_sum(detector, range(1, 9))


async def test_closing_sets_that_are_published_again_are_counted_once(recorded, desk):
    """A closing set that is published again after the sum was taken from the store."""
    detector, log = history(2, [])
    async with ended(recorded, detector, log):
        view = joined(detector, log, len(log) // 2)
        backfill = Backfill(view, desk, recorded.archive)
        await backfill.look()
        again = [
            one
            for one in log
            if isinstance(one, HistogramSet) and one.closed and one.lumisection == 2
        ]
        for message in again:
            view.apply(message, 9)
        for _ in range(2):
            async with client_of(view, desk, recorded.archive) as client:
                answer = await client.get(f"{RUN}/contents", params={"path": "pixel/charge"})
                expected = [
                    sum(pair)
                    for pair in zip(*(by_partition(detector, p) for p in (0, 1)), strict=True)
                ]
                assert values(answer) == expected
            await backfill.look()
        assert not view.current.shown("pixel").total_lost


def by_partition(detector: Detector, partition: int) -> list[int]:
    cells = sum(detector.contents("pixel", n, partition).cells for n in range(1, 8))
    place = detector.layouts[0]["pixel/charge"]
    return cells[place.offset : place.nan].tolist()


async def test_reports_that_came_before_a_restart_stand_beside_those_that_came_after(
    recorded, desk
):
    detector, log = history(1, [])
    async with ended(recorded, detector, log):
        outcomes = {"pixel/charge": Outcome.GOOD, "trigger/paths": Outcome.BAD}
        reports = list(detector.reports(6, outcomes))
        await asyncio.to_thread(recorded.record, reports)
        view = joined(detector, log, len(log) // 2)
        view.apply(next(one for one in reports if one.workspace == "trigger"), 9)
        async with client_of(view, desk, recorded.archive) as client:
            for asked in ({}, {"lumisections": "5-7"}):
                rows = (await client.get(f"{RUN}/reports", params=asked)).json()["reports"]
                assert [(row["path"], row["outcome"]) for row in rows] == [
                    ("pixel/charge", "GOOD"),
                    ("trigger/paths", "BAD"),
                ]
