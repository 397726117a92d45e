"""HistogramSets of a segment: what a filler publishes, and how parts of one come together."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from dqmstream.fold.partition import C, PartitionFold
from dqmstream.fold.segment import Segment
from dqmstream.histograms.contents import Contents
from dqmstream.messages.histograms import HistogramSet

__all__ = ["MAX_BLOCK", "PartJoiner", "histogram_sets", "split"]

MAX_BLOCK = 4 << 20
"""Bytes of cells in one message; a larger set goes in parts that count together or not at all."""

_MOST_WRITERS: Final = 8
"""Writers of one key whose unfinished parts are kept: an owner and its zombies."""


def histogram_sets(
    fold: PartitionFold[C],
    segment: Segment,
    *,
    set_hash: str,
    writer: str,
    epoch: int = 0,
    published: int = 0,
) -> list[HistogramSet]:
    """Whole contents of every workspace of a segment as it stands, one message each.

    An open segment is published as of the fold's position, a closed one as of its closing record.
    """
    account = segment.ledger.account()
    through = segment.through if segment.through is not None else fold.position
    sets = []
    for filler, filled in zip(fold.fillers, segment.contents, strict=True):
        contents = filled if filled is not None else Contents.empty(filler.layout)
        sets.append(
            HistogramSet(
                set=set_hash,
                run=segment.id.run,
                lumisection=segment.id.lumisection,
                segment=segment.id.segment,
                workspace=filler.layout.workspace,
                partition=fold.partition,
                partitions=fold.control.settings.partitions,
                booking=filler.layout.hash,
                through=through,
                epoch=epoch,
                closed=segment.closed,
                whole=not account.expired,
                writer=writer,
                account=account,
                cells=contents.encode(),
                scalars=contents.scalars,
                invalid=contents.invalid,
                published=published,
                heard=segment.heard,
            )
        )
    return sets


def split(histogram_set: HistogramSet, max_block: int = MAX_BLOCK) -> list[HistogramSet]:
    """The set itself, or its parts if its block is larger than `max_block` bytes."""
    block = histogram_set.cells
    if len(block) <= max_block:
        return [histogram_set]
    starts = range(0, len(block), max_block)
    return [
        msgspec.structs.replace(
            histogram_set,
            cells=block[start : start + max_block],
            scalars=histogram_set.scalars if part == 0 else {},
            invalid=histogram_set.invalid if part == 0 else {},
            part=part,
            parts=len(starts),
        )
        for part, start in enumerate(starts)
    ]


class PartJoiner:
    """Puts parts together: they count when all of one (key, version, writer) are there.

    Of each key and writer only the newest unfinished version is kept, and of the writers the last
    few, so memory is bounded by the keys.
    """

    def __init__(self) -> None:
        self._parts: dict[object, dict[str, _Parts]] = {}

    def join(self, piece: HistogramSet) -> HistogramSet | None:
        """The whole set this piece completes, or None while parts are missing."""
        if piece.parts == 1:
            return piece
        writers = self._parts.setdefault(piece.key, {})
        version = (piece.order, piece.parts)
        # Two writers may send parts of one key in turns: neither loses the other's.
        held = writers.pop(piece.writer, None)
        if held is None or held.version != version:
            held = _Parts(version, {})
        writers[piece.writer] = held
        held.pieces[piece.part] = piece
        if len(held.pieces) < piece.parts:
            if len(writers) > _MOST_WRITERS:
                del writers[next(iter(writers))]
            return None
        del writers[piece.writer]
        if not writers:
            del self._parts[piece.key]
        return _joined([held.pieces[index] for index in range(piece.parts)])


class _Parts(NamedTuple):
    version: object
    pieces: dict[int, HistogramSet]


def _joined(parts: Sequence[HistogramSet]) -> HistogramSet:
    cells = b"".join(part.cells for part in parts)
    return msgspec.structs.replace(parts[0], cells=cells, part=0, parts=1)
