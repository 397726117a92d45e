"""Recording that is killed at each of its steps in turn, and gone on with: run as a program.

It records a source, or a log that holds what the source has sent.

A step is a file that is opened, renamed or removed, a write to the disk that is waited for, or a
line of the journal. The process kills itself there by SIGKILL, so nothing of it is cleaned up.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from dqmstream.clock import SettableClock
from dqmstream.messages.topics import CONDITIONS as CONDITIONS_TOPIC
from dqmstream.producing import produce
from dqmstream.transport.outgoing import outgoing
from playback.recordings import record
from playback.recordings.from_log import record_log
from playback.recordings.gathering import Range
from tests.recorded import CONDITIONS, SmallRun, digest_of, small_log

_STEPS = ("open", "os.rename", "os.remove", "os.mkdir")


def main(what: str, folder: Path) -> None:
    """Print how many moments there were, and those after which the folder was another."""
    recorded = {"source": _record_source, "log": _record_log}[what]
    whole = folder / "whole"
    recorded(whole)
    expected = digest_of(whole)
    moment, wrong, survived = 0, [], False
    while not survived:
        target = folder / f"killed{moment}"
        survived = _killed_at(moment, target, recorded)
        if not (target / "manifest.json").exists() or (target / "journal.jsonl").exists():
            recorded(target)
        if digest_of(target) != expected:
            wrong.append(moment)
        shutil.rmtree(target)
        moment += 1
    sys.stdout.write(json.dumps({"moments": moment, "wrong": wrong}))


def _record_source(target: Path) -> None:
    record([SmallRun()], target, made="then", lumisections=(2, 4), conditions=CONDITIONS)


def _record_log(target: Path) -> None:
    async def main() -> None:
        clock = SettableClock()
        log = await small_log(clock)
        await produce(log, SmallRun(), clock=clock)
        await log.send([outgoing(CONDITIONS_TOPIC, 0, row) for row in CONDITIONS])
        await record_log(log, target, wanted=Range(7, 2, 4), seconds=20.0, made="then")

    asyncio.run(main())


def _killed_at(moment: int, target: Path, recorded: Callable[[Path], None]) -> bool:
    """Record in another process that dies at its n-th step; True if it had fewer."""
    child = os.fork()
    if child == 0:
        steps = -1

        def count(event: str, _: object) -> None:
            nonlocal steps
            if event in _STEPS:
                steps += 1
                if steps == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sync = os.fsync

        def fsync(fd: int) -> None:
            sync(fd)
            count("open", None)

        os.fsync = fsync
        sys.addaudithook(count)
        recorded(target)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
