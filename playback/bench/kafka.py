"""`dqmstream bench kafka`: the services as processes on a real broker.

Throughput is events divided by the time from the start of the run in the log to the last closed LS
in the store, for several numbers of fillers; beside it, in the same run and on the same broker, the
same bytes through bare aiokafka. The CPU seconds of every process say where the time goes. The
answer is checked against what was sent before a figure counts.
"""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from dqmstream.sources.synthetic.bench import Variant
from playback.bench.bare_kafka import bare_rate
from playback.bench.deployment import Deployment, cpu_seconds, deployed, spent
from playback.bench.events import BenchLumisection
from playback.bench.latency import event_delays
from playback.bench.played import closing_delays, run_started, stored_at
from playback.bench.recovery import recovery_rows
from playback.bench.row import Row
from playback.bench.watched import PLOTS, watched
from playback.bench.workspace import NAME
from playback.broker import Cluster
from playback.recordings import record_lumisections

__all__ = ["measure"]

_CHUNK_EVENTS: Final = 1000
_LUMISECTION_EVENTS: Final = 50_000
_PARTITIONS: Final = 8
_INTERVAL: Final = 0.5


def measure(*, events: int, quick: bool = False) -> list[Row]:
    """All rows of the benchmark.

    Parameters
    ----------
    events
        Events of each throughput part.
    quick
        A fifth of everything, for trying.
    """
    events = max(events // 5 if quick else events, 2 * _LUMISECTION_EVENTS)
    with (
        tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name,
        Cluster.start(Path(name) / "broker", full_jit=True) as cluster,
    ):
        bench = _Bench(Path(name), cluster)
        rows = bench.throughput("500B", events, goal=50_000.0)
        rows += bench.throughput("2kB", events // 2, goal=None)
        rows += bench.wide(events, fillers=(2, 4))
        for rate in (1_000.0, 20_000.0):
            rows += bench.latency(rate, seconds=15 if quick else 45)
        rows += bench.growth(events // 2)
        rows += bench.viewers((1, 50, 200), seconds=10)
        rows += recovery_rows(Path(name), bench.common)
    return rows


class _Bench:
    """One broker, and a new set of topics and services for each part."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._folder = folder
        self._cluster = cluster
        self._parts = 0
        self._recordings: dict[tuple[Variant, int, int, float], Path] = {}

    def throughput(self, variant: Variant, events: int, goal: float | None) -> list[Row]:
        """One filler, all services; against the same bytes through bare aiokafka."""
        recording = self._recording(variant)
        messages = events // _CHUNK_EVENTS
        produced, consumed = bare_rate(self._cluster.bootstrap, recording, messages, _PARTITIONS)
        bare = events / (consumed.ended - produced.began)
        rate, cpu = self._run(recording, events, fillers=1)
        rows = [
            Row(name=f"bare aiokafka, produce and consume, {variant}", value=bare, unit="events/s"),
            Row(
                name=f"events from source to store, {variant}, 300 elements, 1 filler",
                value=rate,
                unit="events/s",
                goal=goal,
            ),
            Row(
                name=f"of the bare rate, {variant}",
                value=rate / bare,
                unit="ratio",
                goal=None if goal is None else 0.5,
            ),
        ]
        return rows + _cpu_rows(cpu, events, variant)

    def wide(self, events: int, fillers: Sequence[int]) -> list[Row]:
        """The same with more fillers; these cores are shared by all of them."""
        recording = self._recording("500B")
        return [
            Row(
                name=f"events from source to store, 500B, 300 elements, {count} fillers",
                value=self._run(recording, events, fillers=count)[0],
                unit="events/s",
            )
            for count in fillers
        ]

    def growth(self, events: int) -> list[Row]:
        """CPU of the filler against partitions and elements."""
        recording = self._recording("500B")
        rows = []
        for partitions, workspaces, what in (
            (2, NAME, "2 partitions, 300 elements"),
            (_PARTITIONS, f"{NAME}_50", f"{_PARTITIONS} partitions, 50 elements"),
            (_PARTITIONS, f"{NAME}_1200", f"{_PARTITIONS} partitions, 1200 elements"),
        ):
            more = {"partitions": str(partitions), "workspaces": workspaces}
            rate, cpu = self._run(recording, events, fillers=1, **more)
            rows.append(
                Row(name=f"events from source to store, {what}", value=rate, unit="events/s")
            )
            stages = ("filler", "recorder", "gateway", "comparator")
            rows += _cpu_rows({stage: cpu[stage] for stage in stages}, events, what)
        return rows

    def latency(self, rate: float, seconds: int) -> list[Row]:
        """From each event to a browser, and from the end of each LS to its closed contents."""
        chunk = max(50, int(rate / 20))
        per_lumisection = int(rate * 5) // chunk * chunk
        recording = self._recording("500B", per_lumisection, chunk, rate)
        more = {"publish_interval": str(_INTERVAL), "update_interval": "0.05"}
        settings = self._settings(**more)
        with deployed(settings) as services:
            length = str(int(seconds / 5) + 3)
            services.start(
                "producer", "produce", str(recording), "--speed", "1", "--lumisections", length
            )
            delays = event_delays(services.address, rate=rate, seconds=seconds)
        closing = asyncio.run(closing_delays(settings, 5.0))
        name = f"at {rate:,.0f} events/s"
        return [
            _milliseconds(f"event to websocket {name}, p50", np.median(delays)),
            _milliseconds(f"event to websocket {name}, p99", np.percentile(delays, 99)),
            _milliseconds(
                f"event to websocket {name}, p99 beyond the interval of {_INTERVAL} s",
                np.percentile(delays, 99) - _INTERVAL,
                goal=500.0,
            ),
            _milliseconds(f"end of LS to closed {name}, p50", np.median(closing)),
            _milliseconds(f"end of LS to closed {name}, p99", np.percentile(closing, 99)),
        ]

    def viewers(self, counts: Sequence[int], seconds: int) -> list[Row]:
        """CPU of the gateway against viewers, at 1 000 events/s and two updates a second."""
        recording = self._recording("500B", 5_000, 50, 1_000.0)
        with deployed(self._settings(publish_interval=str(_INTERVAL))) as services:
            length = str(seconds * (len(counts) + 2) // 5 + 4)
            services.start(
                "producer", "produce", str(recording), "--speed", "1", "--lumisections", length
            )
            watched(services.address, clients=1, seconds=5)  # the run has begun
            rows = []
            for count in counts:
                before = services.cpu()
                watched(services.address, clients=count, seconds=seconds)
                used = spent(before, services.cpu())["gateway"] / seconds
                name = f"CPU of gateway, {count} viewers of the same {PLOTS} plots"
                rows.append(
                    Row(name=name, value=100 * used, unit="% of a core", higher_is_better=False)
                )
        return rows

    # ------------------------------------------------------------------------ parts

    @property
    def common(self) -> dict[str, str]:
        """Settings of all services but their topics' prefix and their data folder."""
        return {
            "kafka": self._cluster.bootstrap,
            "partitions": str(_PARTITIONS),
            "workspaces": NAME,
            "log_level": "error",
        }

    def _settings(self, **more: str) -> dict[str, str]:
        """Of a system with topics and a store of its own."""
        self._parts += 1
        own = {
            "kafka_prefix": f"bench-{self._parts}.",
            "data": str(self._folder / f"data-{self._parts}"),
        }
        return {**self.common, **own, **more}

    def _recording(
        self,
        variant: Variant,
        events: int = _LUMISECTION_EVENTS,
        chunk: int = _CHUNK_EVENTS,
        rate: float = 1e5,
    ) -> Path:
        """One LS of bench events, made once."""
        key = (variant, events, chunk, rate)
        if key not in self._recordings:
            folder = self._folder / f"recording-{len(self._recordings)}"
            record_lumisections([BenchLumisection(variant, 1, events, chunk, rate)], folder)
            self._recordings[key] = folder
        return self._recordings[key]

    def _run(
        self, recording: Path, events: int, *, fillers: int, **more: str
    ) -> tuple[float, dict[str, float]]:
        """Events per second from the run's start to the store, and CPU seconds by stage."""
        lumisections = events // _LUMISECTION_EVENTS
        settings = self._settings(**more)
        with deployed(settings, fillers=fillers) as services:
            before = self._cpu(services)
            length = str(lumisections)
            services.start(
                "producer", "produce", str(recording), "--speed", "0", "--lumisections", length
            )
            ended = stored_at(settings, lumisections, events)
            cpu = spent(before, self._cpu(services))
        started = asyncio.run(run_started(settings))
        return events / (ended - started), cpu

    def _cpu(self, services: Deployment) -> dict[str, float]:
        return {**services.cpu(), "broker": cpu_seconds(self._cluster.brokers[0].pid or 0)}


def _cpu_rows(cpu: Mapping[str, float], events: int, what: str) -> list[Row]:
    return [
        Row(
            name=f"CPU of {stage}, {what}",
            value=1e6 * seconds / events,
            unit="us/event",
            higher_is_better=False,
        )
        for stage, seconds in sorted(cpu.items())
    ]


def _milliseconds(name: str, seconds: float, goal: float | None = None) -> Row:
    return Row(name=name, value=1000 * float(seconds), unit="ms", goal=goal, higher_is_better=False)
