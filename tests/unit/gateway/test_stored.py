"""Live and stored lumisections together: what memory lacks comes from a real store."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.messages.histograms import HistogramSet, SourceAccount
from dqmstream.messages.quality import Outcome
from dqmstream.messages.struct import Message
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.backfill import Backfill
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import Detector
from services.gateway.windows import Window
from tests.unit.gateway.parts import parts_of

API = "/api/v1"
RUN = "/api/v1/runs/400001"


class Recorded:
    """A store, and the detector whose messages it has."""

    def __init__(self, url: str) -> None:
        self.writer = StoreWriter(url, log="log")
        self.store = Store(url)
        self.archive = Archive(self.store)
        self.detector = Detector()

    def record(self, messages: Iterable[Message]) -> list[Message]:
        taken = list(messages)
        self.writer.write(taken, {})
        return taken

    def close(self) -> None:
        self.store.close()
        self.writer.close()

    def whole(self, workspace: str, numbers: Iterable[int]) -> Contents:
        parts = [self.detector.contents(workspace, number) for number in numbers]
        return Contents.total(parts[0].layout, parts)


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    """Run 400001 with LS 1 to 6 closed, judged and stored."""
    made = Recorded(f"sqlite:///{tmp_path / 'store.sqlite'}")
    made.record(m for m in made.detector.announce() if type(m).__name__ != "RunStart")
    for number in range(1, 7):
        list(made.detector.fill(number, 100))
        made.record(made.detector.close(number))
        made.record([made.detector.conditions(number)])
        outcomes = {"pixel/charge": Outcome.BAD if number == 6 else Outcome.GOOD}
        made.record(made.detector.reports(number, outcomes))
    yield made
    made.close()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk.open() as opened:
        yield opened


def client_of(view: LiveView, desk: Desk, archive: Archive | None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(parts_of(view, desk, view.settings, archive)))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture
async def stored_only(recorded, desk) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that has just started: nothing is live."""
    async with client_of(LiveView(), desk, recorded.archive) as client:
        yield client


def noted(
    messages: Iterable[Message], source: str, notes: dict[str, int]
) -> Iterator[HistogramSet]:
    """Closing sets to which one more source has said what it could not use."""
    said = SourceAccount(source=source, incarnation="1", rereadable=True, marker=0, notes=notes)
    for message in messages:
        assert isinstance(message, HistogramSet)
        account = msgspec.structs.replace(message.account, sources=(*message.account.sources, said))
        yield msgspec.structs.replace(message, account=account)


def values(answer: httpx.Response) -> list[float]:
    assert answer.status_code == 200, answer.text
    return answer.json()["contents"][0]["arrays"]["values"]


def charge(contents: Contents) -> list[int]:
    place = contents.layout["pixel/charge"]
    return contents.cells[place.offset : place.nan].tolist()


async def test_a_stored_run_is_listed_described_and_current_when_none_is_live(stored_only):
    runs = (await stored_only.get(f"{API}/runs")).json()
    assert (runs["current"], [row["run"] for row in runs["runs"]]) == (None, [400_001])
    run = (await stored_only.get(f"{API}/runs/current")).json()
    assert run["run"]["live"] is False
    assert run["accounting"]["seen"] == 600
    assert run["conditions"]["fill"] == 9_999
    assert run["workspaces"] == ["pixel", "trigger"]
    rows = (await stored_only.get(f"{RUN}/lumisections?lumisections=5-6")).json()["lumisections"]
    assert [(row["lumisection"], row["worst"]) for row in rows] == [(5, "GOOD"), (6, "BAD")]


async def test_what_sources_could_not_use_is_told_of_each_stored_lumisection(recorded, stored_only):
    """What late files could not give is told beside what those in time could not."""
    list(recorded.detector.fill(7, 100))
    closed = recorded.detector.close(7)
    await asyncio.to_thread(
        recorded.record, noted(closed, "on-time", {"file_missing": 1, "missing_events": 3})
    )
    late = recorded.detector.sets(7, closed=True, segment=1)
    await asyncio.to_thread(recorded.record, noted(late, "late", {"missing_events": 2}))
    rows = (await stored_only.get(f"{RUN}/lumisections?lumisections=6-7")).json()["lumisections"]
    assert [row["notes"] for row in rows] == [{}, {"file_missing": 1, "missing_events": 5}]
    run = (await stored_only.get(RUN)).json()
    assert run["accounting"]["notes"] == rows[1]["notes"]


@pytest.mark.parametrize(
    ("window", "numbers"),
    [
        ({"window": "run"}, range(1, 7)),
        ({"lumisections": "2-4"}, range(2, 5)),
        ({"last": 3}, range(4, 7)),
        ({"window": "lumisection"}, range(6, 7)),
    ],
)
async def test_windows_of_a_stored_run_are_exact(stored_only, recorded, window, numbers):
    answer = await stored_only.get(f"{RUN}/contents", params={"path": "pixel/charge", **window})
    assert values(answer) == charge(recorded.whole("pixel", numbers))
    words = answer.json()["contents"][0]["window"]
    assert (words["first"], words["last"], words["closed"]) == (numbers[0], numbers[-1], True)
    again = await stored_only.get(
        f"{RUN}/contents",
        params={"path": "pixel/charge", **window},
        headers={"if-none-match": answer.headers["etag"]},
    )
    assert again.status_code == 304


async def test_scalars_images_trends_and_reports_of_a_stored_run(stored_only):
    scalar = await stored_only.get(f"{RUN}/contents", params={"path": "pixel/events"})
    assert scalar.json()["contents"][0]["totals"]["value"] == 600
    image = await stored_only.get(f"{RUN}/contents/png", params={"path": "trigger/paths"})
    assert image.headers["content-type"] == "image/png"
    asked = {"path": "pixel/charge", "quantity": "entries"}
    trend = (await stored_only.get(f"{RUN}/trend", params=asked)).json()
    assert (trend["lumisections"], trend["values"]) == (list(range(1, 7)), [100.0] * 6)
    events = (await stored_only.get(f"{RUN}/trend", params={"path": "pixel/events"})).json()
    assert events["values"] == [100] * 6
    asked = {"lumisections": "1-6", "outcome": "BAD", "path": "pixel/charge"}
    reports = (await stored_only.get(f"{RUN}/reports", params=asked)).json()["reports"]
    assert [row["lumisection"] for row in reports] == [6]
    missing = await stored_only.get(f"{API}/runs/7/contents", params={"path": "pixel/charge"})
    assert missing.status_code == 404


@pytest.fixture
def joined(recorded) -> LiveView:
    """A live view that joined at LS 5: 1 to 4 are stored only, 5 and 6 both, 7 is open."""
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=2)))
    for message in recorded.detector.announce():
        view.apply(message, 1)
    for number in (5, 6):
        for message in recorded.detector.close(number):
            view.apply(message, 2)
    for message in recorded.detector.fill(7, 50):
        view.apply(message, 3)
    return view


@pytest.mark.parametrize(
    ("window", "numbers"),
    [
        ({"window": "run"}, range(1, 8)),
        ({"lumisections": "3-7"}, range(3, 8)),
        ({"lumisections": "1-2"}, range(1, 3)),
        ({"last": 4}, range(4, 8)),
        ({"window": "lumisection"}, range(7, 8)),
    ],
)
async def test_windows_over_stored_and_open_lumisections_are_exact(
    recorded, joined, desk, window, numbers
):
    async with client_of(joined, desk, recorded.archive) as client:
        asked = {"path": ["pixel/charge", "pixel/events"], **window}
        answer = await client.get(f"{RUN}/contents", params=asked)
        assert values(answer) == charge(recorded.whole("pixel", numbers))
        totals = answer.json()["contents"][1]["totals"]
        assert totals["value"] == sum(50 if n == 7 else 100 for n in numbers)
        trend = await client.get(
            f"{RUN}/trend", params={"path": "pixel/charge", "quantity": "entries", **window}
        )
        assert trend.json()["lumisections"] == list(numbers)
        rows = (await client.get(f"{RUN}/lumisections", params=window)).json()["lumisections"]
        assert [row["lumisection"] for row in rows] == list(numbers)


async def test_a_sum_over_the_run_is_built_on_the_stores_and_then_goes_on_by_itself(
    recorded, joined, desk
):
    backfill = Backfill(joined, desk, recorded.archive)
    await backfill.look()
    part = joined.current.shown("pixel")
    contents, covered = part.window(Window("run"))
    assert covered.numbers == tuple(range(1, 8))
    assert contents.equals(recorded.whole("pixel", range(1, 8)))
    for message in [*recorded.detector.fill(7, 5), *recorded.detector.close(7)]:
        joined.apply(message, 4)
    joined.refresh()
    assert part.window(Window("run"))[0].equals(recorded.whole("pixel", range(1, 8)))
    before = part.revision
    await backfill.look()
    assert part.revision == before, "there is nothing more to do"


async def test_a_lost_sum_is_taken_from_the_store_again(recorded, joined, desk):
    backfill = Backfill(joined, desk, recorded.archive)
    await backfill.look()
    part = joined.current.shown("pixel")
    part.lose(2)
    await backfill.look()
    assert not part.total_lost
    assert np.array_equal(
        part.window(Window("run"))[0].cells, recorded.whole("pixel", range(1, 8)).cells
    )


async def test_a_run_the_store_does_not_have_is_left_alone(recorded, desk):
    view, other = LiveView(), Detector(run=400_002)
    for message in [*other.announce(), *other.fill(3)]:
        view.apply(message, 1)
    await Backfill(view, desk, recorded.archive).look()
    view.refresh()
    assert view.current.shown("pixel").window(Window("run"))[1].numbers == (3,)


async def test_conditions_that_come_after_a_run_was_looked_at_are_shown(
    recorded: Recorded, stored_only: httpx.AsyncClient
) -> None:
    """First told, then corrected: a correction changes no count and no time of the run."""

    async def pileups() -> dict[int, float | None]:
        rows = (await stored_only.get(f"{RUN}/lumisections")).json()["lumisections"]
        return {row["lumisection"]: (row["conditions"] or {}).get("pileup") for row in rows}

    before = await pileups()
    told = msgspec.structs.replace(recorded.detector.conditions(3), pileup=77.5)
    await asyncio.to_thread(recorded.writer.write, [told], {("dqm.conditions", 0): 1})
    assert await pileups() == before | {3: 77.5}
    corrected = msgspec.structs.replace(told, pileup=11.5)
    await asyncio.to_thread(recorded.writer.write, [corrected], {("dqm.conditions", 0): 2})
    assert await pileups() == before | {3: 11.5}


async def test_lumisections_that_come_under_an_older_time_are_shown(
    recorded: Recorded, stored_only: httpx.AsyncClient
) -> None:
    """An import, or a filler whose clock is behind, may say an earlier time than what is there."""

    async def listed() -> list[int]:
        rows = (await stored_only.get(f"{RUN}/lumisections")).json()["lumisections"]
        return [row["lumisection"] for row in rows]

    assert await listed() == [1, 2, 3, 4, 5, 6]
    list(recorded.detector.fill(7, 100))
    late = [
        msgspec.structs.replace(message, published=1)
        for message in recorded.detector.close(7)
        if isinstance(message, HistogramSet)
    ]
    await asyncio.to_thread(recorded.record, late)
    assert await listed() == [1, 2, 3, 4, 5, 6, 7]


async def refusals(client: httpx.AsyncClient, path: str) -> list[httpx.Response]:
    """What is said of LS 1 and 2 of an element, summed and LS by LS."""
    asked = {"path": path, "lumisections": "1-2"}
    return [await client.get(f"{RUN}/{route}", params=asked) for route in ("contents", "series")]


@pytest.mark.parametrize("live", [False, True])
async def test_what_the_store_has_not_got_so_far_may_be_asked_for_again(tmp_path, desk, live):
    """LS 2 is recorded of one workspace only; or of the other nothing is, and memory let it go."""
    made = await asyncio.to_thread(Recorded, f"sqlite:///{tmp_path / 'store.sqlite'}")
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=1)))
    messages = [m for m in made.detector.announce() if type(m).__name__ != "RunStart"]
    for number in (1, 2, 3):
        messages += [*made.detector.fill(number, 100), *made.detector.close(number)]
    kept = [
        message
        for message in messages
        if not isinstance(message, HistogramSet)
        or message.workspace == "pixel"
        or (message.lumisection == 1 and not live)
    ]
    await asyncio.to_thread(made.record, kept)
    for message in messages if live else ():
        view.apply(message, 1)
    async with client_of(view, desk, made.archive) as client:
        for answer in await refusals(client, "trigger/paths"):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
            said = f"LS {'1-2' if live else '2'} are neither in memory nor stored yet"
            assert answer.json()["detail"].endswith(said)
        for answer in await refusals(client, "pixel/charge"):
            assert answer.status_code == 200, answer.text
    await asyncio.to_thread(made.close)


async def test_without_a_store_what_has_left_memory_is_gone(desk):
    view, detector = LiveView(GatewaySettings(limits=Limits(live_lumisections=1))), Detector()
    for message in detector.announce():
        view.apply(message, 1)
    for number in (1, 2, 3):
        for message in [*detector.fill(number, 100), *detector.close(number)]:
            view.apply(message, 1)
    async with client_of(view, desk, None) as client:
        for answer in await refusals(client, "pixel/charge"):
            assert answer.status_code == 404
            said = "LS 1-2 are not in memory; this gateway has no store"
            assert answer.json()["detail"].endswith(said)
