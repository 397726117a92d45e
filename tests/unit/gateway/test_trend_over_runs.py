"""Trends over runs: a real store of several runs (SQLite, PostgreSQL), and one that is live."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import httpx
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from dqmstream.clock import SettableClock
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation, Booking, Draw, Element, Histogram, Regular
from dqmstream.messages.events import RunStart
from dqmstream.messages.quality import Outcome
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.run_points import booked_as
from services.gateway.testing import SET, Detector, bookings
from tests.unit.gateway.parts import parts_of

OTHER_SET = "fedcba9876543210"
NEWEST = 400_005
URL = f"/api/v1/runs/{NEWEST}/trend/runs"
CHARGE = {"path": "pixel/charge"}
DAY = 86_400 * 10**9
"""Runs begin a day apart."""


def with_charge(**changes: object) -> Layout:
    """The pixel workspace with another booking of its first element."""
    pixel = bookings()[0]
    first, *others = pixel.elements
    changed = msgspec.structs.replace(first, **changes)
    return Layout(msgspec.structs.replace(pixel, elements=(changed, *others)))


class Runs:
    """Runs 400001 to 400005, of LSs with 100 events; the last is in memory alone.

    400002 has booked the charge with other bins, 400003 nothing of the pixel workspace.
    """

    def __init__(self, url: str) -> None:
        self.writer, self.store = StoreWriter(url, log="log"), Store(url)
        pixel, trigger = map(Layout, bookings())
        wider = with_charge(axes=(Regular(bins=25, lower=0.0, upper=100.0),))
        self.detectors = {
            400_001: Detector(run=400_001, seed=1),
            400_002: Detector(run=400_002, seed=2, layouts=(wider, trigger)),
            400_003: Detector(run=400_003, seed=3, layouts=(trigger,)),
            400_004: Detector(run=400_004, seed=4),
        }
        self.live = Detector(run=NEWEST, seed=5, layouts=(pixel, trigger))
        for number, detector in self.detectors.items():
            self._record(number, detector)

    def _record(self, number: int, detector: Detector) -> None:
        own = OTHER_SET if number == 400_002 else SET
        began, kind = (number - 400_000) * DAY, "cosmics" if number % 2 else "collisions"
        changes = {
            RunStart: {"started": began, "run_type": kind},
            Activation: {"set": own, "from_run": number, "when": number},
        }
        for message in detector.announce():
            changed = msgspec.structs.replace(message, **changes.get(type(message), {}))
            self.writer.write([changed], {})
        for lumisection in (1, 2):
            list(detector.fill(lumisection, 100))
            sets = [msgspec.structs.replace(m, set=own) for m in detector.close(lumisection)]
            self.writer.write(sets, {})
            told = detector.conditions(lumisection)
            told = msgspec.structs.replace(told, delivered=0.4, recorded=0.2, run_type="")
            self.writer.write([told], {})
            outcomes = {"pixel/charge": Outcome.BAD if lumisection == number % 4 else Outcome.GOOD}
            judged = detector.reports(lumisection, outcomes)
            self.writer.write([msgspec.structs.replace(m, set=own) for m in judged], {})

    def close(self) -> None:
        self.store.close()
        self.writer.close()

    def cells(self, run: int, lumisections: tuple[int, ...] = (1, 2)) -> np.ndarray:
        """Charge without flow."""
        detector = self.detectors.get(run, self.live)
        found = [detector.contents("pixel", number) for number in lumisections]
        place = found[0].layout["pixel/charge"]
        return sum(each.cells[place.offset + 1 : place.offset + place.cells - 1] for each in found)


@pytest.fixture
def runs(url: str) -> Iterator[Runs]:
    made = Runs(url)
    yield made
    made.close()


@pytest.fixture
async def client(runs: Runs) -> AsyncIterator[httpx.AsyncClient]:
    view = LiveView()
    for message in runs.live.announce():
        view.apply(message, 6 * DAY)
    for lumisection in (1, 2):
        list(runs.live.fill(lumisection, 100))
        for closing in runs.live.close(lumisection):
            view.apply(closing, 6 * DAY)
    for judged in runs.live.reports(2, {"pixel/charge": Outcome.WARNING}):
        view.apply(judged, 6 * DAY)
    async with Desk.open() as desk:
        app = create_app(parts_of(view, desk, archive=Archive(runs.store)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
            yield opened


async def points(client: httpx.AsyncClient, **asked: object) -> dict[int, dict]:
    answer = await client.get(URL, params={**CHARGE, **asked})
    assert answer.status_code == 200, answer.text
    return {each["run"]: each for each in answer.json()["points"]}


async def test_each_run_has_the_number_of_its_whole_contents_newest_first(client, runs):
    """Live and stored ones alike, with error, entries, time of its beginning and verdict."""
    found = await points(client)
    assert list(found) == [400_005, 400_004, 400_003, 400_002, 400_001]
    centres = np.arange(50) * 2 + 1
    for run in (400_005, 400_004, 400_001):
        cells = runs.cells(run)
        mean = np.average(centres, weights=cells)
        error = np.sqrt(np.average((centres - mean) ** 2, weights=cells) / cells.sum())
        one = found[run]
        assert (one["value"], one["error"]) == (pytest.approx(mean), pytest.approx(error))
        assert (one["booked"], one["entries"], one["lumisections"]) == ("same", 200, 2)
        assert one["problem"] == ""
    assert (found[400_004]["began"], found[400_004]["run_type"]) == (4 * DAY, "collisions")
    told = {run: one["outcome"] for run, one in found.items()}
    assert told == {
        400_005: "WARNING",
        400_004: "GOOD",
        400_003: None,
        400_002: "BAD",
        400_001: "GOOD",
    }


async def test_runs_with_another_booking_are_marked_and_have_a_number_only_if_it_is_asked_for(
    client, runs
):
    found = await points(client)
    assert (found[400_002]["booked"], found[400_002]["value"]) == ("rebinned", None)
    assert found[400_002]["entries"] == 200
    assert (found[400_003]["booked"], found[400_003]["value"]) == ("absent", None)
    every = await points(client, every=True)
    centres = np.arange(25) * 4 + 2
    mean = np.average(centres, weights=runs.cells(400_002))
    assert every[400_002]["value"] == pytest.approx(mean)
    assert every[400_003]["value"] is None


async def test_the_runs_that_count_are_chosen_and_come_in_pages(client):
    assert list(await points(client, run_type="COSM")) == [400_003, 400_001]
    assert list(await points(client, since=2 * DAY, until=4 * DAY)) == [400_003, 400_002]
    asked, seen = {**CHARGE, "limit": 2}, []
    while True:
        page = (await client.get(URL, params=asked)).json()
        seen += [each["run"] for each in page["points"]]
        if page["after"] is None:
            break
        assert f"after={page['after']}" in page["next"]
        asked["after"] = page["after"]
    assert seen == [400_005, 400_004, 400_003, 400_002, 400_001]
    older = await client.get("/api/v1/runs/400004/trend/runs", params=CHARGE)
    assert older.json()["points"][0]["run"] == 400_004


async def test_only_the_runs_that_are_asked_for_are_read(client, runs, monkeypatch):
    """Of a run that is live, has another number or is of another type no contents are read."""
    read, seen = runs.store.element_window, []

    def noted(set_hash: str, run: int, *place: object) -> object:
        seen.append(run)
        return read(set_hash, run, *place)

    monkeypatch.setattr(runs.store, "element_window", noted)
    await points(client, limit=2)
    assert seen == [400_004]
    await points(client, run_type="cosmics", after=400_003)
    assert seen == [400_004, 400_001]


async def test_what_runs_come_to_is_not_read(client, runs, monkeypatch):
    monkeypatch.setattr(runs.store, "tallies", lambda _: pytest.fail("counts of runs are read"))
    assert set(await points(client)) == {400_005, 400_004, 400_003, 400_002, 400_001}


async def test_a_part_of_each_run_counts_if_it_is_named(client, runs):
    found = await points(client, lumisections="1", quantity="entries")
    assert [found[run]["value"] for run in (400_005, 400_004)] == [100, 100]
    assert found[400_004]["lumisections"] == 1
    none = await points(client, lumisections="7-9")
    assert (none[400_004]["value"], none[400_004]["lumisections"]) == (None, 0)
    wrong = await client.get(URL, params={**CHARGE, "lumisections": "9-7"})
    assert (wrong.status_code, "expected a-b" in wrong.text) == (422, True)


async def test_rates_and_quantiles_of_runs_and_values_of_scalars(client, runs):
    """No rate is told where the live time of an LS is not known."""
    rates = await points(client, quantity="rate")
    assert rates[400_004]["value"] == pytest.approx(200 / (2 * 2**18 / 11245.5 / 2))
    assert rates[400_005]["value"] is None
    assert "known of 0 of 2 LSs" in rates[400_005]["problem"]
    medians = await points(client, quantity="median")
    up_to = np.cumsum(runs.cells(400_004))
    edge = 2 * np.searchsorted(up_to, up_to[-1] / 2)
    assert edge <= medians[400_004]["value"] <= edge + 2
    scalars = await points(client, path="pixel/events")
    assert [scalars[run]["value"] for run in (400_005, 400_002, 400_001)] == [200, 200, 200]
    texts = await points(client, path="pixel/configuration")
    assert texts[400_004]["error"] is None


async def test_the_table_of_a_trend_is_read_by_other_programs(client):
    """CSV and Arrow have a row for each run, and say what they are."""
    expected = await points(client)
    text = await client.get(URL, params={**CHARGE, "format": "csv"})
    assert text.headers["content-type"].startswith("text/csv")
    head, _, rest = text.content.partition(b"\n")
    assert msgspec.json.decode(head[2:])["path"] == "pixel/charge"
    table = csv.read_csv(io.BytesIO(rest)).to_pydict()
    assert table["run"] == list(expected)
    assert table["value"] == [one["value"] for one in expected.values()]
    kind = "application/vnd.apache.arrow.stream"
    arrow = await client.get(URL, params=CHARGE, headers={"accept": kind})
    assert arrow.headers["content-type"] == kind
    found = pa.ipc.open_stream(arrow.content).read_all()
    assert msgspec.json.decode(found.schema.metadata[b"dqmstream"])["quantity"] == "mean"
    assert found["booked"].to_pylist() == [one["booked"] for one in expected.values()]
    again = {"accept": kind, "if-none-match": arrow.headers["etag"]}
    assert (await client.get(URL, params=CHARGE, headers=again)).status_code == 304
    assert (await client.get(URL, params={**CHARGE, "format": "root"})).status_code == 406


async def test_where_only_the_sum_of_a_run_is_left_it_counts_and_a_part_says_why_not(client, runs):
    policy = Retention(lumisections=Keep(runs=1))
    pruned, _ = await asyncio.to_thread(runs.writer.prune, policy, 400 * DAY)
    assert pruned
    found = await points(client, quantity="entries")
    assert (found[400_001]["value"], found[400_001]["lumisections"]) == (200, 2)
    part = await points(client, quantity="entries", lumisections="1")
    assert (part[400_001]["value"], part[400_001]["booked"]) == (None, "same")
    assert "only the sum of 1-2 is left" in part[400_001]["problem"]
    assert part[400_005]["value"] == 100


async def test_an_answer_that_takes_long_says_where_to_go_on(client, runs, monkeypatch):
    """The time is that of the gateway's clock: each read of the store takes six seconds of it."""
    clock = client._transport.app.state.parts.clock
    assert isinstance(clock, SettableClock)
    read = runs.store.newest_reports

    def slow(*place: object) -> object:
        clock.advance(6.0)
        return read(*place)

    monkeypatch.setattr(runs.store, "newest_reports", slow)
    page = (await client.get(URL, params=CHARGE)).json()
    assert [each["run"] for each in page["points"]] == [400_005, 400_004, 400_003, 400_002]
    assert page["after"] == 400_002
    rest = (await client.get(URL, params={**CHARGE, "after": page["after"]})).json()
    assert [each["run"] for each in rest["points"]] == [400_001]


def test_what_counts_as_another_booking() -> None:
    """Words and hints do not; expressions do, and ranges."""
    charge = bookings()[0].elements[0]
    assert isinstance(charge, Histogram)

    def than(**changes: object) -> str:
        changed: Element = msgspec.structs.replace(charge, **changes)
        return booked_as(charge, changed)

    axis = msgspec.structs.replace(charge.axes[0], label="Q", unit="e")
    assert than(title="Charge", description="?", draw=Draw(log_y=True), axes=(axis,)) == "same"
    assert than(select="charge > 1") == "redefined"
    assert than(fill=("2 * charge",)) == "redefined"
    assert than(weight="w", weight_range=(0.0, 1.0)) == "rebinned"
    assert than(axes=(msgspec.structs.replace(axis, upper=99.0),)) == "rebinned"
    scalar = Booking(workspace="w", elements=bookings()[0].elements[3:4]).elements[0]
    assert (booked_as(charge, scalar), booked_as(charge, None)) == ("rebinned", "absent")
