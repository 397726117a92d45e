"""What is exposed is what is documented, and is what services have counted."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.messages.operations import Heartbeat
from dqmstream.messages.topics import EVENTS
from dqmstream.producing.progress import ProducerProgress
from dqmstream.transport.kafka.log import KafkaLog
from dqmstream.transport.kafka.sender import KafkaStats
from dqmstream.transport.memory import MemoryLog
from services.alarms.progress import AlarmsProgress
from services.analyser.progress import AnalyserProgress
from services.comparator.judging import ComparatorProgress
from services.display.service import DisplayProgress
from services.filler.progress import FillerProgress
from services.gateway.collector import GatewayCollector
from services.gateway.desk import Desk
from services.gateway.hub import Hub
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.state import State
from services.gateway.testing import Detector
from services.monitoring.durations import BOUNDS, Durations
from services.monitoring.families import FAMILIES, LOG_FAMILIES
from services.monitoring.health import Health
from services.monitoring.metrics import ProcessMetrics
from services.notifier.progress import NotifierProgress
from services.processes.posted_progress import GroupProgress, PostedProgress
from services.processes.watch import WatchProgress
from services.recorder.progress import RecorderProgress

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
PROGRESS = {
    "filler": FillerProgress,
    "posted": PostedProgress,
    "analyser": AnalyserProgress,
    "comparator": ComparatorProgress,
    "recorder": RecorderProgress,
    "producer": ProducerProgress,
    "watcher": WatchProgress,
    "display": DisplayProgress,
    "notifier": NotifierProgress,
    "alarms": AlarmsProgress,
}


def documented() -> dict[str, tuple[str, str, str]]:
    """Name to type, labels and meaning, as the page says."""
    found = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("`"):
            name, kind, labels, _unit, text, good_for = cells
            assert good_for, f"{name}: the page does not say what it is good for"
            assert name.strip("`") not in found
            found[name.strip("`")] = (kind, labels, text)
    return found


def exposed(registry) -> dict[str, list]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        family.name + ("_total" if family.type == "counter" else ""): [
            family.type,
            family.documentation,
            family.samples,
        ]
        for family in families
        if not family.name.endswith("_created")
    }


def value(registry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.fixture
def metrics() -> ProcessMetrics:
    return ProcessMetrics(Health(SettableClock(), ["filler-0"]))


@pytest.fixture
def log() -> SimpleNamespace:
    """What a Kafka log has of counts; a cluster is not needed for that."""
    assert isinstance(KafkaLog.stats, property)
    assert isinstance(KafkaLog.buffered_bytes, property)
    return SimpleNamespace(stats=KafkaStats(acknowledged=3), buffered_bytes=17)


async def test_the_page_lists_exactly_what_a_process_exposes(metrics, log):
    for service, make in PROGRESS.items():
        metrics.watch(service, make())
    metrics.watch_log(log)
    gateway = GatewayMetrics(metrics.registry)
    view, detector = LiveView(), Detector()
    for message in [*detector.announce(), *detector.fill(1)]:
        view.apply(message, 1)
    beat = Heartbeat(process="p", service="filler-0", state="ready", when=1)
    view.apply(beat, 1)
    view.refresh()
    async with Desk.open() as desk:
        collector = GatewayCollector(view, desk, Hub(), lag=lambda: {EVENTS: 0}, wall=lambda: 2)
        gateway.registry.register(collector)
        found = await asyncio.to_thread(exposed, metrics.registry)
    page = documented()
    assert found.keys() == page.keys()
    for name, (kind, _, text) in page.items():
        if name.startswith("dqm_"):
            assert (found[name][0], found[name][1]) == (kind, text), name


def test_the_page_and_the_tables_agree_on_labels():
    page = documented()
    for family in [*(one for each in FAMILIES.values() for one in each), *LOG_FAMILIES]:
        name = family.name + ("_total" if family.kind == "counter" else "")
        assert page[name][1] == ", ".join(family.labels), name


def test_names_say_which_service():
    for service, families in FAMILIES.items():
        for family in families:
            assert re.fullmatch(rf"dqm_{service}_[a-z_]+", family.name)


def test_no_run_and_no_lumisection_is_a_label():
    labels = {label for _, each, _ in documented().values() for label in each.split(", ") if each}
    assert labels == {
        "event", "generation", "outcome", "partition", "process", "reason", "receiver", "route",
        "rule", "service", "state", "status", "topic", "version", "why", "workspace",
    }  # fmt: skip


def test_progresses_of_one_service_are_added_up(metrics):
    one = FillerProgress(events=3, refused=Counter(checksum=1), run=7, lumisection=9)
    two = FillerProgress(events=4, refused=Counter(checksum=2, bad_columns=1), run=8, lumisection=1)
    one.lag, two.lag = {(EVENTS, 0): 5}, {(EVENTS, 1): 6}
    one.closing.note(0.02)
    two.closing.note(4.0)
    metrics.watch("filler", one)
    metrics.watch("filler", two)
    registry = metrics.registry
    assert value(registry, "dqm_filler_events_total") == 7
    assert value(registry, "dqm_filler_refused_total", reason="checksum") == 3
    assert value(registry, "dqm_filler_refused_total", reason="bad_columns") == 1
    assert value(registry, "dqm_filler_lag_records", topic=EVENTS, partition="1") == 6
    assert value(registry, "dqm_filler_run") == 8
    assert value(registry, "dqm_filler_close_seconds_count") == 2
    assert value(registry, "dqm_filler_close_seconds_bucket", le="0.03") == 1
    assert value(registry, "dqm_filler_close_seconds_sum") == pytest.approx(4.02)


def test_groups_of_posted_workspaces_have_the_metrics_of_fillers_by_generation(metrics):
    progress = PostedProgress()
    metrics.watch("posted", progress)
    registry, name = metrics.registry, "dqm_posted_buffer_bytes"
    assert value(registry, "dqm_posted_groups") == 0
    earlier = GroupProgress(events=3, buffers={"mine": 8}, run=7, refused=Counter(checksum=2))
    earlier.lag = {(EVENTS, 1): 6}
    earlier.fill_seconds["mine"] = 0.5
    earlier.closing.note(0.02)
    newer = GroupProgress(events=4, buffers={"mine": 16, "other": 1}, run=8)
    progress.gather(None, {1: earlier, 2: newer})
    assert value(registry, "dqm_posted_groups") == 2
    for generation, counted in (("1", 3), ("2", 4)):
        assert value(registry, "dqm_posted_events_total", generation=generation) == counted
    assert value(registry, "dqm_posted_run", generation="2") == 8
    assert value(registry, name, generation="1", workspace="mine") == 8
    assert value(registry, name, generation="2", workspace="other") == 1
    place = {"topic": EVENTS, "partition": "1"}
    assert value(registry, "dqm_posted_lag_records", generation="1", **place) == 6
    assert value(registry, "dqm_posted_refused_total", generation="1", reason="checksum") == 2
    assert value(registry, "dqm_posted_close_seconds_count", generation="1") == 1
    seconds = {"generation": "1", "workspace": "mine"}
    assert value(registry, "dqm_posted_fill_seconds_total", **seconds) == 0.5
    progress.gather(None, {2: newer})
    assert value(registry, "dqm_posted_events_total", generation="1") is None


def test_what_is_not_known_yet_is_not_exposed(metrics):
    metrics.watch("filler", FillerProgress())
    assert value(metrics.registry, "dqm_filler_run") is None
    assert value(metrics.registry, "dqm_filler_events_total") == 0


def test_what_alerts_ask_for_is_exposed_before_it_happens(metrics):
    progress = ComparatorProgress()
    metrics.watch("comparator", progress)
    name = "dqm_comparator_reports_total"
    assert value(metrics.registry, name, outcome="ERROR") == 0
    progress.outcomes["ERROR"] += 2
    assert value(metrics.registry, name, outcome="ERROR") == 2


def test_what_became_of_messages_is_read_from_the_log(metrics, log):
    metrics.watch_log(MemoryLog(SystemClock()))  # sends to nobody, and says nothing
    metrics.watch_log(log)
    assert value(metrics.registry, "dqm_kafka_acknowledged_messages_total") == 3
    log.stats.acknowledged += 1
    assert value(metrics.registry, "dqm_kafka_acknowledged_messages_total") == 4
    assert value(metrics.registry, "dqm_kafka_buffered_bytes") == 17


def test_durations_are_counted_up_to_each_bound():
    durations = Durations()
    for seconds in (-1.0, 0.001, 0.0011, 5.0, 500.0):
        durations.note(seconds)
    counts = dict(durations.cumulative())
    assert (counts["0.001"], counts["0.003"], counts["5.0"], counts["+Inf"]) == (2, 3, 4, 5)
    assert durations.seconds == pytest.approx(505.0021)
    assert list(BOUNDS) == sorted(BOUNDS)


async def test_a_gateway_says_what_waits_and_who_is_silent():
    view, hub, second = LiveView(), Hub(), 1_000_000_000
    for process, service, when in (
        ("a", "filler-0", 0),
        ("a", "filler-1", 98),
        ("b", "gateway", 99),
    ):
        beat = Heartbeat(process=process, service=service, state="ready", when=when * second)
        view.apply(beat, 0)
    slow, quick = hub.join(), hub.join()
    for client in (slow, quick):
        hub.subscribe(client, "s", ["a", "b"])
    for channel in ("a", "b"):
        hub.publish(channel, State(header={"x": 1}))
    hub.take(quick)
    async with Desk.open() as desk:
        registry = GatewayMetrics().registry
        registry.register(GatewayCollector(view, desk, hub, lag=dict, wall=lambda: 100 * second))

        def look(name: str, **labels: str) -> float | None:
            return value(registry, f"dqm_gateway_{name}", **labels)

        assert await asyncio.to_thread(look, "clients") == 2
        assert await asyncio.to_thread(look, "queued_updates") == 3
        assert await asyncio.to_thread(look, "queued_updates_max") == 2
        for state in ("ready", "stale"):
            assert await asyncio.to_thread(look, "services", service="filler", state=state) == 1
        place = {"process": "b", "service": "gateway"}
        assert await asyncio.to_thread(look, "heartbeat_age_seconds", **place) == 1.0
    # The desk is closed: what needs no view is still told.
    assert await asyncio.to_thread(look, "clients") == 2
