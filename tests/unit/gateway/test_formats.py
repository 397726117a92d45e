"""Contents in every format say the same: bins, flow, errors, and what they cover."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import boost_histogram as bh
import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uhi.io.json
import uproot
from PIL import Image

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from services.gateway.app import create_app
from services.gateway.desk import Desk
from services.gateway.formats.encoding import Turns
from services.gateway.formats.table import FORMATS, SERIES_FORMATS
from services.gateway.live import LiveView
from services.gateway.problems import ProblemError
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import TRIGGERS
from tests.unit.gateway.parts import parts_of

RUN = "/api/v1/runs/400001"
BINNED = (
    "pixel/charge",
    "pixel/barrel/occupancy",
    "pixel/barrel/size_vs_eta",
    "trigger/paths",
    "trigger/streams",
    "trigger/energy",
)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk.open() as opened:
        yield opened


@pytest.fixture
def filled(view, detector, feed) -> LiveView:
    """Three LSs, the last one open."""
    for number in (1, 2, 3):
        feed(view, detector.fill(number, 500))
    for number in (1, 2):
        feed(view, detector.close(number))
    return view


@pytest.fixture
async def client(filled, desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(parts_of(filled, desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


def expected(detector, path: str, *numbers: int) -> MonitorElement:
    layout = next(each for each in detector.layouts if path in each)
    parts = [detector.contents(layout.workspace, number) for number in numbers]
    return MonitorElement.at(Contents.total(layout, parts), path)


async def asked(client, form: str, **params) -> httpx.Response:
    answer = await client.get(f"{RUN}/contents/{form}", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == FORMATS[form].media_type
    return answer


@pytest.mark.parametrize("path", BINNED)
async def test_uhi_is_read_by_boost_histogram_with_its_flow(client, detector, path):
    body = json.loads(
        (await asked(client, "uhi", path=path)).text, object_hook=uhi.io.json.object_hook
    )
    made = bh.Histogram(body["histograms"][path])
    want = expected(detector, path, 1, 2, 3)
    values = made.values(flow=True)
    assert np.allclose(values, np.nan_to_num(want.values(flow=True)))
    metadata = body["histograms"][path]["metadata"]
    assert (metadata["run"], metadata["lumisections"]) == (400_001, "1-3")
    assert metadata["closed"] is False
    booking = next(layout.hash for layout in detector.layouts if path in layout)
    assert body["histograms"][path]["writer_info"]["dqmstream"]["booking"] == booking


@pytest.mark.parametrize("form", ["arrow", "parquet"])
async def test_columns_have_a_row_per_element_and_the_same_bins(client, detector, form):
    answer = await asked(client, form, match="**")
    table = (
        pa.ipc.open_stream(answer.content).read_all()
        if form == "arrow"
        else pq.read_table(io.BytesIO(answer.content))
    )
    rows = {row["path"]: row for row in table.to_pylist()}
    assert set(rows) == {*BINNED, "pixel/events", "pixel/configuration"}
    for path in BINNED:
        want, row = expected(detector, path, 1, 2, 3), rows[path]
        assert row["counts"] == want.counts(flow=True).ravel().tolist()
        assert row["entries"] == want.entries
        if want.place.planes > 1:
            assert np.allclose(row["values"], want.values(flow=True).ravel(), equal_nan=True)
            assert np.allclose(row["errors"], want.errors(flow=True).ravel(), equal_nan=True)
        else:
            assert row["values"] is None
    assert rows["pixel/events"]["value"] == 1500
    assert rows["pixel/configuration"]["text"] == "collisions 2026"
    assert rows["trigger/paths"]["axes"][0]["labels"] == list(TRIGGERS)
    assert rows["pixel/charge"]["axes"][0]["unit"] == "ke"
    assert rows["pixel/charge"]["lumisections"] == [1, 2, 3]
    about = json.loads(table.schema.metadata[b"dqmstream"])["elements"]
    assert about[0]["covered"] == "1-3"


async def test_npz_has_arrays_under_the_path(client, detector):
    answer = await asked(client, "npz", match="**", lumisections="1-2")
    arrays = np.load(io.BytesIO(answer.content))
    for path in BINNED:
        want = expected(detector, path, 1, 2)
        assert np.array_equal(arrays[f"{path}/counts"], want.counts(flow=True))
        if want.place.planes > 1:
            values = arrays[f"{path}/values"]
            assert np.array_equal(values, want.values(flow=True), equal_nan=True)
    assert arrays["pixel/events/value"] == 1000
    assert json.loads(str(arrays["about"]))["elements"][0]["closed"] is True


@pytest.mark.parametrize("path", BINNED)
async def test_a_root_file_has_the_bins_flow_errors_entries_and_labels(client, detector, path):
    answer = await asked(client, "root", path=path)
    want = expected(detector, path, 1, 2, 3)
    top, _, rest = path.partition("/")
    with uproot.open(io.BytesIO(answer.content)) as file:
        found = file[f"DQMData/Run 400001/{top}/Run summary/{rest}"]
        values, errors = (
            np.nan_to_num(want.values(flow=True)),
            np.nan_to_num(want.errors(flow=True)),
        )
        if path == "trigger/streams":
            values, errors = np.append(0, values), np.append(0, errors)
        assert np.allclose(np.nan_to_num(found.values(flow=True)), values)
        assert np.allclose(np.nan_to_num(found.errors(flow=True)), errors)
        assert found.member("fEntries") == want.entries
        if path == "trigger/paths":
            assert found.axis().labels() == list(TRIGGERS)
        about = json.loads(file["dqmstream"])["elements"][0]
    assert (about["path"], about["run"], about["covered"]) == (path, 400_001, "1-3")


async def test_a_root_file_names_the_lumisections_and_keeps_scalars_as_cms_does(client):
    answer = await asked(client, "root", match="pixel/**", lumisections="1-2")
    with uproot.open(io.BytesIO(answer.content)) as file:
        folder = file["DQMData/Run 400001/pixel/By Lumi Section 1-2"]
        assert folder["events"] == "<events>i=1000</events>"
        assert folder["configuration"] == "<configuration>s=collisions 2026</configuration>"
        assert "run 400001, LS 1-2" in folder["charge"].title


async def test_csv_has_a_line_per_bin_and_says_what_it_is(client, detector):
    answer = await asked(client, "csv", path=["trigger/paths", "pixel/barrel/occupancy"])
    lines = answer.text.splitlines()
    about = [json.loads(line[2:]) for line in lines if line.startswith("#")]
    assert [each["path"] for each in about] == ["trigger/paths", "pixel/barrel/occupancy"]
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    of_paths = [row for row in rows if row["path"] == "trigger/paths"]
    assert [row["label0"] for row in of_paths] == ["underflow", *TRIGGERS, "overflow"]
    want = expected(detector, "trigger/paths", 1, 2, 3).counts(flow=True).tolist()
    assert [int(row["entries"]) for row in of_paths] == want
    of_map = [row for row in rows if row["path"] == "pixel/barrel/occupancy"]
    counts = expected(detector, "pixel/barrel/occupancy", 1, 2, 3).counts(flow=True)
    assert [int(row["entries"]) for row in of_map] == counts.ravel().tolist()
    assert (of_map[0]["low0"], of_map[0]["low1"], of_map[19]["low0"]) == ("-inf", "-inf", "0")


@pytest.mark.parametrize("path", [*BINNED, "pixel/events", "pixel/configuration"])
async def test_every_kind_of_element_is_drawn_as_lines_and_as_pixels(client, path):
    svg = await asked(client, "svg", path=path, width=400, height=300)
    root = ET.fromstring(svg.text)  # noqa: S314 our own
    words = " ".join(each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "Run 400001" in words
    assert "LS 1-3" in words
    about = json.loads(root.find("{http://www.w3.org/2000/svg}metadata").text)
    assert about["element"]["path"] == path
    png = await asked(client, "png", path=path, width=400, height=300)
    assert Image.open(io.BytesIO(png.content)).size == (400, 300)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/*;q=0.2, application/x-root", "application/x-root"),
        ("image/*", "image/png"),
        ("application/json;q=0, */*;q=0.1", "application/vnd.uhi+json"),
    ],
)
async def test_the_accept_header_chooses_the_format(client, accept, media_type):
    answer = await client.get(
        f"{RUN}/contents", params={"path": "pixel/charge"}, headers={"accept": accept}
    )
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert "accept" in answer.headers["vary"]


async def test_the_named_format_decides_over_the_header(client):
    asked = {"path": "pixel/charge", "format": "npz"}
    answer = await client.get(
        f"{RUN}/contents", params=asked, headers={"accept": "application/json"}
    )
    assert answer.headers["content-type"] == "application/x-npz"
    assert 'filename="run400001_LS1-3_pixel-charge.npz"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("url", "accept", "status", "said"),
    [
        ("contents?path=pixel/charge", "application/pdf", 406, "expected one of application/json"),
        ("contents?path=pixel/charge&format=pdf", "*/*", 406, "expected one of json, uhi"),
        ("contents/gif?path=pixel/charge", "*/*", 406, "'gif' asked for"),
        ("series?path=pixel/charge&format=root", "*/*", 406, "expected one of arrow, npz"),
        ("contents/png?match=**", "*/*", 422, "a picture shows one"),
        ("contents?path=pixel/charge&rebin=7", "*/*", 422, "expected a divisor of 50 bins"),
        ("contents?path=pixel/charge&axes=y", "*/*", 422, "has axes 0 to 0"),
        ("contents?path=pixel/charge&bins=x:9-3", "*/*", 422, "expected 1 <= a <= b <= 50"),
        ("contents?path=pixel/charge&bins=x", "*/*", 422, "expected axis:a-b"),
        ("contents?path=trigger/streams&rebin=3", "*/*", 422, "category axis"),
        ("contents?path=pixel/events&rebin=3", "*/*", 422, "no bins to reshape"),
        ("contents?path=pixel/charge&as_of=yesterday", "*/*", 422, "expected ISO 8601"),
        ("contents?path=pixel/charge&as_of=5", "*/*", 404, "only a store knows the past"),
        ("contents?path=pixel/charge&late=include", "*/*", 404, "late data"),
        ("series?path=pixel/events", "*/*", 422, "has no bins"),
        ("series?path=pixel/charge&late=include", "*/*", 422, "on time only"),
    ],
)
async def test_what_is_not_offered_is_refused_with_a_reason(client, url, accept, status, said):
    answer = await client.get(f"{RUN}/{url}", headers={"accept": accept})
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


async def test_bins_are_merged_and_summed_over_with_their_flow(client, detector):
    want = expected(detector, "pixel/barrel/occupancy", 1, 2, 3).counts(flow=True)
    asked = {"path": "pixel/barrel/occupancy", "axes": "y", "rebin": "4"}
    found = (await client.get(f"{RUN}/contents", params=asked)).json()["contents"][0]
    onto = want.sum(axis=0)
    merged = [onto[0], *onto[1:17].reshape(4, 4).sum(axis=1), onto[17]]
    assert found["arrays"]["values"] == merged
    assert found["window"]["reshaped"] == "onto axes 1; rebin 4"
    assert found["totals"]["entries"] == want.sum()
    part = {"path": "pixel/barrel/occupancy", "axes": "x", "bins": "y:3-5", "format": "npz"}
    arrays = np.load(io.BytesIO((await client.get(f"{RUN}/contents", params=part)).content))
    assert np.array_equal(arrays["pixel/barrel/occupancy/counts"], want[:, 3:6].sum(axis=1))


@pytest.mark.parametrize("form", list(SERIES_FORMATS))
@pytest.mark.parametrize("path", BINNED)
async def test_one_element_comes_ls_by_ls_in_one_answer(client, detector, form, path):
    asked = {"path": path, "format": form}
    answer = await client.get(f"{RUN}/series", params=asked)
    assert answer.headers["content-type"] == SERIES_FORMATS[form]
    rows = read_series(form, answer.content)
    want = [expected(detector, path, number) for number in (1, 2, 3)]
    assert rows["lumisection"].tolist() == [1, 2, 3]
    assert rows["closed"].tolist() == [True, True, False]
    counts = np.array([each.counts(flow=True) for each in want])
    assert np.array_equal(rows["counts"].reshape(counts.shape), counts)
    if want[0].place.planes > 1:
        for name in ("values", "errors"):
            numbers = np.array([getattr(each, name)(flow=True) for each in want])
            assert np.allclose(rows[name].reshape(numbers.shape), numbers, equal_nan=True)


def read_series(form: str, body: bytes) -> dict[str, np.ndarray]:
    if form == "npy":
        records = np.load(io.BytesIO(body))
        return {name: records[name] for name in records.dtype.names}
    if form == "npz":
        arrays = dict(np.load(io.BytesIO(body)))
        return {**arrays, "lumisection": arrays["lumisections"]}
    table = (
        pa.ipc.open_stream(body).read_all() if form == "arrow" else pq.read_table(io.BytesIO(body))
    )
    return {
        name: np.array(column.combine_chunks().flatten())
        if pa.types.is_fixed_size_list(column.type)
        else np.array(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


async def test_a_series_without_flow_and_with_fewer_bins(client, detector):
    asked = {"path": "pixel/charge", "format": "npz", "flow": "false", "rebin": "10"}
    arrays = np.load(io.BytesIO((await client.get(f"{RUN}/series", params=asked)).content))
    want = [
        expected(detector, "pixel/charge", n).counts().reshape(5, 10).sum(axis=1) for n in (1, 2, 3)
    ]
    assert np.array_equal(arrays["counts"], want)
    assert arrays["edges0"].tolist() == [0, 20, 40, 60, 80, 100]


async def test_a_series_is_not_sent_twice_and_bounded(client, filled, desk):
    url, asked = f"{RUN}/series", {"path": "pixel/charge"}
    first = await client.get(url, params=asked)
    again = await client.get(url, params=asked, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    app = create_app(parts_of(filled, desk, GatewaySettings(limits=Limits(series_cells=100))))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as small:
        refused = await small.get(url, params=asked)
    assert (refused.status_code, "at most" in refused.text) == (413, True)


async def test_the_head_of_an_answer_has_its_headers_and_no_body(client):
    for url in (
        f"{RUN}/contents?path=pixel/charge",
        f"{RUN}/contents/png?path=pixel/charge",
        f"{RUN}/series?path=pixel/charge",
        "/api/v1/runs",
    ):
        got, head = await client.get(url), await client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.headers["etag"] == got.headers["etag"]


async def test_a_series_whose_client_leaves_gives_its_turn_back_at_once(filled, desk):
    """In the middle of it, as one that is dropped because it reads nothing does."""
    parts = replace(parts_of(filled, desk), streams=Turns(2, 1))
    app = create_app(parts)
    begun = asyncio.Event()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": f"{RUN}/series",
        "query_string": b"path=pixel/charge",
        "headers": [(b"host", b"localhost")],
        "client": ("192.0.2.1", 5),
    }

    async def receive() -> dict[str, object]:
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body":
            with pytest.raises(ProblemError, match="to this address"):
                async with parts.streams.turn("address 192.0.2.1"):
                    pass
            begun.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(60):
        await app(scope, receive, send)
    assert begun.is_set()
    async with parts.streams.turn("address 192.0.2.1"):
        pass
