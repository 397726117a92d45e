"""Programs ask a gateway that runs: live and past alike, at once and one after another."""

import asyncio
import io
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from dqmstream import AsyncClient, Client
from dqmstream.client import Element, GatewayError, GatewayUnavailableError
from dqmstream.errors import NotStoredError
from dqmstream.store.store import Store
from tests.integration.conftest import RunningSystem

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CHARGE = "Pixel/Layer1/charge"


@pytest.fixture
def client(faulty_system: RunningSystem) -> Iterator[Client]:
    with Client(faulty_system.url) as client:
        yield client


def test_one_call_for_live_and_past(faulty_system: RunningSystem, client: Client) -> None:
    """Updates come until LSs have closed; then a window is the sum of its LSs, bin by bin."""
    seen = 0
    for element in client.follow(CHARGE, window="run"):
        assert element.path == CHARGE
        assert element.entries == element.counts(flow=True).sum() >= seen
        seen = element.entries
        if element.last >= 4:
            break
    whole = settled(client, 3)
    assert (whole.first, whole.last, whole.lumisections, whole.closed) == (1, 3, 3, True)
    series = client.series(CHARGE, lumisections=(1, 3))
    assert series.lumisections.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(series.counts(flow=True).sum(axis=0), whole.counts(flow=True))
    assert series.to_pandas().shape == (3, whole.values().size)
    trend = client.trend(CHARGE, lumisections="1-3")
    means = [series[index].mean() for index in range(3)]
    assert trend["values"] == pytest.approx(means)
    (point,) = client.trend_of_runs(CHARGE, lumisections="1-3")["points"]
    assert (point["run"], point["booked"], point["entries"]) == (1, "same", whole.entries)
    assert point["value"] == pytest.approx(whole.mean())
    stored(faulty_system.data, 3)  # what was known at a time is known to the store alone
    again = client.element(CHARGE, lumisections="1-3", rebin=[2], as_of=whole_moment())
    assert again.counts().sum() == whole.counts().sum()
    assert again.values().size == -(-whole.values().size // 2)


def whole_moment() -> str:
    """A time after which all is known: years from now."""
    return "2200-01-01T00:00:00Z"


def test_what_is_booked_and_all_else(client: Client) -> None:
    settled(client, 1)
    booked = client.booked("Pixel/**")
    paths = [each["path"] for each in booked]
    assert CHARGE in paths
    few = client.elements(match="Pixel/Layer1/*", lumisections="1")
    assert {element.path for element in few} == {
        path for path in paths if path.startswith("Pixel/Layer1/")
    }
    run = client.get("runs/current")["run"]
    assert client.element(CHARGE, run=run["run"], lumisections=1).run == run["run"]
    boards = {}
    for channel in client.boards("run", "quality"):
        boards[channel.name] = channel
        if len(boards) == 2 and "pixel" in boards["board/quality/current"].rows:  # it is judged
            break
    assert boards["board/run/current"].header["run"]["run"] == run["run"]


def test_files_open_elsewhere(client: Client) -> None:
    whole = settled(client, 2)
    with uproot.open(io.BytesIO(client.export([CHARGE], "root", lumisections="1-2"))) as file:
        names = [name for name in file.keys(cycle=False) if name.endswith("Layer1/charge")]
        assert len(names) == 1
        values = file[names[0]].values(flow=True)
    np.testing.assert_array_equal(values, whole.values(flow=True))
    assert client.export([CHARGE], "png", lumisections="1-2").startswith(b"\x89PNG")


def test_refusals_say_what_the_gateway_says(client: Client, unused_port: int) -> None:
    with pytest.raises(GatewayError, match="'Pixel/none' is not booked"):
        client.element("Pixel/none")
    with pytest.raises(GatewayError, match="expected 1 to 255"):
        next(client.follow("x" * 300))
    with (
        Client(f"http://127.0.0.1:{unused_port}") as nobody,
        pytest.raises(GatewayUnavailableError, match="start one with"),
    ):
        nobody.element(CHARGE)


async def test_the_same_with_an_event_loop(faulty_system: RunningSystem) -> None:
    """Several calls at once, and updates beside them."""
    async with AsyncClient(faulty_system.url) as client:
        async with asyncio.timeout(120), aclosing(client.follow(CHARGE)) as following:
            async for _ in following:
                if (await client.element(CHARGE, lumisections=1)).closed:
                    break
        one, many, series = await asyncio.gather(
            client.element(CHARGE, lumisections=1),
            client.elements(match="Pixel/Layer1/*", lumisections=1),
            client.series(CHARGE, lumisections="1"),
        )
        assert one.entries == series[0].entries > 0
        assert any(each.path == CHARGE and each.entries == one.entries for each in many)
        with pytest.raises(GatewayError, match="not booked"):
            await client.element("Pixel/none")


@pytest.fixture
def unused_port() -> Iterator[int]:
    """Where nobody listens, nor can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_answers_are_bounded_by_the_gateway(faulty_system: RunningSystem) -> None:
    answer = httpx.get(
        f"{faulty_system.url}/api/v1/runs/current/contents",
        params={"path": CHARGE, "format": "floppy"},
        timeout=60,
    )
    assert answer.status_code == 406


def test_the_terminal_shows_and_exports(
    faulty_system: RunningSystem, client: Client, tmp_path: Path
) -> None:
    """`top`, `show` and `export`, as a user calls them."""
    whole = settled(client, 2)

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "services.cli", *words, "--url", faulty_system.url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    top = said("top", "--once")
    assert "run 1 · pp_run · simulated" in top
    assert {"pixel", "ecal", "recorder"} <= set(top.split())
    shown = said("show", CHARGE, "--lumisections", "1-2")
    assert f"{whole.entries} entries" in shown
    assert "run 1, LS 1-2 (2 LSs, closed)" in shown
    trend = said("show", CHARGE, "--trend", "entries", "--against", "pileup", "--json")
    assert msgspec.json.decode(trend)["x"] != []
    chart = said("show", CHARGE, "--trend", "mean", "--lumisections", "1-2").splitlines()
    assert chart[:2] == [f"{CHARGE}: mean by lumisection", "run 1, LS 1-2 (2 LSs)"]
    assert "".join(chart).count("•") == 2
    over = said("show", CHARGE, "--trend", "median", "--runs", "5", "--lumisections", "1-2")
    assert over.splitlines()[0] == f"{CHARGE}: median by run, LS 1-2 of each"
    assert "1 run, 1 with a number" in over
    file = tmp_path / "charge.npy"
    assert f'"file":"{file}"' in said("export", CHARGE, "--each", "-o", str(file), "--json")
    rows = np.load(file)
    np.testing.assert_array_equal(rows["counts"][:2].sum(axis=0), whole.counts(flow=True))
    table = tmp_path / "layer.parquet"
    said("export", "Pixel/Layer1/*", "--to", str(table), "--lumisections", "1-2")
    found = pq.read_table(table)
    row = found["path"].to_pylist().index(CHARGE)
    assert found["entries"][row].as_py() == whole.entries


def test_an_export_is_compared_with_the_store_without_a_difference(
    faulty_system: RunningSystem, client: Client, tmp_path: Path
) -> None:
    settled(client, 2)
    stored(faulty_system.data, 2)
    export = tmp_path / "run.parquet"
    export.write_bytes(client.export((), "parquet", match="**", lumisections="1-2"))
    sides = ["--production", f"run:1@{faulty_system.data}", "--candidate", f"parquet:{export}"]
    command = [sys.executable, "-m", "services.cli", "playback", "compare", *sides, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    report = msgspec.json.decode(ended.stdout)
    assert report["findings"] == []
    assert (ended.returncode, report["verdict"]) == (0, "no difference")
    booked = [one["path"] for one in client.booked()]
    assert report["compared"]["contents"] == len(booked) > 50


def settled(client: Client, last: int) -> Element:
    """The sum of the LSs up to this one, once all of them have closed."""
    for _ in client.follow(CHARGE, window="run"):
        whole = client.element(CHARGE, lumisections=f"1-{last}")
        if whole.closed and whole.lumisections == last:
            return whole
    raise AssertionError


def stored(data: Path, last: int) -> None:
    """Wait until the LSs up to this one are stored, of all workspaces."""
    wanted, until = list(range(1, last + 1)), time.monotonic() + 100
    with Store(f"sqlite:///{data / 'store.sqlite'}") as store:
        while True:
            found: list[list[int]] = []
            with suppress(NotStoredError):
                found = [
                    list(store.contents(of_set, 1, workspace, wanted).lumisections)
                    for of_set in store.sets(1)
                    for workspace in ("pixel", "ecal")
                ]
            if found and all(one == wanted for one in found):
                return
            assert time.monotonic() < until, f"LSs {found} are stored"
            time.sleep(0.2)
