"""HistogramSets of a segment: what a filler publishes, and how parts of one come together."""

from collections.abc import Sequence

import msgspec

from dqmstream.fold.partition import C, PartitionFold, Segment
from dqmstream.histograms.contents import Contents
from dqmstream.messages.histograms import HistogramSet

__all__ = ["MAX_BLOCK", "PartJoiner", "histogram_sets", "split"]

MAX_BLOCK = 4 << 20
"""Bytes of cells in one message; a larger set goes in parts that count together or not at all."""


def histogram_sets(
    fold: PartitionFold[C],
    segment: Segment,
    *,
    set_hash: str,
    writer: str,
    epoch: int = 0,
    whole: bool = True,
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
                whole=whole,
                writer=writer,
                account=account,
                cells=contents.encode(),
                scalars=contents.scalars,
                invalid=contents.invalid,
                published=published,
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

    Of each key only the newest unfinished version is kept, so memory is bounded by the keys.
    """

    def __init__(self) -> None:
        self._parts: dict[object, tuple[object, dict[int, HistogramSet]]] = {}

    def join(self, piece: HistogramSet) -> HistogramSet | None:
        """The whole set this piece completes, or None while parts are missing."""
        if piece.parts == 1:
            return piece
        version = (piece.order, piece.writer, piece.parts)
        held, parts = self._parts.get(piece.key, (version, {}))
        if held != version:
            parts = {}
        parts[piece.part] = piece
        if len(parts) < piece.parts:
            self._parts[piece.key] = (version, parts)
            return None
        self._parts.pop(piece.key, None)
        return _joined([parts[index] for index in range(piece.parts)])


def _joined(parts: Sequence[HistogramSet]) -> HistogramSet:
    cells = b"".join(part.cells for part in parts)
    return msgspec.structs.replace(parts[0], cells=cells, part=0, parts=1)
