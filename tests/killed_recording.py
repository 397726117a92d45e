"""Recording that is killed at each of its steps in turn, and gone on with: run as a program.

A step is a file that is opened, renamed or removed, a write to the disk that is waited for, or a
line of the journal. The process kills itself there by SIGKILL, so nothing of it is cleaned up.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from playback.recordings import record
from tests.recorded import CONDITIONS, SmallRun, digest_of

_STEPS = ("open", "os.rename", "os.remove", "os.mkdir")


def main(folder: Path) -> None:
    """Print how many moments there were, and those after which the folder was another."""
    whole = folder / "whole"
    _record(whole)
    expected = digest_of(whole)
    moment, wrong, survived = 0, [], False
    while not survived:
        target = folder / f"killed{moment}"
        survived = _killed_at(moment, target)
        _record_unless_done(target)
        if digest_of(target) != expected:
            wrong.append(moment)
        shutil.rmtree(target)
        moment += 1
    sys.stdout.write(json.dumps({"moments": moment, "wrong": wrong}))


def _record(target: Path) -> None:
    record([SmallRun()], target, made="then", lumisections=(2, 4), conditions=CONDITIONS)


def _record_unless_done(target: Path) -> None:
    if not (target / "manifest.json").exists() or (target / "journal.jsonl").exists():
        _record(target)


def _killed_at(moment: int, target: Path) -> bool:
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
        _record(target)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
