"""`dqmstream bench playback`: a whole comparison of two releases, against plain filling.

A recording of 100 LSs of 2000 events of the synthetic detector, in all workspaces that fit it, is
compared by the real command, each side in a process of its own, both at once: environments,
filling, judging, alarms, memory of each workspace, difference and reports. The peer decodes and
fills the same chunks in the same workspaces in one process, and does nothing else. A figure counts
only if the comparison read every event and found no difference: both sides are the same release.
"""

import tempfile
import time
from pathlib import Path
from typing import Any, Final

from dqmstream.conditions.synthetic import synthetic_conditions
from dqmstream.kernels.warm import warm
from dqmstream.sources.conditioned import conditioned
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource
from dqmstream.workspaces.fitting import columns_of
from playback.bench.program import BenchError, finished
from playback.bench.row import Row
from playback.comparing.choice import Choice, Running, choose
from playback.comparing.playing import Playing
from playback.recordings import Recording, record

__all__ = ["measure"]

_LUMISECTIONS: Final = 100
_EVENTS: Final = 2_000
_RUN: Final = 7
_GOAL: Final = 120.0
_TIMEOUT: Final = 3_600.0
_COSTS: Final = frozenset({"time", "cpu", "memory"})


def measure(*, quick: bool = False) -> list[Row]:
    """All figures; a quick measurement compares 10 LSs.

    Raises
    ------
    BenchError
        If the comparison found a difference, or did not read all events.
    """
    lumisections = 10 if quick else _LUMISECTIONS
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name:
        folder = Path(name)
        recording = _recorded(folder / "recording", lumisections)
        running = choose(Choice(), columns_of(recording.sources[0]))
        if len(running.layouts) < 12:
            msg = f"{len(running.layouts)} workspaces fit, expected 12 subsystems or more"
            raise BenchError(msg)
        plain = _plain(recording, running)
        first, cold = _compared(folder, recording, "first")
        second, warmed = _compared(folder, recording, "second")
    events = lumisections * _EVENTS
    for report in (first, second):
        _check(report, events)
    cpu = min(_figure(report, "CPU in all") for report in (first, second))
    return [
        _seconds(
            f"{lumisections} LSs x {_EVENTS} events, {len(running.layouts)} workspaces", warmed
        ),
        _seconds("the same, with kernels to be compiled first", cold),
        Row(name="events compared a second", value=events / warmed, unit="/s"),
        Row(
            name="plain filling of the same in one process, CPU",
            value=plain,
            unit="s",
            higher_is_better=False,
        ),
        Row(
            name="CPU of one side against plain filling",
            value=cpu / plain,
            unit="times",
            higher_is_better=False,
        ),
        Row(
            name="the whole comparison against plain filling, time",
            value=warmed / plain,
            unit="times",
            higher_is_better=False,
        ),
    ]


def _seconds(name: str, value: float) -> Row:
    return Row(name=name, value=value, unit="s", goal=_GOAL, higher_is_better=False)


def _recorded(folder: Path, lumisections: int) -> Recording:
    config = SyntheticConfig(run=_RUN, lumisections=lumisections, rate=_EVENTS / 23.31)
    table = synthetic_conditions(config)
    source = conditioned(SyntheticSource(SyntheticDetector(config)), table)
    return record([source], folder, conditions=tuple(table.of_run(_RUN).values()))


def _plain(recording: Recording, running: Running) -> float:
    """CPU seconds to decode and fill."""
    warm()
    began = time.process_time()
    playing = Playing(recording.sources, running, None)
    playing.play()
    return time.process_time() - began


def _compared(folder: Path, recording: Recording, name: str) -> tuple[dict[str, Any], float]:
    """The report of the real command, and the seconds it took."""
    arguments = ["playback", "compare", str(recording.folder), "--candidate", "installed"]
    arguments += ["--again", "--cache", str(folder / "cache"), "--report", str(folder / name)]
    policy = folder / "policy.toml"
    policy.write_text(
        '[[allow]]\nwhat = ["time", "cpu", "memory"]\nwhy = "they are what is measured"\n'
    )
    began = time.monotonic()
    report: dict[str, Any] = finished(
        [*arguments, "--policy", str(policy), "--json"], {}, timeout=_TIMEOUT
    )
    return report, time.monotonic() - began


def _check(report: dict[str, Any], events: int) -> None:
    """A comparison that reads nothing is quick."""
    found = [one for one in report["findings"] if one["kind"] not in _COSTS]
    if found or report["compared"]["events"] != events:
        msg = (
            f"the installed release against itself: {report['compared']['events']} of {events} "
            f"events, {len(found)} differences such as {found[:1]}"
        )
        raise BenchError(msg)


def _figure(report: dict[str, Any], what: str) -> float:
    """The larger of both sides."""
    (figure,) = (one for one in report["figures"] if one["what"] == what)
    return max(float(figure["production"]), float(figure["candidate"]))
