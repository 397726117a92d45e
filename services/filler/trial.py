"""Trying a suspected stretch of records out in another process, before this one folds it.

When owners of a partition died one after the other without progress, a record may have killed them:
one that makes a workspace's compiled code crash, or eats all memory. A canary, a child process,
then folds ahead of the filler. What kills the canary is known to the record, for the filler lives
to see it; what kills the filler besides proves nothing, and nothing is noted of it. A record that
killed three canaries is skipped.
"""

import asyncio
import pickle
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.topics import EVENTS
from dqmstream.transport.log import Log, Record
from services.filler.canary import DONE, OFFSET_BYTES, Task, framed
from services.filler.parts import FoldParts

__all__ = ["Trial"]

_DEATHS: Final = 3
_MOST_CANARIES: Final = 12
_PATIENCE: Final = 5.0


class Trial:
    """A canary ahead of the fold of one partition.

    Parameters
    ----------
    log
        Where the canary's records are read, independently of the filler's reader.
    parts, partition, start
        What the fold is made of, and the checkpoint it begins at; None is the log's beginning.
    until
        Where the log ended when the partition was taken over: nobody can have died beyond.
    """

    def __init__(
        self,
        log: Log,
        parts: FoldParts,
        partition: int,
        start: FillerCheckpoint | None,
        *,
        until: int,
    ) -> None:
        self.until = until
        self._log = log
        self._partition = partition
        self._start = 0 if start is None else start.offset
        self._task = Task(parts, partition, start)
        self._position = self._start
        self._canary: _Canary | None = None
        self._logger = structlog.get_logger().bind(partition=partition)

    async def killer(self, through: int) -> int | None:
        """Let the canary fold up to offset `through`; the record that killed three, if one did.

        Raises
        ------
        LogUnavailableError
            If the log cannot be read now: ask again.
        """
        deaths: Counter[int] = Counter()
        for _ in range(_MOST_CANARIES):
            died = await self._fold_to(through)
            if died is None:
                return None
            deaths[died] += 1
            self._logger.warning("a canary died", offset=died, deaths=deaths[died])
            if deaths[died] == _DEATHS:
                return died
        self._logger.error("canaries die at ever other records", deaths=dict(deaths))
        return None

    async def _fold_to(self, through: int) -> int | None:
        """Offset of the record the canary died of; None if it lives, or cannot be had."""
        if self._position > through:
            return None
        if self._canary is None:
            self._position = self._start
            self._canary = await self._hatched()
        if self._canary is None:
            return None
        # Its own reader: the filler's may stand further on, and a new canary begins anew.
        async with self._log.reader({(EVENTS, self._partition): self._position}) as reader:
            while self._position <= through:
                records = await reader.read(timeout=_PATIENCE)
                died = await self._canary.fold(records)
                if died is not None:
                    await self.close()
                    return died
                self._position = reader.position(EVENTS, self._partition)
        return None

    async def _hatched(self) -> "_Canary | None":
        """A new canary; None if this set cannot have one, which leaves all as it was before."""
        try:
            # The path comes first: without it the child could not find what workspaces brought.
            words = [pickle.dumps(sys.path), await asyncio.to_thread(pickle.dumps, self._task)]
            return await _Canary.hatched(words)
        except (OSError, pickle.PicklingError, AttributeError, TypeError) as error:
            self._logger.error("no canary: a deadly record cannot be found", error=str(error))
            return None

    async def close(self) -> None:
        """End the canary."""
        canary, self._canary = self._canary, None
        if canary is not None:
            await canary.close()


class _Canary:
    """The child process, from this side."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        questions: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
    ) -> None:
        self._process = process
        self._questions = questions
        self._answers = answers
        self._dead = False

    @classmethod
    async def hatched(cls, words: Sequence[bytes]) -> "_Canary":
        """Start the process, and tell it these first."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.filler.canary",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError  # pipes were asked for
        canary = cls(process, process.stdin, process.stdout)
        for word in words:
            await canary._say(word)
        return canary

    async def fold(self, records: list[Record]) -> int | None:
        """Offset of the record it died of, None if it lives."""
        await self._say(pickle.dumps(records))
        begun = None
        while True:
            answer = await self._heard()
            if answer is None:
                if begun is None:
                    structlog.get_logger().error("a canary died before it began: no verdict")
                return begun
            if answer == DONE:
                return None
            begun = answer

    async def _say(self, data: bytes) -> None:
        self._questions.write(framed(data))
        with suppress(ConnectionError):  # it died: what it says, or not, tells
            await self._questions.drain()

    async def _heard(self) -> int | None:
        try:
            data = await self._answers.readexactly(OFFSET_BYTES)
        except asyncio.IncompleteReadError:
            self._dead = True
            return None
        return int.from_bytes(data, "little", signed=True)

    async def close(self) -> None:
        # A signal to one that is dead already would take its status from those who wait for it.
        if not self._dead:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._process.communicate()
