"""Lists of runs with what each comes to, filtered by the gateway, page by page."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import msgspec
import pytest

from dqmstream.messages.events import RunStart
from dqmstream.messages.quality import Outcome
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway import run_index
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.testing import Detector
from tests.unit.gateway.parts import parts_of

API = "/api/v1"
BEGAN = 1_700_000_000_000_000_000
DAY = 86_400_000_000_000
GOOD, BAD, WARNING, SILENT = Outcome.GOOD, Outcome.BAD, Outcome.WARNING, Outcome.INSUFFICIENT
RUNS: dict[int, tuple[str, list[Outcome], float | None, int]] = {
    400_001: ("pp_run", [GOOD, GOOD], 1.5, 0),
    400_002: ("pp_run", [GOOD, BAD], 0.2, 0),
    400_003: ("cosmics", [], None, 0),
    400_004: ("cosmics", [SILENT], None, 3),
    400_005: ("pp_run", [WARNING, GOOD, GOOD], 0.7, 1),
    400_006: ("hi_run", [BAD], None, 0),
    400_007: ("pp_run", [GOOD], 2.5, 0),
}
"""By run: its type, outcomes of its LSs, luminosity of each, events that were dropped in each."""


def played(run: int) -> Iterator[Any]:
    kind, outcomes, delivered, dropped = RUNS[run]
    detector = Detector(run=run)
    for one in detector.announce():
        if isinstance(one, RunStart):
            one = msgspec.structs.replace(  # noqa: PLW2901 the same with its type
                one, run_type=kind, started=BEGAN + (run - 400_000) * DAY
            )
        yield one
    for number, outcome in enumerate(outcomes or [None], 1):
        list(detector.fill(number, 20))
        for one in detector.close(number):
            sources = tuple(
                msgspec.structs.replace(each, dropped=dropped) for each in one.account.sources
            )
            account = msgspec.structs.replace(one.account, sources=sources)
            yield msgspec.structs.replace(one, account=account)
        if delivered is not None:
            told = detector.conditions(number)
            yield msgspec.structs.replace(told, run_type="", delivered=delivered)
        if outcome is not None:
            yield from detector.reports(number, {"pixel/charge": outcome})


class System:
    """A gateway with runs in its store, and some in its memory, too."""

    def __init__(self, client: httpx.AsyncClient, view: LiveView) -> None:
        self.client = client
        self.view = view

    async def rows(self, **query: Any) -> list[dict[str, Any]]:
        """All rows, by following pages."""
        found: list[dict[str, Any]] = []
        after = None
        for _ in range(100):
            asked = {**query, "after": after} if after else query
            answer = await self.client.get(f"{API}/runs", params=asked)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            found += body["runs"]
            assert len(body["runs"]) <= query.get("limit", 50)
            after = body["after"]
            if after is None:
                return found
        pytest.fail("pages without end")

    async def numbers(self, **query: Any) -> list[int]:
        return [row["run"] for row in await self.rows(**query)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """All runs, stored."""
    url = f"sqlite:///{tmp_path_factory.mktemp('runs') / 'store.sqlite'}"
    writer = StoreWriter(url, log="log")
    for run in RUNS:
        writer.write(list(played(run)), {})
    writer.close()
    with Store(url) as store:
        yield Archive(store)


@pytest.fixture(
    params=[(), (400_007,), (400_002, 400_005, 400_007)], ids=["stored", "one", "three"]
)
async def system(request: pytest.FixtureRequest, archive: Archive) -> AsyncIterator[System]:
    """All runs are stored, and these are live, too."""
    view = LiveView()
    for run in request.param:
        for message in played(run):
            view.apply(message, BEGAN)
    async with Desk.open() as desk:
        app = create_app(parts_of(view, desk, view.settings, archive))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield System(client, view)


async def test_one_answer_tells_of_each_run_what_its_lumisections_say(system: System) -> None:
    rows = {row["run"]: row for row in await system.rows(summary=True)}
    assert list(rows) == sorted(RUNS, reverse=True)
    for run, (_, outcomes, delivered, dropped) in RUNS.items():
        answer = await system.client.get(f"{API}/runs/{run}/lumisections")
        strip = answer.json()["lumisections"]
        found = rows[run]["summary"]
        pixel = [row["outcomes"]["pixel"][0] for row in strip if "pixel" in row["outcomes"]]
        assert pixel == outcomes
        assert found["outcomes"]["pixel"]["good"] == pixel.count("GOOD")
        assert found["outcomes"]["pixel"]["judged"] == len(pixel) - pixel.count("INSUFFICIENT")
        assert found["outcomes"]["pixel"]["problems"] == pixel.count("BAD") + pixel.count("WARNING")
        account = found["accounting"]
        assert account["lumisections"] == len(strip)
        for name in ("seen", "dropped"):
            assert account[name] == sum(row[name] for row in strip)
        assert account["dropped"] == dropped * len(strip)
        total = None if delivered is None else pytest.approx(delivered * len(strip))
        assert found["delivered"] == total
        assert found["fill"] == (None if delivered is None else 9_999)


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"outcome": "BAD"}, [400_006, 400_002]),
    ({"outcome": "GOOD"}, [400_007, 400_001]),
    ({"outcome": "INSUFFICIENT"}, [400_004]),
    ({"outcome": "NOT_RUN"}, [400_003]),
    ({"judged": False}, [400_004, 400_003]),
    ({"lacking": True}, [400_005, 400_004]),
    ({"lacking": False, "judged": True}, [400_007, 400_006, 400_002, 400_001]),
    ({"run_type": "PP"}, [400_007, 400_005, 400_002, 400_001]),
    ({"delivered": 2}, [400_007, 400_005, 400_001]),
    ({"since": BEGAN + 3 * DAY, "until": BEGAN + 5 * DAY}, [400_004, 400_003]),
    ({"outcome": "BAD", "run_type": "hi"}, [400_006]),
    ({"outcome": "ERROR"}, []),
]


@pytest.mark.parametrize(("query", "meant"), FILTERS, ids=lambda one: str(one)[:40])
async def test_filters_are_answered_page_by_page(
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, Any],
    meant: list[int],
) -> None:
    """Whatever the size of a page is, and how many runs are looked at for it."""
    for limit in (1, 2, 50):
        assert await system.numbers(**query, limit=limit) == meant
    monkeypatch.setattr(run_index, "_BATCH", 2)
    monkeypatch.setattr(run_index, "_LOOKED_AT", 2)
    assert await system.numbers(**query, limit=2) == meant


async def test_a_list_without_filters_or_summary_reads_no_counts_of_runs(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(store: Store, runs: Sequence[int]) -> None:
        pytest.fail(f"counts of runs {runs} are read from {store}")

    monkeypatch.setattr(Store, "tallies", read)
    rows = await system.rows()
    assert [row["run"] for row in rows] == sorted(RUNS, reverse=True)
    assert not any("summary" in row for row in rows)


@pytest.mark.parametrize(
    "query", [{"outcome": "FINE"}, {"judged": "maybe"}, {"since": -1}, {"delivered": "nan"}]
)
async def test_a_filter_that_is_none_is_refused(query: dict[str, Any]) -> None:
    async with Desk.open() as desk:
        app = create_app(parts_of(LiveView(), desk))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get(f"{API}/runs", params=query)
    assert answer.status_code == 422
