"""What the log holds of a workspace already: an import sends nothing twice, and hides nothing."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dqmstream.errors import MessageError
from dqmstream.fold.sets import PartJoiner
from dqmstream.identity import content_hash, stable_hash
from dqmstream.messages.events import RunEnd
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import CONDITIONS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Record

__all__ = ["Ended", "KnownPieces", "fingerprint", "known_ends", "known_pieces"]

_BATCH = 200


Ended = tuple[int, str, str]
"""Run, source and incarnation."""


class _Held(NamedTuple):
    epoch: int
    fingerprint: str


@dataclass(slots=True)
class KnownPieces:
    """By run the sets that have brought the workspace; by (set, run, LS) its newest import."""

    filled: dict[int, set[str]] = field(default_factory=dict)
    imported: dict[int, set[str]] = field(default_factory=dict)
    held: dict[tuple[str, int, int], _Held] = field(default_factory=dict)
    _joiner: PartJoiner = field(default_factory=PartJoiner)

    def note(self, part: HistogramSet) -> None:
        """One record of the workspace."""
        piece = self._joiner.join(part)
        if piece is None:
            return
        where = self.imported if piece.account.closed_by == "imported" else self.filled
        where.setdefault(piece.run, set()).add(piece.set)
        key = (piece.set, piece.run, piece.lumisection)
        before = self.held.get(key)
        if before is None or before.epoch < piece.epoch:
            self.held[key] = _Held(piece.epoch, fingerprint(piece))


def fingerprint(piece: HistogramSet) -> str:
    """Hash of all that an import says of an LS, whenever it says it."""
    return content_hash((piece.booking, piece.account, piece.cells, piece.scalars, piece.invalid))


async def known_pieces(log: Log, workspace: str) -> KnownPieces:
    """What the log still holds of a workspace. LogUnavailableError if it cannot be read."""
    known, batch = KnownPieces(), list[Record]()
    wanted = stable_hash(workspace) % log.partitions(HISTOGRAMS)
    starts = {
        partition: (await log.bounds(HISTOGRAMS, partition)).end
        for partition in range(log.partitions(HISTOGRAMS))
        if partition != wanted
    }
    async for record in read_to_end(log, HISTOGRAMS, starts):
        if record.key == workspace.encode():
            batch.append(record)
        if len(batch) == _BATCH:
            await asyncio.to_thread(_note, known, batch)
            batch = []
    await asyncio.to_thread(_note, known, batch)
    return known


def _note(known: KnownPieces, records: Sequence[Record]) -> None:
    for record in records:
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            continue  # readers bury it
        if isinstance(message, HistogramSet):
            known.note(message)


async def known_ends(log: Log, runs: Collection[int]) -> set[Ended]:
    """Sources of these runs of which the log still holds that they ended. LogUnavailableError if it
    cannot be read."""
    keys = {str(run).encode() for run in runs}
    ended, batch = set[Ended](), list[Record]()
    async for record in read_to_end(log, CONDITIONS):
        if record.key in keys:
            batch.append(record)
        if len(batch) == _BATCH:
            ended |= await asyncio.to_thread(_ends, batch)
            batch = []
    return ended | await asyncio.to_thread(_ends, batch)


def _ends(records: Sequence[Record]) -> set[Ended]:
    found = set[Ended]()
    for record in records:
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            continue  # readers bury it
        if isinstance(message, RunEnd):
            found.add((message.run, message.source, message.incarnation))
    return found
