"""HTTP: what is asked for is answered, what cannot be is refused with a reason."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import boost_histogram as bh
import httpx
import msgspec
import numpy as np
import pytest
import schemathesis
import uhi.io.json
from hypothesis import HealthCheck, settings
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance

from dqmstream.histograms.contents import Contents
from dqmstream.messages.quality import Outcome
from services.gateway.app import create_app
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import TRIGGERS, Detector
from tests import bodies  # noqa: F401 tells Schemathesis how chunks look
from tests.unit.gateway.parts import parts_of

API = "/api/v1"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk.open() as opened:
        yield opened


@pytest.fixture
def filled(view, detector, feed) -> LiveView:
    """Three LSs, the last one open, with reports and conditions."""
    for number in (1, 2, 3):
        feed(view, detector.fill(number, 500))
        feed(view, [detector.conditions(number)])
    for number in (1, 2):
        feed(view, detector.close(number))
        outcomes = {"pixel/charge": Outcome.GOOD, "trigger/paths": Outcome.BAD}
        feed(view, detector.reports(number, outcomes))
    return view


@pytest.fixture
async def client(filled, desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(parts_of(filled, desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


async def test_contents_are_the_sum_of_the_window(client, detector):
    asked = {"path": "pixel/charge", "lumisections": "1-2"}
    answer = await client.get(f"{API}/runs/current/contents", params=asked)
    found = answer.json()["contents"][0]
    want = Contents.total(
        detector.layouts[0], [detector.contents("pixel", number) for number in (1, 2)]
    )
    place = detector.layouts[0]["pixel/charge"]
    assert found["arrays"]["values"] == want.cells[place.offset : place.nan].tolist()
    assert found["totals"]["entries"] == 1000
    words = found["window"]
    assert (words["run"], words["first"], words["last"], words["closed"]) == (400_001, 1, 2, True)


async def test_one_answer_holds_many_elements_in_the_order_asked(client):
    asked = {"path": ["trigger/energy", "pixel/events", "pixel/configuration"], "window": "run"}
    answer = await client.get(f"{API}/runs/current/contents", params=asked)
    found = answer.json()["contents"]
    assert [each["element"]["path"] for each in found] == asked["path"]
    assert set(found[0]["arrays"]) == {"values", "errors"}
    assert found[1]["totals"]["value"] == 1500
    assert found[2]["totals"]["value"] == "collisions 2026"


async def test_an_integer_axis_gets_its_names_from_the_run(client):
    answer = await client.get(f"{API}/runs/current/contents", params={"match": "trigger/paths"})
    assert answer.json()["contents"][0]["element"]["axes"][0]["labels"] == list(TRIGGERS)


async def test_uhi_is_read_by_boost_histogram(client, detector):
    answer = await client.get(f"{API}/runs/current/contents/uhi", params={"match": "**"})
    body = json.loads(answer.text, object_hook=uhi.io.json.object_hook)
    assert body["left_out"] == ["pixel/events", "pixel/configuration"]
    made = bh.Histogram(body["histograms"]["pixel/barrel/occupancy"])
    place = detector.layouts[0]["pixel/barrel/occupancy"]
    total = sum(detector.contents("pixel", n).cells for n in (1, 2, 3))
    assert np.array_equal(
        made.view(flow=True), total[place.offset : place.nan].reshape(place.extents)
    )


@pytest.mark.parametrize(
    "path",
    [
        "pixel/charge",
        "pixel/barrel/occupancy",
        "pixel/barrel/size_vs_eta",
        "pixel/events",
        "pixel/configuration",
        "trigger/paths",
        "trigger/streams",
        "trigger/energy",
    ],
)
async def test_every_kind_of_element_is_drawn_as_an_image(client, path):
    asked = {"path": path, "width": 400, "height": 300}
    answer = await client.get(f"{API}/runs/current/contents/png", params=asked)
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (400, 300)
    assert len(image.getcolors(100_000) or ()) > 2


async def test_an_empty_plot_is_drawn_too(view, detector, feed, desk):
    feed(view, detector.fill(1, 0))
    transport = httpx.ASGITransport(create_app(parts_of(view, desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for layout in detector.layouts:
            for element in layout:
                asked = {"path": element.element.path}
                answer = await client.get(f"{API}/runs/current/contents/png", params=asked)
                assert answer.status_code == 200, answer.text


async def test_the_same_version_is_not_sent_twice_and_a_new_one_is(client, detector, filled, feed):
    url, asked = f"{API}/runs/current/contents", {"path": "pixel/charge", "window": "run"}
    first = await client.get(url, params=asked)
    again = await client.get(url, params=asked, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    feed(filled, detector.fill(3))
    newer = await client.get(url, params=asked, headers={"if-none-match": first.headers["etag"]})
    assert newer.status_code == 200
    assert newer.headers["etag"] != first.headers["etag"]


async def test_a_closed_window_keeps_its_tag_while_the_run_goes_on(client, detector, filled, feed):
    url, asked = f"{API}/runs/current/contents", {"path": "pixel/charge", "lumisections": "1-2"}
    first = await client.get(url, params=asked)
    feed(filled, detector.fill(3))
    again = await client.get(url, params=asked, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_a_trend_is_one_number_per_lumisection(client, detector):
    asked = {"path": "pixel/charge", "quantity": "entries"}
    answer = (await client.get(f"{API}/runs/current/trend", params=asked)).json()
    assert answer["lumisections"] == [1, 2, 3]
    assert answer["values"] == [500.0, 500.0, 500.0]
    assert answer["closed"] == [True, True, False]
    scalar = await client.get(f"{API}/runs/current/trend", params={"path": "pixel/events"})
    assert scalar.json()["values"] == [500, 500, 500]
    category = await client.get(f"{API}/runs/current/trend", params={"path": "trigger/streams"})
    assert category.json()["values"] == [None, None, None]


async def test_a_trend_can_be_against_what_is_known_of_its_lumisections(
    client, view, feed, detector
):
    """One of which it is not known has no x; another x is another answer."""
    asked = {"path": "pixel/charge", "quantity": "entries"}
    plain = await client.get(f"{API}/runs/current/trend", params=asked)
    assert (plain.json()["against"], plain.json()["x"]) == ("lumisection", [1, 2, 3])
    asked["against"] = "pileup"
    first = await client.get(f"{API}/runs/current/trend", params=asked)
    assert (first.json()["values"], first.json()["x"]) == ([500] * 3, [57.5] * 3)
    feed(view, [msgspec.structs.replace(detector.conditions(2), pileup=None)])
    tag = {"if-none-match": first.headers["etag"]}
    second = await client.get(f"{API}/runs/current/trend", params=asked, headers=tag)
    assert (second.status_code, second.json()["x"]) == (200, [57.5, None, 57.5])
    asked["against"] = "weather"
    assert (await client.get(f"{API}/runs/current/trend", params=asked)).status_code == 422


async def test_a_rate_is_entries_per_second_of_live_time_where_that_is_known(
    client, view, feed, detector
):
    """Quantiles are trends like others; a word that is no quantity is refused."""
    told = msgspec.structs.replace(detector.conditions(2), delivered=0.4, recorded=0.2)
    feed(view, [told])
    asked = {"path": "pixel/charge", "quantity": "rate"}
    answer = (await client.get(f"{API}/runs/current/trend", params=asked)).json()
    assert answer["values"] == [None, pytest.approx(500 / (2**18 / 11245.5 / 2)), None]
    found = {}
    for quantity in ("quantile:0", "quantile:0.25", "median", "quantile:1"):
        asked["quantity"] = quantity
        answer = (await client.get(f"{API}/runs/current/trend", params=asked)).json()
        assert answer["errors"] == [None] * 3
        found[quantity] = answer["values"]
    assert all(list(each) == sorted(each) for each in zip(*found.values(), strict=True))
    for wrong in ("quantile:1.5", "quantile:", "mode"):
        asked["quantity"] = wrong
        assert (await client.get(f"{API}/runs/current/trend", params=asked)).status_code == 422


async def test_each_lumisection_has_its_conditions_and_the_run_those_of_its_newest(
    client, view, feed, detector
):
    """Files may tell of LSs that have no events yet: they are none of the run's."""
    feed(view, [detector.conditions(9)])
    rows = (await client.get(f"{API}/runs/current/lumisections")).json()["lumisections"]
    told = [row["conditions"] for row in rows]
    assert [one["lumisection"] for one in told] == [1, 2, 3]
    assert (told[0]["pileup"], told[0]["recorded"], told[0]["dcs_known"]) == (57.5, None, 2)
    feed(view, [msgspec.structs.replace(detector.conditions(2), dcs={}, beams_stable=False)])
    rows = (await client.get(f"{API}/runs/current/lumisections")).json()["lumisections"]
    told = rows[1]["conditions"]
    assert (told["dcs_known"], told["dcs_off"], told["beams_stable"]) == (0, [], False)
    assert (await client.get(f"{API}/runs/400001")).json()["conditions"]["lumisection"] == 3


async def test_runs_and_lumisections_have_their_accounts(client):
    runs = (await client.get(f"{API}/runs")).json()
    assert (runs["current"], [run["run"] for run in runs["runs"]]) == (400_001, [400_001])
    run = (await client.get(f"{API}/runs/400001")).json()
    assert run["accounting"]["seen"] == 1500
    assert run["conditions"]["dcs_off"] == ["castor"]
    rows = (await client.get(f"{API}/runs/current/lumisections")).json()["lumisections"]
    assert [(row["lumisection"], row["closed"], row["worst"]) for row in rows] == [
        (1, True, "BAD"),
        (2, True, "BAD"),
        (3, False, "NOT_RUN"),
    ]


async def test_elements_are_found_by_folder_glob_and_expression(client):
    listed = (await client.get(f"{API}/elements", params={"regex": "size|energy$"})).json()
    assert [each["path"] for each in listed["elements"]] == [
        "pixel/barrel/size_vs_eta",
        "trigger/energy",
    ]
    page = (await client.get(f"{API}/workspaces/pixel/elements", params={"limit": 2})).json()
    assert (len(page["elements"]), page["total"], page["after"]) == (2, 5, 2)
    tree = (await client.get(f"{API}/tree", params={"folder": "pixel"})).json()
    assert tree["folders"] == {"barrel": 2}
    workspaces = (await client.get(f"{API}/workspaces")).json()["workspaces"]
    assert [each["workspace"] for each in workspaces] == ["pixel", "trigger"]


async def test_reports_are_filtered(client):
    url = f"{API}/runs/current/reports"
    newest = (await client.get(url)).json()["reports"]
    assert {(row["lumisection"], row["path"]) for row in newest} == {
        (2, "pixel/charge"),
        (2, "trigger/paths"),
    }
    asked = {"lumisections": "1-2", "outcome": "BAD"}
    bad = (await client.get(url, params=asked)).json()["reports"]
    assert [(row["lumisection"], row["outcome"]) for row in bad] == [(2, "BAD"), (1, "BAD")]
    few = (await client.get(url, params={"lumisections": "1-2", "limit": 1})).json()
    assert few["truncated"]


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("/runs/7", 404, "run 7 is neither live nor stored"),
        ("/runs/x", 422, "got 'x'"),
        ("/runs/current/contents", 422, "no element named"),
        ("/runs/current/contents?path=no/such", 404, "'no/such' is not booked"),
        ("/runs/current/contents?match=a&regex=b", 422, "both match and regex"),
        ("/runs/current/contents?regex=(", 422, "missing )"),
        ("/runs/current/contents?path=pixel/charge&last=2&window=run", 422, "more than one of"),
        ("/runs/current/contents?path=pixel/charge&lumisections=5-2", 422, "expected a-b"),
        ("/runs/current/contents/png?path=pixel/charge&width=9", 422, "greater than or equal"),
        ("/runs/current/reports?lumisections=1-999", 413, "at most 200"),
        ("/workspaces/none/elements", 404, "'none' is not booked"),
        ("/tree?folder=none", 404, "holds no element"),
        ("/nothing", 404, "Not Found"),
    ],
)
async def test_a_refusal_is_a_problem_document_that_says_why(client, url, status, said):
    answer = await client.get(API + url)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


async def test_limits_on_elements_and_cells_are_kept(filled, desk):
    limits = Limits(elements=3, cells=300)
    app = create_app(parts_of(filled, desk, GatewaySettings(limits=limits)))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as client:
        many = await client.get(f"{API}/runs/current/contents", params={"match": "**"})
        assert (many.status_code, "at most 3 elements" in many.text) == (413, True)
        large = {"path": "pixel/barrel/occupancy"}
        assert (await client.get(f"{API}/runs/current/contents", params=large)).status_code == 413


async def test_a_foreign_host_is_refused_and_every_answer_is_guarded(client):
    foreign = await client.get("/health", headers={"host": "evil.example:8000"})
    assert (foreign.status_code, foreign.json()["instance"]) == (421, "/health")
    assert foreign.headers["content-type"] == "application/problem+json"
    known = await client.get("/health", headers={"host": "[::1]:8000"})
    assert known.status_code == 200
    for answer in (foreign, known, await client.get("/"), await client.get("/nothing")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_is_only_read_says_so(client):
    """What can be written, and by whom, is in test_api_roles.py, route by route."""
    answer = await client.post(f"{API}/runs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_health_readiness_and_metrics(filled, desk):
    parts = replace(parts_of(filled, desk), is_ready=lambda: False, lag=lambda: {"dqm.quality": 3})
    transport = httpx.ASGITransport(create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/health")).json() == {"alive": True}
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()["lag"]) == (503, {"dqm.quality": 3})
        text = (await client.get("/metrics")).text
        assert 'dqm_gateway_lag_records{topic="dqm.quality"} 3.0' in text
        assert 'dqm_gateway_requests_total{route="/ready",status="503"} 1.0' in text
        pulse = (await client.get(f"{API}/pulse")).json()
        assert pulse["processes"] == []


async def test_without_any_run_the_lists_are_empty_and_current_is_not_found(desk):
    transport = httpx.ASGITransport(create_app(parts_of(LiveView(), desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get(f"{API}/runs")).json()["runs"] == []
        assert (await client.get(f"{API}/runs/current")).status_code == 404
        assert (await client.get(f"{API}/workspaces")).json()["workspaces"] == []


def made_up_app():
    view, detector = LiveView(), Detector()
    for message in [*detector.announce(), *detector.fill(1), *detector.close(1)]:
        view.apply(message, 1)
    for message in detector.reports(1, {"pixel/charge": Outcome.BAD}):
        view.apply(message, 1)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    # The clock stands still, and all routes together are asked more often than in a second.
    limits = Limits(requests_per_second=100_000)
    return create_app(parts_of(view, Desk(ThreadPoolExecutor(1)), GatewaySettings(limits=limits)))


schema = schemathesis.openapi.from_asgi(
    f"{API}/openapi.json", made_up_app(), headers={"host": "localhost"}, timeout=300
)


@schema.parametrize()
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_answers_are_as_the_openapi_document_says(case):
    response = case.call(headers={"host": "localhost"}, timeout=120)
    # That two parameters exclude each other, or that a < b, is beyond what OpenAPI can say.
    case.validate_response(response, excluded_checks=[positive_data_acceptance])
