"""The plan of an emulated data taking: a pure function of settings, recorded files and seed.

LS k of a stream is its recorded file (k - 1) mod N under another name, as CMS's own simulator
has it (`cms-DQM/fff_dqmtools:applets/fff_simulator.py`). The events keep the run and LS that they
were recorded under.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from dqmstream.sources.cms.emulating.recorded import RecordedFile
from dqmstream.sources.cms.emulating.settings import EmulationSettings

__all__ = ["EmulatedFile", "Operation", "Plan", "plan"]

Fault: TypeAlias = Literal["missing", "truncated", "half_written", "out_of_order", "late"]
_MOST_OUT_OF_ORDER = 3.0
"""LSs that a file out of order is late at most."""


class EmulatedFile(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the file of one LS: the truth that a watcher is held against.

    Parameters
    ----------
    name
        Of the data file.
    source
        Path of the recorded file.
    size
        Bytes written, of `whole`.
    events, readable
        Events that the `.jsn` announces, and those whose every byte is there; both 0 if missing.
    at
        Seconds after the start at which the whole `.jsn` is there; None if it never is.
    deleted
        Seconds after which the file is deleted; None if it stays.
    faults
        What is wrong with it.
    """

    run: int
    lumisection: int
    stream: str
    name: str
    source: str
    size: int
    whole: int
    events: int
    readable: int
    at: float | None
    deleted: float | None = None
    faults: tuple[Fault, ...] = ()


class Operation(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing done to the folder, `at` seconds after the start.

    `run` makes a run's folder and its key, `half` writes a data file and half of its `.jsn` in
    place, `whole` renames both into place, `delete` removes both, `end` makes the end-of-run file.
    """

    at: float
    run: int
    what: Literal["run", "half", "whole", "delete", "end"]
    file: EmulatedFile | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All operations in the order of time, what becomes of each file, and which runs end."""

    settings: EmulationSettings
    operations: tuple[Operation, ...]
    files: tuple[EmulatedFile, ...]
    ended_runs: tuple[int, ...]


def plan(settings: EmulationSettings, recorded: Mapping[str, Sequence[RecordedFile]]) -> Plan:
    """Plan what happens when.

    Parameters
    ----------
    recorded
        Files by stream, at least one in each.
    """
    rng = random.Random(settings.seed)  # noqa: S311 faults, no secrets
    operations: list[Operation] = []
    files: list[EmulatedFile] = []
    ended: list[int] = []
    start = 0.0
    for run in range(settings.run, settings.run + settings.runs):
        operations.append(Operation(at=start, run=run, what="run"))
        of_run = [
            _file(
                settings,
                rng,
                run=run,
                number=number,
                stream=stream,
                recorded=of_stream,
                start=start,
            )
            for number in range(1, settings.lumisections + 1)
            for stream, of_stream in sorted(recorded.items())
        ]
        files += of_run
        for file in of_run:
            operations += _operations(settings, rng, file)
        start += settings.seconds * settings.lumisections
        if rng.random() >= settings.no_end:
            on_time = [one.at for one in of_run if one.at is not None and "late" not in one.faults]
            operations.append(Operation(at=max([start, *on_time]), run=run, what="end"))
            ended.append(run)
        start += settings.seconds
    # By time alone: what is planned first for one time is done first.
    operations.sort(key=lambda one: one.at)
    return Plan(
        settings=settings,
        operations=tuple(operations),
        files=tuple(files),
        ended_runs=tuple(ended),
    )


def _file(
    settings: EmulationSettings,
    rng: random.Random,
    *,
    run: int,
    number: int,
    stream: str,
    recorded: Sequence[RecordedFile],
    start: float,
) -> EmulatedFile:
    source = recorded[(number - 1) % len(recorded)]
    fate, delay, faults = rng.random(), 0.0, list[Fault]()
    # Always as many numbers: the fate of one file does not change that of the next.
    far, cut = rng.random(), rng.random()
    truncated, half = rng.random() < settings.truncated, rng.random() < settings.half_written
    missing = fate < settings.missing
    if missing:
        faults.append("missing")
    elif fate < settings.missing + settings.out_of_order:
        faults.append("out_of_order")
        delay = far * _MOST_OUT_OF_ORDER * settings.seconds
    elif fate < settings.missing + settings.out_of_order + settings.late:
        faults.append("late")
        delay = settings.late_seconds
    size = source.size
    if truncated and not missing:
        faults.append("truncated")
        size = int(cut * source.size)
    if half and not missing:
        faults.append("half_written")
    at = start + number * settings.seconds + delay
    deleted = None
    if settings.keep is not None and not missing:
        deleted = max(at, start + (number + settings.keep) * settings.seconds)
    return EmulatedFile(
        run=run,
        lumisection=number,
        stream=stream,
        name=f"run{run:06d}_ls{number:04d}_{stream}{source.ending}.dat",
        source=str(source.path),
        size=size,
        whole=source.size,
        events=0 if missing else source.jsn.accepted,
        readable=0 if missing else source.readable(size),
        at=None if missing else at,
        deleted=deleted,
        faults=tuple(faults),
    )


def _operations(
    settings: EmulationSettings, rng: random.Random, file: EmulatedFile
) -> Iterator[Operation]:
    if file.at is None:
        return
    if "half_written" in file.faults:
        before = rng.random() * settings.seconds / 2
        yield Operation(at=file.at - before, run=file.run, what="half", file=file)
    yield Operation(at=file.at, run=file.run, what="whole", file=file)
    if file.deleted is not None:
        yield Operation(at=file.deleted, run=file.run, what="delete", file=file)
