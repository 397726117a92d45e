"""A comparison from its beginning to its report: both sides at once, then the difference."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from dqmstream.errors import ConfigurationError
from playback.comparing.archive import made_result
from playback.comparing.cache import MOST_BYTES, Cache, note_use
from playback.comparing.choice import Choice, read_choice
from playback.comparing.difference import Difference, compare
from playback.comparing.environment import Environment, environment_of
from playback.comparing.policy import Policy, read_policy
from playback.comparing.release import Archive, Configuration, Made, Release, StoredRun
from playback.comparing.report import Report, report_of
from playback.comparing.results import Ended, ResultFolder
from playback.comparing.side import Asked, Name, Side, run_side
from playback.recordings import Recording

__all__ = ["Comparison", "Options", "cache_folder", "run_comparison"]

_NAMES: Final[tuple[Name, Name]] = ("production", "candidate")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to compare.

    Parameters
    ----------
    recording
        Its folder; None if both sides are made already.
    run
        Of the recording or the files; None if they have but one.
    policy, configuration
        Files; the configuration is that of both sides, unless a side is one itself.
    catalogue
        File of references that both sides are judged with, unless their configuration names one.
    cache, cache_bytes
        Folder of environments, results and compiled kernels, and how large it may be left.
    repeats
        How often filling is timed.
    memory
        Whether memory of workspaces is measured.
    seconds
        After which a side that has not ended is ended.
    again
        Run both sides even if there are results.
    install
        Install what a release needs and is not there, in an environment of its own.
    """

    recording: Path | None = None
    run: int | None = None
    policy: Path | None = None
    configuration: Path | None = None
    catalogue: Path | None = None
    cache: Path
    cache_bytes: int = MOST_BYTES
    repeats: int = 1
    memory: bool = True
    seconds: float = 3600.0
    again: bool = False
    install: bool = False


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of it."""

    difference: Difference
    report: Report


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A side that can be run."""

    environment: Environment
    choice: Choice


def cache_folder() -> Path:
    """Where environments and results are kept, unless it is said otherwise."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "dqmstream" / "playback"


def run_comparison(
    production: Release | Made,
    candidate: Release | Made,
    options: Options,
    say: Callable[[str], None] = lambda _text: None,
) -> Comparison:
    """Run both sides side by side, and compare. Blocks.

    Raises
    ------
    ConfigurationError
        If a release, the recording, the policy or a configuration is not there, or is wrong.
    SourceError, StoreError
        If the recording or what is made already cannot be read.
    OSError
        If the cache cannot be written, or another comparison that makes the same does not end.
    """
    policy = read_policy(options.policy)
    asked = _asked(production, candidate, options, say)
    try:
        options.cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cache {options.cache}: no folder to write into: {error.strerror}"
        raise ConfigurationError(msg) from error
    with Cache(options.cache, most_bytes=options.cache_bytes).held():
        temporary = Path(tempfile.mkdtemp(prefix="made-", dir=options.cache))
        try:
            sides = _sides((production, candidate), asked, options, temporary)
            for name, side in zip(_NAMES, sides, strict=True):
                say(_words(name, side))
            return _compared(sides[0], sides[1], policy, options)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _sides(
    which: tuple[Release | Made, Release | Made],
    asked: Asked | None,
    options: Options,
    temporary: Path,
) -> tuple[Side, Side]:
    """Both, side by side; where one is refused the other is ended."""
    with ThreadPoolExecutor(2) as threads:
        # Both are ready before either is run: what was asked wrongly is said at once.
        ready = list(threads.map(partial(_ready, options=options), which))
        run = partial(_side, asked=asked, options=options)
        folders = [temporary / name for name in _NAMES]
        waiting = [
            threads.submit(run, *one) for one in zip(_NAMES, which, ready, folders, strict=True)
        ]
        try:
            done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()
        except BaseException:
            if asked is not None:
                asked.stop.set()
            raise
        return waiting[0].result(), waiting[1].result()


def _asked(
    production: Release | Made,
    candidate: Release | Made,
    options: Options,
    say: Callable[[str], None],
) -> Asked | None:
    """What is run on the recording; None if nothing is."""
    both = (production, candidate)
    run = [one for one in both if not isinstance(one, StoredRun | Archive)]
    if not run:
        if options.recording is not None:
            msg = f"{options.recording}: both sides are made already, no recording is played"
            raise ConfigurationError(msg)
        if options.catalogue is not None:
            msg = f"{options.catalogue}: both sides are made already, nothing is judged"
            raise ConfigurationError(msg)
        return None
    if options.recording is None:
        msg = f"{run[0]} has to be run: on which recording?"
        raise ConfigurationError(msg)
    recording = Recording(options.recording)
    recording.verify()
    return Asked(
        recording=recording,
        run=_run_of(recording, options.run),
        cache=options.cache,
        repeats=options.repeats,
        memory=options.memory,
        seconds=options.seconds,
        again=options.again,
        say=say,
    )


def _run_of(recording: Recording, run: int | None) -> int:
    runs = [sources[0].run for sources in recording.runs if sources]
    if run is None and len(runs) == 1:
        return runs[0]
    if run is None or run not in runs:
        there = ", ".join(map(str, runs)) or "none"
        asked = "say which run by --run" if run is None else f"there is no run {run}"
        msg = f"{recording.folder}: {asked}: it has {there}"
        raise ConfigurationError(msg)
    return run


def _ready(which: Release | Made, options: Options) -> _Ready | None:
    """What a side runs in, and what; None of what is made already."""
    if isinstance(which, StoredRun | Archive):
        return None
    file = which.file if isinstance(which, Configuration) else options.configuration
    choice = read_choice(file)
    if options.catalogue is not None and not choice.catalogue:
        choice = msgspec.structs.replace(choice, catalogue=str(options.catalogue.resolve()))
    folder = options.cache / "environments"
    environment = environment_of(which, folder, install=options.install, named=choice.packages)
    used = [environment.python, *environment.path, options.catalogue or folder]
    note_use(*(one for path in used for one in _entry(path, options.cache)))
    return _Ready(environment=environment, choice=choice)


def _entry(path: Path, cache: Path) -> Iterator[Path]:
    """The entry of the cache that a path lies in, if it is in one."""
    if path.is_relative_to(cache):
        kind, *name = path.relative_to(cache).parts
        yield from (cache / kind / one for one in name[:1])


def _side(
    name: Name,
    which: Release | Made,
    ready: _Ready | None,
    folder: Path,
    *,
    asked: Asked | None,
    options: Options,
) -> Side:
    if isinstance(which, StoredRun | Archive):
        return Side(result=made_result(which, folder, options.run), kept=False)
    if asked is None or ready is None:  # pragma: no cover - `_asked` and `_ready` have seen to it
        msg = f"{which} has to be run: on which recording?"
        raise ConfigurationError(msg)
    return run_side(name, ready.environment, ready.choice, asked)


def _words(name: Name, side: Side) -> str:
    ended: Ended = side.result.ended
    begun = side.result.begun
    if ended.crash is not None:
        return f"{name} ({begun.release}): crashed {ended.crash.doing}: {ended.crash.why}"
    how = "kept from before" if side.kept else "done"
    costs = "" if ended.costs is None else f", {ended.costs.wall:.1f} s"
    return f"{name} ({begun.release}): {len(side.result.lumisections)} LSs {how}{costs}"


def _compared(production: Side, candidate: Side, policy: Policy, options: Options) -> Comparison:
    results: tuple[ResultFolder, ResultFolder] = production.result, candidate.result
    difference = compare(*results, policy)
    report = report_of(
        difference,
        *results,
        recording="" if options.recording is None else options.recording.name,
        policy="" if options.policy is None else options.policy.name,
        kept=(production.kept, candidate.kept),
    )
    # What is drawn holds what it needs; the reports hold text: the results may go.
    return Comparison(difference=difference, report=report)
