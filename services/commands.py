"""What the commands do: settings, sources and a running system put together."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import typer

from dqmstream.clock import SystemClock
from dqmstream.errors import SourceError
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.sources.cms.selection import HltSelection
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.source import streamer_sources
from dqmstream.sources.source import EventSource
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.faults import parse_fault
from dqmstream.sources.synthetic.source import SyntheticSource
from dqmstream.sources.synthetic.truth import write_truth
from dqmstream.workspaces.registry import load_workspaces
from playback.recording import LoopedRun, Recording, is_recording
from services.logs import set_up_logs
from services.memory import return_freed_memory
from services.play import Play
from services.settings import Settings, load_settings
from services.shutdown import run_until_stopped
from services.system import running_system

__all__ = ["demo", "replay", "serve_all"]

_DEMO_FAULTS: Final = ("dead:pixel:layer1/module37@5-", "hot:ecal:ieta10/iphi200*50@5-")
_STREAM_WORKSPACE: Final = "dqm_stream"
_CHUNK_EVENTS: Final = 100
"""Small chunks: at the stream's 20 events/s a plot grows every few seconds."""


def demo(
    *,
    files: Sequence[Path],
    speed: float | None,
    synthetic: Mapping[str, float],
    faults: Sequence[str] | None,
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play a synthetic run, or streamer files, in a fresh folder unless one is named."""
    with ExitStack() as stack:
        given = dict(flags)
        if given.get("data") is None and "DQMSTREAM_DATA" not in os.environ:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dqmstream-demo-"))
            given["data"] = Path(folder)
        settings = _settings(given, config)
        if files:
            reading = ReadSettings(chunk_events=_CHUNK_EVENTS)
            return _replay(
                files, reading, settings, speed=speed, exit_with_run=exit_with_run, json=json
            )
        detector_config = SyntheticConfig(
            run=int(synthetic["run"]),
            lumisections=int(synthetic["lumisections"]),
            rate=synthetic["rate"],
            lumisection_seconds=synthetic["lumisection_seconds"],
            seed=int(synthetic["seed"]),
            faults=tuple(
                parse_fault(text) for text in (_DEMO_FAULTS if faults is None else faults)
            ),
        )
        settings.data.mkdir(parents=True, exist_ok=True)
        write_truth(detector_config, settings.data / "truth.json")
        source = SyntheticSource(SyntheticDetector(detector_config))
        bookings = _bookings(settings, without=_STREAM_WORKSPACE)
        seconds = detector_config.lumisection_seconds
        play = Play([[source]], speed=speed, seconds=seconds, stop=exit_with_run, json=json)
        return _play(settings, bookings, play)


def replay(
    *,
    files: Sequence[Path],
    speed: float | None,
    run: int,
    lumisections: int | None,
    paths: tuple[str, ...],
    prescale: int,
    flags: Mapping[str, object],
    config: Path | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    """Play streamer files, or a recording, into the data folder's log."""
    settings = _settings(flags, config)
    if len(files) == 1 and is_recording(files[0]):
        recording = Recording(files[0])
        length = lumisections or len(recording.manifest.lumisections)
        source = LoopedRun(recording, run=run, lumisections=length)
        seconds = recording.manifest.lumisections[0].seconds
        play = Play([[source]], speed=speed, seconds=seconds, stop=exit_with_run, json=json)
        return _play(settings, _bookings(settings, without=_STREAM_WORKSPACE), play)
    selection = HltSelection(paths=paths, prescale=prescale)
    reading = ReadSettings(selection=selection, chunk_events=_CHUNK_EVENTS)
    return _replay(files, reading, settings, speed=speed, exit_with_run=exit_with_run, json=json)


def serve_all(*, flags: Mapping[str, object], config: Path | None) -> int:
    """Run all services until stopped."""
    settings = _settings(flags, config)
    return _play(settings, _bookings(settings), Play([], stop=False))


def _replay(
    files: Sequence[Path],
    reading: ReadSettings,
    settings: Settings,
    *,
    speed: float | None,
    exit_with_run: bool,
    json: bool,
) -> int:
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise SourceError("file_missing", f"no such file or folder: {', '.join(missing)}")
    sources, listing = streamer_sources(files, reading)
    for skipped in listing.skipped:
        typer.echo(f"skipped {skipped.path}: {skipped.reason}: {skipped.detail}", err=True)
    runs: dict[int, list[EventSource]] = {}
    for source in sources:
        runs.setdefault(source.run, []).append(source)
    play = Play(
        [runs[number] for number in sorted(runs)], speed=speed, stop=exit_with_run, json=json
    )
    return _play(settings, _bookings(settings, only=_STREAM_WORKSPACE), play)


def _play(settings: Settings, bookings: Sequence[Booking], play: Play) -> int:
    tests = _tests(settings, bookings)
    return_freed_memory()

    async def main() -> None:
        clock = SystemClock()
        async with running_system(settings, bookings, tests, clock) as system:
            await play.on(system, clock)

    return run_until_stopped(main)


def _settings(flags: Mapping[str, object], config: Path | None) -> Settings:
    settings = load_settings(flags, os.environ, config).settings
    set_up_logs(settings.log_level, settings.log_format)
    return settings


def _bookings(settings: Settings, *, only: str = "", without: str = "") -> tuple[Booking, ...]:
    """Workspaces named in the settings, else all that fit the source; and those of files."""
    names: tuple[str, ...] | None = settings.workspaces or ((only,) if only else None)
    bookings = load_workspaces(names)
    if not settings.workspaces and without:
        bookings = tuple(b for b in bookings if b.workspace != without)
    return bookings + (
        load_workspaces(settings.workspace_files) if settings.workspace_files else ()
    )


def _tests(settings: Settings, bookings: Sequence[Booking]) -> tuple[QualityTest, ...]:
    """Tests of the file that is named; else those of the shipped one for these workspaces."""
    if not settings.quality_tests:
        workspaces = {booking.workspace for booking in bookings}
        return tuple(test for test in default_tests() if test.workspace in workspaces)
    path = Path(settings.quality_tests)
    try:
        return read_tests(path.read_text(), file=str(path))
    except OSError as error:
        raise SourceError("file_missing", f"quality tests {path}: {error.strerror}") from error
