"""A version of a workspace beside the one that readers are shown: listed, read and judged apart."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from dqmstream.messages.quality import Outcome
from dqmstream.messages.struct import Message
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.testing import SET, Detector, bookings
from tests.unit.gateway.parts import parts_of
from tests.unit.gateway.test_shown_sets import OTHER, RUN, TRACKS, filled

RUN_URL = f"/api/v1/runs/{RUN}"


def log() -> list[Message]:
    """Two sets of one run: one is shown, the other has an element more; their outcomes differ."""
    made = [*filled(SET, bookings(), 1), *filled(OTHER, [*bookings(), TRACKS], RUN + 1)]
    for name, outcome in ((SET, Outcome.GOOD), (OTHER, Outcome.BAD)):
        reports = Detector(run=RUN).reports(2, {"pixel/charge": outcome})
        made.extend(msgspec.structs.replace(one, set=name) for one in reports)
    return made


@pytest.fixture(params=["live", "stored"])
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[LiveView, Archive]]:
    """A view and a store; one of them knows the run."""
    view = LiveView()
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    writer = StoreWriter(url, log="log")
    if request.param == "stored":
        writer.write(log(), {})
    else:
        for message in log():
            view.apply(message, 1)
    store = Store(url)
    yield view, Archive(store)
    store.close()
    writer.close()


async def test_each_set_of_a_run_is_read_and_judged_by_its_name(
    known: tuple[LiveView, Archive],
) -> None:
    """Without a name it is the one that is shown; a set that the run has not is said to be none."""
    view, archive = known
    async with Desk.open() as desk:
        parts = parts_of(view, desk, archive=archive)
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            sets = (await client.get(f"{RUN_URL}/sets")).json()["sets"]
            rows = {
                (one["set"], row["workspace"]): row for one in sets for row in one["workspaces"]
            }
            assert {key for key, row in rows.items() if row["shown"]} == {
                (SET, "pixel"),
                (SET, "trigger"),
            }
            assert rows[OTHER, "tracks"]["newest"] == 2
            asked = {"path": "tracks/pt", "set": OTHER}
            found = (await client.get(f"{RUN_URL}/contents", params=asked)).json()["contents"]
            assert found[0]["window"]["last"] == 2
            booked = await client.get("/api/v1/elements", params={"run": RUN, "set": OTHER})
            assert "tracks/pt" in [row["path"] for row in booked.json()["elements"]]
            hidden = await client.get(f"{RUN_URL}/contents", params={"path": "tracks/pt"})
            assert hidden.status_code == 404
            outcomes = {}
            for name in (None, SET, OTHER):
                query = {"workspace": "pixel"} | ({} if name is None else {"set": name})
                answer = await client.get(f"{RUN_URL}/reports", params=query)
                outcomes[name] = [row["outcome"] for row in answer.json()["reports"]]
            assert outcomes == {None: ["GOOD"], SET: ["GOOD"], OTHER: ["BAD"]}
            nothing = {"path": "tracks/pt", "set": "0" * 16}
            refused = await client.get(f"{RUN_URL}/contents", params=nothing)
            assert refused.status_code == 404
            assert f"has nothing of set {'0' * 16}" in refused.json()["detail"]
            wrong = await client.get(f"{RUN_URL}/contents", params={"path": "x", "set": "newest"})
            assert wrong.status_code == 422
