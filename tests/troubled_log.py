"""A log in trouble: sends whose outcome nobody knows, a log that is away, a log that is slow.

It watches what the protocol asks of producers on the way: see `TroubledLog`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dqmstream.errors import LogUnavailableError
from dqmstream.identity import event_partition
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd
from dqmstream.messages.topics import EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log, Outgoing

__all__ = ["TroubledLog"]

Name = tuple[str, str, int]


class TroubledLog:
    """A log before another one.

    While it is `away`, nothing can be sent. Otherwise each send fails with the chance of
    `trouble`: before it is written, after it, or when half of it is. It takes about `pause`
    seconds. `on_words` is told the LS of each chunk and LumisectionEnd that is handed over; `most`
    is how many sends were under way at the same time.

    An AssertionError is raised into a producer that breaks the protocol: a LumisectionEnd while a
    chunk of its LS is not acknowledged, other numbers than it announces, or a chunk whose content
    changed when it was sent again.
    """

    def __init__(
        self,
        log: Log,
        *,
        trouble: float = 0.0,
        seed: int = 0,
        pause: float = 0.0,
        on_words: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._log = log
        self._trouble = trouble
        self._rng = Random(seed)
        self._pause = pause
        self._under_way = 0
        self._on_words = on_words
        self.away = False
        self.failures: Counter[str] = Counter()
        self.most = 0
        self.checksums: dict[tuple[Name, int], int] = {}
        self.acknowledged: dict[Name, set[int]] = {}
        self.announced: dict[Name, LumisectionEnd] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """See `Log.send`."""
        for message in messages:
            self._watch(message)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            offsets = await self._send(messages)
        finally:
            self._under_way -= 1
        for message in messages:
            chunk = _chunk(message)
            if chunk is not None:
                self.acknowledged.setdefault(_name(chunk), set()).add(chunk.number)
        return offsets

    async def _send(self, messages: Sequence[Outgoing]) -> list[int]:
        if self._pause:
            await asyncio.sleep(self._rng.uniform(0, 2 * self._pause))
        if self.away:
            self._fail("away")
        how = self._rng.choice(["before", "half", "after"])
        if self._rng.random() >= self._trouble:
            how = ""
        if how == "before":
            self._fail(how)
        if how == "half":
            await self._log.send(self._rng.sample(messages, len(messages) // 2))
            self._fail(how)
        offsets = await self._log.send(messages)
        if how == "after":
            self._fail(how)
        return offsets

    def _fail(self, how: str) -> None:
        self.failures[how] += 1
        msg = f"nobody knows what became of it ({how})"
        raise LogUnavailableError(msg)

    def _watch(self, message: Outgoing) -> None:
        if message.topic != EVENTS:
            return
        chunk = _chunk(message)
        if chunk is not None:
            self._on_words(chunk.lumisection)
            known = self.checksums.setdefault((_name(chunk), chunk.number), chunk.checksum)
            assert known == chunk.checksum, f"{chunk} changed when it was sent again"
            home = event_partition(chunk.source, chunk.number, chunk.partitions)
            assert message.partition == home
            return
        said = CODEC.decode(message.headers, message.value)
        if isinstance(said, LumisectionEnd):
            self._on_words(said.lumisection)
            name = _name(said)
            assert self.announced.setdefault(name, said) == said
            given = self.acknowledged.get(name, set())
            dropped = said.notes.get("dropped_chunks", 0)
            assert len(given) == said.chunks - dropped, f"{said} while it has {sorted(given)}"
            assert given <= set(range(said.chunks))
        if isinstance(said, RunEnd):
            named = [name for name in self.announced if name[:2] == (said.source, said.incarnation)]
            assert max((ls for *_, ls in named), default=0) <= said.last_lumisection


def _chunk(message: Outgoing) -> Chunk | None:
    if dict(message.headers).get("type") != EventBatch.__name__.encode():
        return None
    found = CODEC.decode(message.headers, message.value)
    assert isinstance(found, EventBatch)
    return found.chunk


def _name(said: Chunk | LumisectionEnd) -> Name:
    return said.source, said.incarnation, said.lumisection
