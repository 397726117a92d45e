"""What only a store knows (SQLite, PostgreSQL): contents as of a moment, and what came late."""

import io
from collections.abc import AsyncIterator, Iterator

import httpx
import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.testing import Detector
from tests.unit.gateway.parts import parts_of

RUN = "/api/v1/runs/400001"
PATH = "pixel/charge"
HOUR = 3_600_000_000_000
EPOCH = 1_800_000_000_000_000_000


class Past:
    """A store in which LS n was published n hours after the epoch, at offsets 10 n and more.

    LS 2 was published anew after 8 hours, with other contents; for LS 3 data came late after 9.
    """

    def __init__(self, url: str) -> None:
        self.writer, self.detector = StoreWriter(url, log="log"), Detector()
        self.first: dict[int, Contents] = {}
        messages = [m for m in self.detector.announce() if type(m).__name__ != "RunStart"]
        self.writer.write(messages, {})
        for number in range(1, 7):
            list(self.detector.fill(number, 100))
            self._publish(number, hour=number)
            self.first[number] = self.detector.contents("pixel", number).copy()
        list(self.detector.fill(2, 50))
        self._publish(2, hour=8)
        late = Detector(seed=7, through=self.detector.through)
        list(late.fill(3, 30))
        self._publish(3, hour=9, of=late, segment=1)
        self.late = late.contents("pixel", 3)
        self.store = Store(url)

    def _publish(self, number: int, *, hour: int, of: Detector | None = None, segment: int = 0):
        sets = (of or self.detector).sets(
            number, closed=True, segment=segment, published=EPOCH + hour * HOUR
        )
        messages = list(sets)
        offsets = [10 * hour + at for at in range(len(messages))]
        self.writer.write(messages, {(HISTOGRAMS, 0): offsets[-1] + 1}, offsets=offsets)

    def charge(self, *parts: Contents) -> list[int]:
        total = Contents.total(parts[0].layout, parts)
        place = total.layout[PATH]
        return total.cells[place.offset : place.nan].tolist()

    def close(self) -> None:
        self.store.close()
        self.writer.close()


@pytest.fixture
def past(url: str) -> Iterator[Past]:
    made = Past(url)
    yield made
    made.close()


@pytest.fixture
async def client(past) -> AsyncIterator[httpx.AsyncClient]:
    async with Desk.open() as desk:
        app = create_app(parts_of(LiveView(), desk, archive=Archive(past.store)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
            yield opened


async def shown(client, **asked) -> tuple[list[int], dict]:
    answer = await client.get(f"{RUN}/contents", params={"path": PATH, **asked})
    assert answer.status_code == 200, answer.text
    found = answer.json()["contents"][0]
    return found["arrays"]["values"], found["window"]


@pytest.mark.parametrize(
    "as_of",
    [str(EPOCH + 4 * HOUR), "offset:45", "2027-01-15T12:00:00Z", "2027-01-15T13:00:00+01:00"],
)
async def test_as_of_a_moment_only_what_was_stored_then_counts(client, past, as_of):
    """LS 5 and 6 were not known yet; LS 2 was, with contents that are gone: it is named."""
    values, window = await shown(client, as_of=as_of)
    assert values == past.charge(*(past.first[number] for number in (1, 3, 4)))
    assert (window["first"], window["last"], window["lumisections"]) == (1, 4, 3)
    assert window["replaced"] == "2"
    assert window["as_of"]


@pytest.mark.parametrize(
    ("window", "numbers"),
    [({"last": 2}, (3, 4)), ({"lumisections": "3-9"}, (3, 4)), ({"window": "lumisection"}, (4,))],
)
async def test_windows_are_of_what_was_known_then(client, past, window, numbers):
    values, words = await shown(client, as_of=str(EPOCH + 4 * HOUR), **window)
    assert values == past.charge(*(past.first[number] for number in numbers))
    assert words["replaced"] == ""


async def test_after_everything_came_it_is_what_is_shown_now(client, past):
    now, _ = await shown(client)
    then, window = await shown(client, as_of=str(EPOCH + 20 * HOUR))
    assert then == now
    assert window["replaced"] == ""


async def test_before_everything_came_it_is_empty(client):
    values, window = await shown(client, as_of=str(EPOCH))
    assert (sum(values), window["lumisections"]) == (0, 0)


async def test_late_data_are_added_only_if_asked_for_and_then_it_is_said(client, past):
    plain, words = await shown(client, lumisections="3-4")
    assert words["late"] is None
    assert words["late_events"] == 30
    added, words = await shown(client, lumisections="3-4", late="include")
    assert np.array_equal(np.array(added) - np.array(plain), past.charge(past.late))
    assert words["late"] == "3"
    before, words = await shown(
        client, lumisections="3-4", late="include", as_of=str(EPOCH + 7 * HOUR)
    )
    assert (before, words["late"]) == (plain, "")


async def test_a_series_as_of_a_moment_has_the_rows_that_were_known(client, past):
    asked = {"path": PATH, "format": "npz", "as_of": str(EPOCH + 4 * HOUR)}
    answer = await client.get(f"{RUN}/series", params=asked)
    arrays = np.load(io.BytesIO(answer.content))
    assert arrays["lumisections"].tolist() == [1, 3, 4]
    assert arrays["counts"].sum(axis=0).tolist() == past.charge(
        *(past.first[number] for number in (1, 3, 4))
    )


async def test_every_format_says_the_moment(client):
    for form, words in (("csv", b'"as_of":"offset:45"'), ("svg", b"as of offset:45")):
        asked = {"path": PATH, "as_of": "offset:45"}
        answer = await client.get(f"{RUN}/contents/{form}", params=asked)
        assert words in answer.content


async def test_the_answer_for_a_moment_has_a_tag_too(client):
    asked = {"path": PATH, "as_of": "offset:45"}
    first = await client.get(f"{RUN}/contents/npz", params=asked)
    held = {"if-none-match": first.headers["etag"]}
    assert (await client.get(f"{RUN}/contents/npz", params=asked, headers=held)).status_code == 304


async def test_a_run_that_is_not_stored_has_no_past(client):
    answer = await client.get("/api/v1/runs/7/contents", params={"path": PATH, "as_of": "5"})
    assert answer.status_code == 404
