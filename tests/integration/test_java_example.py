"""The example in Java: compiled as its reader would, and what it sends is what is filled."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from dqmstream.booking import Workspace, histogram, regular, scalar
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.topics import CONDITIONS
from dqmstream.messages.wire import CODEC
from dqmstream.producing import AsyncProducer
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from tests.filled import fill_to_the_end, make_topics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "java"
PARTITIONS = 3
LUMISECTIONS, CHUNKS, EVENTS = 4, 5, 60
WORKSPACE = Workspace(
    "my_detector",
    "What the example sends.",
    [
        histogram("MyDetector/charge", regular(50, 0, 50, label="charge"), fill="hit.charge"),
        scalar("MyDetector/total", "sum(hit.charge)", combine="sum", value_range=(0.0, 1000.0)),
    ],
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Compiled by Maven, as a command."""
    folder = tmp_path_factory.mktemp("java") / "example"
    shutil.copytree(EXAMPLE, folder)
    subprocess.run(["mvn", "-q", "-B", "package"], cwd=folder, check=True, timeout=240)
    path = f"{folder / 'target' / 'classes'}:{folder / 'target' / 'jars'}/*"
    # Arrow reaches into buffers of the JDK.
    return ["java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", path, "MyDetector"]


async def test_what_java_sends_is_what_is_filled(
    program: list[str], kafka: str, kafka_prefix: str
) -> None:
    """LS by LS: complete, all events, as many hits and as much charge as the program says."""
    settings = KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)
    booking_set = BookingSet([WORKSPACE], FoldSettings(partitions=PARTITIONS))
    async with KafkaLog.open(settings, clock=SystemClock()) as log:
        await make_topics(log, PARTITIONS)
        numbers = [str(number) for number in (7, LUMISECTIONS, CHUNKS, EVENTS)]
        ended = await asyncio.to_thread(
            subprocess.run,
            [*program, kafka, kafka_prefix, *numbers],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        said = [line.split() for line in ended.stdout.splitlines()]
        assert len(said) == LUMISECTIONS
        merged = await fill_to_the_end(log, booking_set, LUMISECTIONS)
        for one, (lumisection, events, hits, charge) in zip(merged, said, strict=True):
            assert one.key.run == 7
            assert one.key.lumisection == int(lumisection)
            assert one.complete, one.account.lacking
            assert one.account.closed_by == ("markers",)
            assert one.account.seen == int(events) == CHUNKS * EVENTS
            histogram_of = MonitorElement.at(one.contents, "MyDetector/charge")
            assert histogram_of.entries == int(hits) > EVENTS
            total = MonitorElement.at(one.contents, "MyDetector/total").value
            assert total == pytest.approx(float(charge), rel=1e-6)
        announced = [
            CODEC.decode(record.headers, record.value)
            async for record in read_to_end(log, CONDITIONS)
        ]
        assert [type(message) for message in announced] == [RunStart, RunEnd]
        assert announced[0].marks == ("simulated",)


async def test_python_beside_java_straight_to_the_same_brokers(
    kafka: str, kafka_prefix: str
) -> None:
    """The Producer finds the topics of a system that is there, and makes none itself."""
    settings = KafkaSettings(servers=tuple(kafka.split(",")), prefix=kafka_prefix)
    booking_set = BookingSet([WORKSPACE], FoldSettings(partitions=PARTITIONS))
    async with KafkaLog.open(settings, clock=SystemClock()) as log:
        await make_topics(log, PARTITIONS)
        async with AsyncProducer(settings, "my_detector").run(7) as run:
            await run.send(1, {"event": [1, 2], "hit": {"charge": [[12.5, 3.0], []]}})
        (merged,) = await fill_to_the_end(log, booking_set, 1)
    assert merged.complete
    assert MonitorElement.at(merged.contents, "MyDetector/charge").entries == 2
