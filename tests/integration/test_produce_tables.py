"""A producer of event files on a real broker, whose fillers somebody else has started."""

import asyncio
import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.state import FoldSettings
from dqmstream.messages.booking import Booking
from dqmstream.messages.events import EventBatch
from dqmstream.messages.topics import CONDITIONS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.program import command, environment, finished
from services.announced import announced_columns, columns_in_use
from services.filler.announcing import announce
from services.log import open_log
from services.settings import Settings
from services.settings_layers import load_settings
from tests.event_files import write_events

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PARTITIONS = 2
AXIS = regular(10, 0, 10, label="x")
EVENTS_OF_RUN = {"run": [7] * 5, "ls": [1, 2, 1, 2, 2], "x": [1.0] * 5, "y": [2] * 5, "z": [3] * 5}


def booking(*fills: str) -> Booking:
    elements = [histogram(f"Own/{number}", AXIS, fill=fill) for number, fill in enumerate(fills)]
    return Workspace("own", "Of a filler elsewhere.", elements)


async def announced(settings: Settings, *fills: str) -> None:
    bookings = BookingSet([booking(*fills)], FoldSettings(partitions=PARTITIONS))
    async with open_log(settings, SystemClock()) as log:
        await announce(log, bookings, clock=SystemClock(), who="a test")


@pytest.fixture
def given(kafka: str, kafka_prefix: str) -> dict[str, str]:
    return {"kafka": kafka, "kafka_prefix": kafka_prefix, "partitions": str(PARTITIONS)}


@pytest.fixture
def settings(given: dict[str, str]) -> Settings:
    return load_settings(given, {}, None).settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_events(tmp_path / "a.parquet", EVENTS_OF_RUN)


async def test_it_sends_what_bookings_on_the_log_read_and_no_more(
    given: dict[str, str], settings: Settings, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = frozenset(EVENTS_OF_RUN)
    assert await asyncio.to_thread(columns_in_use, settings, everything) == everything
    assert "all columns are sent: no installed workspace" in capsys.readouterr().err
    await announced(settings, "x", "x + y", "missing")
    found = await asyncio.to_thread(announced_columns, settings)
    assert found == {"x", "y", "missing"}
    command = ["produce", str(path), "--speed", "0", "--json"]
    told = await asyncio.to_thread(finished, command, given, timeout=150)
    assert [(one["run"], one["selected"]) for one in told["sent"]] == [(7, 5)]
    async with open_log(settings, SystemClock()) as log:
        records = [record async for record in read_to_end(log, EVENTS)]
    messages = [CODEC.decode(record.headers, record.value) for record in records]
    batches = [one for one in messages if isinstance(one, EventBatch)]
    assert sorted(one.chunk.selected for one in batches) == [2, 3]
    for one in batches:
        with pa.ipc.open_stream(one.body) as stream:
            assert stream.schema.names == ["x", "y"]


async def test_a_run_that_the_log_has_begun_otherwise_is_refused_and_nothing_is_said_of_it(
    given: dict[str, str], settings: Settings, path: Path, tmp_path: Path
) -> None:
    """Other chunks or columns are another input: fillers would refuse all of it."""
    table = tmp_path / "oms.json"
    rows = [{"run_number": 7, "lumisection_number": number, "pileup": 40.0} for number in (1, 2)]
    table.write_text(json.dumps(rows))

    async def sent(*words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            command(["produce", str(path), "--speed", "0", *words]),
            env=environment(given),
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    async def held(topic: str) -> int:
        async with open_log(settings, SystemClock()) as log:
            return len([record async for record in read_to_end(log, topic)])

    first = await sent()
    assert first.returncode == 0, first.stderr
    before = await held(EVENTS), await held(CONDITIONS)
    refused = await sent("--chunk-events", "1", "--conditions", str(table))
    assert refused.returncode == 2, refused.stderr
    assert "is in the log already (all of it), as " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (await held(EVENTS), await held(CONDITIONS)) == before
    again = await sent()
    assert "in 0 chunks" in again.stdout, again.stderr
