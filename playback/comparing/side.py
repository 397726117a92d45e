"""One side, run in a process of its own; what it came to is kept, and found again.

A result is kept under a key of recording, release and configuration. While it is made other
processes wait for it; what was left half done, by `kill -9` too, is made again from the start.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final, Literal

import msgspec

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.identity import content_hash
from playback.comparing.cache import note_use
from playback.comparing.choice import Choice
from playback.comparing.environment import Environment
from playback.comparing.results import SCHEMA, Begun, Crash, Ended, ResultFolder, ResultWriter
from playback.comparing.runner import REFUSED, Request
from playback.recordings import Recording

__all__ = ["Asked", "Name", "Side", "result_key", "run_side"]

_SAID: Final = 4000
_LOOK: Final = 0.2
_STOPPED: Final = "ended: the other side cannot be run"
Name = Literal["production", "candidate"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be run on what, and how thoroughly.

    Parameters
    ----------
    run
        Of the recording.
    seconds
        After which a side that has not ended is ended.
    again
        Run even if there is a result.
    stop
        When it is set, what runs is ended: the other side cannot be run.
    say
        Told what is waited for.
    """

    recording: Recording
    run: int
    cache: Path
    repeats: int = 1
    memory: bool = True
    seconds: float = 3600.0
    again: bool = False
    stop: Event = field(default_factory=Event)
    say: Callable[[str], None] = lambda _text: None


@dataclass(frozen=True, kw_only=True)
class Side:
    """A side that was run; `kept` if its result was there already."""

    result: ResultFolder
    kept: bool


def run_side(name: Name, environment: Environment, choice: Choice, asked: Asked) -> Side:
    """Run one side, or find its result. Blocks.

    Raises
    ------
    ConfigurationError
        If a file of the configuration cannot be read, or the release refuses what it is to run.
    TimeoutError
        If another process makes the same result, and has not ended in the time of a side.
    """
    folder = asked.cache / "results" / result_key(name, environment, choice, asked)
    folder.parent.mkdir(parents=True, exist_ok=True)
    before = _made(folder)
    with _alone(folder.with_suffix(".lock"), f"{name} ({environment.release})", asked):
        # What another has made meanwhile is as new as our own would be, and crashes as ours would.
        is_new = _made(folder) not in (None, before)
        if is_new or (not asked.again and _is_whole(folder)):
            note_use(folder)
            return Side(result=ResultFolder(folder), kept=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _run(name, folder, environment, choice, asked)
        return Side(result=ResultFolder(folder), kept=False)


def result_key(name: Name, environment: Environment, choice: Choice, asked: Asked) -> str:
    """Name of a result in the cache: a hash of all that decides what is in it.

    Of the recording these are not events alone: what is known of its LSs decides verdicts, and how
    long they are when alarms come.
    """
    recorded = asked.recording.manifest
    return content_hash(
        [
            SCHEMA,
            recorded.runs,
            recorded.conditions,
            asked.run,
            environment.hash,
            choice.hash(),
            asked.repeats,
            asked.memory,
            name,
        ]
    )


def _is_whole(folder: Path) -> bool:
    """A crash may have been the machine's: it is tried again."""
    try:
        return ResultFolder(folder).ended.crash is None
    except SourceError:
        return False


def _made(folder: Path) -> tuple[int, int] | None:
    """Which result is there; None if none is."""
    try:
        about = (folder / "ended.json").stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


@contextmanager
def _alone(lock: Path, name: str, asked: Asked) -> Iterator[None]:
    until = None
    with lock.open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if until is None:
                    until = time.monotonic() + asked.seconds
                    asked.say(f"{name}: another comparison is making this result: waiting for it")
                if time.monotonic() >= until:
                    msg = f"{name}: another comparison was not done within {asked.seconds:g} s"
                    raise TimeoutError(msg) from None
            if asked.stop.wait(_LOOK):
                raise ConfigurationError(_STOPPED)
        yield


def _run(name: Name, folder: Path, environment: Environment, choice: Choice, asked: Asked) -> None:
    kernels = asked.cache / "kernels" / environment.compiling
    note_use(kernels)
    request = Request(
        release=str(environment.release),
        hash=f"{environment.hash}-{choice.hash()}",
        recording=str(asked.recording.folder.resolve()),
        run=asked.run,
        result=str(folder),
        choice=choice,
        repeats=asked.repeats,
        memory=asked.memory,
        kernels=str(kernels),
    )
    file = folder / "request.json"
    file.write_bytes(msgspec.json.encode(request))
    ResultWriter(folder).runs_in(environment.ran_in)
    command = [str(environment.python), "-P", "-m", "playback.comparing.runner", str(file)]
    variables = {**environment.variables, "NUMBA_CACHE_DIR": str(kernels)}
    said = folder / "said"
    # Its input stays open as long as this process lives, and ends it after that.
    with (
        said.open("wb") as stream,
        subprocess.Popen(  # noqa: S603 an interpreter of the release
            command,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            env=variables,
            cwd=folder,
        ) as process,
    ):
        try:
            status = _ended(process, asked)
            why = _why(status)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
            why = f"did not end within {asked.seconds:g} s"
        except BaseException:
            process.kill()
            raise
    if not (folder / "ended.json").is_file():
        if status == REFUSED:
            refused = _tail(said).strip().splitlines() or [why]
            shutil.rmtree(folder, ignore_errors=True)
            msg = f"{name} ({environment.release}): {refused[-1]}"
            raise ConfigurationError(msg)
        _end(folder, request, why, environment)


def _ended(process: "subprocess.Popen[bytes]", asked: Asked) -> int:
    """Status of a process; TimeoutExpired if it takes too long."""
    until = time.monotonic() + asked.seconds
    while True:
        left = until - time.monotonic()
        try:
            return process.wait(min(max(left, 0.0), _LOOK))
        except subprocess.TimeoutExpired:
            if asked.stop.is_set():
                raise ConfigurationError(_STOPPED) from None
            if left <= _LOOK:
                raise


def _why(status: int) -> str:
    if status < 0:
        return f"ended by signal {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _end(folder: Path, request: Request, why: str, environment: Environment) -> None:
    """A side that could not say itself how it ended."""
    writer, result = ResultWriter(folder), ResultFolder(folder)
    if not (folder / "begun.json").is_file():
        begun = Begun(
            release=request.release,
            version=environment.identity.version,
            hash=request.hash,
            recording="",
            run=request.run,
        )
        writer.begin(begun, (), ())
    at = result.at
    said = _tail(folder / "said")
    if at is None and said:
        why = said.strip().splitlines()[-1][:500]
    crash = Crash(
        lumisection=0 if at is None else at.lumisection,
        doing="starting" if at is None else at.doing,
        why=why,
        said=said,
    )
    writer.end(Ended(crash=crash))


def _tail(file: Path) -> str:
    with file.open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _SAID))
        return stream.read().decode(errors="replace")
