"""Which runs a command plays: of a synthetic detector, of streamer files, of a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import typer

from dqmstream.errors import SourceError
from dqmstream.sources.cms.selection import HltSelection
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.source import LUMISECTION_SECONDS, streamer_sources
from dqmstream.sources.source import EventSource
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.faults import parse_fault
from dqmstream.sources.synthetic.source import SyntheticSource
from playback.recording import LoopedRun, Recording, is_recording

__all__ = ["STREAM_WORKSPACE", "Runs", "runs_of_files", "synthetic_config", "synthetic_run"]

STREAM_WORKSPACE: Final = "dqm_stream"
"""The workspace that fits streamer files; the others fit what the synthetic detector sends."""
_FAULTS: Final = ("dead:pixel:layer1/module37@5-", "hot:ecal:ieta10/iphi200*50@5-")
_CHUNK_EVENTS: Final = 100
"""Small chunks: at the stream's 20 events/s a plot grows every few seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """Runs, to be played one after another, each with its sources side by side.

    Parameters
    ----------
    sources
        Sources of each run.
    seconds
        Length of an LS in seconds of data taking.
    from_files
        Whether they are streamer files, which one workspace fits.
    """

    sources: Sequence[Sequence[EventSource]] = ()
    seconds: float = LUMISECTION_SECONDS
    from_files: bool = False


def synthetic_config(options: Mapping[str, float], faults: Sequence[str] | None) -> SyntheticConfig:
    """A synthetic run of these numbers; None for the faults that are shown by default."""
    config = SyntheticConfig(
        run=int(options["run"]),
        lumisections=int(options["lumisections"]),
        rate=options["rate"],
        lumisection_seconds=options["lumisection_seconds"],
        seed=int(options["seed"]),
        faults=tuple(parse_fault(text) for text in (_FAULTS if faults is None else faults)),
    )
    cut = options.get("chunk_events")
    return config if cut is None else replace(config, chunk_events=int(cut))


def synthetic_run(config: SyntheticConfig, *, live_as: str = "") -> Runs:
    """One run of the synthetic detector; `live_as` as `SyntheticSource` takes it."""
    source = SyntheticSource(SyntheticDetector(config), live_as=live_as)
    return Runs(sources=[[source]], seconds=config.lumisection_seconds)


def runs_of_files(
    files: Sequence[Path],
    *,
    run: int = 1,
    lumisections: int | None = None,
    paths: tuple[str, ...] = (),
    prescale: int = 1,
    chunk_events: int | None = None,
) -> Runs:
    """Runs of streamer files and folders of them, or that of a recording.

    Parameters
    ----------
    run, lumisections
        Number and length a recording is played as; it is repeated as often as need be.
    paths, prescale
        Which events of streamer files to take.
    chunk_events
        Events in a chunk of streamer files; a recording has been cut already.

    Raises
    ------
    SourceError
        If a file is not there, or none can be read.
    """
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise SourceError("file_missing", f"no such file or folder: {', '.join(missing)}")
    if len(files) == 1 and is_recording(files[0]):
        recording = Recording(files[0])
        recorded = recording.manifest.lumisections
        source = LoopedRun(recording, run=run, lumisections=lumisections or len(recorded))
        return Runs(sources=[[source]], seconds=recorded[0].seconds)
    selection = HltSelection(paths=paths, prescale=prescale)
    reading = ReadSettings(selection=selection, chunk_events=chunk_events or _CHUNK_EVENTS)
    sources, listing = streamer_sources(files, reading)
    for skipped in listing.skipped:
        typer.echo(f"skipped {skipped.path}: {skipped.reason}: {skipped.detail}", err=True)
    runs: dict[int, list[EventSource]] = {}
    for one in sources:
        runs.setdefault(one.run, []).append(one)
    return Runs(sources=[runs[number] for number in sorted(runs)], from_files=True)
