"""Every list comes in pages: following them to the end gives each row once."""

from collections.abc import AsyncIterator

import httpx
import pytest

from dqmstream.messages.events import RunStart
from dqmstream.messages.quality import Outcome
from services.gateway.app import create_app
from services.gateway.desk import Desk
from services.gateway.testing import Detector
from tests.unit.gateway.parts import parts_of

API = "/api/v1"


@pytest.fixture
async def client(view, detector, feed) -> AsyncIterator[httpx.AsyncClient]:
    for number in range(1, 8):
        feed(view, detector.fill(number, 10))
        feed(view, detector.close(number))
        paths = {"pixel/charge": Outcome.GOOD, "trigger/paths": Outcome.BAD}
        feed(view, detector.reports(number, paths))
    other = Detector(run=400_002)
    feed(view, [each for each in other.announce() if isinstance(each, RunStart)])
    async with Desk.open() as desk:
        transport = httpx.ASGITransport(create_app(parts_of(view, desk)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
            yield opened


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/runs", "runs"),
        ("/runs/400001/lumisections", "lumisections"),
        ("/runs/400001/lumisections?lumisections=2-6", "lumisections"),
        ("/elements", "elements"),
        ("/elements?match=pixel/**", "elements"),
        ("/workspaces/trigger/elements", "elements"),
        ("/runs/400001/reports?lumisections=1-7", "reports"),
        ("/runs/400001/reports?lumisections=1-7&outcome=BAD", "reports"),
        ("/runs/400001/reports", "reports"),
    ],
)
async def test_following_the_links_gives_each_row_once(client, url, name, limit):
    whole = (await client.get(API + url)).json()
    assert (whole["after"], whole["next"]) == (None, None)
    rows = []
    link = f"{API}{url}{'&' if '?' in url else '?'}limit={limit}"
    while link is not None:
        answer = await client.get(link)
        page = answer.json()
        assert len(page[name]) <= limit
        rows += page[name]
        link = page["next"]
        assert answer.headers.get("link") == (link and f'<{link}>; rel="next"')
        assert (link is None) == (page["after"] is None)
    assert rows == whole[name]


async def test_rows_that_come_in_meanwhile_shift_no_page(client, view, detector, feed):
    first = (await client.get(f"{API}/runs/400001/reports?lumisections=1-9&limit=3")).json()
    feed(view, detector.reports(8, {"pixel/charge": Outcome.GOOD}))
    second = (await client.get(first["next"])).json()
    seen = [(row["lumisection"], row["path"]) for row in first["reports"] + second["reports"]]
    assert len(set(seen)) == len(seen) == 6


@pytest.mark.parametrize(
    "url",
    [
        "/runs?after=0",
        "/runs?limit=0",
        "/runs/400001/lumisections?after=x",
        "/runs/400001/reports?after=5",
        "/elements?after=-1",
    ],
)
async def test_a_wrong_cursor_is_refused(client, url):
    answer = await client.get(API + url)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
