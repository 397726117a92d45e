"""A child process that folds records ahead of a filler, and may die of them.

It says on its output which record it is about to fold, and DONE after each batch. It ends with its
input, so it never outlives the filler.
"""

import os
import pickle
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.transport.record import Record
from services.filler.parts import FoldParts

__all__ = ["DONE", "OFFSET_BYTES", "Task", "framed", "main"]

DONE: Final = -1
OFFSET_BYTES: Final = 8
_LENGTH_BYTES: Final = 8


class Task(NamedTuple):
    """What to fold with, and from where; all of it can be pickled."""

    parts: FoldParts
    partition: int
    start: FillerCheckpoint | None


def framed(data: bytes) -> bytes:
    """Bytes behind their length, as `main` reads them."""
    return len(data).to_bytes(_LENGTH_BYTES, "little") + data


def main() -> None:
    """Fold what comes on standard input."""
    # Whoever stops the filler stops this by closing its input; it must not look like a death.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # If memory runs out it is this process that should die.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    # Whatever a workspace prints goes to standard error.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    frames = _frames(sys.stdin.buffer)
    # All of it is the parent's own, through a pipe that nobody else writes.
    sys.path[:] = pickle.loads(next(frames))  # noqa: S301
    task: Task = pickle.loads(next(frames))  # noqa: S301
    fold = task.parts.begin(task.partition, task.start)
    for frame in frames:
        records: list[Record] = pickle.loads(frame)  # noqa: S301
        for record in records:
            _say(answers, record.offset)
            fold.apply(record)
        for segment in list(fold.closed()):
            fold.acknowledge(segment.id)
        _say(answers, DONE)


def _frames(pipe: BinaryIO) -> Iterator[bytes]:
    while len(length := pipe.read(_LENGTH_BYTES)) == _LENGTH_BYTES:
        yield pipe.read(int.from_bytes(length, "little"))


def _say(pipe: BinaryIO, number: int) -> None:
    pipe.write(number.to_bytes(OFFSET_BYTES, "little", signed=True))


if __name__ == "__main__":
    main()
