"""Single events: what memory keeps of them, and how they leave it, over HTTP and on the stream."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from dqmstream.messages.display import DisplayLayer, DisplaySpot, EventDisplay
from services.gateway.app import create_app
from services.gateway.boards import displays_board
from services.gateway.channels import ChannelStates
from services.gateway.desk import Desk
from services.gateway.displays import DisplayShelf
from services.gateway.live import LiveView
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.state import difference
from tests.unit.gateway.parts import parts_of

RUN = 346373


def picked(event: int, *, run: int = RUN, **given: Any) -> EventDisplay:
    """An event with two tracks, one of them cut."""
    tracks = DisplayLayer(
        kind="track",
        collection="tracks",
        total=2,
        members={"pt": (1.5,), "eta": (0.1,), "phi": (None,), "charge": (-1,)},
    )
    words = {"rule": "every:1", "why": "any event", "layers": (tracks,), "made": event} | given
    return EventDisplay(run=run, lumisection=27, event=event, **words)


@pytest.fixture
async def ask() -> AsyncIterator[Any]:
    """A client of a gateway whose view comes with it."""
    view = LiveView(GatewaySettings(limits=Limits(displays=5)))
    async with Desk.open() as desk:
        transport = httpx.ASGITransport(create_app(parts_of(view, desk, view.settings)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client, view


def test_the_newest_events_of_the_newest_runs_are_kept() -> None:
    shelf = DisplayShelf(each=3, runs=2)
    for event in range(1, 6):
        shelf.take(picked(event, run=1))
    assert [each.event for each in shelf.of_run(1)] == [5, 4, 3]
    shelf.take(picked(1, run=2))
    shelf.take(picked(4, run=1))
    shelf.take(picked(1, run=3))
    assert [each.event for each in shelf.of_run(1)] == [4, 5, 3]
    assert [row["event"] for row in shelf.rows(1)] == [4, 5, 3]
    assert (shelf.of_run(2), shelf.get(2, 1), shelf.newest_run) == ([], None, 3)
    assert len(shelf._rows) == 4


async def test_a_list_has_the_newest_first_and_pages_that_join(ask: Any) -> None:
    client, view = ask
    for event in range(1, 8):
        view.apply(picked(event, paths=("HLT_A",), paths_passed=1), 1)
    whole = (await client.get("/api/v1/displays")).json()
    assert [row["event"] for row in whole["displays"]] == [7, 6, 5, 4, 3]
    assert whole["displays"][0]["counts"] == {"tracks": 2}
    assert (whole["run"], whole["after"]) == (RUN, None)
    first = (await client.get("/api/v1/displays", params={"limit": 2})).json()
    second = (await client.get(first["next"])).json()
    third = (await client.get(second["next"])).json()
    assert [r["event"] for page in (first, second, third) for r in page["displays"]] == [
        7,
        6,
        5,
        4,
        3,
    ]
    assert third["next"] is None
    other = (await client.get("/api/v1/displays", params={"run": 7})).json()
    assert (other["run"], other["displays"]) == (7, [])


async def test_one_event_is_answered_whole_and_not_twice(ask: Any) -> None:
    client, view = ask
    spot = DisplaySpot(x=0.17, y=-0.19, z=0.5, width_x=0.001)
    view.apply(picked(24108194, time=1_635_455_186_815_616_000, spot=spot), 1)
    for path in (f"{RUN}/24108194", "current/24108194", "latest"):
        answer = await client.get(f"/api/v1/displays/{path}")
        body = answer.json()
        assert (body["event"], body["lumisection"], body["spot"]["x"]) == (24108194, 27, 0.17)
        assert body["layers"][0]["members"]["phi"] == [None]
        same = await client.get(
            f"/api/v1/displays/{path}", headers={"if-none-match": answer.headers["etag"]}
        )
        assert same.status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("latest", 404, "no event has been picked"),
        ("346373/7", 404, "event 7 of run 346373 was not picked"),
        ("current/7", 404, "event 7 of run current was not picked"),
        ("346373/-1", 422, "event"),
        ("346373/18446744073709551616", 422, "event"),
        ("no/7", 422, "run"),
    ],
)
async def test_what_is_not_here_is_said(ask: Any, path: str, status: int, words: str) -> None:
    answer = await ask[0].get(f"/api/v1/displays/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert words in answer.json()["detail"]


async def test_the_page_of_events_has_an_address_without_a_suffix(ask: Any) -> None:
    answer = await ask[0].get("/display")
    assert (answer.status_code, answer.headers["content-type"]) == (
        200,
        "text/html; charset=utf-8",
    )
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (await ask[0].head("/display")).status_code == 200
    assert (await ask[0].post("/display")).status_code == 405


def test_the_board_has_the_newest_whole_and_sends_only_what_is_new() -> None:
    view = LiveView()
    states = ChannelStates(view)
    name = "board/displays/current"
    assert states.state(name, 1).header == {"run": None, "newest": None}
    for event in (1, 2):
        view.apply(picked(event), 1)
    before = states.state(name, 1)
    view.apply(picked(3), 1)
    after = states.state(name, 1)
    assert after.header["newest"]["layers"][0]["collection"] == "tracks"
    change = difference(before, after)
    assert change is not None
    assert (list(change["rows"]), change["header"]["newest"]["event"]) == (["3"], [3])


def test_the_board_is_made_anew_only_when_an_event_came() -> None:
    view = LiveView()
    states, name = ChannelStates(view), "board/displays/current"
    view.apply(picked(1), 1)
    assert len(states.look([name], [], 1)) == 1
    assert states.look([name], [], 2) == []
    view.apply(picked(2), 1)
    assert len(states.look([name], [], 3)) == 1


def test_a_board_of_one_run_shows_that_run() -> None:
    view = LiveView()
    view.apply(picked(1, run=5), 1)
    view.apply(picked(2, run=6), 1)
    assert displays_board(view, None).header["run"] == 6
    assert list(displays_board(view, 5).rows) == ["1"]
    assert displays_board(view, 9).header == {"run": 9, "newest": None}
