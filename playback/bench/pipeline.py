"""`dqmstream bench pipeline`: the whole way, from a recording to closed LSs in the store.

The program runs as a user starts it, in a process of its own on the embedded log. Throughput is
events divided by the time from the source's start to the last closed LS in the store; the answer is
checked against the recording. Latency is taken by a websocket client: for each event, the time from
when its event time was due to when a plot that holds it arrived.
"""

import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from dqmstream.sources.synthetic.bench import Variant
from playback.bench.events import BenchLumisection
from playback.bench.latency import event_delays
from playback.bench.program import BenchError, finished, running
from playback.bench.row import Row
from playback.bench.workspace import NAME
from playback.recordings import Recording, record_lumisections

__all__ = ["measure"]

_CHUNK_EVENTS: Final = 1000
_LUMISECTION_EVENTS: Final = 50_000
_TIMEOUT: Final = 1800.0
_VARIANTS: Final[tuple[tuple[Variant, float | None], ...]] = (("500B", 100_000.0), ("2kB", None))
_RATE: Final = 1000.0
_LATENCY_CHUNK: Final = 50


def measure(*, events: int, quick: bool = False) -> list[Row]:
    """All rows of the benchmark.

    Parameters
    ----------
    events
        Events of the throughput part.
    quick
        A tenth of everything, for trying.
    """
    events = max(events // 10 if quick else events, 2 * _LUMISECTION_EVENTS)
    rows = []
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name:
        folder = Path(name)
        for variant, goal in _VARIANTS:
            rows += _throughput(folder, variant, events, goal)
        rows += _latency(folder, seconds=20 if quick else 60)
        rows += _memory(folder, lumisections=200 if quick else 2000)
    return rows


# ------------------------------------------------------------------------- throughput


def _throughput(folder: Path, variant: Variant, events: int, goal: float | None) -> list[Row]:
    recording = folder / f"recording-{variant}"
    record_lumisections(
        [BenchLumisection(variant, 1, _LUMISECTION_EVENTS, _CHUNK_EVENTS, 1e5)], recording
    )
    lumisections = events // _LUMISECTION_EVENTS
    answer = finished(
        ["replay", str(recording), "--exit", "--json", "--lumisections", str(lumisections)],
        _settings(folder / f"data-{variant}", fillers="2"),
        timeout=_TIMEOUT,
    )
    run = answer["runs"][0]
    expected = lumisections * _LUMISECTION_EVENTS
    if run["selected"] != expected or len(run["lumisections"]) != lumisections:
        msg = f"{run['selected']} events in {len(run['lumisections'])} LSs, expected {expected}"
        raise BenchError(msg)
    return [
        Row(
            name=f"events from source to store, {variant}, 300 elements",
            value=expected / run["seconds"],
            unit="events/s",
            goal=goal,
        ),
        Row(
            name=f"bytes of events, {variant}",
            value=Recording(recording).sources[0].entry.lumisections[0].bytes
            * lumisections
            / run["seconds"]
            / 1e6,
            unit="MB/s",
        ),
    ]


def _settings(data: Path, **more: str) -> dict[str, str]:
    return {
        "data": str(data),
        "port": "0",
        "workspaces": NAME,
        "log_level": "error",
        "partitions": "2",
        **more,
    }


# ---------------------------------------------------------------------------- latency


def _latency(folder: Path, seconds: int) -> list[Row]:
    """Latency of each event at 1 000 events/s, without the interval between updates."""
    recording = folder / "recording-latency"
    per_lumisection = int(_RATE * 5)
    record_lumisections(
        [BenchLumisection("500B", 1, per_lumisection, _LATENCY_CHUNK, _RATE)], recording
    )
    interval = 0.5
    settings = _settings(
        folder / "data-latency", publish_interval=str(interval), update_interval="0.05"
    )
    length = str(int(seconds / 5) + 3)
    arguments = ["replay", str(recording), "--speed", "1", "--lumisections", length]
    with running(arguments, settings) as program:
        delays = event_delays(program.address, rate=_RATE, seconds=seconds)
    beyond = 1000 * (delays - interval)
    return [
        Row(name="event to websocket, p50", value=1000 * float(np.median(delays)), unit="ms"),
        Row(
            name="event to websocket, p99", value=1000 * float(np.percentile(delays, 99)), unit="ms"
        ),
        Row(
            name=f"event to websocket, p99 beyond the interval of {interval} s",
            value=float(np.percentile(beyond, 99)),
            unit="ms",
            goal=250.0,
            higher_is_better=False,
        ),
    ]


# ----------------------------------------------------------------------------- memory


def _memory(folder: Path, lumisections: int) -> list[Row]:
    """Resident memory over a long run: after the first quarter it must not grow."""
    recording = folder / "recording-memory"
    record_lumisections([BenchLumisection("500B", 1, 200, 100, 100.0)], recording)
    arguments = ["replay", str(recording), "--exit", "--lumisections", str(lumisections)]
    resident: dict[int, int] = {}
    with running(arguments, _settings(folder / "data-memory")) as program:
        for line in program.lines():
            if line.startswith("run 1 LS"):
                number = int(line.split()[3])
                if number % 10 == 0:
                    resident[number] = program.memory()
    if max(resident, default=0) < lumisections * 9 // 10:
        msg = f"the run of {lumisections} LSs ended after LS {max(resident, default=0)}"
        raise BenchError(msg)
    early = [size for number, size in resident.items() if number <= lumisections // 4]
    late = [size for number, size in resident.items() if number >= 3 * lumisections // 4]
    return [
        Row(name=f"memory at the end of {lumisections} LSs", value=max(late) / 1e6, unit="MB"),
        Row(
            name="memory of the last quarter over that of the first",
            value=float(np.median(late)) / max(early),
            unit="ratio",
            goal=1.1,
            higher_is_better=False,
        ),
    ]
