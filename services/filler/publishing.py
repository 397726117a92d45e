"""What a filler sends: sets of segments, and dead letters."""

import asyncio
from collections.abc import Sequence

from dqmstream.clock import Clock
from dqmstream.fold.segment import Segment
from dqmstream.fold.sets import MAX_BLOCK, histogram_sets, split
from dqmstream.identity import stable_hash
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.outgoing import outgoing
from services.filler.owned import Owned
from services.filler.progress import FillerProgress

__all__ = ["Publisher"]


class Publisher:
    """Publishes segments of owned partitions under one name.

    Each method may be called again after a LogUnavailableError: it goes on with what was not
    acknowledged.

    Parameters
    ----------
    log
        Where to.
    set_hash, member
        The set, and the writer's name.
    progress
        Counts to keep up to date.
    """

    def __init__(
        self, log: Log, set_hash: str, member: str, clock: Clock, progress: FillerProgress
    ) -> None:
        self._log = log
        self._set = set_hash
        self._member = member
        self._clock = clock
        self._progress = progress
        self._partitions = log.partitions(HISTOGRAMS)
        # Besides its cells a message holds the account.
        self._block = min(MAX_BLOCK, log.max_message_bytes(HISTOGRAMS) // 2)

    async def send_dead(self, owned: Owned) -> None:
        """Send the letters of a partition."""
        if owned.dead:
            count = len(owned.dead)
            await self._log.send(owned.dead)
            del owned.dead[:count]

    async def send_closed(self, owned: Owned) -> bool:
        """Send closing sets and acknowledge them to the fold; whether there were any."""
        closed = list(owned.fold.closed())
        if not closed:
            return False
        if owned.closing_since is None:
            owned.closing_since = self._clock.monotonic()
        began = owned.closing_since  # also after tries that the log did not take
        for segment in closed:
            await self._send(owned, segment)
            owned.fold.acknowledge(segment.id)
            owned.published.pop(segment.id, None)
            seconds = self._clock.monotonic() - began
            self._progress.note_closed(segment, seconds=seconds, now=self._clock.wall())
        owned.closing_since = None
        return True

    async def send_open(self, partitions: Sequence[Owned]) -> None:
        """Send the open segments that have changed since they were sent."""
        for owned in partitions:
            for segment in list(owned.fold.open()):
                if owned.published.get(segment.id) == segment.changes:
                    continue
                changes = segment.changes
                await self._send(owned, segment)
                owned.published[segment.id] = changes

    async def _send(self, owned: Owned, segment: Segment) -> None:
        messages = await asyncio.to_thread(self._messages, owned, segment)
        await self._log.send(messages)
        self._progress.published += len(messages)
        self._progress.published_bytes += sum(message.size() for message in messages)

    def _messages(self, owned: Owned, segment: Segment) -> list[Outgoing]:
        sets = histogram_sets(
            owned.fold,
            segment,
            set_hash=self._set,
            writer=self._member,
            epoch=owned.epoch,
            published=self._clock.wall(),
        )
        messages = []
        for whole in sets:
            key = whole.workspace.encode()
            partition = stable_hash(whole.workspace) % self._partitions
            parts = split(whole, self._block)
            messages += [outgoing(HISTOGRAMS, partition, part, key) for part in parts]
        return messages
