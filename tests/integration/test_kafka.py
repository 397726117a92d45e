"""The services as processes of their own on a real Kafka: what they say is what one process says.

The replay law: the same input gives equal contents, bit by bit, whatever the log, the sizes of
chunks, the number of partitions and of fillers, and whether services share a process.
"""

import asyncio
import hashlib
import json
import math
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from dqmstream.booking_set import LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.errors import NotStoredError
from dqmstream.fold.merge import Merger
from dqmstream.histograms.contents import Contents
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import BOOKINGS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.store.store import Store
from dqmstream.transport.compacted import read_to_end
from playback.bench.deployment import deployed
from playback.bench.program import command, environment, finished
from services.log import open_log
from services.settings import Settings
from services.settings_layers import load_settings
from tests.integration.test_replay import EVENTS, PASSES

Hashes: TypeAlias = Mapping[tuple[int, int, str], str]
"""By run, LS and workspace."""

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PATIENCE = 240
LENGTH = 4
SYNTHETIC = ["--lumisections", str(LENGTH), "--rate", "40", "--speed", "0", "--seed", "3"]
WORKSPACES = "ecal,muon,pixel"
FILES_RUN = 346373
BY_LOG_TIME = "DQMStream/Delay/"


def loaded(variables: Mapping[str, str]) -> Settings:
    """Settings as a process with these variables has them."""
    return load_settings({}, {f"DQMSTREAM_{n.upper()}": v for n, v in variables.items()}).settings


async def _merged_in_log(settings: Settings, last: float) -> Hashes:
    shelf = LayoutShelf()
    merger = Merger(shelf)
    async with open_log(settings, SystemClock()) as log:
        async for record in read_to_end(log, BOOKINGS):
            booking = CODEC.decode(record.headers, record.value)
            if isinstance(booking, Booking):
                shelf.add(booking)
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            merger.apply(piece)
    hashes = {}
    for key in list(merger.keys()):
        if key.lumisection > last:
            continue
        merged = merger.merged(key)
        assert merged.closed, key
        assert merged.complete, (key, merged.account.missing)
        assert merged.late is None, key
        hashes[key.run, key.lumisection, key.workspace] = digest(merged.contents)
    return hashes


def contents_in_log(settings: Mapping[str, str], last: float = math.inf) -> Hashes:
    """Of every LS in a log up to the last one that counts, merged over partitions; all of them
    must be closed and complete."""
    return asyncio.run(_merged_in_log(loaded(settings), last))


def contents_in_store(settings: Mapping[str, str], run: int) -> Hashes:
    """Of every LS of a run that is stored."""
    hashes = {}
    with Store(loaded(settings).store_url) as store:
        for of_set in store.sets(run):
            for one in store.lumisections(run, set=of_set).items:
                for workspace in settings["workspaces"].split(","):
                    key = run, one.lumisection, workspace
                    try:
                        window = store.contents(of_set, run, workspace, [one.lumisection])
                    except NotStoredError:
                        continue
                    if window.lumisections:
                        hashes[key] = digest(window.contents)
    return hashes


def digest(contents: Contents) -> str:
    """Hash of all that contents hold, but what is filled with the time at which the log had it."""
    found = hashlib.blake2b(digest_size=16)
    for index, place in enumerate(contents.layout):
        if not place.element.path.startswith(BY_LOG_TIME):
            found.update(contents.cells[place.offset : place.offset + place.size].tobytes())
            held = contents.scalars.get(index), contents.invalid.get(index)
            found.update(repr(held).encode())
    return found.hexdigest()


def get(address: str, route: str, **query: object) -> Any:
    """What the gateway answers; asked again while it says that it is too busy (503)."""
    url = f"{address}/api/v1/{route}?{urllib.parse.urlencode(query)}"
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 ours
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > until:
                raise
            error.close()
        time.sleep(1)


def page(address: str) -> str:
    """What a browser gets first."""
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 ours
        return str(answer.read().decode())


def closed(address: str, run: int) -> set[int]:
    """LSs of a run that the gateway shows as closed."""
    if all(one["run"] != run for one in get(address, "runs")["runs"]):
        return set()
    rows = get(address, f"runs/{run}/lumisections")["lumisections"]
    return {row["lumisection"] for row in rows if row["closed"]}


def wait_for(what: str, happened: Callable[[], bool]) -> None:
    """Look until it has happened."""
    until = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > until:
            pytest.fail(f"not within {PATIENCE} s: {what}")
        time.sleep(0.2)


@pytest.fixture
def on_kafka(kafka: str, kafka_prefix: str, tmp_path: Path) -> dict[str, str]:
    """Settings of processes on Kafka, with a store of their own."""
    return {"kafka": kafka, "kafka_prefix": kafka_prefix, "data": str(tmp_path / "kafka-data")}


@pytest.fixture(scope="module")
def synthetic_contents(tmp_path_factory: pytest.TempPathFactory) -> Hashes:
    """Of the synthetic run on the embedded log, all in one process."""
    folder = tmp_path_factory.mktemp("embedded")
    settings = {"data": str(folder), "port": "0", "workspaces": WORKSPACES}
    finished(["demo", *SYNTHETIC, "--exit", "--json"], settings, timeout=PATIENCE)
    return contents_in_store(settings, 1)


@pytest.mark.parametrize(("partitions", "fillers"), [(4, 1), (3, 2)])
def test_processes_on_kafka_and_one_process_give_equal_contents(
    partitions: int, fillers: int, on_kafka: dict[str, str], synthetic_contents: Hashes
) -> None:
    """In the log and in the store, with other partitions and fillers."""
    settings = {
        **on_kafka,
        "workspaces": WORKSPACES,
        "partitions": str(partitions),
        "histogram_partitions": "3",
    }
    source = ["--synthetic", *SYNTHETIC]
    with deployed(settings, fillers=fillers) as system:
        sent = finished(["produce", *source, "--json"], settings, timeout=PATIENCE)["sent"]
        assert [(one["run"], one["lumisection"], one["dropped"]) for one in sent] == [
            (1, LENGTH, 0)
        ]
        wait_for("all is shown", lambda: len(closed(system.address, 1)) == LENGTH)
        wait_for(
            "all is stored",
            lambda: contents_in_store(settings, 1).keys() == synthetic_contents.keys(),
        )
        again = finished(["produce", *source, "--json"], settings, timeout=PATIENCE)["sent"]
        assert [one["chunks"] for one in again] == [0]
    assert len(synthetic_contents) == LENGTH * 3
    assert contents_in_log(settings) == synthetic_contents
    assert contents_in_store(settings, 1) == synthetic_contents


def test_one_process_on_kafka_gives_equal_contents(
    on_kafka: dict[str, str], synthetic_contents: Hashes
) -> None:
    """`demo` with nothing changed but the setting."""
    settings = {**on_kafka, "port": "0", "workspaces": WORKSPACES, "fillers": "2"}
    played = finished(["demo", *SYNTHETIC, "--exit", "--json"], settings, timeout=PATIENCE)
    assert [len(run["lumisections"]) for run in played["runs"]] == [LENGTH]
    assert contents_in_log(settings) == synthetic_contents
    assert contents_in_store(settings, 1) == synthetic_contents


@pytest.mark.realdata
def test_real_files_give_the_check_figures_through_kafka(
    on_kafka: dict[str, str], real_data: Path, tmp_path: Path
) -> None:
    """Events and HLT passes of run 346373, as `dqmstream show` tells them; a page is served.

    The contents are those of one process with the embedded log, other chunks and partitions.
    """
    files = [str(path) for path in sorted((real_data / "cms-streamer").glob("run346373*.jsn"))]
    embedded = {"data": str(tmp_path / "data"), "port": "0", "workspaces": "dqm_stream"}
    embedded["partitions"] = "3"
    played = ["replay", *files, "--chunk-events", "37", "--exit", "--json"]
    finished(played, embedded, timeout=PATIENCE)
    expected = contents_in_store(embedded, FILES_RUN)
    settings = {**on_kafka, "workspaces": "dqm_stream"}
    with deployed(settings, fillers=2) as system:
        sent = finished(["produce", *files, "--speed", "0", "--json"], settings, timeout=PATIENCE)
        assert [(one["selected"], len(one["files"])) for one in sent["sent"]] == [(1002, 2)]
        wait_for("all is shown", lambda: closed(system.address, FILES_RUN) == EVENTS.keys())
        wait_for(
            "all is stored",
            lambda: contents_in_store(settings, FILES_RUN).keys() == expected.keys(),
        )
        for lumisection, passes in PASSES.items():
            window = ["--run", str(FILES_RUN), "--lumisections", str(lumisection)]
            asked = ["show", "DQMStream/HLT/passed", "--url", system.address, *window, "--json"]
            shown = finished(asked, {}, timeout=PATIENCE)
            element = shown["contents"][0]
            names = element["element"]["axes"][0]["labels"]
            counts = dict(zip(names, element["arrays"]["values"][1:-1], strict=True))
            assert {name: counts[name] for name in passes} == passes
        assert "<html" in page(system.address)
    assert contents_in_log(settings) == expected
    assert contents_in_store(settings, FILES_RUN) == expected


@pytest.fixture
def start(on_kafka: dict[str, str]) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a command as a process; kills it at the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **settings: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command(arguments),
            env=environment({**on_kafka, "workspaces": "pixel", **settings}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_each_service_says_when_it_is_ready_and_stops_when_asked(
    number: signal.Signals, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """With status 0, and without complaint; a producer that is stopped too."""
    words = {"fill": "filling", "compare": "comparing", "record": "recording", "serve": "page:"}
    running = {name: start(name, port="0") for name in words}
    said = {name: first_line(process) for name, process in running.items()}
    for name, word in words.items():
        assert said[name].startswith(word), running[name].communicate()
    running["produce"] = start("produce", "--synthetic", "--rate", "40")
    address = said["serve"].removeprefix("page:").strip()
    wait_for("events are shown", lambda: bool(get(address, "runs")["runs"]))
    for process in running.values():
        process.send_signal(number)
    for name, process in running.items():
        _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, "Traceback" in errors) == (0, False), (name, errors)


def first_line(process: "subprocess.Popen[str]") -> str:
    """What it prints when it is ready."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_topics_of_other_settings_stop_the_start_with_a_sentence(
    start: Callable[..., "subprocess.Popen[str]"],
) -> None:
    """Which topic, which setting, what it is and what it should be."""
    first = start("record", partitions="3")
    assert first_line(first).startswith("recording")
    second = start("fill", partitions="5")
    output, errors = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert output == ""
    # Beside what a busy broker's client warns of.
    sentences = [line for line in errors.splitlines() if line.startswith("dqmstream: ")]
    assert sentences == ["dqmstream: topic dqm.events: partitions is 3 in the log, wanted 5"]
    assert "Traceback" not in errors


def test_a_service_that_fails_ends_its_process_with_its_name_and_the_reason(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    """A recorder whose store holds another log's history, and a gateway whose port is taken."""
    data = tmp_path / "embedded"
    embedded = {"data": str(data), "port": "0", "workspaces": "pixel"}
    source = ["--lumisections", "1", "--rate", "5", "--speed", "0"]
    finished(["demo", *source, "--exit", "--json"], embedded, timeout=PATIENCE)
    recorder = start("record", data=str(data))
    _, errors = recorder.communicate(timeout=PATIENCE)
    sentence = errors.splitlines()[-1]
    assert recorder.returncode == 1
    assert sentence.startswith(f"dqmstream: recorder: store sqlite:///{data}/store.sqlite holds")
    assert "Traceback" not in errors
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        gateway = start("serve", port=port)
        _, errors = gateway.communicate(timeout=PATIENCE)
    assert gateway.returncode == 2
    assert errors.startswith(f"dqmstream: cannot listen on 127.0.0.1:{port}")


@pytest.mark.parametrize("name", ["produce", "fill", "compare", "record", "serve"])
def test_a_service_alone_needs_a_broker_and_says_so(
    name: str, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """On the embedded log, which is of one process, status 2."""
    process = start(name, *(["--synthetic"] if name == "produce" else []), kafka="")
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert errors.startswith(f"dqmstream: `dqmstream {name}` runs one service as a process")
